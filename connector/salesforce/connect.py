"""Call one Salesforce org: one place for token, address, refusals and the count of calls. How to log in: `login`."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import IO

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
from connector.login_choice import Flow
from connector.salesforce.answers import parsed, unsound, web_page
from connector.salesforce.hints import discreet, hint_for
from connector.salesforce.login import Login, log_in
from connector.transport import AnswerLost, Transport

_SERVICE = "Salesforce"
_ALLOWANCES = frozenset({"LIMIT_EXCEEDED", "EXCEEDEDQUOTA", "REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"})
_USAGE = re.compile(r"(?:^|;)\s*api-usage=(\d+)/(\d+)")
_ID_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


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
        self._login: Login | None = None
        self._org_id = ""
        self.calls = 0
        self.api_usage: tuple[int, int] | None = None

    @property
    def org_id(self) -> str:
        """The org's id, 18 characters. Raises what `call` raises."""
        if not self._org_id:
            self._org_id = long_id(self._logged_in().org_id or self._id_from_userinfo())
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

        def ask(login: Login) -> requests.Response:
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
                unsound=web_page if stream else unsound,
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
        self, ask: Callable[[Login], requests.Response], data: bytes | IO[bytes] | None
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

    @property
    def call_reserve(self) -> float:
        """Share of the org's allowances, 0 to 1, that is left to its other users."""
        return self._settings.call_reserve

    def keep_reserve(self, calls: int = 1) -> None:
        """Raise QuotaSpent when so many calls would use the share that is left to the org's other users.

        To be asked before new work begins, not in the middle: a job once uploaded is worth its last calls. Passes
        when no answer has told the usage yet.
        """
        if not self.api_usage:
            return
        used, allowed = self.api_usage
        if used + calls - 1 >= allowed * (1 - self._settings.call_reserve):
            raise QuotaSpent(
                f"the Salesforce org has used {used} of its {allowed} calls in 24 hours; "
                f"{self._settings.call_reserve:.0%} are left to its other users",
                "Salesforce counts the last 24 hours, so some come free with every hour: the next hourly run goes on. "
                "SALESFORCE_CALL_RESERVE changes the share.",
                come_back_seconds=3600,
            )

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/services/data/v{self._settings.api_version}/{path}"

    def _count(self) -> None:
        with self._count_lock:
            self.calls += 1

    def _note_usage(self, answer: requests.Response) -> None:
        if usage := _USAGE.search(answer.headers.get("Sforce-Limit-Info", "")):
            self.api_usage = (int(usage[1]), int(usage[2]))

    def _logged_in(self, instead_of: Login | None = None) -> Login:
        """The login in use; a new one when there is none, or when it still is `instead_of`."""
        with self._lock:
            if self._login is None or self._login is instead_of:
                self._login = self._log_in(is_renewal=instead_of is not None)
            return self._login

    def _log_in(self, *, is_renewal: bool) -> Login:
        if is_renewal and self._settings.flow is Flow.ACCESS_TOKEN:
            raise LoginRefused(
                "Salesforce no longer takes the access token: the session expired or is invalid",
                "Set a fresh SALESFORCE_ACCESS_TOKEN; or SALESFORCE_CLIENT_ID with SALESFORCE_CLIENT_SECRET or "
                "SALESFORCE_PRIVATE_KEY_FILE, with which logins are renewed by themselves.",
            )
        return log_in(self._settings, self._transport, self._count)

    def _id_from_userinfo(self) -> str:
        try:
            answer = parsed(self.call("GET", "/services/oauth2/userinfo"))
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


def _explained(error: Refused, method: str, path: str) -> ConnectorError:
    """The refusal as an error that says what to do; its message quotes no customer value."""
    first = error.answer[0] if isinstance(error.answer, list) and error.answer else {}
    said = discreet(str(first.get("message", ""))) if isinstance(first, dict) else ""
    reason = ": ".join(part for part in (f"{error.status} {error.code}".strip(), said) if part)
    message = f"Salesforce refused {method} {path}: {reason}"
    hint = hint_for(error.code) or error.hint
    if error.status == 401:
        # What may be said of an ended session in general does not help when a new one is refused as well.
        return LoginRefused(message, error.hint or "A fresh login is refused too: see Setup > Login History.")
    if error.code in _ALLOWANCES:
        return QuotaSpent(message, hint, status=error.status)
    if error.status == 403:
        return PermissionMissing(message, hint or hint_for("INSUFFICIENT_ACCESS"))
    if error.status == 410:
        return ConfigError(message, hint_for("UNSUPPORTED_API_VERSION"))
    if error.status == 404:
        hint = hint or hint_for("NOT_FOUND")
    return Refused(message, hint, status=error.status, code=error.code, answer=error.answer)
