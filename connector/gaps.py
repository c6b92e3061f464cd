"""What there is to tell of gaps, open and closed: plain frozen values, the same for the terminal and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.orders import Stream
from connector.spans import Span, stamp
from connector.state import gaps
from connector.state.store import Store


@dataclass(frozen=True)
class OpenGap:
    """A span whose witnesses never agreed.

    reason: of its last short read; expected: records promised, None where nothing was; received: given; missing: the
    difference, None where it is not known; same_since: the age of the first read that gave just these records;
    believed_from: a read as of then or later that gives them once more closes it; is_tried: whether the next
    `connector sync` reads it; next: in words.
    """

    stream: str
    span: Span
    reason: str
    expected: int | None
    received: int
    missing: int | None
    tries: int
    first_seen: datetime
    last_tried: datetime
    same_since: datetime
    believed_from: datetime
    is_tried: bool
    next: str


@dataclass(frozen=True)
class ClosedGap:
    """A gap of the past. reason, expected, received: of its last short read; open_seconds: from first seen to closed;
    closed_by: what closed it, in words; closed_run, closed_pass: which run and pass did, where that is known."""

    stream: str
    span: Span
    reason: str
    expected: int | None
    received: int
    tries: int
    first_seen: datetime
    last_tried: datetime
    closed: datetime
    open_seconds: float
    closed_by: str
    closed_run: int | None
    closed_pass: int | None


def open_gaps(store: Store, streams: Sequence[Stream], name: str | None, now: datetime) -> tuple[OpenGap, ...]:
    """Open gaps, by stream and time. streams: every mapped one, also those that are off; name: only this stream's."""
    mapped = {stream.name: stream for stream in streams}
    told = []
    for one in store.gaps.open(name):
        is_tried, words = _next(store, mapped.get(one.stream), one, now)
        told.append(
            OpenGap(
                stream=one.stream,
                span=one.span,
                reason=one.reason,
                expected=one.expected,
                received=one.received,
                missing=None if one.expected is None else one.expected - one.received,
                tries=one.tries,
                first_seen=one.first_seen,
                last_tried=one.last_tried,
                same_since=one.same_since,
                believed_from=one.believed_from,
                is_tried=is_tried,
                next=words,
            )
        )
    return tuple(told)


def closed_gaps(store: Store, name: str | None) -> tuple[ClosedGap, ...]:
    """Closed gaps, those closed last first."""
    return tuple(
        ClosedGap(
            stream=one.stream,
            span=one.span,
            reason=one.reason,
            expected=one.expected,
            received=one.received,
            tries=one.tries,
            first_seen=one.first_seen,
            last_tried=one.last_tried,
            closed=one.closed,
            open_seconds=(one.closed - one.first_seen).total_seconds(),
            closed_by=one.closed_by,
            closed_run=one.closed_run,
            closed_pass=one.closed_pass,
        )
        for one in store.gaps.closed(name)
        if one.closed is not None
    )


def _next(store: Store, stream: Stream | None, gap: gaps.Gap, now: datetime) -> tuple[bool, str]:
    """Whether the next run reads the gap, and what happens to it, in words."""
    if stream is None:
        return False, "not tried any more: there is no mapping of this name"
    if gap.span.end <= stream.window.first():
        return False, "not tried any more: it lies before window.start, and the next run closes it"
    if not stream.compiled.mapping.enabled:
        return False, f"not tried while the stream is off (enabled: false), except by: connector sync {gap.stream}"
    if any(one.within and one.within.overlaps(gap.span) for one in store.passes.unfinished(gap.stream)):
        return True, "a read of it has begun; the next run goes on with that"
    when = "one" if gap.believed_from <= now else f"from {stamp(gap.believed_from)} on, one"
    return True, f"tried by every run; {when} that gives just these records again closes it"
