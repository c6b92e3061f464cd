"""What the next run of a stream reads and by which path, and how long its calls take. No service is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.arrivals import Arrivals, arrivals
from connector.genesys.parts import parts_of
from connector.mapping.via import job_query
from connector.orders import Stream
from connector.planning import plan_without_asking
from connector.spans import Span, instant
from connector.state.store import Store
from connector.windows import Path, Planned


@dataclass(frozen=True)
class PlannedKind:
    """Passes of one kind that the next run reads by one path, and why by that one. is_guess: nothing was read yet."""

    kind: str
    passes: int
    first: datetime
    last: datetime
    calls: int
    is_guess: bool
    path: Path = "query"
    why: str = ""


@dataclass(frozen=True)
class StreamPlan:
    """What the next run of a stream reads and sends.

    seconds: how long its calls take at the call rate; salesforce: None while nothing was read yet.
    """

    stream: str
    kinds: tuple[PlannedKind, ...]
    calls: int
    seconds: float
    is_guess: bool
    salesforce: Arrivals | None


CALLS_OF_JOB = 3
"""What a job costs beside its pages: one to submit it, and two to ask how it stands."""

_KINDS = ("unfinished", "gap", "resync", "recheck", "lookback", "new")


def stream_plan(store: Store, stream: Stream, now: datetime, calls_per_minute: int) -> StreamPlan:
    """Plan without reading. Calls follow from what passes of the last weeks took; without any, one for each pass."""
    planned = [
        *(
            Planned("unfinished", one.within, path=one.path)
            for one in store.passes.unfinished(stream.name)
            if one.within
        ),
        *plan_without_asking(store, stream.name, stream.ways, now),
    ]
    rates = _rates(store, stream)
    kinds = tuple(
        _kind(group, rates)
        for kind in _KINDS
        for path, why in sorted({(one.path, one.why) for one in planned if one.kind == kind})
        if (group := [one for one in planned if (one.kind, one.path, one.why) == (kind, path, why)])
    )
    kinds += _open_kind(store, stream, now)
    calls = sum(kind.calls for kind in kinds)
    return StreamPlan(
        stream=stream.name,
        kinds=kinds,
        calls=calls,
        seconds=calls * 60 / calls_per_minute,
        is_guess=any(kind.is_guess for kind in kinds),
        salesforce=arrivals(store, stream, planned),
    )


def _open_kind(store: Store, stream: Stream, now: datetime) -> tuple[PlannedKind, ...]:
    """The pass over open records that are due now; its first and last: when the oldest and newest of them began."""
    due, by_id = store.open_records.listed(stream.name, now), stream.compiled.mapping.query.by_id
    if by_id is None or due.first is None or due.last is None:
        return ()
    return (PlannedKind("open", 1, due.first, due.last, calls=-(-due.count // by_id.most), is_guess=False),)


@dataclass(frozen=True)
class Rates:
    """What a second of span costs: calls by query, and records; None while nothing was read yet.

    page_of_job: records a page of a job at most; calls_of_job: what a job costs beside its pages; parts: calls that one
    reading by query takes at least.
    """

    calls: float | None
    records: float | None
    page_of_job: int = 1
    calls_of_job: int = CALLS_OF_JOB
    parts: int = 1

    def calls_for(self, one: Planned) -> int:
        seconds = _seconds(one.span)
        if one.path == "job":
            return self.calls_of_job + max(1, math.ceil(seconds * (self.records or 0) / self.page_of_job))
        return self.parts if self.calls is None else max(self.parts, round(seconds * self.calls))

    def is_guess(self, one: Planned) -> bool:
        return (self.records if one.path == "job" else self.calls) is None


def _kind(group: Sequence[Planned], rates: Rates) -> PlannedKind:
    """group: passes of one kind, read by one path for one reason."""
    spans, one = [each.span for each in group], group[0]
    return PlannedKind(
        kind=one.kind,
        passes=len(spans),
        first=min(span.start for span in spans),
        last=max(span.end for span in spans),
        calls=sum(map(rates.calls_for, group)),
        is_guess=rates.is_guess(one),
        path=one.path,
        why=one.why,
    )


def _rates(store: Store, stream: Stream) -> Rates:
    """Told by the last settled passes; calls by query do not grow where there are no pages."""
    source = stream.compiled.mapping.source
    job = job_query(source)
    page_of_job = job.results.paging.largest if job and job.results.paging else 1
    page_of_job = source.page_size or page_of_job if source.via == "job" else page_of_job
    calls_of_job = CALLS_OF_JOB
    paging = source.asked.paging
    sql = """SELECT start, end, pages, pulled, path FROM passes
             WHERE stream = ? AND state = 'settled' AND pages > 0 AND start <> '' ORDER BY id DESC LIMIT 50"""
    rows = store.db.rows(sql, [stream.name])
    lengths = [_seconds(Span(instant(row["start"]), instant(row["end"]))) for row in rows]
    records = sum(row["pulled"] for row in rows) / sum(lengths) if rows else None
    if paging is None:
        parts = len(parts_of(source.filter, source.asked.name))
        return Rates(0.0, records, page_of_job, calls_of_job, parts)
    # The last page is followed by one that shows there is no more.
    told = [(row["pages"] + 1, length) for row, length in zip(rows, lengths, strict=True) if row["path"] == "query"]
    calls = sum(pages for pages, _ in told) / sum(length for _, length in told) if told else None
    if calls is None and records is not None:
        calls = records / (source.page_size or paging.largest)
    return Rates(calls, records, page_of_job, calls_of_job)


def _seconds(span: Span) -> float:
    return (span.end - span.start).total_seconds()
