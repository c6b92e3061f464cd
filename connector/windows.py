"""The time rules of a stream, what is known of it, and the plan they make: pure values, no clock, no database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from connector.spans import Calendar, Span, mark, merged, minus

Path = Literal["query", "job"]
"""How a span is read."""


@dataclass(frozen=True)
class Window:
    """The time rules of one stream.

    start: first instant wanted; size: spans of a plan are cut at its boundaries; grain: every span begins and ends on
    its boundaries (the granularity, the cell of a source without times, else a minute); lookback: how far before the
    horizon of each read its data may still change; recheck: ages at which a settled span is read once more;
    is_snapshot: what is asked is true of now only, so that one interval of the grain is read while it lasts, or never.
    """

    start: datetime
    size: Calendar
    grain: Calendar
    lookback: timedelta
    settle: timedelta
    recheck: tuple[timedelta, ...] = ()
    is_snapshot: bool = False

    def horizon(self, now: datetime) -> datetime:
        """The end of what can be read now: settled, on a boundary of the grain; of snapshots that of the one now."""
        return self.present(now).end if self.is_snapshot else self.grain.floor(now - self.settle)

    def present(self, now: datetime) -> Span:
        """The interval of the grain in which a moment lies."""
        start = self.grain.floor(now)
        return Span(start, self.grain.after(start))

    def mark(self, covered: Sequence[Span]) -> datetime:
        """The high-water mark. Snapshots that were missed cannot be made good, so it passes over them: it is the end of
        the last one."""
        if self.is_snapshot:
            return max((span.end for span in covered), default=self.first())
        return mark(covered, self.first())

    def cut(self, span: Span) -> list[Span]:
        """The span as it is read: cut at boundaries of the size, and where the grain would be left; oldest first."""
        return [part for piece in self.size.cut(span) for part in self.grain.even(piece)]

    def cells(self, span: Span) -> list[Span]:
        """The whole cells of the size that a span touches, without what lies before the first instant wanted."""
        first = self.first()
        return [
            Span(first, cell.end) if cell.start < first < cell.end else cell
            for cell in self.size.cut(self.size.outward(span))
        ]

    def reach(self, now: datetime, lake: "Lake | None") -> datetime:
        """The horizon, and where nothing but the lake is read, not past what that holds."""
        horizon = self.horizon(now)
        return min(horizon, self.grain.floor(lake.until)) if lake and lake.is_only else horizon

    def is_held(self, span: Span, until: datetime) -> bool:
        """Whether a lake filled until then holds the span with all that may have changed in it during the lookback."""
        return span.end + self.lookback + self.settle <= until

    def first(self) -> datetime:
        """Where coverage begins."""
        return self.grain.floor(self.start)


@dataclass(frozen=True)
class Known:
    """What the state says of a stream when a run plans.

    reads: settled spans, apart, with when their last agreed read began, of a read by job as of when its data was;
    by_query: those of them read by query; taken: spans of unfinished passes; gaps: spans of open gaps;
    to_force: those of them of which unchanged rows are sent too; owed: spans owed by a re-sync or a changed mapping,
    with whether unchanged rows are sent too.
    """

    reads: Sequence[tuple[Span, datetime]] = ()
    by_query: Sequence[Span] = ()
    taken: Sequence[Span] = ()
    gaps: Sequence[Span] = ()
    to_force: Sequence[Span] = ()
    owed: Sequence[tuple[Span, bool]] = ()

    @property
    def covered(self) -> list[Span]:
        return merged(span for span, _ in self.reads)


@dataclass(frozen=True)
class Planned:
    """One pass to begin. kind: new, lookback, recheck, gap or resync; force: unchanged rows are sent too; path: how it
    is read; why: the reason for that path, in words."""

    kind: str
    span: Span
    force: bool = False
    path: Path = "query"
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Lake:
    """The data lake that jobs read.

    until: its availability date; is_only: nothing is read but by job, so nothing beyond that date; has_more: what was
    read by query lacks fields, so that it is read by job as well.
    """

    until: datetime
    is_only: bool = False
    has_more: bool = False


def plan(window: Window, known: Known, now: datetime, lake: Lake | None = None) -> list[Planned]:
    """What a run reads: newest first; gaps, rechecks and re-syncs in spans of their own.

    New time and the lookback are joined where they touch and cut at the boundaries of the window's size; time of
    unfinished passes, of gaps and of owed spans is left out, for it is read in its own right. lake: where jobs may read
    it; the paths are chosen later. Of snapshots nothing is read but that of the present interval, if it was not taken.
    """
    if window.is_snapshot:
        present = window.present(now)
        is_known = any(present.overlaps(span) for span in (*known.covered, *known.taken))
        return [] if is_known or present.start < window.first() else [Planned("new", present)]
    horizon, first = window.reach(now, lake), window.first()
    # A job that reads a span again must know it as old as it then counts as read.
    due_until = min(horizon, window.grain.floor(lake.until)) if lake else horizon
    covered = known.covered
    owed = [
        (Span(span.start, min(span.end, horizon)), force)
        for span, force in ((window.grain.outward(one), force) for one, force in known.owed)
        if span.start < horizon
    ]
    forced = [span for span, force in owed if force]
    plain = [span for span, force in owed if not force]
    # Owed twice, as by a re-sync that was killed and asked for again, is read once.
    owed = [(span, True) for span in merged(forced)] + [(span, False) for span in minus(plain, forced)]
    apart = [*known.taken, *known.gaps, *(span for span, _ in owed)]

    wanted = [Span(first, horizon)] if first < horizon else []
    wanted = merged([*minus(wanted, covered), *_still_changing(window, known, horizon)])
    pieces = [piece for span in minus(wanted, apart) for piece in window.cut(span)]
    planned = [Planned("lookback" if any(span.covers(piece) for span in covered) else "new", piece) for piece in pieces]
    planned += [
        Planned("recheck", piece)
        for cell in sorted({*_due_again(window, known, due_until), *_lacking(window, known, lake)})
        for piece in window.cut(cell)
        if not any(cell.overlaps(other) for other in [*apart, *pieces])
    ]
    planned += [
        Planned("gap", gap, gap in known.to_force)
        for gap in known.gaps
        if not any(gap.overlaps(taken) for taken in known.taken)
    ]
    planned += [
        Planned("resync", piece, force)
        for span, force in owed
        for whole in minus([span], [*known.taken, *known.gaps])
        for piece in window.cut(whole)
    ]
    return sorted(planned, key=lambda one: (one.span.start, one.kind), reverse=True)


def _lacking(window: Window, known: Known, lake: Lake | None) -> list[Span]:
    """Whole cells of the window's size of which something was read by query only, once the lake holds them whole."""
    if lake is None or not lake.has_more:
        return []
    covered = known.covered
    # A job that knows less than the query did would take back what changed since.
    newer = [span for span, began in known.reads if began > lake.until]
    cells = {cell for span in known.by_query for cell in window.cells(span) if cell.end > window.first()}
    return sorted(
        cell
        for cell in cells
        if window.is_held(cell, lake.until)
        and any(whole.covers(cell) for whole in covered)
        and not any(cell.overlaps(span) for span in newer)
    )


