"""Filters of analytics queries, made into functions.

A filter is {type: and|or, clauses: [{type, predicates}], predicates: [{type: dimension|metric, dimension | metric,
operator: matches|exists|notExists, value | range}]}. Source: vendor reference, "synchronous query".
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connector.sandbox.conversations import (
    CONVERSATION_DIMENSIONS,
    PARTICIPANT_DIMENSIONS,
    SEGMENT_DIMENSIONS,
    SESSION_DIMENSIONS,
    Conversation,
    dimension,
    milliseconds,
    sessions,
)
from connector.sandbox.genesys.intervals import parse_instant
from connector.sandbox.genesys.problems import bad_request, check_keys

CONVERSATION_LEVEL = frozenset(CONVERSATION_DIMENSIONS)
SEGMENT_LEVEL = frozenset({*PARTICIPANT_DIMENSIONS, *SESSION_DIMENSIONS, *SEGMENT_DIMENSIONS, "flowId"})
AGGREGATE_LEVEL = (CONVERSATION_LEVEL | SEGMENT_LEVEL) - {
    *("conversationStart", "conversationEnd", "segmentStart", "segmentEnd", "segmentType", "conference"),
    *("sessionId", "peerId", "participantName"),
}
"""Dimensions each kind of filter knows; those of aggregates are also what they can be grouped by."""

_DATES = frozenset({"conversationStart", "conversationEnd", "segmentStart", "segmentEnd"})
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


@dataclass(frozen=True)
class Place:
    """Where a filter is asked: a conversation, or one session of it, or one segment of that."""

    conversation: Conversation
    participant: Mapping[str, Any] | None = None
    session: Mapping[str, Any] | None = None
    segment: Mapping[str, Any] | None = None

    def values(self, name: str) -> tuple[Any, ...]:
        """The values of a dimension here."""
        return dimension(name, self.conversation, self.participant or {}, self.session or {}, self.segment)

    def metric(self, name: str) -> int | None:
        """The sum of a metric here; None when it was not emitted."""
        inside = [self.session] if self.session else [session for _, session in sessions(self.conversation)]
        found = [one["value"] for session in inside for one in session.get("metrics") or () if one["name"] == name]
        return sum(found) if found else None


Test = Callable[[Place], bool]


def compile_filter(given: Any, known: Collection[str]) -> Test:
    """One filter as a function; `known` dimensions only. Raises HTTP 400."""
    if not isinstance(given, Mapping):
        raise bad_request("a filter must be an object")
    check_keys(given, ("type", "clauses", "predicates"), "filter")
    tests = [_compile_predicate(one, known) for one in given.get("predicates") or ()]
    for clause in given.get("clauses") or ():
        if not isinstance(clause, Mapping) or clause.get("clauses"):
            raise bad_request("a clause must be an object with type and predicates")
        tests.append(compile_filter(clause, known))
    if not tests:
        raise bad_request("a filter needs predicates or clauses", "constraint.validation")
    if given.get("type") not in ("and", "or"):
        raise bad_request("filter type must be 'and' or 'or'", "invalid.value")
    joined = all if given["type"] == "and" else any
    return lambda place: joined(test(place) for test in tests)


def selects_conversation(filters: list[Test], conversation: Conversation) -> bool:
    """Whether all filters of the conversation level hold."""
    place = Place(conversation)
    return all(test(place) for test in filters)


def selects_by_segments(filters: list[Test], conversation: Conversation) -> bool:
    """Whether each filter holds on some segment; the whole conversation then comes back."""
    if not filters:
        return True
    places = [
        Place(conversation, participant, session, segment)
        for participant, session in sessions(conversation)
        for segment in session.get("segments") or ()
    ]
    return all(any(test(place) for place in places) for test in filters)


def _compile_predicate(given: Any, known: Collection[str]) -> Test:
    if not isinstance(given, Mapping):
        raise bad_request("a predicate must be an object")
    check_keys(given, ("type", "dimension", "metric", "operator", "value", "range"), "predicate")
    kind = given.get("type", "dimension")
    if kind not in ("dimension", "metric"):
        raise bad_request(f"predicate type {kind!r} is not served here; use dimension or metric", "invalid.value")
    name = given.get(kind)
    if kind == "dimension" and name not in known:
        raise bad_request(f"unknown dimension {name!r} in this filter", "invalid.value")
    if not isinstance(name, str):
        raise bad_request(f"a predicate of type {kind} must name its {kind}")
    operator = given.get("operator", "matches")
    if operator in ("exists", "notExists"):
        wanted = operator == "exists"
        return lambda place: bool(_found(place, kind, name)) is wanted
    if operator != "matches":
        raise bad_request(f"unknown operator {operator!r}", "invalid.value")
    if given.get("range") is not None:
        return _compile_range(kind, name, given["range"])
    if "value" not in given or given["value"] is None:
        raise bad_request(f"predicate on {name} needs a value or a range", "constraint.validation")
    value = str(given["value"])
    return lambda place: any(_as_text(one) == value for one in _found(place, kind, name))


def _compile_range(kind: str, name: str, given: Any) -> Test:
    if not isinstance(given, Mapping) or not given:
        raise bad_request(f"range of {name} must be an object with gt, gte, lt or lte")
    check_keys(given, _BOUNDS, f"range of {name}")
    to_number: Callable[[Any], float] = _date_number if name in _DATES else _plain_number
    bounds = [(_BOUNDS[key], to_number(bound)) for key, bound in given.items() if bound is not None]
    return lambda place: any(
        all(holds(to_number(one), bound) for holds, bound in bounds) for one in _found(place, kind, name)
    )


def _found(place: Place, kind: str, name: str) -> tuple[Any, ...]:
    if kind == "dimension":
        return place.values(name)
    value = place.metric(name)
    return () if value is None else (value,)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date_number(value: Any) -> float:
    return milliseconds(parse_instant(value))


def _plain_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise bad_request(f"{value!r} is not a number", "invalid.value") from None
