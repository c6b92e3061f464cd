"""The access tokens given out, and who they belong to. How to get one: `logins`."""

import random

from werkzeug import Request, Response

from connector.sandbox.clock import Clock
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.rest import json_answer

__all__ = ["Tokens"]


class Tokens:
    """Access tokens, valid for `session_seconds`; kept in memory, so a restart ends every session.

    host: of the My Domain; login_host: of everybody. username: of the user; identity: the user's URL, which
    tells the org too.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        host: str,
        login_host: str,
        org_id: str,
        user_id: str,
        session_seconds: float,
        seed: int,
    ) -> None:
        self._clock, self._session_seconds = clock, session_seconds
        self.org_id, self.user_id = org_id, user_id
        self.username = f"integration@{host.partition('.')[0]}.example"
        self.identity = f"https://{login_host}/id/{org_id}/{user_id}"
        self._random = random.Random(f"tokens {seed} {clock.now().isoformat()}")
        self._issued: dict[str, float] = {}

    def issue(self) -> str:
        """A new access token."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
        token = f"{self.org_id[:15]}!{''.join(self._random.choices(alphabet, k=96))}"
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

    def user(self) -> Response:
        """GET /services/oauth2/userinfo."""
        return json_answer(
            {
                "sub": self.identity,
                "user_id": self.user_id,
                "organization_id": self.org_id,
                "preferred_username": self.username,
                "name": "Integration User",
                "active": True,
                "user_type": "STANDARD",
            }
        )
