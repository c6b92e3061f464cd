"""Where a field's value comes from, as functions from a record to one plain value; None is a missing value."""

from collections.abc import Callable
from typing import Any

from connector.mapping.arithmetic import Scale, dividing, total
from connector.mapping.contents import Contents
from connector.mapping.fields import FieldRule, Template
from connector.mapping.paths import Getter, Record, RecordPath, many, one
from connector.mapping.steps import Change, changes, leading_scale
from connector.mapping.values import Refusal, as_instant, as_text, plain, whole_seconds

_IDENTITIES = frozenset(("conversationId", "id"))
"""Names that make a record itself alone: without them it cannot be told from others."""


def compile_field(rule: FieldRule, contents: Contents) -> Getter:
    """A function from a record to the field's value after all steps. It raises Refusal."""
    steps = rule.steps
    if rule.source == "ratio":
        scale, steps = leading_scale(steps)
        getter = _ratio(rule, contents, scale)
    else:
        getter = _source(rule, contents)
    for change in changes(steps):
        getter = _then(getter, change)
    return _required(getter) if rule.when_missing == "reject" else getter


def found_at(path: RecordPath, contents: Contents) -> Callable[[Record], list[Any]]:
    """A function from a record to everything found at the path, in order; known instants at whole seconds."""
    if contents.shape != "details":
        get = one_at(path, contents)
        return lambda record: [] if (value := get(record)) is None else [value]
    found = many(path)
    if not contents.is_instant(path):
        return found
    return lambda record: [as_instant(value) for value in found(record)]


def one_at(path: RecordPath, contents: Contents) -> Getter:
    """A function from a record to the one value at the path; known instants at whole seconds."""
    if contents.is_measure(path):
        return _measure(*path.names)
    get = one(path)
    if not contents.is_instant(path):
        return get

    def get_instant(record: Record) -> Any:
        value = get(record)
        return whole_seconds(value) if value.__class__ is str else as_instant(value)

    return get_instant


def compile_key(rule: FieldRule, contents: Contents) -> Callable[[Record], str]:
    """A function from a record to its key: parts joined by `|`, absent ones `-`, lists sorted.

    `|` and backslashes are escaped, and a part that is exactly `-`, so that different parts never make equal keys.
    It raises Refusal when a part that makes the record itself is missing.
    """
    getters = [_key_part(path, contents) for path in rule.paths]

    def key(record: Record) -> str:
        texts = []
        for get in getters:
            value = get(record)
            if value.__class__ is not str or value == "-" or "|" in value or "\\" in value:
                value = _part(value)
            texts.append(value)
        return "|".join(texts)

    return key


def _key_part(path: RecordPath, contents: Contents) -> Getter:
    if path.gives_list(contents.lists):
        return found_at(path, contents)
    get = one_at(path, contents)
    if path.text not in _IDENTITIES:
        return get

    def required(record: Record) -> Any:
        value = get(record)
        if value is None:
            raise Refusal("NO_KEY", f"'{path.text}' is missing; without it the record cannot be told from others")
        return value

    return required


def _part(value: Any) -> str:
    if value is None:
        return "-"
    if value.__class__ is list:
        return ",".join(sorted(_part(one).replace(",", "\\,") for one in value)) or "-"
    text = as_text(value).replace("\\", "\\\\").replace("|", "\\|")
    return "\\-" if text == "-" else text


def _then(getter: Getter, change: Change) -> Getter:
    return lambda record: change(getter(record))


def _required(getter: Getter) -> Getter:
    def get(record: Record) -> Any:
        value = getter(record)
        if value is None:
            raise Refusal("MISSING_VALUE", "no value, and when_missing is reject")
        return value

    return get


def _source(rule: FieldRule, contents: Contents) -> Getter:
    match rule.source:
        case "from":
            return one_at(rule.paths[0], contents)
        case "value":
            return lambda record: rule.constant
        case "template":
            assert rule.template is not None
            return _template(rule.template, contents)
        case "key":
            return compile_key(rule, contents)
    all_found = _all(rule.paths, contents)
    match rule.source:
        case "sum":
            return lambda record: total(all_found(record))
        case "first":
            return lambda record: plain(found[0]) if (found := all_found(record)) else None
        case "last":
            return lambda record: plain(found[-1]) if (found := all_found(record)) else None
        case "count":
            return lambda record: len(all_found(record))
        case _:
            return lambda record: plain(rule.separator.join(map(as_text, all_found(record))))


def _all(paths: tuple[RecordPath, ...], contents: Contents) -> Callable[[Record], list[Any]]:
    finders = [found_at(path, contents) for path in paths]
    if len(finders) == 1:
        return finders[0]
    return lambda record: [value for find in finders for value in find(record)]


def _ratio(rule: FieldRule, contents: Contents, scale: Scale) -> Getter:
    above, below = (one_at(path, contents) for path in rule.paths)
    divided = dividing(scale)
    return lambda record: divided(above(record), below(record))


def _template(template: Template, contents: Contents) -> Getter:
    parts = [(before, one_at(path, contents) if path else None) for before, path in template.parts]

    def get(record: Record) -> str | None:
        text = ""
        for before, part in parts:
            text += before
            if part is not None:
                value = part(record)
                if value is None:
                    return None
                text += as_text(value)
        return text

    return get


def _measure(name: str, statistic: str | None = None) -> Getter:
    """A metric of the summary query: a plain number is its sum; without a statistic, the sum, else the count."""

    def get(record: Record) -> Any:
        value = record.get(name)
        if value.__class__ is not dict:
            return plain(value) if statistic in (None, "sum") else None
        if statistic is not None:
            return plain(value.get(statistic))
        found = value.get("sum")
        return plain(value.get("count") if found is None else found)

    return get
