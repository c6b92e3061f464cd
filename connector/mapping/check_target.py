"""What a target's fields and conditions must be to the records of its source and to Salesforce."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.genesys.queries import DIMENSIONS, METRICS, OBSERVATIONS, RARE_STATISTICS, SUMMARY_GROUPINGS
from connector.mapping.contents import (
    ELEMENT_NAMES,
    Contents,
    Many,
    Tree,
    Value,
    contents_of,
    needs_job,
    reads_attributes,
)
from connector.mapping.document import Document, Place
from connector.mapping.kinds import WORDS, WrongKind, kind_of
from connector.mapping.model import Source
from connector.mapping.paths import Name, RecordPath
from connector.mapping.rules import Condition, FieldRule, FieldType, relationship_of
from connector.mapping.suggest import did_you_mean, nearest, odd_letters

_TAKES_LISTS = frozenset(("first", "last", "count", "sum", "join", "key"))
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_POLYMORPHIC = {"Who": "Contact", "What": "Account", "Owner": "User"}
"""Relationships of standard objects whose parent may be of several types, with one that is common (describe samples);
`Owner` is such a one on tasks, events and cases only."""
_OWNED_BY_SEVERAL = frozenset(("Task", "Event", "Case", "Lead"))


@dataclass(frozen=True)
class Written:
    """One target as far as it could be read.

    place: where it stands: () for the one target of a file, else ("targets", 0) and so on; object, external_id: as
    written, so that they are checked even when something else is wrong with the target.
    """

    place: Place
    object: str
    external_id: str | None
    each: RecordPath | None
    keep: Sequence[Condition]
    skip: Sequence[Condition]
    fields: Sequence[FieldRule]


def check_target(document: Document, source: Source, target: Written) -> None:
    """Note what is wrong with the fields and conditions of one target."""
    contents = contents_of(source)
    if target.each is not None:
        each = _meant(target.each, contents)
        if not _check_each(document, (*target.place, "each"), target.each, each, contents):
            return
        contents = contents.below(each)
    for key, conditions in (("keep", target.keep), ("skip", target.skip)):
        for condition in conditions:
            place = (*target.place, key, condition.path.text)
            _check_path(document, place, condition.path, contents, may_be_tree=True)
            if contents.shape == "details" and source.via == "query" and reads_attributes(condition.path):
                document.problem(place, f"{_ONLY_JOBS}, so '{key}' could not tell", at_key=True)
    met: dict[str, str] = {}
    for rule in target.fields:
        place = (*target.place, "fields", rule.name)
        _check_name(document, place, rule, target)
        _check_field(document, place, rule, contents)
        if contents.shape == "details" and needs_job(rule):
            _check_attributes(document, place, rule, source, target)
        other = met.setdefault(rule.name.lower(), rule.name)
        if other != rule.name:
            document.problem(place, f"is the same field as {other} to Salesforce", at_key=True)
    if target.external_id is not None:
        _check_key(document, source, contents, target)


def _meant(path: RecordPath, contents: Contents) -> RecordPath:
    """The path with its misspelled names as they are meant, so that what hangs on it is checked as well."""
    for name, tree in contents.follow(path).unknown:
        if near := nearest(name, tree.names):
            steps = tuple(Name(near) if step == Name(name) else step for step in path.steps)
            return _meant(RecordPath(path.text, steps), contents)
    return path


def _check_each(document: Document, place: Place, written: RecordPath, each: RecordPath, contents: Contents) -> bool:
    """Whether `each` may lead to a list of mappings; written: as it stands there, each: as it is meant."""
    _check_path(document, place, written, contents, may_be_tree=True)
    found = contents.follow(each)
    held = found.node.of if isinstance(found.node, Many) else found.node
    if found.problem or (found.unknown and contents.shape != "endpoint"):
        return False
    if isinstance(held, Value) and held.kind != "any":
        document.problem(
            place,
            f"'{each.text}' leads to {'values' if found.is_list else 'one value'}; each needs a list "
            "of elements with names, such as participants.sessions",
        )
        return False
    if isinstance(held, Tree) and not found.is_list and contents.shape != "endpoint":
        document.problem(place, f"'{each.text}' is no list, so it has no elements")
        return False
    return True


def _check_name(document: Document, place: Place, rule: FieldRule, target: Written) -> None:
    """A name Salesforce can have: of a field, or of a relationship with the parent's field."""
    name = rule.name
    parent = relationship_of(name)
    if parent is not None:
        if parent.name.lower().endswith("__c"):
            right = name.replace(parent.name, parent.name[:-1] + "r")
            document.problem(place, f"a relationship is written with __r: {right}", at_key=True)
        elif (
            parent.name in _POLYMORPHIC
            and not parent.type
            and (parent.name != "Owner" or target.object in _OWNED_BY_SEVERAL)
        ):
            example = f"{_POLYMORPHIC[parent.name]}:{name}"
            text = f"the parent of {parent.name} may be of several objects; name the one meant: {example}"
            document.problem(place, text, at_key=True)
    elif name.lower().endswith("__r"):
        document.problem(place, f"names a parent but none of its fields; write {name}.Key__c", at_key=True)
    elif not _FIELD_NAME.fullmatch(name):
        document.problem(
            place, f"is no API name of a Salesforce field, such as Offered__c{odd_letters(name)}", at_key=True
        )
    elif name.lower() == "id":
        document.problem(place, "Salesforce gives the Id itself; rows are matched by the external id", at_key=True)
    if parent is not None and rule.type is not None:
        document.problem((*place, "type"), "a relationship has no type of its own", at_key=True)


