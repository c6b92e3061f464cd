"""Calls of the Genesys Cloud API: paced, logged in, every refusal turned into an error that says what to do.

Source: platform guide, "rate limits" and the error body (`message`, `code`, `status`, `contextId`, `messageParams`);
analytics queries are read-only, so every call made here may be repeated.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import requests

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
from connector.masking import mask
from connector.pace import Call, Pace, Told
from connector.transport import Params, Transport

_ROLES = "Genesys Cloud Admin > Integrations > OAuth > your client > Roles"


@dataclass(frozen=True)
class Answer:
    """One good answer. body: the JSON object; headers: names in any case; size: bytes of the body."""

    body: dict[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    size: int


class GenesysClient:
    """One Genesys organisation, as one OAuth client sees it. Threads may share it. calls: tries made, logins aside."""

    def __init__(self, settings: GenesysSettings, transport: Transport, pace: Pace) -> None:
        self._settings = settings
        self._transport = transport
        self._pace = pace
        self._login = Login(settings, transport)
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
        tries: list[Call] = []

        def count_and_wait() -> None:
            with self._counting:
                self.calls += 1
            tries.append(self._pace.wait())

        def unsound(answer: requests.Response) -> str:
            wrong, found = _parse(answer.content)
            parsed.update(found)
            return wrong

        answer = self._transport.request(
            SERVICE,
            method,
            f"https://api.{self._settings.domain}/{path.lstrip('/')}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            params=params,
            json=body,
            before=count_and_wait,
            before_wait=self._hold_after_429,
            unsound=unsound,
        )
        told = _rate(answer.headers)
        if told is not None:
            self._pace.heed(tries[-1], told)
        return Answer(parsed, answer.headers, len(answer.content))

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


def _parse(content: bytes) -> tuple[str, dict[str, Any]]:
    """What is wrong with a body, "" when nothing is; and the object it holds."""
    if not content.strip():
        return "its body is empty", {}
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ("its body is a web page" if content.lstrip().startswith(b"<") else "its body is not whole JSON"), {}
    return ("", body) if isinstance(body, dict) else ("its body is no JSON object", {})


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
