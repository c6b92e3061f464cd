"""What the parts of a mapping must be to one another, to the catalogue of queries and to Salesforce."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from connector.genesys.queries import CATALOGUE, DIMENSIONS, METRICS, SUMMARY_GROUPINGS, SUMMARY_METRICS
from connector.mapping.contents import Contents, WrongKind, contents_of, kind_of
from connector.mapping.document import Document, Place
from connector.mapping.fields import Condition, FieldRule
from connector.mapping.model import Source, WindowRules
from connector.mapping.paths import RecordPath
from connector.mapping.suggest import did_you_mean, nearest
from connector.spans import Period

_DAY_SECONDS = 86_400
_LONGEST_UNFILTERED = timedelta(days=7)
_LONGEST_FILTERED = timedelta(days=31)
"""Longest intervals of the details query (vendor documentation, conversation detail query)."""

_NEEDED = {"aggregates": ("granularity", "metrics"), "summary": ("metrics",), "details": ()}
_FOREIGN = {
    "aggregates": ("filters",),
    "summary": ("granularity", "filter", "filters"),
    "details": ("granularity", "group_by", "metrics", "filter"),
}
_TAKES_LISTS = frozenset(("first", "last", "count", "sum", "join", "key"))


def check_source(document: Document, source: Source) -> Source:
    """Note what is wrong with the source; give it back with the page size the catalogue fills in."""
    query = CATALOGUE[source.query]
    written = source.model_fields_set
    for key in _NEEDED[query.shape]:
        if not document.data["source"].get(key):
            document.problem(("source",), f"'{key}' is missing; {source.query} needs it")
    for key in (*_FOREIGN[query.shape], *(() if query.paging else ("page_size", "max_pages"))):
        if key in written:
            document.problem(("source", key), f"'{key}' is not for {source.query}", at_key=True)
    for key in ("group_by", "metrics"):
        for index, name in enumerate(getattr(source, key)):
            if name in getattr(source, key)[:index]:
                document.problem(("source", key, index), f"'{name}' stands twice")
    if query.shape != "details":
        is_summary = query.shape == "summary"
        _check_names(
            document, "group_by", "dimension", source.group_by, SUMMARY_GROUPINGS if is_summary else DIMENSIONS
        )
        _check_names(document, "metrics", "metric", source.metrics, SUMMARY_METRICS if is_summary else METRICS)
    if query.paging is None:
        return source
    if source.page_size is not None and source.page_size > query.paging.largest:
        document.problem(("source", "page_size"), f"{source.query} gives at most {query.paging.largest} records a page")
    return source.model_copy(update={"page_size": source.page_size or query.paging.largest})


def _check_names(document: Document, key: str, what: str, names: Sequence[str], known: Iterable[str]) -> None:
    for index, name in enumerate(names):
        if name in known:
            continue
        if near := nearest(name, known):
            document.problem(("source", key, index), f"unknown {what} '{name}'; did you mean '{near}'?")
        else:
            document.warn(("source", key, index), f"unknown {what} '{name}'; the service decides whether it exists")


def check_window(document: Document, source: Source, window: WindowRules) -> None:
    """Note what is wrong with the time rules of this source."""
    size, granularity = window.size, source.granularity
    for place, period in ((("source", "granularity"), granularity), (("window", "size"), size)):
        if period and sum(map(bool, (period.months, period.days, period.seconds))) > 1:
            document.problem(place, "must be of one unit: months, days, or a time within a day")
            return
        if period and period.seconds and _DAY_SECONDS % period.seconds:
            document.problem(place, "a day must hold a whole number of it, such as PT15M, PT1H or PT6H")
            return
    if granularity and not _holds(size, granularity):
        document.problem(("window", "size"), "must hold a whole number of source.granularity")
    if CATALOGUE[source.query].shape == "details":
        has_filter = bool(source.filters.conversation or source.filters.segment)
        longest = _LONGEST_FILTERED if has_filter else _LONGEST_UNFILTERED
        if _longest(size) > longest:
            more = "" if has_filter else " without filters, 31 with"
            document.problem(("window", "size"), f"{source.query} reads at most {longest.days} days at once{more}")


def _holds(size: Period, granularity: Period) -> bool:
    """Whether every boundary of the size is one of the granularity."""
    if granularity.months:
        return size.months > 0 and size.months % granularity.months == 0
    if granularity.days:
        return (granularity.days == 1 and not size.seconds) or (size.days > 0 and size.days % granularity.days == 0)
    return size.seconds == 0 or size.seconds % granularity.seconds == 0


def _longest(size: Period) -> timedelta:
    return timedelta(days=size.days + 31 * size.months, seconds=size.seconds)


_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?")


def check_target(
    document: Document,
    source: Source,
    external_id: str | None,
    keep: Sequence[Condition],
    skip: Sequence[Condition],
    fields: Sequence[FieldRule],
) -> None:
    """Note what is wrong with the fields and conditions of one target; `external_id`: the field's name, if known."""
    contents = contents_of(source)
    for key, conditions in (("keep", keep), ("skip", skip)):
        for condition in conditions:
            _check_path(document, (key, condition.path.text), condition.path, contents, may_be_mapping=True)
    met: dict[str, str] = {}
    for rule in fields:
        _check_field(document, rule, contents)
        other = met.setdefault(rule.name.lower(), rule.name)
        if other != rule.name:
            document.problem(("fields", rule.name), f"is the same field as {other} to Salesforce", at_key=True)
    if external_id is not None and isinstance(document.data.get("fields"), dict):
        _check_key(document, source, external_id, fields)


