"""Aggregates by job: the families of jobs beside conversation details.

Source: vendor's SDK, models of the asynchronous aggregation queries and of what they answer.

A page holds so many intervals of groups, so that a group may go on over several pages: what a page of the real service
counts is not documented.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from connector.sandbox.genesys.access import AGGREGATE, FLOW_AGGREGATE, USER_AGGREGATE
from connector.sandbox.genesys.aggregates import CONVERSATIONS, FLOWS, aggregate
from connector.sandbox.genesys.jobs import JobKind
from connector.sandbox.genesys.user_aggregates import shown_users, user_aggregate, user_answer_extras
from connector.sandbox.world import World

Interval = tuple[dict[str, str], dict[str, Any]]
"""A group and one of its intervals."""


def aggregate_kinds(world: World) -> list[JobKind]:
    """Jobs over aggregates of conversations, flows and users."""

    def of(subject: Any, body: Mapping[str, Any], now: datetime, available: datetime) -> list[dict[str, Any]]:
        return aggregate(world, body, available, subject)

    def of_users(body: Mapping[str, Any], now: datetime, available: datetime) -> list[dict[str, Any]]:
        return user_aggregate(shown_users(world, now), body, available)

    return [
        _kind("conversations", AGGREGATE, partial(of, CONVERSATIONS)),
        _kind("flows", FLOW_AGGREGATE, partial(of, FLOWS)),
        _kind("users", USER_AGGREGATE, of_users, lambda: user_answer_extras(world.directory)),
    ]


def _kind(
    subject: str,
    permission: str,
    results: Callable[[Mapping[str, Any], datetime, datetime], list[dict[str, Any]]],
    extras: Callable[[], dict[str, Any]] = dict,
) -> JobKind:
    def work_out(body: dict[str, Any], now: datetime, available: datetime) -> list[Interval]:
        return [(result["group"], bucket) for result in results(body, now, available) for bucket in result["data"]]

    return JobKind(
        f"/api/v2/analytics/{subject}/aggregates/jobs", permission, "results", work_out, _grouped, extras=extras
    )


def _grouped(intervals: Sequence[Interval], available: datetime, now: datetime) -> list[dict[str, Any]]:
    return [
        {"group": group, "data": [bucket for _, bucket in found]}
        for group, found in groupby(intervals, key=lambda one: one[0])
    ]
