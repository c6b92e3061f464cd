"""The login at Genesys Cloud: a token by client credentials, renewed before it ends.

Source: platform guide, client credentials grant: POST https://login.<domain>/oauth/token with a Basic header; tokens
live 300 s to 48 h and have no refresh token; a wrong client id is HTTP 400 with `error` and `description`.
"""

import base64
import threading
from datetime import datetime, timedelta

import orjson
import requests

from connector.config import GenesysSettings
from connector.errors import LoginRefused, MalformedAnswer, Refused
from connector.transport import Transport

SERVICE = "Genesys Cloud"

_RENEW_BEFORE = timedelta(seconds=60)
_RENEW_SHARE = 0.1
_CLIENTS = "Genesys Cloud Admin > Integrations > OAuth"


class Login:
    """Gives the token in use, a new one where there is none or its end is near. Threads may share it."""

    def __init__(self, settings: GenesysSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at: datetime | None = None

    def token(self) -> str:
        """A token good for at least some seconds (60, or a tenth of a short life).

        Raises LoginRefused with what to mend, MalformedAnswer, ServiceUnavailable, QuotaSpent.
        """
        with self._lock:
            if not self._token or (self._renew_at and self._transport.now() >= self._renew_at):
                self._log_in()
            return self._token

    def forget(self, token: str = "") -> None:
        """Ask for a new token next time; with `token` only when that one still is in use, not a newer one."""
        with self._lock:
            if token in ("", self._token):
                self._token = ""

    def _log_in(self) -> None:
        settings = self._settings
        pair = f"{settings.client_id}:{settings.client_secret.reveal()}".encode()
        asked_at = self._transport.now()
        try:
            answer = self._transport.request(
                SERVICE,
                "POST",
                f"https://login.{settings.domain}/oauth/token",
                headers={
                    "Authorization": f"Basic {base64.b64encode(pair).decode()}",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                data="grant_type=client_credentials",
                unsound=_unsound,
            )
        except Refused as error:
            raise self._refused(error) from None
        granted = orjson.loads(answer.content)
        life = timedelta(seconds=granted["expires_in"])
        self._token = granted["access_token"]
        self._renew_at = asked_at + life - min(_RENEW_BEFORE, life * _RENEW_SHARE)

    def _refused(self, error: Refused) -> Exception:
        if not isinstance(error.answer, dict):
            return MalformedAnswer(error.message, error.hint, status=error.status)
        domain = self._settings.domain
        if error.code in ("unauthorized_client", "unsupported_grant_type"):
            mend = f"{_CLIENTS}: the grant type of this client must be Client Credentials"
        elif error.status == 401:
            mend = f"GENESYS_CLIENT_SECRET does not fit GENESYS_CLIENT_ID; copy it from {_CLIENTS}"
        else:
            mend = (
                f"is GENESYS_CLIENT_ID copied whole from {_CLIENTS}, and GENESYS_REGION ({domain}) "
                "the region of that organisation?"
            )
        return LoginRefused(error.message, mend)


def _unsound(answer: requests.Response) -> str:
    """What is wrong with a login answer, "" when nothing is."""
    try:
        granted = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return "its body is not JSON"
    token = granted.get("access_token") if isinstance(granted, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        return "it holds no access token"
    life = granted.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < 1e9:
        return "it does not tell how long the token lives"
    return ""
