"""Replays: rejects a person wants tried again, put back into the outbox or marked so that their records are read again.

A replay is a pass of kind `resync` without a span. It takes the rejects up in the order of their versions, which is
parents first, a slice in each transaction, with the place it has reached and its counters: killed anywhere it goes on
behind that. A reject stays open until an outcome closes it, so nothing is lost on the way.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from connector.spans import Span, merged, minus
from connector.state.database import Database
from connector.state.one_pass import Pass, span_of
from connector.state.passes import Passes, count, owe
from connector.state.vanished import Rule

SLICE_REJECTS = 1000
"""Rejects per transaction."""

CAUSE = "resync --rejects"

_AMONG = "pass IN (SELECT value FROM json_each(?))"

_Fate = Literal["put_back", "by_id", "by_span", "underway", "vanished", "lost"]


@dataclass(frozen=True)
class Again:
    """How what is rejected comes again.

    rules: what is written now, per object; cell: from the time of a row to the span that is read for it, None where
    that is not wanted or not settled; has_ids: records can be read by id.
    """

    rules: Sequence[Rule]
    cell: Callable[[str], Span | None]
    has_ids: bool


class Taken(NamedTuple):
    """What became of the rejects of a replay so far.

    put_back: rows of theirs that wait again; by_id: those whose records are read again by id: so many `records` were
    asked for, and so many of them `unanswered`; by_span: those whose time is read again; underway: a newer version is
    on its way; vanished: Genesys Cloud gives the row no more; lost: nothing tells how to make the row again.
    """

    put_back: int = 0
    by_id: int = 0
    records: int = 0
    unanswered: int = 0
    by_span: int = 0
    underway: int = 0
    vanished: int = 0
    lost: int = 0

    @property
    def rejects(self) -> int:
        """How many rejects were taken up."""
        return self.put_back + self.by_id + self.by_span + self.underway + self.vanished + self.lost


class Replays:
    """Questions about replays, and the transactions that move them on."""

    def __init__(self, db: Database, passes: Passes) -> None:
        self._db = db
        self._passes = passes

    def codes(self, stream: str) -> dict[str, int]:
        """The codes of all open rejects of a stream, with how many have it, the commonest first."""
        sql = """SELECT code, count(*) AS many FROM rejects WHERE stream = ? AND closed IS NULL
                 GROUP BY code ORDER BY many DESC, code"""
        return {row["code"]: row["many"] for row in self._db.rows(sql, [stream])}

    def begin(self, stream: str, code: str | None, prints: tuple[str, str], run: int, now: datetime) -> Pass:
        """Begin a replay of the rejects that are open now. code: only those of this code, in whatever case."""
        with self._db.transaction() as db:
            one = self._passes.begin_open(stream, prints, run, now, kind="resync")
            db.execute(
                """INSERT INTO replays (pass, code, until)
                   SELECT ?, ?, coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'""",
                [one.id, code],
            )
        return one

    def begin_again(self, failed: Sequence[Pass], prints: tuple[str, str], run: int, now: datetime) -> None:
        """Replays given up because the mapping changed begin anew under the new one."""
        for one in failed:
            if one.is_replay:
                code = self._db.value("SELECT code FROM replays WHERE pass = ?", [one.id])
                self.begin(one.stream, code, prints, run, now)

    def taken(self, passes: Sequence[int]) -> Taken:
        """What became of the rejects of these replays together; passes of other kinds add nothing."""
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in Taken._fields)
        (row,) = self._db.rows(f"SELECT {sums} FROM replays WHERE {_AMONG}", [json.dumps(passes)])  # noqa: S608
        return Taken(*row)

    def story(self, passes: Sequence[int]) -> tuple[str, ...]:
        """What these replays did, as a line; nothing where no reject was taken up."""
        taken = self.taken(passes)
        if not taken.rejects:
            return ()
        sql = f"""SELECT coalesce(sum(created + updated + deleted + unchanged), 0), coalesce(sum(rejected), 0),
                         (SELECT count(*) FROM outbox WHERE outbox.pass IN (SELECT pass FROM replays WHERE {_AMONG}))
                  FROM passes WHERE id IN (SELECT pass FROM replays WHERE {_AMONG})"""  # noqa: S608
        (row,) = self._db.rows(sql, [json.dumps(passes)] * 2)
        return (in_words(taken, *row),)

    def step(self, one: Pass, again: Again) -> bool:
        """Take the next slice of rejects up, in one transaction. False: all are."""
        sql = """SELECT r.*, p.source_print
                 FROM rejects r JOIN replays y ON y.pass = ? LEFT JOIN passes p ON p.id = r.pass
                 WHERE r.stream = ? AND r.closed IS NULL AND (r.seq, r.id) > (y.seq, y.id) AND r.seq <= y.until
                     AND (y.code IS NULL OR r.code = y.code COLLATE NOCASE)
                 ORDER BY r.seq, r.id LIMIT ?"""
        with self._db.transaction() as db:
            rows = db.execute(sql, [one.id, one.stream, SLICE_REJECTS]).fetchall()
            if not rows:
                # What a record read again by id cannot be made of is set aside anew: it is not taken up twice.
                db.execute("UPDATE replays SET seq = until + 1 WHERE pass = ? AND seq <= until", [one.id])
                return False
            writer = _Slice(db, one, again)
            for row in rows:
                writer.take(row)
            writer.finish((rows[-1]["seq"], rows[-1]["id"]))
        return True

    # Records read again by id

    def next_records(self, one: Pass, most: int) -> list[str]:
        """Ids of records this replay still has to ask for, at most so many."""
        sql = """SELECT DISTINCT r.record FROM rejects r JOIN replays y ON y.pass = r.asked
                 WHERE r.asked = ? AND r.closed IS NULL AND r.asked_how = 'id' AND r.record > y.record
                 ORDER BY r.record LIMIT ?"""
        return [row["record"] for row in self._db.rows(sql, [one.id, most])]


