"""One pass as the state knows it, and the checkpoint at which its reading stands."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from connector.genesys.judge import Seen, Witnesses
from connector.spans import Span, instant, stamp
from connector.windows import Path

PassState = Literal["pulling", "pulled", "settled", "short", "split", "failed"]

Vanish = Literal["", "due", "held"]
"""What an agreed pass still has to do about rows it gave no more: look for them; or wait for a person."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a reading stands: the last stored page, its digest, and what the judge has seen up to it.

    cursor: by which that page was asked, None for the first and where pages have numbers.
    """

    page: int
    digest: str
    seen: Seen
    cursor: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Checkpoint":
        data = json.loads(text)
        seen = data["seen"]
        stated = seen.pop("witnesses")
        witnesses = Witnesses(stated["total"], stated["page_count"])
        return cls(
            data["page"],
            data["digest"],
            Seen(**{**seen, "skipped": tuple(seen["skipped"])}, witnesses=witnesses),
            data.get("cursor"),
        )


@dataclass(frozen=True)
class Pass:
    """One read of one span, or of records by id, as the state knows it.

    within: the span, None for records by id (in the table its start and end are then '', which lies before all time);
    reading: how often it was begun at page 1; distinct_keys: record keys met in this reading; reason: why it is not
    settled, or "" when the witnesses agreed; expected: records promised when they did not; path: how it is read; job:
    the one its pages are read from, None before it is submitted; available: up to when the data lake was filled then;
    vanish: see `Vanish`.
    """

    id: int
    stream: str
    kind: str
    within: Span | None
    state: PassState
    forced: bool
    fields_print: str
    source_print: str
    parent: int | None
    reading: int
    began: datetime
    checkpoint: Checkpoint | None
    distinct_keys: int
    reason: str
    expected: int | None
    path: Path
    job: str | None
    available: datetime | None
    vanish: Vanish = ""

    @property
    def as_of(self) -> datetime:
        """How old what it says is at most: a job knows nothing later than the availability date."""
        return min(self.began, self.available) if self.available else self.began

    @property
    def span(self) -> Span:
        """The span it reads; to be asked of passes with one only."""
        if self.within is None:
            raise LookupError(f"pass {self.id} ({self.kind}) has no span")
        return self.within

    @property
    def title(self) -> str:
        """The span, or what else it reads, in words."""
        return str(self.within or ("rejects" if self.is_replay else "open records"))

    @property
    def is_replay(self) -> bool:
        """Whether it is a replay of rejects."""
        return self.within is None and self.kind == "resync"


def pass_of(row: sqlite3.Row) -> Pass:
    return Pass(
        id=row["id"],
        stream=row["stream"],
        kind=row["kind"],
        within=span_of(row) if row["start"] else None,
        state=row["state"],
        forced=bool(row["forced"]),
        fields_print=row["fields_print"],
        source_print=row["source_print"],
        parent=row["parent"],
        reading=row["reading"],
        began=instant(row["began"]),
        checkpoint=Checkpoint.from_json(row["checkpoint"]) if row["checkpoint"] else None,
        distinct_keys=row["distinct_keys"],
        reason=row["reason"],
        expected=row["expected"],
        vanish=row["vanish"],
        path=row["path"],
        job=row["job"],
        available=instant(row["available"]) if row["available"] else None,
    )


def bounds_of(span: Span | None) -> tuple[str, str]:
    """Start and end as the table holds them, '' both where there is no span."""
    return (stamp(span.start), stamp(span.end)) if span else ("", "")


def span_of(row: Any) -> Span:
    return Span(instant(row["start"]), instant(row["end"]))