def _still_changing(window: Window, known: Known, horizon: datetime) -> Iterator[Span]:
    """The part of each settled span that was younger than the lookback when it was read.

    After a run that read everything this is the lookback before its horizon. A pass that was begun long ago and
    finished late counts from when it was begun, for its first pages are that old.
    """
    for span, began in known.reads:
        start = max(span.start, window.grain.floor(window.horizon(began) - window.lookback), window.first())
        end = min(span.end, horizon)
        if start < end:
            yield Span(start, end)


def _due_again(window: Window, known: Known, horizon: datetime) -> list[Span]:
    """Cells of the window's size, settled, whose last read began before they reached an age they have now."""
    covered = known.covered
    due = {
        cell
        for span, began in known.reads
        if any(began < span.end + age for age in window.recheck)
        for cell in window.cells(span)
        if any(began < cell.end + age <= horizon for age in window.recheck)
        and any(whole.covers(cell) for whole in covered)
    }
    return sorted(due)


@dataclass(frozen=True)
class Snapshots:
    """How many snapshots there are of those there could be.

    taken, due: of the intervals since `since`; the present one is due once it was taken; missed: those in between that
    were not taken, as the fewest spans, oldest first.
    """

    taken: int
    due: int
    since: datetime
    missed: tuple[Span, ...] = ()


def snapshots(window: Window, covered: Sequence[Span], now: datetime, last: timedelta) -> Snapshots | None:
    """What was taken of the last time, counted from the first snapshot on; None before that."""
    if not covered:
        return None
    began = window.grain.ceil(now - last)
    since = max(began, min(span.start for span in covered))
    until = max(window.present(now).start, max(span.end for span in covered))
    if since >= until:
        return Snapshots(0, 0, since)
    due = window.grain.cut(Span(since, until))
    missed = minus(due, covered)
    many = sum(len(window.grain.cut(span)) for span in missed)
    return Snapshots(len(due) - many, len(due), since, tuple(missed))
