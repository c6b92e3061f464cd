"""Log in to one Salesforce org and call it: one place for token, address, refusals and the count of calls.

simple-salesforce makes the login request, our transport sends it: so the login has the same timeouts, retries, proxies
and masking as every other call, and the answer's `id`, which simple-salesforce throws away, tells the org.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, cast
from urllib.parse import urlencode, urlsplit

import requests

from connector.config import SalesforceSettings
from connector.errors import (
    ConfigError,
    ConnectorError,
    LoginRefused,
    MalformedAnswer,
    PermissionMissing,
    QuotaSpent,
    Refused,
)
from connector.salesforce.hints import discreet, hint_for
from connector.transport import AnswerLost, Transport

_SERVICE = "Salesforce"
_SETUP = "Setup > External Client App Manager > your app"

# OAuth error, part of its description, what to change. First match counts (Salesforce reference, login flows).
_LOGIN_MENDS = (
    (
        "invalid_grant",
        "not supported on this domain",
        "Set SALESFORCE_DOMAIN to your My Domain (Setup > My Domain, for example acme.my); this flow does not work at "
        "login or test.",
    ),
    (
        "invalid_grant",
        "no client credentials user",
        f"{_SETUP} > Policies > OAuth Flows: enable the Client Credentials Flow, set Run As to the integration user.",
    ),
    (
        "invalid_grant",
        "hasn't approved this consumer",
        f"{_SETUP} > Policies: set Permitted Users to 'Admin approved users are pre-authorized' and assign a "
        "permission set of the integration user.",
    ),
    (
        "invalid_client_id",
        "",
        f"SALESFORCE_CLIENT_ID is not known to this org: copy the consumer key from {_SETUP} > Settings, and check "
        "that SALESFORCE_DOMAIN names the same org (production or sandbox).",
    ),
    ("invalid_client", "", f"SALESFORCE_CLIENT_SECRET is wrong: copy the consumer secret from {_SETUP} > Settings."),
    (
        "unsupported_grant_type",
        "",
        f"{_SETUP} > Settings > Flow Enablement: enable the Client Credentials Flow.",
    ),
    (
        "invalid_grant",
        "",
        f"{_SETUP} > Policies: check that the Run As user is active and may use the API.",
    ),
)
_NO_MEND = f"Check SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET against {_SETUP}."

_ALLOWANCES = frozenset({"LIMIT_EXCEEDED", "EXCEEDEDQUOTA", "REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"})
_USAGE = re.compile(r"(?:^|;)\s*api-usage=(\d+)/(\d+)")
_ORG_IN_URL = re.compile(r"/id/(00D\w{12}(?:\w{3})?)(?:/|$)")
_ID_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class _Login:
    """A token and where it is good. identity: the login's `id` URL, empty when there was no login call."""

    token: str
    instance_url: str
    identity: str = ""

    def __repr__(self) -> str:
        return f"_Login({self.instance_url})"


