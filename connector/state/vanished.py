"""Rows the source gives no more: found when a pass agrees, then left, cleared or deleted as their target says.

A row has vanished when Salesforce accepted it once, its time lies in the span of an agreed pass, and the last reading
of that pass did not give it. Only where the time was last read by the same path and mapping does the target's rule
apply; elsewhere the row is only reported, until a person accepts. Each vanished row stands once in `vanished`.
"""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import orjson

from connector.errors import TooManyVanished
from connector.spans import Span, instant, stamp
from connector.state.database import Database
from connector.state.hashes import Said, digest, is_confirmed
from connector.state.one_pass import Pass
from connector.state.outbox import Counters, is_given
from connector.state.passes import Passes, count
from connector.state.rejects import REJECT_BELIEVED_FOR

SLICE_ROWS = 1000
"""Rows per transaction."""

GUARD_ROWS = 10
GUARD_SHARE = 0.05
"""More than both of the rows known are not cleared or deleted before a person accepts: access may have been lost."""

When = Literal["leave", "clear", "delete"]
_Fate = Literal["given", "back", "known", "left", "cleared", "act"]


@dataclass(frozen=True)
class Rule:
    """What becomes of vanished rows of one object.

    external_id: name of the key field; emptied: the fields of a row that clears and what they become, in the mapping's
    order, the key field among them.
    """

    object: str
    external_id: str
    when: When = "leave"
    emptied: Mapping[str, bool | None] = field(default_factory=dict)

    def row(self, key: str) -> tuple[bytes, bytes]:
        """The version that clears or deletes the row of a key: its hash and its payload."""
        if self.when == "delete":
            return digest("delete"), orjson.dumps({self.external_id: key})
        payload = orjson.dumps({**self.emptied, self.external_id: key})
        return hashlib.blake2b(payload, digest_size=16).digest(), payload


class Held(NamedTuple):
    """A pass that waits for a person. vanished of known rows of its span would be cleared or deleted."""

    span: Span
    vanished: int
    known: int


def too_many(stream: str, held: Sequence[Held]) -> TooManyVanished:
    """The error that asks a person about passes that wait for one."""
    start, end = stamp(min(one.span.start for one in held)), stamp(max(one.span.end for one in held))
    vanished, known = sum(one.vanished for one in held), sum(one.known for one in held)
    return TooManyVanished(
        f"{stream}: {vanished:,} of {known:,} rows between {start} and {end} are no longer given by Genesys Cloud; "
        "none of them was cleared or deleted, and that time is read again by every run",
        "a division or role taken from the OAuth client looks the same: give it back, and the next run goes on; if "
        f"they are gone for good: connector resync {stream} --from {start} --to {end} --accept-vanished",
    )


