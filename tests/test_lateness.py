"""From reads to a window: what is counted of late changes, and what is recommended for it. No clock, no state."""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.lateness import Cell, Count, Lateness, Piece, as_window, followed, judged, watch
from connector.spans import Calendar, Period, Span, minus, stamp
from connector.window_advice import advice_on_window, story
from connector.windows import Known, Window, plan

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def at(number: float) -> datetime:
    return DAY + hours(number)


def window(lookback: float, *recheck: float, grain: str = "PT1M") -> Window:
    zone = ZoneInfo("UTC")
    return Window(
        DAY,
        Calendar(Period.parse("P1D"), zone),
        Calendar(Period.parse(grain), zone),
        hours(lookback),
        timedelta(minutes=15),
        tuple(map(hours, recheck)),
    )


def cells(
    rules: Window, kind: str, read: float, before: float | None, *times: float, path: str = "query"
) -> list[Cell | None]:
    """Where rows of these times count in a read at `read` of a day last read at `before`."""
    whole = Span(at(0), at(24))
    pieces = [Piece(whole, at(before), path)] if before is not None else []  # type: ignore[arg-type]
    made = watch(rules, kind, whole, at(read), pieces, [])
    slots = [made.slot(stamp(at(time))) for time in times]
    return [slot[0] if slot else None for slot in slots]


def test_a_row_of_a_lookback_counts_by_its_age_at_both_reads():
    found = cells(window(6), "lookback", 26.25, 25.25, 23.5, 22.99, 20)
    assert found == [Cell("lookback", 1, 2), Cell("lookback", 2, 3), Cell("lookback", 4, 5)]


def test_a_row_read_twice_within_an_hour_of_its_age_does_not_move_on():
    (cell,) = cells(window(6), "lookback", 25.45, 25.25, 23.5)
    assert cell == Cell("lookback", 1, 1)
    assert not cell.moves_on


def test_the_age_of_an_interval_is_that_of_its_end():
    assert cells(window(6, grain="PT1H"), "lookback", 26.25, 25.25, 22, 23) == [
        Cell("lookback", 2, 3),
        Cell("lookback", 1, 2),
    ]


def test_a_recheck_counts_as_the_age_it_was_made_for_however_late_it_came():
    rules = window(6, 24, 96)
    assert cells(rules, "recheck", 24 + 24.5, 24.5, 1, 23) == [Cell("recheck", 23, 24), Cell("recheck", 1, 24)]
    assert cells(rules, "recheck", 24 + 99, 24 + 24.5, 1, 23) == [Cell("recheck", 24, 96)] * 2


def test_a_re_sync_counts_by_the_true_age_rounded_up():
    assert cells(window(6), "resync", 24 + 30, 31, 23.75, 0.5) == [Cell("other", 6, 30), Cell("other", 30, 72)]


def test_first_reads_count_only_when_they_come_within_a_day():
    assert cells(window(6), "new", 24.25 + 12, None, 11, 13) == [None, Cell("first")]


def test_what_was_mapped_otherwise_or_is_older_than_thirty_days_does_not_count():
    whole, half = Span(at(0), at(24)), Span(at(0), at(12))
    made = watch(window(6), "resync", whole, at(30), [Piece(Span(at(12), at(24)), at(25), "query")], [half])
    assert [made.slot(stamp(at(time))) is None for time in (0, 11.9, 12, 23.9)] == [True, True, False, False]
    assert cells(window(6), "resync", 24 * 40, 25, 3) == [None]


def test_a_followed_record_counts_by_its_end():
    assert followed(at(10), at(12.5), at(13.5)) == Cell("lookback", 2, 3)
    assert followed(at(10), at(9), at(10.5)) == Cell("lookback", 0, 0)
    assert followed(at(10), None, at(13.5)) == Cell("followed", 0, 4)
    assert followed(at(10), None, at(24 * 60)) is None


# Recommendations


def steady(lookback: int, rows: int = 10_000, **changed: int) -> dict[Cell, Count]:
    """Hourly reads of a lookback; changed: h3=50: changes met by the read that follows the age of two hours."""
    return {Cell("lookback", age, age + 1): Count(rows, changed.get(f"h{age + 1}", 0)) for age in range(lookback)}


def weighed(counts: dict[Cell, Count], lookback: float, *recheck: float, days: int = 30) -> Lateness:
    return judged(counts, days, hours(lookback), [hours(one) for one in recheck])


