"""User status aggregates, from the presences of an organisation. Source: vendor reference, "Users".

Unlike the metrics of conversations, a state that lasts is shared out over the buckets it lies in.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connector.sandbox.conversations import milliseconds
from connector.sandbox.directory import Directory
from connector.sandbox.genesys.filters import Place, compile_filter
from connector.sandbox.genesys.intervals import bucket_bounds, bucket_name, parse_interval
from connector.sandbox.genesys.problems import bad_request, check_keys
from connector.sandbox.presences import Stretch, organization_presences, stretches
from connector.sandbox.world import World

USER_METRICS = ("tSystemPresence", "tOrganizationPresence", "tAgentRoutingStatus")

_DIMENSIONS = frozenset({"userId"})
_MOST_USER_IDS = 100
_LONGEST = timedelta(days=366)
_KEYS = ("interval", "granularity", "timeZone", "groupBy", "metrics", "filter", "flattenMultivaluedDimensions")

Buckets = dict[int, dict[tuple[str, str], int]]
"""Number of the bucket -> (metric, qualifier) -> ms."""


def user_aggregate(directory: Directory, body: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """The `results` of POST users/aggregates/query at `now`; also the truth a test compares with.

    One for each user (one for all without groupBy), with `stats.sum` in ms for each metric and qualifier a bucket
    holds. What lies ahead of `now` contributes nothing. Raises HTTP 400 for a body the service refuses.
    """
    check_keys(body, _KEYS, "user aggregate query")
    start, end = parse_interval(body.get("interval"))
    if end - start > _LONGEST:
        raise bad_request(f"interval must not be longer than {_LONGEST.days} days", "invalid.value")
    bounds = bucket_bounds(start, end, body.get("granularity"), body.get("timeZone"))
    metrics, group_by = _names(body, "metrics", USER_METRICS), _names(body, "groupBy", ("userId",))
    if not metrics:
        raise bad_request("metrics must not be empty", "constraint.validation")
    until = min(milliseconds(end), milliseconds(now))
    groups: dict[str, Buckets] = {}
    for user_id in _users(directory, body.get("filter")):
        buckets = groups.setdefault(user_id if group_by else "", {})
        for stretch in stretches(directory, user_id, milliseconds(start), until):
            _share_out(stretch, bounds, metrics, buckets)
    return [
        {"group": {"userId": user_id} if user_id else {}, "data": _data(buckets, bounds)}
        for user_id, buckets in sorted(groups.items())
        if buckets
    ]


def shown_users(world: World, now: datetime) -> Directory:
    """The directory with those users only whose division the client may see."""
    directory = world.directory
    divisions = {user["id"]: user.get("division", {}).get("id", "") for user in directory.users}
    hidden = {user for user, division in divisions.items() if world.is_withheld(division, now)}
    return replace(directory, user_ids=tuple(one for one in directory.user_ids if one not in hidden))


def user_answer_extras(directory: Directory) -> dict[str, Any]:
    """What the answer holds beside its results: {system presence: [ids of the organisation's presences]}."""
    return {"systemToOrganizationMappings": organization_presences(directory)}


def _users(directory: Directory, given: Any) -> list[str]:
    if given is None:
        return list(directory.user_ids)
    passes = compile_filter(given, _DIMENSIONS)
    if _count_predicates(given) > _MOST_USER_IDS:
        raise bad_request(f"at most {_MOST_USER_IDS} userId predicates", "max.user.ids")
    return [user_id for user_id in directory.user_ids if passes(Place({}, {"userId": user_id}))]


def _count_predicates(given: Mapping[str, Any]) -> int:
    inside = sum(_count_predicates(clause) for clause in given.get("clauses") or ())
    return inside + len(given.get("predicates") or ())


def _names(body: Mapping[str, Any], key: str, known: tuple[str, ...]) -> list[str]:
    given = body.get(key) or []
    if not isinstance(given, list) or any(name not in known for name in given):
        raise bad_request(f"{key} must be a list of {', '.join(known)}", "invalid.value")
    return given


def _share_out(stretch: Stretch, bounds: list[int], metrics: list[str], buckets: Buckets) -> None:
    qualifiers = {
        "tSystemPresence": stretch.system,
        "tOrganizationPresence": stretch.organization,
        "tAgentRoutingStatus": stretch.routing,
    }
    at = stretch.start
    while at < stretch.end:
        number = bisect_right(bounds, at) - 1
        until = min(stretch.end, bounds[number + 1])
        for metric in metrics:
            if (qualifier := qualifiers[metric]) is not None:
                sums = buckets.setdefault(number, {})
                sums[metric, qualifier] = sums.get((metric, qualifier), 0) + until - at
        at = until


def _data(buckets: Buckets, bounds: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "interval": bucket_name(bounds[number], bounds[number + 1]),
            "metrics": [
                {"metric": metric, "qualifier": qualifier, "stats": {"sum": total}}
                for (metric, qualifier), total in sorted(sums.items())
            ],
        }
        for number, sums in sorted(buckets.items())
    ]
