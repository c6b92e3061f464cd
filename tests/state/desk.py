"""The state of one stream, worked by hand: passes, pages of records, batches and what Salesforce answers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson

from connector.genesys.judge import Seen
from connector.ledger import Books
from connector.mapping import BadRow, Fingerprints, Row
from connector.spans import Span, stamp
from connector.state.batches import Batch
from connector.state.database import Database
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint, Pass
from connector.state.outbox import Entry
from connector.state.settling import Settled
from connector.state.store import Identity, Store
from connector.state.vanished import Rule
from connector.windows import Planned

DAY = datetime(2026, 3, 2, tzinfo=UTC)
STREAM = "calls"
OBJECT = "Call__c"
KEY = "Key__c"
ORG = "00Dak000000SbOxEAK"
PRINTS = Fingerprints("fields-1", "source-1", "keys-1")
IDENTITY = Identity(ORG, "genesys-1", ((OBJECT, KEY),))


def at(hours: float) -> datetime:
    """So many hours after the first midnight."""
    return DAY + timedelta(hours=hours)


def span(start: float, end: float) -> Span:
    return Span(at(start), at(end))


def row(key: str, value: Any, hour: float = 1) -> Row:
    return Row(0, key, stamp(at(hour)), {KEY: key, "Value__c": value})


def record(name: str, *rows: Row | BadRow, said: Any = None, hour: float = 1, fate: Any = "mapped") -> Entry:
    """A record of a page, with the rows it was mapped to. said: what makes its content another than before."""
    moment = rows[0].at if rows else stamp(at(hour))
    content = digest(name, said, [getattr(one, "values", None) for one in rows])
    problem = ("NO_KEY", "fields.Key__c: missing") if fate == "unmappable" else ("", "")
    return Entry(digest(name), content, moment, fate, rows, problem)


def call(name: str, value: Any, hour: float = 1) -> Entry:
    """A record that gives one row, whose external id is the record's own name."""
    return record(name, row(name, value, hour))


def bad(name: str, hour: float = 1) -> Entry:
    """A record whose row cannot be made."""
    return record(name, BadRow(0, name, stamp(at(hour)), "NOT_A_NUMBER", "fields.Value__c: not a number"), said="bad")


class Desk:
    """One stream of a state file.

    now, after_commit, rules (of vanished rows): may be set; run: the run everything is done in.
    """

    def __init__(self, path: Path) -> None:
        self.after_commit: Callable[[], None] = lambda: None
        self.db = Database(path, after_commit=lambda: self.after_commit())
        self.store = Store(self.db)
        self.now = at(30)
        self.rules = [Rule(OBJECT, KEY)]
        self.store.meet(STREAM, IDENTITY, PRINTS)
        self.run = self.store.begin_run(STREAM, "sync", self.now)
        self._page = 0

    def begin(
        self,
        start: float = 0,
        end: float = 24,
        *,
        kind: str = "new",
        force: bool = False,
        prints: tuple[str, str] = ("fields-1", "source-1"),
    ) -> Pass:
        planned = Planned(kind, span(start, end), force)
        return self.store.passes.begin(STREAM, planned, prints, self.run, self.now)

    def page(self, one: Pass, *entries: Entry) -> None:
        """Store a page of these records."""
        self._page += 1
        checkpoint = Checkpoint(self._page, f"digest-{self._page}", Seen())
        known = self.store.passes.get(one.id).distinct_keys
        self.store.outbox.store_page(one, entries, [OBJECT], checkpoint, known + len(entries), self.now)

    def read(self, *entries: Entry, **options: Any) -> Pass:
        """A whole pass of one page."""
        one = self.begin(**options)
        if entries:
            self.page(one, *entries)
        self.pulled(one)
        return one

    def pulled(self, one: Pass) -> None:
        """Its last page agreed; what it gave no more is looked for."""
        self.store.passes.pulled(one, vanish="due")
        self.store.vanished.settle(one, self.rules, self.now)

    def batch(self, path: Literal["collections", "bulk", "delete"] = "collections", rows: int = 200) -> Batch:
        """Take waiting rows into a batch that is ready to be sent."""
        batches = self.store.batches
        taken = batches.begin(STREAM, ORG, (OBJECT, KEY), path, [KEY, "Value__c"], "fields-1", self.run, self.now)
        batches.take(taken, rows, self.now)
        return batches.move(taken, "ready")

    def answer(self, batch: Batch, **fates: Any) -> None:
        """What Salesforce says of rows, by external id; then the batch is over."""
        self.settle(batch, **fates)
        self.store.batches.end(batch, "ended", self.now)

    def settle(self, batch: Batch, **fates: Any) -> None:
        outcomes = [Settled(key, fate, "CODE", "message", "Value__c") for key, fate in fates.items()]
        self.store.batches.settle(batch, outcomes, self.now, "proof-1")

    def send(self, **fates: Any) -> Batch:
        """Take what waits and let Salesforce answer: the fates named, `updated` for every other row."""
        batch = self.batch()
        self.answer(batch, **{key: fates.get(key, "updated") for key, _ in self.in_batch(batch)})
        return batch

    def confirm(self, *entries: Entry, **options: Any) -> None:
        """Records that Salesforce holds, of a settled pass."""
        self.read(*entries, **options)
        self.send()
        self.close()

    def close(self) -> int:
        return self.store.passes.close_ready(STREAM, self.run, self.now)

    def next_run(self) -> None:
        self.run = self.store.begin_run(STREAM, "sync", self.now)

    # What the state says

    def in_batch(self, batch: Batch) -> list[tuple[str, Any]]:
        return self._rows("batch = ?", [batch.id])

    def waiting(self) -> list[tuple[str, Any]]:
        """External id and value of every row that waits, in the order of their versions."""
        return self._rows("batch IS NULL", [])

    def _rows(self, where: str, parameters: Sequence[Any]) -> list[tuple[str, Any]]:
        found = self.db.rows(f"SELECT payload FROM outbox WHERE {where} ORDER BY seq", parameters)
        payloads = [orjson.loads(one["payload"]) for one in found]
        return [(payload[KEY], payload["Value__c"]) for payload in payloads]

    def books(self, one: Pass) -> dict[str, int]:
        """The terms of its balances that are not nothing."""
        return {name: value for name, value in vars(self.store.passes.books(one.id)).items() if value}

    def check(self, *passes: Pass) -> None:
        for one in passes:
            self.store.passes.books(one.id).check(str(one.span))

    def state(self, one: Pass) -> str:
        return self.store.passes.get(one.id).state

    def rejects(self) -> list[tuple[str, str]]:
        """External id and code of every open reject."""
        return [
            (one["external_id"], one["code"]) for one in self.table("rejects", "closed IS NULL ORDER BY external_id")
        ]

    def known(self) -> dict[str, bool]:
        """External id of every row Salesforce has accepted -> whether that is in doubt."""
        return {one["external_id"]: bool(one["in_doubt"]) for one in self.table("row_hashes")}

    def table(self, name: str, where: str = "1") -> list[dict[str, Any]]:
        return [dict(one) for one in self.db.rows(f"SELECT * FROM {name} WHERE {where}")]

    def total(self) -> Books:
        return sum((self.store.passes.books(one["id"]) for one in self.table("passes")), Books())
