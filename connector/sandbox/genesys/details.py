"""Conversation details by query and by id. Source: vendor reference, "conversation details"."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from connector.sandbox.conversations import Conversation
from connector.sandbox.faults import FaultPlanError, Rule
from connector.sandbox.genesys.listing import MISSING, ShortPages, WorkedOut, cut_page
from connector.sandbox.genesys.problems import ApiError, bad_request, check_keys, page_asked
from connector.sandbox.genesys.selection import ORDERS, SELECTION_KEYS, Selection
from connector.sandbox.world import World

DETAILS_ACTIONS = frozenset({"ignore_order"})
"""Actions on the details query: `ignore_order` answers in another `order` than was asked, {order: asc} by default."""

_KEYS = (*SELECTION_KEYS, "paging")
_LARGEST_PAGE = 100
_MOST_IDS = 100


class Details:
    """Answers about single conversations of a world.

    day_indexed: the query returns what started on the UTC days its interval touches, as the service does; else
    only what started inside the interval.
    """

    def __init__(self, world: World, day_indexed: bool) -> None:
        self._world = world
        self._day_indexed = day_indexed
        self._worked_out = WorkedOut()
        self._short_pages = ShortPages()

    def query(self, body: Mapping[str, Any], now: datetime, rules: Sequence[Rule]) -> dict[str, Any]:
        """POST conversations/details/query: a page of conversations, and totalHits.

        An empty page has no `conversations`, or, on pages of even number, a null there. Raises HTTP 400 for a body
        the service refuses; what this simulation does not serve is refused as well.
        """
        check_keys(body, _KEYS, "conversation detail query")
        paging = body.get("paging") or {}
        check_keys(paging, ("pageSize", "pageNumber"), "paging")
        number, size = page_asked(paging, _LARGEST_PAGE)
        if ignored := next((rule for rule in rules if rule.action == "ignore_order"), None):
            body = {**body, "order": ignored.arguments.get("order", "asc")}
        listed = orjson.dumps({**body, "paging": None}, option=orjson.OPT_SORT_KEYS).decode()
        question = (listed, now, self._world.revision)
        selected = self._worked_out.get(question, lambda: self._select(body, now))
        page = cut_page(selected, number, size, rules, self._short_pages, listed)
        page.page_count = next((page.page_count for rule in rules if rule.action == "page_count"), MISSING)
        if isinstance(page.rows, list):
            page.rows = self.by_id(page.rows, now).get("conversations", [])
        if page.rows == [] and not any(rule.action == "empty_page" for rule in rules):
            page.rows = None if number % 2 == 0 else MISSING
        return page.put({}, rows="conversations", total="totalHits", page_count="pageCount")

    def by_id(self, identities: Sequence[str], now: datetime) -> dict[str, Any]:
        """GET conversations/details?id=: those that show, in the order asked; no list when there are none."""
        if len(identities) > _MOST_IDS:
            raise bad_request(f"at most {_MOST_IDS} ids", "invalid.query.param.value")
        found = (self._world.conversation_at(now, identity) for identity in identities)
        shown = [_without_attributes(conversation) for conversation in found if conversation is not None]
        return {"conversations": shown} if shown else {}

    def one(self, identity: str, now: datetime) -> Conversation:
        """GET conversations/{id}/details; raises HTTP 404."""
        conversation = self._world.conversation_at(now, identity)
        if conversation is None:
            raise ApiError(404, "not.found", "The requested conversation was not found.")
        return _without_attributes(conversation)

    def _select(self, body: Mapping[str, Any], now: datetime) -> list[str]:
        selection = Selection.read(body)
        days = 31 if selection.has_filter else 7
        if selection.end - selection.start > timedelta(days=days):
            raise bad_request(f"interval must not be longer than {days} days", "invalid.value")
        start, end = selection.start, selection.end
        if self._day_indexed:
            start, end = _whole_days(start, end)
        return selection.of(self._world.started_at(now, start, end), self._world, now)


def check_details_arguments(rules: Iterable[Rule]) -> None:
    """Raise FaultPlanError for a rule with one of DETAILS_ACTIONS whose arguments make no sense."""
    for rule in rules:
        if rule.action == "ignore_order" and rule.arguments.get("order", "asc") not in ORDERS:
            raise FaultPlanError(f"ignore_order needs order: one of {ORDERS}, not {rule.arguments['order']!r}")


def _whole_days(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    last = (end - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return first, last + timedelta(days=1)


def _without_attributes(conversation: Conversation) -> Conversation:
    """Participants carry no attributes here: only jobs show them."""
    bare = [
        {key: value for key, value in participant.items() if key != "attributes"}
        for participant in conversation.get("participants") or ()
    ]
    return {**conversation, "participants": bare}
