"""The list of open records: what puts a record there, takes it off, and brings it back when a pass fails."""

from datetime import timedelta
from pathlib import Path

import pytest
from state.desk import PRINTS, STREAM, Desk, at, call

from connector.following import Followed
from connector.genesys.judge import Seen
from connector.state import open_records
from connector.state.one_pass import Checkpoint, Pass
from connector.state.open_records import ToFollow, given_up_in_words


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(tmp_path / "state.db")
    yield made
    made.db.close()


def still_open(name: str, start: float = 1, due: float = 2) -> Followed:
    return Followed(name, at(start), None, at(due), is_listed_anew=True)


def over(name: str, start: float = 1, end: float = 2) -> Followed:
    return Followed(name, at(start), at(end), at(end), is_final=True)


def note(desk: Desk, *found: Followed) -> None:
    with desk.db.transaction() as db:
        open_records.note(db, STREAM, found)


def begin(desk: Desk) -> Pass:
    return desk.store.passes.begin_open(STREAM, (PRINTS.fields, PRINTS.source), desk.run, desk.now)


def ask(desk: Desk, one: Pass, asked: list[str], *found: Followed, entries: tuple = ()) -> None:
    """Store a page read by id."""

    def beside(db) -> None:
        open_records.note_answers(db, STREAM, one.id, asked, found, desk.now)

    desk.store.outbox.store_page(one, entries, ["Call__c"], Checkpoint(1, "", Seen()), 0, desk.now, beside)


def due(desk: Desk, hour: float = 30, pass_id: int = 0) -> list[str]:
    return desk.store.open_records.next_due(STREAM, at(hour), pass_id, 9)


def listed(desk: Desk) -> list[str]:
    return [one["id"] for one in desk.table("open_records")]


def test_an_open_record_is_listed_and_leaves_when_a_span_reads_it_for_the_last_time(desk: Desk) -> None:
    note(desk, still_open("a"), over("b"))
    assert listed(desk) == ["a"]
    note(desk, over("a"))
    assert listed(desk) == []


def test_what_is_not_listed_anew_is_only_brought_up_to_date(desk: Desk) -> None:
    note(desk, still_open("a"))
    note(desk, Followed("a", at(1), at(8), at(9)), Followed("b", at(1), at(8), at(9)))
    assert [(one["id"], one["ended"], one["due"]) for one in desk.table("open_records")] == [
        ("a", "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z")
    ]


def test_due_ones_come_in_the_order_they_became_due_and_once_a_pass(desk: Desk) -> None:
    note(desk, still_open("a", due=5), still_open("b", due=3), still_open("c", due=31))
    one = begin(desk)
    assert due(desk, pass_id=one.id) == ["b", "a"]
    ask(desk, one, ["b"])
    assert (due(desk, pass_id=one.id), due(desk, 60, one.id)) == (["a"], ["a", "c"])
    assert desk.store.open_records.listed(STREAM, at(30)) == ToFollow(1, at(1), at(1), 0)
    assert desk.store.open_records.listed(STREAM) == ToFollow(3, at(1), at(1), 1)


def test_what_was_read_for_the_last_time_stays_until_its_row_is_answered(desk: Desk) -> None:
    note(desk, still_open("a"))
    one = begin(desk)
    ask(desk, one, ["a"], over("a"), entries=(call("a", 1),))
    desk.store.passes.pulled(one)
    assert (desk.close(), listed(desk), due(desk)) == (0, ["a"], [])
    desk.send()
    assert (desk.close(), listed(desk), desk.state(one)) == (1, [], "settled")


def test_a_pass_given_up_makes_everything_it_read_due_again(desk: Desk) -> None:
    note(desk, still_open("a"), still_open("b"), still_open("c", due=99))
    one = begin(desk)
    ask(desk, one, ["a", "b"], over("a"), still_open("b", due=99))
    desk.store.passes.fail(one, "the mapping's fields changed", desk.run, desk.now)
    assert due(desk) == ["a", "b"]


