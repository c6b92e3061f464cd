"""What the records of a query hold, and so of which kind a field's value will be.

Source: vendor reference, conversation aggregates query and analytics conversation; the catalogue of queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from connector.genesys.queries import CATALOGUE, FACTS, METRICS
from connector.mapping.fields import FieldRule, Step
from connector.mapping.model import Source
from connector.mapping.paths import Name, RecordPath
from connector.mapping.values import Refusal, as_date, whole_seconds

Kind = Literal["text", "number", "integer", "boolean", "datetime", "date", "any"]

_INSTANTS = frozenset(
    "start end conversationStart conversationEnd conferenceStart segmentStart segmentEnd emitDate".split()
)
_LISTS = frozenset(
    """participants sessions segments metrics divisionIds evaluations surveys resolutions requestedRoutings
    requestedRoutingSkillIds media_types wrap_up_codes""".split()
)
_TREES = _LISTS - {"divisionIds", "requestedRoutings", "requestedRoutingSkillIds", "media_types", "wrap_up_codes"}
_CONVERSATION: Mapping[str, Kind] = {
    **dict.fromkeys(("conversationStart", "conversationEnd", "conferenceStart"), "datetime"),
    **dict.fromkeys(("conversationId", "originatingDirection", "externalTag", "conversationInitiator"), "text"),
    **dict.fromkeys(("mediaStatsMinConversationMos", "mediaStatsMinConversationRFactor"), "number"),
    **dict.fromkeys(("customerParticipation", "originatingSocialMediaPublic", "selfServed"), "boolean"),
    **dict.fromkeys(("participants", "divisionIds", "evaluations", "surveys", "resolutions"), "any"),
    "inactivityTimeout": "any",
    **dict.fromkeys(FACTS, "any"),
    **dict.fromkeys(("first_queue_id", "direction", "media_types"), "text"),
    "duration_ms": "integer",
    "is_open": "boolean",
}
_BELOW: Mapping[str, Kind] = {
    **dict.fromkeys(("purpose", "mediaType", "direction", "wrapUpCode", "disconnectType", "segmentType"), "text"),
    "conference": "boolean",
    "value": "number",
}


@dataclass(frozen=True)
class Contents:
    """The names a record holds at its top, with their kinds; `metrics` among them, with the statistics of each.

    is_closed: nothing else can stand there; lists: names that hold lists wherever they stand.
    """

    shape: str
    names: Mapping[str, Kind]
    metrics: Mapping[str, tuple[str, ...]]
    is_closed: bool
    lists: frozenset[str]

    def is_instant(self, path: RecordPath) -> bool:
        """Whether the path ends at an instant Genesys gives; an attribute may have any name and any text."""
        names = path.names
        return isinstance(path.steps[-1], Name) and names[-1] in _INSTANTS and "attributes" not in names

    def is_tree(self, path: RecordPath) -> bool:
        """Whether the path ends at mappings, not at values."""
        names = path.names
        return self.shape == "details" and names[-1] in _TREES and "attributes" not in names

    def is_given(self, path: RecordPath) -> bool:
        """Whether the query gives what the path leads to: only jobs give attributes (vendor's details reference)."""
        return self.shape != "details" or "attributes" not in path.names

    def is_measure(self, path: RecordPath) -> bool:
        """Whether the path leads to a metric of the summary query: a number, or a mapping of statistics."""
        return self.shape == "summary" and path.names[0] in self.metrics and len(path.steps) <= 2

    def kind(self, path: RecordPath) -> Kind:
        """Of what the path leads to, or of the elements of the list it gives."""
        names = path.names
        if "attributes" in names:
            return "text"
        if self.is_instant(path):
            return "datetime"
        if names[0] in self.metrics:
            return "integer" if names[1:] == ("count",) and self.shape == "aggregates" else "number"
        if len(names) == 1:
            return self.names.get(names[0], "any")
        return "text" if names[-1].endswith("Id") else _BELOW.get(names[-1], "any")


def contents_of(source: Source) -> Contents:
    """What the records of this source hold."""
    shape = CATALOGUE[source.query].shape
    if shape == "details":
        return Contents(shape, _CONVERSATION, {}, False, _LISTS)
    names: dict[str, Kind] = {"start": "datetime", "end": "datetime"}
    if shape == "aggregates":
        names["mediaType"] = "text"
    else:
        names.update({"id": "text", "conversationStart": "datetime", "conversationEnd": "datetime"})
    names.update((name, "text") for name in source.group_by)
    names.update((name, "number") for name in source.metrics)
    metrics = {name: METRICS.get(name, ()) for name in source.metrics}
    return Contents(shape, names, metrics, shape == "aggregates", frozenset())


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
        case "ratio":
            return "number"
        case "count":
            return "integer"
        case "sum":
            return "integer" if _united(contents.kind(path) for path in rule.paths) == "integer" else "number"
        case _:
            return _united(contents.kind(path) for path in rule.paths)


def _after(step: Step, kind: Kind) -> Kind:
    match step.name:
        case "map":
            outcomes = [*step.argument.values(), step.otherwise]
            return _united(_constant_kind(one) for one in outcomes if one is not None)
        case "replace" | "truncate" | "text" | "upper" | "lower":
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
        raise WrongKind(step.name, f"'{step.name}' takes {wanted}, and this is {_WORDS[kind]}{hint}")


_WORDS = {
    "text": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "datetime": "an instant",
    "date": "a date",
}


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


def _united(kinds: Any) -> Kind:
    """The one kind of values that may be of several."""
    found = set(kinds)
    if found == {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "any"
