"""Conversation aggregates: buckets, groups, statistics."""

import itertools
from collections import Counter
from datetime import datetime, timedelta

import pytest

from connector.sandbox.genesys.aggregates import METRICS

DAY = "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z"
PATH = "/analytics/conversations/aggregates/query"


def ask(client, **more):
    return client.post(PATH, {"interval": DAY, "metrics": ["tTalk"], **more})


def found(answer):
    """{group values: {bucket start: {metric: stats}}}"""
    return {
        tuple(result["group"].items()): {
            data["interval"].partition("/")[0]: {one["metric"]: one["stats"] for one in data["metrics"]}
            for data in result["data"]
        }
        for result in answer.json().get("results", [])
    }


def timer(*values):
    return {"max": max(values), "min": min(values), "count": len(values), "sum": sum(values)}


def test_timer_falls_whole_into_the_bucket_where_it_finished(serve, make, monday):
    half_past_nine = monday + timedelta(hours=9, minutes=59)
    client = serve([make(1, half_past_nine, 50), make(2, half_past_nine, 90), make(3, half_past_nine, 60)])
    assert ask(client, granularity="PT1H", groupBy=["queueId"]).json() == {
        "results": [
            {
                "group": {"mediaType": "voice", "queueId": "q1"},
                "data": [
                    {
                        "interval": "2026-03-02T09:00:00.000Z/2026-03-02T10:00:00.000Z",
                        "metrics": [{"metric": "tTalk", "stats": timer(50_000)}],
                    },
                    {
                        "interval": "2026-03-02T10:00:00.000Z/2026-03-02T11:00:00.000Z",
                        "metrics": [{"metric": "tTalk", "stats": timer(90_000, 60_000)}],
                    },
                ],
            }
        ]
    }


def test_conversation_of_the_day_before_counts_where_it_finished(serve, make, monday):
    client = serve([make(1, monday - timedelta(seconds=30), 60)])
    assert found(ask(client)) == {(("mediaType", "voice"),): {"2026-03-02T00:00:00.000Z": {"tTalk": timer(60_000)}}}


def test_live_conversation_contributes_nothing_yet(serve, make, monday, clock):
    clock.set(monday + timedelta(seconds=59))
    client = serve([make(1, monday)])
    assert ask(client).json() == {}
    clock.advance(1)
    assert len(ask(client).json()["results"]) == 1


def test_absent_group_values_are_left_out(serve, make, monday):
    without_user, without_both = make(2, monday), make(3, monday)
    del without_user["participants"][0]["userId"]
    del without_both["participants"][0]["userId"]
    del without_both["participants"][0]["sessions"][0]["segments"][0]["queueId"]
    client = serve([make(1, monday), without_user, without_both])
    assert [result["group"] for result in ask(client, groupBy=["queueId", "userId"]).json()["results"]] == [
        {"mediaType": "voice"},
        {"mediaType": "voice", "queueId": "q1"},
        {"mediaType": "voice", "queueId": "q1", "userId": "u1"},
    ]


def test_several_values_of_a_dimension_count_in_several_groups(serve, make, monday):
    both = {**make(1, monday), "divisionIds": ["d1", "d2"]}
    client = serve([both, make(2, monday)])
    groups = {
        group: data["2026-03-02T00:00:00.000Z"]["tTalk"]["count"]
        for group, data in found(ask(client, groupBy=["divisionId"])).items()
    }
    assert groups == {
        (("mediaType", "voice"), ("divisionId", "d1")): 2,
        (("mediaType", "voice"), ("divisionId", "d2")): 1,
    }
    joined = ask(client, groupBy=["divisionId"], flattenMultivaluedDimensions=True)
    assert [result["group"]["divisionId"] for result in joined.json()["results"]] == ["d1", "d1,d2"]


@pytest.mark.parametrize(
    ("interval", "granularity", "zone", "bounds"),
    [
        (DAY, None, None, [("2026-03-02T00:00", "2026-03-03T00:00")]),
        (DAY, "PT12H", None, [("2026-03-02T00:00", "2026-03-02T12:00"), ("2026-03-02T12:00", "2026-03-03T00:00")]),
        (
            "2026-03-28T23:00:00Z/2026-03-30T22:00:00Z",
            "P1D",
            "Europe/Berlin",
            [("2026-03-28T23:00", "2026-03-29T22:00"), ("2026-03-29T22:00", "2026-03-30T22:00")],
        ),
        (
            "2026-01-31T00:00:00Z/2026-03-15T00:00:00Z",
            "P1M",
            "UTC",
            [("2026-01-31T00:00", "2026-02-28T00:00"), ("2026-02-28T00:00", "2026-03-15T00:00")],
        ),
    ],
)
def test_buckets_follow_the_wall_clock_of_the_zone_and_end_with_the_interval(
    serve, make, clock, interval, granularity, zone, bounds
):
    clock.set(datetime.fromisoformat("2026-05-01T00:00:00Z"))
    world = [make(number, datetime.fromisoformat(f"{start}:00Z"), 60) for number, (start, _) in enumerate(bounds)]
    answer = ask(serve(world), interval=interval, granularity=granularity, timeZone=zone)
    assert [data["interval"] for data in answer.json()["results"][0]["data"]] == [
        f"{start}:00.000Z/{end}:00.000Z" for start, end in bounds
    ]


