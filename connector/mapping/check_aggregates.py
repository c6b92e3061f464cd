"""What the sources of aggregates must be, one by one: their subject, their views, what the service takes for users
only, and how long a filter may be.
"""

from connector.genesys.parts import dimensions, parts_of
from connector.genesys.queries import (
    DIMENSIONS,
    METRICS,
    MOST_VIEWS,
    SUBJECTS,
    TIMER,
    USER_DIMENSIONS,
    USER_METRICS,
)
from connector.mapping.document import Document
from connector.mapping.model import Source
from connector.mapping.suggest import did_you_mean, nearest


def check_subject(document: Document, source: Source) -> None:
    """Note what is wrong with what the aggregates are about: only `query: aggregates` takes a subject."""
    place = ("source", "subject")
    if source.query != "aggregates":
        if "subject" in source.model_fields_set:
            document.problem(
                place, f"'subject' is not for {source.asked.name}, only for 'query: aggregates'", at_key=True
            )
    elif source.subject is None:
        if "subject" not in document.data["source"]:
            known = ", ".join(sorted(SUBJECTS))
            document.problem(("source",), f"'subject' is missing; aggregates are about one of {known}")
    elif source.subject == "users":
        document.problem(place, "the status of users has records of another form; write 'query: users.aggregates'")
    elif source.subject not in SUBJECTS:
        if near := nearest(source.subject, SUBJECTS):
            document.problem(place, f"unknown subject '{source.subject}'; did you mean '{near}'?")
        else:
            document.warn(place, f"unknown subject '{source.subject}'; the service decides whether it exists")


def check_views(document: Document, source: Source) -> None:
    """Note what is wrong with the views: metrics the service works out beside those asked for."""
    if len(source.views) > MOST_VIEWS:
        document.problem(
            ("source", "views"), f"holds {len(source.views)} views, and a query takes at most {MOST_VIEWS}"
        )
    taken = {"start", "end", "mediaType", *source.group_by, *source.metrics, *METRICS, *DIMENSIONS}
    met: set[str] = set()
    for index, view in enumerate(source.views):
        place = ("source", "views", index)
        if view.target not in source.metrics:
            hint = did_you_mean(view.target, source.metrics) or "; add it to source.metrics"
            document.problem((*place, "target"), f"'{view.target}' is not among the metrics{hint}")
        elif METRICS.get(view.target, TIMER) != TIMER:
            document.problem((*place, "target"), f"'{view.target}' is no timer; views take metrics that begin with 't'")
        if view.name in taken:
            document.problem((*place, "name"), f"'{view.name}' is a name the records have already; give another")
        elif view.name in met:
            document.problem((*place, "name"), f"two views are named '{view.name}'; give another")
        met.add(view.name)
        gte, lt = view.range.gte, view.range.lt
        if gte is None and lt is None:
            document.problem((*place, "range"), "needs a bound: gte, lt or both, in milliseconds")
        elif gte is not None and lt is not None and gte >= lt:
            document.problem((*place, "range"), f"holds nothing: 'gte' ({gte}) must be below 'lt' ({lt})")


def check_users(document: Document, source: Source) -> Source:
    """Note what is wrong with the metrics, the grouping and the filter; give the source back grouped by user.

    Source of the rules: vendor reference, user status aggregate query.
    """
    for key, what, names, known in (
        ("group_by", "dimension", source.group_by, USER_DIMENSIONS),
        ("metrics", "metric", source.metrics, USER_METRICS),
    ):
        for index, name in enumerate(names):
            if name not in known:
                hint = did_you_mean(name, known) or f"; there are {', '.join(sorted(known))}"
                document.problem(("source", key, index), f"users.aggregates has no {what} '{name}'{hint}")
    for dimension in dimensions(source.filter):
        if dimension not in USER_DIMENSIONS:
            document.problem(("source", "filter"), f"users.aggregates filters by userId only, not by {dimension!r:.60}")
    check_parts(document, source)
    return source.model_copy(update={"group_by": tuple(sorted(USER_DIMENSIONS))})


def check_parts(document: Document, source: Source) -> None:
    """Note a filter that is too long for one call and cannot be asked in several."""
    try:
        parts = parts_of(source.filter, source.asked.name)
    except ValueError as error:
        document.problem(("source", "filter"), str(error))
        return
    if source.via == "job" and len(parts) > 1:
        text = f"needs {len(parts)} calls, and a job is submitted by one"
        document.problem(
            ("source", "filter"), f"{text}; read it by query, or all without a filter and choose by 'keep'"
        )
