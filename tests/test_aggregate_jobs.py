"""Aggregates read by job: the same rows as by query, only of time old enough, whole whatever becomes of the job."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from lab import DAY, Lab, at

from connector.errors import MalformedAnswer, QueryRefused
from connector.forecast import stream_plan
from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.faults import Rule
from connector.sandbox.genesys.aggregates import aggregate
from connector.sandbox.genesys.user_aggregates import user_aggregate

MakeLab = Callable[..., Lab]
CENTRE = ContactCentre(seed=5, start=DAY, days=1, queues=3, agents=6, conversations=120)
JOBS, RESULTS = "/aggregates/jobs$", "/results$"
NOW = at(60.5)
OLD = at(12)
"""The end of what is older than 48 hours then."""

QUEUES = """
source:
  query: conversations.aggregates
  granularity: PT1H
  group_by: [queueId]
  metrics: [nOffered, tHandle]
  via: job
  page_size: 7
window: {start: 2026-03-02, size: PT6H}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Offered__c: {from: nOffered.count, default: 0}
  Answered__c: {from: tHandle.count, default: 0}
"""
USERS = """
source: {query: users.aggregates, via: job, granularity: PT1H, metrics: [tSystemPresence], page_size: 5}
window: {start: 2026-03-02, size: PT6H}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [userId, start, metric, qualifier]}
  Offered__c: sum
