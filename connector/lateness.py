"""How late values change behind an endpoint: what reads of a span tell of it, and the window that follows. Pure.

A row is *looked at* each time a span that was read before is read again. A change met then happened between the two
reads. Reads are put down as the rules of `windows` see them: a read belongs to a lookback that is longer than the age
the span had when it was read before, or to the age in `recheck` it was made for. So what was observed tells, for every
window, whether its reads would have met the change.

Ages are whole hours since the end of a row's interval (of a row without one: since its own time) at the horizon of a
read; from two days on in whole days, up to 30. Source of the facts behind: platform guide, lateness.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

from connector.spans import Span, minus, stamp
from connector.windows import Path, Window

HOUR = timedelta(hours=1)
MOST_HOURS = 30 * 24
"""Older than this nothing is counted: what Salesforce confirmed may be forgotten after 31 days."""

FINE_HOURS = 48
"""Up to here ages are told in hours, and a lookback is recommended; above, in days and by recheck."""

Way = Literal["first", "lookback", "recheck", "other", "followed"]


class Cell(NamedTuple):
    """Where a row counts.

    way: `first` read; read again by the `lookback`, by a `recheck`, or `other`wise (re-sync, gap, job); `followed`: met
    changed by the reads of open records. after: age in hours when it was read before, rounded down. until: of a recheck
    the age it was made for, of a lookback the age now rounded down, else rounded up.
    """

    way: Way
    after: int = 0
    until: int = 0

    @property
    def moves_on(self) -> bool:
        """Whether the row has come to another hour since it was read before: so it counts once in each."""
        return self.way == "first" or self.until > self.after


class Count(NamedTuple):
    """rows: looked at; changed: met with other values than before; came: not given by the read before."""

    rows: int = 0
    changed: int = 0
    came: int = 0


@dataclass(frozen=True)
class Piece:
    """Time that was read before: when that read began, and by which path."""

    span: Span
    began: datetime
    path: Path


@dataclass(frozen=True)
class Watch:
    """Tells of each row of one pass, by its time, where it counts.

    starts: of the slots, as stamps, ascending; slots: cell and, where it was read before, by which read; None: not
    counted.
    """

    starts: Sequence[str]
    slots: Sequence[tuple[Cell, Piece | None] | None]

    def slot(self, at: str) -> tuple[Cell, Piece | None] | None:
        """at: time of a row, as a stamp."""
        index = bisect_right(self.starts, at) - 1
        return self.slots[index] if index >= 0 else None


def watch(
    window: Window, kind: str, span: Span, as_of: datetime, pieces: Sequence[Piece], other: Iterable[Span]
) -> Watch:
    """The watch of a pass.

    kind: of the pass; as_of: as of when it reads; pieces: coverage under its span by the same mapping; other: coverage
    under it by another mapping, whose rows may differ for that reason.
    """
    found: dict[datetime, tuple[Cell, Piece | None] | None] = {span.start: None, span.end: None}
    horizon = window.horizon(as_of)
    for piece in pieces:
        for part in _steps(window, piece.span, (window.horizon(piece.began), horizon)):
            cell = _cell(window, kind, part, piece.began, horizon, as_of)
            found[part.start] = (cell, piece) if cell else None
        found.setdefault(piece.span.end, None)
    for part in minus([span], [*(piece.span for piece in pieces), *other]):
        young = max(part.start, horizon - timedelta(days=1))
        if young < part.end:
            found[young] = (Cell("first"), None)
        found.setdefault(part.end, None)
    starts = sorted(found)
    return Watch([stamp(one) for one in starts], [found[one] for one in starts])


def _steps(window: Window, span: Span, horizons: Iterable[datetime]) -> Iterator[Span]:
    """The span in parts whose rows are all of the same whole hours at both horizons."""
    first = window.grain.floor(span.start)
    if window.grain.after(first) - first >= HOUR / 4:
        yield from window.grain.cut(span)
        return
    cuts = {span.start, span.end}
    for horizon in horizons:
        first = horizon - (horizon - span.start) // HOUR * HOUR
        hours = max((span.end - first) // HOUR + 1, 0)
        cuts |= {cut for cut in (first + number * HOUR for number in range(hours)) if span.start < cut < span.end}
    for start, end in pairwise(sorted(cuts)):
        yield Span(start, end)


def _cell(window: Window, kind: str, part: Span, began: datetime, horizon: datetime, as_of: datetime) -> Cell | None:
    """part: one interval, or time whose rows count alike; began: when it was read before."""
    end = window.grain.after(window.grain.floor(part.start))
    before, age = (window.horizon(began) - end) // HOUR, (horizon - end) / HOUR
    after = _coarse(max(before, 0))
    if after >= MOST_HOURS or age > MOST_HOURS or age < 0:
        return None
    if kind in ("new", "lookback"):
        return Cell("lookback", after, _coarse(int(age)))
    cell_end = window.cells(part)[0].end
    ages = [one for one in window.recheck if began < cell_end + one <= window.horizon(as_of)]
    if kind == "recheck" and ages:
        # What a recheck read before counts as old as that recheck made it, from the end of the cell.
        of_cell = window.horizon(began) - cell_end
        done = max((one for one in window.recheck if one <= of_cell), default=None)
        until = _up(max(ages) / HOUR)
        return Cell("recheck", min(_coarse(int(done / HOUR)) if done else after, until), until)
    return Cell("other", after, max(_up(age), after))


def _coarse(hours: int) -> int:
    return hours if hours < FINE_HOURS else hours // 24 * 24


def _up(hours: float) -> int:
    whole = -int(-hours // 1)
    return whole if whole <= FINE_HOURS else -(-whole // 24) * 24


def followed(ended: datetime, began: datetime | None, now: datetime) -> Cell | None:
    """Where a change of a record that was followed by id counts, by its end.

    began: when its span was read before, None where only the reads by id have met it.
    """
    age = max((now - ended) / HOUR, 0.0)
    if age > MOST_HOURS:
        return None
    if began is None:
        return Cell("followed", 0, max(_up(age), 1))
    return Cell("lookback", _coarse(max((began - ended) // HOUR, 0)), _coarse(int(age)))


# From counts to a window

SHARE = 0.001
"""So much of the rows may miss their last value: 99.9 % have it."""

LEAST_ROWS = 1_000
LEAST_DAYS = 7
SUGGESTED_RECHECK = (24, 96)

Verdict = Literal["too few", "short", "longer", "unseen", "shorter", "enough"]


@dataclass(frozen=True)
class Lateness:
    """What was observed of one stream, and what follows. Ages in hours.

    rows: looked at again, at the age with the most of them; first: rows whose first read came within a day; changed:
    changes met, rows that came late included; days: since the first was counted; lookback, recheck: of the mapping;
    measured_to: changes up to this age were looked for, 0: none; covered: share of the rows whose last value, as far as
    measured, is met by the mapping's window; by_lookback: by its lookback alone; beyond: (lookback, share of rows that
    change later) for several; best_lookback, best_recheck: recommended; verdict: `too few` observations; `short`: the
    window misses more than 0.1 %; `longer`: what its lookback misses is met by a recheck only; `unseen`: nothing was
    looked at a day after; `shorter`: half the lookback would do; `enough`.
    """

    rows: int
    first: int
    changed: int
    days: int
    lookback: int
    recheck: tuple[int, ...]
    measured_to: int
    covered: float
    by_lookback: float
    beyond: tuple[tuple[int, float], ...]
    best_lookback: int
    best_recheck: tuple[int, ...]
    verdict: Verdict


def judged(counts: Mapping[Cell, Count], days: int, lookback: timedelta, recheck: Sequence[timedelta]) -> Lateness:
    """Weigh what was counted in so many days against the window of the mapping."""
    hours = max(_up(lookback / HOUR), 0)
    ages = tuple(sorted(_up(one / HOUR) for one in recheck))
    looked, rhythm = _looked(counts, "lookback", "recheck", "other"), _rhythm(counts)
    hourly = _looked(counts, "lookback")
    rows = max(looked.values(), default=0)
    measured_to = _measured_to(looked)
    late: dict[int, float] = defaultdict(float)
    soon: dict[int, float] = defaultdict(float)
    for cell, count in counts.items():
        need = _need(cell, rhythm)
        changed = count.changed + count.came
        if cell.way == "first" or not changed:
            continue
        late[need] += changed / max(looked.get(need, 0), LEAST_ROWS)
        if cell.way in ("lookback", "followed"):
            # By what the lookback saw alone: it may have been longer once, and rechecks meet what it misses since.
            soon[need] += changed / max(hourly.get(need, 0), LEAST_ROWS)

    def missed(age: int, of: Mapping[int, float] = late, upto: int = MOST_HOURS) -> float:
        return sum(share for need, share in of.items() if age < need <= upto)

    best = next((one for one in range(1, FINE_HOURS) if missed(one, soon, FINE_HOURS) <= SHARE), FINE_HOURS)
    reach = max([hours, *ages])
    best_ages = _recheck(late, best, ages)
    verdict: Verdict = "enough"
    if rows < LEAST_ROWS or days < LEAST_DAYS:
        verdict = "too few"
    elif missed(reach) > SHARE:
        verdict = "short"
    elif best > hours:
        verdict = "longer"
    elif measured_to < 24 and max(ages, default=0) < 24:
        verdict, best, best_ages = "unseen", hours, tuple(sorted({*ages, *SUGGESTED_RECHECK}))
    elif measured_to >= 24 and best * 2 <= hours and hours - best >= 2:
        verdict = "shorter"
    steps = sorted({one for one in (1, 2, 3, 6, 12, 24, 48, 96, hours, best) if one < max(measured_to, 2)})
    return Lateness(
        rows=rows,
        first=sum(count.rows for cell, count in counts.items() if cell.way == "first"),
        changed=sum(count.changed + count.came for count in counts.values()),
        days=days,
        lookback=hours,
        recheck=ages,
        measured_to=measured_to,
        covered=max(1 - missed(reach), 0.0),
        by_lookback=max(1 - missed(hours), 0.0),
        beyond=tuple((one, missed(one)) for one in steps),
        best_lookback=best,
        best_recheck=best_ages,
        verdict=verdict,
    )


def _need(cell: Cell, rhythm: int) -> int:
    """The smallest lookback, or age in `recheck`, by which a change of the cell is met for certain."""
    if cell.way != "lookback":
        return cell.until
    # Read after a longer pause than usual, the change may have come at any time up to then.
    return _next(cell.after) if cell.until - cell.after <= rhythm else _next(cell.until)


def _next(hours: int) -> int:
    return hours + 1 if hours < FINE_HOURS else hours + 24


def _rhythm(counts: Mapping[Cell, Count]) -> int:
    """The hours between two reads of a lookback that nine of ten rows stay within."""
    steps: dict[int, int] = defaultdict(int)
    for cell, count in counts.items():
        if cell.way == "lookback" and cell.until > cell.after and cell.after < FINE_HOURS:
            steps[cell.until - cell.after] += count.rows
    wanted = 0.9 * sum(steps.values())
    for step in sorted(steps):
        wanted -= steps[step]
        if wanted <= 0:
            return step
    return 1


def _looked(counts: Mapping[Cell, Count], *ways: Way) -> dict[int, int]:
    """Age -> rows looked at by these ways that were younger when they were read before, and at least so old then."""
    looked: dict[int, int] = defaultdict(int)
    for cell, count in counts.items():
        if cell.way in ways and cell.moves_on:
            age = _next(cell.after)
            while age <= cell.until:
                looked[age] += count.rows
                age = _next(age)
    return looked


def _measured_to(looked: Mapping[int, int]) -> int:
    """The age up to which enough rows were looked at, without a break from the youngest."""
    enough = sorted(age for age, rows in looked.items() if rows >= LEAST_ROWS)
    until = 0
    for age in enough:
        if until and age != _next(until):
            break
        until = age
    return until


def _recheck(late: Mapping[int, float], lookback: int, ages: tuple[int, ...]) -> tuple[int, ...]:
    """The ages to read again at: those of the mapping, for they go on measuring, and what is needed beyond."""
    left = sum(share for need, share in late.items() if need > lookback)
    needed = 0
    for need in sorted(need for need in late if need > lookback):
        if left <= SHARE:
            break
        left -= late[need]
        needed = need
    if needed <= max(ages, default=0):
        return ages
    return (*ages, -(-needed // 24) * 24)


def as_period(hours: int) -> str:
    """`PT6H`, `P1D`, `P4D`: as a mapping writes it."""
    return f"P{hours // 24}D" if hours and hours % 24 == 0 else f"PT{hours}H"


def as_window(one: Lateness) -> str:
    """What to paste into `window:` for what is recommended."""
    recheck = ", ".join(as_period(age) for age in one.best_recheck)
    return f"lookback: {as_period(one.best_lookback)}, recheck: [{recheck}]"
