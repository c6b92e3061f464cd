"""Passes, the coverage they add up to, gaps, and spans owed: what was read, what must be read, what could not be."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from connector.errors import UnbalancedPass
from connector.ledger import COUNTERS, Books
from connector.spans import Span, instant, stamp
from connector.state import gaps, open_records
from connector.state.closing import close
from connector.state.database import Database
from connector.state.one_pass import Pass, Vanish, bounds_of, pass_of, span_of
from connector.windows import Known, Path, Planned


class Passes:
    """Questions about the passes of all streams, and the transactions that move them on."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin(self, stream: str, planned: Planned, prints: tuple[str, str], run: int, now: datetime) -> Pass:
        """Begin a pass. prints: fingerprints of the mapping's fields and of its source."""
        with self._db.transaction() as db:
            identity = _insert(
                db, stream, planned.kind, bounds_of(planned.span), planned.force, planned.path, prints, run, now, None
            )
        return self.get(identity)

    def begin_open(
        self, stream: str, prints: tuple[str, str], run: int, now: datetime, *, kind: Literal["open", "resync"] = "open"
    ) -> Pass:
        """Begin a pass without a span: over open records, or a replay of rejects. These know where it stands."""
        with self._db.transaction() as db:
            identity = _insert(db, stream, kind, ("", ""), False, "query", prints, run, now, None)
        return self.get(identity)

    def get(self, identity: int) -> Pass:
        found = self._db.row("SELECT * FROM passes WHERE id = ?", [identity])
        if found is None:
            raise LookupError(f"no pass {identity}")
        return pass_of(found)

    def unfinished(self, stream: str) -> list[Pass]:
        """Passes being pulled or waiting for delivery, oldest first."""
        sql = "SELECT * FROM passes WHERE stream = ? AND state IN ('pulling', 'pulled') ORDER BY id"
        return [pass_of(row) for row in self._db.rows(sql, [stream])]

    def restart(self, one: Pass, now: datetime) -> Pass:
        """Begin the pass again at page 1, by another job: what it queued stays, keys are counted anew."""
        with self._db.transaction() as db:
            db.execute(
                """UPDATE passes SET state = 'pulling', vanish = '', reading = reading + 1, began = ?,
                                     checkpoint = NULL, distinct_keys = 0, job = NULL, available = NULL
                   WHERE id = ?""",
                [stamp(now), one.id],
            )
        return self.get(one.id)

    def submitted(self, one: Pass, job: str, available: datetime) -> Pass:
        """Keep the job whose pages the pass reads. available: up to when the data lake was filled before."""
        with self._db.transaction() as db:
            db.execute("UPDATE passes SET job = ?, available = ? WHERE id = ?", [job, stamp(available), one.id])
        return self.get(one.id)

    def jobs_of_failed(self, stream: str, run: int) -> list[str]:
        """The jobs of passes that were given up in a run."""
        sql = "SELECT job FROM passes WHERE stream = ? AND run_ended = ? AND state = 'failed' AND job IS NOT NULL"
        return [row["job"] for row in self._db.rows(sql, [stream, run])]

    def lags(self, one: Pass, available: datetime) -> Pass:
        """The job turns out to know the lake as it was before."""
        with self._db.transaction() as db:
            db.execute("UPDATE passes SET available = ? WHERE id = ?", [stamp(available), one.id])
        return self.get(one.id)

    def books(self, identity: int) -> Books:
        """The terms of both balances; `pending` is counted in the outbox now."""
        row = self._db.row("SELECT * FROM passes WHERE id = ?", [identity])
        if row is None:
            raise LookupError(f"no pass {identity}")
        pending = self._db.value("SELECT count(*) FROM outbox WHERE pass = ?", [identity])
        return Books(**{name: row[name] for name in COUNTERS}, pending=pending)

    def pulled(self, one: Pass, reason: str = "", expected: int | None = None, *, vanish: Vanish = "") -> None:
        """The last page is stored: the witnesses agreed (no reason), or they did not and it has no halves.

        vanish: "due" keeps the pass from being closed before `Vanished.settle` has looked what it gave no more.
        """
        with self._db.transaction() as db:
            db.execute(
                "UPDATE passes SET state = 'pulled', reason = ?, expected = ?, vanish = ? WHERE id = ?",
                [reason, expected, vanish, one.id],
            )

    def split(
        self,
        one: Pass,
        halves: Iterable[Span],
        reason: str,
        at_end: bool,
        run: int,
        now: datetime,
        expected: int | None = None,
    ) -> list[Pass]:
        """Hand the span to its halves; the pass keeps its rows and books. Returns the children, oldest first.

        at_end: the list was read to its end, so that the keys of a half can be compared with it; expected: records
        promised of it.
        """
        with self._db.transaction() as db:
            sql = "UPDATE passes SET state = 'split', reason = ?, to_the_end = ?, expected = ? WHERE id = ?"
            db.execute(sql, [reason, at_end, expected, one.id])
            prints = (one.fields_print, one.source_print)
            children = [
                _insert(db, one.stream, one.kind, bounds_of(half), one.forced, one.path, prints, run, now, one.id)
                for half in halves
            ]
        return [self.get(child) for child in children]

    def gave_all_of_parent(self, one: Pass) -> bool:
        """Whether a child pass met just the record keys that its parent, read to its end, met in the child's span."""
        sql = "SELECT 1 FROM passes WHERE id = ? AND to_the_end"
        if one.parent is None or not self._db.value(sql, [one.parent]):
            return False
        sql = """SELECT count(*) FROM (
            SELECT digest FROM seen WHERE pass = ? AND kind = 'record' AND at >= ? AND at < ? AND reading = ?
            {} SELECT digest FROM seen WHERE pass = ? AND kind = 'record' AND at >= ? AND at < ? AND reading = ?)"""
        parent = self.get(one.parent)
        bounds = [stamp(one.span.start), stamp(one.span.end)]
        mine, theirs = [one.id, *bounds, one.reading], [parent.id, *bounds, parent.reading]
        return not (
            self._db.value(sql.format("EXCEPT"), [*mine, *theirs])
            or self._db.value(sql.format("EXCEPT"), [*theirs, *mine])
        )

    def parent_gave_more(self, one: Pass) -> bool:
        """Whether a child's parent met record keys inside its own span and outside of the child's."""
        if one.parent is None:
            return False
        parent = self.get(one.parent)
        sql = """SELECT 1 FROM seen WHERE pass = ? AND kind = 'record' AND reading = ? AND at >= ? AND at < ?
                 AND NOT (at >= ? AND at < ?) LIMIT 1"""
        bounds = [stamp(moment) for span in (parent.span, one.span) for moment in (span.start, span.end)]
        return self._db.row(sql, [parent.id, parent.reading, *bounds]) is not None

    def siblings(self, one: Pass) -> list[Pass]:
        """The other halves of a child's parent."""
        sql = "SELECT * FROM passes WHERE parent = ? AND id <> ? ORDER BY id"
        return [pass_of(row) for row in self._db.rows(sql, [one.parent, one.id])]

    def close_ready(self, stream: str, run: int, now: datetime) -> int:
        """Close every pulled pass of which nothing waits any more, each in a transaction of its own.

        A pass waits while a row in the outbox points to it or lies in its span, whichever pass made it. Returns how
        many were closed. Raises UnbalancedPass when books do not balance; that pass is failed, its span read again.
        """
        closed = 0
        for one in self.unfinished(stream):
            if one.state == "pulled" and not one.vanish:
                try:
                    closed += self._close(one, run, now)
                except UnbalancedPass as error:
                    self.fail(one, error.message, run, now)
                    raise
        return closed

    def _close(self, one: Pass, run: int, now: datetime) -> bool:
        bounds = bounds_of(one.within)
        waits = """SELECT EXISTS (SELECT 1 FROM outbox WHERE pass = ?)
                   OR EXISTS (SELECT 1 FROM outbox WHERE stream = ? AND at >= ? AND at < ?)"""
        with self._db.transaction() as db:
            if db.execute(waits, [one.id, one.stream, *bounds]).fetchone()[0]:
                return False
            self.books(one.id).check(f"{one.stream} {one.title}")
            if one.within is None:
                open_records.settled(db, one.id)
                sql = "UPDATE passes SET state = 'settled', run_ended = ?, ended = ? WHERE id = ?"
                db.execute(sql, [run, stamp(now), one.id])
                return True
            reason = close(db, one, run, now)
            db.execute(
                "UPDATE passes SET state = ?, run_ended = ?, ended = ? WHERE id = ?",
                ["short" if reason else "settled", run, stamp(now), one.id],
            )
            for parent in _end_split_parents(db, one.parent, run, now):
                self.books(parent).check(f"{one.stream} {self.get(parent).span}")
        return True

    def fail(self, one: Pass, reason: str, run: int, now: datetime) -> None:
        """Give the pass up without adding its span to the coverage."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE passes SET state = 'failed', reason = ?, run_ended = ?, ended = ? WHERE id = ?",
                [reason, run, stamp(now), one.id],
            )
            open_records.failed(db, one.id, now)
            _end_split_parents(db, one.parent, run, now)

    def of_run(self, stream: str, run: int) -> list[int]:
        """The passes a run began, ended, or left to be finished."""
        sql = """SELECT id FROM passes WHERE stream = ?
                 AND (run_begun = ? OR run_ended = ? OR state IN ('pulling', 'pulled')) ORDER BY id"""
        return [row["id"] for row in self._db.rows(sql, [stream, run, run])]

    def known(self, stream: str) -> Known:
        """What a plan needs of this stream."""
        owed = "SELECT start, end, forced FROM owed WHERE stream = ? ORDER BY id"
        reads = "SELECT start, end, began FROM coverage WHERE stream = ?"
        by_query = "SELECT start, end FROM coverage WHERE stream = ? AND path = 'query'"
        return Known(
            reads=[(span_of(row), instant(row["began"])) for row in self._db.rows(reads, [stream])],
            by_query=self._spans(by_query, stream),
            taken=[one.within for one in self.unfinished(stream) if one.within],
            gaps=[one.span for one in gaps.Gaps(self._db).open(stream)],
            to_force=gaps.Gaps(self._db).to_force(stream),
            owed=[(span_of(row), bool(row["forced"])) for row in self._db.rows(owed, [stream])],
        )

    def owe(
        self, stream: str, spans: Sequence[Span], cause: str, forced: bool, *, accepts_vanished: bool = False
    ) -> None:
        """Write spans that every run plans until a pass begun after now has settled them.

        accepts_vanished: until then a person accepts that any number of their rows vanished.
        """
        with self._db.transaction() as db:
            owe(db, stream, spans, cause, forced, accepts_vanished=accepts_vanished)

    def owe_nothing(self, stream: str) -> None:
        """Take off all that is owed: what was true of its time only cannot be read again."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM owed WHERE stream = ?", [stream])

    def sweep_seen(self, stream: str) -> None:
        """Forget, in slices, the keys met by passes that are over and whose children are over."""
        sql = """DELETE FROM seen WHERE (pass, kind, digest) IN (
            SELECT s.pass, s.kind, s.digest FROM seen s WHERE s.pass = ? LIMIT 1000)"""
        over = """SELECT DISTINCT p.id FROM passes p WHERE p.stream = ? AND p.ended IS NOT NULL
            AND EXISTS (SELECT 1 FROM seen s WHERE s.pass = p.id)"""
        for row in self._db.rows(over, [stream]):
            gone = 1
            while gone:
                with self._db.transaction() as db:
                    gone = db.execute(sql, [row["id"]]).rowcount
        self._db.give_back_space()

    def _spans(self, sql: str, stream: str) -> list[Span]:
        return [span_of(row) for row in self._db.rows(sql, [stream])]


