"""SalesforceSim: login, describe, query, Collections and Bulk API 2.0 ingest behind one WSGI application."""

import gzip
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date
from werkzeug.routing import Map, Rule

from connector.sandbox.clock import Clock
from connector.sandbox.faults import ConnectionDropped, Faults, answer_with_faults
from connector.sandbox.faults import Rule as Fault
from connector.sandbox.objects import SObject
from connector.sandbox.salesforce.collections import Collections
from connector.sandbox.salesforce.describe import Describe
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.ingest import JOB_FAULTS, Ingest
from connector.sandbox.salesforce.jobs import Jobs, SeenJob
from connector.sandbox.salesforce.logins import SOAP_PATH, Logins, User
from connector.sandbox.salesforce.metadata import PERMISSION_OBJECTS, Metadata
from connector.sandbox.salesforce.org import Org, record_id
from connector.sandbox.salesforce.rest import VERSIONS, Call, json_answer, plain_refusal, version_of
from connector.sandbox.salesforce.setup import Predicate, Setup
from connector.sandbox.salesforce.soql import Queries
from connector.sandbox.salesforce.tokens import Tokens

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["LoggedCall", "SalesforceSim", "User"]

_URI_LIMIT = 16_384
_GZIP_FROM = 1_000
_DAY = 86_400
_RECORDS_OF_MB = 1024 // 2
_SERVICE = "salesforce"


class LoggedCall(NamedTuple):
    """One request as it was answered; status 0 when the connection was dropped."""

    method: str
    path: str
    status: int


