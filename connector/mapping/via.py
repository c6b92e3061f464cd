"""Which way the records of a stream are read: page by page by query, or by asynchronous jobs.

Jobs alone give attributes; they read a data lake that lags. So old time is read by job and the newest by query, and
where attributes are mapped, what was read by query is read by job as well once the lake holds it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.genesys.job_queries import JOBS, WITHOUT_JOBS, JobQuery
from connector.mapping.contents import needs_job, reads_attributes
from connector.mapping.model import Mapping, Source, Target
from connector.spans import stamp
from connector.windows import Known, Lake, Path, Planned, Window

JOB_AGE = timedelta(hours=48)
"""Time older than this is read by job: fewer calls, and the vendor's nightly corrections are in (vendor help, "Why can
my data change?")."""


def job_query(source: Source) -> JobQuery | None:
    """How the source is asked as a job, None where it never is.

    A query of aggregates answers a whole span in one call, so they are read by job only where that is asked for.
    """
    is_wanted = source.via == "job" or (source.via == "auto" and source.asked.shape == "details")
    job = JOBS.get(source.query or "") if is_wanted and source.subject not in WITHOUT_JOBS else None
    return job.about(source.subject) if job and source.subject else job


@dataclass(frozen=True)
class Ways:
    """How one stream may be read.

    only: the one path that is possible, with `why`; None where it is chosen span by span; has_attributes: fields are
    mapped that only jobs give; follows: open records can be read by id, which is a query; lag: how far the lake is
    taken to lag, None where it is told.
    """

    window: Window
    only: Path | None
    why: str
    has_attributes: bool
    follows: bool = True
    lag: timedelta | None = None

    def needs_date(self, planned: Iterable[Planned], now: datetime) -> bool:
        """Whether the availability date decides anything about this plan."""
        if self.only:
            return self.only == "job"
        return self.has_attributes or any(one.span.end + JOB_AGE <= now for one in planned)

    def lake(self, until: datetime) -> Lake:
        """The lake as a plan needs it. until: its availability date."""
        return Lake(until, is_only=self.only == "job", has_more=self.has_attributes and not self.only)

    def chosen(self, planned: Planned, known: Known, now: datetime, lake: Lake | None) -> Planned:
        """The pass with the path it is to be read by, and why."""
        path, why = self._path(planned, known, now, lake)
        return replace(planned, path=path, why=why)

    def _path(self, planned: Planned, known: Known, now: datetime, lake: Lake | None) -> tuple[Path, str]:
        span = planned.span
        if self.only:
            return self.only, self.why
        if not self.has_attributes and planned.kind == "resync":
            return "query", "asked for as it is now"
        if not self.has_attributes and span.end + JOB_AGE > now:
            return "query", "younger than 48 hours"
        if lake is None:
            return "query", "the data lake cannot be asked"
        if not self.window.is_held(span, lake.until):
            return "query", f"the data lake holds all until {stamp(lake.until)} only"
        if any(began > lake.until and read.overlaps(span) for read, began in known.reads):
            return "query", f"read since {stamp(lake.until)}, until when the data lake is filled"
        return "job", "attributes are mapped" if self.has_attributes else "older than 48 hours"


def ways_of(mapping: Mapping, window: Window) -> Ways:
    """How the stream of a mapping may be read."""
    source = mapping.source
    has_attributes = any(job_fields(source, target) for target in mapping.targets)
    job = job_query(source)
    if job is None:
        why = "via: query" if source.query in JOBS and source.via == "query" else ""
        return Ways(window, "query", why, False)
    follows = not any(needs_attributes(target) for target in mapping.targets)
    if source.via == "job":
        return Ways(window, "job", "via: job", has_attributes, follows, job.lag)
    if not follows:
        return Ways(window, "job", "attributes decide which rows there are", has_attributes, follows)
    return Ways(window, None, "", has_attributes)


def needs_attributes(target: Target) -> bool:
    """Whether attributes decide about rows: which are wanted, or by which key they are known."""
    conditions = (*target.keep, *target.skip)
    return any(reads_attributes(one.path) for one in conditions) or needs_job(target.key)


def job_fields(source: Source, target: Target) -> frozenset[str]:
    """The fields of a target that are made of what only jobs give; none where there are no jobs."""
    if source.asked.shape != "details" or job_query(source) is None:
        return frozenset()
    return frozenset(rule.name for rule in target.fields if needs_job(rule))
