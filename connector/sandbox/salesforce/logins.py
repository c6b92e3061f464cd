"""The ways to log in: client credentials and signed assertions (JWT) at the token endpoint, user and password by SOAP.

Sources: Salesforce Help, "OAuth 2.0 Client Credentials Flow" (My Domain only, answer without expires_in), "OAuth 2.0
JWT Bearer Flow" (aud is the login host of production or of sandboxes; `exp` in seconds); SOAP API guide, login(): gone
from 65.0 on, off by default in newer orgs. Error texts: vendor pages and public issues of Salesforce clients. The fault
of a version without login() is told nowhere; UNSUPPORTED_API_VERSION is a guess.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple
from xml.parsers import expat

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from werkzeug import Request, Response

from connector.sandbox.clock import Clock
from connector.sandbox.salesforce.rest import json_answer
from connector.sandbox.salesforce.tokens import Tokens

__all__ = ["Logins", "User"]

SOAP_PATH = re.compile(r"/services/Soap/[uc]/(\d\d)\.0$")
_SOAP_ENDS, _SOAP_BEGINS = 65, 31
_WRONG = "Invalid username, password, security token; or user locked out."
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class User(NamedTuple):
    """What a user types to log in."""

    password: str
    security_token: str


class Logins:
    """Who may log in. Kept in memory.

    clients: client id -> secret. certificates: client id -> PEM of the certificate uploaded to the app, or of its
    public key. users: user name -> User. host: of the My Domain; login_host: of everybody.
    has_run_as_user: whether the app names the user that client credentials act for. is_approved: whether the users may
    use the app. takes_soap: whether SOAP login() is switched on. is_api_enabled: the permission of the users.
    is_password_expired: whether a password is good for nothing but to be changed.
    """

    def __init__(
        self,
        clock: Clock,
        tokens: Tokens,
        *,
        clients: Mapping[str, str],
        certificates: Mapping[str, str],
        users: Mapping[str, User],
        host: str,
        login_host: str,
    ) -> None:
        self._clock, self._tokens = clock, tokens
        self._clients, self._host, self._login_host = clients, host, login_host
        self._keys = {client: _public_key(pem) for client, pem in certificates.items()}
        self._users = {name.lower(): user for name, user in users.items()}
        self.has_run_as_user = True
        self.is_approved = True
        self.is_api_enabled = True
        self.takes_soap = True
        self.is_password_expired = False

    def token(self, request: Request) -> Response:
        """POST /services/oauth2/token."""
        grant = request.form.get("grant_type")
        if grant == _JWT:
            return self._by_assertion(request.form.get("assertion", ""))
        if request.host.partition(":")[0].lower() != self._host:
            return _refuse("invalid_grant", "request not supported on this domain")
        if grant != "client_credentials":
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
        return self._granted(client)

    def _by_assertion(self, assertion: str) -> Response:
        try:
            claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return _refuse("invalid_grant", "invalid assertion")
        client = str(claims.get("iss", ""))
        if client not in self._clients:
            return _refuse("invalid_client_id", "client identifier invalid")
        if not self._is_signed(assertion, client):
            return _refuse("invalid_grant", "invalid assertion")
        if claims.get("aud") != f"https://{self._login_host}":
            return _refuse("invalid_grant", "audience is invalid")
        # A number written as text is taken too: simple-salesforce sends one.
        expires = str(claims.get("exp", ""))
        if not expires.isdigit() or int(expires) <= self._clock.now().timestamp():
            return _refuse("invalid_grant", "expired authorization code")
        if not self.is_approved or str(claims.get("sub", "")).lower() not in self._users:
            return _refuse("invalid_grant", "user hasn't approved this consumer")
        return self._granted(client)

    def _is_signed(self, assertion: str, client: str) -> bool:
        """By the key of the app's certificate, with RS256. Times and audience are judged by the caller's clock."""
        if client not in self._keys:
            return False
        try:
            jwt.decode(
                assertion,
                self._keys[client],
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            return False
        return True

    def _granted(self, client: str) -> Response:
        identity = self._tokens.identity
        issued_at = str(int(self._clock.now().timestamp() * 1000))
        signed = hmac.new(self._clients[client].encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return json_answer(
            {
                "access_token": self._tokens.issue(),
                "signature": base64.b64encode(signed).decode(),
                "scope": "api",
                "instance_url": f"https://{self._host}",
                "id": identity,
                "token_type": "Bearer",
                "issued_at": issued_at,
            }
        )

    def soap(self, request: Request, version: int) -> Response:
        """POST /services/Soap/u/XX.0: login() and nothing else."""
        try:
            said = _elements(request.get_data())
        except expat.ExpatError as error:
            return _fault("soapenv:Client", f"not a SOAP message: {error}")
        if not _SOAP_BEGINS <= version < _SOAP_ENDS:
            return _fault("UNSUPPORTED_API_VERSION", f"login() is not available in version {version}.0")
        if not self.takes_soap:
            return _fault(
                "INVALID_OPERATION",
                "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API "
                "login().",
            )
        user, password = self._users.get(said.get("username", "").lower()), said.get("password", "")
        if user is not None and user.security_token and password == user.password:
            return _fault("LOGIN_MUST_USE_SECURITY_TOKEN", f"{_WRONG} Are you at a new location?")
        if user is None or password != user.password + user.security_token:
            return _fault("INVALID_LOGIN", _WRONG)
        if not self.is_api_enabled:
            return _fault("API_CURRENTLY_DISABLED", "API is disabled for this User")
        org_id, user_id = self._tokens.org_id, self._tokens.user_id
        url = f"https://{self._host}/services/Soap/u/{version}.0/{org_id[:15]}"
        return _envelope(
            '<loginResponse xmlns="urn:partner.soap.sforce.com"><result>'
            f"<metadataServerUrl>{url.replace('/u/', '/m/')}</metadataServerUrl>"
            f"<passwordExpired>{str(self.is_password_expired).lower()}</passwordExpired>"
            f"<sandbox>{str(self._login_host.startswith('test')).lower()}</sandbox><serverUrl>{url}</serverUrl>"
            f"<sessionId>{escape(self._tokens.issue())}</sessionId><userId>{user_id}</userId>"
            f"<userInfo><organizationId>{org_id}</organizationId><userId>{user_id}</userId></userInfo>"
            "</result></loginResponse>",
            200,
        )


def _public_key(pem: str) -> Any:
    data = pem.encode()
    return load_pem_x509_certificate(data).public_key() if "CERTIFICATE" in pem else load_pem_public_key(data)


def _elements(message: bytes) -> dict[str, str]:
    """Local name -> text of the elements of a message."""
    parser, texts, names = expat.ParserCreate(namespace_separator=" "), dict[str, str](), list[str]()

    def begin(name: str, attributes: dict[str, str]) -> None:
        names.append(name.rpartition(" ")[2])

    def text(data: str) -> None:
        texts[names[-1]] = texts.get(names[-1], "") + data

    parser.StartElementHandler, parser.CharacterDataHandler = begin, text
    parser.EndElementHandler = lambda name: names.pop()
    parser.Parse(message, True)
    return texts


def _refuse(error: str, description: str) -> Response:
    return json_answer({"error": error, "error_description": description}, 400)


def _fault(code: str, said: str) -> Response:
    """A fault comes with status 500, as SOAP 1.1 wants it."""
    prefixed = code if ":" in code else f"sf:{code}"
    detail = (
        f"<detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{escape(said)}</sf:exceptionMessage></sf:LoginFault></detail>"
    )
    return _envelope(
        f"<soapenv:Fault><faultcode>{prefixed}</faultcode><faultstring>{code}: {escape(said)}</faultstring>"
        f"{'' if ':' in code else detail}</soapenv:Fault>",
        500,
    )


def _envelope(body: str, status: int) -> Response:
    return Response(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>',
        status,
        content_type="text/xml; charset=utf-8",
    )