class SalesforceSim:
    """A Salesforce organisation on a clock. Safe to call from several threads; close it when done.

    path: SQLite file, or ":memory:". Records, jobs and their results outlive a restart; tokens, rules, query cursors
    and the count of the day's calls do not.
    my_domain: host without `.salesforce.com`, or a whole host that ends otherwise; one with `--` is a sandbox. clients:
    client id -> secret. certificates: client id -> PEM of the certificate uploaded to the app, or of its public key.
    users: user name -> User, who may log in by name. session_seconds: life of a token.
    daily_calls, daily_batches: allowances of a rolling 24 hours. storage_mb: room for records of 2 KB.
    job_seconds: from UploadComplete to the end of a job; deploy_seconds: from its request to the end of a deploy.
    upload_limit: bytes of one upload. query_page, job_page: entries of one answer.
    Source for every behaviour: the module that answers it.
    """

    def __init__(
        self,
        path: Path | str,
        objects: Iterable[SObject],
        clock: Clock,
        *,
        my_domain: str = "acme.my",
        clients: Mapping[str, str] | None = None,
        certificates: Mapping[str, str] | None = None,
        users: Mapping[str, User] | None = None,
        org_id: str = "00Dak000000SbOxEAK",
        faults: Faults | None = None,
        daily_calls: int = 100_000,
        daily_batches: int = 15_000,
        storage_mb: int = 1024,
        job_seconds: float = 20,
        deploy_seconds: float = 3,
        session_seconds: float = 7200,
        upload_limit: int = 100 * 1024 * 1024,
        query_page: int = 2000,
        job_page: int = 1000,
        seed: int = 1,
    ) -> None:
        login_host = f"{'test' if '--' in my_domain else 'login'}.salesforce.com"
        self.hosts = (f"{my_domain}.salesforce.com" if my_domain.endswith(".my") else my_domain, login_host)
        self.daily_calls = daily_calls
        self.calls: list[LoggedCall] = []
        self.org_id, self.user_id = org_id, record_id("005", 1)
        self._clock, self._faults = clock, faults or Faults()
        self._faults.check_actions(_SERVICE, JOB_FAULTS)
        self._upload_limit = upload_limit
        self._may_see_limits = True
        self._counted: deque[float] = deque()
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
        self._setup = Setup((*objects, *PERMISSION_OBJECTS), clock.now())
        self._org = Org(self._db, self._setup, clock, most_records=storage_mb * _RECORDS_OF_MB)
        self._storage_mb = storage_mb
        self._jobs = Jobs(
            self._db, self._org, self._setup, clock, seconds=job_seconds, daily_batches=daily_batches, seed=seed
        )
        self._tokens = Tokens(
            clock,
            host=self.hosts[0],
            login_host=login_host,
            org_id=org_id,
            user_id=self.user_id,
            session_seconds=session_seconds,
            seed=seed,
        )
        self._logins = Logins(
            clock,
            self._tokens,
            clients=clients if clients is not None else {"sf-client": "sf-secret"},
            certificates=certificates or {},
            users=users if users is not None else {self._tokens.username: User("sf-password", "sfToken")},
            host=self.hosts[0],
            login_host=login_host,
        )
        self._metadata = Metadata(
            self._db,
            self._org,
            self._setup,
            clock,
            user_id=self.user_id,
            identity=self._tokens.identity,
            seconds=deploy_seconds,
        )
        self._collections = Collections(self._org, self._setup)
        self._ingest = Ingest(self._jobs, self._setup, self.user_id, list_page=job_page)
        self._routes = Map(
            [
                Rule("/limits", endpoint=self._limits, methods=["GET"]),
                *self._metadata.rules(),
                *Describe(self._setup).rules(),
                *Queries(self._org, self._setup, page=query_page).rules(),
                *self._collections.rules(),
                *self._ingest.rules(),
            ],
            strict_slashes=False,
            merge_slashes=False,
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> "SalesforceSim":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what a test looks at ---------------------------------------------------------------------------------

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        """The object's own fields of every record, by external id (by Id when there is none)."""
        own = [each.name for each in self._setup.objects[name].fields]
        return {key: {each: record[each] for each in own} for key, record in self.records(name).items()}

    def records(self, name: str) -> dict[str, dict[str, Any]]:
        """Whole records, with Id and dates, by external id (by Id when there is none)."""
        key = self._key(name)
        with self._lock:
            self._jobs.advance()
            return {record[key] or record["Id"]: record for record in self._org.select(name)}

    def writes(self, name: str) -> dict[str, int]:
        """How often each record was written, by external id (by Id when there is none)."""
        with self._lock:
            self._jobs.advance()
            return self._org.writes(name, self._key(name))

    def jobs(self) -> list[SeenJob]:
        """Every ingest job ever made, oldest first, with the keys uploaded to it."""
        with self._lock:
            self._jobs.advance()
            return self._jobs.seen()

    def count_uploads(self) -> int:
        """How many uploads (PUT) were accepted."""
        with self._lock:
            return self._jobs.uploads()

    def _key(self, name: str) -> str:
        return next((each.name for each in self._setup.objects[name].fields if each.external_id), "Id")

    # --- what an admin does -----------------------------------------------------------------------------------

    def issue_token(self) -> str:
        """A ready access token."""
        with self._lock:
            return self._tokens.issue()

    def expire_tokens(self) -> None:
        """End every session: the next call with an old token answers 401."""
        with self._lock:
            self._tokens.expire()

    def remove_run_as_user(self) -> None:
        """Take the user from the app: client credentials are refused from now on."""
        with self._lock:
            self._logins.has_run_as_user = False

    def withdraw_approval(self) -> None:
        """Let no user use the app: signed logins are refused from now on."""
        with self._lock:
            self._logins.is_approved = False

    def switch_off_soap_login(self) -> None:
        """As it is by default in newer orgs."""
        with self._lock:
            self._logins.takes_soap = False

    def expire_passwords(self) -> None:
        """Let every user choose a new password before anything else."""
        with self._lock:
            self._logins.is_password_expired = True

    def disable_api(self) -> None:
        """Take the permission "API Enabled" from the users: SOAP logins and REST calls are refused."""
        with self._lock:
            self._logins.is_api_enabled = False

    def forbid_deploys(self) -> None:
        """Take "Modify Metadata Through Metadata API Functions" from the user: deploys are refused."""
        with self._lock:
            self._metadata.may_deploy = False

    def add_validation_rule(self, name: str, predicate: Predicate, message: str) -> None:
        """Refuse records for which `predicate(record)` is true (FIELD_CUSTOM_VALIDATION_EXCEPTION)."""
        with self._lock:
            self._setup.add_validation(name, predicate, message)

    def hide_field(self, name: str, field: str, *, hidden: bool = True) -> None:
        """Take the field from the connected user's sight: describe, query and writes no longer know it."""
        with self._lock:
            self._setup.hide(name, field, self._clock.now(), hidden=hidden)

    def set_required(self, name: str, field: str, *, required: bool = True) -> None:
        """Make the field required on every save."""
        with self._lock:
            self._setup.require(name, field, self._clock.now(), required=required)

    def change_field(self, name: str, field: str, **changes: Any) -> None:
        """Give a field another form, also in the middle of a run. changes: attributes of Field, such as length=40."""
        with self._lock:
            self._setup.change(name, field, self._clock.now(), **changes)

    def retire_choice(self, name: str, field: str, choice: str) -> None:
        """Deactivate one value of a picklist."""
        with self._lock:
            (one,) = (each for each in self._setup.objects[name].fields if each.name == field)
            self._setup.change(
                name,
                field,
                self._clock.now(),
                choices=tuple(each for each in one.choices if each != choice),
                retired=(*one.retired, choice),
            )

    def forbid_limits(self) -> None:
        """Take "View Setup and Configuration" from the user: the org's allowances are told no more."""
        with self._lock:
            self._may_see_limits = False

    def lock(self, name: str, external_id: str, times: int = 1) -> None:
        """Let the next `times` writes of that record fail with UNABLE_TO_LOCK_ROW."""
        with self._lock:
            self._setup.lock(name, external_id, times)

    def storage_full(self, *, full: bool = True) -> None:
        """Refuse new records with STORAGE_LIMIT_EXCEEDED; updates go on."""
        with self._lock:
            self._setup.storage_full = full

    def refuse_malformed_calls_whole(self, *, whole: bool = True) -> None:
        """Answer 400 to a Collections call that holds one unreadable value or unknown field, not only to its row."""
        with self._lock:
            self._collections.refuses_whole_call = whole

    # --- answering --------------------------------------------------------------------------------------------

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request. Raises ConnectionDropped where the fault plan says so."""
        with Request(environ) as request:
            try:
                response = answer_with_faults(
                    self._faults, _SERVICE, request, self._clock, lambda faults: self._answer(request, faults)
                )
            except ConnectionDropped:
                self.calls.append(LoggedCall(request.method, request.path, 0))
                raise
            response.headers.setdefault("Date", http_date(self._clock.now()))
            self.calls.append(LoggedCall(request.method, request.path, response.status_code))
        return response(environ, start_response)

    def _answer(self, request: Request, faults: Sequence[Fault]) -> Response:
        try:
            # Read before locking: a slow upload must not hold up the others.
            request.max_content_length = self._upload_limit
            request.get_data()
            with self._lock:
                self._jobs.advance()
                self._metadata.advance()
                response = self._dispatch(request, faults)
        except RestError as error:
            response = json_answer(error.body(), error.status)
        except HTTPException as error:
            response = plain_refusal(error)
        if request.path.startswith("/services/data/v"):
            response.headers["Sforce-Limit-Info"] = f"api-usage={len(self._counted)}/{self.daily_calls}"
        if request.accept_encodings.best_match(["gzip"]) and len(response.get_data()) >= _GZIP_FROM:
            response.set_data(gzip.compress(response.get_data(), 1, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
        return response

    def _dispatch(self, request: Request, faults: Sequence[Fault]) -> Response:
        path = request.path.rstrip("/")
        host = request.host.partition(":")[0].lower()
        if path == "/services/oauth2/token":
            if request.method != "POST":
                raise RestError(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are POST")
            return self._logins.token(request)
        if request.method == "POST" and (soap := SOAP_PATH.match(path)):
            return self._logins.soap(request, int(soap[1]))
        if host != self.hosts[0]:
            raise RestError(404, "NOT_FOUND", "The requested resource does not exist")
        if len(request.full_path) > _URI_LIMIT:
            raise RestError(414, "URI_TOO_LONG", f"The URI is longer than {_URI_LIMIT} bytes")
        if path == "/services/data":
            return json_answer(
                [{"label": f"v{each}", "url": f"/services/data/v{each}.0", "version": f"{each}.0"} for each in VERSIONS]
            )
        self._tokens.check(request)
        if path == "/services/oauth2/userinfo":
            return self._tokens.user()
        if not self._logins.is_api_enabled:
            raise RestError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        return self._dispatch_rest(request, path, faults)

    def _dispatch_rest(self, request: Request, path: str, faults: Sequence[Fault]) -> Response:
        version, base = version_of(path)
        self._count_call()
        endpoint, found = self._routes.bind("", path_info=path[len(base) :] or "/").match(method=request.method)
        call = Call(request, version, base)
        if "job_id" in found:
            self._ingest.disturb(faults, found["job_id"])
        answer: Response = endpoint(call, **found)
        if request.method == "POST" and faults and answer.status_code == 200:
            self._ingest.disturb(faults, answer.get_json()["id"])
        return answer

    def _count_call(self) -> None:
        now = self._clock.now().timestamp()
        while self._counted and self._counted[0] <= now - _DAY:
            self._counted.popleft()
        if len(self._counted) >= self.daily_calls:
            raise RestError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._counted.append(now)

    def _limits(self, call: Call) -> Response:
        if not self._may_see_limits:
            raise RestError(403, "INSUFFICIENT_ACCESS", "View Setup and Configuration permission is required")
        calls, batches = self.daily_calls, self._jobs.daily_batches
        storage = self._storage_mb
        left = 0 if self._setup.storage_full else max(0, storage - self._org.stored // _RECORDS_OF_MB)
        return json_answer(
            {
                "DailyApiRequests": {"Max": calls, "Remaining": calls - len(self._counted)},
                "DailyBulkApiBatches": {"Max": batches, "Remaining": self._jobs.batches_left()},
                "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
                "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
                "DataStorageMB": {"Max": storage, "Remaining": left},
            }
        )