RECHECKED = {Cell("recheck", 6, 24): Count(10_000), Cell("recheck", 24, 96): Count(10_000)}

TABLE = [
    # what was counted, lookback and recheck of the mapping, verdict, recommended
    (steady(6, 999), (6,), "too few", None),
    (steady(6), (6,), "unseen", "lookback: PT6H, recheck: [P1D, P4D]"),
    (steady(6, h1=500, h2=300, h6=200), (6,), "unseen", "lookback: PT6H, recheck: [P1D, P4D]"),
    (steady(6, h6=50) | RECHECKED, (6, 24, 96), "enough", "lookback: PT6H, recheck: [P1D, P4D]"),
    (steady(6, h3=50, h4=10) | RECHECKED, (6, 24, 96), "shorter", "lookback: PT3H, recheck: [P1D, P4D]"),
    (steady(6, h3=50, h4=11) | RECHECKED, (6, 24, 96), "enough", "lookback: PT4H, recheck: [P1D, P4D]"),
    (steady(24, h9=50, h20=9) | {Cell("recheck", 24, 96): Count(10_000)}, (24, 96), "shorter",
     "lookback: PT9H, recheck: [P4D]"),
    # The lookback was longer once: what it met then, only a recheck meets now.
    (steady(12, h9=50) | {Cell("recheck", 12, 96): Count(10_000)}, (6, 96), "longer",
     "lookback: PT9H, recheck: [P4D]"),
    # Since then only rechecks have looked at that age: what the lookback saw is not thinned out by them.
    (steady(12, h9=50) | {Cell("recheck", 6, 96): Count(90_000, 450)}, (6, 96), "longer",
     "lookback: PT9H, recheck: [P4D]"),
    (steady(12, h9=50), (6,), "short", "lookback: PT9H, recheck: []"),
    # A re-sync has found what no read of the plan meets.
    (steady(6, h2=50) | {Cell("other", 6, 72): Count(5_000, 50)}, (6,), "short", "lookback: PT2H, recheck: [P3D]"),
    (steady(6, h2=50) | {Cell("other", 6, 72): Count(5_000, 0, 50)}, (6,), "short", "lookback: PT2H, recheck: [P3D]"),
    (steady(6, h6=50) | {Cell("followed", 0, 8): Count(0, 30)} | RECHECKED, (6, 96), "longer",
     "lookback: PT8H, recheck: [P4D]"),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "rules", "verdict", "recommended"), TABLE)
def test_a_window_is_recommended_from_what_was_counted(
    counts: dict[Cell, Count], rules: Sequence[float], verdict: str, recommended: str | None
):
    found = weighed(counts, *rules)
    assert (found.verdict, as_window(found) if recommended else None) == (verdict, recommended)


def test_seven_days_must_have_passed():
    assert weighed(steady(6) | RECHECKED, 6, 24, days=6).verdict == "too few"


def test_it_is_measured_only_as_far_as_enough_rows_were_looked_at_without_a_break():
    after = {Cell("other", 24, 240): Count(5_000, 100)}
    assert weighed(steady(6) | after, 6).measured_to == 6
    assert weighed(steady(6) | {Cell("recheck", 6, 96): Count(999)}, 6, 96).measured_to == 6
    assert weighed(steady(6) | RECHECKED, 6, 24, 96).measured_to == 96


def test_a_change_met_after_an_unusual_pause_may_have_come_at_its_end():
    pause = {Cell("lookback", 1, 12): Count(1_000, 60)}
    assert weighed(steady(6, h2=20) | pause | RECHECKED, 6, 24, 96).best_lookback == 13


def test_what_is_said_of_a_stream_is_one_line_and_only_where_another_window_is_recommended():
    told = [list(advice_on_window("calls", weighed(counts, *rules))) for counts, rules, *_ in TABLE]
    assert [len(lines) for lines in told] == [0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1]
    assert told[7] == [
        "calls: 0.50 % of the rows change after the lookback and are mended by a recheck only: "
        "window: lookback: PT9H, recheck: [P4D]; connector status calls tells more"
    ]