class Vanished:
    """Finds what vanished, and says what was found."""

    def __init__(self, db: Database, passes: Passes) -> None:
        self._db = db
        self._passes = passes

    def take_up(self, stream: str, rules: Sequence[Rule], now: datetime) -> None:
        """What earlier runs left: look what their agreed passes gave no more.

        Those that wait for a person are read again from page 1: what was lost may be there again.
        """
        for one in self._passes.unfinished(stream):
            if one.vanish == "held":
                self._passes.restart(one, now)
            elif one.vanish == "due":
                self.settle(one, rules, now)

    def settle(self, one: Pass, rules: Sequence[Rule], now: datetime) -> None:
        """Look what an agreed pass gave no more, and queue, mark or hold it; then the pass may be closed.

        In slices, each a transaction: killed anywhere, it is repeated and finds what is left. The pass must be as
        `Passes.pulled` left it; any other is passed over.
        """
        one = self._passes.get(one.id)
        if one.vanish != "due":
            return
        search = _Search(self._db, one, now)
        # A record that could not be mapped may be the one whose row seems to be missing.
        if not search.is_certain():
            self._finish(one, 0, 0)
            return
        found = _Found()
        for rule in rules:
            for part, judged in search.parts(rule):
                found.add(rule, part, judged)
        if found.acting > 0 and self._is_too_much(one, found):
            with self._db.transaction() as db:
                sql = "UPDATE passes SET vanish = 'held', vanishing = ?, known_rows = ? WHERE id = ?"
                db.execute(sql, [found.acting, found.known, one.id])
            return
        for rule, part in found.to_write:
            search.write(rule, part)
        self._finish(one, found.acting, found.known)

    def _finish(self, one: Pass, vanishing: int, known: int) -> None:
        with self._db.transaction() as db:
            sql = "UPDATE passes SET vanish = '', vanishing = ?, known_rows = ? WHERE id = ?"
            db.execute(sql, [vanishing, known, one.id])

    def _is_too_much(self, one: Pass, found: "_Found") -> bool:
        """In the span, or in all spans of its run together: small spans would never reach the limit by themselves."""
        sql = """SELECT coalesce(sum(vanishing), 0) AS vanishing, coalesce(sum(known_rows), 0) AS known FROM passes
                 WHERE run_begun = (SELECT run_begun FROM passes WHERE id = ?) AND id <> ? AND vanish <> 'held'"""
        others = self._db.rows(sql, [one.id, one.id])[0]
        return _exceeds(found.acting, found.known) or _exceeds(
            found.acting + others["vanishing"], found.known + others["known"]
        )

    # What was found

    def held(self, stream: str) -> list[Held]:
        """Passes that wait for a person, by time."""
        sql = """SELECT start, end, vanishing, known_rows FROM passes
                 WHERE stream = ? AND state = 'pulled' AND vanish = 'held' ORDER BY start"""
        return [
            Held(Span(instant(row["start"]), instant(row["end"])), row["vanishing"], row["known_rows"])
            for row in self._db.rows(sql, [stream])
        ]

    def left(self, stream: str, *, after: int = 0, cause: str = "%") -> int:
        """Vanished rows left in Salesforce as they are: of those found after entry `after`, for one cause or any."""
        sql = """SELECT count(*) FROM vanished
                 WHERE stream = ? AND id > ? AND state = 'left' AND closed IS NULL AND cause LIKE ?"""
        return int(self._db.value(sql, [stream, after, cause]))


class _Part(NamedTuple):
    """Known rows of one object: after one time and external id, up to another."""

    after: tuple[str, str]
    last: tuple[str, str]


@dataclass
class _Found:
    """What a search found.

    known: rows of the span that are not gone already; acting: those to clear or delete without a person's word;
    to_write: where something is to be queued, marked or closed.
    """

    known: int = 0
    acting: int = 0
    to_write: list[tuple[Rule, _Part]] = field(default_factory=list)

    def add(self, rule: Rule, part: _Part, judged: Sequence["_Judged"]) -> None:
        self.known += sum(one.fate != "known" for one in judged)
        self.acting += sum(one.fate == "act" and not one.is_accepted for one in judged)
        if any(one.fate not in ("given", "known") for one in judged):
            self.to_write.append((rule, part))


def _exceeds(vanishing: int, known: int) -> bool:
    return vanishing > GUARD_ROWS and vanishing > GUARD_SHARE * known


class _Judged(NamedTuple):
    """What became of a row Salesforce accepted once.

    is_accepted: a person accepted that it may be gone; newest: the version of its key that waits, else the one in
    flight.
    """

    fate: _Fate
    at: str
    external_id: str
    cause: str = ""
    is_accepted: bool = False
    newest: sqlite3.Row | None = None