class Org:
    """One Salesforce org. Logs in at the first call, and once more when the session has ended; threads may share it.

    calls: HTTP requests made, each try counted. api_usage: calls the whole org used of its allowance in the last
    24 hours, as the latest answer told, or None.
    """

    def __init__(self, settings: SalesforceSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._login: _Login | None = None
        self._org_id = ""
        self.calls = 0
        self.api_usage: tuple[int, int] | None = None

    @property
    def org_id(self) -> str:
        """The org's id, 18 characters. Raises what `call` raises."""
        if not self._org_id:
            found = _ORG_IN_URL.search(self._logged_in().identity)
            self._org_id = long_id(found[1] if found else self._id_from_userinfo())
        return self._org_id

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
        repeat: bool = True,
    ) -> requests.Response:
        """Call the org and return the answer (status below 301).

        path: relative to `/services/data/vXX.0/`, or absolute from `/`. data: the body; a file is sent from where it
        stands, at every try. stream: the caller reads and closes the answer. repeat: see `Transport.request`.
        A session that ended is renewed once and the call made again: Salesforce refuses with 401 before it acts.

        Raises LoginRefused, PermissionMissing (403), QuotaSpent (an allowance is used up), ConfigError (the API version
        is retired), Refused with a hint for every other status, MalformedAnswer for a web page or broken JSON (with
        `repeat=False` that too is `transport.AnswerLost`); ServiceUnavailable comes from the transport.
        """

        def ask(login: _Login) -> requests.Response:
            answer = self._transport.request(
                _SERVICE,
                method,
                login.instance_url + self._path(path),
                headers={"Authorization": f"Bearer {login.token}", **(headers or {})},
                params=params,
                json=json,
                data=data,
                stream=stream,
                repeat=repeat,
                before=self._count,
                unsound=_web_page if stream else _unsound,
            )
            self._note_usage(answer)
            return answer

        try:
            return self._ask_logged_in(ask, data)
        except Refused as error:
            raise _explained(error, method, path) from None  # the transport quotes more of what Salesforce said
        except MalformedAnswer as error:
            if repeat:
                raise
            raise AnswerLost(error.message, "Whether Salesforce acted is unknown.", status=error.status) from error

    def _ask_logged_in(
        self, ask: Callable[[_Login], requests.Response], data: bytes | IO[bytes] | None
    ) -> requests.Response:
        start = None if data is None or isinstance(data, bytes) else data.tell()
        login = self._logged_in()
        try:
            return ask(login)
        except Refused as error:
            if error.status != 401:
                raise
        if start is not None and data is not None and not isinstance(data, bytes):
            data.seek(start)
        return ask(self._logged_in(instead_of=login))

    def keep_reserve(self) -> None:
        """Raise QuotaSpent when the org has used all calls but the share left to its other users.

        To be asked before new work begins, not in the middle: a job once uploaded is worth its last calls. Passes
        when no answer has told the usage yet.
        """
        if not self.api_usage:
            return
        used, allowed = self.api_usage
        if used >= allowed * (1 - self._settings.call_reserve):
            raise QuotaSpent(
                f"the Salesforce org has used {used} of its {allowed} calls in 24 hours; "
                f"{self._settings.call_reserve:.0%} are left to its other users",
                "The next run goes on when calls are free again. SALESFORCE_CALL_RESERVE changes the share.",
            )

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/services/data/v{self._settings.api_version}/{path}"

    def _count(self) -> None:
        with self._count_lock:
            self.calls += 1

    def _note_usage(self, answer: requests.Response) -> None:
        if usage := _USAGE.search(answer.headers.get("Sforce-Limit-Info", "")):
            self.api_usage = (int(usage[1]), int(usage[2]))

    def _logged_in(self, instead_of: _Login | None = None) -> _Login:
        """The login in use; a new one when there is none, or when it still is `instead_of`."""
        with self._lock:
            if self._login is None or self._login is instead_of:
                self._login = self._log_in(is_renewal=instead_of is not None)
            return self._login

    def _log_in(self, *, is_renewal: bool) -> _Login:
        settings = self._settings
        if settings.client_id and settings.client_secret and settings.domain:
            return self._client_credentials(settings.client_id, settings.client_secret.reveal(), settings.domain)
        if settings.access_token and settings.instance_url:
            if is_renewal:
                raise LoginRefused(
                    "Salesforce no longer takes the access token: the session expired or is invalid",
                    "Set a fresh SALESFORCE_ACCESS_TOKEN, or SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, with "
                    "which logins are renewed by themselves.",
                )
            return _Login(settings.access_token.reveal(), _address(settings.instance_url))
        raise ConfigError(
            "the Salesforce login is not complete",
            "Set SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or SALESFORCE_ACCESS_TOKEN and "
            "SALESFORCE_INSTANCE_URL.",
        )

    def _client_credentials(self, client_id: str, client_secret: str, domain: str) -> _Login:
        domain = domain.removeprefix("https://").rstrip("/").removesuffix(".salesforce.com")
        if domain in ("login", "test"):
            raise LoginRefused(f"no login with client credentials at {domain}.salesforce.com", _LOGIN_MENDS[0][2])
        # Only here: its import loads a SOAP client, and most commands never log in.
        from simple_salesforce.login import SalesforceLogin

        courier = _LoginCourier(self._transport, self._count)
        token, host = SalesforceLogin(
            consumer_key=client_id,
            consumer_secret=client_secret,
            domain=domain,
            session=cast(Any, courier),
            sf_version=self._settings.api_version,
        )
        return _Login(token, _address(f"https://{host}"), courier.identity)

    def _id_from_userinfo(self) -> str:
        try:
            answer = _parsed(self.call("GET", "/services/oauth2/userinfo"))
        except (Refused, PermissionMissing) as error:
            raise PermissionMissing(
                f"Salesforce does not tell which org the access token belongs to: {error.message}",
                "Use a token whose scopes include 'openid' (or 'full').",
            ) from error
        if not isinstance(answer, dict) or not re.fullmatch(r"00D\w{12}(\w{3})?", str(answer.get("organization_id"))):
            raise MalformedAnswer("Salesforce's userinfo tells no organization_id")
        return str(answer["organization_id"])


