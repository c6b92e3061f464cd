"""What a refused login means, and what to change in Setup: by way of login, code and part of the message.

Sources: Salesforce Help, "OAuth Authorization Flows" and their errors, "OAuth 2.0 JWT Bearer Flow"; SOAP API guide,
login() and its faults; error texts told in public issues of Salesforce clients.
"""

from collections.abc import Collection
from typing import NamedTuple

from connector.login_choice import Flow

_APP = "Setup > External Client App Manager > your app"
_SECRET, _KEY, _SOAP = Flow.CLIENT_CREDENTIALS, Flow.PRIVATE_KEY, Flow.PASSWORD
_OAUTH = (_SECRET, _KEY)

MY_DOMAIN = (
    "Set SALESFORCE_DOMAIN to your My Domain (Setup > My Domain, for example acme.my); this flow does not work at "
    "login or test."
)
_APPROVE = (
    f"{_APP} > Policies: set Permitted Users to 'Admin approved users are pre-authorized' and select a permission set "
    "that the integration user has; check that SALESFORCE_DOMAIN names the org of that user."
)
_API_ENABLED = "Give the integration user the permission 'API Enabled', by its profile or a permission set."
_CHANGE = "change to another way to log in: docs/salesforce-login.md."


class _Mend(NamedTuple):
    """part: stands in the message, in lower case; "" for any message."""

    flows: Collection[Flow]
    code: str
    part: str
    mend: str


