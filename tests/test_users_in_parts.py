"""More users than one call takes: several calls make one pass, whole when all are answered."""

from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from lab import Lab, at
from test_snapshots import kill_when_stored

from connector.errors import QueryRefused
from connector.forecast import stream_plan
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.directory import make_directory
from connector.sandbox.faults import Rule
from connector.sandbox.genesys.user_aggregates import user_aggregate

MakeLab = Callable[..., Lab]

DIRECTORY = make_directory(3, 2, 24)
GONE = tuple(f"gone-{number}" for number in range(226))
CHOSEN = (*DIRECTORY.user_ids[:8], *GONE[:100], *DIRECTORY.user_ids[8:16], *GONE[100:], *DIRECTORY.user_ids[16:24])
"""250 users, some in each of three calls; most have left long ago."""

MAPPING = """
source: {query: users.aggregates, granularity: P1D, metrics: [tAgentRoutingStatus], filter: FILTER}
window: {start: 2026-03-02, size: P1D}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
keep: {qualifier: IDLE}
fields:
  Genesys_Key__c: {key: [userId, start, metric, qualifier]}
  Queue_Id__c: userId
  Offered__c: sum
"""


def made(make_lab: MakeLab) -> Lab:
    lab = make_lab(now=at(24.3))
    lab.world.directory = DIRECTORY
    # Some stand twice in the list, far apart.
    predicates = [{"dimension": "userId", "value": one} for one in (*CHOSEN, *CHOSEN[:7])]
    clause = {"type": "and", "clauses": [{"type": "or", "predicates": predicates}]}
    lab.write_mapping(MAPPING.replace("FILTER", orjson.dumps(clause).decode()), "statuses")
    return lab


class Watching(WsgiAdapter):
    """Notes how many users each call names; asked: one number a call."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.answering, lab.clock)
        self.asked: list[int] = []

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        if request.url.endswith("/users/aggregates/query"):
            self.asked.append(len(orjson.loads(request.body)["filter"]["clauses"][0]["predicates"]))
        return super().send(request, *args, **options)


def watched(lab: Lab) -> list[int]:
    watching = Watching(lab)
    lab.wrap_adapter = lambda adapter: watching
    return watching.asked


def org(lab: Lab) -> dict[str, int]:
    return {row["Queue_Id__c"]: row["Offered__c"] for row in lab.salesforce.rows("Queue_Interval__c").values()}


def truth(lab: Lab) -> dict[str, int]:
    body = {"interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z", "granularity": "P1D"}
    body |= {"groupBy": ["userId"], "metrics": ["tAgentRoutingStatus"]}
    return {
        group["group"]["userId"]: one["stats"]["sum"]
        for group in user_aggregate(DIRECTORY, body, lab.clock.now())
        for data in group["data"]
        for one in data["metrics"]
        if one["qualifier"] == "IDLE" and group["group"]["userId"] in CHOSEN
    }


def test_three_calls_make_one_pass_and_no_user_comes_twice(make_lab: MakeLab):
    lab = made(make_lab)
    asked = watched(lab)
    with lab.opened() as ready:
        assert stream_plan(ready.store, lab.stream, lab.clock.now(), 300).calls == 3
    result = lab.sync()
    assert (result.error, result.exit_code, result.complete_to) == (None, 0, at(24))
    assert asked == [100, 100, 50]
    assert org(lab) == truth(lab)
    assert (result.books.duplicate, result.books.row_duplicate) == (0, 0)
    assert [(one["state"], one["pages"]) for one in lab.table("passes")] == [("settled", 3)]


@pytest.mark.parametrize("page", [1, 2, 3])
def test_killed_between_its_parts_the_next_run_goes_on_behind_the_last_one_stored(make_lab: MakeLab, page: int):
    lab = made(make_lab)
    kill_when_stored(lab, page)
    asked = watched(lab)
    result = lab.sync()
    assert (result.error, result.exit_code) == (None, 0)
    assert org(lab) == truth(lab)
    assert [(one["state"], one["pages"], one["duplicate"]) for one in lab.table("passes")] == [("settled", 3, 0)]
    # The last part stored is asked once more, to see that it is still the same.
    assert asked == [100, 100, 50][page - 1 :]


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_step_the_next_run_ends_with_every_user_once(make_lab: MakeLab, seed: int):
    lab = made(make_lab)
    lab.killed_at(Random(seed).randrange(4, 60))
    assert lab.sync().exit_code == 0
    assert org(lab) == truth(lab)
    assert {(one["state"], one["duplicate"]) for one in lab.table("passes")} == {("settled", 0)}


def test_a_part_that_is_refused_is_no_reason_to_halve_the_span(make_lab: MakeLab):
    lab = made(make_lab)
    body = {"message": "no such user", "code": "bad.request", "status": 400}
    lab.faults.change(Rule("status", {"code": 400, "json": body}, path="/users/aggregates", nth=[2, 3]))
    result = lab.sync()
    assert isinstance(result.error, QueryRefused)
    assert [one["state"] for one in lab.table("passes")] == ["pulling"]
    lab.faults.change()
    assert lab.sync().exit_code == 0
    assert org(lab) == truth(lab)


@pytest.mark.parametrize("status", [504])
def test_a_part_without_an_answer_is_asked_by_the_next_run(make_lab: MakeLab, status: int):
    lab = made(make_lab)
    lab.faults.change(Rule("status", {"code": status}, service="genesys", path="/users/aggregates", nth=[*range(2, 8)]))
    assert lab.sync().exit_code == 4
    assert [(one["state"], one["pages"]) for one in lab.table("passes")] == [("pulling", 1)]
    lab.faults.change()
    asked = watched(lab)
    assert lab.sync().exit_code == 0
    assert (asked, org(lab)) == ([100, 100, 50], truth(lab))
