"""`keep` and `skip` as one test of a record."""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from connector.mapping.contents import Contents
from connector.mapping.paths import Record
from connector.mapping.rules import Condition
from connector.mapping.sources import found_at
from connector.mapping.values import Refusal, as_text, whole_seconds
from connector.spans import instant

Test = Callable[[Record], bool]

_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def compile_conditions(keep: Sequence[Condition], skip: Sequence[Condition], contents: Contents) -> Test | None:
    """A test that is true when all of `keep` hold and not all of `skip`; None when there is nothing to test.

    A path that gives a list holds when any of its elements does.
    """
    kept = [_test(condition, contents) for condition in keep]
    skipped = [_test(condition, contents) for condition in skip]
    if not kept and not skipped:
        return None
    if not skipped:
        return kept[0] if len(kept) == 1 else lambda record: all(test(record) for test in kept)
    return lambda record: all(test(record) for test in kept) and not all(test(record) for test in skipped)


def _test(condition: Condition, contents: Contents) -> Test:
    if condition.exists is not None:
        return _exists(condition, contents)
    find = found_at(condition.path, contents)
    if condition.bounds:
        holds = _within(condition.bounds)
    elif contents.follow(condition.path).kind == "datetime":
        holds = _is_one_of(frozenset(_at_whole_seconds(value) for value in condition.values))
    else:
        holds = _is_one_of(condition.values)

    def test(record: Record) -> bool:
        try:
            return any(holds(value) for value in find(record))
        except Refusal:
            # What cannot be read as a value equals nothing and lies in no bounds.
            return False

    return test


def _exists(condition: Condition, contents: Contents) -> Test:
    wanted = condition.exists
    if len(condition.path.steps) == 1:
        name = condition.path.names[0]
        return lambda record: (record.get(name) not in (None, "", [])) is wanted
    find = found_at(condition.path, contents)

    def test(record: Record) -> bool:
        try:
            return bool(find(record)) is wanted
        except Refusal:
            return wanted is True

    return test


def _is_one_of(values: frozenset[str]) -> Callable[[Any], bool]:
    return lambda value: value.__class__ not in (dict, list) and as_text(value) in values


def _within(bounds: Sequence[tuple[str, Any]]) -> Callable[[Any], bool]:
    tests = [(_HOLDS[name], bound) for name, bound in bounds]
    in_time = isinstance(bounds[0][1], datetime)

    def holds(value: Any) -> bool:
        if in_time:
            value = _moment(value)
            return value is not None and all(test(value, bound) for test, bound in tests)
        return value.__class__ in (int, float) and all(test(value, bound) for test, bound in tests)

    return holds


def _moment(value: Any) -> datetime | None:
    try:
        return instant(value) if value.__class__ is str else None
    except (ValueError, OverflowError):
        return None


def _at_whole_seconds(text: str) -> str:
    try:
        return whole_seconds(text)
    except Refusal:
        return text
