"""Conversation details by job: submit, ask, read by cursor. Source: vendor reference, "asynchronous job".

Jobs read a data lake that lags: it knows the world as it was at the availability date, and says nothing of what it
lacks. A job holds what the lake knew when it was submitted.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug import Response

from connector.sandbox.attributes import cut_attributes
from connector.sandbox.clock import Clock
from connector.sandbox.conversations import Conversation, instant, milliseconds
from connector.sandbox.faults import FaultPlanError, Rule
from connector.sandbox.genesys.access import DETAIL
from connector.sandbox.genesys.calls import Asked, Served, json_answer
from connector.sandbox.genesys.cursors import cut, next_cursor, read_cursor
from connector.sandbox.genesys.listing import MISSING, ShortPages, cut_page
from connector.sandbox.genesys.problems import ApiError, bad_request, check_keys, page_asked
from connector.sandbox.genesys.selection import SELECTION_KEYS, Selection
from connector.sandbox.world import World

JOB_ACTIONS = frozenset({"fail_job", "stall_job", "slow_job", "expire_job", "cancel_job"})
"""What can become of a job; see `Jobs.submit`."""

_PATH = "/api/v2/analytics/conversations/details/jobs"
_LARGEST_PAGE = 10_000
_USUAL_PAGE = 1_000
_KEYS = (*(key for key in SELECTION_KEYS if key != "aggregations"), "limit", "startOfDayIntervalMatching")


@dataclass
class _Job:
    """One job. identities: what it holds, in order, as of `available`. ends: None when it never does."""

    submitted: datetime
    available: datetime
    identities: list[str]
    ends: datetime | None
    expires: datetime | None
    error: str | None
    cancelled: bool = False

    def state(self, now: datetime) -> str:
        """The state it shows: for the first quarter of its time it waits in the queue."""
        if self.cancelled:
            return "CANCELLED"
        if self.ends is None or now < self.ends:
            wait = timedelta(0) if self.ends is None else (self.ends - self.submitted) / 4
            return "QUEUED" if now < self.submitted + wait else "PENDING"
        if self.error is not None:
            return "FAILED"
        return "EXPIRED" if self.expires is not None and now >= self.expires else "FULFILLED"


class Jobs:
    """Answers about jobs over a world.

    seconds: how long a job takes. lag_seconds: how far the availability date lies behind. kept_seconds: how long
    results can be read; after as long again the job is forgotten. All may be set at any time, for jobs to come.
    """

    def __init__(self, world: World, clock: Clock, seconds: float, lag_seconds: float, kept_seconds: float) -> None:
        self.seconds = seconds
        self.lag_seconds = lag_seconds
        self.kept_seconds = kept_seconds
        self._world = world
        self._clock = clock
        self._jobs: dict[str, _Job] = {}
        self._short_pages = ShortPages()
        self._lock = threading.Lock()

    def served(self) -> list[Served]:
        """Its calls."""
        return [
            Served("POST", _PATH, DETAIL, self.submit),
            Served("GET", f"{_PATH}/availability", DETAIL, self.availability),
            Served("GET", f"{_PATH}/<identity>", DETAIL, self.status),
            Served("DELETE", f"{_PATH}/<identity>", DETAIL, self.cancel),
            Served("GET", f"{_PATH}/<identity>/results", DETAIL, self.results),
        ]

    def availability(self, asked: Asked) -> Response:
        """Up to when the lake is filled."""
        return json_answer({"dataAvailabilityDate": _text(self._available())})

    def submit(self, asked: Asked) -> Response:
        """202 and the id of a job over everything that went on in the interval, by start; raises HTTP 400.

        `startOfDayIntervalMatching` keeps what started at or after 00:00 UTC of the interval's first day, `limit` so
        many conversations. Faults: `fail_job` {message} ends as FAILED, `cancel_job` as CANCELLED, `stall_job` never
        ends, `slow_job` {seconds: 600} takes that long, `expire_job` {seconds: 0} keeps its results that long.
        """
        body = asked.body()
        check_keys(body, _KEYS, "conversation detail job")
        selection, now, available = Selection.read(body), self._clock.now(), self._available()
        alive = self._world.alive_at(now, available, selection.start, selection.end)
        if body.get("startOfDayIntervalMatching"):
            midnight = milliseconds(selection.start.replace(hour=0, minute=0, second=0, microsecond=0))
            alive = [(start, identity) for start, identity in alive if start >= midnight]
        identities = selection.of(alive, self._world, available)[: _limit(body)]
        taken = _seconds(asked, "slow_job", 600, self.seconds)
        ends = None if asked.arguments("stall_job") is not None else now + timedelta(seconds=taken)
        failure = asked.arguments("fail_job")
        error = None if failure is None else str(failure.get("message", "The query could not be completed"))
        expires = ends and ends + timedelta(seconds=_seconds(asked, "expire_job", 0, self.kept_seconds))
        job = _Job(now, available, identities, ends, expires, error, asked.arguments("cancel_job") is not None)
        with self._lock:
            name = f"0b000000-0000-4000-a000-{len(self._jobs) + 1:012x}"
            self._jobs[name] = job
        return json_answer({"jobId": name}, 202)

    def status(self, asked: Asked) -> Response:
        """The state of a job and its dates; raises HTTP 404 for one that is unknown or forgotten."""
        job, now = self._job(asked), self._clock.now()
        state = job.state(now)
        shown: dict[str, Any] = {"state": state, "submissionDate": _text(job.submitted)}
        if job.ends is not None and state in ("FULFILLED", "FAILED", "EXPIRED"):
            shown["completionDate"] = _text(job.ends)
        if job.expires is not None and state in ("FULFILLED", "EXPIRED"):
            shown["expirationDate"] = _text(job.expires)
        if state == "FAILED":
            shown["errorMessage"] = job.error
        return json_answer(shown)

    def cancel(self, asked: Asked) -> Response:
        """End a job, or throw its results away; raises HTTP 404."""
        self._job(asked).cancelled = True
        return Response(status=204)

    def results(self, asked: Asked) -> Response:
        """A page of a FULFILLED job; raises HTTP 404 when there are no results any more, 400 when not yet.

        ?pageSize (1000; at most 10000, the same for all pages)&cursor. A full page has a cursor, also when nothing
        follows: then the last page is empty, without `conversations`. The last page has no cursor.
        """
        given = asked.query_string("pageSize")
        check_keys(given, ("pageSize", "cursor"), "job results")
        size = page_asked({"pageSize": given.get("pageSize", _USUAL_PAGE)}, _LARGEST_PAGE)[1]
        job = self._fulfilled(asked)
        cursor = read_cursor(given.get("cursor"), f"{asked.identity} {size}", job.submitted)
        page = cut_page(job.identities, cursor.number, size, asked.rules, self._short_pages, asked.identity)
        has_more = cut(page, job.identities, asked.rules)
        if job.identities and cursor.number * size == len(job.identities):
            has_more = asked.arguments("cut_chain") is None
        if isinstance(page.rows, list):
            page.rows = self._conversations(job, page.rows)
        if page.rows == [] and asked.arguments("empty_page") is None:
            page.rows = MISSING
        answer = page.put({}, rows="conversations")
        following = next_cursor(cursor, has_more, asked.rules)
        if isinstance(following, str):
            answer["cursor"] = following
        return json_answer(answer | {"dataAvailabilityDate": _text(job.available)})

    def _available(self) -> datetime:
        return self._clock.now().replace(microsecond=0) - timedelta(seconds=self.lag_seconds)

    def _job(self, asked: Asked) -> _Job:
        with self._lock:
            job = self._jobs.get(asked.identity)
        if job is not None and job.expires is not None:
            forgotten = job.expires + timedelta(seconds=self.kept_seconds)
            job = None if self._clock.now() >= forgotten else job
        if job is None:
            raise ApiError(404, "not.found", "The requested job was not found.")
        return job

    def _fulfilled(self, asked: Asked) -> _Job:
        job = self._job(asked)
        state = job.state(self._clock.now())
        if state in ("QUEUED", "PENDING"):
            raise bad_request(f"The job is {state}: it has no results yet")
        if state != "FULFILLED":
            raise ApiError(404, "not.found", f"The job is {state}: it has no results")
        return job

    def _conversations(self, job: _Job, identities: list[str]) -> list[Conversation]:
        found = (self._world.conversation_at(job.available, identity, self._clock.now()) for identity in identities)
        return [cut_attributes(conversation) for conversation in found if conversation is not None]


def check_job_arguments(rules: Iterable[Rule]) -> None:
    """Raise FaultPlanError for a rule with one of JOB_ACTIONS whose arguments make no sense."""
    for rule in rules:
        seconds = rule.arguments.get("seconds", 0)
        if rule.action in ("slow_job", "expire_job") and not isinstance(seconds, int | float):
            raise FaultPlanError(f"{rule.action} needs arguments: {{seconds: <number>}}, not {seconds!r}")


def _limit(body: dict[str, Any]) -> int | None:
    limit = body.get("limit")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise bad_request("limit must be a number from 1", "invalid.value")
    return limit


def _seconds(asked: Asked, action: str, unnamed: float, usual: float) -> float:
    arguments = asked.arguments(action)
    return usual if arguments is None else float(arguments.get("seconds", unnamed))


def _text(moment: datetime) -> str:
    return instant(milliseconds(moment))
