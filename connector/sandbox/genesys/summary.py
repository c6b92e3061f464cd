"""The summary query: POST conversations/summary/queries, page by page, as its users describe it.

No vendor document knows this call. Its users agree on the body (pageSize, pageNumber, dateFrom, dateTo, groupings,
metrics), on `entities` and `pageCount` in the answer and on the header X-Page-Count.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from connector.sandbox.conversations import Conversation, milliseconds, sessions
from connector.sandbox.faults import Rule
from connector.sandbox.genesys.intervals import parse_instant
from connector.sandbox.genesys.listing import Page, ShortPages, WorkedOut, cut_page
from connector.sandbox.genesys.problems import bad_request, check_keys, page_asked
from connector.sandbox.world import World

GROUPINGS = ("conversation:medium", "conversation:queue", "conversation:agent", "conversation:direction")
METRICS = ("conversation:duration", "conversation:count")

_KEYS = ("pageSize", "pageNumber", "dateFrom", "dateTo", "groupings", "metrics")
_LARGEST_PAGE = 100


class Summary:
    """Answers the summary query over a world.

    has_stats: the duration comes as {sum, count} instead of a number of milliseconds.
    """

    def __init__(self, world: World, has_stats: bool) -> None:
        self._world = world
        self._has_stats = has_stats
        self._short_pages = ShortPages()
        self._worked_out = WorkedOut()

    def query(self, body: Mapping[str, Any], now: datetime, rules: Sequence[Rule]) -> Page:
        """The page asked for; raises HTTP 400."""
        check_keys(body, _KEYS, "conversation summary query")
        number, size = page_asked(body, _LARGEST_PAGE)
        listed = orjson.dumps({**body, "pageNumber": None, "pageSize": None}, option=orjson.OPT_SORT_KEYS).decode()
        question = (listed, now, self._world.revision)
        entities = self._worked_out.get(question, lambda: self.entities(body, now))
        return cut_page(entities, number, size, rules, self._short_pages, listed)

    def entities(self, body: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
        """All entities at `now`, ordered by their groupings; also the truth a test compares with.

        One flat object for each combination of group values, a value that is absent left out; without groupings
        one for each conversation, with `id` and `conversationStart`. Counted are conversations begun in
        [dateFrom, dateTo); the duration (ms) is that of the ended ones and absent while there is none.
        """
        start, end = parse_instant(body.get("dateFrom")), parse_instant(body.get("dateTo"))
        if start >= end:
            raise bad_request("dateTo must be after dateFrom", "invalid.date")
        groupings, metrics = _names(body, "groupings", GROUPINGS), _names(body, "metrics", METRICS)
        groups: dict[tuple[str, ...], list[Conversation]] = {}
        for conversation in self._world.conversations_at(now, start, end):
            key = tuple(group_value(name, conversation) or "" for name in groupings)
            if not groupings:
                key = (conversation["conversationStart"], conversation["conversationId"])
            groups.setdefault(key, []).append(conversation)
        entities = []
        for key, members in sorted(groups.items()):
            names = groupings or ["conversationStart", "id"]
            entity: dict[str, Any] = {name: value for name, value in zip(names, key, strict=True) if value}
            entities.append(entity | self._metrics(metrics, members))
        return entities

    def _metrics(self, names: Sequence[str], members: Sequence[Conversation]) -> dict[str, Any]:
        ended = [
            milliseconds(one["conversationEnd"]) - milliseconds(one["conversationStart"])
            for one in members
            if one.get("conversationEnd")
        ]
        found: dict[str, Any] = {}
        if "conversation:duration" in names and ended:
            found["conversation:duration"] = {"sum": sum(ended), "count": len(ended)} if self._has_stats else sum(ended)
        if "conversation:count" in names:
            found["conversation:count"] = len(members)
        return found


def _names(body: Mapping[str, Any], key: str, known: Sequence[str]) -> list[str]:
    given = body.get(key) or []
    unknown = [str(name) for name in given if name not in known] if isinstance(given, list) else [str(given)]
    if unknown:
        raise bad_request(f"{key}: unknown {', '.join(unknown)}; use a list of {', '.join(known)}", "invalid.value")
    return list(given)


def group_value(grouping: str, conversation: Conversation) -> str | None:
    """Medium of the first session, first queue, last agent, direction of origin."""
    if grouping == "conversation:direction":
        return conversation.get("originatingDirection")
    inside = list(sessions(conversation))
    if grouping == "conversation:medium":
        return next((session.get("mediaType") for _, session in inside), None)
    if grouping == "conversation:agent":
        agents = [one.get("userId") for one, _ in inside if one.get("purpose") in ("agent", "user")]
        return agents[-1] if agents else None
    queues = (
        segment.get("queueId")
        for participant, session in inside
        if participant.get("purpose") != "customer"
        for segment in session.get("segments") or ()
    )
    return next((queue for queue in queues if queue), None)
