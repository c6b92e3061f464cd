"""From answers to records: one per group and interval, one per user, interval and status,
one per conversation, one per entity."""

from typing import Any

import pytest

from connector.errors import MalformedAnswer
from connector.genesys.flatten import flatten_aggregates, flatten_conversations, flatten_summary, flatten_users
from connector.spans import Span, instant

HOUR = "2026-03-02T01:00:00.000Z/2026-03-02T02:00:00.000Z"
START = "2026-03-02T01:00:00.000Z"


def bucket(*metrics: tuple[str, dict[str, float]], interval: Any = HOUR) -> dict[str, Any]:
    return {"interval": interval, "metrics": [{"metric": name, "stats": stats} for name, stats in metrics]}


def aggregates(*buckets: dict[str, Any], **group: str) -> list[dict[str, Any]]:
    return list(flatten_aggregates([{"group": group, "data": list(buckets)}]))


# Aggregates


def test_each_group_and_interval_gives_one_flat_record():
    later = "2026-03-02T02:00:00.000Z/2026-03-02T03:00:00.000Z"
    found = aggregates(
        bucket(("nOffered", {"count": 3}), ("tHandle", {"max": 9, "count": 2, "sum": 12})),
        bucket(("nOffered", {"count": 1}), interval=later),
        queueId="q1",
        mediaType="voice",
    )
    group = {"queueId": "q1", "mediaType": "voice"}
    assert found == [
        {
            **group,
            "start": "2026-03-02T01:00:00Z",
            "end": "2026-03-02T02:00:00Z",
            "nOffered": {"count": 3},
            "tHandle": {"max": 9, "count": 2, "sum": 12},
        },
        {**group, "start": "2026-03-02T02:00:00Z", "end": "2026-03-02T03:00:00Z", "nOffered": {"count": 1}},
    ]


@pytest.mark.parametrize("empty", [{}, {"group": None, "data": None}, {"group": {}, "data": []}])
def test_a_group_without_data_gives_no_record(empty):
    assert list(flatten_aggregates([empty])) == []


def test_a_bucket_without_metrics_is_a_record_all_the_same():
    assert [sorted(one) for one in aggregates({"interval": HOUR}, mediaType="voice")] == [["end", "mediaType", "start"]]


def test_bucket_times_with_an_offset_become_utc():
    (found,) = aggregates(bucket(interval="2026-03-02T02:00:00+01:00/2026-03-02T03:00:00+01:00"))
    assert (found["start"], found["end"]) == ("2026-03-02T01:00:00Z", "2026-03-02T02:00:00Z")


def test_a_metric_that_stands_twice_in_a_bucket_is_added_up():
    (found,) = aggregates(
        bucket(
            ("tTalk", {"max": 5, "min": 2, "count": 2, "sum": 7}), ("tTalk", {"max": 9, "min": 1, "count": 1, "sum": 9})
        )
    )
    assert found["tTalk"] == {"max": 9, "min": 1, "count": 3, "sum": 16}


def test_a_view_is_another_metric_of_its_name():
    stats = {"max": 700_000, "min": 600_001, "count": 2, "sum": 1_300_001}
    (found,) = aggregates(
        {**bucket(("tHandle", {"count": 9})), "views": [{"name": "long_calls", "stats": stats}, {"name": "none"}]}
    )
    assert {name: found[name] for name in ("tHandle", "long_calls", "none")} == {
        "tHandle": {"count": 9},
        "long_calls": stats,
        "none": {},
    }


@pytest.mark.parametrize("views", [None, []])
def test_a_bucket_without_views_holds_its_metrics_only(views):
    (found,) = aggregates({**bucket(("nOffered", {"count": 1})), "views": views})
    assert found.keys() == {"start", "end", "nOffered"}


def test_a_service_level_that_stands_twice_is_the_level_of_both():
    (found,) = aggregates(
        bucket(
            ("oServiceLevel", {"ratio": 1.0, "numerator": 1, "denominator": 1, "target": 0.8}),
            ("oServiceLevel", {"ratio": 0.0, "numerator": 0, "denominator": 3, "target": 0.8}),
        )
    )
    assert found["oServiceLevel"] == {"ratio": 0.25, "numerator": 1, "denominator": 4, "target": 0.8}


