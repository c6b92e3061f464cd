"""What the source of users.aggregates must be: the service takes less here than for conversations."""

from collections.abc import Iterator
from typing import Any

from connector.genesys.queries import MOST_USERS, USER_DIMENSIONS, USER_METRICS
from connector.mapping.document import Document
from connector.mapping.model import Source
from connector.mapping.suggest import did_you_mean


def check_users(document: Document, source: Source) -> Source:
    """Note what is wrong with the metrics, the grouping and the filter; give the source back grouped by user.

    Source of the rules: vendor reference, user status aggregate query.
    """
    for key, what, names, known in (
        ("group_by", "dimension", source.group_by, USER_DIMENSIONS),
        ("metrics", "metric", source.metrics, USER_METRICS),
    ):
        for index, name in enumerate(names):
            if name not in known:
                hint = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
                document.problem(("source", key, index), f"users.aggregates has no {what} '{name}'{hint}")
    users = 0
    for dimension in _dimensions(source.filter):
        users += dimension == "userId"
        if dimension not in USER_DIMENSIONS:
            document.problem(("source", "filter"), f"users.aggregates filters by userId only, not by {dimension!r:.60}")
    if users > MOST_USERS:
        text = f"names {users} users, and users.aggregates takes at most {MOST_USERS}"
        document.problem(("source", "filter"), f"{text}; read all users without a filter, and choose them by 'keep'")
    return source.model_copy(update={"group_by": tuple(sorted(USER_DIMENSIONS))})


def _dimensions(part: Any) -> Iterator[Any]:
    """The dimension of every predicate of a filter as the API spells it, at whatever depth."""
    if isinstance(part, dict):
        if "dimension" in part:
            yield part["dimension"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _dimensions(one)
