"""Which conversations a details query or job selects, and in which order: what both bodies share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.sandbox.conversations import Conversation, milliseconds, sessions
from connector.sandbox.genesys.filters import (
    CONVERSATION_LEVEL,
    SEGMENT_LEVEL,
    Test,
    compile_filter,
    selects_by_segments,
    selects_conversation,
)
from connector.sandbox.genesys.intervals import parse_interval
from connector.sandbox.genesys.problems import bad_request
from connector.sandbox.world import World

NOT_SERVED = ("evaluationFilters", "surveyFilters", "resolutionFilters", "aggregations")
SELECTION_KEYS = ("interval", "conversationFilters", "segmentFilters", "order", "orderBy", *NOT_SERVED)

ORDERS = ("asc", "desc", "unordered")
_ORDER_BY = ("conversationStart", "conversationEnd", "segmentStart", "segmentEnd")
_FOREVER = 1 << 62


@dataclass(frozen=True)
class Selection:
    """The interval, filters and order of a body. whole, parts: tests of conversations and of their segments."""

    start: datetime
    end: datetime
    whole: list[Test]
    parts: list[Test]
    order: str
    order_by: str

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Selection":
        """From the body of a query or job; raises HTTP 400, also for what this simulation does not serve."""
        for key in NOT_SERVED:
            if body.get(key):
                raise bad_request(f"{key} are not served here")
        start, end = parse_interval(body.get("interval"))
        order, order_by = body.get("order") or "asc", body.get("orderBy") or "conversationStart"
        if order not in ORDERS or order_by not in _ORDER_BY:
            raise bad_request(f"order must be one of {ORDERS}, orderBy one of {_ORDER_BY}", "invalid.value")
        return cls(
            start,
            end,
            [compile_filter(one, CONVERSATION_LEVEL) for one in _filters(body, "conversationFilters")],
            [compile_filter(one, SEGMENT_LEVEL) for one in _filters(body, "segmentFilters")],
            order,
            order_by,
        )

    @property
    def has_filter(self) -> bool:
        """Whether it filters at all."""
        return bool(self.whole or self.parts)

    def of(self, started: Iterable[tuple[int, str]], world: World, now: datetime) -> list[str]:
        """Ids of what passes, in order, of conversations given by start (ms) and id, as they are at `now`."""
        if self.has_filter or (self.order_by != "conversationStart" and self.order != "unordered"):
            started = self._filtered(started, world, now)
        if self.order == "unordered":
            return sorted(identity for _, identity in started)
        return [identity for _, identity in sorted(started, reverse=self.order == "desc")]

    def _filtered(self, started: Iterable[tuple[int, str]], world: World, now: datetime) -> list[tuple[int, str]]:
        """What passes the filters, each under the instant (ms) it is ordered by."""
        passed = []
        for _, identity in started:
            conversation = world.conversation_at(now, identity)
            if (
                conversation is not None
                and selects_conversation(self.whole, conversation)
                and selects_by_segments(self.parts, conversation)
            ):
                passed.append((_place_in_order(conversation, self.order_by), identity))
        return passed


def _filters(body: Mapping[str, Any], key: str) -> list[Any]:
    given = body.get(key) or []
    if not isinstance(given, list):
        raise bad_request(f"{key} must be a list")
    return given


def _place_in_order(conversation: Conversation, order_by: str) -> int:
    """Instant (ms) to order by; a conversation without it comes last."""
    if order_by.startswith("conversation"):
        texts = [conversation.get(order_by)]
    else:
        texts = [
            segment.get(order_by) for _, session in sessions(conversation) for segment in session.get("segments") or ()
        ]
    instants = [milliseconds(text) if text else _FOREVER for text in texts] or [_FOREVER]
    return min(instants) if order_by.endswith("Start") else max(instants)
