"""Aggregates by agent, queue and wrap-up code, with views; aggregates of flows: held against the metrics themselves."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from connector.sandbox.conversations import dimension, sessions
from connector.sandbox.faults import Faults, Rule

DAY = "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z"
CONVERSATIONS, FLOWS = "/analytics/conversations/aggregates/query", "/analytics/flows/aggregates/query"


def ask(client, path=CONVERSATIONS, **more):
    return client.post(path, {"interval": DAY, **more})


def counted(answer):
    """{(group as sorted items, metric): (count, sum)}"""
    return {
        (tuple(sorted(result["group"].items())), one["metric"]): (one["stats"]["count"], one["stats"].get("sum"))
        for result in answer.json().get("results", [])
        for data in result["data"]
        for one in data["metrics"]
    }


def truth(world, now, monday, group_by, metrics, keep=lambda point: True):
    """The same, from every metric emitted on the day."""
    counts, sums = Counter(), Counter()
    for point in world.points_at(now, monday, monday + timedelta(days=1)):
        if point.name in metrics and keep(point):
            group = {}
            for name in ("mediaType", *group_by):
                values = dimension(name, point.conversation, point.participant, point.session)
                group |= {name: values[0]} if values else {}
            key = (tuple(sorted(group.items())), point.name)
            counts[key] += point.value if point.name.startswith("n") else 1
            sums[key] += point.value
    return {key: (counts[key], None if key[1].startswith("n") else sums[key]) for key in counts}


@pytest.mark.parametrize(
    ("group_by", "shapes"),
    [
        (["userId"], {("mediaType",), ("mediaType", "userId")}),
        (
            ["queueId", "userId"],
            {("mediaType",), ("mediaType", "queueId"), ("mediaType", "userId"), ("mediaType", "queueId", "userId")},
        ),
        (
            ["queueId", "wrapUpCode"],
            {("mediaType",), ("mediaType", "queueId"), ("mediaType", "wrapUpCode")}
            | {("mediaType", "queueId", "wrapUpCode")},
        ),
    ],
)
def test_groups_add_media_type_leave_out_what_is_absent_and_lose_nothing(
    serve, busy_world, clock, monday, group_by, shapes
):
    metrics = ["nOffered", "tAnswered", "tHandle", "tTalkComplete", "tAcw", "tIvr", "nOutbound"]
    answer = ask(serve(busy_world), groupBy=group_by, metrics=metrics)
    assert {tuple(result["group"]) for result in answer.json()["results"]} == shapes
    expected = truth(busy_world, clock.now(), monday, group_by, metrics)
    assert len(expected) > 50
    assert counted(answer) == expected


def test_offers_belong_to_the_queue_and_handling_to_the_agent(serve, busy_world):
    found = counted(ask(serve(busy_world), groupBy=["queueId", "userId"], metrics=["nOffered", "tHandle"]))
    has_user = {metric: {"userId" in dict(group) for group, name in found if name == metric} for _, metric in found}
    assert has_user == {"nOffered": {False}, "tHandle": {True}}


def test_wrap_up_codes_count_the_work_after_the_call(serve, busy_world, clock, monday, centre):
    answer = ask(serve(busy_world), groupBy=["wrapUpCode"], metrics=["tAcw"])
    found = Counter()
    for (group, _), (count, _) in counted(answer).items():
        found[dict(group).get("wrapUpCode")] += count
    ended = Counter()
    for point in busy_world.points_at(clock.now(), monday, monday + timedelta(days=1)):
        if point.name == "tAcw":
            ended.update(one["wrapUpCode"] for one in point.session["segments"] if "wrapUpCode" in one)
    assert found == ended
    assert set(found) <= set(centre.directory.wrap_up_ids)
    assert len(found) > 5


@pytest.mark.parametrize("name", ["userId", "queueId", "wrapUpCode"])
def test_filter_takes_what_the_group_of_that_value_takes(serve, busy_world, clock, monday, name):
    client = serve(busy_world)
    metrics = ["tHandle", "tAcw", "nOffered"]
    whole = counted(ask(client, groupBy=[name], metrics=metrics))
    values = sorted({dict(group)[name] for group, _ in whole if name in dict(group)})[:2]
    clause = {"type": "or", "predicates": [{"dimension": name, "value": value} for value in values]}
    voice = {"dimension": "mediaType", "value": "voice"}
    asked = {"type": "and", "clauses": [clause], "predicates": [voice]}
    assert counted(ask(client, groupBy=[name], metrics=metrics, filter=asked)) == {
        (group, metric): stats
        for (group, metric), stats in whole.items()
        if dict(group).get(name) in values and dict(group)["mediaType"] == "voice"
    }
    without = {"type": "and", "predicates": [{"dimension": name, "operator": "notExists"}]}
    assert counted(ask(client, groupBy=[name], metrics=metrics, filter=without)) == {
        key: stats for key, stats in whole.items() if name not in dict(key[0])
    }


def test_views_part_the_timers_of_a_contact_centre_by_their_length(serve, busy_world):
    bounds = {"short": {"lt": 60_000}, "middle": {"gte": 60_000, "lt": 300_000}, "long": {"gte": 300_000}}
    views = [
        {"target": "tTalkComplete", "name": name, "function": "rangeBound", "range": bound}
        for name, bound in bounds.items()
    ]
    answer = ask(
        serve(busy_world), groupBy=["queueId"], granularity="PT1H", metrics=["tTalkComplete", "nOffered"], views=views
    )
    names = Counter()
    for result in answer.json()["results"]:
        for data in result["data"]:
            whole = [one["stats"] for one in data["metrics"] if one["metric"] == "tTalkComplete"]
            parts = [view["stats"] for view in data["views"]]
            names.update(view["name"] for view in data["views"])
            assert bool(whole) == bool(parts)
            if whole:
                sums = {key: sum(part[key] for part in parts) for key in ("count", "sum")}
                assert sums == {key: whole[0][key] for key in ("count", "sum")}
                assert whole[0]["max"] == max(part["max"] for part in parts)
    assert set(names) == set(bounds)


def test_view_shows_without_the_metric_it_looks_at(serve, make, monday):
    view = {"target": "tTalk", "name": "long", "function": "rangeBound", "range": {"gte": 50_000}}
    answer = ask(serve([make(1, monday)]), metrics=["tHandle"], views=[view])
    stats = {"max": 60_000, "min": 60_000, "count": 1, "sum": 60_000}
    assert answer.json()["results"][0]["data"] == [
        {"interval": DAY, "metrics": [], "views": [{"name": "long", "stats": stats}]}
    ]


def test_flows_are_counted_when_entered_and_timed_when_left(serve, busy_world, clock, monday, centre):
    metrics = ["nFlow", "tFlow", "tFlowDisconnect", "tFlowExit"]
    group_by = ["flowId", "flowName", "flowType"]
    answer = ask(serve(busy_world), FLOWS, groupBy=group_by, metrics=metrics)
    assert counted(answer) == truth(busy_world, clock.now(), monday, group_by, metrics)
    names = {flow["id"]: flow["name"] for flow in centre.directory.flows}
    groups = [result["group"] for result in answer.json()["results"]]
    assert {group["flowId"]: group["flowName"] for group in groups} == names
    assert {(group["mediaType"], group["flowType"]) for group in groups} == {("voice", "INBOUNDCALL")}
    totals = Counter()
    for (_, metric), (count, _) in counted(answer).items():
        totals[metric] += count
    assert totals["tFlow"] == totals["tFlowDisconnect"] + totals["tFlowExit"]
    assert min(totals.values()) > 5


def test_flow_exit_reason_is_known_when_the_caller_has_left_it(busy_world, clock, monday):
    def flow(at, identity):
        shown = sessions(busy_world.conversation_at(at, identity))
        return next((session["flow"] for _, session in shown if "flow" in session), {})

    reasons = Counter()
    for one in busy_world.conversations_at(clock.now(), monday, monday + timedelta(days=1)):
        whole = flow(clock.now(), one["conversationId"])
        reasons[whole.get("exitReason")] += 1
        if whole:
            begun = datetime.fromisoformat(one["conversationStart"])
            inside = flow(begun, one["conversationId"])
            assert {**inside, "exitReason": whole["exitReason"]} == whole != inside
    assert set(reasons) == {None, "TRANSFER", "DISCONNECT"}


def test_flows_can_be_grouped_by_how_they_were_left(serve, busy_world):
    found = counted(ask(serve(busy_world), FLOWS, groupBy=["exitReason"], metrics=["tFlowExit", "tFlowDisconnect"]))
    assert {(dict(group)["exitReason"], metric) for group, metric in found} == {
        ("TRANSFER", "tFlowExit"),
        ("DISCONNECT", "tFlowDisconnect"),
    }


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (FLOWS, {"metrics": ["tHandle"]}),
        (FLOWS, {"metrics": []}),
        (FLOWS, {"groupBy": ["flow"]}),
        (FLOWS, {"metrics": ["tFlow"], "views": [{"target": "tTalk", "name": "x", "function": "rangeBound"}]}),
        (CONVERSATIONS, {"metrics": ["tFlow"]}),
        (CONVERSATIONS, {"metrics": ["tTalk"], "groupBy": ["exitReason"]}),
    ],
)
def test_each_subject_takes_its_own_metrics_and_dimensions_only(serve, path, more):
    assert ask(serve([]), path, **{"metrics": ["nFlow"], **more}).status_code == 400


def test_flow_aggregates_need_their_own_permission_and_meet_faults(serve, busy_world):
    client = serve(busy_world, faults=Faults([Rule("empty_page", path="flows/aggregates", nth=1)]))
    assert ask(client, FLOWS, metrics=["nFlow"]).json() == {"results": []}
    client.sim.withdraw("analytics:conversationAggregate:view")
    assert len(ask(client, FLOWS, metrics=["nFlow"]).json()["results"]) == 1
    client.sim.withdraw("analytics:flowAggregate:view")
    assert ask(client, FLOWS, metrics=["nFlow"]).status_code == 403
