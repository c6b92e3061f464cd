"""What each source and each step of a field takes, checked and made ready when the file is read."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import re2
from pydantic import PlainValidator

from connector.mapping.lookup_names import LOOKUPS
from connector.mapping.paths import RecordPath, parse_path
from connector.mapping.rules import Expression, Replacement, Template
from connector.mapping.suggest import did_you_mean
from connector.mapping.values import tidy
from connector.spans import instant

_LONGEST_EXPRESSION = 2000
_REGEX = re2.Options()
# What is wrong with an expression is told here, not on stderr.
_REGEX.log_errors = False


def zone(written: Any) -> ZoneInfo:
    """A time zone by its name in the IANA database. Raises ValueError."""
    try:
        return ZoneInfo(written)
    except (KeyError, ValueError, OSError, TypeError, AttributeError):
        raise ValueError(f"{written!r} is no time zone such as UTC or Europe/Berlin") from None


def _path(written: Any) -> RecordPath:
    if not isinstance(written, str):
        raise ValueError("must be a path, such as queueId or tHandle.sum")
    return parse_path(written)


def _paths(written: Any) -> tuple[RecordPath, ...]:
    if isinstance(written, list) and written:
        return tuple(_path(one) for one in written)
    return (_path(written),)


def _paths_of_one(written: Any) -> tuple[RecordPath, ...]:
    return (_path(written),)


def _key(written: Any) -> tuple[RecordPath, ...]:
    if not isinstance(written, list) or not written:
        raise ValueError("must be a list of paths in [ ]")
    return _paths(written)


def _ratio(written: Any) -> tuple[RecordPath, ...]:
    if not isinstance(written, list) or len(written) != 2:
        raise ValueError("must be a list of two paths: what is divided, and by what")
    return _paths(written)


def _constant(written: Any) -> Any:
    if not isinstance(written, str | int | float):
        raise ValueError("must be text, a number, true or false")
    if written == "":
        raise ValueError("must not be empty text, which counts as missing")
    return tidy(written) if isinstance(written, str) else written


def outcome(written: Any) -> Any:
    """What `map` or `else` gives: a constant, or None. Raises ValueError."""
    return None if written is None or written == "" else _constant(written)


def _number(written: Any) -> int | float:
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise ValueError("must be a number")
    return written


def _divisor(written: Any) -> int | float:
    if not _number(written):
        raise ValueError("must not be zero")
    return _number(written)


def _digits(written: Any) -> int:
    if type(written) is not int or not 0 <= written <= 15:
        raise ValueError("must be a number of decimals from 0 to 15")
    return written


def _characters(written: Any) -> int:
    if type(written) is not int or written < 1:
        raise ValueError("must be a number of characters, 1 or more")
    return written


def _table(written: Any) -> dict[str, Any]:
    if not isinstance(written, dict) or not written:
        raise ValueError("must be pairs of a value and what it becomes, such as {voice: Phone}")
    return {key: outcome(value) for key, value in written.items()}


def _replacement(written: Any) -> Replacement:
    if not isinstance(written, list) or len(written) != 2 or not all(isinstance(one, str) for one in written):
        raise ValueError("must be a list of two texts: a regular expression and what replaces it")
    try:
        pattern = re2.compile(written[0], _REGEX)
    except re2.error as error:
        (told,) = error.args
        raise ValueError(f"is no regular expression (RE2 syntax): {told.decode(errors='replace')}") from None
    if wrong := [one for one in re.findall(r"\\(?:g<)?(\d+)", written[1]) if int(one) > pattern.groups]:
        raise ValueError(f"the replacement names group {wrong[0]}; the expression has {pattern.groups or 'none'}")
    return Replacement(written[0], written[1], partial(_substituted, pattern, written[1]))


def _substituted(pattern: Any, replacement: str, text: str) -> str:
    """The text with every match replaced. The library's own `sub` takes an empty match at one place twice."""
    pieces, end, last = [], 0, None
    for match in pattern.finditer(text):
        if match.span() != last:
            last = match.span()
            pieces += [text[end : last[0]], match.expand(replacement)]
            end = last[1]
    return "".join((*pieces, text[end:]))