@pytest.mark.parametrize("interval", [None, "", "2026-03-02T01:00:00Z", "one/two", 7])
def test_a_bucket_without_an_interval_is_no_answer_of_this_query(interval):
    with pytest.raises(MalformedAnswer, match="interval"):
        aggregates(bucket(interval=interval))


# Users


def test_each_user_interval_metric_and_status_gives_one_record():
    def status(metric: str, qualifier: str, length: int) -> dict[str, Any]:
        return {"metric": metric, "qualifier": qualifier, "stats": {"sum": length}}

    later = "2026-03-02T02:00:00.000Z/2026-03-02T03:00:00.000Z"
    found = list(
        flatten_users(
            [
                {
                    "group": {"userId": "u1"},
                    "data": [
                        {
                            "interval": HOUR,
                            "metrics": [
                                status("tSystemPresence", "AVAILABLE", 1_000),
                                status("tAgentRoutingStatus", "AVAILABLE", 20),
                                status("tSystemPresence", "AWAY", 300),
                                status("tSystemPresence", "AVAILABLE", 4),
                            ],
                        },
                        {"interval": later, "metrics": [status("tSystemPresence", "AWAY", 7)]},
                    ],
                },
                {"group": {"userId": "u2"}, "data": [{"interval": HOUR}]},
            ]
        )
    )
    first = {"userId": "u1", "start": "2026-03-02T01:00:00Z", "end": "2026-03-02T02:00:00Z"}
    assert found == [
        {**first, "metric": "tSystemPresence", "qualifier": "AVAILABLE", "sum": 1_004},
        {**first, "metric": "tAgentRoutingStatus", "qualifier": "AVAILABLE", "sum": 20},
        {**first, "metric": "tSystemPresence", "qualifier": "AWAY", "sum": 300},
        {
            "userId": "u1",
            "start": "2026-03-02T02:00:00Z",
            "end": "2026-03-02T03:00:00Z",
            "metric": "tSystemPresence",
            "qualifier": "AWAY",
            "sum": 7,
        },
    ]


@pytest.mark.parametrize("bare", [{}, {"stats": None}, {"qualifier": None, "stats": {"sum": None}}])
def test_what_a_status_leaves_out_is_left_out(bare):
    metric = {"metric": "tSystemPresence", **bare}
    (found,) = flatten_users([{"group": None, "data": [{"interval": HOUR, "metrics": [metric]}]}])
    assert found == {"start": "2026-03-02T01:00:00Z", "end": "2026-03-02T02:00:00Z", "metric": "tSystemPresence"}


# Conversations


def test_a_conversation_stays_as_genesys_sends_it():
    sent = {"conversationId": "c1", "conversationStart": START, "participants": [{"attributes": {"Order No": "7"}}]}
    (record,) = flatten_conversations([sent])
    assert {name: record[name] for name in sent} == sent


def test_facts_about_the_whole_are_added():
    (record,) = flatten_conversations([{"conversationStart": START, "conversationEnd": "2026-03-02T01:00:01.250Z"}])
    assert record == {
        "conversationStart": START,
        "conversationEnd": "2026-03-02T01:00:01.250Z",
        "is_open": False,
        "duration_ms": 1250,
    }


def test_attributes_of_the_participants_stand_at_the_top_where_there_are_any():
    carried = {
        "participants": [{"attributes": {"Order No": "7"}}, {"purpose": "customer", "attributes": {"tier": "1"}}]
    }
    bare, record = flatten_conversations([{"participants": [{"attributes": {}}]}, carried])
    assert record == {**carried, "is_open": True, "attributes": {"tier": "1", "Order No": "7"}}
    assert "attributes" not in bare


# Summaries


def test_an_entity_takes_the_start_and_end_of_its_span():
    span = Span(instant("2026-03-02T00:00:00Z"), instant("2026-03-03T00:00:00Z"))
    found = list(flatten_summary([{"id": "e1", "conversation:duration": 7, "start": "never"}], span))
    assert found == [
        {"id": "e1", "conversation:duration": 7, "start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z"}
    ]
