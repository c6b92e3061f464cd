"""The application: which call is which, who may make it, and what every answer carries."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import Map
from werkzeug.routing import Rule as Route

from connector.sandbox.clock import Clock
from connector.sandbox.faults import ConnectionDropped, Faults, Rule, answer_with_faults
from connector.sandbox.genesys.access import (
    AGGREGATE,
    DETAIL,
    FLOW_AGGREGATE,
    PERMISSIONS,
    QUEUE,
    QUEUE_OBSERVATION,
    USER_AGGREGATE,
    WRAP_UP,
    Access,
    OAuthError,
)
from connector.sandbox.genesys.aggregate_jobs import aggregate_kinds
from connector.sandbox.genesys.aggregates import FLOWS, aggregate
from connector.sandbox.genesys.calls import Asked, Served, json_answer
from connector.sandbox.genesys.cursors import CHAIN_ACTIONS, check_chain_arguments
from connector.sandbox.genesys.details import DETAILS_ACTIONS, Details, check_details_arguments
from connector.sandbox.genesys.dialects import Dialects
from connector.sandbox.genesys.jobs import JOB_ACTIONS, Jobs, check_job_arguments
from connector.sandbox.genesys.listing import ACTIONS, MISSING, ShortPages, check_arguments, cut_page
from connector.sandbox.genesys.lookups import entity_listing, users_listed
from connector.sandbox.genesys.observations import observe
from connector.sandbox.genesys.problems import ApiError
from connector.sandbox.genesys.summary import Summary
from connector.sandbox.genesys.user_aggregates import shown_users, user_aggregate, user_answer_extras
from connector.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ANALYTICS = "/api/v2/analytics"
_CONVERSATIONS = f"{_ANALYTICS}/conversations"
_LOGIN = [Route("/oauth/token", methods=["POST"], endpoint=None)]


class Call(NamedTuple):
    """One request that arrived. status: None when the connection was dropped."""

    method: str
    path: str
    status: int | None


class GenesysSim:
    """Genesys Cloud as a WSGI application.

    hosts: the two host names it stands for; any other host, such as a loopback address, gets both sets of calls.
    calls: what arrived, in order. clients: id -> secret. faults: common ones, those of `listing.ACTIONS` for every
    list, those of `cursors.CHAIN_ACTIONS` for lists read by cursor, `details.DETAILS_ACTIONS` for the details query,
    `jobs.JOB_ACTIONS` for jobs. day_indexed, summary_stats: see `Details` and `Summary`. job_seconds, job_lag_seconds,
    job_kept_seconds: see `Jobs`, where they can be changed later. Raises FaultPlanError for a plan this service cannot
    carry out.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        *,
        clients: Mapping[str, str] | None = None,
        region: str = "mypurecloud.ie",
        faults: Faults | None = None,
        calls_per_minute: int = 300,
        token_seconds: int = 86_399,
        day_indexed: bool = True,
        summary_stats: bool = False,
        job_seconds: float = 10.0,
        job_lag_seconds: float = 4 * 3_600.0,
        job_kept_seconds: float = 86_400.0,
    ) -> None:
        self.world = world
        self.clock = clock
        self.faults = faults or Faults()
        self.faults.check_actions("genesys", ACTIONS | CHAIN_ACTIONS | DETAILS_ACTIONS | JOB_ACTIONS)
        check_arguments(self.faults.rules)
        check_chain_arguments(self.faults.rules)
        check_job_arguments(self.faults.rules)
        check_details_arguments(self.faults.rules)
        self.hosts = (f"api.{region}", f"login.{region}")
        self.calls: list[Call] = []
        known = {"demo-client": "demo-secret"} if clients is None else clients
        self._access = Access(known, token_seconds, calls_per_minute)
        self._details = Details(world, day_indexed)
        self._summary = Summary(world, summary_stats)
        kinds = aggregate_kinds(world)
        self.jobs = Jobs(world, clock, job_seconds, job_lag_seconds, job_kept_seconds, kinds)
        self._dialects = Dialects(world, clock, self._summary)
        self._short_pages = ShortPages()
        self._lock = threading.Lock()
        self._answered = 0
        calls = [Route(served.path, methods=served.methods.split(), endpoint=served) for served in self._served()]
        self._paths = {
            self.hosts[0]: Map([route.empty() for route in calls]),
            self.hosts[1]: Map([route.empty() for route in _LOGIN]),
            "": Map([route.empty() for route in (*calls, *_LOGIN)]),
        }

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        with self._lock:
            self._answered += 1
            context = f"00000000-0000-4000-a000-{self._answered:012x}"
        try:
            response = answer_with_faults(
                self.faults, "genesys", request, self.clock, lambda rules: self._answer(request, rules, context)
            )
        except ConnectionDropped:
            self._note(request, None)
            raise
        self._note(request, response.status_code)
        response.headers["Date"] = http_date(self.clock.now())
        response.headers["ININ-Correlation-Id"] = context
        return response(environ, start_response)

    def revoke_tokens(self) -> None:
        """Every token issued so far is answered with 401 from now on."""
        self._access.revoke()

    def withdraw(self, permission: str) -> None:
        """Calls that need this permission are answered with 403; raises ValueError for one no call needs."""
        if permission not in PERMISSIONS:
            raise ValueError(f"no call needs {permission}; use one of {sorted(PERMISSIONS)}")
        self._access.withdrawn.add(permission)

    def grant(self, permission: str) -> None:
        """Take a withdrawal back."""
        self._access.withdrawn.discard(permission)

    def counts(self) -> Counter[str]:
        """How many requests arrived for each "METHOD path"."""
        with self._lock:
            return Counter(f"{call.method} {call.path}" for call in self.calls)

    def _note(self, request: Request, status: int | None) -> None:
        with self._lock:
            self.calls.append(Call(request.method, request.path, status))

    def _answer(self, request: Request, rules: tuple[Rule, ...], context: str) -> Response:
        now = self.clock.now()
        rate: dict[str, str] = {}
        try:
            served, arguments = self._route(request)
            if served is None:
                return json_answer(self._access.issue(request, now))
            token = self._access.token_of(request, now)
            rate = self._access.count(token, now)
            self._access.check(served.permission)
            response = served.answer(Asked(request, arguments.get("identity", ""), rules))
        except OAuthError as error:
            return json_answer(error.body, error.status)
        except ApiError as error:
            response = json_answer(error.body(context), error.status)
            response.headers.update(error.headers)
        response.headers.update(rate)
        return response

    def _served(self) -> list[Served]:
        return [
            Served("POST", f"{_CONVERSATIONS}/details/query", DETAIL, self._details_query),
            Served("GET", f"{_CONVERSATIONS}/details", DETAIL, self._details_by_id),
            Served("GET", f"{_CONVERSATIONS}/<identity>/details", DETAIL, self._details_of_one),
            Served("POST", f"{_CONVERSATIONS}/aggregates/query", AGGREGATE, self._aggregates_query),
            Served("POST", f"{_ANALYTICS}/flows/aggregates/query", FLOW_AGGREGATE, self._flow_aggregates_query),
            Served("POST", f"{_ANALYTICS}/users/aggregates/query", USER_AGGREGATE, self._user_aggregates_query),
            Served("POST", f"{_ANALYTICS}/queues/observations/query", QUEUE_OBSERVATION, self._queue_observations),
            Served("POST", f"{_CONVERSATIONS}/summary/queries", AGGREGATE, self._summary_query),
            Served("GET", "/api/v2/organizations/me", None, self._organization),
            Served("GET", "/api/v2/routing/queues", QUEUE, self._queues),
            Served("GET", "/api/v2/routing/wrapupcodes", WRAP_UP, self._wrap_up_codes),
            Served("GET", "/api/v2/users", None, self._users),
            Served("GET", "/api/v2/authorization/divisions", None, self._divisions),
            *self.jobs.served(),
            *self._dialects.served(),
        ]

    def _route(self, request: Request) -> tuple[Served | None, Mapping[str, Any]]:
        host = request.host.partition(":")[0]
        paths = self._paths.get(host, self._paths[""]).bind(host, "/")
        try:
            return paths.match(request.path, request.method)
        except MethodNotAllowed as error:
            allowed = {"Allow": ", ".join(sorted(error.valid_methods or ()))}
            raise ApiError(405, "method.not.allowed", "HTTP 405 Method Not Allowed", headers=allowed) from None
        except HTTPException:
            raise ApiError(404, "not.found", "HTTP 404 Not Found") from None

    def _details_query(self, asked: Asked) -> Response:
        return json_answer(self._details.query(asked.body(), self.clock.now(), asked.rules))

    def _details_by_id(self, asked: Asked) -> Response:
        given = ",".join(asked.request.args.getlist("id"))
        return json_answer(self._details.by_id([one for one in given.split(",") if one], self.clock.now()))

    def _details_of_one(self, asked: Asked) -> Response:
        return json_answer(self._details.one(asked.identity, self.clock.now()))

    def _aggregates_query(self, asked: Asked) -> Response:
        return self._results(asked, aggregate(self.world, asked.body(), self.clock.now()), {})

    def _flow_aggregates_query(self, asked: Asked) -> Response:
        return self._results(asked, aggregate(self.world, asked.body(), self.clock.now(), FLOWS), {})

    def _user_aggregates_query(self, asked: Asked) -> Response:
        now = self.clock.now()
        results = user_aggregate(shown_users(self.world, now), asked.body(), now)
        return self._results(asked, results, user_answer_extras(self.world.directory))

    def _queue_observations(self, asked: Asked) -> Response:
        return self._results(asked, observe(self.world, asked.body(), self.clock.now()), {})

    def _results(self, asked: Asked, results: Sequence[dict[str, Any]], body: dict[str, Any]) -> Response:
        page = cut_page(results, 1, max(1, len(results)), asked.rules, self._short_pages, asked.request.path)
        if page.rows == [] and not any(rule.action == "empty_page" for rule in asked.rules):
            page.rows = MISSING
        return json_answer(page.put(body, rows="results"))

    def _summary_query(self, asked: Asked) -> Response:
        page = self._summary.query(asked.body(), self.clock.now(), asked.rules)
        body = {"pageSize": page.size, "pageNumber": page.number}
        response = json_answer(page.put(body, rows="entities", page_count="pageCount", total="total"))
        if page.header_page_count is not MISSING:
            count = page.header_page_count
            response.headers["X-Page-Count"] = "" if count is None else str(count)
        return response

    def _organization(self, asked: Asked) -> Response:
        return json_answer(self.world.directory.organization)

    def _queues(self, asked: Asked) -> Response:
        return self._listing(asked, self.world.directory.queues)

    def _wrap_up_codes(self, asked: Asked) -> Response:
        return self._listing(asked, self.world.directory.wrap_up_codes)

    def _users(self, asked: Asked) -> Response:
        return self._listing(asked, users_listed(asked.request, self.world.directory.users))

    def _divisions(self, asked: Asked) -> Response:
        return self._listing(asked, self.world.directory.divisions)

    def _listing(self, asked: Asked, entities: Sequence[dict[str, Any]]) -> Response:
        return json_answer(entity_listing(asked.request, entities, asked.rules, self._short_pages))
