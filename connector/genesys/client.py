"""Calls of the Genesys Cloud API: paced, logged in, every refusal turned into an error that says what to do.

Source: platform guide, "rate limits" and the error body (`message`, `code`, `status`, `contextId`, `messageParams`);
analytics queries are read-only, so every call made here may be repeated.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import requests

from connector.bodies import Body, read_body
from connector.config import GenesysSettings
from connector.errors import (
    ConnectorError,
    LoginRefused,
    MalformedAnswer,
    PermissionMissing,
    QueryRefused,
    Refused,
    RefusedSpan,
)
from connector.genesys.auth import SERVICE, Login
from connector.genesys.kept_answers import KeptAnswers
from connector.genesys.large import parse_large
from connector.masking import mask
from connector.pace import Call, Pace, Told
from connector.transport import Params, Transport

_ROLES = "Genesys Cloud Admin > Integrations > OAuth > your client > Roles"


_CHUNK_BYTES = 64 * 1024

Keep = Callable[[str], Path | None]
"""Keeps what an answer looks like, with what is wrong with it; gives the file, None where there is none."""


@dataclass(frozen=True)
class Answer:
    """One good answer.

    body: the JSON object, long lists in it as LongList where it is large; headers: names in any case; size: bytes of
    the body; keep: keeps what it looks like.
    """

    body: dict[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    size: int
    keep: Keep = field(default=lambda problem: None, repr=False, compare=False)

    def malformed(self, message: str, hint: str = "") -> MalformedAnswer:
        """The error for an answer that is not what the catalogue says, which names the file that tells its shape."""
        return MalformedAnswer(f"{message}{_where_kept(self.keep(message))}", hint)


class GenesysClient:
    """One Genesys organisation, as one OAuth client sees it. Threads may share it. calls: tries made, logins aside.

    folder: for the files of large answers while they are read, None: the system's; kept: gets the shapes of answers
    that are not what they should be.
    """

    def __init__(
        self,
        settings: GenesysSettings,
        transport: Transport,
        pace: Pace,
        *,
        folder: Path | None = None,
        kept: KeptAnswers | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._pace = pace
        self._login = Login(settings, transport)
        self._folder = folder
        self._kept = kept
        self.calls = 0
        self._counting = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Params | None = None,
        permission: str = "",
    ) -> Answer:
        """Call the API and return the answer; read-only calls only, for every call may be made more than once.

        path: from the root of the region's API host, such as /api/v2/analytics/conversations/details/query.
        permission: what the call needs, for the message of a refusal.

        Raises RefusedSpan (400, 413), PermissionMissing (403), LoginRefused (the login, or 401 with a new token),
        QueryRefused (404 and every other refusal), MalformedAnswer (no JSON object, or a refusal that is not the
        service's own), ServiceUnavailable, QuotaSpent.
        """
        token = self._login.token()
        try:
            return self._ask(token, method, path, body, params)
        except Refused as error:
            if error.status != 401:
                raise _meaning(error, permission) from None
        self._login.forget(token)
        try:
            return self._ask(self._login.token(), method, path, body, params)
        except Refused as error:
            raise _meaning(error, permission) from None

    def delete(self, path: str, *, permission: str = "") -> None:
        """Ask once, never again, that something be deleted; nothing is expected of a good answer.

        Raises as `call` does, but never MalformedAnswer for what a good answer holds.
        """
        try:
            self._send(self._login.token(), "DELETE", path, most_tries=1)
        except Refused as error:
            raise _meaning(error, permission) from None

    def organisation_id(self) -> str:
        """The id of the organisation; where this client may not ask for it, "<domain>/<client id>" instead.

        Raises LoginRefused, MalformedAnswer, ServiceUnavailable, QuotaSpent.
        """
        self._login.token()  # what is wrong with the login itself is told, not taken for a refusal of this call
        try:
            found = self.call("GET", "/api/v2/organizations/me").body.get("id")
        except (PermissionMissing, QueryRefused, RefusedSpan, LoginRefused):
            found = None
        return found if isinstance(found, str) and found else f"{self._settings.domain}/{self._settings.client_id}"

    def _ask(
        self,
        token: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        params: Params | None,
    ) -> Answer:
        parsed: dict[str, Any] = {}
        heard: list[tuple[requests.Response, Body]] = []
        faults: list[str] = []

        def unsound(answer: requests.Response) -> str:
            content = read_body(answer.iter_content(_CHUNK_BYTES), self._folder)
            heard[:] = [(answer, content)]
            wrong, found = _parse(content)
            parsed.update(found)
            faults.append(wrong)
            return wrong

        def remember(answer: requests.Response) -> None:
            heard[:] = [(answer, Body(len(answer.content), answer.content))]

        def keep(problem: str) -> Path | None:
            if self._kept is None or not heard:
                return None
            ((answer, content),) = heard
            return self._kept.keep(problem, (method, path, params or ()), answer.status_code, answer.headers, content)

        try:
            answer = self._send(
                token, method, path, params=params, json=body, stream=True, unsound=unsound, final=remember
            )
        except MalformedAnswer as error:
            where = _where_kept(keep(faults[-1]))
            raise MalformedAnswer(f"{error.message}{where}", error.hint, status=error.status) from None
        except Refused as error:
            if isinstance(error.answer, dict) or error.status == 413:
                raise
            # What the service says about itself stands in its own form: this is no word of it.
            where = _where_kept(keep(f"status {error.status} in no form of the service"))
            raise Refused(
                f"{error.message}{where}", error.hint, status=error.status, code=error.code, answer=error.answer
            ) from None
        return Answer(parsed, answer.headers, heard[0][1].size, keep)

    def _send(self, token: str, method: str, path: str, **more: Any) -> requests.Response:
        """One call, paced and counted at every try. more: as of Transport.request."""
        tries: list[Call] = []

        def count_and_wait() -> None:
            with self._counting:
                self.calls += 1
            tries.append(self._pace.wait())

        answer = self._transport.request(
            SERVICE,
            method,
            f"https://api.{self._settings.domain}/{path.lstrip('/')}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            before=count_and_wait,
            before_wait=self._hold_after_429,
            **more,
        )
        told = _rate(answer.headers)
        if told is not None:
            self._pace.heed(tries[-1], told)
        return answer

    def _hold_after_429(self, status: int | None, seconds: float) -> None:
        if status == 429:
            self._pace.hold(seconds)


def _rate(headers: Mapping[str, str]) -> Told | None:
    """What the rate headers of an answer tell; None where one is missing or no number."""
    told = [headers.get(f"inin-ratelimit-{name}", "") for name in ("count", "allowed", "reset")]
    if not all(one.isascii() and one.isdigit() for one in told):
        return None
    count, allowed, reset = (int(one[:9]) for one in told)
    return Told(count, allowed, reset)


def _parse(content: Body) -> tuple[str, dict[str, Any]]:
    """What is wrong with a body, "" when nothing is; and the object it holds."""
    head = content.read(0, _CHUNK_BYTES).lstrip()
    if not head and content.size <= _CHUNK_BYTES:
        return "its body is empty", {}
    try:
        body = parse_large(content) if content.content is None else orjson.loads(content.content)
    except ValueError:
        return ("its body is a web page" if head.startswith(b"<") else "its body is not whole JSON"), {}
    return ("", body) if isinstance(body, dict) else ("its body is no JSON object", {})


def _where_kept(file: Path | None) -> str:
    return f"; what it looks like, without values, is kept in {file}" if file else ""


def _meaning(error: Refused, permission: str) -> ConnectorError:
    """What a refusal means for the one who asked."""
    message = error.message
    if not isinstance(error.answer, dict):
        if error.status == 413:  # gateways say this without a body of the service
            return RefusedSpan(message, "ask for a smaller span")
        return MalformedAnswer(message, error.hint, status=error.status)
    context = error.answer.get("contextId")
    if isinstance(context, str) and context:
        message = f"{message} (correlation id {mask(context[:40])})"
    match error.status:
        case 400 | 413:
            return RefusedSpan(message, "ask for a smaller span; if the smallest is refused too, the query is wrong")
        case 401:
            return LoginRefused(message, "the service refuses even a new token; does this call need a logged-in user?")
        case 403:
            needed = permission or _named_permissions(error.answer) or "the permission this call needs"
            return PermissionMissing(
                message,
                f"give the OAuth client a role with {needed}, in every division to be read: {_ROLES}",
            )
        case 404:
            return QueryRefused(
                message,
                "this organisation does not know the call: it may not have the feature; "
                "take the stream out with `enabled: false` in its mapping",
            )
    return QueryRefused(message, "the service does not take this call as it is; check the query of the stream")


def _named_permissions(answer: Mapping[str, Any]) -> str:
    params = answer.get("messageParams")
    named = params.get("permissions") if isinstance(params, dict) else None
    return mask(named)[:200] if isinstance(named, str) else ""
