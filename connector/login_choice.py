"""Which way of Salesforce login a set of settings asks for, and what is missing, too much or about to end. Pure.

Sources: Salesforce Help, "Platform SOAP API login() Retirement" (005132110): not in API 65.0 and later, removed from
31.0-64.0 with Summer '27; "Block Authorization Flows to Improve Security": the OAuth login with user name and password.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

DOMAIN, INSTANCE_URL = "SALESFORCE_DOMAIN", "SALESFORCE_INSTANCE_URL"
CLIENT_ID, CLIENT_SECRET = "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"
USERNAME, PASSWORD, SECURITY_TOKEN = "SALESFORCE_USERNAME", "SALESFORCE_PASSWORD", "SALESFORCE_SECURITY_TOKEN"
PRIVATE_KEY, PRIVATE_KEY_FILE = "SALESFORCE_PRIVATE_KEY", "SALESFORCE_PRIVATE_KEY_FILE"
ACCESS_TOKEN = "SALESFORCE_ACCESS_TOKEN"  # noqa: S105

WAYS = (
    f"set {DOMAIN}, {CLIENT_ID} and {CLIENT_SECRET}, or {DOMAIN}, {USERNAME}, {CLIENT_ID} and {PRIVATE_KEY_FILE}, "
    f"or {ACCESS_TOKEN} and {INSTANCE_URL}"
)
"""How to log in, for messages. The login with user name and password is not offered to anybody who begins now."""

PASSWORD_ENDS = (
    f"{PASSWORD}: Salesforce ends the login with user name and password with its release Summer '27, about 1 June "
    f"2027; before that, change to {CLIENT_SECRET} or {PRIVATE_KEY_FILE}: docs/salesforce-login.md"
)


class Flow(StrEnum):
    """A way to log in; the value is its name for people."""

    CLIENT_CREDENTIALS = "client id and secret"
    PRIVATE_KEY = "private key (JWT bearer)"
    PASSWORD = "user name and password (SOAP, ends in 2027)"  # noqa: S105
    ACCESS_TOKEN = "access token"  # noqa: S105


_NEEDS = {
    Flow.CLIENT_CREDENTIALS: (CLIENT_ID, CLIENT_SECRET),
    Flow.PRIVATE_KEY: (USERNAME, CLIENT_ID, PRIVATE_KEY_FILE),
    Flow.PASSWORD: (USERNAME, PASSWORD),
    Flow.ACCESS_TOKEN: (ACCESS_TOKEN, INSTANCE_URL),
}
_ALL = (CLIENT_ID, USERNAME, SECURITY_TOKEN, ACCESS_TOKEN)


@dataclass(frozen=True)
class Choice:
    """missing: pairs of a setting and the reason it is needed. flow: None when the settings do not tell."""

    flow: Flow | None
    missing: Sequence[tuple[str, str]] = ()
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()


def choose_login(has: Callable[[str], bool]) -> Choice:
    """The way to log in that the settings ask for. has: whether a setting of that name is given, right or wrong."""
    problems = []
    if has(PRIVATE_KEY) and not has(PRIVATE_KEY_FILE):
        problems.append(f"{PRIVATE_KEY}: write the key to a file of mode 600 and name that in {PRIVATE_KEY_FILE}")
    given = [name for name in (CLIENT_SECRET, PRIVATE_KEY_FILE, PASSWORD) if has(name)]
    if len(given) > 1:
        wrong = f"{' and '.join(given)}: each asks for a login of its own; keep one"
        if CLIENT_SECRET in given and PASSWORD in given:
            wrong += " (OAuth with user name and password is not offered: Salesforce blocks it in newer orgs)"
        return Choice(None, problems=(*problems, wrong))
    flow = _begun(has)
    if flow is None:
        return Choice(None, problems=problems or _nothing_begun(has))
    needed = _NEEDS[flow]
    if flow is not Flow.ACCESS_TOKEN and not has(INSTANCE_URL):
        needed = (DOMAIN, *needed)
    hidden = {PRIVATE_KEY_FILE} if problems else set()
    because = f" (the login by {flow.partition(' (')[0]} needs it)"
    missing = [(name, because) for name in needed if not has(name) and name not in hidden]
    return Choice(flow, missing, problems, _warnings(flow, has))


def _begun(has: Callable[[str], bool]) -> Flow | None:
    """By what tells the ways apart; else by what is common to some of them."""
    if has(CLIENT_SECRET):
        return Flow.CLIENT_CREDENTIALS
    if has(PRIVATE_KEY) or has(PRIVATE_KEY_FILE):
        return Flow.PRIVATE_KEY
    if has(PASSWORD) or has(SECURITY_TOKEN):
        return Flow.PASSWORD
    if has(ACCESS_TOKEN):
        return Flow.ACCESS_TOKEN
    if has(CLIENT_ID):
        return Flow.PRIVATE_KEY if has(USERNAME) else Flow.CLIENT_CREDENTIALS
    return None


def _nothing_begun(has: Callable[[str], bool]) -> list[str]:
    if has(USERNAME):
        return [f"{USERNAME}: nothing to log in with is set beside it; {WAYS}"]
    return [f"{CLIENT_ID}: no Salesforce login is set; {WAYS}"]


def _warnings(flow: Flow, has: Callable[[str], bool]) -> list[str]:
    needed, warnings = _NEEDS[flow], []
    used = {*needed, SECURITY_TOKEN} if flow is Flow.PASSWORD else {*needed}
    surplus = [name for name in _ALL if has(name) and name not in used]
    if has(DOMAIN) and has(INSTANCE_URL):
        surplus.append(DOMAIN if flow is Flow.ACCESS_TOKEN else INSTANCE_URL)
    for name in surplus:
        warnings.append(f"{name} is not used, for {', '.join(needed[:-1])} and {needed[-1]} are set")
    if flow is Flow.PASSWORD:
        warnings.append(PASSWORD_ENDS)
        if not has(SECURITY_TOKEN):
            warnings.append(f"{SECURITY_TOKEN}: not set; without it Salesforce lets in trusted networks only")
    return warnings
