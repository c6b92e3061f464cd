"""Snapshots: one in each interval while it lasts, none made up for what was missed, whatever a run meets."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from lab import Killed, Lab, at, conversation

from connector.orders import Order
from connector.report import status
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.directory import make_directory
from connector.sandbox.faults import Rule
from connector.sandbox.genesys.observations import observe
from connector.spans import Calendar, Period, Span, stamp
from connector.windows import Known, Planned, Snapshots, Window, plan, snapshots

MakeLab = Callable[..., Lab]

MAPPING = """
source: {query: queues.observations, granularity: PT1H, metrics: [oWaiting, oInteracting, oOnQueueUsers]}
window: {start: 2026-03-02}
target: {object: Queue_Snapshot__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Queue_Id__c: queueId
  Media_Type__c: mediaType
  Interval_Start__c: start
  Taken__c: taken
  Waiting__c: oWaiting.count
  Interacting__c: oInteracting.count
  Agents_On_Queue__c: oOnQueueUsers.count
  Agents_Idle__c: oOnQueueUsers.IDLE.count
"""
CALL = "POST /api/v2/analytics/queues/observations/query"


def hours(*bounds: float) -> Span:
    return Span(at(bounds[0]), at(bounds[1]))


# The plan, and what is counted of it

HOUR = Calendar(Period(seconds=3600), ZoneInfo("UTC"))
WINDOW = Window(at(0), Calendar(Period(days=1), ZoneInfo("UTC")), HOUR, timedelta(hours=6), timedelta(), (), True)


def test_only_the_interval_that_lasts_is_planned_and_only_once():
    assert plan(WINDOW, Known(), at(10.4)) == plan(WINDOW, Known(), at(10)) == [Planned("new", hours(10, 11))]
    assert plan(WINDOW, Known(reads=[(hours(10, 11), at(10))]), at(10.9)) == []
    assert plan(WINDOW, Known(taken=[hours(10, 11)]), at(10.9)) == []
    assert plan(WINDOW, Known(reads=[(hours(8, 9), at(8))]), at(10.9)) == [Planned("new", hours(10, 11))]


def test_what_is_owed_or_a_gap_is_past_and_not_planned():
    known = Known(gaps=[hours(3, 4)], owed=[(hours(0, 9), True)])
    assert plan(WINDOW, known, at(10)) == [Planned("new", hours(10, 11))]


def test_nothing_is_taken_before_the_window_begins():
    assert plan(WINDOW, Known(), at(-0.5)) == []


def test_the_mark_passes_over_what_was_missed():
    assert WINDOW.mark([hours(1, 2), hours(5, 6)]) == at(6)
    assert WINDOW.mark([]) == at(0)


@pytest.mark.parametrize(
    ("covered", "now", "counted"),
    [
        ([], 9, None),
        ([hours(8, 9)], 8.5, Snapshots(1, 1, at(8))),
        ([hours(8, 9)], 9.5, Snapshots(1, 1, at(8))),
        ([hours(8, 9)], 10.5, Snapshots(1, 2, at(8), (hours(9, 10),))),
        ([hours(3, 4), hours(4, 5), hours(7, 8)], 7.2, Snapshots(3, 5, at(3), (hours(5, 7),))),
        # Counted from a day back on.
        ([hours(0, 1), hours(30, 31)], 31, Snapshots(1, 24, at(7), (hours(7, 30),))),
        ([hours(0, 1)], 60, Snapshots(0, 24, at(36), (hours(36, 60),))),
    ],
)
def test_snapshots_are_counted_from_the_first_one_on(covered, now, counted):
    assert snapshots(WINDOW, covered, at(now), timedelta(days=1)) == counted


# Whole runs


def made(make_lab: MakeLab, now: float = 10.01) -> Lab:
    lab = make_lab(now=at(now))
    lab.world.directory = make_directory(5, 3, 12)
    for number in range(8):
        queue = lab.world.directory.queue_ids[number % 3]
        lab.world.add(conversation(f"c{number}", at(9.9 + number / 4), minutes=40, queue=queue))
    lab.write_mapping(MAPPING, "snapshots")
    return lab


def made_of_two_calls(make_lab: MakeLab) -> Lab:
    """Two queues in the first call and one in the second, among many that are gone."""
    lab = made(make_lab)
    first, second, third = (queue["id"] for queue in lab.world.directory.queues)
    queues = [first, *(f"gone-{number}" for number in range(98)), second, third]
    predicates = ", ".join(f"{{dimension: queueId, value: {queue}}}" for queue in queues)
    lab.change_mapping("oOnQueueUsers]", f"oOnQueueUsers], filter: {{type: or, predicates: [{predicates}]}}")
    return lab


def truth(lab: Lab, moment: datetime) -> dict[str, tuple[Any, ...]]:
    """What a snapshot of all listed queues, taken then, brings to the org: without the moment itself."""
    start = stamp(moment.replace(minute=0, second=0, microsecond=0))
    listed = [{"dimension": "queueId", "value": queue["id"]} for queue in lab.world.directory.queues]
    body = {"filter": {"type": "or", "predicates": listed}, "metrics": ["oWaiting", "oInteracting", "oOnQueueUsers"]}
    rows = {}
    for group in observe(lab.world, body, moment):
        queue, media = group["group"]["queueId"], group["group"].get("mediaType")
        counted = {(one["metric"], one.get("qualifier")): one["stats"]["count"] for one in group["data"]}
        on_queue = [count for (metric, _), count in counted.items() if metric == "oOnQueueUsers"]
        rows[f"{queue}|{media or '-'}|{start}"] = (
            *(counted.get((name, None)) for name in ("oWaiting", "oInteracting")),
            sum(on_queue) if on_queue else None,
            counted.get(("oOnQueueUsers", "IDLE")),
        )
    return rows


def org(lab: Lab) -> dict[str, tuple[Any, ...]]:
    names = ("Waiting__c", "Interacting__c", "Agents_On_Queue__c", "Agents_Idle__c")
    return {key: tuple(row[name] for name in names) for key, row in lab.salesforce.rows("Queue_Snapshot__c").items()}


def of_hour(rows: dict[str, Any], hour: float) -> dict[str, Any]:
    return {key: row for key, row in rows.items() if key.endswith(stamp(at(hour)))}


def unfinished(lab: Lab) -> list[Any]:
    return [*lab.table("outbox"), *lab.table("gaps"), *lab.table("owed")] + [
        one for one in lab.table("passes") if one["ended"] is None
    ]


def test_one_snapshot_an_hour_and_a_missed_hour_is_told_and_passed_over(make_lab: MakeLab):
    lab = made(make_lab)
    expected: dict[str, Any] = {}
    results = []
    for now in (10.01, 10.6, 11.2, 13.3):
        lab.clock.advance((at(now) - lab.clock.now()).total_seconds())
        if now != 10.6:
            expected |= truth(lab, at(now))
        results.append(lab.sync())
    assert org(lab) == expected
    assert {row[1] for row in expected.values()} >= {0, 1}
    taken = {row["Interval_Start__c"][11:13]: row["Taken__c"][:16] for row in lab.salesforce.rows(
        "Queue_Snapshot__c").values()}  # fmt: skip
    assert taken == {"10": "2026-03-02T10:00", "11": "2026-03-02T11:12", "13": "2026-03-02T13:18"}
    assert lab.genesys.counts()[CALL] == 3
    assert [one.exit_code for one in results] == [0, 0, 0, 0]
    assert [one.complete_to for one in results] == [at(11), at(11), at(12), at(14)]
    missed = "1 snapshot was missed, from 2026-03-02T12:00:00Z to 2026-03-02T13:00:00Z: no run took them"
    assert [one.story for one in results] == [(), (), (), (missed,)]
    assert unfinished(lab) == []
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], at(13.5))
    assert found.snapshots == Snapshots(3, 4, at(10), (hours(12, 13),))
    assert (found.complete_to, found.lag_seconds, found.gaps) == (at(14), 0, 0)
    assert found.advice == (
        "snapshots: 1 snapshot of 4 since 2026-03-02T10:00:00Z missed, the last for 2026-03-02T12:00:00Z to "
        "2026-03-02T13:00:00Z; what is past cannot be asked for: run connector sync more often than every PT1H",
    )


def test_the_second_snapshot_of_equal_counts_is_a_record_of_its_own(make_lab: MakeLab):
    lab = made(make_lab, now=40)
    lab.sync()
    lab.clock.advance(3600)
    result = lab.sync()
    assert (result.books.created, result.books.updated) == (len(truth(lab, at(41))), 0)


def test_killed_at_any_step_the_next_run_of_the_hour_makes_it_whole(make_lab: MakeLab):
    calm = made_of_two_calls(make_lab)
    steps = calm.killed_at(0)
    assert org(calm) == truth(calm, at(10.01))
    for step in Random(3).sample(range(1, steps + 1), 3):
        lab = made_of_two_calls(make_lab)
        assert lab.killed_at(step) >= step
        result = lab.sync()
        assert (result.error, result.exit_code) == (None, 0), step
        assert org(lab) == org(calm), step
        assert unfinished(lab) == [], step
        assert len(lab.table("coverage")) == 1, step


def test_killed_at_any_step_a_later_hour_delivers_what_was_stored_and_takes_its_own(make_lab: MakeLab):
    """A snapshot of two calls is whole when both were stored; else what there is arrives, and it counts as missed."""
    calm = made_of_two_calls(make_lab)
    steps = calm.killed_at(0)
    whole = org(calm)
    for step in Random(1).sample(range(1, steps + 1), 3):
        lab = made_of_two_calls(make_lab)
        lab.killed_at(step)
        lab.clock.advance(3600)
        now, calls = truth(lab, lab.clock.now()), lab.genesys.counts()[CALL]
        result = lab.sync()
        assert (result.error, result.exit_code) == (None, 0), step
        assert lab.genesys.counts()[CALL] == calls + 2, "nothing is asked for the hour that is over"
        first = of_hour(org(lab), 10)
        assert of_hour(org(lab), 11) == now, step
        assert unfinished(lab) == [], step
        is_covered = len(lab.table("coverage")) == 2
        assert (first == whole) if is_covered else (first.items() < whole.items()), step


def kill_when_stored(lab: Lab, page: int) -> None:
    """A run that is gone as soon as a page of its pass is stored."""

    def kill() -> None:
        with closing(sqlite3.connect(lab.config.state)) as state:
            stored = state.execute("SELECT checkpoint FROM passes WHERE state = 'pulling'").fetchone()
        if stored and stored[0] and orjson.loads(stored[0])["page"] == page:
            raise Killed

    lab.after_commit = kill
    with pytest.raises(Killed):
        lab.sync()
    lab.after_commit = lambda: None


@pytest.mark.parametrize(("page", "state", "told"), [(1, "failed", 1), (2, "settled", 0)])
def test_found_in_a_later_hour_it_is_whole_when_its_last_part_was_stored_and_else_missed(
    make_lab: MakeLab, page: int, state: str, told: int
):
    lab = made_of_two_calls(make_lab)
    first_call = [queue["id"] for queue in lab.world.directory.queues[:2]]
    kill_when_stored(lab, page)
    whole = truth(lab, at(10.01))
    expected = whole if page == 2 else {key: row for key, row in whole.items() if key.split("|")[0] in first_call}
    lab.clock.advance(3600)
    result = lab.sync()
    assert (result.error, result.exit_code) == (None, 0)
    assert org(lab) == {**expected, **truth(lab, at(11.01))}
    assert lab.genesys.counts()[CALL] == page + 2
    assert [one["state"] for one in lab.table("passes")] == [state, "settled"]
    lab.clock.advance(3600)
    lab.sync()
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], at(12.1))
    assert found.snapshots == Snapshots(3 - told, 3 - told, at(10 + told))


class SlowAdapter(WsgiAdapter):
    """Answers about queues take so long that the hour is over; the first `times` of them."""

    times = 1

    def __init__(self, lab: Lab, seconds: float) -> None:
        super().__init__(lab.answering, lab.clock)
        self.lab, self.seconds = lab, seconds

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        answer = super().send(request, *args, **options)
        if "observations" in request.url and self.times:
            self.times -= 1
            self.lab.clock.advance(self.seconds)
        return answer


def test_an_answer_of_another_hour_stands_for_none_and_that_hour_is_taken_instead(make_lab: MakeLab):
    lab = made(make_lab, now=10.999)
    slow = SlowAdapter(lab, 600)
    lab.wrap_adapter = lambda adapter: slow
    result = lab.sync()
    assert result.exit_code == 0
    assert org(lab) == truth(lab, lab.clock.now())
    assert [(one["start"], one["state"], one["reason"]) for one in lab.table("passes")] == [
        ("2026-03-02T10:00:00Z", "failed", "its interval was over before the snapshot was whole"),
        ("2026-03-02T11:00:00Z", "settled", ""),
    ]
    assert lab.genesys.counts()[CALL] == 2


def test_an_answer_without_any_queue_is_asked_again_then_taken_and_told(make_lab: MakeLab):
    lab = made(make_lab)
    lab.faults.change(Rule("empty_page", path="/observations/query", times=3))
    assert lab.sync().story == ()
    assert org(lab) == truth(lab, at(10.01) + timedelta(seconds=2 + 5 + 12))
    lab.clock.advance(3600)
    lab.faults.change(Rule("empty_page", path="/observations/query"))
    told = (
        "2026-03-02T11:00:00Z/2026-03-02T12:00:00Z: the service tells nothing of any queue: may the OAuth client see "
    )
    assert lab.sync().story == (f"{told}their divisions?",)


def test_salesforce_out_of_service_costs_no_snapshot(make_lab: MakeLab):
    """What was taken waits; the next run delivers it and takes the snapshot of its own hour."""
    lab = made(make_lab)
    lab.faults.change(Rule("status", {"code": 503}, service="salesforce", path="/composite/"))
    assert lab.sync().exit_code == 4
    lab.faults.change()
    expected = truth(lab, at(10.01))
    lab.clock.advance((at(11.5) - lab.clock.now()).total_seconds())
    expected |= truth(lab, at(11.5))
    assert lab.sync().exit_code == 0
    assert org(lab) == expected
    assert unfinished(lab) == []


def test_a_changed_mapping_maps_what_comes_and_owes_nothing_of_the_past(make_lab: MakeLab):
    lab = made(make_lab)
    lab.sync()
    lab.change_mapping("Interacting__c: oInteracting.count", "Interacting__c: {from: oInteracting.count, multiply: 10}")
    lab.clock.advance(3600)
    assert lab.sync().exit_code == 0
    rows = org(lab)
    assert [{row[1] for row in of_hour(rows, hour).values() if row[1]} for hour in (10, 11)] == [{1}, {10}]
    assert of_hour(rows, 11).keys() == truth(lab, lab.clock.now()).keys()
    assert unfinished(lab) == []


def test_new_keys_are_accepted_for_what_comes(make_lab: MakeLab):
    lab = made(make_lab)
    lab.sync()
    lab.change_mapping("granularity: PT1H", "granularity: PT15M")
    lab.clock.advance(3600)
    refused = lab.sync()
    assert refused.exit_code == 3
    accepting = Order("resync --full", lambda horizon: Span(at(0), horizon), accept_new_keys=True)
    assert lab.sync(accepting).exit_code == 0
    assert lab.sync().exit_code == 0
    starts = sorted({key.split("|")[2] for key in org(lab)})
    assert starts == ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"]
    assert unfinished(lab) == []
