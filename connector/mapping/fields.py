"""Reading what a mapping writes for one field, and for one condition of `keep` or `skip`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, create_model

from connector.mapping.arguments import SOURCES, STEPS, bound, of_type, outcome
from connector.mapping.document import Document, Place
from connector.mapping.paths import RecordPath, parse_path
from connector.mapping.rules import Condition, FieldRule, FieldType, Step, WhenMissing, WhenParentMissing
from connector.mapping.strict import Strict, kind_of, read
from connector.mapping.values import as_text


def read_field(document: Document, place: Place, name: str, written: Any) -> FieldRule | None:
    """The rule of one field, from a path or from keys; None with its problems noted."""
    if isinstance(written, str):
        written = {"from": written}
    elif not isinstance(written, dict):
        document.problem(
            place, f"must be a path or keys with values, not {kind_of(written)}; a constant is {{value: x}}"
        )
        return None
    model: Any = read(WrittenField, written, document, place)
    sources = [key for key in written if key in SOURCES]
    if len(sources) != 1:
        known = ", ".join(SOURCES)
        found = f"has {' and '.join(sources)}" if sources else "has no source"
        document.problem(place, f"{found}; a field has exactly one of {known}", at_key=True)
        return None
    if "with" in written and "join" not in written:
        document.problem((*place, "with"), "'with' belongs to 'join'", at_key=True)
    if "when_parent_missing" in written and "." not in name:
        text = "'when_parent_missing' belongs to a relationship, such as Account.Ext__c"
        document.problem((*place, "when_parent_missing"), text, at_key=True)
    steps = _steps(document, place, written, model)
    source = sources[0]
    argument = getattr(model, source, None)
    if model is None or argument is None:
        return None
    paths = _paths(source, argument)
    # A relationship or a constant that is missing says nothing about what Salesforce holds.
    is_constant = not paths and source in ("value", "template")
    otherwise: WhenMissing = "leave" if is_constant or "." in name else "clear"
    return FieldRule(
        name=name,
        source=source,
        constant=argument if source in ("value", "metric") else None,
        template=argument if source == "template" else None,
        expression=argument if source == "jmespath" else None,
        paths=paths,
        separator=";" if getattr(model, "with") is None else getattr(model, "with"),
        steps=steps,
        when_missing=model.when_missing or otherwise,
        when_parent_missing=model.when_parent_missing or "wait",
        type=model.type,
        label=model.label,
        length=model.length,
    )


def _paths(source: str, argument: Any) -> tuple[RecordPath, ...]:
    match source:
        case "template":
            return tuple(path for _, path in argument.parts if path is not None)
        case "value" | "jmespath" | "metric":
            return ()
        case _:
            return tuple(argument)


def read_condition(document: Document, place: Place, key: str, written: Any) -> Condition | None:
    """One entry of `keep` or `skip`; None with its problems noted."""
    try:
        path = parse_path(key)
    except ValueError as error:
        document.problem(place, str(error), at_key=True)
        return None
    if isinstance(written, dict):
        model = read(WrittenTest, written, document, place)
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
    more = _then(document, (*place, "then"), written["then"]) if "then" in written else ()
    if model is None:
        return ()
    own = tuple(
        Step(name, argument, getattr(model, "else") if name == "map" else None)
        for name in written
        if name in STEPS and (argument := getattr(model, name)) is not None
    )
    return own + more


def _then(document: Document, place: Place, written: Any) -> tuple[Step, ...]:
    """Further steps, written under `then`."""
    model = read(_WrittenSteps, written, document, place)
    return _steps(document, place, written, model) if isinstance(written, dict) else ()


def _written(name: str, **types: Any) -> type[Strict]:
    """A strict model in which every key may be left out."""
    fields: dict[str, Any] = {key: (kind, None) for key, kind in types.items()}
    return create_model(name, __base__=Strict, **fields)


_THEN = {**STEPS, "else": of_type(outcome), "then": Any}
_WrittenSteps = _written("_WrittenSteps", **_THEN)
WrittenField = _written(
    "WrittenField",
    **SOURCES,
    **{"with": str},
    **_THEN,
    when_missing=WhenMissing,
    when_parent_missing=WhenParentMissing,
    type=FieldType,
    label=Annotated[str, Field(min_length=1, max_length=40)],
    length=Annotated[int, Field(ge=1, le=131_072)],
)
WrittenTest = _written("WrittenTest", exists=bool, **dict.fromkeys(("gt", "gte", "lt", "lte"), of_type(bound)))
