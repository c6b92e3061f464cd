"""Spans, calendars, marks and plans: pure values."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from connector.errors import CannotHalve
from connector.spans import Calendar, Period, Span, instant, mark, merged, minus
from connector.windows import Known, Planned, Window, plan

DAY0 = datetime(2026, 3, 2, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def hour(number: float) -> datetime:
    return DAY0 + timedelta(hours=number)


def span(start: float, end: float) -> Span:
    return Span(hour(start), hour(end))


def hourly_window(**changes: object) -> Window:
    rules: dict[str, object] = {
        "start": hour(0),
        "size": Calendar(Period(days=1), UTC_ZONE),
        "grain": Calendar(Period(seconds=3600), UTC_ZONE),
        "lookback": timedelta(hours=6),
        "settle": timedelta(minutes=15),
    }
    return Window(**{**rules, **changes})  # type: ignore[arg-type]


def test_an_instant_with_an_offset_becomes_utc_and_keeps_its_fraction():
    assert instant("2026-03-02T02:00:00.250+02:00") == DAY0 + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P1D", Period(days=1)),
        ("P2W", Period(days=14)),
        ("P1Y2M", Period(months=14)),
        ("P1DT6H30M", Period(days=1, seconds=23_400)),
    ],
)
def test_a_period_is_read_as_iso_8601_writes_it(text, period):
    assert Period.parse(text) == period


@pytest.mark.parametrize("text", ["", "P", "PT", "1D", "P1H", "PT0S", "P1.5D", "p1d"])
def test_what_is_no_period_or_nothing_at_all_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        Period.parse(text)


def test_a_span_that_does_not_go_forward_is_refused():
    with pytest.raises(ValueError, match="ends after it starts"):
        Span(hour(1), hour(1))


def test_halves_meet_at_the_middle_boundary_inside():
    assert span(0, 4).halves([hour(0), hour(1), hour(2), hour(3), hour(4)]) == (span(0, 2), span(2, 4))


def test_a_span_without_a_boundary_inside_has_no_halves():
    with pytest.raises(CannotHalve):
        span(0, 1).halves([hour(0), hour(1)])


def test_days_of_23_and_25_hours_begin_and_end_at_local_midnight():
    berlin = Calendar(Period(days=1), ZoneInfo("Europe/Berlin"))
    spring, autumn = datetime(2026, 3, 29, 10, tzinfo=UTC), datetime(2026, 10, 25, 10, tzinfo=UTC)
    lengths = [berlin.after(berlin.floor(day)) - berlin.floor(day) for day in (spring, autumn)]
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]


def test_quarter_hours_of_a_zone_off_by_45_minutes_follow_its_midnight():
    kathmandu = Calendar(Period(seconds=3600), ZoneInfo("Asia/Kathmandu"))
    assert kathmandu.floor(datetime(2026, 3, 2, 10, 40, tzinfo=UTC)) == datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


def test_weeks_begin_on_monday_and_months_on_their_first_day():
    moment = datetime(2026, 3, 5, 12, tzinfo=UTC)
    weekly, monthly = Calendar(Period(days=7), UTC_ZONE), Calendar(Period(months=1), UTC_ZONE)
    assert (weekly.floor(moment), monthly.after(monthly.floor(moment))) == (
        datetime(2026, 3, 2, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("zone", "period", "month", "bounds"),
    [
        ("Australia/Lord_Howe", Period(seconds=3600), 4, ["2026-03-31T13", "2026-04-05T13:30", "2026-04-30T13:30"]),
        ("Australia/Lord_Howe", Period(seconds=1800), 4, ["2026-03-31T13", "2026-04-30T13:30"]),
        ("Europe/Berlin", Period(seconds=7200), 10, ["2026-09-30T22", "2026-10-25T23", "2026-10-31T23"]),
        ("Europe/Berlin", Period(seconds=3600), 10, ["2026-09-30T22", "2026-10-31T23"]),
        ("Europe/Berlin", Period(days=1), 10, ["2026-09-30T22", "2026-10-31T23"]),
    ],
)
def test_a_span_ends_where_a_count_from_its_start_would_leave_the_boundaries(
    zone: str, period: Period, month: int, bounds: list[str]
) -> None:
    """A day of 24.5 hours holds no whole number of hours, one of 25 hours no whole number of two hours."""
    months = Calendar(Period(months=1), ZoneInfo(zone))
    start = months.floor(datetime(2026, month, 15, tzinfo=UTC))
    instants = [instant(text) for text in bounds]
    assert Calendar(period, ZoneInfo(zone)).even(Span(start, months.after(start))) == [
        Span(a, b) for a, b in pairwise(instants)
    ]


def test_the_first_cell_is_read_once_more_too_when_it_begins_late():
    """From the first day wanted, a Monday at six, to the end of that day."""
    window = hourly_window(start=hour(6), recheck=(timedelta(days=4),))
    read_young = Known(reads=[(span(6, 24), hour(40)), (span(24, 200), hour(900))])
    assert plan(window, read_young, hour(24 + 97.5)) == [Planned("recheck", span(6, 24))]
    read_before_the_start_was_moved = Known(reads=[(span(-24, 0), hour(900)), (span(6, 200), hour(900))])
    assert plan(window, read_before_the_start_was_moved, hour(24 + 97.5)) == []
    read_young_before = Known(reads=[(span(-24, 0), hour(1)), (span(6, 200), hour(900))])
    assert plan(window, read_young_before, hour(24 + 97.5)) == [Planned("recheck", span(-24, 0))]


def test_spans_that_touch_are_joined_and_taken_time_is_cut_out():
    assert merged([span(2, 3), span(0, 1), span(1, 2)]) == [span(0, 3)]
    assert minus([span(0, 5)], [span(1, 2), span(4, 9)]) == [span(0, 1), span(2, 4)]


def test_mark_stops_at_the_first_gap():
    assert mark([span(0, 1), span(2, 3)], hour(0)) == hour(1)


def test_mark_without_coverage_at_the_start_is_the_start():
    assert mark([span(1, 2)], hour(0)) == hour(0)


def test_mark_may_begin_inside_older_coverage():
    assert mark([span(-5, 2), span(2, 4)], hour(0)) == hour(4)


def test_the_first_plan_reads_everything_settled_newest_first():
    now = hour(50) + timedelta(minutes=20)
    assert plan(hourly_window(), Known(), now) == [
        Planned("new", span(48, 50)),
        Planned("new", span(24, 48)),
        Planned("new", span(0, 24)),
    ]


def test_nothing_is_planned_before_the_first_grain_has_settled():
    assert plan(hourly_window(), Known(), hour(1) + timedelta(minutes=14)) == []


def test_lookback_and_new_time_are_one_pass_where_they_touch():
    known = Known(reads=[(span(0, 40), hour(40.5))])
    assert plan(hourly_window(), known, hour(41.5)) == [Planned("new", span(34, 41))]


def test_a_lookback_over_midnight_is_cut_at_the_boundary_of_the_size():
    known = Known(reads=[(span(0, 26), hour(26.5))])
    assert plan(hourly_window(), known, hour(27.5)) == [
        Planned("new", span(24, 27)),
        Planned("lookback", span(20, 24)),
    ]


def test_unfinished_passes_and_gaps_are_left_to_themselves():
    known = Known(reads=[(span(0, 10), hour(10.5))], taken=[span(10, 12)], gaps=[span(14, 15)])
    assert plan(hourly_window(lookback=timedelta(hours=2)), known, hour(16.5)) == [
        Planned("new", span(15, 16)),
        Planned("gap", span(14, 15)),
        Planned("new", span(12, 14)),
        Planned("lookback", span(8, 10)),
    ]


def test_owed_spans_are_planned_apart_and_rounded_outward():
    known = Known(reads=[(span(0, 40), hour(100))], owed=[(span(2.5, 3.5), True)])
    assert plan(hourly_window(), known, hour(40.3)) == [Planned("resync", span(2, 4), True)]


def test_an_owed_span_is_never_read_beyond_the_horizon():
    known = Known(reads=[(span(0, 40), hour(100))], owed=[(span(38, 60), False), (span(70, 80), False)])
    assert plan(hourly_window(), known, hour(40.3)) == [Planned("resync", span(38, 40))]


def test_a_source_without_times_is_planned_in_whole_cells_only():
    cells = Calendar(Period(days=1), UTC_ZONE)
    window = hourly_window(grain=cells, lookback=timedelta(hours=6))
    known = Known(reads=[(span(0, 24), hour(25))])
    assert plan(window, known, hour(49)) == [Planned("new", span(24, 48)), Planned("lookback", span(0, 24))]


def test_a_clock_set_back_plans_no_time_that_is_not_settled():
    known = Known(reads=[(span(0, 40), hour(40.5))])
    assert plan(hourly_window(), known, hour(36.5)) == [Planned("lookback", span(34, 36))]


def test_a_pass_begun_long_ago_and_finished_late_is_read_again():
    """Its first pages are as old as its beginning, whatever the horizon is now."""
    known = Known(reads=[(span(0, 24), hour(25)), (span(24, 48), hour(100))])
    assert plan(hourly_window(), known, hour(48.3)) == [Planned("lookback", span(18, 24))]


def test_a_settled_cell_is_read_once_more_when_it_has_reached_its_age():
    window = hourly_window(recheck=(timedelta(days=4),))
    read_young = Known(reads=[(span(0, 24), hour(40)), (span(24, 200), hour(900))])
    assert plan(window, read_young, hour(24 + 96)) == []
    assert plan(window, read_young, hour(24 + 97.5)) == [Planned("recheck", span(0, 24))]
    read_again = Known(reads=[(span(0, 24), hour(24 + 98)), (span(24, 200), hour(900))])
    assert plan(window, read_again, hour(24 + 99)) == []


@pytest.mark.parametrize("text", ["P1D", "PT30M", "P14M", "P1DT6H30M", "PT1H"])
def test_a_period_is_written_as_it_was_read(text):
    assert str(Period.parse(text)) == text
