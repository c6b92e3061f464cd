"""What records have named: queues, users and divisions with their days, and findings of what has fallen silent."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from connector.genesys.judge import Record
from connector.genesys.mentions import mentions_of
from connector.rhythm import RECENT_DAYS, Finding, Heard, Judgement, Kind, is_same, speaks_again, whole_days
from connector.spans import Span, instant, merged, stamp
from connector.state.database import Database
from connector.state.one_pass import Pass, span_of
from connector.state.outbox import Entry
from connector.state.passes import owe
from connector.windows import Window

FORGOTTEN_AFTER_DAYS = 400
"""An id not heard of for so long before the newest is forgotten."""


@dataclass(frozen=True)
class QuietQueue:
    """A queue that gave records regularly and gives none any more. name: "" where it was never looked up; last_day: on
    which it gave some, `YYYY-MM-DD`."""

    id: str
    name: str
    last_day: str

    def in_words(self) -> str:
        return f"queue {self.name or self.id} gave records until {self.last_day} and none since; was it closed?"


class Listening:
    """Notes what the pages of one run name. zone: that of the stream, where its days begin."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._known: dict[tuple[Kind, str], Heard] = {}
        self._days: dict[str, int] = {}

    def noting(
        self, one: Pass, records: Iterable[Record], entries: Iterable[Entry]
    ) -> Callable[[sqlite3.Connection], None]:
        """What is written in the transaction of a page: which ids its records name, on which days.

        entries: what became of each of the records; it tells their time.
        """
        named = mentions_of(records, [self._day(entry.at) for entry in entries])
        given = one.began.astimezone(self._zone).toordinal()
        heard = [
            Heard.of(kind, identity, days, given, named.divisions.get(identity, "") if kind == "queue" else "")
            for (kind, identity), days in named.days.items()
        ]

        def note(db: sqlite3.Connection) -> None:
            for said in heard:
                self._note(db, one.stream, said)

        return note

    def _note(self, db: sqlite3.Connection, stream: str, said: Heard) -> None:
        key = (said.kind, said.id)
        if (at_hand := self._known.get(key)) and at_hand.holds(said):
            return
        sql = "SELECT * FROM heard WHERE stream = ? AND kind = ? AND id = ?"
        row = db.execute(sql, [stream, *key]).fetchone()
        known = _heard(row) if row else None
        if known and known.holds(said):
            # Only what was read is kept at hand: what is written may be rolled back.
            self._known[key] = known
            return
        joined = known.joined(said) if known else said
        days = [str(date.fromordinal(day)) for day in (joined.first, joined.last, joined.given)]
        db.execute(
            """REPLACE INTO heard (stream, kind, id, division, first_day, last_day, given, days)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            [stream, *key, joined.division, *days, f"{joined.days:x}"],
        )

    def _day(self, at: str) -> int | None:
        """The day of an instant as the state writes it; None for ""."""
        if not at:
            return None
        # No zone changes its offset inside a minute.
        minute = at[:16]
        if minute not in self._days:
            if len(self._days) > 100_000:
                self._days.clear()
            self._days[minute] = instant(at).astimezone(self._zone).toordinal()
        return self._days[minute]


class HeardIds:
    """Questions about the ids of all streams, and the transactions that write what was heard and found."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, stream: str) -> list[Heard]:
        """Every id that is remembered of a stream."""
        return _all(self._db, stream)

    def judge(self, stream: str, window: Window, now: datetime) -> None:
        """Open findings of what looks hidden now, and close those that are over.

        Time in which something was hidden is owed once it is given again: it counts as read, without what was hidden.
        One transaction; done again it changes nothing.
        """
        zone, first = window.size.zone, window.first()
        with self._db.transaction() as db:
            heard, division_of = _all(self._db, stream), self._division_of(stream)
            covered = self.covered_days(stream, zone)
            found = Judgement(heard, covered, division_of).findings()
            for row in _open_rows(db, stream):
                finding, how = _finding(row), ""
                if speaks_again(finding, heard, division_of):
                    how = "given again"
                    start = max(datetime.combine(date.fromordinal(finding.since), time(), zone).astimezone(UTC), first)
                    spans = [Span(start, now)] if start < now else []
                    owe(db, stream, spans, "what had fallen silent is given again", False)
                elif _is_over(finding, covered) and not any(is_same(finding, one) for one in found):
                    how = "silent for so long that it is taken for closed"
                if how:
                    sql = "UPDATE silences SET closed = ?, closed_by = ? WHERE id = ?"
                    db.execute(sql, [stamp(now), how, row["id"]])
            for finding in found:
                _open(db, stream, finding, now)
            _forget(db, stream)

    def open(self, stream: str, after: int = 0) -> list[Finding]:
        """Open findings, oldest first; after: only those opened after the one of this id."""
        sql = "SELECT * FROM silences WHERE stream = ? AND id > ? AND closed IS NULL ORDER BY id"
        return [_finding(row) for row in self._db.rows(sql, [stream, after])]

    def quiet_queues(self, stream: str, zone: ZoneInfo) -> list[QuietQueue]:
        """Queues that fell silent each by itself, by id."""
        judgement = Judgement(self.all(stream), self.covered_days(stream, zone), self._division_of(stream))
        names = self._looked_up(stream, "queues", "name")
        quiet = judgement.quiet_queues(self.open(stream))
        return [QuietQueue(one.id, names.get(one.id, ""), str(date.fromordinal(one.last))) for one in quiet]

    def covered_days(self, stream: str, zone: ZoneInfo) -> list[int]:
        """The days read whole of the recent months, oldest first."""
        rows = self._db.rows("SELECT start, end FROM coverage WHERE stream = ?", [stream])
        return whole_days(merged(span_of(row) for row in rows), zone)

    def _division_of(self, stream: str) -> Callable[[Heard], str]:
        """Names the division of an id by what records told of it, else by look-ups."""
        names = self._looked_up(stream, "divisions", "name")
        divisions = {
            ("queue", "user")[number]: self._looked_up(stream, kind, "division")
            for number, kind in enumerate(("queues", "users"))
        }

        def division_of(one: Heard) -> str:
            if one.kind == "division":
                return names.get(one.id, one.id)
            if one.division:
                return names.get(one.division, one.division)
            return divisions[one.kind].get(one.id, "")

        return division_of

    def _looked_up(self, stream: str, kind: str, property: str) -> dict[str, str]:
        """One property of all ids of a kind whose look-up is remembered."""
        sql = """SELECT l.id, json_extract(l.properties, '$.' || ?) AS value FROM lookups AS l
                 JOIN streams AS s ON s.genesys_org = l.genesys_org
                 WHERE s.name = ? AND l.kind = ? AND l.properties IS NOT NULL"""
        return {row["id"]: row["value"] for row in self._db.rows(sql, [property, stream, kind]) if row["value"]}


def _is_over(finding: Finding, covered: Sequence[int]) -> bool:
    """Whether it was silent on all of the recent days."""
    return sum(day > finding.since for day in covered) > RECENT_DAYS


def forget_heard(db: sqlite3.Connection, stream: str, why: str, now: datetime) -> None:
    """Inside a transaction: what was heard is no measure any more of what will be."""
    db.execute("DELETE FROM heard WHERE stream = ?", [stream])
    sql = "UPDATE silences SET closed = ?, closed_by = ? WHERE stream = ? AND closed IS NULL"
    db.execute(sql, [stamp(now), why, stream])


def _all(db: Database, stream: str) -> list[Heard]:
    rows = db.rows("SELECT * FROM heard WHERE stream = ? ORDER BY kind, id", [stream])
    return [_heard(row) for row in rows]


def _heard(row: sqlite3.Row) -> Heard:
    first, last, given = (date.fromisoformat(row[name]).toordinal() for name in ("first_day", "last_day", "given"))
    return Heard(row["kind"], row["id"], first, last, int(row["days"], 16), given, row["division"])


def _open(db: sqlite3.Connection, stream: str, finding: Finding, now: datetime) -> None:
    """Write a finding down; one that is open already takes in what has fallen silent since."""
    members = json.dumps(finding.members)
    for row in _open_rows(db, stream):
        if is_same(_finding(row), finding):
            db.execute("UPDATE silences SET members = ?, of = ? WHERE id = ?", [members, finding.of, row["id"]])
            return
    days = [str(date.fromordinal(day)) for day in (finding.since, finding.missed_from)]
    db.execute(
        """INSERT INTO silences (stream, scope, division, since, missed_from, members, of, found)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        [stream, finding.scope, finding.division, *days, members, finding.of, stamp(now)],
    )


def _open_rows(db: sqlite3.Connection, stream: str) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM silences WHERE stream = ? AND closed IS NULL ORDER BY id", [stream]).fetchall()


def _finding(row: sqlite3.Row) -> Finding:
    since, missed_from = (date.fromisoformat(row[name]).toordinal() for name in ("since", "missed_from"))
    members = tuple((kind, identity) for kind, identity in json.loads(row["members"]))
    return Finding(row["scope"], row["division"], since, missed_from, members, row["of"])


def _forget(db: sqlite3.Connection, stream: str) -> None:
    db.execute(
        """DELETE FROM heard WHERE stream = ?
           AND last_day < (SELECT date(max(last_day), ?) FROM heard WHERE stream = ?)""",
        [stream, f"-{FORGOTTEN_AFTER_DAYS} days", stream],
    )