def _check_field(document: Document, rule: FieldRule, contents: Contents) -> None:
    place = ("fields", rule.name)
    if not _FIELD_NAME.fullmatch(rule.name):
        document.problem(place, "is no API name of a Salesforce field, such as Offered__c", at_key=True)
    elif rule.name.lower() == "id":
        document.problem(place, "Salesforce gives the Id itself; rows are matched by the external id", at_key=True)
    elif "__c." in rule.name.lower():
        right = re.sub(r"__[cC]\.", "__r.", rule.name)
        document.problem(place, f"a relationship is written with __r: {right}", at_key=True)
    for index, path in enumerate(rule.paths):
        at = (*place, rule.source, index)
        _check_path(document, at, path, contents, may_be_mapping=rule.source == "count")
        if rule.source not in _TAKES_LISTS and path.gives_list(contents.lists):
            document.problem(at, f"'{path.text}' gives a list; choose by first, last, count, sum or join")
        if not contents.is_given(path):
            document.warn(at, "the details query gives no attributes: the field is left as it is in Salesforce")
    try:
        kind_of(rule, contents)
    except WrongKind as wrong:
        document.problem((*place, wrong.step), str(wrong))


def _check_path(
    document: Document, place: Place, path: RecordPath, contents: Contents, *, may_be_mapping: bool
) -> None:
    first, *rest = path.names
    if first not in contents.names:
        _unknown_name(document, place, first, contents)
    elif contents.shape == "details":
        if contents.is_tree(path) and not may_be_mapping:
            document.problem(place, f"'{path.text}' leads to whole {path.names[-1]}; name a key below them")
    elif len(path.steps) > len(path.names) or len(rest) > (first in contents.metrics):
        document.problem(place, f"'{path.text}' goes too deep: '{first}' holds {_held(first, contents)}")
    elif contents.shape == "aggregates" and first in contents.metrics:
        _check_statistic(document, place, first, rest, contents.metrics[first], may_be_mapping=may_be_mapping)


def _held(name: str, contents: Contents) -> str:
    return "statistics, each a number" if name in contents.metrics else "one value"


def _check_statistic(
    document: Document, place: Place, metric: str, rest: list[str], known: Sequence[str], *, may_be_mapping: bool
) -> None:
    if not rest:
        if not may_be_mapping:
            names = ", ".join(f"{metric}.{one}" for one in known) or f"{metric}.sum"
            document.problem(place, f"'{metric}' holds statistics; name one: {names}")
    elif known and rest[0] not in known:
        if near := nearest(rest[0], known):
            document.problem(place, f"unknown statistic '{rest[0]}' of {metric}; did you mean '{near}'?")
        else:
            document.warn(place, f"unknown statistic '{rest[0]}' of {metric}; known are {', '.join(known)}")


def _unknown_name(document: Document, place: Place, name: str, contents: Contents) -> None:
    if contents.shape == "aggregates" and name in METRICS:
        document.problem(place, f"metric '{name}' is not asked for; add it to source.metrics")
        return
    if contents.shape == "aggregates" and name in DIMENSIONS:
        document.problem(place, f"dimension '{name}' is not asked for; add it to source.group_by")
        return
    near = nearest(name, contents.names)
    what = "metric" if near in contents.metrics else "name"
    if near:
        document.problem(place, f"unknown {what} '{name}'; did you mean '{near}'?")
    elif contents.is_closed:
        known = ", ".join(contents.names)
        document.problem(place, f"unknown name '{name}'; the records hold {known}{did_you_mean(name, METRICS)}")
    else:
        document.warn(place, f"unknown name '{name}': if the records do not hold it, it is always missing")


def _check_key(document: Document, source: Source, name: str, fields: Sequence[FieldRule]) -> None:
    """The external id is a `key` of everything that makes a record itself, of nothing else, and has no steps."""
    query = CATALOGUE[source.query]
    needed = list(dict.fromkeys((*source.group_by, *query.record_key)))
    if query.shape == "summary" and not source.group_by:
        # Asked without groupings, the service lists conversations one by one.
        needed = ["id", *query.record_key]
    example = f"{{key: [{', '.join(needed)}]}}"
    rule = next((one for one in fields if one.name == name), None)
    if rule is None:
        if name not in document.data["fields"]:
            hint = did_you_mean(name, [one.name for one in fields]) or f"; add {name}: {example}"
            document.problem(("target", "external_id"), f"'{name}' is not among the fields{hint}")
        return
    place = ("fields", name)
    if rule.source != "key":
        document.problem(place, f"the external id must be a key: {example}")
        return
    if rule.steps or "when_missing" in document.data["fields"][name]:
        document.problem(place, "the external id takes no steps and no when_missing: two records could become one")
    held = [path.names[0] if len(path.steps) == 1 else path.text for path in rule.paths]
    if query.shape == "summary" and "id" in held:
        needed = [*query.record_key, "id"]
    if missing := [one for one in needed if one not in held]:
        document.problem((*place, "key"), f"must also hold {', '.join(missing)}: without it two records become one")
    lasting = {*needed, *source.group_by, *_LASTING[query.shape]}
    for index, one in enumerate(held):
        if one not in lasting:
            why = "may change from one read to the next, and the record would stand twice in Salesforce"
            document.problem((*place, "key", index), f"'{one}' {why}; take it out")


_LASTING = {"aggregates": ("end",), "summary": ("end", "id", "conversationStart"), "details": ("conversationStart",)}
"""What a key may hold beyond what it must: it never changes for the same record."""