class _Search:
    """What became of each row known of the span of one pass."""

    def __init__(self, db: Database, one: Pass, now: datetime) -> None:
        self._db = db
        self._pass = one
        self._start, self._end = stamp(one.span.start), stamp(one.span.end)
        self._now = stamp(now)
        self._believed_since = stamp(now - REJECT_BELIEVED_FOR)
        bounds = [one.stream, self._end, self._start]
        self._alike = self._pieces(
            """SELECT c.start, c.end FROM coverage c JOIN passes p ON c.path = p.path
                   AND c.mapping_print = p.fields_print || ' ' || p.source_print
               WHERE c.stream = ? AND c.start < ? AND c.end > ? AND p.id = ?""",
            [*bounds, one.id],
        )
        self._accepted = self._pieces(
            "SELECT start, end FROM owed WHERE stream = ? AND start < ? AND end > ? AND accepts_vanished", bounds
        )
        sql = "SELECT EXISTS (SELECT 1 FROM vanished WHERE stream = ? AND at < ? AND at >= ? AND closed IS NULL)"
        self._has_entries = bool(db.value(sql, bounds))

    def _pieces(self, sql: str, parameters: Sequence[object]) -> list[tuple[str, str]]:
        return [(row["start"], row["end"]) for row in self._db.rows(sql, parameters)]

    def is_certain(self) -> bool:
        """Whether every record of the pass that should have given a row gave one whose key is known."""
        sql = """SELECT EXISTS (SELECT 1 FROM rejects WHERE stream = ? AND pass = ? AND closed IS NULL
                 AND external_id LIKE '(record %')"""
        return not self._db.value(sql, [self._pass.stream, self._pass.id])

    def parts(self, rule: Rule) -> Iterator[tuple[_Part, list[_Judged]]]:
        """What became of every row known of the span, a slice at a time."""
        sql = """SELECT at, external_id FROM row_hashes
                 WHERE stream = ? AND object = ? AND (at, external_id) > (?, ?) AND at < ?
                 ORDER BY at, external_id LIMIT ?"""
        after = (self._start, "")
        while rows := self._db.rows(sql, [self._pass.stream, rule.object, *after, self._end, SLICE_ROWS]):
            last = (rows[-1]["at"], rows[-1]["external_id"])
            with self._db.reading() as db:
                judged = [self._judge(db, rule, *row) for row in rows]
            yield _Part(after, last), judged
            after = last

    def write(self, rule: Rule, part: _Part) -> None:
        """Queue, mark and close what is to be in a part, in one transaction; looked at once more in it."""
        sql = """SELECT at, external_id FROM row_hashes
                 WHERE stream = ? AND object = ? AND (at, external_id) > (?, ?) AND (at, external_id) <= (?, ?)
                 ORDER BY at, external_id"""
        with self._db.transaction() as db:
            counters: Counters = defaultdict(lambda: defaultdict(int))
            for row in db.execute(sql, [self._pass.stream, rule.object, *part.after, *part.last]).fetchall():
                self._write(db, rule, self._judge(db, rule, *row), counters)
            count(db, counters)

    def _judge(self, db: sqlite3.Connection, rule: Rule, at: str, key: str) -> _Judged:
        one = self._pass
        entry = self._entry(db, rule.object, at, key)
        if is_given(db, one, rule.object, key):
            return _Judged("back" if entry else "given", at, key)
        cause = entry["cause"] if entry else "source" if _holds(self._alike, at) else "mapping"
        is_accepted = _holds(self._accepted, at)
        left: _Fate = "known" if entry else "left"
        if rule.when == "leave" or (cause == "mapping" and not is_accepted):
            return _Judged(left, at, key, cause)
        if rule.when == "clear" and entry and entry["state"] == "cleared":
            return _Judged("known", at, key)
        hashed, _ = rule.row(key)
        newest = self._version(db, rule.object, key, "IS NULL") or self._version(db, rule.object, key, "IS NOT NULL")
        if newest is not None:
            # A version of a later pass says that the row is there.
            is_known = newest["hash"] == hashed or newest["pass"] > one.id
            return _Judged("known" if is_known else "act", at, key, cause, is_accepted, newest)
        if is_confirmed(db, (one.stream, rule.object, key), at, Said(hashed)):
            return _Judged("cleared", at, key, cause)
        return _Judged(left if self._is_rejected(db, rule.object, key, hashed) else "act", at, key, cause, is_accepted)

    def _entry(self, db: sqlite3.Connection, target: str, at: str, key: str) -> sqlite3.Row | None:
        if not self._has_entries:
            return None
        sql = """SELECT cause, state FROM vanished
                 WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"""
        found: sqlite3.Row | None = db.execute(sql, [self._pass.stream, target, at, key]).fetchone()
        return found

    def _version(self, db: sqlite3.Connection, target: str, key: str, batch: str) -> sqlite3.Row | None:
        sql = f"""SELECT seq, pass, hash, batch, coalesce(since, seq) AS since FROM outbox
                  WHERE stream = ? AND object = ? AND external_id = ? AND batch {batch}"""  # noqa: S608
        found: sqlite3.Row | None = db.execute(sql, [self._pass.stream, target, key]).fetchone()
        return found

    def _is_rejected(self, db: sqlite3.Connection, target: str, key: str, hashed: bytes) -> bool:
        """Whether Salesforce refused just this for good, less than a day ago."""
        sql = """SELECT 1 FROM rejects WHERE stream = ? AND object = ? AND external_id = ? AND closed IS NULL
                 AND hash = ? AND fields_print = ? AND last_seen > ? AND asked IS NULL"""
        parameters = [self._pass.stream, target, key, hashed, self._pass.fields_print, self._believed_since]
        return db.execute(sql, parameters).fetchone() is not None

    def _write(self, db: sqlite3.Connection, rule: Rule, row: _Judged, counters: Counters) -> None:
        one = self._pass
        key = (one.stream, rule.object, row.at, row.external_id)
        if row.fate == "back":
            close_vanished(db, key, self._now, "it is given again")
        elif row.fate in ("left", "cleared"):
            self._note(db, key, row.cause, row.fate)
        elif row.fate == "act":
            self._note(db, key, row.cause, "waiting")
            older = row.newest
            if older is not None and older["batch"] is None:
                db.execute("DELETE FROM outbox WHERE seq = ?", [older["seq"]])
                counters[older["pass"]]["superseded"] += 1
            hashed, payload = rule.row(row.external_id)
            db.execute(
                """INSERT INTO outbox (stream, object, at, external_id, pass, hash, payload, forced, only_collections,
                                       since, action) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)""",
                [*key, one.id, hashed, payload, older["since"] if older else None, rule.when],
            )
            counters[one.id]["vanished"] += 1

    def _note(self, db: sqlite3.Connection, key: tuple[str, str, str, str], cause: str, state: str) -> None:
        db.execute(
            """INSERT INTO vanished (stream, object, at, external_id, pass, since, cause, state)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (stream, object, at, external_id) WHERE closed IS NULL
               DO UPDATE SET state = excluded.state""",
            [*key, self._pass.id, self._now, cause, state],
        )


def _holds(pieces: Sequence[tuple[str, str]], at: str) -> bool:
    return any(start <= at < end for start, end in pieces)


def close_vanished(
    db: sqlite3.Connection, key: tuple[str, str, str, str], now: str, how: str, state: str | None = None
) -> None:
    """Inside a transaction: the row is there again, or gone for good. key: (stream, object, time, external id)."""
    sql = """UPDATE vanished SET closed = ?, closed_by = ?, state = coalesce(?, state)
             WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"""
    db.execute(sql, [now, how, state, *key])


def mark_cleared(db: sqlite3.Connection, key: tuple[str, str, str, str]) -> None:
    """Inside a transaction: Salesforce accepted that the row is empty."""
    db.execute(_MARK, ["cleared", *key])


def leave_vanished(db: sqlite3.Connection, key: tuple[str, str, str, str]) -> None:
    """Inside a transaction: Salesforce refused to clear or delete the row, it stands there as it was."""
    db.execute(_MARK, ["left", *key])


_MARK = """UPDATE vanished SET state = ?
           WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"""
