"""Of which kind a field's values will be: found from its source and its steps before any record is read."""

from collections.abc import Iterable
from typing import Any

from connector.mapping.contents import Contents, Kind
from connector.mapping.rules import FieldRule, Step
from connector.mapping.values import Refusal, as_date, whole_seconds


class WrongKind(Exception):
    """A step cannot work on the kind of value it gets. step: its name."""

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step


def kind_of(rule: FieldRule, contents: Contents) -> Kind:
    """The kind of a field's values, "any" where it cannot be told. Raises WrongKind."""
    kind = _source_kind(rule, contents)
    for step in rule.steps:
        kind = _after(step, kind)
    return kind


def _source_kind(rule: FieldRule, contents: Contents) -> Kind:
    match rule.source:
        case "value":
            return _constant_kind(rule.constant)
        case "template" | "key" | "join":
            return "text"
        case "ratio" | "metric":
            return "number"
        case "count":
            return "integer"
        case "jmespath":
            return "any"
    kind = _united(contents.follow(path).kind for path in rule.paths)
    if rule.source == "sum":
        return "integer" if kind == "integer" else "number"
    return kind


def _after(step: Step, kind: Kind) -> Kind:
    match step.name:
        case "map":
            outcomes = [*step.argument.values(), step.otherwise]
            return _united(_constant_kind(one) for one in outcomes if one is not None)
        case "replace" | "truncate" | "text" | "upper" | "lower" | "hash":
            return "text"
        case "lookup":
            _require(step, kind, ("text",), "an id")
            return "text"
        case "divide" | "multiply" | "round":
            return _reckoned(step, kind)
        case "number" | "integer":
            _require(step, kind, ("text", "number", "integer"), "text or a number")
            return "integer" if "integer" in (step.name, kind) else "number"
        case "bool":
            _require(step, kind, ("text", "number", "integer", "boolean"), "text, a number, true or false")
            return "boolean"
        case "date":
            _require(step, kind, ("text", "datetime", "date"), "an instant")
            return "date"
        case "datetime":
            _require(step, kind, ("text", "datetime"), "an instant")
            return "datetime"
        case _:
            return _with_default(step, kind)


def _reckoned(step: Step, kind: Kind) -> Kind:
    hint = "; 'number: true' before it makes one of text" if kind == "text" else ""
    _require(step, kind, ("number", "integer"), "a number", hint)
    if step.name == "divide" or kind == "any":
        return "number"
    if step.name == "round":
        return "integer" if step.argument == 0 else kind
    return kind if isinstance(step.argument, int) else "number"


def _with_default(step: Step, kind: Kind) -> Kind:
    if kind in ("date", "datetime"):
        try:
            is_right = isinstance(step.argument, str) and bool(
                as_date(step.argument) if kind == "date" else whole_seconds(step.argument)
            )
        except (ValueError, Refusal):
            is_right = False
        if not is_right:
            wanted = "a date such as 2026-01-01" if kind == "date" else "an instant such as 2026-01-01T00:00:00Z"
            raise WrongKind(step.name, f"'default' must be {wanted} here")
        return kind
    return _united((kind, _constant_kind(step.argument)))


def _require(step: Step, kind: Kind, kinds: tuple[Kind, ...], wanted: str, hint: str = "") -> None:
    if kind != "any" and kind not in kinds:
        raise WrongKind(step.name, f"'{step.name}' takes {wanted}, and this is {WORDS[kind]}{hint}")


WORDS = {
    "text": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "datetime": "an instant",
    "date": "a date",
}
"""Kinds in an admin's words."""


def _constant_kind(value: Any) -> Kind:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case _:
            return "text"


def _united(kinds: Iterable[Kind]) -> Kind:
    """The one kind of values that may be of several."""
    found = set(kinds)
    if found == {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "any"


def is_checkbox(rule: FieldRule, contents: Contents) -> bool:
    """Whether the field can only be true or false: Salesforce refuses to empty a checkbox, so that it becomes false."""
    return rule.type == "Checkbox" if rule.type else kind_of(rule, contents) == "boolean"
