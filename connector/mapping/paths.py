"""Paths into records: `tHandle.sum`, `participants[0].userId`, `"participants[purpose=agent,user].sessions"`.

A path is names joined by dots; a name may be followed by `[n]` (from the end when negative) or `[key=value,value]`
(elements whose key is any of the values). Names hold letters, digits, `_`, `-` and `:`; others stand in quotes.
A path that crosses a list, or ends at one, gives the flat list of what it finds, in order.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.mapping.values import Refusal, as_text, plain

_NAME = re.compile(r'[\w:-]+|"(?:[^"\\]|\\.)+"')
_INDEX = re.compile(r"\[(-?[0-9]{1,6})\]")
_WHERE = re.compile(r'\[([\w:-]+)=((?:[^\[\]",]+|"(?:[^"\\]|\\.)*")(?:,(?:[^\[\]",]+|"(?:[^"\\]|\\.)*"))*)\]')
_MOST_STEPS = 40
_CHOICE = re.compile(r'"(?:[^"\\]|\\.)*"|[^",]+')


@dataclass(frozen=True)
class Name:
    """The value under a key."""

    name: str


@dataclass(frozen=True)
class Index:
    """One element of a list, from the end when negative."""

    index: int


@dataclass(frozen=True)
class Where:
    """The elements of a list whose key, as text, is any of the values."""

    key: str
    values: frozenset[str]


@dataclass(frozen=True)
class RecordPath:
    """A parsed path. text: as written."""

    text: str
    steps: tuple[Name | Index | Where, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if isinstance(step, Name))


def parse_path(text: str) -> RecordPath:
    """Read a path. Raises ValueError that says what is wrong and where in the text."""
    steps: list[Name | Index | Where] = []
    at = 0
    while True:
        found = _NAME.match(text, at)
        if not found:
            raise ValueError(f"path {text!r}: a name is missing at character {at + 1}; {_HOW}")
        if len(steps) >= _MOST_STEPS:
            raise ValueError(f"path {text[:40]!r}...: more than {_MOST_STEPS} steps; no record is so deep")
        steps.append(Name(_unquoted(found[0])))
        at = found.end()
        while at < len(text) and text[at] == "[":
            if found := _INDEX.match(text, at):
                steps.append(Index(int(found[1])))
            elif found := _WHERE.match(text, at):
                steps.append(Where(found[1], frozenset(_unquoted(one.strip()) for one in _CHOICE.findall(found[2]))))
            else:
                raise ValueError(f"path {text!r}: '[' at character {at + 1} begins neither [0] nor [key=value,value]")
            at = found.end()
        if at == len(text):
            return RecordPath(text, tuple(steps))
        if text[at] != ".":
            raise ValueError(f"path {text!r}: unexpected {text[at]!r} at character {at + 1}; {_HOW}")
        at += 1


_HOW = 'names are joined by dots, and other names stand in quotes, as in attributes."Order No"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


Record = dict[str, Any]
"""One thing Genesys tells, as flattening yields it."""

Getter = Callable[[Record], Any]


def one(path: RecordPath) -> Getter:
    """A function from a record to the one plain value at the path, None when it is missing.

    It raises Refusal when it finds a list or a mapping.
    """
    walks = tuple(_walk(step) for step in path.steps)

    def get(record: Record) -> Any:
        value: Any = record
        for walk in walks:
            value = walk(value)
            if value is None:
                return None
        return plain(value)

    return get


def many(path: RecordPath) -> Callable[[Record], list[Any]]:
    """A function from a record to the flat list of everything found at the path; missing values are left out."""
    walks = tuple(_walk_all(step) for step in path.steps)

    def get(record: Record) -> list[Any]:
        found: list[Any] = [record]
        for walk in walks:
            found = walk(found)
        return [value for value in _flat(found) if value != ""]

    return get


def _walk(step: Name | Index | Where) -> Callable[[Any], Any]:
    match step:
        case Name(name):
            return lambda value: below(value, name)
        case Index(index):
            return lambda value: _element(value, index)
        case Where(key, values):
            return lambda value: _chosen(value, key, values)


def _walk_all(step: Name | Index | Where) -> Callable[[list[Any]], list[Any]]:
    """One step from everything found so far, lists as they are, to everything below."""
    match step:
        case Name(name):
            return lambda found: [value.get(name) for value in _flat(found) if value.__class__ is dict]
        case Index(index):
            return lambda found: [_element(value, index) for value in found]
        case Where(key, values):
            return lambda found: [_chosen(value, key, values) for value in found]


def below(value: Any, name: str) -> Any:
    """What stands under a name; None where there is no such name. Raises Refusal for a list, which has no names."""
    if value.__class__ is dict:
        return value.get(name)
    if value.__class__ is list:
        raise Refusal("LIST", "the path meets a list; use first, last, count, sum or join")
    return None


def _element(value: Any, index: int) -> Any:
    if value.__class__ is list and -len(value) <= index < len(value):
        return value[index]
    return None


def chosen(numbered: list[tuple[int, Any]], choice: Index | Where) -> list[tuple[int, Any]]:
    """Of the elements of a list, each with its index, those that one step of a path chooses."""
    if isinstance(choice, Where):
        return [
            (number, item)
            for number, item in numbered
            if item.__class__ is dict and _is_one_of(item.get(choice.key), choice.values)
        ]
    index = choice.index
    return [numbered[index]] if -len(numbered) <= index < len(numbered) else []


def _chosen(value: Any, key: str, values: frozenset[str]) -> list[Any] | None:
    if value.__class__ is not list:
        return None
    return [item for item in value if item.__class__ is dict and _is_one_of(item.get(key), values)]


def _is_one_of(value: Any, values: frozenset[str]) -> bool:
    if value.__class__ is str:
        return value in values
    return value is not None and value.__class__ not in (dict, list) and as_text(value) in values


def _flat(values: list[Any]) -> list[Any]:
    """The values without those that are missing, lists opened."""
    flat: list[Any] = []
    for value in values:
        if value.__class__ is list:
            flat += _flat(value)
        elif value is not None:
            flat.append(value)
    return flat
