"""Login by client credentials, and the access tokens given out.

Sources: OAuth 2.0 client credentials flow (My Domain only, answer without expires_in), vendor error texts.
"""

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping

from werkzeug import Request, Response

from connector.sandbox.clock import Clock
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.rest import json_answer

__all__ = ["Tokens"]


class Tokens:
    """Access tokens, valid for `session_seconds`; kept in memory, so a restart ends every session.

    has_run_as_user: whether the app names the user that client credentials act for.
    """

    def __init__(
        self,
        clock: Clock,
        clients: Mapping[str, str],
        *,
        host: str,
        org_id: str,
        user_id: str,
        session_seconds: float,
        seed: int,
    ) -> None:
        self._clock, self._clients, self._host = clock, clients, host
        self._org_id, self._user_id, self._session_seconds = org_id, user_id, session_seconds
        self._random = random.Random(f"tokens {seed} {clock.now().isoformat()}")
        self._issued: dict[str, float] = {}
        self.has_run_as_user = True

    def issue(self) -> str:
        """A new access token."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
        token = f"{self._org_id[:15]}!{''.join(self._random.choices(alphabet, k=96))}"
        self._issued[token] = self._clock.now().timestamp()
        return token

    def expire(self) -> None:
        """End every session."""
        self._issued.clear()

    def check(self, request: Request) -> None:
        """Raise RestError 401 INVALID_SESSION_ID unless the request carries a live token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        issued = self._issued.get(token) if scheme in ("Bearer", "OAuth") else None
        if issued is None or self._clock.now().timestamp() - issued >= self._session_seconds:
            raise RestError(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def answer(self, request: Request) -> Response:
        """POST /services/oauth2/token."""
        if request.host.partition(":")[0].lower() != self._host:
            return _refuse("invalid_grant", "request not supported on this domain")
        if request.form.get("grant_type") != "client_credentials":
            return _refuse("unsupported_grant_type", "grant type not supported")
        basic = request.authorization if request.authorization and request.authorization.type == "basic" else None
        client = str((basic.username if basic else request.form.get("client_id")) or "")
        secret = str((basic.password if basic else request.form.get("client_secret")) or "")
        if client not in self._clients:
            return _refuse("invalid_client_id", "client identifier invalid")
        if secret != self._clients[client]:
            return _refuse("invalid_client", "invalid client credentials")
        if not self.has_run_as_user:
            return _refuse("invalid_grant", "no client credentials user enabled")
        identity = f"https://login.salesforce.com/id/{self._org_id}/{self._user_id}"
        issued_at = str(int(self._clock.now().timestamp() * 1000))
        signed = hmac.new(secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return json_answer(
            {
                "access_token": self.issue(),
                "signature": base64.b64encode(signed).decode(),
                "scope": "api",
                "instance_url": f"https://{self._host}",
                "id": identity,
                "token_type": "Bearer",
                "issued_at": issued_at,
            }
        )

    def user(self) -> Response:
        """GET /services/oauth2/userinfo."""
        return json_answer(
            {
                "sub": f"https://login.salesforce.com/id/{self._org_id}/{self._user_id}",
                "user_id": self._user_id,
                "organization_id": self._org_id,
                "preferred_username": f"integration@{self._host.partition('.')[0]}.example",
                "name": "Integration User",
                "active": True,
                "user_type": "STANDARD",
            }
        )


def _refuse(error: str, description: str) -> Response:
    return json_answer({"error": error, "error_description": description}, 400)
