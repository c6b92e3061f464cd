"""Details and aggregates by job: submit, ask, read by cursor, delete. Source: vendor reference, "asynchronous job".

Jobs read a data lake that lags: it knows the world as it was at the availability date, and says nothing of what it
lacks. A job holds what the lake knew when it was submitted.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
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

_LARGEST_PAGE = 10_000
_USUAL_PAGE = 1_000
_KEYS = (*(key for key in SELECTION_KEYS if key != "aggregations"), "limit", "startOfDayIntervalMatching")


@dataclass(frozen=True)
class JobKind:
    """What a family of jobs gives.

    work_out: of a body, now and the availability date: what a job holds, in order, as the lake knew it at that date;
    show: of some of that, the same two the other way round: what an answer shows of it to whom may see what now;
    listed: the name it stands under; tells_date: there is a call for the availability date, and answers tell it. Where
    nobody tells it the page size stands in the submission, else in the call for a page.
    """

    path: str
    permission: str
    listed: str
    work_out: Callable[[dict[str, Any], datetime, datetime], list[Any]]
    show: Callable[[Sequence[Any], datetime, datetime], list[Any]]
    tells_date: bool = False
    extras: Callable[[], dict[str, Any]] = field(default=dict)


@dataclass
class _Job:
    """One job. rows: what it holds, in order, as of `available`. ends: None when it never does."""

    kind: JobKind
    submitted: datetime
    available: datetime
    rows: list[Any]
    size: int
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

    more: families of jobs beside those of conversation details. seconds: how long a job takes. lag_seconds: how far the
    availability date lies behind. kept_seconds: how long results can be read; after as long again the job is
    forgotten. All may be set at any time, for jobs to come. told: the availability date that results tell where the
    vendor documents none, None: as documented.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        seconds: float,
        lag_seconds: float,
        kept_seconds: float,
        more: Iterable[JobKind] = (),
    ) -> None:
        self.seconds = seconds
        self.lag_seconds = lag_seconds
        self.kept_seconds = kept_seconds
        self.told: datetime | None = None
        self._kinds = (_details(world), *more)
        self._clock = clock
        self._jobs: dict[str, _Job] = {}
        self._short_pages = ShortPages()
        self._lock = threading.Lock()

    def served(self) -> list[Served]:
        """Its calls."""
        return [served for kind in self._kinds for served in self._served(kind)]

    @property
    def left(self) -> int:
        """How many jobs nobody has deleted."""
        with self._lock:
            return sum(not job.cancelled for job in self._jobs.values())

    def _served(self, kind: JobKind) -> list[Served]:
        one = f"{kind.path}/<identity>"
        date = Served("GET", f"{kind.path}/availability", kind.permission, self.availability)
        return [
            Served("POST", kind.path, kind.permission, partial(self.submit, kind)),
            *([date] if kind.tells_date else []),
            Served("GET", one, kind.permission, partial(self.status, kind)),
            Served("DELETE", one, kind.permission, partial(self.cancel, kind)),
            Served("GET", f"{one}/results", kind.permission, partial(self.results, kind)),
        ]

    def availability(self, asked: Asked) -> Response:
        """Up to when the lake is filled."""
        return json_answer({"dataAvailabilityDate": _text(self._available())})

    def submit(self, kind: JobKind, asked: Asked) -> Response:
        """202 and the id of a job; raises HTTP 400.

        Faults: `fail_job` {message} ends as FAILED, `cancel_job` as CANCELLED, `stall_job` never ends, `slow_job`
        {seconds: 600} takes that long, `expire_job` {seconds: 0} keeps its results that long.
        """
        body, now, available = asked.body(), self._clock.now(), self._available()
        size = _USUAL_PAGE if kind.tells_date else page_asked({"pageSize": body.pop("pageSize", 100)}, _LARGEST_PAGE)[1]
        rows = kind.work_out(body, now, available)
        taken = _seconds(asked, "slow_job", 600, self.seconds)
        ends = None if asked.arguments("stall_job") is not None else now + timedelta(seconds=taken)
        failure = asked.arguments("fail_job")
        error = None if failure is None else str(failure.get("message", "The query could not be completed"))
        expires = ends and ends + timedelta(seconds=_seconds(asked, "expire_job", 0, self.kept_seconds))
        is_cancelled = asked.arguments("cancel_job") is not None
        job = _Job(kind, now, available, rows, size, ends, expires, error, is_cancelled)
        with self._lock:
            name = f"0b000000-0000-4000-a000-{len(self._jobs) + 1:012x}"
            self._jobs[name] = job
        return json_answer({"jobId": name}, 202)

    def status(self, kind: JobKind, asked: Asked) -> Response:
        """The state of a job and its dates; raises HTTP 404 for one that is unknown or forgotten."""
        job, now = self._job(kind, asked), self._clock.now()
        state = job.state(now)
        shown: dict[str, Any] = {"state": state, "submissionDate": _text(job.submitted)}
        if job.ends is not None and state in ("FULFILLED", "FAILED", "EXPIRED"):
            shown["completionDate"] = _text(job.ends)
        if job.expires is not None and state in ("FULFILLED", "EXPIRED"):
            shown["expirationDate"] = _text(job.expires)
        if state == "FAILED":
            shown["errorMessage"] = job.error
        return json_answer(shown)

    def cancel(self, kind: JobKind, asked: Asked) -> Response:
        """End a job, or throw its results away; raises HTTP 404."""
        self._job(kind, asked).cancelled = True
        return Response(status=204)

    def results(self, kind: JobKind, asked: Asked) -> Response:
        """A page of a FULFILLED job; raises HTTP 404 when there are no results any more, 400 when not yet.

        ?cursor, and where the submission does not say it &pageSize (1000; at most 10000, the same for all pages). A
        full page has a cursor, also when nothing follows: then the last page is empty, without its list. The last page
        has no cursor.
        """
        given = asked.query_string("pageSize")
        check_keys(given, ("pageSize", "cursor") if kind.tells_date else ("cursor",), "job results")
        asked_size = page_asked({"pageSize": given.get("pageSize", _USUAL_PAGE)}, _LARGEST_PAGE)[1]
        job = self._fulfilled(kind, asked)
        size = asked_size if kind.tells_date else job.size
        cursor = read_cursor(given.get("cursor"), f"{asked.identity} {size}", job.submitted)
        page = cut_page(job.rows, cursor.number, size, asked.rules, self._short_pages, asked.identity)
        has_more = cut(page, job.rows, asked.rules)
        if job.rows and cursor.number * size == len(job.rows):
            has_more = asked.arguments("cut_chain") is None
        if isinstance(page.rows, list):
            page.rows = kind.show(page.rows, job.available, self._clock.now())
        if page.rows == [] and asked.arguments("empty_page") is None:
            page.rows = MISSING
        answer = page.put(kind.extras(), rows=kind.listed)
        following = next_cursor(cursor, has_more, asked.rules)
        if isinstance(following, str):
            answer["cursor"] = following
        told = job.available if kind.tells_date else self.told
        return json_answer(answer | ({"dataAvailabilityDate": _text(told)} if told else {}))

    def _available(self) -> datetime:
        return self._clock.now().replace(microsecond=0) - timedelta(seconds=self.lag_seconds)

    def _job(self, kind: JobKind, asked: Asked) -> _Job:
        with self._lock:
            job = self._jobs.get(asked.identity)
        if job is not None and job.kind is not kind:
            job = None
        if job is not None and job.expires is not None:
            forgotten = job.expires + timedelta(seconds=self.kept_seconds)
            job = None if self._clock.now() >= forgotten else job
        if job is None:
            raise ApiError(404, "not.found", "The requested job was not found.")
        return job

    def _fulfilled(self, kind: JobKind, asked: Asked) -> _Job:
        job = self._job(kind, asked)
        state = job.state(self._clock.now())
        if state in ("QUEUED", "PENDING"):
            raise bad_request(f"The job is {state}: it has no results yet")
        if state != "FULFILLED":
            raise ApiError(404, "not.found", f"The job is {state}: it has no results")
        return job


def _details(world: World) -> JobKind:
    """Everything that went on in the interval, by start.

    `startOfDayIntervalMatching` keeps what started at or after 00:00 UTC of the interval's first day, `limit` so many
    conversations.
    """

    def work_out(body: dict[str, Any], now: datetime, available: datetime) -> list[str]:
        check_keys(body, _KEYS, "conversation detail job")
        selection = Selection.read(body)
        alive = world.alive_at(now, available, selection.start, selection.end)
        if body.get("startOfDayIntervalMatching"):
            midnight = milliseconds(selection.start.replace(hour=0, minute=0, second=0, microsecond=0))
            alive = [(start, identity) for start, identity in alive if start >= midnight]
        return selection.of(alive, world, available)[: _limit(body)]

    def show(identities: Sequence[str], available: datetime, now: datetime) -> list[Conversation]:
        found = (world.conversation_at(available, identity, now) for identity in identities)
        return [cut_attributes(conversation) for conversation in found if conversation is not None]

    path = "/api/v2/analytics/conversations/details/jobs"
    return JobKind(path, DETAIL, "conversations", work_out, show, tells_date=True)


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