def _check_field(document: Document, place: Place, rule: FieldRule, contents: Contents) -> None:
    for index, path in enumerate(rule.paths):
        at = (*place, rule.source, index)
        found = contents.follow(path)
        _check_path(document, at, path, contents, may_be_tree=rule.source == "count")
        if rule.source not in _TAKES_LISTS and found.is_list:
            document.problem(at, f"'{path.text}' gives a list; choose by first, last, count, sum or join")
    if rule.source == "metric":
        _check_metric(document, (*place, "metric"), str(rule.constant), contents)
    try:
        kind = kind_of(rule, contents)
    except WrongKind as wrong:
        document.problem((*place, wrong.step), str(wrong))
        return
    fitting = _FITTING.get(rule.type or "Text")
    if fitting is not None and kind != "any" and kind not in fitting:
        document.problem((*place, "type"), f"a field of type {rule.type} does not take {WORDS[kind]}")
    if rule.length is not None and rule.type not in (None, "Text", "TextArea", "LongTextArea"):
        document.problem((*place, "length"), "only text has a length", at_key=True)


_ONLY_JOBS = "the details query gives no attributes"


def _check_attributes(document: Document, place: Place, rule: FieldRule, source: Source, target: Written) -> None:
    """A field of attributes: when they come, and whether they come at all."""
    at = (*place, rule.source, 0) if rule.paths else place
    if source.via == "query" and rule.name == target.external_id:
        document.problem(at, f"{_ONLY_JOBS}, and the key cannot be made without; write source: {{via: job}}")
    elif source.via == "query":
        document.warn(at, f"{_ONLY_JOBS}: the field is left as it is in Salesforce")
    elif source.via == "auto":
        document.warn(at, "attributes arrive once the data lake holds the span, hours after the rest of the record")


_FITTING: dict[FieldType, tuple[str, ...]] = {
    **dict.fromkeys(("Number", "Percent", "Currency"), ("number", "integer")),
    "Checkbox": ("boolean",),
    "Date": ("date",),
    "DateTime": ("datetime",),
}
"""Kinds of values a type of field takes; texts take all."""