"""


def filled(make_lab: MakeLab, mapping: str = QUEUES, **options: Any) -> Lab:
    lab = make_lab(now=NOW, **options)
    lab.world.directory = CENTRE.directory
    for conversation in CENTRE.whole_conversations():
        lab.world.add(conversation)
    lab.write_mapping(mapping)
    return lab


def rows(lab: Lab) -> dict[str, tuple[Any, Any]]:
    found = lab.salesforce.rows("Queue_Interval__c")
    return {key: (row["Offered__c"], row["Answered__c"]) for key, row in found.items()}


def truth(lab: Lab) -> dict[str, tuple[int, int]]:
    """What the query would tell of the time that is old enough."""
    body = {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-02T12:00:00.000Z",
        "granularity": "PT1H",
        "groupBy": ["queueId"],
        "metrics": ["nOffered", "tHandle"],
    }
    told = {}
    for result in aggregate(lab.world, body, lab.clock.now()):
        for bucket in result["data"]:
            stats = {one["metric"]: one["stats"]["count"] for one in bucket["metrics"]}
            group = result["group"]
            key = f"{group.get('queueId', '-')}|{group['mediaType']}|{bucket['interval'][:19]}Z"
            told[key] = (stats.get("nOffered", 0), stats.get("tHandle", 0))
    return told


def asked(lab: Lab) -> dict[str, int]:
    """Calls for aggregates since the last time, by what they ask."""
    counts: Counter[str] = Counter()
    for call in lab.genesys.calls:
        if "/aggregates/" in call.path:
            last = call.path.rsplit("/", 1)[-1]
            counts[{"jobs": "submit", "results": "page", "query": "query"}.get(last, "state")] += 1
    lab.genesys.calls.clear()
    return dict(counts)


def test_a_job_gives_the_rows_of_the_query_but_only_of_time_older_than_48_hours(make_lab: MakeLab) -> None:
    """Intervals of one group stand on several pages."""
    lab = filled(make_lab)
    result = lab.sync()
    assert (result.error, result.exit_code, result.complete_to) == (None, 0, OLD)
    assert rows(lab) == truth(lab)
    assert len(rows(lab)) > 30
    calls = asked(lab)
    assert set(calls) == {"submit", "state", "page"}
    assert calls["submit"] == 2 and calls["page"] > 4
    assert {one["path"] for one in lab.table("coverage")} == {"job"}
    again = lab.sync()
    assert (again.books.created, again.books.updated, again.complete_to) == (0, 0, OLD)
    lab.clock.advance(3 * 3600)
    assert lab.sync().complete_to == at(15)


def test_aggregates_of_users_by_job_are_those_of_the_query(make_lab: MakeLab) -> None:
    lab = filled(make_lab, USERS)
    assert lab.sync().error is None
    body = {"granularity": "PT1H", "groupBy": ["userId"], "metrics": ["tSystemPresence"]}
    interval = "2026-03-02T00:00:00.000Z/2026-03-02T12:00:00.000Z"
    told = {
        f"{group['group']['userId']}|{data['interval'][:19]}Z|{one['metric']}|{one['qualifier']}": one["stats"]["sum"]
        for group in user_aggregate(CENTRE.directory, {**body, "interval": interval}, lab.clock.now())
        for data in group["data"]
        for one in data["metrics"]
    }
    assert {key: offered for key, (offered, _) in rows(lab).items()} == told


def test_without_a_word_aggregates_are_read_by_query_however_old(make_lab: MakeLab) -> None:
    lab = filled(make_lab, QUEUES.replace("  via: job\n  page_size: 7\n", ""))
    assert lab.sync().complete_to == at(60)
    assert set(asked(lab)) == {"query"}


TROUBLE = {
    "fail": (Rule("fail_job", path=JOBS, nth=1),),
    "stall": (Rule("stall_job", path=JOBS, nth=1),),
    "slow": (Rule("slow_job", {"seconds": 400}, path=JOBS, nth=1),),
    "expire mid-way": (
        Rule("expire_job", {"seconds": 3}, path=JOBS, nth=1),
        Rule("delay", {"seconds": 2}, path=RESULTS),
    ),
    "gone": (Rule("status", {"code": 404, "json": {"code": "not.found", "status": 404}}, path=RESULTS, nth=2),),
    "cursor twice": (Rule("repeat_cursor", path=RESULTS, nth=2),),
    "page twice": (Rule("repeat_previous_page", path=RESULTS, nth=2),),
    "empty page with a cursor": (Rule("empty_page", path=RESULTS, nth=2),),
    "cut": (Rule("cut_chain", path=RESULTS, nth=2),),
    "short": (Rule("short_page", path=RESULTS, nth=2),),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_whatever_becomes_of_a_job_all_aggregates_arrive(make_lab: MakeLab, trouble: str) -> None:
    lab = filled(make_lab, rules=TROUBLE[trouble])
    result = lab.sync()
    assert (result.error, result.complete_to, lab.table("gaps")) == (None, OLD, [])
    assert rows(lab) == truth(lab)


def test_killed_at_any_commit_the_next_run_goes_on_inside_the_job_of_aggregates(make_lab: MakeLab) -> None:
    step, was_killed = 1, True
    while was_killed:
        lab = filled(make_lab)
        was_killed = lab.killed_at(step, calls=False) >= step
        assert (lab.sync().error, rows(lab)) == (None, truth(lab)), step
        assert asked(lab)["submit"] == len(lab.table("passes")), step
        step += 5


def test_an_interval_of_a_group_told_twice_with_other_values_is_told_and_never_replaced(make_lab: MakeLab) -> None:
    """Half of its metrics on one page, half on the next: to take the later half for the whole would lose the first."""
    lab = filled(make_lab, QUEUES.replace("page_size: 7", "page_size: 1000"))
    interval = "2026-03-02T09:00:00.000Z/2026-03-02T10:00:00.000Z"

    def half(metric: str, **more: Any) -> Any:
        data = [{"interval": interval, "metrics": [{"metric": metric, "stats": {"count": 3}}]}]
        body = {"results": [{"group": {"mediaType": "voice", "queueId": "q"}, "data": data}], **more}
        return {"code": 200, "json": body}

    submitted = Rule("status", {"code": 202, "json": {"jobId": "torn"}}, path=JOBS)
    ready = Rule("status", {"code": 200, "json": {"state": "FULFILLED"}}, path="/torn$")
    first, second = half("nOffered", cursor="more"), half("tHandle")
    pages = (Rule("status", first, path=RESULTS, nth=1), Rule("status", second, path=RESULTS))
    lab.faults.change(submitted, ready, *pages)
    result = lab.sync()
    assert (result.exit_code, type(result.error)) == (4, MalformedAnswer)
    assert "tells the interval at 2026-03-02T09:00:00Z of one group twice, with other values" in str(result.error)
    assert lab.table("coverage") == []
    lab.faults.change()
    lab.change_mapping("  via: job\n  page_size: 1000\n", "")
    assert lab.sync().error is None
    assert {key: row for key, row in rows(lab).items() if key in truth(lab)} == truth(lab)


def test_a_date_that_results_tell_is_heeded(make_lab: MakeLab) -> None:
    lab = filled(make_lab)
    lab.genesys.jobs.told = at(8)
    assert lab.sync().complete_to == at(6)
    assert [(one["start"][11:13], one["state"]) for one in lab.table("passes")] == [("06", "failed"), ("00", "settled")]
    lab.genesys.jobs.told = None
    assert (lab.sync().complete_to, rows(lab)) == (OLD, truth(lab))


def test_a_span_refused_by_the_job_is_halved_on_the_granularity(make_lab: MakeLab) -> None:
    refused = {"interval": "2026-03-02T06:00:00.000Z/2026-03-02T12:00:00.000Z"}
    body = {"code": "response.entity.too.large", "status": 400, "message": "Too much."}
    lab = filled(make_lab, rules=(Rule("status", {"code": 400, "json": body}, path=JOBS, body=refused),))
    assert (lab.sync().error, rows(lab)) == (None, truth(lab))
    read = [(one["start"][11:13], one["end"][11:13], one["state"]) for one in lab.table("passes")]
    assert sorted(read) == [
        ("00", "06", "settled"),
        ("06", "09", "settled"),
        ("06", "12", "split"),
        ("09", "12", "settled"),
    ]
    assert lab.table("gaps") == []


@pytest.mark.parametrize("size", [7, 1000])
def test_a_backfill_of_aggregates_by_job_keeps_the_bound_of_its_calls(make_lab: MakeLab, size: int) -> None:
    """At most 1.1 x (rows / page size + 5 for each job)."""
    lab = filled(make_lab, QUEUES.replace("page_size: 7", f"page_size: {size}"))
    with lab.opened() as ready:
        (planned,) = stream_plan(ready.store, lab.stream, lab.clock.now(), 300).kinds
    assert (planned.passes, planned.path, planned.why, planned.last) == (2, "job", "via: job", OLD)
    assert lab.sync().error is None
    calls = asked(lab)
    pages = len(rows(lab)) / size
    assert (calls["submit"], sum(calls.values()) <= 1.1 * (pages + 5 * calls["submit"])) == (2, True), calls
    if size == 1000:
        # The last page of the job that gave nothing is looked at twice.
        assert (planned.calls, sum(calls.values())) == (8, 9)


def test_a_query_that_is_too_large_for_one_interval_is_told_that_jobs_have_pages(make_lab: MakeLab) -> None:
    body = {"code": "response.entity.too.large", "status": 413, "message": "Too much."}
    too_large = Rule("status", {"code": 413, "json": body}, path="/aggregates/query$")
    lab = filled(make_lab, QUEUES.replace("  via: job\n  page_size: 7\n", ""), rules=(too_large,))
    result = lab.sync()
    assert (result.exit_code, type(result.error)) == (3, QueryRefused)
    assert result.error is not None and result.error.hint.endswith("`via: job` reads it by pages")
    lab.change_mapping("granularity: PT1H", "granularity: PT1H\n  via: job")
    assert (lab.sync().error, rows(lab)) == (None, truth(lab))
