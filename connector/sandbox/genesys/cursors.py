"""Opaque cursors of lists that are read in a chain, and the trouble a fault plan holds for the chain.

A chain shows the list as it was when its first page was asked for, so that a cursor goes on exactly where it left.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connector.sandbox.conversations import milliseconds
from connector.sandbox.faults import FaultPlanError, Rule
from connector.sandbox.genesys.listing import MISSING, Page
from connector.sandbox.genesys.problems import bad_request

CHAIN_ACTIONS = frozenset({"repeat_cursor", "cut_chain", "hide_cursor"})
"""Actions on cursors, with their arguments: see `next_cursor` and `cut`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The next page to give (from 1) of the list that answers `question`, as it was at `began` (ms since 1970)."""

    question: str
    began: int
    number: int = 1

    @property
    def as_of(self) -> datetime:
        """When the chain began."""
        return _EPOCH + timedelta(milliseconds=self.began)

    def text(self) -> str:
        """What a client is given: base64 that ends in `=`, so that it must be encoded inside a URL."""
        content = orjson.dumps({"question": _digest(self.question), "began": self.began, "page": self.number})
        return base64.b64encode(content + b" " * (1 if len(content) % 3 == 0 else 0)).decode()


def read_cursor(text: Any, question: str, now: datetime) -> Cursor:
    """The cursor a client sends, the first one of a new chain for None; raises HTTP 400.

    question: everything the list depends on; a cursor is good for the question it was given for and no other.
    """
    if text is None:
        return Cursor(question, milliseconds(now))
    try:
        given = orjson.loads(base64.b64decode(text, validate=True))
        found = Cursor(question, given["began"], given["page"])
    except (TypeError, ValueError, KeyError, binascii.Error):
        raise bad_request("the cursor cannot be read", "invalid.value") from None
    if given["question"] != _digest(question):
        raise bad_request("the cursor belongs to another query", "invalid.value")
    return found


def cut(page: Page, rows: Sequence[Any], rules: Sequence[Rule]) -> bool:
    """Whether more rows follow this page of `rows`; a chain that is cut loses its rows from the page, too.

    `cut_chain` {rows: n}: the service holds no more than the first n rows of a list and ends the chain there
    without a word; without `rows` it ends with this page. Shorter lists are whole.
    """
    shown = page.number * page.size
    for rule in rules:
        if rule.action == "cut_chain":
            limit = rule.arguments.get("rows")
            if limit is None:
                return False
            if limit < len(rows) and shown >= limit:
                if isinstance(page.rows, list):
                    page.rows = page.rows[: max(0, page.size - (shown - limit))]
                return False
    return shown < len(rows)


def next_cursor(cursor: Cursor, has_more: bool, rules: Sequence[Rule], where: str = "body") -> Any:
    """The cursor to state at `where` (header or body): text, None at the end of the chain, or MISSING.

    `repeat_cursor` {where: header or body} states the cursor of this very page once more; `hide_cursor`
    {where: header or body} leaves it out. Without `where` they act on both places.
    """
    actions = {rule.action for rule in rules if rule.arguments.get("where", where) == where}
    if "hide_cursor" in actions:
        return MISSING
    if "repeat_cursor" in actions:
        return cursor.text()
    return replace(cursor, number=cursor.number + 1).text() if has_more else None


def check_chain_arguments(rules: Iterable[Rule]) -> None:
    """Raise FaultPlanError for a rule with one of CHAIN_ACTIONS whose arguments make no sense."""
    for rule in rules:
        arguments: Mapping[str, Any] = rule.arguments
        if rule.action == "cut_chain" and not _is_limit(arguments.get("rows")):
            raise FaultPlanError(f"cut_chain needs no arguments or {{rows: <number>}}, not {arguments['rows']!r}")
        if rule.action in ("repeat_cursor", "hide_cursor") and arguments.get("where", "body") not in ("header", "body"):
            raise FaultPlanError(f"{rule.action} needs where: header or body, not {arguments['where']!r}")


def _is_limit(rows: Any) -> bool:
    return rows is None or (type(rows) is int and rows >= 0)


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:16]
