"""The outbox: rows on their way to Salesforce, as versions of a key, and what is known of each key.

A key is (stream, object, external id). At most one version of it waits and at most one is in flight; the newest counts.
A row that equals the newest version is unchanged and goes nowhere. Only what Salesforce confirmed is known; what was
sent without an answer is in doubt and equals nothing.
"""

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from connector.lateness import Watch
from connector.mapping import COLLISION, BadRow, Row
from connector.spans import stamp
from connector.state.database import Database
from connector.state.hashes import Said, digest, inherited, is_confirmed
from connector.state.lateness import Tally
from connector.state.one_pass import Checkpoint, Pass
from connector.state.passes import count
from connector.state.rejects import REJECT_BELIEVED_FOR, Reject, close_reject, open_reject

Counters = dict[int, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a page, with what became of it.

    key, content: digests of its record key and of all of it; at: whole-second time; fate: its term of the first
    balance; rows: what it was mapped to; problem: code and message where it could not be; job_fields: of a record read
    by job, per target the fields that only jobs fill; id: the record's own, where its query can read it by that;
    is_known: this reading of the pass met its key before.
    """

    key: bytes
    content: bytes
    at: str
    fate: Literal["duplicate", "outside", "filtered", "unmappable", "mapped"]
    rows: Sequence[Row | BadRow] = ()
    problem: tuple[str, str] = ("", "")
    job_fields: Sequence[frozenset[str]] = ()
    id: str = ""
    is_known: bool = False

    def fields_of_job(self, target: int) -> frozenset[str]:
        return self.job_fields[target] if self.job_fields else frozenset()


class Outbox:
    """Stores pages: rows, keys met, rejects of the mapping, counters and checkpoint in one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def seen(self, one: Pass, keys: Iterable[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """Of these record keys, those the pass has met: key -> digest of its content, reading it was met in."""
        found = {}
        sql = "SELECT content, reading FROM seen WHERE pass = ? AND kind = 'record' AND digest = ?"
        for key in keys:
            if row := self._db.row(sql, [one.id, key]):
                found[key] = (row["content"], row["reading"])
        return found

    def has_cursor(self, one: Pass, cursor: str) -> bool:
        """Whether a stored page of this reading was asked by that cursor."""
        sql = "SELECT 1 FROM seen WHERE pass = ? AND kind = 'cursor' AND digest = ? AND reading = ?"
        return self._db.row(sql, [one.id, digest(cursor), one.reading]) is not None

    def store_page(
        self,
        one: Pass,
        entries: Iterable[Entry],
        objects: Sequence[str],
        checkpoint: Checkpoint,
        distinct: int,
        now: datetime,
        beside: Callable[[sqlite3.Connection], None] = lambda db: None,
        watch: Watch | None = None,
    ) -> None:
        """Keep one page, all or nothing.

        objects: the Salesforce object of each target; distinct: keys met with it; beside: what else is written in the
        same transaction; watch: by what it is counted how late rows change, None: it is not.
        """
        with self._db.transaction() as db:
            page = _PageWriter(db, one, objects, now, Tally(db, one, watch, now))
            if checkpoint.cursor is not None:
                db.execute(
                    """INSERT OR REPLACE INTO seen (pass, kind, digest, content, at, reading)
                       VALUES (?, 'cursor', ?, x'', '', ?)""",
                    [one.id, digest(checkpoint.cursor), one.reading],
                )
            for entry in entries:
                page.keep(entry)
            count(db, page.counters)
            page.late.write()
            beside(db)
            db.execute(
                "UPDATE passes SET checkpoint = ?, distinct_keys = ?, pages = pages + 1 WHERE id = ?",
                [checkpoint.to_json(), distinct, one.id],
            )

    def waiting(self, stream: str, most: int) -> int:
        """How many rows of the stream are in the outbox, waiting or in flight, counted up to `most`."""
        sql = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE stream = ? LIMIT ?)"
        return int(self._db.value(sql, [stream, most]))

    def sendable(self, stream: str, run: int) -> bool:
        """Whether this run can still deliver anything of the stream."""
        sql = """SELECT EXISTS (SELECT 1 FROM outbox WHERE stream = ? AND (batch IS NOT NULL OR skip_run <> ?))"""
        return bool(self._db.value(sql, [stream, run]))

    def supersede_waiting(self, stream: str) -> None:
        """Take every waiting row of the stream out, in slices: its mapping has changed and its span is read again."""
        gone = 1
        while gone:
            with self._db.transaction() as db:
                sql = "SELECT seq, pass FROM outbox WHERE stream = ? AND batch IS NULL LIMIT 1000"
                rows = db.execute(sql, [stream]).fetchall()
                gone = len(rows)
                counters: Counters = defaultdict(lambda: defaultdict(int))
                for row in rows:
                    counters[row["pass"]]["superseded"] += 1
                db.executemany("DELETE FROM outbox WHERE seq = ?", [[row["seq"]] for row in rows])
                count(db, counters)

    def forget_hashes(self, stream: str, before: datetime) -> int:
        """Forget, in slices, what Salesforce confirmed of rows whose time is before; never of one that waits or is in
        flight. Returns how many."""
        gone, objects = 0, "SELECT min(object) FROM row_hashes WHERE stream = ? AND object > ?"
        target = ""
        while (target := self._db.value(objects, [stream, target])) is not None:
            last = ("", "")
            some = """SELECT at, external_id FROM row_hashes WHERE stream = ? AND object = ? AND at < ?
                      AND (at, external_id) > (?, ?) ORDER BY at, external_id LIMIT 1000"""
            while rows := self._db.rows(some, [stream, target, stamp(before), *last]):
                last = (rows[-1]["at"], rows[-1]["external_id"])
                with self._db.transaction() as db:
                    forget = """DELETE FROM row_hashes
                                WHERE stream = ? AND object = ? AND at = ? AND external_id = ?
                                AND NOT EXISTS (SELECT 1 FROM outbox
                                                WHERE outbox.stream = row_hashes.stream
                                                AND outbox.object = row_hashes.object
                                                AND outbox.external_id = row_hashes.external_id)"""
                    keys = [[stream, target, row["at"], row["external_id"]] for row in rows]
                    gone += db.executemany(forget, keys).rowcount
        return gone

    def rows(self, batch: int, order: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a batch without the relationships they are sent without, read in slices: oldest version first, or
        just these versions in this order."""
        return (values for _, values in self.versions(batch, order))

    def versions(self, batch: int, order: Sequence[int] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        """The same rows, each with its version."""
        if order is None:
            with self._db.reading() as db:
                found = db.execute("SELECT seq FROM outbox WHERE batch = ? ORDER BY seq", [batch])
                order = array("q", (row["seq"] for row in found))
        # By the versions and not by the batch: each slice would else look at the whole batch.
        sql = """SELECT seq, payload, left_out FROM outbox
                 WHERE +batch = ? AND seq IN (SELECT value FROM json_each(?))"""
        for first in range(0, len(order), 1000):
            part = order[first : first + 1000]
            rows = {row["seq"]: row for row in self._db.rows(sql, [batch, orjson.dumps(list(part)).decode()])}
            yield from ((one, _sent(rows[one])) for one in part)


class _PageWriter:
    """The rows of one page, compared and queued inside its transaction."""

    def __init__(self, db: sqlite3.Connection, one: Pass, objects: Sequence[str], now: datetime, late: Tally) -> None:
        self._db = db
        self.late = late
        self._pass = one
        self._objects = objects
        self._now = stamp(now)
        self._believed_since = stamp(now - REJECT_BELIEVED_FOR)
        self.counters: Counters = defaultdict(lambda: defaultdict(int))
        self._mine = self.counters[one.id]
        self._last_seq = db.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'"
        ).fetchone()[0]
        sql = "SELECT 1 FROM rejects WHERE stream = ? AND closed IS NULL LIMIT 1"
        self._has_rejects = db.execute(sql, [one.stream]).fetchone() is not None

    def keep(self, entry: Entry) -> None:
        self._mine["pulled"] += 1
        self._mine[entry.fate] += 1
        self._db.execute(
            """INSERT INTO seen (pass, kind, digest, content, at, reading) VALUES (?, 'record', ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET content = excluded.content, at = excluded.at, reading = excluded.reading""",
            [self._pass.id, entry.key, entry.content, entry.at, self._pass.reading],
        )
        if entry.fate == "unmappable":
            self._reject(entry, self._objects[0], _record_name(entry), entry.at, entry.content, None, *entry.problem)
        elif entry.fate == "mapped":
            self._keep_rows(entry)
        elif entry.fate == "filtered":
            self._close_reject(self._objects[0], _record_name(entry), "no target wants its record any more")

    def _keep_rows(self, entry: Entry) -> None:
        have_keys = True
        for row in entry.rows:
            self._mine["made"] += 1
            has_key = self._keep_bad_row(entry, row) if isinstance(row, BadRow) else self._queue(entry, row)
            have_keys = have_keys and has_key
        if have_keys:
            self._close_reject(self._objects[0], _record_name(entry), "its record was mapped")

    def _keep_bad_row(self, entry: Entry, row: BadRow) -> bool:
        """Set a row aside that could not be made. False: it has no key of its own."""
        self._mine["rejected"] += 1
        target, key = self._objects[row.target], row.external_id
        if key is None or self._meet(entry, target, row, Said(b"")) == "collision":
            self._reject(entry, target, _record_name(entry), row.at, entry.content, None, row.code, row.message)
            return False
        if waiting := self._version(target, key, "IS NULL"):
            self._supersede(waiting)
        # A record read by query says nothing about such a field, so it does not close the reject.
        rest = b"" if row.field in entry.fields_of_job(row.target) else None
        self._reject(entry, target, key, row.at, entry.content, None, row.code, row.message, rest, row.field)
        return True

    def _queue(self, entry: Entry, row: Row) -> bool:
        """Compare a row with what is known of its key and queue it if it says something new. False: a collision."""
        target = self._objects[row.target]
        try:
            payload = orjson.dumps(row.values)
        except TypeError:
            return self._keep_bad_row(entry, _unwritable(row))
        said = Said.of(row, payload, entry.fields_of_job(row.target))
        met = self._meet(entry, target, row, said)
        if met == "collision":
            self._mine["rejected"] += 1
            message = f"another record of this span has the same {target} key: the key lacks a dimension"
            self._reject(entry, target, _record_name(entry), row.at, said.hash, payload, COLLISION, message)
            return False
        if met == "again":
            self._mine["row_duplicate"] += 1
            return True
        older = self._version(target, row.external_id, "IS NULL")
        older = older or self._version(target, row.external_id, "IS NOT NULL")
        fate = self._compare(target, row, said, older)
        if met == "first":
            names = (_record_name(entry), entry.id)
            self.late.meet(target, row, said, older, names, is_same=fate is not None)
        if fate is None:
            if older and older["batch"] is None:
                said, payload = inherited(said, payload, older)
            self._insert(entry, target, row, said, payload, older["since"] if older else None)
        else:
            self._mine[fate] += 1
        return True

    def _compare(
        self, target: str, row: Row, said: Said, older: sqlite3.Row | None
    ) -> Literal["unchanged", "rejected"] | None:
        """Compare with the newest version of the key: waiting, else in flight, else confirmed. None: it differs.

        older: the version on its way that waits, else the one in flight.
        """
        if older and older["batch"] is None:
            if not said.equals(older["hash"], older["rest"]):
                self._supersede(older)
                return None
            if self._pass.forced:
                self._db.execute("UPDATE outbox SET forced = 1 WHERE seq = ?", [older["seq"]])
            return "unchanged"
        if older:
            return "unchanged" if said.equals(older["hash"], older["rest"]) else None
        if self._pass.forced:
            return None
        if is_confirmed(self._db, (self._pass.stream, target, row.external_id), row.at, said):
            how = "the source went back to what Salesforce has"
            self._close_reject(target, row.external_id, how, by_job=said.rest is not None)
            return "unchanged"
        return "rejected" if self._has_rejects and self._is_rejected(target, row.external_id, said) else None

    def _meet(
        self, entry: Entry, target: str, row: Row | BadRow, said: Said
    ) -> Literal["first", "other", "again", "collision"]:
        """Remember who gave this external id in this pass, and what it said last (nothing, when the row was bad).

        `other`: it said something else before, by the same record.
        """
        key = digest(target, row.external_id)
        owner = entry.key
        hashed = said.whole()
        sql = "SELECT content FROM seen WHERE pass = ? AND kind = 'row' AND digest = ?"
        known = self._db.execute(sql, [self._pass.id, key]).fetchone()
        if known is not None and known["content"][:16] != owner:
            return "collision"
        is_again = known is not None and known["content"][32:] == hashed
        self._db.execute(
            """INSERT INTO seen (pass, kind, digest, content, at, reading) VALUES (?, 'row', ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET content = excluded.content""",
            [self._pass.id, key, owner + entry.content + hashed, row.at, self._pass.reading],
        )
        return "again" if is_again else "other" if known is not None else "first"

    def _version(self, target: str, external_id: str, batch: str) -> sqlite3.Row | None:
        sql = f"""SELECT seq, pass, hash, rest, payload, batch, coalesce(since, seq) AS since FROM outbox
                  WHERE stream = ? AND object = ? AND external_id = ? AND batch {batch}"""  # noqa: S608
        found: sqlite3.Row | None = self._db.execute(sql, [self._pass.stream, target, external_id]).fetchone()
        return found

    def _is_rejected(self, target: str, external_id: str, said: Said) -> bool:
        """Whether Salesforce refused just this row less than a day ago; the reject says then that it is given still."""
        sql = """UPDATE rejects SET given = ? WHERE stream = ? AND object = ? AND external_id = ? AND closed IS NULL
                 AND hash = ? AND rest IS ? AND fields_print = ? AND last_seen > ? AND asked IS NULL"""
        one = self._pass
        parameters = [self._now, one.stream, target, external_id, *said, one.fields_print, self._believed_since]
        return self._db.execute(sql, parameters).rowcount > 0

    def _insert(self, entry: Entry, target: str, row: Row, said: Said, payload: bytes, since: int | None) -> None:
        """Let the row wait. since: the first of the versions of its key that are on their way."""
        one = self._pass
        # In a CSV file the text #N/A clears a field; only a Collections call can say the text itself.
        only_collections = b'"#N/A"' in payload
        key = (one.stream, target, row.external_id, row.at)
        self._db.execute(
            """INSERT INTO outbox (stream, object, external_id, at, pass, hash, rest, payload, forced, only_collections,
                                   since, record)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [*key, one.id, *said, payload, one.forced, only_collections, since, entry.id or None],
        )

    def _supersede(self, waiting: sqlite3.Row) -> None:
        self._db.execute("DELETE FROM outbox WHERE seq = ?", [waiting["seq"]])
        self.counters[waiting["pass"]]["superseded"] += 1

    def _reject(
        self,
        entry: Entry,
        target: str,
        key: str,
        at: str,
        hashed: bytes,
        payload: bytes | None,
        code: str,
        message: str,
        rest: bytes | None = None,
        field: str = "",
    ) -> None:
        self._has_rejects = True
        stream, seq = self._pass.stream, self._last_seq
        one = Reject(
            stream, target, key, at, seq, hashed, payload, code, message, field, rest=rest, record=entry.id or None
        )
        open_reject(self._db, one, self._pass.id, self._pass.fields_print, self._now)

    def _close_reject(self, target: str, key: str, how: str, *, by_job: bool = True) -> None:
        if not self._has_rejects:
            return
        close_reject(self._db, (self._pass.stream, target, key), self._now, how, None, by_job=by_job)


def _record_name(entry: Entry) -> str:
    return f"(record {entry.key.hex()[:16]})"


def _sent(row: sqlite3.Row) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(row["payload"])
    for column in orjson.loads(row["left_out"]):
        values.pop(column, None)
    return values


def _unwritable(row: Row) -> BadRow:
    """A row one of whose values cannot be kept; it is set aside, so that it does not stop all the others."""
    for field, value in row.values.items():
        try:
            orjson.dumps(value)
        except TypeError:
            code, reason = "NOT_TEXT", "the text holds half a surrogate pair, which is no character"
            if isinstance(value, int):
                code, reason = "NUMBER_TOO_LARGE", "a whole number beyond 64 bits; no field of Salesforce holds it"
            key = None if value == row.external_id else row.external_id
            return BadRow(row.target, key, row.at, code, f"fields.{field}: {reason}", field)
    raise AssertionError("a row cannot be written, but each of its values can")


def is_given(db: sqlite3.Connection, one: Pass, target: str, external_id: str) -> bool:
    """Whether the last reading of a pass gave a row: met its record, with the content the row was last made of."""
    sql = """SELECT 1 FROM seen AS line JOIN seen AS record
                 ON record.pass = line.pass AND record.kind = 'record' AND record.digest = substr(line.content, 1, 16)
             WHERE line.pass = ? AND line.kind = 'row' AND line.digest = ?
                 AND record.reading = ? AND record.content = substr(line.content, 17, 16)"""
    return db.execute(sql, [one.id, digest(target, external_id), one.reading]).fetchone() is not None
