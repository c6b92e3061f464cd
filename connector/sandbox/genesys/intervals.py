"""Intervals, ISO periods and the buckets of aggregates.

Source: vendor reference, "interval semantics" and "conversation aggregates".
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.sandbox.conversations import full_instant, milliseconds
from connector.sandbox.genesys.problems import bad_request

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
_PERIOD = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


def parse_instant(text: Any) -> datetime:
    """An ISO instant with its offset, as UTC; raises HTTP 400."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            pass
    raise bad_request(f"{text!r} is not an instant; use YYYY-MM-DDThh:mm:ss.SSSZ", "invalid.date")


def parse_interval(text: Any) -> tuple[datetime, datetime]:
    """`start/end`, two instants, start before end; raises HTTP 400."""
    halves = text.split("/") if isinstance(text, str) else []
    if len(halves) != 2:
        raise bad_request("interval must be two instants joined by '/'", "invalid.date")
    start, end = parse_instant(halves[0]), parse_instant(halves[1])
    if start >= end:
        raise bad_request("interval must end after its start", "invalid.date")
    return start, end


@dataclass(frozen=True)
class Period:
    """An ISO period: `months` and `days` follow the wall clock, `seconds` the absolute one."""

    months: int
    days: int
    seconds: int

    @classmethod
    def parse(cls, text: Any) -> "Period":
        """Such as PT30M or P1D; raises HTTP 400."""
        match = _PERIOD.fullmatch(text) if isinstance(text, str) else None
        parts = {name: int(value or 0) for name, value in (match.groupdict() if match else {}).items()}
        if not any(parts.values()):
            raise bad_request(f"granularity {text!r} is not an ISO period such as PT30M or P1D", "invalid.value")
        return cls(
            parts["years"] * 12 + parts["months"],
            parts["weeks"] * 7 + parts["days"],
            parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"],
        )

    def after(self, start: datetime, times: int) -> datetime:
        """`times` periods after `start`, which carries its zone; UTC."""
        wall = start
        if self.months:
            months = wall.year * 12 + wall.month - 1 + self.months * times
            year, month = divmod(months, 12)
            day = min(wall.day, calendar.monthrange(year, month + 1)[1])
            wall = wall.replace(year=year, month=month + 1, day=day)
        wall += timedelta(days=self.days * times)
        return wall.astimezone(UTC) + timedelta(seconds=self.seconds * times)


def bucket_bounds(start: datetime, end: datetime, granularity: Any, zone_name: Any) -> list[int]:
    """Bounds (ms) of the buckets from `start` on, in the wall time of the zone; the last is cut at `end`.

    Without a granularity there is one bucket. Raises HTTP 400 for a zone or period nobody knows.
    """
    try:
        zone = ZoneInfo(zone_name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise bad_request(f"unknown timeZone {zone_name!r}", "invalid.value") from None
    bounds = [milliseconds(start)]
    if granularity is not None:
        period = Period.parse(granularity)
        local = start.astimezone(zone)
        while (bound := period.after(local, len(bounds))) < end:
            bounds.append(milliseconds(bound))
    return [*bounds, milliseconds(end)]


def bucket_name(start: int, end: int) -> str:
    """How an answer names a bucket."""
    return f"{full_instant(start)}/{full_instant(end)}"
