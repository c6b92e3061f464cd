"""Queries of the catalogue that can be asked as an asynchronous job, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from connector.genesys.queries import CATALOGUE, CursorPaging, Query


@dataclass(frozen=True)
class JobQuery:
    """A query asked as an asynchronous job, which reads a data lake that lags behind.

    path: POST submits a job, GET `<path>/<id>` tells its state; body: of the submission, with placeholders; results:
    its pages, whose placeholder `${job}` is the id; most: records a page at most; lag: None where GET
    `<path>/availability` tells up to when the lake is filled, else how far behind it is taken to be; is_deletable:
    DELETE `<path>/<id>` ends a job or throws its results away.
    """

    path: str
    body: Mapping[str, Any]
    results: Query
    most: int
    lag: timedelta | None = None
    is_deletable: bool = False

    def about(self, subject: str) -> "JobQuery":
        """The job of one of the subjects of aggregates; see `Query.about`."""
        return replace(self, path=self.path.replace("{subject}", subject), results=self.results.about(subject))


def _aggregates_job(query: Query) -> JobQuery:
    """Aggregates as a job. The size of its pages is told when it is submitted; whether it counts groups or intervals is
    not documented.

    Nobody tells up to when the lake is filled: such results name no date, and there is no call that does. So only what
    is older than the vendor's nightly corrections is believed to be there (vendor help, "Why can my data change?").
    Source: vendor's SDK, models conversation_async_aggregation_query and conversation_async_aggregate_query_response.
    DELETE is a preview in the newest of the vendor's API descriptions, and not asked for.
    """
    path = query.path.removesuffix("/query") + "/jobs"
    return JobQuery(
        path=path,
        body={**(query.body or {}), "pageSize": "${page_size}"},
        results=replace(
            query,
            path=f"{path}/${{job}}/results",
            method="GET",
            params={"cursor": "${cursor}"},
            body=None,
            paging=CursorPaging(next=("cursor",), largest=1_000),
        ),
        most=10_000,
        lag=timedelta(hours=48),
    )


JOBS: Mapping[str, JobQuery] = {
    "conversations.details": JobQuery(
        path="/api/v2/analytics/conversations/details/jobs",
        body={
            "interval": "${start}/${end}",
            "order": "asc",
            "orderBy": "conversationStart",
            # A job finds all that went on in the interval. What began before the interval's first day, such as threads
            # that go on for weeks, is of no span that is read here.
            "startOfDayIntervalMatching": True,
            "conversationFilters": "${conversation_filters}",
            "segmentFilters": "${segment_filters}",
        },
        results=replace(
            CATALOGUE["conversations.details"],
            path="/api/v2/analytics/conversations/details/jobs/${job}/results",
            method="GET",
            params={"pageSize": "${page_size}", "cursor": "${cursor}"},
            body=None,
            halves="minute",
            paging=CursorPaging(next=("cursor",), largest=1_000),
            narrowing="none",
        ),
        most=10_000,
        is_deletable=True,
    ),
    **{
        name: _aggregates_job(CATALOGUE[name])
        for name in ("conversations.aggregates", "aggregates", "users.aggregates")
    },
}
"""Queries of the catalogue that can be asked as a job too. Source: vendor reference, "asynchronous job"; the vendor
documents no largest page, clients use 1,000 to 10,000."""

WITHOUT_JOBS = frozenset(("ratelimits",))
"""Subjects of aggregates that are asked by query only (vendor's API description)."""
