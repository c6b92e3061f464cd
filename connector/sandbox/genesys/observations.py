"""Queue observations: what goes on in queues at one moment. Source: vendor reference, "queue observations".

Each agent of the simulated organisation is a member of one queue, in turn.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.sandbox.conversations import milliseconds, sessions
from connector.sandbox.genesys.filters import Place, compile_filter
from connector.sandbox.genesys.problems import bad_request, check_keys
from connector.sandbox.presences import Stretch, stretches
from connector.sandbox.world import World

MEDIA_TYPES = ("callback", "chat", "email", "message", "voice")
_OF_MEDIA = ("oInteracting", "oWaiting", "oAlerting")
_QUALIFIED = ("oOnQueueUsers", "oOffQueueUsers", "oUserRoutingStatuses", "oUserPresences")
_OF_QUEUE = ("oMemberUsers", "oActiveUsers", *_QUALIFIED)
_LONGEST = {"oLongestWaiting": "oWaiting", "oLongestInteracting": "oInteracting"}
METRICS = (*_OF_MEDIA, *_LONGEST, *_OF_QUEUE)

Running = dict[tuple[str, str], dict[str, list[int]]]
"""(queue, media type) -> metric -> begin of each conversation that counts, ms since 1970."""


def observe(world: World, body: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """The `results` of POST queues/observations/query at `now`; also the truth a test compares with.

    For each queue that fits, one group with its agents and one for each media type, zeros included. Raises HTTP 400 for
    a body the service refuses.
    """
    check_keys(body, ("filter", "metrics", "detailMetrics"), "queue observation query")
    metrics = body.get("metrics")
    if not isinstance(metrics, list) or not metrics or any(name not in METRICS for name in metrics):
        raise bad_request(f"metrics must be a list of {', '.join(METRICS)}", "invalid.value")
    if body.get("filter") is None:
        raise bad_request("filter must not be null", "constraint.validation")
    passes = compile_filter(body["filter"], frozenset({"queueId", "mediaType"}))
    running = _running(world, now)
    queues = dict.fromkeys((*world.directory.queue_ids, *sorted(queue for queue, _ in running)))
    found = []
    for queue in queues:
        for media in (None, *MEDIA_TYPES):
            if not passes(Place({}, {}, {"mediaType": media}, {"queueId": queue})):
                continue
            data = _of_queue(world, queue, metrics, now) if media is None else _of_media(running, queue, media, metrics)
            if data:
                group = {"queueId": queue} if media is None else {"queueId": queue, "mediaType": media}
                found.append({"group": group, "data": list(data)})
    return found


def _running(world: World, now: datetime) -> Running:
    found: Running = {}
    for _, identity in world.alive_at(now, now, now - timedelta(milliseconds=1), now + timedelta(milliseconds=1)):
        conversation = world.conversation_at(now, identity)
        for participant, session in sessions(conversation or {}):
            for segment in session.get("segments") or ():
                is_over = "segmentEnd" in segment or segment["segmentType"] == "wrapup"
                if is_over or "queueId" not in segment:
                    continue
                metric = {"acd": "oWaiting", "agent": "oInteracting"}.get(participant["purpose"])
                if metric and segment["segmentType"] == "alert":
                    metric = "oAlerting"
                if metric:
                    counted = found.setdefault((segment["queueId"], session["mediaType"]), {})
                    counted.setdefault(metric, []).append(milliseconds(segment["segmentStart"]))
    return found


def _of_media(running: Running, queue: str, media: str, metrics: list[str]) -> list[dict[str, Any]]:
    counted = running.get((queue, media), {})
    data: list[dict[str, Any]] = []
    for name in metrics:
        if name in _OF_MEDIA:
            data.append({"metric": name, "stats": {"count": len(counted.get(name, ()))}})
        elif name in _LONGEST and (begun := counted.get(_LONGEST[name])):
            data.append({"metric": name, "stats": {"count": 1, "calculatedMetricValue": min(begun)}})
    return data


def _of_queue(world: World, queue: str, metrics: list[str], now: datetime) -> list[dict[str, Any]]:
    states = list(_states(world, queue, now))
    statuses = Counter(one.routing or "OFF_QUEUE" for one in states)
    qualified = {
        "oOnQueueUsers": Counter(one.routing for one in states if one.routing),
        "oOffQueueUsers": Counter(one.system for one in states if not one.routing and one.system != "OFFLINE"),
        "oUserRoutingStatuses": statuses,
        "oUserPresences": Counter(one.organization for one in states),
    }
    data: list[dict[str, Any]] = []
    for name in metrics:
        if name in ("oMemberUsers", "oActiveUsers"):
            data.append({"metric": name, "stats": {"count": len(states)}})
        data += [
            {"metric": name, "qualifier": qualifier, "stats": {"count": count}}
            for qualifier, count in sorted(qualified.get(name, Counter[str | None]()).items(), key=str)
        ]
    return data


def _states(world: World, queue: str, now: datetime) -> Iterator[Stretch]:
    """What each member of a queue is doing."""
    directory, present = world.directory, milliseconds(now)
    for number, user in enumerate(directory.user_ids):
        if directory.queue_ids and directory.queue_ids[number % len(directory.queue_ids)] == queue:
            yield from stretches(directory, user, present, present + 1)
