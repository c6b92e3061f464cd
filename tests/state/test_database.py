"""The state file: private, shared by threads, and every fault told in plain words."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from state.desk import Desk, call

from connector.errors import StateError
from connector.state.database import Database
from connector.state.migrations import MIGRATIONS

TABLES = {
    *("batches", "coverage", "gaps", "outbox", "owed", "passes", "rejects", "row_hashes", "runs", "seen", "streams"),
    "vanished",
}


def insert_run(db: Database) -> None:
    with db.transaction() as connection:
        connection.execute("INSERT INTO runs (stream, command, who, started) VALUES ('s', 'sync', 'me', 'now')")


def test_a_new_state_is_private_and_says_that_it_is_new(tmp_path: Path):
    path = tmp_path / "deep" / "state.db"
    for is_new in (True, False):
        db = Database(path)
        insert_run(db)
        assert db.is_new is is_new
        assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
        db.close()


def test_a_state_is_readable_by_any_sqlite_tool(desk: Desk):
    desk.read(call("c1", "A"))
    other = sqlite3.connect(f"file:{desk.db.path}?mode=ro", uri=True)
    named = {name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert named - {"sqlite_sequence"} >= TABLES
    views = [
        dict(zip(("stream", "read_to", "waiting"), one, strict=False))
        for one in other.execute("SELECT stream, read_to, waiting_rows FROM v_status")
    ]
    other.close()
    assert views == [{"stream": "calls", "read_to": None, "waiting": 1}]


def test_a_transaction_that_fails_leaves_nothing(desk: Desk):
    with pytest.raises(ZeroDivisionError), desk.db.transaction() as connection:
        connection.execute("DELETE FROM runs")
        raise ZeroDivisionError
    assert len(desk.table("runs")) == 1


def test_a_transaction_inside_another_is_part_of_it(desk: Desk):
    with pytest.raises(ZeroDivisionError), desk.db.transaction():
        insert_run(desk.db)
        raise ZeroDivisionError
    assert len(desk.table("runs")) == 1


def test_each_commit_is_told_once(tmp_path: Path):
    commits: list[int] = []
    db = Database(tmp_path / "state.db", after_commit=lambda: commits.append(1))
    commits.clear()
    with db.transaction():
        insert_run(db)
    db.close()
    assert commits == [1]


def test_two_threads_write_one_after_the_other_and_lose_nothing(desk: Desk):
    started = threading.Barrier(2)

    def write() -> None:
        started.wait()
        for _ in range(50):
            with desk.db.transaction() as connection:
                doing = connection.execute("SELECT doing FROM runs").fetchone()["doing"]
                connection.execute("UPDATE runs SET doing = ?", [doing + "x"])

    threads = [threading.Thread(target=write) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one["doing"] for one in desk.table("runs")] == ["x" * 100]


def test_a_reader_never_sees_half_of_another_threads_transaction(desk: Desk):
    inside, seen = threading.Event(), list[int]()

    def read() -> None:
        inside.wait()
        seen.append(desk.db.value("SELECT count(*) FROM runs"))

    reader = threading.Thread(target=read)
    reader.start()
    with desk.db.transaction() as connection:
        connection.execute("DELETE FROM runs")
        inside.set()
        reader.join(0.05)
        connection.execute("INSERT INTO runs (stream, command, who, started) VALUES ('s', 'sync', 'me', 'now')")
    reader.join()
    assert seen == [1]


def test_two_processes_may_open_a_new_state_at_once(tmp_path: Path):
    opened = [Database(tmp_path / "state.db") for _ in range(2)]
    for db in opened:
        insert_run(db)
    assert [db.value("SELECT count(*) FROM runs") for db in opened] == [2, 2]
    for db in opened:
        db.close()


def test_a_state_of_a_newer_version_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "state.db"
    db = Database(path)
    with db.transaction() as connection:
        sql = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('connector', '0999_later', '')"
        connection.execute(sql)
    db.close()
    with pytest.raises(StateError, match=r"written by a newer version.*0999_later"):
        Database(path)


def test_a_pass_left_in_the_middle_of_its_pages_by_an_older_version_is_read_from_page_one(tmp_path: Path):
    """What it remembers of its rows does not say of which record they are: they would seem to have vanished."""
    path = tmp_path / "state.db"
    db = sqlite3.connect(path)
    with closing(db):
        MIGRATIONS.apply(sqlite_utils.Database(db), stop_before="0004_vanished")
        db.execute("INSERT INTO runs (id, stream, command, who, started) VALUES (1, 's', 'sync', 'me', 'now')")
        db.executemany(
            """INSERT INTO passes (id, stream, kind, start, end, state, forced, path, fields_print, source_print,
                                   run_begun, began, checkpoint, distinct_keys)
               VALUES (?, 's', 'new', '', '', ?, 0, 'query', '', '', 1, '', '{}', 5)""",
            [[1, "pulling"], [2, "pulled"]],
        )
        db.execute("INSERT INTO seen VALUES (1, 'row', x'01', x'02', '', 1)")
        db.commit()
    opened = Database(path)
    passes = opened.rows("SELECT id, reading, checkpoint, distinct_keys, vanish FROM passes ORDER BY id")
    assert [tuple(one) for one in passes] == [(1, 2, None, 0, ""), (2, 1, "{}", 5, "")]
    assert opened.rows("SELECT * FROM seen") == []
    opened.close()


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "state.db"
    path.write_text("these are my notes, not a state file, and they are long enough to be read as a header " * 3)
    before = path.read_bytes()
    with pytest.raises(StateError, match="not a database") as refused:
        Database(path)
    assert (path.read_bytes(), "restore a copy" in refused.value.hint) == (before, True)


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "bookkeeping.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE invoices (number)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="belongs to another program"):
        Database(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told_with_a_way_out(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="file: ") as refused:
        Database(tmp_path / "file" / "state.db")
    assert "--home" in refused.value.hint


def test_a_state_that_may_not_be_written_is_told_with_a_way_out(desk: Desk):
    desk.db.rows("PRAGMA query_only = 1")
    with pytest.raises(StateError, match="readonly") as refused:
        insert_run(desk.db)
    assert "--home" in refused.value.hint


def test_on_a_full_disk_a_page_is_stored_whole_or_not_at_all_and_later_it_goes_on(desk: Desk):
    one = desk.begin()
    desk.page(one, call("c1", "A"))
    pages = desk.db.value("PRAGMA page_count")
    desk.db.rows(f"PRAGMA max_page_count = {pages}")
    much = [call(f"d{number}", "x" * 500) for number in range(200)]
    with pytest.raises(StateError, match="full") as refused:
        desk.page(one, *much)
    assert "free some space" in refused.value.hint
    assert (desk.waiting(), len(desk.table("seen"))) == ([("c1", "A")], 2)
    desk.db.rows("PRAGMA max_page_count = 1000000")
    desk.page(one, *much)
    assert len(desk.waiting()) == 201
    desk.check(one)


def test_a_copy_holds_everything_and_is_private(desk: Desk, tmp_path: Path):
    desk.read(call("c1", "A"))
    desk.db.copy_to(tmp_path / "copy.db")
    copy = Database(tmp_path / "copy.db")
    assert copy.value("SELECT count(*) FROM outbox") == 1
    assert copy.path.stat().st_mode & 0o777 == 0o600
    copy.close()
