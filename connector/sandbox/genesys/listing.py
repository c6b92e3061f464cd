"""One page of a list, with the trouble a fault plan holds for it."""

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.faults import FaultPlanError, Rule

ACTIONS = frozenset(
    {
        *("empty_page", "empty_missing_list", "null_list", "repeat_previous_page", "total", "page_count"),
        *("header_page_count", "short_page", "shift", "drop_rows"),
    }
)
"""Actions the lists interpret, with their arguments: see `cut_page`."""

_REMEMBERED = 4

MISSING = object()
"""A key that is left out."""


@dataclass
class Page:
    """What an answer shows of a list. rows: a list, None, or MISSING; likewise the counts."""

    rows: Any
    total: Any
    page_count: Any = MISSING
    header_page_count: Any = MISSING
    number: int = 1
    size: int = 25

    def put(self, body: dict[str, Any], **names: str) -> dict[str, Any]:
        """Add the shown parts under the given names, such as rows="entities", total="totalHits"."""
        for part, name in names.items():
            if (value := getattr(self, part)) is not MISSING:
                body[name] = value
        return body


@dataclass
class ShortPages:
    """How many rows earlier short pages of a list left to the pages after them, by list and page."""

    _left: dict[str, dict[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def leave(self, listed: str, number: int, count: int) -> None:
        """Page `number`, when last asked for, kept back `count` rows."""
        with self._lock:
            if count or listed in self._left:
                self._left.setdefault(listed, {})[number] = count

    def before(self, listed: str, number: int) -> int:
        """Rows kept back before page `number`."""
        with self._lock:
            return sum(count for page, count in self._left.get(listed, {}).items() if page < number)


class WorkedOut:
    """The last few lists worked out, so that the next page of an unchanged question costs nothing."""

    def __init__(self) -> None:
        self._lists: dict[Hashable, list[Any]] = {}
        self._lock = threading.Lock()

    def get(self, question: Hashable, work_out: Callable[[], list[Any]]) -> list[Any]:
        """The list that answers `question`, which must hold everything the answer depends on."""
        with self._lock:
            if question in self._lists:
                return self._lists[question]
        found = work_out()
        with self._lock:
            while len(self._lists) >= _REMEMBERED:
                del self._lists[next(iter(self._lists))]
            self._lists[question] = found
        return found


def cut_page(
    rows: Sequence[Any],
    number: int,
    size: int,
    rules: Sequence[Rule],
    short_pages: ShortPages,
    listed: str,
    estimate: int | None = None,
) -> Page:
    """Page `number` (from 1) of `rows`, and the counts the service states about them.

    estimate: rows the service believes there are when it counts pages. listed: names the list, so that a short page
    moves what follows in this list only. Rules, applied in order: `empty_page` an empty list; `empty_missing_list` no
    list at all; `null_list`; `repeat_previous_page`; `short_page` {rows: n} only n rows, the others come on the pages
    after it; `shift` {rows: n} n rows appeared before this page (negative: vanished), so all move; `drop_rows`
    {rows: n} the first n of the page are absent from the answer; `total`, `page_count`, `header_page_count` {value:
    number, null, missing, stale_low or stale_high; by: how stale}.
    """
    actions = {rule.action: rule.arguments for rule in rules}
    shown = max(1, number - 1) if "repeat_previous_page" in actions else number
    begin = (shown - 1) * size - short_pages.before(listed, shown)
    begin = max(0, begin - _number(actions, "shift"))
    cut = list(rows[begin : begin + size])
    kept = _number(actions, "short_page") if "short_page" in actions else len(cut)
    short_pages.leave(listed, number, max(0, len(cut) - kept))
    cut = cut[:kept]
    cut = cut[_number(actions, "drop_rows") :]
    pages = -(-(len(rows) if estimate is None else estimate) // size)
    page = Page(cut, len(rows), pages, pages, number, size)
    if "empty_page" in actions:
        page.rows = []
    if "empty_missing_list" in actions:
        page.rows = MISSING
    if "null_list" in actions:
        page.rows = None
    for name in ("total", "page_count", "header_page_count"):
        if name in actions:
            setattr(page, name, _stated(getattr(page, name), name, actions[name]))
    return page


def check_arguments(rules: Iterable[Rule]) -> None:
    """Raise FaultPlanError for a rule with one of ACTIONS whose arguments make no sense."""
    for rule in rules:
        actions = {rule.action: rule.arguments}
        if rule.action in ("short_page", "shift", "drop_rows"):
            _number(actions, rule.action)
        elif rule.action in ("total", "page_count", "header_page_count"):
            _stated(0, rule.action, rule.arguments)


def _number(actions: Mapping[str, Mapping[str, Any]], action: str) -> int:
    if action not in actions:
        return 0
    rows = actions[action].get("rows", 1)
    if type(rows) is not int:
        raise FaultPlanError(f"{action} needs arguments: {{rows: <number>}}, not {rows!r}")
    return rows


def _stated(true: int, name: str, arguments: Mapping[str, Any]) -> Any:
    value = arguments.get("value")
    by = arguments.get("by", max(1, true // 10))
    if value == "missing":
        return MISSING
    if value == "stale_low":
        return max(0, true - by)
    if value == "stale_high":
        return true + by
    if value is not None and type(value) is not int:
        raise FaultPlanError(f"{name} needs value: number, null, missing, stale_low or stale_high, not {value!r}")
    return value