def test_filter_with_clauses_selects_points(serve, make, monday):
    client = serve([make(1, monday), make(2, monday, media="chat"), make(3, monday, media="email")])
    media = [{"dimension": "mediaType", "value": value} for value in ("chat", "email")]
    asked = {
        "type": "and",
        "clauses": [{"type": "or", "predicates": media}],
        "predicates": [{"dimension": "queueId", "value": "q1"}],
    }
    assert list(found(ask(client, filter=asked))) == [(("mediaType", "chat"),), (("mediaType", "email"),)]


def test_view_counts_timers_of_a_range(serve, make, monday):
    client = serve([make(number, monday, 10 * number) for number in (1, 2, 3, 4)])
    view = {"target": "tTalk", "name": "middle", "function": "rangeBound", "range": {"gte": 20_000, "lt": 40_000}}
    answer = ask(client, views=[view])
    assert answer.json()["results"][0]["data"][0]["views"] == [{"name": "middle", "stats": timer(20_000, 30_000)}]


@pytest.mark.parametrize(
    "more",
    [
        {"metrics": []},
        {"metrics": ["tHandel"]},
        {"metrics": ["nAnswered"]},
        {"groupBy": ["queue"]},
        {"groupBy": ["conversationEnd"]},
        {"granularity": "1h"},
        {"granularity": "P"},
        {"timeZone": "Europe/Nowhere"},
        {"interval": "P1D"},
        {"interval": "2020-01-01T00:00:00Z/2026-01-01T00:00:00Z"},
        {"queryType": "topN"},
        {"paging": {"pageSize": 1}},
        {"views": [{"target": "nOffered", "name": "x", "function": "rangeBound"}]},
    ],
)
def test_query_the_service_does_not_take_is_400(serve, more):
    assert ask(serve([]), **more).status_code == 400


@pytest.mark.parametrize("days", [1, 90])
def test_metrics_of_a_contact_centre_obey_their_arithmetic(serve, busy_world, clock, monday, days):
    """Over all groups of a day, and of everything; every metric carries the statistics of its kind."""
    clock.advance(90 * 86_400)
    interval = f"{monday.isoformat()}/{(monday + timedelta(days=days)).isoformat()}"
    asked = {"interval": interval, "metrics": sorted(METRICS), "groupBy": ["queueId", "userId"]}
    sums, counts, level = Counter(), Counter(), Counter()
    for buckets in found(ask(serve(busy_world), **asked)).values():
        for metric, stats in itertools.chain.from_iterable(metrics.items() for metrics in buckets.values()):
            counts[metric] += stats.get("count", 0)
            sums[metric] += stats.get("sum", 0)
            if metric == "oServiceLevel":
                assert stats["ratio"] == stats["numerator"] / stats["denominator"]
                level.update(numerator=stats["numerator"], denominator=stats["denominator"])
            keys = {"n": {"count"}, "t": {"max", "min", "count", "sum"}}.get(metric[0])
            assert keys is None or set(stats) == keys
    assert counts["tHandle"] > 100
    assert sums["tWait"] == sums["tAnswered"] + sums["tAbandon"] + sums["tFlowOut"]
    assert counts["tWait"] == counts["tAnswered"] + counts["tAbandon"] + counts["tFlowOut"]
    assert level["denominator"] == counts["tWait"] - counts["tFlowOut"]
    assert level["numerator"] + counts["nOverSla"] == counts["tAnswered"]
    if days == 90:
        parts = ("tContacting", "tDialing", "tTalkComplete", "tHeldComplete", "tAcw")
        assert sums["tHandle"] == sum(sums[part] for part in parts)
        assert counts["nOffered"] == counts["tWait"]


def test_groups_of_a_contact_centre_have_three_shapes(serve, busy_world):
    answer = ask(serve(busy_world), metrics=["tHandle", "tIvr", "nOffered"], groupBy=["queueId", "userId"])
    shapes = {tuple(result["group"]) for result in answer.json()["results"]}
    assert shapes == {
        ("mediaType",),
        ("mediaType", "queueId"),
        ("mediaType", "userId"),
        ("mediaType", "queueId", "userId"),
    }
