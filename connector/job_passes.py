"""What a pass by job needs before its pages can be read: a job, and the time until it has results.

The job's id is stored as soon as it is known, so that a run killed at any instruction goes on inside the same job; one
killed between the submission and that only wastes a job.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connector.errors import QueryRefused, RefusedSpan, ServiceUnavailable
from connector.genesys.jobs import JOB_SECONDS, POLL_SECONDS, JobReader
from connector.spans import stamp
from connector.state.one_pass import Pass
from connector.state.passes import Passes

log = logging.getLogger(__name__)

MOST_JOBS = 3
"""So many jobs of one pass may be lost in one run before it ends."""


class JobLost(Exception):
    """The job gives no results, or none any more; reason: why; is_over: the service is done with it too."""

    def __init__(self, reason: str, *, is_over: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_over = is_over


class LakeLags(Exception):
    """The data lake is not filled to the end of the span."""


@dataclass
class JobWait:
    """How the job of one pass is waited for in this run.

    asked: questions put how it stands; since: when it was first waited for; is_ready: its results can be read.
    """

    asked: int = 0
    since: datetime | None = None
    is_ready: bool = False

    def next_seconds(self) -> float:
        """How long to wait before the next question."""
        return POLL_SECONDS[min(self.asked, len(POLL_SECONDS) - 1)]


class JobPasses:
    """Brings passes to the results of their jobs."""

    def __init__(self, reader: JobReader, passes: Passes, now: Callable[[], datetime]) -> None:
        self.reader = reader
        self._passes = passes
        self._now = now

    def step(self, one: Pass, wait: JobWait) -> tuple[Pass, float | None]:
        """Submit the job, or ask how it stands.

        Returns the pass as it is then, and the seconds to wait before the next step, None when results can be read.
        Raises JobLost, LakeLags, RefusedSpan for a span that no job takes, and what the client raises.
        """
        if wait.is_ready:
            return one, None
        if wait.since is None:
            wait.since = self._now()
        if one.job is None:
            one = self._submitted(one)
            return one, wait.next_seconds()
        wait.asked += 1
        try:
            state = self.reader.state(one.job)
        except (QueryRefused, RefusedSpan) as refusal:
            raise JobLost(refusal.message) from refusal
        if state.lost:
            raise JobLost(state.lost)
        wait.is_ready = state.is_ready
        if not wait.is_ready and (self._now() - wait.since).total_seconds() >= JOB_SECONDS:
            raise JobLost(f"it has no results after {JOB_SECONDS / 60:.0f} minutes", is_over=False)
        return one, None if wait.is_ready else wait.next_seconds()

    def begin_again(self, one: Pass, lost: int, reason: str, *, is_over: bool) -> Pass:
        """The pass, to be read by another job from page 1; its own was lost, the `lost`-th of this run.

        is_over: the service is done with that job; else it is told, after the commit, that nobody waits for it.
        Raises ServiceUnavailable when that was one too many.
        """
        log.info("%s %s: job %s is lost: %s", one.stream, one.span, one.job, reason)
        again = self._passes.restart(one, self._now())
        if one.job and not is_over:
            self.reader.delete(one.job)
        if lost >= MOST_JOBS:
            raise ServiceUnavailable(
                f"{one.stream}: {one.span}: {lost} jobs in a row gave no results; the last one: {reason}",
                "nothing is lost: the next run submits another job; `source: {via: query}` reads without jobs",
            )
        return again

    def heard(self, one: Pass, available: datetime | None) -> Pass:
        """The pass after a page told up to when the lake was filled: the earliest word counts."""
        if available is None or one.available is None or available >= one.available:
            return one
        return self._passes.lags(one, available)

    def _submitted(self, one: Pass) -> Pass:
        available = self.reader.available()
        if available < one.span.end:
            raise LakeLags
        return self._passes.submitted(one, self.reader.submit(one.span), available)


def delete_left(reader: JobReader | None, passes: Passes, stream: str, run: int) -> None:
    """Delete the jobs of passes that this run gave up before their results were read."""
    if reader is not None:
        for job in passes.jobs_of_failed(stream, run):
            reader.delete(job)


def is_held(one: Pass) -> bool:
    """Whether the lake was filled to the end of the span when the pass read it; always so of one read by query."""
    return one.path == "query" or (one.available is not None and one.available >= one.span.end)


def lag_in_words(one: Pass) -> str:
    """Why such a pass does not count."""
    until = f"is filled until {stamp(one.available)} only" if one.available else "is not filled to its end"
    return f"the data lake {until}; the span is read again"