def owe(
    db: sqlite3.Connection,
    stream: str,
    spans: Iterable[Span],
    cause: str,
    forced: bool,
    *,
    accepts_vanished: bool = False,
) -> None:
    """Inside a transaction: write the spans as owed."""
    db.executemany(
        """INSERT INTO owed (stream, start, end, cause, forced, accepts_vanished, after_pass)
           SELECT ?, ?, ?, ?, ?, ?, coalesce(max(id), 0) FROM passes""",
        [[stream, stamp(span.start), stamp(span.end), cause, forced, accepts_vanished] for span in spans],
    )


def count(db: sqlite3.Connection, changes: dict[int, dict[str, int]]) -> None:
    """Inside a transaction: add to the counters of passes. changes: pass -> counter -> how many more."""
    for identity, counters in changes.items():
        terms = [(name, more) for name, more in counters.items() if more]
        if terms:
            sets = ", ".join(f"{name} = {name} + ?" for name, _ in terms)
            db.execute(f"UPDATE passes SET {sets} WHERE id = ?", [*(more for _, more in terms), identity])  # noqa: S608


def _insert(
    db: sqlite3.Connection,
    stream: str,
    kind: str,
    bounds: tuple[str, str],
    forced: bool,
    path: Path,
    prints: tuple[str, str],
    run: int,
    now: datetime,
    parent: int | None,
) -> int:
    found = db.execute(
        """INSERT INTO passes (stream, kind, start, end, state, forced, path, fields_print, source_print,
                               parent, run_begun, began)
           VALUES (?, ?, ?, ?, 'pulling', ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        [stream, kind, *bounds, forced, path, *prints, parent, run, stamp(now)],
    ).fetchone()
    return int(found[0])


def _end_split_parents(db: sqlite3.Connection, parent: int | None, run: int, now: datetime) -> list[int]:
    """A split pass is over when the last of its children is. Returns those that are over now."""
    ended = []
    while parent is not None:
        alive = db.execute("SELECT 1 FROM passes WHERE parent = ? AND ended IS NULL", [parent]).fetchone()
        if alive:
            break
        db.execute("UPDATE passes SET run_ended = ?, ended = ? WHERE id = ?", [run, stamp(now), parent])
        ended.append(parent)
        over = pass_of(db.execute("SELECT * FROM passes WHERE id = ?", [parent]).fetchone())
        gaps.hand_over(db, over, run, now)
        parent = over.parent
    return ended
