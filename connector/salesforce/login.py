"""Each way to log in to Salesforce, over our transport: same timeouts, retries, proxies and masking as every call.

simple-salesforce writes the requests of client credentials and of SOAP, a courier carries them: to the address of the
settings, for the library knows hosts that end in .salesforce.com only. It also throws away what tells the org, and
cuts `-api` out of every host. Its JWT is not used: `exp` goes out as text (RFC 7519 wants a number), by a clock that
cannot be passed in.

Sources: Salesforce Help, "OAuth 2.0 Client Credentials Flow", "OAuth 2.0 JWT Bearer Flow"; SOAP API guide, login();
simple-salesforce 1.12.10.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import requests

from connector.config import SalesforceSettings
from connector.errors import ConfigError, LoginRefused, MalformedAnswer, QuotaSpent, Refused
from connector.login_choice import PRIVATE_KEY_FILE, WAYS, Flow
from connector.refusals import Said
from connector.salesforce.answers import parsed, unsound, web_page
from connector.salesforce.hints import discreet
from connector.salesforce.login_mends import MY_DOMAIN, mend_for, mend_otherwise
from connector.transport import Transport

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SOAP_VERSION = "64.0"
"""The last one that has login(); Summer '27 ends it too."""

ASSERTION_LIFE = timedelta(minutes=3)

_SERVICE = "Salesforce"
_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105
_SMALLEST_KEY_BITS = 2048
_ORG_IN_URL = re.compile(r"/id/(00D\w{12}(?:\w{3})?)(?:/|$)")
_OPENSSL = "openssl genrsa -out salesforce.key 2048 makes a key, docs/salesforce-login.md tells the rest"