def _check_metric(document: Document, place: Place, name: str, contents: Contents) -> None:
    """`metric` sums over the metrics below the current element: there must be some."""
    if contents.shape == "details" and contents.path_to_metrics() is None:
        document.problem(place, f"a {contents.tree.what} holds no metrics; choose another `each`", at_key=True)
    elif contents.shape not in ("details", "endpoint"):
        document.problem(
            place, f"'metric' sums the metrics of a conversation; name a path such as {name}.sum here", at_key=True
        )
    elif name not in METRICS:
        if near := nearest(name, METRICS):
            document.problem(place, f"unknown metric '{name}'; did you mean '{near}'?")
        else:
            document.warn(place, f"unknown metric '{name}'; where no session has it, the field is missing")


def _check_path(document: Document, place: Place, path: RecordPath, contents: Contents, *, may_be_tree: bool) -> None:
    found = contents.follow(path)
    for name, tree in found.unknown:
        _unknown_name(document, place, path, name, tree, contents)
    if found.problem:
        document.problem(place, found.problem)
    elif isinstance(found.node, Tree) and not found.node.is_measure and not may_be_tree:
        last = path.names[-1]
        if found.node.what == "statistic":
            names = ", ".join(f"{path.text}.{one}" for one in found.node.names) or f"{path.text}.sum"
            document.problem(place, f"'{path.text}' holds statistics; name one: {names}")
        else:
            document.problem(place, f"'{path.text}' leads to a whole {found.node.what}; name a key below '{last}'")
    elif isinstance(found.node, Many) and isinstance(found.node.of, Tree) and not may_be_tree:
        document.problem(place, f"'{path.text}' leads to whole {found.node.what}; name a key below them")


def _unknown_name(
    document: Document, place: Place, path: RecordPath, name: str, tree: Tree, contents: Contents
) -> None:
    if contents.shape == "endpoint":
        return  # nobody knows what such records hold
    if tree.what == "statistic" and name in RARE_STATISTICS:
        return
    if tree.what == "statistic":
        metric = path.names[-2] if len(path.names) > 1 else path.text
        if near := nearest(name, tree.names):
            document.problem(place, f"unknown statistic '{name}' of {metric}; did you mean '{near}'?")
        elif tree.names and not isinstance(tree.rest, Tree):
            document.warn(place, f"unknown statistic '{name}' of {metric}; known are {', '.join(tree.names)}")
        return
    if name in ELEMENT_NAMES:
        document.problem(place, f"'{name}' is for the rows of `each`; without it paths begin at the record")
    elif name in {"aggregates": METRICS, "observations": OBSERVATIONS}.get(contents.shape, ()):
        document.problem(place, f"metric '{name}' is not asked for; add it to source.metrics")
    elif contents.shape == "aggregates" and name in DIMENSIONS:
        document.problem(place, f"dimension '{name}' is not asked for; add it to source.group_by")
    elif (near := nearest(name, tree.names)) and near != name:
        what = "metric" if near in contents.metrics else "name"
        document.problem(place, f"unknown {what} '{name}'{_in(tree)}; did you mean '{near}'?{odd_letters(name)}")
    elif tree.rest is None:
        known = ", ".join(tree.names)
        document.problem(place, f"unknown name '{name}'; the records hold {known}{did_you_mean(name, METRICS)}")
    elif tree.names and tree.what not in ("element", "entry"):
        document.warn(
            place,
            f"unknown name '{name}'{_in(tree)}: if the records do not hold it, it is always missing{odd_letters(name)}",
        )


def _in(tree: Tree) -> str:
    return "" if tree.what in ("record", "conversation") else f" in a {tree.what}"


