"""Which records are followed by id, and when each is read again."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lab import at

from connector.following import Followed, Rules, wait_after
from connector.spans import DAY, MINUTE, Calendar, Span
from connector.windows import Window

UTC = ZoneInfo("UTC")
RULES = Rules(
    Window(at(0), Calendar(DAY, UTC), Calendar(MINUTE, UTC), lookback=timedelta(hours=6), settle=timedelta(minutes=15)),
    give_up=timedelta(days=90),
)


@pytest.mark.parametrize(
    ("age_hours", "wait_hours"), [(0, 0.5), (2, 0.5), (4, 0.5), (8, 1), (24, 3), (96, 12), (192, 24), (2000, 24)]
)
def test_the_wait_is_an_eighth_of_the_age_between_half_an_hour_and_a_day(age_hours: float, wait_hours: float) -> None:
    assert wait_after(at(0), at(age_hours)) == timedelta(hours=wait_hours)


def test_an_open_record_is_read_again_when_its_wait_is_over() -> None:
    assert RULES.weigh("c", at(0), None, at(24)) == Followed("c", at(0), None, at(27), is_listed_anew=True)


def test_an_open_record_within_the_lookback_waits_until_it_has_left_it() -> None:
    assert RULES.weigh("c", at(0), None, at(1)) == Followed("c", at(0), None, at(6.25), is_listed_anew=True)


def test_an_open_record_older_than_open_give_up_is_not_listed_anew() -> None:
    age = 90 * 24
    assert RULES.weigh("c", at(0), None, at(age - 1)).is_listed_anew
    assert not RULES.weigh("c", at(0), None, at(age)).is_listed_anew


def test_a_read_the_lookback_after_the_end_is_the_last_one() -> None:
    assert RULES.weigh("c", at(0), at(20), at(26)) == Followed("c", at(0), at(20), at(26), is_final=True)
    assert not RULES.weigh("c", at(0), at(20), at(25.99)).is_final


def test_what_ended_is_read_at_the_latest_when_the_lookback_is_over() -> None:
    assert RULES.weigh("c", at(0), at(20), at(21)).due == at(21.5)
    assert RULES.weigh("c", at(0), at(20), at(25.9)).due == at(26)


def test_what_ended_is_listed_anew_only_when_no_span_reads_it_again() -> None:
    assert [RULES.weigh("c", at(2), at(7.9), at(hour)).is_listed_anew for hour in (8, 8.25, 8.3)] == [
        False,
        False,
        True,
    ]


def record(name: Any, start: Any, end: Any = None) -> dict[str, Any]:
    return {"id": name, "start": start, **({"end": end} if end else {})}


def names(span: Span | None, *records: dict[str, Any]) -> list[str]:
    return [one.id for one in RULES.following(records, "id", "start", "end", at(30), span)]


def test_records_of_other_spans_are_passed_over_but_not_among_those_asked_by_id() -> None:
    here, there = record("here", "2026-03-02T01:00:00.250Z"), record("there", "2026-03-03T01:00:00Z")
    assert names(Span(at(0), at(24)), here, there) == ["here"]
    assert names(None, here, there) == ["here", "there"]


def test_records_without_an_id_or_a_start_cannot_be_followed() -> None:
    odd = [record(None, "2026-03-02T01:00:00Z"), record("", "2026-03-02T01:00:00Z"), record("c", None)]
    assert names(None, *odd, record("c", "soon"), record(7, "2026-03-02T01:00:00Z")) == []


def test_an_end_nobody_can_read_leaves_the_record_open() -> None:
    (found,) = RULES.following([record("c", "2026-03-02T01:00:00Z", "later")], "id", "start", "end", at(30), None)
    assert (found.ended, found.is_listed_anew) == (None, True)