# Faults of the SOAP login that pass by themselves: tried again like every busy answer.
_PASSING_FAULTS = frozenset({"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "REQUEST_LIMIT_EXCEEDED", "API_ERROR"})


@dataclass(frozen=True)
class Login:
    """A token and where it is good. org_id: as the login's answer told it, else empty."""

    token: str
    instance_url: str
    org_id: str = ""

    def __repr__(self) -> str:
        return f"Login({self.instance_url})"


def log_in(settings: SalesforceSettings, transport: Transport, count: Callable[[], None]) -> Login:
    """A new login the way the settings ask for. count: called before every request.

    Raises LoginRefused with what to change, ConfigError (settings that cannot work, a private key that cannot be used),
    QuotaSpent (too many logins), MalformedAnswer; ServiceUnavailable comes from the transport.
    """
    if settings.flow is Flow.ACCESS_TOKEN and settings.access_token and settings.instance_url:
        return Login(settings.access_token.reveal(), https_address(settings.instance_url))
    flow, address = settings.flow, _login_address(settings)
    if flow is not None and address is not None:
        courier = _Courier(flow, address, transport, count)
        if settings.client_id and settings.client_secret:
            return _by_client_credentials(settings.client_id, settings.client_secret.reveal(), courier)
        if settings.client_id and settings.username and settings.private_key_file:
            key = _private_key(settings.private_key_file)
            return _by_private_key(settings.client_id, settings.username, key, transport.now(), courier)
        if settings.username and settings.password:
            token = settings.security_token.reveal() if settings.security_token else ""
            return _by_soap(settings.username, settings.password.reveal(), token, courier)
    raise ConfigError("the Salesforce login is not complete", f"To log in, {WAYS}.")


def audience(address: str) -> str:
    """Whom a signed login is meant for: the login host of production or of sandboxes, whatever the My Domain.

    address: https://host of the org. Sandboxes have `--` in their name (acme--dev.sandbox.my), scratch orgs the part
    `scratch`; both belong to test.salesforce.com. Hosts outside salesforce.com are their own audience.
    Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow", aud; My Domain URL formats.
    """
    host = urlsplit(address).hostname or ""
    name, *kinds = host.split(".")
    if kinds[-2:] != ["salesforce", "com"]:
        return address
    is_test = "--" in name or kinds[0] in ("sandbox", "scratch") or name == "test"
    return f"https://{'test' if is_test else 'login'}.salesforce.com"


def https_address(url: str) -> str:
    """`https://host[:port]` of an address. Raises ConfigError for another scheme."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(
            f"the Salesforce instance URL begins with {parts.scheme or 'no scheme'} instead of https",
            "Set SALESFORCE_INSTANCE_URL to your org's address, for example https://acme.my.salesforce.com.",
        )
    return f"https://{parts.netloc.rpartition('@')[2]}"


def _login_address(settings: SalesforceSettings) -> str | None:
    if settings.domain:
        domain = settings.domain.removeprefix("https://").rstrip("/").removesuffix(".salesforce.com")
        return f"https://{domain}.salesforce.com"
    return https_address(settings.instance_url) if settings.instance_url else None


def _by_client_credentials(client_id: str, client_secret: str, courier: "_Courier") -> Login:
    # Only here: its import loads a SOAP client, and most commands never log in.
    from simple_salesforce.login import SalesforceLogin

    courier.refuse_common_hosts()
    SalesforceLogin(consumer_key=client_id, consumer_secret=client_secret, domain="my", session=cast(Any, courier))
    return courier.login


def _by_soap(username: str, password: str, security_token: str, courier: "_Courier") -> Login:
    from simple_salesforce.login import SalesforceLogin

    SalesforceLogin(
        username=username,
        password=password,
        security_token=security_token,
        sf_version=SOAP_VERSION,
        session=cast(Any, courier),
    )
    return courier.login


def _by_private_key(client_id: str, username: str, key: "RSAPrivateKey", now: datetime, courier: "_Courier") -> Login:
    import jwt

    courier.refuse_common_hosts()
    claims = {
        "iss": client_id,
        "sub": username,
        "aud": audience(courier.address),
        "exp": int((now + ASSERTION_LIFE).timestamp()),
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, key, algorithm="RS256"),
    }
    courier.post(courier.address + _TOKEN_PATH, form, None, None)
    return courier.login


def _private_key(file: Path) -> "RSAPrivateKey":
    """Raises ConfigError that says what is wrong with the file, never with a word of its content."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    where = f"{PRIVATE_KEY_FILE}: {file}"
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise ConfigError(
            f"{where} cannot be read ({fault.strerror or 'fault'})", "Name the file of the key."
        ) from None
    if not content.strip():
        raise ConfigError(f"{where} is empty", f"Write the private key into it: {_OPENSSL}.")
    for mark, what in ((b"BEGIN CERTIFICATE", "the certificate"), (b"PUBLIC KEY", "the public key")):
        if mark in content and b"PRIVATE KEY" not in content:
            raise ConfigError(f"{where} holds {what}, not the private key", "Name the file of the private key.")
    # An old form of encryption is told by a header, the newer one by its first line.
    if b"ENCRYPTED" in content:
        raise ConfigError(
            f"{where} is protected by a passphrase",
            "No run can be asked for it. Take it off and keep the file to its owner: "
            f"openssl pkey -in {file.name} -out salesforce.key; chmod 600 salesforce.key",
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{where} is no private key in PEM form that can be read",
            "Such a file begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----. From a .p12 or "
            ".pfx file: openssl pkcs12 -in store.p12 -nocerts -nodes -out salesforce.key",
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{where} is no RSA key, and Salesforce takes no other", f"Make one: {_OPENSSL}.")
    if key.key_size < _SMALLEST_KEY_BITS:
        raise ConfigError(
            f"{where} is an RSA key of {key.key_size} bits, and {_SMALLEST_KEY_BITS} is the least",
            f"Make one: {_OPENSSL}.",
        )
    return key


class _Courier:
    """Stands in for simple-salesforce's requests session: carries login requests to `address`, reads the answers."""

    def __init__(self, flow: Flow, address: str, transport: Transport, count: Callable[[], None]) -> None:
        self._flow = flow
        self.address = address
        self._transport = transport
        self._count = count
        self._login: Login | None = None

    def refuse_common_hosts(self) -> None:
        """Raise LoginRefused where Salesforce would refuse anyhow: at the login hosts of everybody."""
        host = urlsplit(self.address).hostname
        if host in ("login.salesforce.com", "test.salesforce.com"):
            raise LoginRefused(f"no login by {self._flow} at {host}", MY_DOMAIN)

    @property
    def login(self) -> Login:
        """What the latest answer gave."""
        if self._login is None:
            raise MalformedAnswer("simple-salesforce made no login request")
        return self._login

    def post(
        self, url: str, data: Mapping[str, str] | str, headers: Mapping[str, str] | None, proxies: Any
    ) -> requests.Response:
        """Send a form or an envelope; `proxies` is always None, the environment tells them.

        Raises what `log_in` raises.
        """
        is_soap = isinstance(data, str)
        form = {} if is_soap else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._transport.request(
                _SERVICE,
                "POST",
                self.address + urlsplit(url).path,
                headers={**form, **(headers or {})},
                data=data if isinstance(data, str) else urlencode(data),
                before=self._count,
                unsound=_unsound_envelope if is_soap else unsound,
                final=_fault if is_soap else None,
            )
        except Refused as error:
            raise self._refused(error) from None
        self._login = self._from_envelope(answer.content) if is_soap else _from_token_answer(answer)
        return answer

    def _refused(self, error: Refused) -> LoginRefused | QuotaSpent:
        answer = error.answer if isinstance(error.answer, dict) else {}
        code, said = str(answer.get("error", "")), str(answer.get("error_description", ""))
        reason = ": ".join(part for part in (code, discreet(said)) if part) or f"status {error.status}"
        message = f"Salesforce refused the login at {urlsplit(self.address).netloc}: {reason}"
        if code in ("rate_limit_exceeded", "LOGIN_RATE_EXCEEDED") or "login rate exceeded" in said.lower():
            return QuotaSpent(message, "The user logs in too often: run fewer processes; the next run goes on.")
        # The transport takes every answer that is no JSON for a proxy's; SOAP never answers in JSON.
        hint = "" if self._flow is Flow.PASSWORD else error.hint
        mend = mend_for(self._flow, code, said) or hint or mend_otherwise(self._flow)
        return LoginRefused(message, mend)

    def _from_envelope(self, content: bytes) -> Login:
        if _element(content, "passwordExpired") == "true":
            message = f"Salesforce refused the login at {urlsplit(self.address).netloc}: the password has expired"
            raise LoginRefused(message, mend_for(self._flow, "EXPIRED_PASSWORD", ""))
        token, url = _element(content, "sessionId"), _element(content, "serverUrl")
        if not token or not url:
            raise MalformedAnswer("Salesforce's login answer holds no session id or no server URL")
        # Old pods have a host of their own for SOAP, beside the one for REST.
        host = re.sub(r"-api(?=\.salesforce\.com(?::|$))", "", https_address(url))
        return Login(token, host, _element(content, "organizationId"))


def _from_token_answer(answer: requests.Response) -> Login:
    body = parsed(answer)
    if not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("access_token", "instance_url")):
        raise MalformedAnswer("Salesforce's login answer holds no access token or no instance URL")
    found = _ORG_IN_URL.search(str(body.get("id", "")))
    return Login(body["access_token"], https_address(body["instance_url"]), found[1] if found else "")


def _element(content: bytes, name: str) -> str:
    """The text of the first element of that name in an envelope; "" when there is none. Raises ExpatError."""
    from simple_salesforce.util import getUniqueElementValueFromXmlString

    return html.unescape(getUniqueElementValueFromXmlString(content, name) or "").strip()


def _unsound_envelope(answer: requests.Response) -> str:
    from xml.parsers.expat import ExpatError

    try:
        _element(answer.content, "sessionId")
    except ExpatError:
        return web_page(answer) or "its XML breaks off or is damaged"
    return web_page(answer)


def _fault(answer: requests.Response) -> Said | None:
    """The fault of a SOAP answer, which comes with status 500; None for one that passes, or when there is none.

    A wrong password must not be tried again: failed logins lock the user.
    """
    from xml.parsers.expat import ExpatError

    try:
        code = _element(answer.content, "sf:exceptionCode") or _element(answer.content, "faultcode")
        said = _element(answer.content, "sf:exceptionMessage") or _element(answer.content, "faultstring")
    except ExpatError:
        return None
    code = code.rpartition(":")[2]
    if not code or code in _PASSING_FAULTS:
        return None
    said = said.removeprefix(f"{code}: ")
    return Said(code, said, {"error": code, "error_description": said})
