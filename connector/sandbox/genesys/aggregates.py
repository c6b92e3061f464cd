"""Aggregates of conversations and of flows, from the metric points of a world.

Source: vendor reference, "conversation aggregates"; metrics of flows: the vendor's API description.

A point falls, whole, into the bucket of the moment it was emitted.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from connector.sandbox.conversations import FLOW_DIMENSIONS, Point
from connector.sandbox.genesys.filters import AGGREGATE_LEVEL, Place, compile_filter
from connector.sandbox.genesys.intervals import bucket_bounds, bucket_name, parse_interval
from connector.sandbox.genesys.problems import bad_request, check_keys
from connector.sandbox.world import World

COUNTERS = frozenset(
    "nOffered nConnected nTransferred nBlindTransferred nConsult nConsultTransferred nOutbound nOutboundAttempted "
    "nOutboundConnected nOutboundAbandoned nOverSla nError nConversations nCallbackAttempts nStateTransitionError "
    "nAlertExpired nAgentDeclined nTakeover nBotInteractions nCobrowseSessions".split()
)
TIMERS = frozenset(
    "tHandle tTalk tTalkComplete tHeld tHeldComplete tAcw tAnswered tAbandon tShortAbandon tWait tAcd tAlert "
    "tNotResponding tIvr tFlowOut tContacting tDialing tVoicemail tUserResponseTime tAgentResponseTime "
    "tFirstResponse tFirstEngagement tMonitoring tPark tConnected tActiveCallback tBarging tCoaching".split()
)
OBSERVED = frozenset("oMessageCount oMessageTurn oMediaCount oMessageSegmentCount oAudioMessageCount".split())
SERVICE_LEVELS = frozenset({"oServiceLevel", "oCallbackServiceLevel"})
METRICS = COUNTERS | TIMERS | OBSERVED | SERVICE_LEVELS | {"oServiceTarget"}
TARGET = 0.8
"""Share of answers in time every queue aims at."""

_KEYS = (
    *("interval", "granularity", "timeZone", "groupBy", "metrics", "filter", "views", "queryType"),
    *("flattenMultivaluedDimensions", "alternateTimeDimension"),
)
_LONGEST = timedelta(days=366)
_MOST_VIEWS = 10


@dataclass(frozen=True)
class Subject:
    """What one family of aggregates queries knows. dimensions: to group and to filter by."""

    name: str
    metrics: frozenset[str]
    timers: frozenset[str]
    dimensions: frozenset[str]


CONVERSATIONS = Subject("conversation", METRICS, TIMERS, AGGREGATE_LEVEL)
_FLOW_TIMERS = frozenset("tFlow tFlowDisconnect tFlowExit tFlowOutcome".split())
_FLOW_COUNTERS = frozenset("nFlow nFlowMilestone nFlowOutcome nFlowOutcomeFailed".split())
FLOWS = Subject("flow", _FLOW_COUNTERS | _FLOW_TIMERS, _FLOW_TIMERS, AGGREGATE_LEVEL | set(FLOW_DIMENSIONS))


@dataclass
class _Bucket:
    """What was emitted for one group in one bucket: values by metric; answers in time and all, for the level."""

    values: dict[str, list[int]] = field(default_factory=dict)
    in_time: int = 0
    due: int = 0


@dataclass(frozen=True)
class _Query:
    subject: Subject
    bounds: list[int]
    group_by: list[str]
    metrics: list[str]
    views: list[Mapping[str, Any]]
    flatten: bool


def aggregate(
    world: World, body: Mapping[str, Any], now: datetime, subject: Subject = CONVERSATIONS
) -> list[dict[str, Any]]:
    """The `results` of POST <subject>s/aggregates/query at `now`; also the truth a test compares with.

    Raises HTTP 400 for a body the service refuses; what this simulation does not serve is refused as well.
    """
    check_keys(body, _KEYS, f"{subject.name} aggregate query")
    start, end = parse_interval(body.get("interval"))
    if end - start > _LONGEST:
        raise bad_request(f"interval must not be longer than {_LONGEST.days} days", "invalid.value")
    if body.get("queryType", "groupBy") != "groupBy" or body.get("alternateTimeDimension"):
        raise bad_request("only queryType groupBy and the usual time dimension are served here")
    query = _Query(
        subject,
        bucket_bounds(start, end, body.get("granularity"), body.get("timeZone")),
        _names(body, "groupBy", subject.dimensions),
        _names(body, "metrics", subject.metrics),
        _views(body.get("views") or [], subject.timers),
        bool(body.get("flattenMultivaluedDimensions")),
    )
    if not query.metrics:
        raise bad_request("metrics must not be empty", "constraint.validation")
    passes = compile_filter(body["filter"], subject.dimensions) if body.get("filter") else None
    wanted = {*query.metrics, *(view["target"] for view in query.views)}
    asks_level = bool(wanted & {"oServiceLevel", "oServiceTarget"})
    groups: dict[tuple[str | None, ...], dict[int, _Bucket]] = {}
    for point in world.points_at(now, start, end):
        is_due = asks_level and point.name == "tWait"
        if point.name not in wanted and not is_due:
            continue
        place = Place(point.conversation, point.participant, point.session)
        if passes is not None and not passes(place):
            continue
        number = bisect_right(query.bounds, point.at) - 1
        for group in _groups(query, place):
            _add(groups.setdefault(group, {}).setdefault(number, _Bucket()), point, is_due, wanted)
    return _results(query, groups)


def _names(body: Mapping[str, Any], key: str, known: frozenset[str]) -> list[str]:
    given = body.get(key) or []
    if not isinstance(given, list):
        raise bad_request(f"{key} must be a list")
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise bad_request(f"{key}: unknown {', '.join(unknown)}", "invalid.value")
    return given


def _views(given: Any, timers: frozenset[str]) -> list[Mapping[str, Any]]:
    if not isinstance(given, list) or len(given) > _MOST_VIEWS:
        raise bad_request(f"views must be a list of at most {_MOST_VIEWS}", "constraint.validation")
    for view in given:
        if not isinstance(view, Mapping):
            raise bad_request("a view must be an object")
        check_keys(view, ("target", "name", "function", "range"), "view")
        if view.get("target") not in timers or view.get("function") != "rangeBound" or not view.get("name"):
            raise bad_request("a view needs a name, a timer as target and the function rangeBound", "invalid.value")
    return given


def _groups(query: _Query, place: Place) -> Iterator[tuple[str | None, ...]]:
    """The group a point belongs to, several when a dimension has several values; None stands for no value."""
    choices: list[tuple[str | None, ...]] = []
    for name in ("mediaType", *(name for name in query.group_by if name != "mediaType")):
        values = tuple(str(value) for value in place.values(name))
        choices.append((",".join(values),) if query.flatten and values else values or (None,))
    return product(*choices)


def _add(bucket: _Bucket, point: Point, is_due: bool, wanted: set[str]) -> None:
    if point.name in wanted:
        bucket.values.setdefault(point.name, []).append(point.value)
    if is_due:
        outcome = {metric["name"] for metric in point.session["metrics"]}
        if "tFlowOut" not in outcome:
            bucket.due += 1
            bucket.in_time += not outcome & {"tAbandon", "nOverSla"}


def _results(query: _Query, groups: dict[tuple[str | None, ...], dict[int, _Bucket]]) -> list[dict[str, Any]]:
    names = ("mediaType", *(name for name in query.group_by if name != "mediaType"))
    results = []
    for group in sorted(groups, key=lambda values: [value or "" for value in values]):
        data = []
        for number, bucket in sorted(groups[group].items()):
            metrics = [
                {"metric": name, "stats": stats}
                for name in query.metrics
                if (stats := _stats(name, bucket, query.subject.timers)) is not None
            ]
            shown = [{"name": view["name"], "stats": stats} for view in query.views if (stats := _view(view, bucket))]
            if metrics or shown:
                interval = bucket_name(query.bounds[number], query.bounds[number + 1])
                data.append({"interval": interval, "metrics": metrics, **({"views": shown} if query.views else {})})
        if data:
            present = {name: value for name, value in zip(names, group, strict=True) if value is not None}
            results.append({"group": present, "data": data})
    return results


def _stats(name: str, bucket: _Bucket, timers: frozenset[str]) -> dict[str, Any] | None:
    if name == "oServiceLevel" and bucket.due:
        ratio = bucket.in_time / bucket.due
        return {"ratio": ratio, "numerator": bucket.in_time, "denominator": bucket.due, "target": TARGET}
    if name == "oServiceTarget" and bucket.due:
        return {"target": TARGET}
    values = bucket.values.get(name)
    if not values:
        return None
    return _timer(values) if name in timers else {"count": sum(values)}


def _timer(values: list[int]) -> dict[str, Any]:
    return {"max": max(values), "min": min(values), "count": len(values), "sum": sum(values)}


def _view(view: Mapping[str, Any], bucket: _Bucket) -> dict[str, Any] | None:
    bounds = view.get("range") or {}
    values = [
        value
        for value in bucket.values.get(view["target"], [])
        if value >= bounds.get("gte", value) and value < bounds.get("lt", value + 1)
    ]
    return _timer(values) if values else None
