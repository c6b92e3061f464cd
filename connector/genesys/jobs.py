"""Details and aggregates by asynchronous job: submit, ask how it stands, read its pages by cursor, delete it.

A job reads a data lake that lags: it knows the world as it was at the lake's availability date and says nothing of what
it lacks. Its results are the same for every page, and are gone after a while.

Source: vendor reference, "asynchronous job"; developer centre, conversation details jobs.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

from connector.errors import NeedsMending, RefusedSpan, ServiceUnavailable
from connector.genesys.job_queries import JobQuery
from connector.genesys.pages import AVAILABLE, Caller, PageReader, instant_at
from connector.genesys.templates import fill
from connector.mapping import Mapping as StreamMapping
from connector.mapping.via import job_query
from connector.masking import mask
from connector.spans import Span

log = logging.getLogger(__name__)

_LOST = ("FAILED", "CANCELLED", "EXPIRED")

POLL_SECONDS = (4.0, 8.0, 16.0, 32.0, 60.0)
"""Growing waits between two questions how a job stands; the last one repeats."""

JOB_SECONDS = 20 * 60.0
"""A job that has no results after so long is given up."""


@dataclass(frozen=True)
class JobState:
    """How a job stands. is_ready: its results can be read; lost: why there will never be any, "" else."""

    is_ready: bool = False
    lost: str = ""


class JobCaller(Caller, Protocol):
    """What jobs need of the client besides; see GenesysClient.delete."""

    def delete(self, path: str, *, permission: str = "") -> None: ...


class JobReader(PageReader):
    """Reads one stream's query by jobs. Seconds are waited by the caller. now: in UTC."""

    def __init__(self, client: JobCaller, mapping: StreamMapping, job: JobQuery, now: Callable[[], datetime]) -> None:
        source = mapping.source
        # The page size of a mapping is that of the pages its query gives, unless it is read by jobs alone.
        wanted = source.page_size if source.via == "job" else None
        super().__init__(client, mapping, (job.results, wanted), now)
        self._deleting = client
        self._job = job
        # Where no call for a page names its size, the submission does.
        largest = job.results.paging.largest if job.results.paging else 0
        self.page_size = self.page_size or wanted or largest
        self._available: datetime | None = None

    def available(self) -> datetime:
        """The availability date: up to when the lake is filled; asked once, or what it is taken for where nobody tells.

        Raises MalformedAnswer when it is no instant, and what the client raises.
        """
        if self._available is None and self._job.lag is not None:
            self._available = self._now() - self._job.lag
        if self._available is None:
            path = f"{self._job.path}/availability"
            answer = self._client.call("GET", path, permission=self.query.permission)
            self._available = instant_at(answer.body, AVAILABLE)
            if self._available is None:
                raise answer.malformed(
                    f"Genesys Cloud {path}: {AVAILABLE!r} is no instant",
                    "without it nobody knows what a job lacks; `source: {via: query}` reads without jobs",
                )
        return self._available

    def submit(self, span: Span) -> str:
        """Submit a job over a span; returns its id. Raises RefusedSpan, MalformedAnswer, and what the client raises.

        Submitted twice, as after an answer that was lost, it only wastes a job.
        """
        body = fill(self._job.body, self._values(span, 1, None, ""))
        answer = self._client.call("POST", self._job.path, body=body, permission=self.query.permission)
        name = answer.body.get("jobId")
        if not isinstance(name, str) or not name:
            raise answer.malformed(f"Genesys Cloud {self._job.path}: the answer names no job")
        return name

    def state(self, job: str) -> JobState:
        """Ask how a job stands; words nobody knows mean that it goes on. Raises QueryRefused when it is unknown."""
        body = self._client.call("GET", self._path(job), permission=self.query.permission).body
        state = body.get("state")
        if state in _LOST:
            told = body.get("errorMessage")
            why = f": {mask(told)[:200]}" if isinstance(told, str) and told else ""
            return JobState(lost=f"it is {state}{why}")
        return JobState(is_ready=state == "FULFILLED")

    def delete(self, job: str) -> None:
        """Tell the service that nobody needs a job any more, where it can be told: one call, and what comes of it
        changes nothing, for a job that is left expires."""
        if not self._job.is_deletable:
            return
        try:
            self._deleting.delete(self._path(job), permission=self.query.permission)
        except (ServiceUnavailable, NeedsMending, RefusedSpan) as fault:
            log.info("job %s is left to expire: %s", job, fault.message)

    def _path(self, job: str) -> str:
        return f"{self._job.path}/{quote(job, safe='')}"


def job_reader(client: JobCaller, mapping: StreamMapping, now: Callable[[], datetime]) -> JobReader | None:
    """Reads the stream of a mapping by jobs, None where it never is."""
    job = job_query(mapping.source)
    return JobReader(client, mapping, job, now) if job else None
