"""What a mapping writes for one field, and for one condition of `keep` or `skip`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, create_model

from connector.mapping.document import Document, Place
from connector.mapping.paths import RecordPath, parse_path
from connector.mapping.strict import Strict, kind_of, read
from connector.mapping.values import as_text, tidy
from connector.spans import instant

WhenMissing = Literal["clear", "leave", "reject"]


@dataclass(frozen=True)
class Step:
    """One change of a value. argument: True for a step without one; otherwise: the `else` of `map`."""

    name: str
    argument: Any
    otherwise: Any = None


@dataclass(frozen=True)
class Template:
    """Text with paths in braces. parts: (text before, path after it or None at the end)."""

    text: str
    parts: tuple[tuple[str, RecordPath | None], ...]


@dataclass(frozen=True)
class FieldRule:
    """How one Salesforce field gets its value.

    source: from, value, template, key, ratio, sum, first, last, count or join; constant: of `value`; template: of
    `template`; paths: what the source reads; separator: of `join`; steps: in the order written.
    """

    name: str
    source: str
    constant: Any = None
    template: Template | None = None
    paths: tuple[RecordPath, ...] = ()
    separator: str = ";"
    steps: tuple[Step, ...] = ()
    when_missing: WhenMissing = "clear"


@dataclass(frozen=True)
class Condition:
    """One test of a record: a path that exists or not, equals one of `values` (as text), or lies within `bounds`.

    bounds: pairs of gt, gte, lt or lte and a number or an aware datetime.
    """

    path: RecordPath
    exists: bool | None = None
    values: frozenset[str] = frozenset()
    bounds: tuple[tuple[str, Any], ...] = ()


def read_field(document: Document, place: Place, name: str, written: Any) -> FieldRule | None:
    """The rule of one field, from a path or from keys; None with its problems noted."""
    if isinstance(written, str):
        written = {"from": written}
    elif not isinstance(written, dict):
        document.problem(
            place, f"must be a path or keys with values, not {kind_of(written)}; a constant is {{value: x}}"
        )
        return None
    model = read(_WrittenField, written, document, place, _LATER)
    sources = [key for key in written if key in SOURCES]
    if _LATER.intersection(written):
        return None
    if len(sources) != 1:
        known = ", ".join(SOURCES)
        found = f"has {' and '.join(sources)}" if sources else "has no source"
        document.problem(place, f"{found}; a field has exactly one of {known}", at_key=True)
        return None
    if "with" in written and "join" not in written:
        document.problem((*place, "with"), "'with' belongs to 'join'", at_key=True)
    steps = _steps(document, place, written, model)
    source = sources[0]
    argument = getattr(model, source, None)
    if model is None or argument is None:
        return None
    template = argument if source == "template" else None
    if template is not None:
        paths = tuple(path for _, path in template.parts if path is not None)
    else:
        paths = () if source == "value" else argument
    # A relationship or a constant that is missing says nothing about what Salesforce holds.
    otherwise: WhenMissing = "clear" if paths and "." not in name else "leave"
    return FieldRule(
        name=name,
        source=source,
        constant=argument if source == "value" else None,
        template=template,
        paths=paths,
        separator=written.get("with", ";"),
        steps=steps,
        when_missing=written.get("when_missing", otherwise),
    )


def read_condition(document: Document, place: Place, key: str, written: Any) -> Condition | None:
    """One entry of `keep` or `skip`; None with its problems noted."""
    try:
        path = parse_path(key)
    except ValueError as error:
        document.problem(place, str(error), at_key=True)
        return None
    if isinstance(written, dict):
        model = read(_WrittenTest, written, document, place)
        if not written or ("exists" in written and len(written) > 1):
            document.problem(place, "must be {exists: true or false}, or any of gt, gte, lt, lte")
            return None
        bounds = tuple((name, getattr(model, name, None)) for name in written if name != "exists")
        if len({isinstance(bound, datetime) for _, bound in bounds if bound is not None}) > 1:
            document.problem(place, "bounds are all numbers or all instants")
        return Condition(path, exists=written.get("exists"), bounds=bounds)
    wanted = written if isinstance(written, list) else [written]
    if not wanted or not all(isinstance(one, str | int | float) and one != "" for one in wanted):
        document.problem(place, "must be a value, a list of values, {exists: true} or {exists: false}, or bounds")
        return None
    return Condition(path, values=frozenset(as_text(one) for one in wanted))


def _steps(document: Document, place: Place, written: dict[str, Any], model: Any) -> tuple[Step, ...]:
    """The steps in the order written, those of `then` last."""
    if "else" in written and "map" not in written:
        document.problem((*place, "else"), "'else' belongs to 'map'", at_key=True)
    more = read_then(document, (*place, "then"), written["then"]) if "then" in written else ()
    if model is None:
        return ()
    own = tuple(
        Step(name, argument, getattr(model, "else") if name == "map" else None)
        for name in written
        if name in STEPS and (argument := getattr(model, name)) is not None
    )
    return own + more


def read_then(document: Document, place: Place, written: Any) -> tuple[Step, ...]:
    """Further steps, written under `then`."""
    model = read(_WrittenSteps, written, document, place, _LATER)
    return _steps(document, place, written, model) if isinstance(written, dict) else ()


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


def _outcome(written: Any) -> Any:
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
    return {key: _outcome(value) for key, value in written.items()}


def _replacement(written: Any) -> tuple[re.Pattern[str], str]:
    if not isinstance(written, list) or len(written) != 2 or not all(isinstance(one, str) for one in written):
        raise ValueError("must be a list of two texts: a regular expression and what replaces it")
    try:
        pattern = re.compile(written[0])
        # Reads the replacement too, so that a wrong group number shows here and not in a run.
        pattern.sub(written[1], "")
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression with its replacement: {error}") from None
    return pattern, written[1]


_BRACES = re.compile(r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<path>[^{}]+)\}|(?P<lone>[{}])")


def _template(written: Any) -> Template:
    if not isinstance(written, str) or not written:
        raise ValueError("must be text with paths in braces, such as '{queueId} {start}'")
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


def _bound(written: Any) -> int | float | datetime:
    if isinstance(written, str):
        try:
            return instant(written)
        except (ValueError, OverflowError):
            raise ValueError(f"{written!r} is neither a number nor an instant such as 2026-01-01T00:00:00Z") from None
    return _number(written)


def _type(check: Any) -> Any:
    return Annotated[Any, PlainValidator(check)]


_BARE = Literal[True]

SOURCES: Mapping[str, Any] = {
    "from": _type(_paths_of_one := lambda written: (_path(written),)),
    "value": _type(_constant),
    "template": _type(_template),
    "key": _type(_key),
    "ratio": _type(_ratio),
    "sum": _type(_paths),
    "first": _type(_paths),
    "last": _type(_paths),
    "count": _type(_paths),
    "join": _type(_paths_of_one),
}
"""Where a field's value comes from, with what each takes."""