def _expression(written: Any) -> Expression:
    if not isinstance(written, str) or not written:
        raise ValueError("must be a JMESPath expression, such as \"participants[?purpose=='agent'] | [0].userId\"")
    if len(written) > _LONGEST_EXPRESSION:
        raise ValueError(f"longer than {_LONGEST_EXPRESSION} characters; no expression needs to be")
    import jmespath  # few mappings need it, and every command would wait for it

    try:
        return Expression(written, jmespath.compile(written).search)
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        told = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise ValueError(f"is no JMESPath expression: {told}") from None


def _looked_up(written: Any) -> tuple[str, str]:
    kind, _, known = written.partition(".") if isinstance(written, str) else ("", "", "")
    if kind not in LOOKUPS:
        hint = did_you_mean(kind, LOOKUPS) or f"; known are {', '.join(LOOKUPS)}"
        raise ValueError(f"must be a kind and a property, such as queues.name, not {written!r}{hint}")
    if known not in LOOKUPS[kind]:
        hint = did_you_mean(known, LOOKUPS[kind]) or f"; known are {', '.join(LOOKUPS[kind])}"
        raise ValueError(f"unknown property '{known}' of {kind}{hint}")
    return kind, known


def _metric(written: Any) -> str:
    if not isinstance(written, str) or not re.fullmatch(r"[A-Za-z]\w*", written, re.ASCII):
        raise ValueError("must be the name of a metric, such as tTalk")
    return written


_BRACES = re.compile(r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<path>[^{}]+)\}|(?P<lone>[{}])")


def _template(written: Any) -> Template:
    if not isinstance(written, str) or not written:
        raise ValueError("must be text with paths in braces, such as '{queueId} {start}'")
    if len(written) > _LONGEST_EXPRESSION:
        raise ValueError(f"longer than {_LONGEST_EXPRESSION} characters; no template needs to be")
    parts: list[tuple[str, RecordPath | None]] = []
    before, at = "", 0
    for found in _BRACES.finditer(written):
        before += written[at : found.start()]
        at = found.end()
        if found["lone"]:
            raise ValueError(f"a lone brace at character {found.start() + 1}; one that is meant as text stands twice")
        if found["path"]:
            parts.append((tidy(before), parse_path(found["path"])))
            before = ""
        else:
            before += "{" if found["open"] else "}"
    before += written[at:]
    return Template(written, (*parts, (tidy(before), None)) if before else tuple(parts))


def bound(written: Any) -> int | float | datetime:
    """A bound of a condition: a number or an instant. Raises ValueError."""
    if isinstance(written, str):
        try:
            return instant(written)
        except (ValueError, OverflowError):
            raise ValueError(f"{written!r} is neither a number nor an instant such as 2026-01-01T00:00:00Z") from None
    return _number(written)


def of_type(check: Any) -> Any:
    """A type for a strict model: what `check` gives for what is written, with its ValueError as the problem."""
    return Annotated[Any, PlainValidator(check)]


_BARE = Literal[True]

SOURCES: Mapping[str, Any] = {
    "from": of_type(_paths_of_one),
    "jmespath": of_type(_expression),
    "value": of_type(_constant),
    "template": of_type(_template),
    "key": of_type(_key),
    "ratio": of_type(_ratio),
    "sum": of_type(_paths),
    "first": of_type(_paths),
    "last": of_type(_paths),
    "count": of_type(_paths),
    "join": of_type(_paths_of_one),
    "metric": of_type(_metric),
}
"""Where a field's value comes from, with what each takes."""

STEPS: Mapping[str, Any] = {
    "lookup": of_type(_looked_up),
    "map": of_type(_table),
    "replace": of_type(_replacement),
    "divide": of_type(_divisor),
    "multiply": of_type(_number),
    "round": of_type(_digits),
    "truncate": of_type(_characters),
    "date": of_type(zone),
    "datetime": _BARE,
    "bool": _BARE,
    "number": _BARE,
    "integer": _BARE,
    "text": _BARE,
    "upper": _BARE,
    "lower": _BARE,
    "hash": _BARE,
    "default": of_type(_constant),
}
"""What may happen to a value, with what each takes."""
