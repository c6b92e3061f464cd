"""Buckets and spans in local time, end to end: each bucket arrives once under its own key, over every kind of day."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lab import Lab, conversation

from connector.spans import Span, instant, stamp

MAPPING = """
about: queue buckets in local time
source:
  query: conversations.aggregates
  granularity: {granularity}
  group_by: [queueId]
  metrics: [nOffered, tHandle]
window: {{start: {start}, size: {size}, lookback: {lookback}, recheck: {recheck}, settle: PT15M, timezone: {zone}}}
target: {{object: Queue_Interval__c, external_id: Genesys_Key__c}}
keep: {{queueId: {{exists: true}}}}
fields:
  Genesys_Key__c: {{key: [queueId, mediaType, start]}}
  Queue_Id__c: queueId
  Interval_Start__c: start
  Offered__c: {{from: nOffered.count, default: 0}}
  Answered__c: {{from: tHandle.count, default: 0}}
"""

CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Asia/Kolkata": ["2026-03-31", "2026-12-31"],
    "Pacific/Apia": ["2026-04-05", "2026-09-27"],
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
}
"""Both days of 2026 on which clocks change; where they do not, month ends and days on which they once did."""

DAYS = [(zone, date.fromisoformat(day)) for zone, days in CHANGES.items() for day in [*days, "2028-02-29"]]
SECONDS = {"PT30M": 1800, "PT1H": 3600, "PT2H": 7200}


class Zone:
    """The calendar of a zone, told independently of the package: midnights, and buckets by time gone since."""

    def __init__(self, name: str) -> None:
        self.zone = ZoneInfo(name)

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def bucket(self, moment: datetime, granularity: str) -> datetime:
        midnight = self.midnight(moment.astimezone(self.zone).date())
        if granularity == "P1D":
            return midnight
        gone = int((moment - midnight).total_seconds())
        return midnight + timedelta(seconds=gone - gone % SECONDS[granularity])


class LocalLab:
    """Three days before to two days after a day in a zone: a call every 43 minutes, by turns in two queues."""

    def __init__(self, folder: Path, zone: str, day: date, granularity: str, **rules: str) -> None:
        self.zone = Zone(zone)
        self.day = day
        self.granularity = granularity
        self.start = self.zone.midnight(day - timedelta(days=3))
        self.end = self.zone.midnight(day + timedelta(days=3))
        self.lab = Lab(folder, now=self.start)
        self.lab.mapping.unlink()
        window = {"size": "P1D", "lookback": "PT6H", "recheck": "[]", **rules}
        first = str(day - timedelta(days=3))
        self.lab.write_mapping(MAPPING.format(granularity=granularity, start=first, zone=zone, **window), "buckets")
        self.begun: list[tuple[str, datetime]] = []
        number, moment = 0, self.start + timedelta(minutes=4)
        while moment < self.end:
            self.add(f"c{number}", moment, f"q{number % 2}")
            number, moment = number + 1, moment + timedelta(minutes=43)

    def add(self, name: str, start: datetime, queue: str, visible_from: datetime | None = None) -> None:
        self.lab.world.add(conversation(name, start, queue=queue), visible_from)
        self.begun.append((queue, start))

    def sync_at(self, moment: datetime) -> Any:
        self.lab.clock.set(moment)
        result = self.lab.sync()
        assert (result.error, result.new) == (None, {name: 0 for name in result.new})
        return result

    def truth(self, until: datetime) -> dict[str, tuple[int, int]]:
        """Offered and answered by key, in the buckets that begin before `until`."""
        offered: Counter[str] = Counter()
        answered: Counter[str] = Counter()
        for queue, start in self.begun:
            for counter, after in ((offered, timedelta(seconds=10)), (answered, timedelta(minutes=5))):
                bucket = self.zone.bucket(start + after, self.granularity)
                if bucket < until:
                    counter[f"{queue}|voice|{stamp(bucket)}"] += 1
        return {key: (offered[key], answered[key]) for key in offered | answered}

    def rows(self) -> dict[str, tuple[int, int]]:
        rows = self.lab.salesforce.rows("Queue_Interval__c")
        return {key: (int(row["Offered__c"]), int(row["Answered__c"])) for key, row in rows.items()}

    def read(self) -> list[Span]:
        """Every span that was read, in the order it was begun."""
        rows = sorted(self.lab.table("passes"), key=lambda row: row["id"])
        return [Span(instant(row["start"]), instant(row["end"])) for row in rows if row["start"]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Any]:
    labs: list[LocalLab] = []

    def make(*args: Any, **rules: str) -> LocalLab:
        labs.append(LocalLab(tmp_path, *args, **rules))
        return labs[-1]

    yield make
    for one in labs:
        one.lab.close()


def test_the_calendars_of_these_zones_are_known():
    """Days of 23, 25, 23.5 and 24.5 hours; without these the other tests prove nothing."""

    def hours(zone: str, day: str) -> float:
        calendar, first = Zone(zone), date.fromisoformat(day)
        return (calendar.midnight(first + timedelta(days=1)) - calendar.midnight(first)).total_seconds() / 3600

    assert {zone: [hours(zone, day) for day in days] for zone, days in CHANGES.items()} == {
        "Europe/Berlin": [23, 25],
        "America/New_York": [23, 25],
        "Australia/Lord_Howe": [24.5, 23.5],
        "Asia/Kolkata": [24, 24],
        "Pacific/Apia": [24, 24],
        "Africa/Casablanca": [25, 23],
    }


@pytest.mark.parametrize(("granularity", "size"), [("PT30M", "P1D"), ("PT1H", "P1M"), ("PT2H", "P1M"), ("P1D", "P1D")])
@pytest.mark.parametrize(("zone", "day"), DAYS, ids=lambda value: str(value))
def test_every_bucket_arrives_once_under_its_own_key(
    made: Any, zone: str, day: date, granularity: str, size: str
) -> None:
    """Runs before, in and after the day that is longer or shorter, each with its lookback."""
    local = made(zone, day, granularity, size=size)
    for hours in (5.2, 24 + 2.9, 24 + 22.4, 49.3):
        local.sync_at(local.zone.midnight(day - timedelta(days=1)) + timedelta(hours=hours))
    assert local.rows() == local.truth(_horizon(local))
    local.sync_at(local.end + timedelta(minutes=15))
    assert local.rows() == local.truth(local.end)
    for span in local.read():
        assert span.start == local.zone.bucket(span.start, granularity)
        assert span.end == local.zone.bucket(span.end, granularity)


def _horizon(local: LocalLab) -> datetime:
    return local.zone.bucket(local.lab.clock.now() - timedelta(minutes=15), local.granularity)


BERLIN_AUTUMN = ("Europe/Berlin", date(2026, 10, 25), "PT1H")


def test_a_bucket_of_the_hour_that_comes_twice_has_two_keys(made: Any):
    local = made(*BERLIN_AUTUMN)
    local.sync_at(local.end + timedelta(minutes=15))
    hours = [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]
    assert [hour.astimezone(ZoneInfo("Europe/Berlin")).hour for hour in hours] == [2, 2]
    keys = {key.split("|")[2] for key in local.rows()}
    assert {stamp(hour) for hour in hours} <= keys


@pytest.mark.parametrize("day", CHANGES["Europe/Berlin"])
def test_what_comes_late_over_a_change_of_clocks_is_brought_by_the_lookback(made: Any, day: str) -> None:
    """Five hours late by the sun, seven or five by the clock on the wall."""
    local = made("Europe/Berlin", date.fromisoformat(day), "PT1H")
    change = datetime.combine(local.day, time(1), UTC)
    local.sync_at(change + timedelta(hours=1.5))
    local.add("late", change - timedelta(hours=3.5), "q0", visible_from=change + timedelta(hours=1.6))
    assert local.rows() != local.truth(_horizon(local))
    local.sync_at(change + timedelta(hours=2.5))
    assert local.rows() == local.truth(_horizon(local))


@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", "2026-10-25"), ("Australia/Lord_Howe", "2026-04-05")])
def test_a_long_day_is_read_once_more_whole_when_it_has_reached_its_age(made: Any, zone: str, day: str) -> None:
    local = made(zone, date.fromisoformat(day), "PT1H", recheck="[P1D]")
    midnight, next_midnight = (local.zone.midnight(local.day + timedelta(days=number)) for number in (0, 1))
    local.sync_at(next_midnight + timedelta(hours=8))
    local.add("late", midnight + timedelta(hours=2.6), "q1", visible_from=next_midnight + timedelta(hours=9))
    local.sync_at(next_midnight + timedelta(hours=23))
    assert local.rows() != local.truth(_horizon(local))
    local.sync_at(next_midnight + timedelta(hours=25))
    assert local.read().count(Span(midnight, next_midnight)) == 2
    assert local.rows() == local.truth(_horizon(local))


@pytest.mark.parametrize("hours", [-13, -2, 2, 13])
@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", "2026-03-29"), ("Australia/Lord_Howe", "2026-10-04")])
def test_a_local_clock_that_is_hours_wrong_neither_takes_unsettled_time_for_settled_nor_loses_any(
    made: Any, caplog: pytest.LogCaptureFixture, zone: str, day: str, hours: float
) -> None:
    """Ahead: the services' Date is used. Behind: less is read, and the rest once the clock is right."""
    local = made(zone, date.fromisoformat(day), "PT1H")
    true_start = local.zone.midnight(local.day) + timedelta(hours=1.3)
    local.sync_at(true_start)
    local.lab.clock_error = timedelta(hours=hours)
    caplog.clear()
    local.sync_at(true_start + timedelta(hours=4))
    assert all(span.end <= _horizon(local) for span in local.read())
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    order = "ahead of" if hours > 0 else "behind"
    assert f"the clock of this machine is {abs(hours) * 3600} s {order} that of" in warning.getMessage()
    if hours > 0:
        assert local.rows() == local.truth(_horizon(local))
    local.lab.clock_error = timedelta()
    local.sync_at(true_start + timedelta(hours=5))
    assert local.rows() == local.truth(_horizon(local))
    local.sync_at(local.end + timedelta(minutes=15))
    assert local.rows() == local.truth(local.end)


def test_a_clock_wrong_by_less_than_two_minutes_is_not_worth_a_word(
    made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    local = made(*BERLIN_AUTUMN)
    local.lab.clock_error = timedelta(seconds=110)
    local.sync_at(local.end + timedelta(minutes=15))
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert local.rows() == local.truth(local.end)