_MENDS = (
    _Mend(_OAUTH, "invalid_grant", "not supported on this domain", MY_DOMAIN),
    _Mend(
        [_SECRET],
        "invalid_grant",
        "no client credentials user",
        f"{_APP} > Policies > OAuth Flows: enable the Client Credentials Flow, set Run As to the integration user.",
    ),
    _Mend(_OAUTH, "invalid_grant", "hasn't approved this consumer", _APPROVE),
    _Mend(_OAUTH, "invalid_grant", "app is not installed in this org", _APPROVE),
    _Mend(_OAUTH, "invalid_app_access", "", _APPROVE),
    _Mend(
        [_KEY],
        "invalid_grant",
        "audience",
        "A sandbox is told by its domain, such as acme--dev.sandbox.my: check that SALESFORCE_DOMAIN is that of the "
        "org (Setup > My Domain), whole.",
    ),
    _Mend(
        [_KEY],
        "invalid_grant",
        "expired",
        "Logins are signed for three minutes: set the clock of this machine (NTP).",
    ),
    _Mend(
        [_KEY],
        "invalid_grant",
        "assertion",
        f"The private key does not belong to the certificate of the app: upload the key's certificate at {_APP} > "
        "Settings > OAuth Settings > JWT Bearer Flow, or name the right key in SALESFORCE_PRIVATE_KEY_FILE; check "
        "SALESFORCE_USERNAME too.",
    ),
    _Mend(
        _OAUTH,
        "invalid_grant",
        "ip restricted",
        f"{_APP} > Policies > IP Relaxation, or Login IP Ranges of the user's profile: let this machine's address in.",
    ),
    _Mend(
        _OAUTH,
        "invalid_client_id",
        "",
        f"SALESFORCE_CLIENT_ID is not known to this org: copy the consumer key from {_APP} > Settings, and check that "
        "SALESFORCE_DOMAIN names the same org (production or sandbox). A new app takes some minutes.",
    ),
    _Mend(
        [_SECRET],
        "invalid_client",
        "",
        f"SALESFORCE_CLIENT_SECRET is wrong: copy the consumer secret from {_APP} > Settings.",
    ),
    _Mend(
        [_KEY],
        "invalid_client",
        "",
        f"The app takes no login by private key: {_APP} > Settings > OAuth Settings: enable the JWT Bearer Flow and "
        "upload the key's certificate.",
    ),
    _Mend(_OAUTH, "inactive_user", "", "The integration user is not active: Setup > Users."),
    _Mend(_OAUTH, "inactive_org", "", "The org is locked, closed or suspended: ask Salesforce Support."),
    _Mend(
        [_SECRET],
        "unsupported_grant_type",
        "",
        f"{_APP} > Settings > Flow Enablement: enable the Client Credentials Flow.",
    ),
    _Mend([_KEY], "unsupported_grant_type", "", f"{_APP} > Settings > Flow Enablement: enable the JWT Bearer Flow."),
    _Mend(
        [_SECRET],
        "invalid_grant",
        "",
        f"{_APP} > Policies: check that the Run As user is active and may use the API.",
    ),
    _Mend(
        [_KEY],
        "invalid_grant",
        "",
        f"Check that the user of SALESFORCE_USERNAME is active, may use the API and is let in by {_APP} > Policies; "
        "Setup > Login History tells more.",
    ),
    _Mend(
        [_SOAP],
        "INVALID_LOGIN",
        "",
        "SALESFORCE_USERNAME, SALESFORCE_PASSWORD or SALESFORCE_SECURITY_TOKEN is wrong, or the user is locked "
        "(Setup > Users > Unlock). A new password makes a new security token, sent by mail. In a sandbox the "
        "user name has a suffix, such as .dev. Mend it before the next run: failed logins lock the user.",
    ),
    _Mend(
        [_SOAP],
        "LOGIN_MUST_USE_SECURITY_TOKEN",
        "",
        "Set SALESFORCE_SECURITY_TOKEN (personal settings > Reset My Security Token), or add this machine's address at "
        "Setup > Network Access.",
    ),
    _Mend([_SOAP], "API_CURRENTLY_DISABLED", "", _API_ENABLED),
    _Mend([_SOAP], "API_DISABLED_FOR_ORG", "", _API_ENABLED + " The org's edition must have the API."),
    _Mend(
        [_SOAP],
        "INVALID_OPERATION",
        "",
        "The org does not take SOAP logins. Switch them on at Setup > User Interface (Enable SOAP API login()), in "
        f"newer orgs with the user permission 'Use Any API Auth'; or better {_CHANGE}",
    ),
    _Mend([_SOAP], "UNSUPPORTED_API_VERSION", "", f"Salesforce has ended the login by SOAP: {_CHANGE}"),
    _Mend([_SOAP], "INVALID_VERSION", "", f"Salesforce has ended the login by SOAP: {_CHANGE}"),
    _Mend(
        [_SOAP],
        "PASSWORD_LOCKOUT",
        "",
        "The user is locked after failed logins: Setup > Users > Unlock, and mend SALESFORCE_PASSWORD first.",
    ),
    _Mend(
        [_SOAP],
        "EXPIRED_PASSWORD",
        "",
        "Give the user a new password, set SALESFORCE_PASSWORD and the new SALESFORCE_SECURITY_TOKEN; the permission "
        "'Password Never Expires' keeps this from coming again.",
    ),
    _Mend(
        [_SOAP],
        "LOGIN_DURING_RESTRICTED_DOMAIN",
        "",
        "Login IP Ranges of the user's profile do not hold this machine's address: add it.",
    ),
    _Mend(
        [_SOAP], "LOGIN_DURING_RESTRICTED_TIME", "", "Login Hours of the user's profile: allow the hours of the runs."
    ),
    _Mend([_SOAP], "TRIAL_EXPIRED", "", "The org's trial has ended: extend it."),
    _Mend([_SOAP], "ORG_LOCKED", "", "Salesforce has locked the org: ask Salesforce Support."),
)
_OTHERWISE = {
    _SECRET: f"Check SALESFORCE_DOMAIN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET against {_APP}.",
    _KEY: "Check SALESFORCE_DOMAIN, SALESFORCE_USERNAME, SALESFORCE_CLIENT_ID and SALESFORCE_PRIVATE_KEY_FILE against "
    f"{_APP}.",
    _SOAP: "Check SALESFORCE_DOMAIN, SALESFORCE_USERNAME, SALESFORCE_PASSWORD and SALESFORCE_SECURITY_TOKEN; Setup > "
    "Login History tells more.",
}


def mend_for(flow: Flow, code: str, message: str) -> str:
    """What to change after a refused login; "" for a code not known here."""
    said = message.lower()
    return next((one.mend for one in _MENDS if flow in one.flows and one.code == code and one.part in said), "")


def mend_otherwise(flow: Flow) -> str:
    """What to look at when nobody knows what was meant."""
    return _OTHERWISE.get(flow, "")
