"""What the source and the window of a mapping must be to the catalogue of queries and to each other."""

from collections.abc import Iterable
from datetime import timedelta

from connector.genesys.job_queries import JOBS, WITHOUT_JOBS, JobQuery
from connector.genesys.queries import (
    DIMENSIONS,
    METRICS,
    OBSERVATIONS,
    SUMMARY_GROUPINGS,
    SUMMARY_METRICS,
    Query,
)
from connector.mapping.check_aggregates import check_parts, check_subject, check_users, check_views
from connector.mapping.document import Document
from connector.mapping.model import Source, WindowRules
from connector.mapping.suggest import nearest
from connector.mapping.via import job_query
from connector.spans import Period

_DAY_SECONDS = 86_400
_LONGEST_UNFILTERED = timedelta(days=7)
_LONGEST_FILTERED = timedelta(days=31)
"""Longest intervals of the details query (vendor documentation, conversation detail query)."""

_NEEDED = {
    "aggregates": ("granularity", "metrics"),
    "users": ("granularity", "metrics"),
    "observations": ("granularity", "metrics"),
    "summary": ("metrics",),
    "details": (),
    "endpoint": (),
}
_FOREIGN = {
    "aggregates": ("filters",),
    "users": ("filters", "views"),
    "observations": ("group_by", "filters", "views", "via"),
    "summary": ("granularity", "filter", "filters", "views", "via"),
    "endpoint": ("granularity", "group_by", "metrics", "filter", "filters", "views", "via"),
    "details": ("granularity", "group_by", "metrics", "filter", "views"),
}

_SHORTEST_SNAPSHOTS = timedelta(minutes=1)


def check_source(document: Document, source: Source) -> Source:
    """Note what is wrong with the source; give it back with the page size the catalogue fills in."""
    query = source.asked
    written = source.model_fields_set
    for key in _NEEDED[query.shape]:
        if not document.data["source"].get(key):
            document.problem(("source",), f"'{key}' is missing; {query.name} needs it")
    by_job = job_query(source) if source.via == "job" else None
    unpaged = () if query.paging or by_job else ("page_size", "max_pages")
    for key in (*_FOREIGN[query.shape], *unpaged):
        if key in written:
            how = ": its answers by query have no pages" if key in unpaged and query.name in JOBS else ""
            document.problem(("source", key), f"'{key}' is not for {query.name}{how}", at_key=True)
    for key in ("group_by", "metrics"):
        for index, name in enumerate(getattr(source, key)):
            if name in getattr(source, key)[:index]:
                document.problem(("source", key, index), f"'{name}' stands twice")
    check_subject(document, source)
    if source.via == "job" and source.subject in WITHOUT_JOBS:
        document.problem(("source", "via"), f"aggregates of {source.subject} are read by query only")
    if query.shape == "aggregates":
        check_views(document, source)
    if query.shape == "users":
        source = check_users(document, source)
    if query.shape == "observations":
        _check_names(document, "metrics", source, OBSERVATIONS)
        check_parts(document, source)
    if query.shape in ("aggregates", "summary"):
        is_summary = query.shape == "summary"
        _check_names(document, "group_by", source, SUMMARY_GROUPINGS if is_summary else DIMENSIONS)
        _check_names(document, "metrics", source, SUMMARY_METRICS if is_summary else METRICS)
    return _with_page_size(document, source, query, by_job)


def _with_page_size(document: Document, source: Source, query: Query, by_job: JobQuery | None) -> Source:
    """The source with the page size the catalogue fills in. by_job: how it is asked where all is read by job."""
    if "page_size" in source.model_fields_set and source.endpoint and not source.endpoint.names_page_size:
        document.problem(("source", "page_size"), "goes nowhere: write ${page_size} in the endpoint's query or body")
    paging = by_job.results.paging if by_job else query.paging
    if paging is None:
        return source
    most = by_job.most if by_job else paging.largest
    if (by_job or paging.is_largest_known) and source.page_size is not None and source.page_size > most:
        how = " by job" if by_job else ""
        document.problem(("source", "page_size"), f"{query.name} gives at most {most} records a page{how}")
    return source.model_copy(update={"page_size": source.page_size or paging.largest})


def _check_names(document: Document, key: str, source: Source, known: Iterable[str]) -> None:
    what = "metric" if key == "metrics" else "dimension"
    # The catalogue's names are those of conversations: near one of them may be right for another subject.
    is_foreign = source.subject not in (None, "conversations")
    for index, name in enumerate(getattr(source, key)):
        if name in known:
            continue
        near = nearest(name, known)
        if near and not is_foreign:
            document.problem(("source", key, index), f"unknown {what} '{name}'; did you mean '{near}'?")
            continue
        hint = f"did you mean '{near}'? " if near else ""
        document.warn(("source", key, index), f"unknown {what} '{name}'; {hint}the service decides whether it exists")


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
    if source.asked.is_snapshot:
        _check_snapshots(document, source, window)
    elif granularity and not _holds(size, granularity):
        document.problem(("window", "size"), "must hold a whole number of source.granularity")
    if source.asked.shape == "details":
        has_filter = bool(source.filters.conversation or source.filters.segment)
        longest = _LONGEST_FILTERED if has_filter else _LONGEST_UNFILTERED
        if _longest(size) > longest:
            more = "" if has_filter else " without filters, 31 with"
            document.problem(("window", "size"), f"{source.asked.name} reads at most {longest.days} days at once{more}")


def _check_snapshots(document: Document, source: Source, window: WindowRules) -> None:
    """Rules about reading again, or later, are not for what is true of now only."""
    for key in ("size", "lookback", "recheck", "settle"):
        if key in window.model_fields_set:
            text = f"'{key}' is not for {source.asked.name}: it answers what is now, and no time can be read again"
            document.problem(("window", key), text, at_key=True)
    if source.granularity and source.granularity.length() < _SHORTEST_SNAPSHOTS:
        document.problem(("source", "granularity"), "must be a minute or longer: a snapshot is taken once in it")


def _holds(size: Period, granularity: Period) -> bool:
    """Whether every boundary of the size is one of the granularity."""
    if granularity.months:
        return size.months > 0 and size.months % granularity.months == 0
    if granularity.days:
        return (granularity.days == 1 and not size.seconds) or (size.days > 0 and size.days % granularity.days == 0)
    return size.seconds == 0 or size.seconds % granularity.seconds == 0


def _longest(size: Period) -> timedelta:
    return timedelta(days=size.days + 31 * size.months, seconds=size.seconds)
