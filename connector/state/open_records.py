"""Records that are followed by id: still open when they were read, or ended too lately to be believed."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.following import Followed, wait_after
from connector.spans import instant, stamp
from connector.state.database import Database

SLICE_ROWS = 1000


@dataclass(frozen=True)
class ToFollow:
    """What is listed. first, last: when the oldest and the newest began; unanswered: those the service gave nothing
    for when it was asked last."""

    count: int
    first: datetime | None
    last: datetime | None
    unanswered: int


class OpenRecords:
    """Questions about the list, and what is let go of it at last."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def listed(self, stream: str, due: datetime | None = None) -> ToFollow:
        """All that is listed, or what is due by then."""
        sql = """SELECT count(*) AS many, min(started) AS first, max(started) AS last,
                        count(unanswered_since) AS unanswered
                 FROM open_records WHERE stream = ? AND (? IS NULL OR (due <= ? AND NOT is_final))"""
        until = stamp(due) if due else None
        (row,) = self._db.rows(sql, [stream, until, until])
        first, last = (instant(row[name]) if row[name] else None for name in ("first", "last"))
        return ToFollow(row["many"], first, last, row["unanswered"])

    def times(self, stream: str) -> set[str]:
        """When those listed began, as the state writes instants."""
        return {row["started"] for row in self._db.rows("SELECT started FROM open_records WHERE stream = ?", [stream])}

    def next_due(self, stream: str, due: datetime, pass_id: int, most: int) -> list[str]:
        """Ids due by then that this pass has not asked for, those due longest first."""
        sql = """SELECT id FROM open_records WHERE stream = ? AND due <= ? AND NOT is_final AND asked_by IS NOT ?
                 ORDER BY due, id LIMIT ?"""
        return [row["id"] for row in self._db.rows(sql, [stream, stamp(due), pass_id, most])]

    def give_up(self, stream: str, run: int, now: datetime, after: timedelta) -> int:
        """Let go of what began longer ago than `after` and has not ended, or is not answered. Returns how many.

        The number stands in the run's story in the same transaction, so that a kill does not hide it.
        """
        gone = """DELETE FROM open_records WHERE stream = ? AND started < ? AND NOT is_final
                  AND (ended IS NULL OR unanswered_since IS NOT NULL)"""
        with self._db.transaction() as db:
            many = db.execute(gone, [stream, stamp(now - after)]).rowcount
            if many:
                db.execute("UPDATE runs SET message = ? WHERE id = ?", [given_up_in_words(many), run])
        return many


def given_up_in_words(many: int) -> str:
    """The line of a run's story."""
    records = "1 open record was" if many == 1 else f"{many:,} open records were"
    return f"{records} given up (open_give_up): Salesforce keeps what was read of them last"


def note(db: sqlite3.Connection, stream: str, found: Iterable[Followed]) -> None:
    """Inside the transaction of a page of a span: bring the list up to date with what the page says."""
    by_id = {one.id: one for one in found}
    sql = "SELECT id FROM open_records WHERE stream = ? AND id IN (SELECT value FROM json_each(?))"
    known = {row["id"] for row in db.execute(sql, [stream, json.dumps(list(by_id))])}
    for one in by_id.values():
        if one.is_final and one.id in known:
            db.execute("DELETE FROM open_records WHERE stream = ? AND id = ?", [stream, one.id])
        elif one.is_listed_anew or (one.id in known and not one.is_final):
            db.execute(
                """INSERT INTO open_records (stream, id, started, ended, due) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET started = excluded.started, ended = excluded.ended, due = excluded.due,
                       unanswered_since = NULL, is_final = 0""",
                [stream, one.id, stamp(one.started), stamp(one.ended) if one.ended else None, stamp(one.due)],
            )


def note_answers(
    db: sqlite3.Connection, stream: str, pass_id: int, asked: Sequence[str], found: Iterable[Followed], read: datetime
) -> None:
    """Inside the transaction of a page read by id: what was answered, and which ids were not.

    What needs no further read stays listed until the pass is closed: if that fails, it is read again.
    """
    answers = {one.id: one for one in found}
    for name in asked:
        if one := answers.get(name):
            db.execute(
                """UPDATE open_records SET asked_by = ?, started = ?, ended = ?, due = ?, is_final = ?,
                       unanswered_since = NULL WHERE stream = ? AND id = ?""",
                [
                    pass_id,
                    stamp(one.started),
                    stamp(one.ended) if one.ended else None,
                    stamp(one.due),
                    one.is_final,
                    stream,
                    name,
                ],
            )
            continue
        sql = "SELECT started FROM open_records WHERE stream = ? AND id = ?"
        (started,) = db.execute(sql, [stream, name]).fetchone()
        db.execute(
            """UPDATE open_records SET asked_by = ?, due = ?, unanswered_since = coalesce(unanswered_since, ?)
               WHERE stream = ? AND id = ?""",
            [pass_id, stamp(read + wait_after(instant(started), read)), stamp(read), stream, name],
        )


def settled(db: sqlite3.Connection, pass_id: int) -> None:
    """Inside the transaction that closes a pass: what it read for the last time leaves the list."""
    db.execute("DELETE FROM open_records WHERE asked_by = ? AND is_final", [pass_id])


def failed(db: sqlite3.Connection, pass_id: int, now: datetime) -> None:
    """Inside the transaction that gives a pass up: everything it has read is due at once."""
    sql = "UPDATE open_records SET is_final = 0, asked_by = NULL, due = ? WHERE asked_by = ?"
    db.execute(sql, [stamp(now), pass_id])
