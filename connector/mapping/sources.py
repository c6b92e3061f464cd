"""Where a field's value comes from, as functions from a record to one plain value; None is a missing value.

The plainest sources (a path of one or two names, `ratio`, `key`) are written out by `connector.mapping.rowcode`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from connector.mapping.arithmetic import total
from connector.mapping.contents import ANY, Contents, Tree
from connector.mapping.paths import Getter, Name, Record, RecordPath, many, one
from connector.mapping.rules import Expression, FieldRule, Template
from connector.mapping.values import Refusal, as_instant, as_text, plain, whole_seconds

_IDENTITIES = frozenset(("conversationId", "id", "participantId", "sessionId", "evaluationId", "surveyId"))
"""Names that make a record or an element itself alone: without them it cannot be told from others."""


def found_at(path: RecordPath, contents: Contents) -> Callable[[Record], list[Any]]:
    """A function from a record to everything found at the path, in order; known instants at whole seconds."""
    followed = contents.follow(path)
    if not followed.is_list and followed.node != ANY:
        if isinstance(followed.node, Tree) and not followed.node.is_measure:
            return many(path)
        get = one_at(path, contents)
        return lambda record: [] if (value := get(record)) is None else [value]
    found = many(path)
    if followed.kind != "datetime":
        return found
    return lambda record: [as_instant(value) for value in found(record)]


def one_at(path: RecordPath, contents: Contents) -> Getter:
    """A function from a record to the one value at the path; known instants at whole seconds."""
    if measure := measure_at(path, contents):
        return measure
    get = one(path)
    if contents.follow(path).kind != "datetime":
        return get

    def get_instant(record: Record) -> Any:
        value = get(record)
        return whole_seconds(value) if value.__class__ is str else as_instant(value)

    return get_instant


def is_identity(path: RecordPath, contents: Contents) -> bool:
    """Whether a part of a key makes the record or element itself, so that it must not be missing."""
    if contents.identity and path.names in (contents.identity, ("record", *contents.identity)):
        return True
    return path.names[-1] in _IDENTITIES and all(isinstance(step, Name) for step in path.steps)


def without_identity(path: RecordPath) -> Refusal:
    return Refusal("NO_KEY", f"'{path.text}' is missing; without it the record cannot be told from others")


def as_key_part(value: Any) -> str:
    """The text of a part of a key: `-` for a missing one, `|` and backslashes escaped, a plain `-` too, lists sorted.

    So different parts never make equal keys.
    """
    if value is None:
        return "-"
    if value.__class__ is list:
        return ",".join(sorted(as_key_part(one).replace(",", "\\,") for one in value)) or "-"
    text = as_text(value).replace("\\", "\\\\").replace("|", "\\|")
    return "\\-" if text == "-" else text


def source_of(rule: FieldRule, contents: Contents) -> Getter:
    """A function from a record to the value of the rule's source, before its steps. It raises Refusal."""
    match rule.source:
        case "template":
            assert rule.template is not None
            return _template(rule.template, contents)
        case "jmespath":
            assert rule.expression is not None
            return _expression(rule.expression)
        case "metric":
            return _metric(str(rule.constant), contents)
        case "from":
            return one_at(rule.paths[0], contents)
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
        case "join":
            return lambda record: plain(rule.separator.join(map(as_text, all_found(record))))
    raise AssertionError(f"no source {rule.source}")


def measure_at(path: RecordPath, contents: Contents) -> Getter | None:
    """How a metric of the summary query is read, None for any other path.

    A plain number is its sum; without a statistic it is the sum, else the count.
    """
    first, *rest = path.names
    node = contents.tree.names.get(first)
    if isinstance(node, Tree) and node.is_measure and len(path.steps) <= 2:
        return partial(_measure, first, rest[0] if rest else None)
    return None


def _measure(name: str, statistic: str | None, record: Record) -> Any:
    value = record.get(name)
    if value.__class__ is not dict:
        return plain(value) if statistic in (None, "sum") else None
    if statistic is not None:
        return plain(value.get(statistic))
    found = value.get("sum")
    return plain(value.get("count") if found is None else found)


def _all(paths: tuple[RecordPath, ...], contents: Contents) -> Callable[[Record], list[Any]]:
    finders = [found_at(path, contents) for path in paths]
    if len(finders) == 1:
        return finders[0]
    return lambda record: [value for find in finders for value in find(record)]


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


def _expression(expression: Expression) -> Getter:
    from jmespath.exceptions import JMESPathError

    def get(record: Record) -> Any:
        try:
            return plain(expression.search(record))
        except JMESPathError:
            # Its own message quotes the value.
            raise Refusal("JMESPATH", "a function of the expression does not take what it was given") from None

    return get


def _metric(name: str, contents: Contents) -> Getter:
    path = contents.path_to_metrics() or RecordPath("metrics", (Name("metrics"),))
    metrics_of = many(path)

    def get(record: Record) -> Any:
        return total(
            metric.get("value") for metric in metrics_of(record) if metric.__class__ is dict and metric["name"] == name
        )

    return get
