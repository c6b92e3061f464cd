"""The steps of a field as plain functions of a value that is there.

A missing value (None) passes by all of them but `default`: `connector.mapping.rowcode` sees to that. Each raises
Refusal for a value it cannot work on; no message holds the value.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from connector.mapping.arithmetic import Scale
from connector.mapping.rules import Replacement, Step
from connector.mapping.values import Refusal, as_date, as_text, plain, salesforce_length, tidy, whole_seconds
from connector.spans import instant

Change = Callable[[Any], Any]
Maker = Callable[[Step], Change]

Find = Callable[[str, str], Mapping[str, Any] | None]
"""From a kind of look-up and an id to its properties; None when the service answered that there is no such id.

It raises the connector's own errors when the service cannot be asked.
"""

_NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,17})?|\.\d{1,17})", re.ASCII)
_TRUE = frozenset(("true", "yes", "y", "on", "1"))
_FALSE = frozenset(("false", "no", "n", "off", "0"))
_RECKONING = frozenset(("divide", "multiply", "round"))


def leading_scale(steps: tuple[Step, ...]) -> tuple[Scale, tuple[Step, ...]]:
    """The reckoning a list of steps begins with as one exact scale, and the steps after it."""
    scale = Scale()
    for index, step in enumerate(steps):
        match step.name:
            case "divide":
                scale = scale.divided(step.argument)
            case "multiply":
                scale = scale.multiplied(step.argument)
            case "round":
                return scale.rounded(step.argument), steps[index + 1 :]
            case _:
                return scale, steps[index:]
    return scale, ()


def is_reckoning(step: Step) -> bool:
    """Whether a step is part of a scale; neighbours become one, so that nothing is rounded in between."""
    return step.name in _RECKONING


def change_maker(find: Find, salt: str) -> Maker:
    """How each other step but `default` becomes a function of a value that is there.

    find: from a kind of look-up and an id to what is known of it; salt: of `hash`.
    """

    def make(step: Step) -> Change:
        match step.name:
            case "lookup":
                kind, known = step.argument
                return _looked_up(kind, known, find)
            case "hash":
                return _hashed(salt)
            case "map":
                return _mapped(step.argument, step.otherwise)
            case "date":
                return _dated(step.argument)
            case "truncate":
                return _truncated(step.argument)
            case "replace":
                replacement: Replacement = step.argument
                return _of_text(lambda text: tidy(replacement.substitute(text)))
            case "text":
                return _of_text(str)
            case "upper":
                return _of_text(str.upper)
            case "lower":
                return _of_text(str.lower)
            case name:
                return _CONVERSIONS[name]

    return make


def _looked_up(kind: str, known: str, find: Find) -> Change:
    def change(value: Any) -> Any:
        found = find(kind, as_text(value))
        return None if found is None else plain(found.get(known))

    return change


def _hashed(salt: str) -> Change:
    key = salt.encode()
    return _of_text(lambda text: hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest())


def _mapped(table: Mapping[str, Any], otherwise: Any) -> Change:
    return lambda value: table.get(as_text(value), otherwise)


def _of_text(function: Callable[[str], str]) -> Change:
    return lambda value: function(as_text(value)) or None


def _truncated(characters: int) -> Change:
    def cut(text: str) -> str:
        text = text[:characters]
        while salesforce_length(text) > characters:
            text = text[:-1]
        return text

    return _of_text(cut)


def _dated(zone: ZoneInfo) -> Change:
    def change(value: Any) -> Any:
        try:
            if value.__class__ is str:
                return as_date(value) or instant(value).astimezone(zone).date().isoformat()
        except (ValueError, OverflowError):
            pass
        raise Refusal("NOT_AN_INSTANT", "not an instant such as 2026-01-01T00:00:00Z")

    return change


def _instant(value: Any) -> str:
    return whole_seconds(value if value.__class__ is str else "")


def _boolean(value: Any) -> bool:
    word = as_text(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Refusal("NOT_A_BOOLEAN", "neither true nor false")


def _number(value: Any) -> int | float:
    if value.__class__ in (int, float):
        return value
    if value.__class__ is str:
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
    raise Refusal("NOT_A_NUMBER", "not a number; numbers are digits with at most one point")


def _integer(value: Any) -> int:
    number = _number(value)
    if number.__class__ is float and not number.is_integer():
        raise Refusal("NOT_A_WHOLE_NUMBER", "not a whole number; 'round: 0' before it makes one")
    return int(number)


_CONVERSIONS: Mapping[str, Change] = {
    "datetime": _instant,
    "bool": _boolean,
    "number": _number,
    "integer": _integer,
}
