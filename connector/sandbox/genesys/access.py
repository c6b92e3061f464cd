"""Who may call, and how often: tokens, permissions, the call window of a minute.

Source: vendor reference, "hosts and OAuth" and "rate limits, retries, errors".
"""

import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from werkzeug import Request

from connector.sandbox.genesys.problems import ApiError

DETAIL = "analytics:conversationDetail:view"
AGGREGATE = "analytics:conversationAggregate:view"
USER_AGGREGATE = "analytics:userAggregate:view"
QUEUE_OBSERVATION = "analytics:queueObservation:view"
FLOW_AGGREGATE = "analytics:flowAggregate:view"
QUEUE = "routing:queue:view"
WRAP_UP = "routing:wrapupCode:view"
PERMISSIONS = frozenset({DETAIL, AGGREGATE, USER_AGGREGATE, FLOW_AGGREGATE, QUEUE_OBSERVATION, QUEUE, WRAP_UP})

_LIMIT_KEY = "client.credentials.token.rate.per.minute"


class OAuthError(Exception):
    """The login refuses; the body has the fields error and description, it is no ErrorBody."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "description": description}


class Access:
    """Clients, their tokens and what they may do. Times come from the caller. Safe to share between threads."""

    def __init__(self, clients: Mapping[str, str], token_seconds: int, calls_per_minute: int) -> None:
        self._clients = dict(clients)
        self._token_seconds = token_seconds
        self._allowed = calls_per_minute
        self._lock = threading.Lock()
        self._issued = 0
        self._expiry: dict[str, datetime] = {}
        self._windows: dict[str, tuple[int, int]] = {}
        self.withdrawn: set[str] = set()

    def issue(self, request: Request, now: datetime) -> dict[str, Any]:
        """Answer POST /oauth/token by client credentials; raises OAuthError."""
        login = request.authorization
        if login is None or login.type != "basic" or login.username is None:
            raise OAuthError(400, "invalid_request", "client credentials must come as a Basic header")
        if login.username not in self._clients:
            raise OAuthError(400, "invalid_client", "client not found: invalid_client")
        if self._clients[login.username] != login.password:
            raise OAuthError(401, "invalid_client", "authentication failed")
        if request.form.get("grant_type") != "client_credentials":
            raise OAuthError(400, "unsupported_grant_type", "grant_type must be client_credentials")
        with self._lock:
            self._issued += 1
            token = hashlib.sha256(f"{login.username} {self._issued}".encode()).hexdigest()
            self._expiry[token] = now + timedelta(seconds=self._token_seconds)
        return {"access_token": token, "token_type": "bearer", "expires_in": self._token_seconds}

    def revoke(self) -> None:
        """No token issued so far is good any more."""
        with self._lock:
            self._expiry.clear()

    def token_of(self, request: Request, now: datetime) -> str:
        """The good token a call carries; raises HTTP 401."""
        login = request.authorization
        if login is None or login.type != "bearer" or not login.token:
            raise ApiError(401, "authentication.required", "No authentication bearer token specified.")
        with self._lock:
            expiry = self._expiry.get(login.token)
        if expiry is None:
            raise ApiError(401, "bad.credentials", "Invalid login credentials.")
        if expiry <= now:
            raise ApiError(401, "credentials.expired", "The supplied credentials have expired.")
        return login.token

    def count(self, token: str, now: datetime) -> dict[str, str]:
        """Count one call of this minute; returns the rate headers, raises HTTP 429 above the limit."""
        minute, second = divmod(now.timestamp(), 60)
        reset = max(1, 60 - int(second))
        with self._lock:
            began, used = self._windows.get(token, (0, 0))
            used = used + 1 if began == int(minute) else 1
            self._windows[token] = (int(minute), used)
        headers = {
            "inin-ratelimit-count": str(min(used, self._allowed)),
            "inin-ratelimit-allowed": str(self._allowed),
            "inin-ratelimit-reset": str(reset),
        }
        if used > self._allowed:
            raise ApiError(
                429,
                "too.many.requests",
                f"Rate limit exceeded the maximum. Retry the request in [{reset}] seconds",
                headers={**headers, "Retry-After": str(reset)},
                more={"limit": {"key": _LIMIT_KEY, "namespace": "platform.api", "value": self._allowed}},
            )
        return headers

    def check(self, permission: str | None) -> None:
        """Raise HTTP 403 when the permission was withdrawn."""
        if permission in self.withdrawn:
            raise ApiError(
                403,
                "missing.permissions",
                f"Unable to perform the requested action. You are missing the following permission(s): {permission}",
                params={"permissions": str(permission)},
            )