def test_the_story_says_how_far_was_measured_what_todays_window_meets_and_what_another_costs():
    assert list(story(weighed(steady(6, h3=50), 6))) == [
        "how late values change, measured up to PT6H: 10,000 rows looked at again in 30 days, 50 late changes",
        "today's window (lookback: PT6H, recheck: []) meets the last value of 100.00 % of the rows",
        "later than PT6H nothing was looked at: a recheck such as [P1D, P4D] would",
        "recommended: window: lookback: PT6H, recheck: [P1D, P4D]: the lookback stays, and each day is read 2 times "
        "more",
    ]
    assert list(story(weighed(steady(3, 40), 6, days=2))) == [
        "how late values change: not enough seen yet (40 of 1,000 rows looked at again, 2 of 7 days)"
    ]
    *_, last = story(weighed(steady(6, h6=50) | RECHECKED, 6, 24, 96))
    assert last == (
        "today's window (lookback: PT6H, recheck: [P1D, P4D]) meets the last value of 100.00 % of the rows, 100.00 % "
        "by the lookback alone: it suffices"
    )


# Against a known truth: rows that change once, some hours after their time, read by the plan itself


def observed(
    rules: Window, late: Callable[[random.Random], float], *, days: int = 12, every: float = 1
) -> tuple[Lateness, list[float]]:
    """What was counted in so many days of runs; and of each row that had the time, its age when it was read last."""
    rng = random.Random(7)
    rows = sorted((at(rng.uniform(0, days * 24)), late(rng)) for _ in range(days * 200))
    counts: dict[Cell, list[int]] = {}
    reads: list[tuple[Span, datetime]] = []
    last: dict[datetime, datetime] = {}
    for run in range(1, int(days * 24 / every)):
        now = at(run * every + 0.3)
        for planned in plan(rules, Known(reads), now):
            span = planned.span
            under = [
                Piece(Span(max(one.start, span.start), min(one.end, span.end)), began, "query")
                for one, began in reads
                if one.overlaps(span)
            ]
            made = watch(rules, planned.kind, span, now, under, [])
            for moment, after in rows[bisect_left(rows, (span.start, 0.0)) : bisect_left(rows, (span.end, 0.0))]:
                if slot := made.slot(stamp(moment)):
                    cell, piece = slot
                    line = counts.setdefault(cell, [0, 0, 0])
                    line[0] += cell.moves_on
                    line[1] += piece is not None and piece.began < moment + hours(after) <= now
                    last[moment] = now
            reads = [(part, began) for one, began in reads for part in minus([one], [span])]
            reads.append((span, now))
    ages = [(read - moment) / hours(1) for moment, read in last.items() if moment < at((days - 6) * 24)]
    found = {cell: Count(*line) for cell, line in counts.items()}
    return judged(found, days, rules.lookback, rules.recheck), ages


def test_the_window_recommended_meets_999_of_1000_last_values_of_a_known_distribution():
    """One row in ten changes once, after a time of mean 1.5 h: 6.9 h cover 99.9 % of the rows."""

    def exponential(rng: random.Random) -> float:
        return rng.expovariate(1 / 1.5) if rng.random() < 0.1 else 0

    found, _ = observed(window(16, 24), exponential)
    assert (found.verdict, found.measured_to, as_window(found)) == ("shorter", 24, "lookback: PT7H, recheck: [P1D]")
    # The last read of a lookback comes up to an hour and a quarter after it.
    _, ages = observed(window(found.best_lookback), exponential)
    assert sum(0.1 * math.exp(-age / 1.5) for age in ages) / len(ages) < 0.001
    _, ages = observed(window(found.best_lookback - 2), exponential)
    assert sum(0.1 * math.exp(-age / 1.5) for age in ages) / len(ages) > 0.001


def test_values_rewritten_at_night_two_days_later_are_met_by_the_recheck_and_told_apart():
    """One row in ten changes within three hours, two in a hundred between 50 and 60 hours."""

    def nightly(rng: random.Random) -> float:
        share = rng.random()
        return rng.uniform(0, 3) if share < 0.1 else rng.uniform(50, 60) if share < 0.12 else 0

    found, _ = observed(window(6, 24, 96), nightly, every=2)
    assert (found.verdict, found.measured_to, as_window(found)) == (
        "shorter",
        96,
        "lookback: PT3H, recheck: [P1D, P4D]",
    )
    assert (found.covered, found.by_lookback) == (1, pytest.approx(0.98, abs=0.006))
    without, _ = observed(window(6), nightly, every=2)
    assert (without.verdict, without.measured_to) == ("unseen", 7)
