"""What there is to tell, as plain frozen values: the terminal, JSON and a web page show the same numbers.

Functions of the state and of what a run returned; nothing is printed and no service is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from connector.advice import advice_on_rows, advice_on_snapshots, advice_on_time, advice_on_vanished, counted
from connector.errors import ConnectorError
from connector.lateness import Lateness, judged
from connector.ledger import Books
from connector.orders import Result, Stream
from connector.spans import Span, stamp
from connector.state.heard import QuietQueue
from connector.state.store import Run, Store
from connector.window_advice import advice_on_window
from connector.windows import Snapshots, Window, snapshots

SNAPSHOTS_COUNTED = timedelta(days=7)
"""`status` counts the snapshots of so long."""


@dataclass(frozen=True)
class StreamStatus:
    """How one stream stands.

    complete_to: end of the unbroken coverage, None before the first; read_to: end of the newest settled span;
    lag_seconds: from complete_to (else the window's start) to now; waiting, held: rows in the outbox, and those of them
    that wait for a person; owed: spans a re-sync or changed mapping still has to read; outdated: spans mapped by an
    earlier version of the mapping; unfinished: passes begun and not closed; is_mapped: False when only the state knows
    the stream; open_records: records followed by id, oldest_open: when the oldest of them began, unanswered: those the
    service gives nothing for; is_stale: further behind than the mapping's `freshness`; vanished: rows Genesys Cloud
    gives no more that were left in Salesforce; vanished_held: rows that are not cleared or deleted before a person
    accepts it; lateness: how late its values change, None before anything was counted; hidden: what Genesys Cloud
    seems to hide, in words; quiet_queues: those that fell silent by themselves; snapshots: of a stream that takes them,
    how many were taken of those of the last days, None of others.
    """

    stream: str
    is_mapped: bool
    is_enabled: bool
    complete_to: datetime | None
    read_to: datetime | None
    lag_seconds: float | None
    last_run: Run | None
    waiting: int
    held: int
    rejects: int
    gaps: int
    unfinished: int
    owed: int
    outdated: int
    advice: tuple[str, ...]
    open_records: int = 0
    oldest_open: datetime | None = None
    unanswered: int = 0
    is_stale: bool = False
    vanished: int = 0
    vanished_held: int = 0
    lateness: Lateness | None = None
    hidden: tuple[str, ...] = ()
    quiet_queues: tuple[QuietQueue, ...] = ()
    snapshots: Snapshots | None = None


def status(store: Store, streams: Sequence[Stream], now: datetime) -> tuple[StreamStatus, ...]:
    """Every mapped stream, then those only the state knows, each in order of the names."""
    mapped = {stream.name: stream for stream in streams}
    known = {row["name"] for row in store.db.rows("SELECT name FROM streams")}
    return (
        *(_status(store, name, stream, now) for name, stream in sorted(mapped.items())),
        *(_status(store, name, None, now) for name in sorted(known - set(mapped))),
    )


def _status(store: Store, name: str, stream: Stream | None, now: datetime) -> StreamStatus:
    known = store.passes.known(name)
    latest = store.runs(name, 1)
    followed = store.open_records.listed(name)
    complete_to, lag, outdated, is_stale, taken = None, None, 0, False, None
    if stream is not None:
        first = stream.window.first()
        until = stream.window.mark(known.covered)
        if stream.window.is_snapshot:
            taken = snapshots(stream.window, known.covered, now, SNAPSHOTS_COUNTED)
        complete_to = until if until > first else None
        lag = max((now - until).total_seconds(), 0.0)
        is_stale = stream.is_stale(until, now)
        sql = "SELECT count(*) FROM coverage WHERE stream = ? AND mapping_print <> ?"
        outdated = int(store.db.value(sql, [name, f"{stream.prints.fields} {stream.prints.source}"]))
    count = "SELECT count(*) FROM {} WHERE stream = ? AND {}"
    rejects = int(store.db.value(count.format("rejects", "closed IS NULL"), [name]))
    held = int(store.db.value(count.format("outbox", "held"), [name]))
    held_back = store.vanished.held(name)
    lateness = _lateness(store, stream) if stream is not None else None
    hidden = tuple(one.in_words() for one in store.heard.open(name))
    return StreamStatus(
        stream=name,
        is_mapped=stream is not None,
        is_enabled=stream is not None and stream.compiled.mapping.enabled,
        complete_to=complete_to,
        read_to=max((span.end for span, _ in known.reads), default=None),
        lag_seconds=lag,
        last_run=latest[0] if latest else None,
        waiting=int(store.db.value(count.format("outbox", "1"), [name])),
        held=held,
        rejects=rejects,
        gaps=len(known.gaps),
        unfinished=len(store.passes.unfinished(name)),
        owed=len(known.owed),
        outdated=outdated,
        advice=(
            *advice_on_rows(name, stream, rejects=rejects, gaps=len(known.gaps), held=held, outdated=outdated),
            *advice_on_time(name, stream, followed, is_stale=is_stale),
            *advice_on_snapshots(name, stream, taken),
            *advice_on_vanished(name, stream, held_back, store.vanished.left(name, cause="mapping")),
            *advice_on_window(name, lateness),
            *(f"{name}: {line}" for line in hidden),
        ),
        open_records=followed.count,
        oldest_open=followed.first,
        unanswered=followed.unanswered,
        is_stale=is_stale,
        vanished=store.vanished.left(name),
        vanished_held=sum(one.vanished for one in held_back),
        lateness=lateness,
        hidden=hidden,
        quiet_queues=tuple(store.heard.quiet_queues(name, stream.window.size.zone)) if stream else (),
        snapshots=taken,
    )


def _lateness(store: Store, stream: Stream) -> Lateness | None:
    counts, days = store.lateness.counts(stream.name)
    return judged(counts, days, stream.window.lookback, stream.window.recheck) if counts else None


@dataclass(frozen=True)
class BooksLine:
    """One term of the balances over several streams. is_sum: the side its followers add up to."""

    label: str
    values: tuple[int, ...]
    is_sum: bool = False


_LINES = (
    ("records pulled", "pulled", True),
    ("mapped", "mapped", False),
    ("filtered out", "filtered", False),
    ("outside the span", "outside", False),
    ("given twice", "duplicate", False),
    ("not mappable", "unmappable", False),
    ("rows made", "made", True),
    ("put back", "requeued", True),
    ("vanished", "vanished", True),
    ("unchanged", "unchanged", False),
    ("created", "created", False),
    ("updated", "updated", False),
    ("deleted", "deleted", False),
    ("rejected", "rejected", False),
    ("replaced by newer", "superseded", False),
    ("made twice", "row_duplicate", False),
    ("waiting", "pending", False),
    ("went without parent", "without_parent", False),
)


def books_lines(books: Sequence[Books]) -> tuple[BooksLine, ...]:
    """Both balances, a line per term, a value per stream; lines of nothing but zeros are left out, sums stay."""
    lines = [BooksLine(label, tuple(getattr(one, term) for one in books), is_sum) for label, term, is_sum in _LINES]
    return tuple(line for line in lines if any(line.values) or line.label in ("records pulled", "rows made"))


NEWS = {
    "rejects": ("row was newly set aside", "rows were newly set aside"),
    "gaps": ("span was not read whole", "spans were not read whole"),
}
"""What a run may meet that is new and has a command of its own, for one and for several."""


def trouble(result: Result) -> tuple[str, ...]:
    """What a run met that is new and needs a person, besides its error; empty when there is nothing."""
    counts = (
        f"{result.stream}: {counted(result.new[kind], *words)}: connector {kind} {result.stream}"
        for kind, words in NEWS.items()
        if result.new.get(kind)
    )
    stale = (_stale_in_words(result),) if result.new.get("stale") else ()
    return (*counts, *stale, *(f"{result.stream}: {line}" for line in result.hidden))


def _stale_in_words(result: Result) -> str:
    until = stamp(result.complete_to) if result.complete_to else "nothing yet"
    name = result.stream
    return f"{name}: further behind than its freshness allows, complete to {until}: connector runs {name}"


def window_of_resync(window: Window, start: datetime | None, end: datetime | None, now: datetime) -> Span | None:
    """The span a re-sync reads: outward to the grain, inside the stream's own time; None when nothing is left."""
    horizon = window.horizon(now)
    first = max(window.grain.floor(start), window.first()) if start else window.first()
    last = min(window.grain.ceil(end), horizon) if end else horizon
    return Span(first, last) if first < last else None


def as_data(value: Any) -> Any:
    """Any value of this module as JSON knows it: instants as `YYYY-MM-DDThh:mm:ssZ`, errors with kind and hint."""
    match value:
        case datetime():
            return stamp(value)
        case timedelta():
            return value.total_seconds()
        case ConnectorError():
            return {"kind": type(value).__name__, "message": value.message, "hint": value.hint}
        case Span():
            return {"start": stamp(value.start), "end": stamp(value.end)}
        case Enum() | Path():
            return str(value)
        case Mapping():
            return {str(key): as_data(one) for key, one in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return as_data(value._asdict())
        case list() | tuple():
            return [as_data(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_data(getattr(value, field.name)) for field in fields(value)}
    return value
