"""Spans of time and coverage: pure values, no clock, no database.

A `Span` is half-open UTC time. A `Period` is an ISO 8601 duration as mappings write it. A `Calendar` knows where the
boundaries of a period lie in a time zone; every span of a plan begins and ends on such boundaries.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from connector.errors import CannotHalve

_PERIOD = re.compile(
    r"P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; an offset is converted to UTC, a text without one is taken as UTC.

    Fractions of a second are kept. Raises ValueError when the text is no instant.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """The one way an instant is written, in state, keys and queries: `YYYY-MM-DDThh:mm:ssZ`, fractions cut off."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Period:
    """An ISO 8601 duration in whole units: calendar months and days, and seconds."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `P1D`, `PT30M`, `P1M`, `P2W`, `P1DT6H`. Raises ValueError for anything else, also for nothing."""
        found = _PERIOD.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a duration such as P1D, PT6H or PT30M")
        part = {name: int(value or 0) for name, value in found.groupdict().items()}
        period = cls(
            part["years"] * 12 + part["months"],
            part["weeks"] * 7 + part["days"],
            part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"],
        )
        if period == cls():
            raise ValueError(f"{text!r} is a duration of nothing")
        return period

    def __str__(self) -> str:
        """ISO 8601 again, in the largest units that come out even."""
        hours, rest = divmod(self.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        days = _units((self.months, "M"), (self.days, "D"))
        clock = _units((hours, "H"), (minutes, "M"), (seconds, "S"))
        return f"P{days}{'T' if clock else ''}{clock}"

    def length(self) -> timedelta:
        """As elapsed time, a month counted as 30 days: for ages and lookbacks, never for boundaries."""
        return timedelta(days=self.days + 30 * self.months, seconds=self.seconds)


def _units(*counts: tuple[int, str]) -> str:
    return "".join(f"{count}{unit}" for count, unit in counts if count)


MINUTE = Period(seconds=60)
DAY = Period(days=1)


@dataclass(frozen=True, order=True)
class Span:
    """Half-open time [start, end), both UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"a span ends after it starts, not {stamp(self.start)} to {stamp(self.end)}")

    def __str__(self) -> str:
        return f"{stamp(self.start)}/{stamp(self.end)}"

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end

    def covers(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    def halves(self, bounds: Sequence[datetime]) -> tuple["Span", "Span"]:
        """Split at the middle boundary strictly inside. Raises CannotHalve when there is none."""
        inside = [bound for bound in bounds if self.start < bound < self.end]
        if not inside:
            raise CannotHalve(f"{self} has no boundary inside")
        middle = inside[len(inside) // 2]
        return Span(self.start, middle), Span(middle, self.end)


@dataclass(frozen=True)
class Calendar:
    """Where the boundaries of a period lie in a time zone.

    Months begin on their first day, weeks on Monday, days at local midnight, shorter periods at local midnight plus
    elapsed multiples, so that a day of 23 or 25 hours still begins and ends on a boundary.
    """

    period: Period
    zone: ZoneInfo

    @cached_property
    def _is_calendar(self) -> bool:
        return bool(self.period.months or self.period.days)

    def floor(self, moment: datetime) -> datetime:
        """The last boundary at or before the moment."""
        day = moment.astimezone(self.zone).date()
        if self._is_calendar:
            return self._midnight(self._first_day(day))
        midnight = self._midnight(day)
        step = timedelta(seconds=self.period.seconds)
        return midnight + (moment - midnight) // step * step

    def ceil(self, moment: datetime) -> datetime:
        """The first boundary at or after the moment."""
        floor = self.floor(moment)
        return floor if floor == moment else self.after(floor)

    def after(self, boundary: datetime) -> datetime:
        """The boundary that follows a boundary."""
        day = boundary.astimezone(self.zone).date()
        if self._is_calendar:
            return self._midnight(self._next_first_day(self._first_day(day)))
        next_midnight = self._midnight(day + timedelta(days=1))
        return min(boundary + timedelta(seconds=self.period.seconds), next_midnight)

    def inside(self, span: Span) -> list[datetime]:
        """Every boundary strictly inside the span, in order."""
        found = []
        bound = self.after(self.floor(span.start))
        while bound < span.end:
            found.append(bound)
            bound = self.after(bound)
        return found

    def outward(self, span: Span) -> Span:
        """The smallest span of whole periods that holds this one."""
        return Span(self.floor(span.start), self.ceil(span.end))

    def cut(self, span: Span) -> list[Span]:
        """The span cut at every boundary inside it, oldest first."""
        bounds = [span.start, *self.inside(span), span.end]
        return [Span(a, b) for a, b in pairwise(bounds)]

    def even(self, span: Span) -> list[Span]:
        """The span cut so that boundaries lie a whole period apart in each part, save a last one that is cut short.

        A service counts buckets from the start of what is asked. Where a local day is no whole number of periods (half
        an hour more or less for periods of an hour, an hour for periods of two) its count leaves the boundaries at the
        midnight that follows: so a new part begins there. Oldest first.
        """
        if self._is_calendar:
            return [span]
        step = timedelta(seconds=self.period.seconds)
        bounds = [
            span.start,
            *(one for one in Calendar(DAY, self.zone).inside(span) if self._is_odd(one, step)),
            span.end,
        ]
        return [Span(a, b) for a, b in pairwise(bounds)]

    def _is_odd(self, midnight: datetime, step: timedelta) -> bool:
        """Whether the local day that ends there is no whole number of steps."""
        began = self._midnight(midnight.astimezone(self.zone).date() - timedelta(days=1))
        return (midnight - began) % step != timedelta(0)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def _first_day(self, day: date) -> date:
        if self.period.months:
            months = day.year * 12 + day.month - 1
            months -= months % self.period.months
            return date(months // 12, months % 12 + 1, 1)
        # Ordinal 1 is a Monday, so weeks begin on Mondays.
        return date.fromordinal(day.toordinal() - (day.toordinal() - 1) % self.period.days)

    def _next_first_day(self, first: date) -> date:
        if self.period.months:
            months = first.year * 12 + first.month - 1 + self.period.months
            return date(months // 12, months % 12 + 1, 1)
        return first + timedelta(days=self.period.days)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as the fewest spans, oldest first: those that touch or overlap are joined."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def minus(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The time of `spans` that is in none of `taken`, as the fewest spans, oldest first."""
    result = merged(spans)
    for hole in merged(taken):
        result = list(_without(result, hole))
    return result


def _without(spans: Iterable[Span], hole: Span) -> Iterator[Span]:
    for span in spans:
        if not span.overlaps(hole):
            yield span
            continue
        if span.start < hole.start:
            yield Span(span.start, hole.start)
        if hole.end < span.end:
            yield Span(hole.end, span.end)


def mark(covered: Iterable[Span], start: datetime) -> datetime:
    """The high-water mark: the end of the unbroken coverage that begins at or before `start`, else `start`."""
    spans = merged(covered)
    index = bisect_left(spans, start, key=lambda span: span.end)
    if index < len(spans) and spans[index].start <= start:
        return spans[index].end
    return start