def _check_key(document: Document, source: Source, contents: Contents, target: Written) -> None:
    """The external id is a `key` of everything that makes a row itself, of nothing else, and has no steps."""
    name, fields = target.external_id, target.fields
    data = document.value((*target.place, "fields"))
    if not isinstance(data, dict):
        return
    needed, lasting = _key_parts(source, contents, target)
    example = f"{{key: [{', '.join(needed)}]}}"
    rule = next((one for one in fields if one.name == name), None)
    if rule is None:
        if name not in data:
            hint = did_you_mean(str(name), [one.name for one in fields]) or f"; add {name}: {example}"
            document.problem((*target.place, "target", "external_id"), f"'{name}' is not among the fields{hint}")
        return
    place = (*target.place, "fields", rule.name)
    if rule.source != "key":
        document.problem(place, f"the external id must be a key: {example}")
        return
    if rule.steps or "when_missing" in data[name]:
        document.problem(place, "the external id takes no steps and no when_missing: two records could become one")
    unknown = [one for path in rule.paths for one in contents.follow(path).unknown if contents.shape != "endpoint"]
    if any(nearest(name, tree.names) for name, tree in unknown):
        return  # told already, as a word that is meant otherwise
    held = [_canonical(path, contents) for path in rule.paths]
    if source.asked.shape == "summary" and "id" in held:
        needed = [*source.asked.record_key, "id"]
    if missing := [one for one in needed if _canonical_text(one, contents) not in held]:
        what = "records" if target.each is None else "rows"
        document.problem((*place, "key"), f"must also hold {', '.join(missing)}: without it two {what} become one")
    allowed = {_canonical_text(one, contents) for one in (*needed, *lasting)}
    for index, (one, path) in enumerate(zip(held, rule.paths, strict=True)):
        if one not in allowed:
            why = "may change from one read to the next, and the record would stand twice in Salesforce"
            document.problem((*place, "key", index), f"'{path.text}' {why}; take it out")


def _key_parts(source: Source, contents: Contents, target: Written) -> tuple[list[str], list[str]]:
    """The paths a target's key must hold, and those it may hold beside them, as seen from its elements."""
    query = source.asked
    needed = list(dict.fromkeys((*_dimensions_meant(source), *query.record_key)))
    if query.shape == "summary" and not source.group_by:
        # Asked without groupings, the service lists conversations one by one.
        needed = ["id", *query.record_key]
    lasting = [*needed, *source.group_by, *_LASTING[query.shape], query.time, *(["end"] if query.is_cell else [])]
    if target.each is None:
        return needed, lasting
    depth = len(contents.levels)
    ids = []
    for level, tree in enumerate(contents.levels, 1):
        ids.append("parent." * (depth - level) + (tree.key or "position"))
    return [f"record.{one}" for one in needed] + ids, [f"record.{one}" for one in lasting]


def _dimensions_meant(source: Source) -> list[str]:
    """The dimensions a source groups by; for a misspelled one, told already, the one that is meant."""
    known = SUMMARY_GROUPINGS if source.asked.shape == "summary" else DIMENSIONS
    is_told = source.subject in (None, "conversations")
    return [name if name in known or not is_told else nearest(name, known) or name for name in source.group_by]


_LASTING = {
    "aggregates": ("end",),
    "users": ("end",),
    "observations": ("end",),
    "summary": ("id", "conversationStart"),
    "details": (),
    "endpoint": (),
}
"""What a key may hold beyond what it must: it never changes for the same record."""


def _canonical_text(text: str, contents: Contents) -> str:
    return _canonical(RecordPath(text, tuple(map(Name, text.split(".")))), contents)


def _canonical(path: RecordPath, contents: Contents) -> str:
    """A key's path written from the record down, so that `record.x` and `parent.x` of the same thing are equal."""
    if not all(isinstance(step, Name) for step in path.steps):
        return path.text
    names = list(path.names)
    level = len(contents.levels)
    while level and names[:1] in (["parent"], ["record"]):
        level = 0 if names[0] == "record" else level - 1
        names = names[1:]
    return f"{level}:{'.'.join(names)}" if contents.levels else ".".join(names)