def long_id(record_id: str) -> str:
    """The 18-character form of a Salesforce id of 15 or 18 characters: three more letters tell its capitals."""
    short = record_id[:15]
    chunks = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(_ID_SUFFIX[sum(char.isupper() << place for place, char in enumerate(c))] for c in chunks)


class _LoginCourier:
    """Stands in for simple-salesforce's requests session: carries its login request over our transport.

    identity: the `id` URL of the latest answer.
    """

    def __init__(self, transport: Transport, count: Callable[[], None]) -> None:
        self._transport = transport
        self._count = count
        self.identity = ""

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str] | None, proxies: Any) -> Any:
        """Send a form; `proxies` is always None, the environment tells them. Raises LoginRefused, MalformedAnswer."""
        try:
            answer = self._transport.request(
                _SERVICE,
                "POST",
                url,
                headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
                data=urlencode(data),
                before=self._count,
                unsound=_unsound,
            )
        except Refused as error:
            raise _login_refused(error, urlsplit(url).netloc) from None
        body = _parsed(answer)
        if not isinstance(body, dict) or not all(
            isinstance(body.get(k), str) for k in ("access_token", "instance_url")
        ):
            raise MalformedAnswer("Salesforce's login answer holds no access token or no instance URL")
        self.identity = str(body.get("id", ""))
        return answer


def _login_refused(error: Refused, host: str) -> LoginRefused:
    answer = error.answer if isinstance(error.answer, dict) else {}
    code, said = str(answer.get("error", "")), str(answer.get("error_description", ""))
    reason = ": ".join(part for part in (code, discreet(said)) if part) or f"status {error.status}"
    mends = (mend for known, part, mend in _LOGIN_MENDS if known == code and part in said.lower())
    return LoginRefused(f"Salesforce refused the login at {host}: {reason}", next(mends, error.hint or _NO_MEND))


def _explained(error: Refused, method: str, path: str) -> ConnectorError:
    """The refusal as an error that says what to do; its message quotes no customer value."""
    first = error.answer[0] if isinstance(error.answer, list) and error.answer else {}
    said = discreet(str(first.get("message", ""))) if isinstance(first, dict) else ""
    reason = ": ".join(part for part in (f"{error.status} {error.code}".strip(), said) if part)
    message = f"Salesforce refused {method} {path}: {reason}"
    hint = hint_for(error.code) or error.hint
    if error.status == 401:
        return LoginRefused(message, hint or "A fresh login is refused too: see Setup > Login History.")
    if error.code in _ALLOWANCES:
        return QuotaSpent(message, hint, status=error.status)
    if error.status == 403:
        return PermissionMissing(message, hint or hint_for("INSUFFICIENT_ACCESS"))
    if error.status == 410:
        return ConfigError(message, hint_for("UNSUPPORTED_API_VERSION"))
    if error.status == 404:
        hint = hint or hint_for("NOT_FOUND")
    return Refused(message, hint, status=error.status, code=error.code, answer=error.answer)


def _web_page(answer: requests.Response) -> str:
    is_page = "text/html" in answer.headers.get("Content-Type", "").lower()
    return "it is a web page instead of data" if is_page else ""


def _unsound(answer: requests.Response) -> str:
    if "json" in answer.headers.get("Content-Type", "").lower():
        try:
            answer.json()
        except ValueError:
            return "its JSON breaks off or is damaged"
    return _web_page(answer)


def _parsed(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise MalformedAnswer("Salesforce answered with a body that is no JSON") from error


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(
            f"the Salesforce instance URL begins with {parts.scheme or 'no scheme'} instead of https",
            "Set SALESFORCE_INSTANCE_URL to your org's address, for example https://acme.my.salesforce.com.",
        )
    return f"https://{parts.netloc.rpartition('@')[2]}"
