"""What is known of a field's values before any record is read: how long, how exact, and which of them may come out."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from connector.mapping.rules import FieldRule, Step
from connector.mapping.values import salesforce_length

_HASH = 64
"""Hexadecimal digits of SHA-256."""

_DATE, _INSTANT = len("2026-01-01"), len("2026-01-01T00:00:00Z")


@dataclass(frozen=True)
class Extent:
    """What is known of the values of a field; None where nothing is.

    longest: characters a text has at most, as Salesforce counts them; cut: `truncate` that makes it so short, None
    where something else does; decimals: places after the point a number has at most; values: those the mapping names,
    in its order; others may come out too.
    """

    longest: int | None = None
    cut: int | None = None
    decimals: int | None = None
    values: tuple[Any, ...] = ()


def extent_of(rule: FieldRule) -> Extent:
    """What the source and the steps of a field tell of its values."""
    return reduce(_after, rule.steps, _of_source(rule))


def _of_source(rule: FieldRule) -> Extent:
    """A key may have 255 characters and hardly ever has: a shorter field that holds all of them is right."""
    match rule.source:
        case "value":
            return _of_values((rule.constant,))
        case "count":
            return Extent(decimals=0)
        case _:
            return Extent()


def _of_values(values: tuple[Any, ...]) -> Extent:
    """Of a field that gives one of these and nothing else."""
    known = tuple(dict.fromkeys(one for one in values if one is not None))
    texts = [salesforce_length(one) for one in known if isinstance(one, str)]
    return Extent(longest=max(texts, default=None) if len(texts) == len(known) else None, values=known)


def _after(before: Extent, step: Step) -> Extent:
    match step.name:
        case "map":
            return _of_values((*step.argument.values(), step.otherwise))
        case "default":
            return _with_default(before, step.argument)
        case "truncate":
            return _truncated(before, step.argument)
        case "hash":
            return Extent(longest=_HASH)
        case "date":
            return Extent(longest=_DATE)
        case "datetime":
            return Extent(longest=_INSTANT)
        case "round":
            return Extent(decimals=step.argument)
        case "integer":
            return Extent(decimals=0)
        case _:
            # Even the same text in capitals may be longer: ß becomes SS.
            return Extent()


def _with_default(before: Extent, default: Any) -> Extent:
    length = salesforce_length(default) if isinstance(default, str) else None
    longest = before.longest if before.longest is None or length is None else max(before.longest, length)
    values = tuple(dict.fromkeys((*before.values, default)))
    # A number that is no whole one says how exact it is only by the way it is written.
    decimals = before.decimals if isinstance(default, int) else None
    cut = before.cut if longest == before.longest else None
    return replace(before, longest=longest, cut=cut, decimals=decimals, values=values)


def _truncated(before: Extent, characters: int) -> Extent:
    is_shorter = before.longest is not None and before.longest <= characters
    return before if is_shorter else Extent(longest=characters, cut=characters)