def note_answers(db: sqlite3.Connection, one: Pass, asked: Sequence[str], answered: int) -> None:
    """Inside the transaction of a page read by id: these records were asked for, so many were given."""
    db.execute(
        "UPDATE replays SET record = ?, records = records + ?, unanswered = unanswered + ? WHERE pass = ?",
        [asked[-1], len(asked), len(asked) - answered, one.id],
    )


class _Slice:
    """A slice of rejects, taken up inside its transaction."""

    def __init__(self, db: sqlite3.Connection, one: Pass, again: Again) -> None:
        self._db = db
        self._pass = one
        self._again = again
        self._rules = {rule.object: rule for rule in again.rules}
        self._fates: dict[_Fate, int] = {}
        self._spans: set[Span] = set()

    def take(self, row: sqlite3.Row) -> None:
        fate = self._fate(row)
        if fate == "put_back":
            self._put_back(row)
        elif fate in ("by_id", "by_span"):
            # Read again, a row is sent also where it equals what was refused.
            how = fate.removeprefix("by_")
            sql = "UPDATE rejects SET asked = ?, asked_how = ? WHERE id = ?"
            self._db.execute(sql, [self._pass.id, how, row["id"]])
        self._fates[fate] = self._fates.get(fate, 0) + 1

    def finish(self, place: tuple[int, int]) -> None:
        """Write the spans owed, the counters and the place reached."""
        owe(self._db, self._pass.stream, self._not_owed_yet(), CAUSE, False)
        count(self._db, {self._pass.id: {"requeued": self._fates.get("put_back", 0)}})
        sets = ", ".join(f"{fate} = {fate} + {many}" for fate, many in self._fates.items())
        sql = f"UPDATE replays SET {sets}, seq = ?, id = ? WHERE pass = ?"  # noqa: S608
        self._db.execute(sql, [*place, self._pass.id])

    def _not_owed_yet(self) -> list[Span]:
        sql = "SELECT start, end FROM owed WHERE stream = ? AND after_pass >= ?"
        owed = [span_of(row) for row in self._db.execute(sql, [self._pass.stream, self._pass.id])]
        return minus(merged(self._spans), owed)

    def _fate(self, row: sqlite3.Row) -> _Fate:
        rule = self._rules.get(row["object"])
        if rule is None:
            return "lost"
        sql = "SELECT max(seq) FROM outbox WHERE stream = ? AND object = ? AND external_id = ?"
        newest = self._db.execute(sql, [row["stream"], row["object"], row["external_id"]]).fetchone()[0]
        if newest is not None and newest > row["seq"]:
            return "underway"
        vanished = self._vanished(row)
        if newest is None and row["action"] != "upsert" and vanished == "left" and self._may_end(row, rule):
            return "put_back"
        if vanished is not None:
            return "vanished"
        if newest is None and row["action"] == "upsert" and self._is_as_read_last(row):
            return "put_back"
        # By its id a record is given also where the filters of today would leave it out.
        is_wanted = row["source_print"] == self._pass.source_print
        if row["record"] is not None and self._again.has_ids and not row["of_job"] and is_wanted:
            return "by_id"
        span = self._again.cell(row["at"])
        if span is None:
            return "lost"
        self._spans.add(span)
        return "by_span"

    def _vanished(self, row: sqlite3.Row) -> str | None:
        """The state of the key among rows given no more; None: it is not among them."""
        sql = """SELECT state FROM vanished
                 WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"""
        found = self._db.execute(sql, _timed_key(row)).fetchone()
        return found["state"] if found else None

    def _may_end(self, row: sqlite3.Row, rule: Rule) -> bool:
        """Whether the target still clears or deletes what vanished, and just as was refused."""
        return bool(rule.when == row["action"] and rule.row(row["external_id"])[0] == row["hash"])

    def _is_as_read_last(self, row: sqlite3.Row) -> bool:
        """Whether the payload is what the record would give now: of the same mapping, and nothing newer is known.

        Something newer is known where its time was read since without giving it: the record is gone, or gives the row
        no more.
        What a job said may be refused while a newer row read by query was accepted. Then the hash known is another, and
        in no doubt; where it is in doubt, the refused version was the last one sent.
        """
        prints = (self._pass.fields_print, self._pass.source_print)
        if row["payload"] is None or (row["fields_print"], row["source_print"]) != prints:
            return False
        if row["external_id"].startswith("(record "):
            return False
        sql = "SELECT 1 FROM coverage WHERE stream = ? AND start <= ? AND end > ? AND began > ?"
        given = max(row["last_seen"], row["given"] or "")
        if self._db.execute(sql, [row["stream"], row["at"], row["at"], given]).fetchone():
            return False
        if not row["of_job"]:
            return True
        sql = """SELECT hash, in_doubt FROM row_hashes
                 WHERE stream = ? AND object = ? AND at = ? AND external_id = ?"""
        known = self._db.execute(sql, _timed_key(row)).fetchone()
        return bool(known is None or known["in_doubt"] or known["hash"] == row["hash"])

    def _put_back(self, row: sqlite3.Row) -> None:
        """Let the row wait again, as a version of its own."""
        payload = row["payload"]
        if row["action"] != "upsert":
            _, payload = self._rules[row["object"]].row(row["external_id"])
            sql = """UPDATE vanished SET state = 'waiting'
                     WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"""
            self._db.execute(sql, _timed_key(row))
        self._db.execute(
            """INSERT INTO outbox (stream, object, at, external_id, pass, hash, rest, payload, forced, only_collections,
                                   action, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)""",
            [
                *_timed_key(row),
                self._pass.id,
                row["hash"],
                row["rest"],
                payload,
                # In a CSV file the text #N/A clears a field; only a Collections call can say the text itself.
                b'"#N/A"' in payload,
                row["action"],
                row["record"],
            ],
        )


def _timed_key(row: sqlite3.Row) -> tuple[str, str, str, str]:
    return row["stream"], row["object"], row["at"], row["external_id"]


def in_words(taken: Taken, accepted: int, refused: int, waiting: int) -> str:
    """What replays did. accepted (or found to be there already), refused, waiting: rows of theirs."""
    told = _listed(
        (taken.put_back, "put back"),
        (taken.by_id, "read again by id"),
        (taken.by_span, "read again with all of their time"),
        (taken.underway, "left to the newer version on its way"),
        (taken.vanished, "given no more by Genesys Cloud"),
        (taken.lost, "cannot be made again"),
    )
    became = _listed((accepted, "accepted"), (refused, "refused again"), (waiting, "waiting"))
    words = "1 reject" if taken.rejects == 1 else f"{taken.rejects:,} rejects"
    parts = [f"{words} replayed: {told}", *([f"rows: {became}"] if became else [])]
    if taken.unanswered:
        parts.append(f"not given by their id: {taken.unanswered:,} of {taken.records:,} records")
    return "; ".join(parts)


def _listed(*parts: tuple[int, str]) -> str:
    return ", ".join(f"{many:,} {words}" for many, words in parts if many)
