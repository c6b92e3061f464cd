"""Queue observations of the simulated service: what goes on at its present moment."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from connector.sandbox.conversations import milliseconds
from connector.sandbox.presences import stretches

PATH = "/analytics/queues/observations/query"


def only(*names: str, dimension: str = "queueId") -> dict[str, Any]:
    return {"type": "or", "predicates": [{"dimension": dimension, "value": name} for name in names]}


def found(answer) -> dict[tuple[str, ...], dict[Any, dict[str, Any]]]:
    """{(queue, media type)}: {(metric, qualifier): stats}}"""
    return {
        tuple(result["group"].values()): {(one["metric"], one.get("qualifier")): one["stats"] for one in result["data"]}
        for result in answer.json()["results"]
    }


@pytest.fixture
def midday(clock, monday):
    """A clock in the middle of the first day."""
    clock.set(monday + timedelta(hours=12))
    return clock.now()


def test_every_media_type_of_a_queue_is_told_with_zeros(serve, make, monday, midday):
    running = make(1, midday - timedelta(seconds=30))
    over = make(2, midday - timedelta(seconds=300))
    answer = serve([running, over]).post(
        PATH, {"filter": only("q1"), "metrics": ["oInteracting", "oLongestInteracting"]}
    )
    nobody = {("oInteracting", None): {"count": 0}}
    begun = {"count": 1, "calculatedMetricValue": milliseconds(midday) - 30_000}
    assert found(answer) == {
        **{("q1", media): nobody for media in ("callback", "chat", "email", "message")},
        ("q1", "voice"): {("oInteracting", None): {"count": 1}, ("oLongestInteracting", None): begun},
    }


def test_who_waits_and_who_talks_is_what_the_conversations_say(serve, busy_world, midday):
    answer = serve(busy_world).post(
        PATH, {"filter": only(*busy_world.directory.queue_ids), "metrics": ["oWaiting", "oInteracting", "oAlerting"]}
    )
    told: Counter[tuple[str, str, str]] = Counter()
    for conversation in busy_world.conversations_at(midday, midday - timedelta(days=2), midday + timedelta(seconds=1)):
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for segment in session["segments"]:
                    if "segmentEnd" in segment or segment["segmentType"] == "wrapup" or "queueId" not in segment:
                        continue
                    doing = {"acd": "oWaiting", "agent": "oInteracting"}.get(participant["purpose"])
                    if doing:
                        doing = "oAlerting" if segment["segmentType"] == "alert" else doing
                        told[segment["queueId"], session["mediaType"], doing] += 1
    assert sum(told.values()) > 10
    assert {
        (*group, metric): stats["count"]
        for group, data in found(answer).items()
        for (metric, _), stats in data.items()
        if stats["count"]
    } == told


def test_the_agents_of_a_queue_are_told_status_by_status(serve, busy_world, midday):
    directory = busy_world.directory
    queue = directory.queue_ids[0]
    members = [user for number, user in enumerate(directory.user_ids) if number % len(directory.queue_ids) == 0]
    now = milliseconds(midday)
    states = [one for user in members for one in stretches(directory, user, now, now + 1)]
    metrics = ["oMemberUsers", "oOnQueueUsers", "oUserPresences"]
    answer = serve(busy_world).post(PATH, {"filter": only(queue), "metrics": metrics})
    assert found(answer) == {
        (queue,): {
            ("oMemberUsers", None): {"count": len(states)},
            **{
                ("oOnQueueUsers", status): {"count": count}
                for status, count in Counter(one.routing for one in states if one.routing).items()
            },
            **{
                ("oUserPresences", presence): {"count": count}
                for presence, count in Counter(one.organization for one in states).items()
            },
        }
    }


def test_a_filter_by_media_type_leaves_the_agents_out(serve, busy_world, midday):
    media = only("voice", dimension="mediaType")
    answer = serve(busy_world).post(PATH, {"filter": media, "metrics": ["oWaiting", "oMemberUsers"]})
    assert {group[1:] for group in found(answer)} == {("voice",)}


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": ["oWaiting"]},
        {"filter": only("q1")},
        {"filter": only("q1"), "metrics": ["tTalk"]},
        {"filter": only("q1"), "metrics": "oWaiting"},
        {"filter": only("u1", dimension="userId"), "metrics": ["oWaiting"]},
        {"filter": only("q1"), "metrics": ["oWaiting"], "interval": "x"},
        {"filter": {"type": "or"}, "metrics": ["oWaiting"]},
    ],
)
def test_what_the_service_does_not_take_is_refused(serve, body):
    assert serve([]).post(PATH, body).status_code == 400


def test_without_the_permission_it_is_refused(serve):
    client = serve([])
    client.sim.withdraw("analytics:queueObservation:view")
    assert client.post(PATH, {"filter": only("q1"), "metrics": ["oWaiting"]}).status_code == 403