STEPS: Mapping[str, Any] = {
    "map": _type(_table),
    "replace": _type(_replacement),
    "divide": _type(_divisor),
    "multiply": _type(_number),
    "round": _type(_digits),
    "truncate": _type(_characters),
    "date": _type(zone),
    "datetime": _BARE,
    "bool": _BARE,
    "number": _BARE,
    "integer": _BARE,
    "text": _BARE,
    "upper": _BARE,
    "lower": _BARE,
    "default": _type(_constant),
}
"""What may happen to a value, with what each takes."""

_LATER = frozenset(("jmespath", "metric", "lookup", "hash", "type", "label", "length"))


def _written(name: str, **types: Any) -> type[Strict]:
    """A strict model in which every key may be left out."""
    fields: dict[str, Any] = {key: (kind, None) for key, kind in types.items()}
    return create_model(name, __base__=Strict, **fields)


_THEN = {**STEPS, "else": _type(_outcome), "then": Any}
_WrittenSteps = _written("_WrittenSteps", **_THEN)
_WrittenField = _written("_WrittenField", **SOURCES, **{"with": str}, **_THEN, when_missing=WhenMissing)
_WrittenTest = _written("_WrittenTest", exists=bool, **dict.fromkeys(("gt", "gte", "lt", "lte"), _type(_bound)))