def test_a_changed_mapping_owes_no_span_for_a_pass_without_one(desk: Desk) -> None:
    note(desk, still_open("a"))
    one = begin(desk)
    ask(desk, one, ["a"], over("a"), entries=(call("a", 1),))
    desk.store.adopt(STREAM, PRINTS, [], "fields changed", desk.run, desk.now)
    assert (desk.table("owed"), desk.waiting(), desk.state(one), due(desk)) == ([], [], "failed", ["a"])


def test_a_pass_without_a_span_covers_nothing_and_takes_no_time(desk: Desk) -> None:
    one = begin(desk)
    assert (one.within, one.title, one.kind) == (None, "open records", "open")
    assert (desk.store.passes.known(STREAM).taken, desk.store.passes.unfinished(STREAM)) == ([], [one])
    with pytest.raises(LookupError):
        _ = one.span
    desk.store.passes.pulled(one)
    assert (desk.close(), desk.table("coverage"), desk.table("gaps")) == (1, [], [])


def test_an_open_pass_does_not_wait_for_rows_of_others(desk: Desk) -> None:
    desk.read(call("other", 1))
    one = begin(desk)
    desk.store.passes.pulled(one)
    assert (desk.close(), desk.state(one)) == (1, "settled")


def test_only_what_has_not_ended_or_is_not_answered_is_given_up(desk: Desk) -> None:
    ended = Followed("ended", at(1), at(20), at(29), is_listed_anew=True)
    note(desk, still_open("old"), still_open("young", start=20), ended, Followed(**{**vars(ended), "id": "lost"}))
    ask(desk, begin(desk), ["lost"])
    assert desk.store.open_records.give_up(STREAM, desk.run, at(30), timedelta(hours=20)) == 2
    assert listed(desk) == ["ended", "young"]
    assert desk.table("runs")[-1]["message"] == given_up_in_words(2)


def test_another_organisation_has_no_open_records_of_this_one(desk: Desk) -> None:
    note(desk, still_open("a"))
    desk.store.begin_anew(STREAM, desk.run, desk.now)
    assert listed(desk) == []


# Confirmed hashes


@pytest.mark.parametrize("age_hours", [1, 25])
def test_confirmed_hashes_are_forgotten_by_the_time_of_their_rows(desk: Desk, age_hours: float) -> None:
    desk.confirm(call("old", 1, hour=2), call("new", 1, hour=10))
    gone = desk.store.outbox.forget_hashes(STREAM, at(2 + age_hours - 24))
    assert (gone, sorted(desk.known())) == ((1, ["new"]) if age_hours > 24 else (0, ["new", "old"]))


def test_no_hash_is_forgotten_of_a_row_that_waits_or_is_in_flight(desk: Desk) -> None:
    desk.confirm(call("flying", 1), call("waiting", 1), call("still", 1))
    desk.read(call("flying", 2))
    batch = desk.batch()
    desk.read(call("waiting", 2))
    assert (desk.store.outbox.forget_hashes(STREAM, at(9)), sorted(desk.known())) == (1, ["flying", "waiting"])
    desk.answer(batch, flying="updated")
    assert (desk.store.outbox.forget_hashes(STREAM, at(9)), sorted(desk.known())) == (1, ["waiting"])


def test_hashes_are_forgotten_in_slices_of_every_object_and_of_no_other_stream(desk: Desk) -> None:
    sql = """INSERT INTO row_hashes (stream, object, at, external_id, hash, in_doubt)
             VALUES (?, ?, '2026-03-01T00:00:00Z', ?, x'00', 0)"""
    for stream, target, count in ((STREAM, "A", 2500), (STREAM, "B", 1), ("other", "A", 1)):
        with desk.db.transaction() as db:
            db.executemany(sql, [[stream, target, f"{number:05}"] for number in range(count)])
    commits = [0]

    def committed() -> None:
        commits[0] += 1

    desk.after_commit = committed
    assert (desk.store.outbox.forget_hashes(STREAM, at(0)), commits) == (2501, [4])
    assert [one["stream"] for one in desk.table("row_hashes")] == ["other"]
