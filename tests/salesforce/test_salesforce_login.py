"""Every way to log in, against the simulated org; every refusal says what to change and holds no secret."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from login_keys import as_pem, curve_pem, encrypted_pems, public_pem, rsa_key

from connector.config import SalesforceSettings, Secret
from connector.errors import (
    ConfigError,
    LoginRefused,
    MalformedAnswer,
    PermissionMissing,
    QuotaSpent,
    ServiceUnavailable,
)
from connector.salesforce.connect import Org
from connector.salesforce.login import audience
from connector.sandbox.clock import SystemClock
from connector.sandbox.faults import Rule
from connector.sandbox.objects import OBJECTS
from connector.sandbox.proxy import SandboxProxy
from connector.sandbox.salesforce import SalesforceSim, User
from connector.transport import Transport

TOKEN = "/services/oauth2/token"
SOAP = "/services/Soap/u/64.0"
LIMITS = "/services/data/v66.0/limits"
USER = "integration@acme.example"
CERTIFICATES = {"sf-client": public_pem(rsa_key())}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "salesforce.key"
    file.write_text(as_pem(rsa_key()))
    file.chmod(0o600)
    return file


@pytest.fixture
def by_key(key_file: Path) -> dict[str, Any]:
    """Settings of a login by private key."""
    return {"client_secret": None, "username": USER, "private_key_file": key_file}


def settings(**changes: Any) -> SalesforceSettings:
    usual = {"domain": "acme.my", "client_id": "sf-client", "client_secret": Secret("sf-secret")}
    rest = {"access_token": None, "instance_url": None, "api_version": "66.0", "call_reserve": 0.2}
    return SalesforceSettings(**{**usual, **rest, **changes})


BY_PASSWORD: dict[str, Any] = {
    "client_id": None,
    "client_secret": None,
    "username": USER,
    "password": Secret("sf-password"),
    "security_token": Secret("sfToken"),
}


def refused(org: Any, kind: type[Exception] = LoginRefused) -> Any:
    with pytest.raises(kind) as caught:
        org.call("GET", "limits")
    assert type(caught.value) is kind
    return caught.value


# --- private key


def test_a_private_key_logs_in_and_tells_the_org(world, by_key):
    made = world(certificates=CERTIFICATES)
    org = made.org(**by_key)
    assert org.org_id == made.sim.org_id
    org.call("GET", "limits")
    assert made.asked() == [("POST", TOKEN, 200), ("GET", LIMITS, 200)]


def test_the_key_is_read_at_the_login_only(world, by_key, key_file):
    made = world(certificates=CERTIFICATES)
    pem = key_file.read_text()
    key_file.unlink()
    org = made.org(**by_key)
    key_file.write_text(pem)
    org.call("GET", "limits")
    key_file.unlink()
    org.call("GET", "limits")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.trailblaze.my.salesforce.com", "https://login.salesforce.com"),
        ("https://sandbox.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--dev.my.salesforce.com", "https://test.salesforce.com"),
        ("https://some-words-12.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
    ],
)
def test_the_audience_is_the_login_host_of_production_or_of_sandboxes(address, wanted):
    assert audience(address) == wanted


def test_a_sandbox_is_logged_in_to_by_its_domain(world, by_key):
    made = world(certificates=CERTIFICATES, my_domain="acme--dev.sandbox.my", users={USER: User("p", "t")})
    assert made.org(**by_key, domain="acme--dev.sandbox.my").org_id == made.sim.org_id
    assert made.sim.hosts == ("acme--dev.sandbox.my.salesforce.com", "test.salesforce.com")


def test_a_wrong_key_is_told_by_its_certificate(world, by_key):
    error = refused(world(certificates={"sf-client": public_pem(rsa_key(2))}).org(**by_key))
    assert "invalid_grant: invalid assertion" in error.message
    assert "upload the key's certificate" in error.hint


def test_a_user_who_may_not_use_the_app_is_told_how_to_be_let_in(world, by_key):
    made = world(certificates=CERTIFICATES)
    made.sim.withdraw_approval()
    for org in (made.org(**by_key), world(certificates=CERTIFICATES).org(**{**by_key, "username": "b@acme.example"})):
        error = refused(org)
        assert "hasn't approved this consumer" in error.message
        assert "Permitted Users" in error.hint


def test_a_key_of_an_unknown_app_is_told_by_its_client_id(world, by_key):
    error = refused(world(certificates=CERTIFICATES).org(**by_key, client_id="nobody"))
    assert "invalid_client_id" in error.message
    assert "SALESFORCE_CLIENT_ID" in error.hint


def test_a_clock_behind_makes_an_expired_login_and_is_told(world, by_key):
    made = world(certificates=CERTIFICATES)
    error = refused(made.org(clock_error=timedelta(minutes=-4), **by_key))
    assert "expired" in error.message
    assert "NTP" in error.hint
    made.org(clock_error=timedelta(minutes=-2), **by_key).call("GET", "limits")


def test_an_audience_that_is_refused_is_told_by_the_domain(world, by_key):
    answer = {"code": 400, "json": {"error": "invalid_grant", "error_description": "audience is invalid"}}
    error = refused(world(Rule("status", answer, path=TOKEN)).org(**by_key))
    assert "--dev.sandbox.my" in error.hint


@pytest.mark.parametrize(
    ("error", "said", "mend"),
    [
        ("invalid_app_access", "user is not admin approved to access this app", "Permitted Users"),
        ("invalid_grant", "External client app is not installed in this org", "Permitted Users"),
        ("invalid_grant", "ip restricted", "IP Relaxation"),
        ("invalid_grant", "authentication failure", "SALESFORCE_USERNAME is active"),
        ("invalid_client", "invalid client credentials", "JWT Bearer Flow"),
        ("unsupported_grant_type", "grant type not supported", "JWT Bearer Flow"),
        ("inactive_user", "user is inactive", "not active"),
        ("something_new", "", "SALESFORCE_PRIVATE_KEY_FILE"),
    ],
)
def test_each_refused_key_says_what_to_change(world, by_key, error, said, mend):
    answer = {"code": 400, "json": {"error": error, "error_description": said}}
    made = world(Rule("status", answer, path=TOKEN))
    assert mend in refused(made.org(**by_key)).hint
    assert len(made.asked()) == 1


@pytest.mark.parametrize(
    ("content", "said", "mend"),
    [
        *((pem, "is protected by a passphrase", "openssl pkey") for pem in encrypted_pems()),
        ("", "is empty", "openssl genrsa"),
        (" \n", "is empty", "openssl genrsa"),
        ("s3cret-words", "is no private key in PEM form", "openssl pkcs12"),
        (as_pem(rsa_key())[:600], "is no private key in PEM form", "BEGIN PRIVATE KEY"),
        (public_pem(rsa_key()), "holds the public key", "private key"),
        ("-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n", "holds the certificate", "private key"),
        (curve_pem(), "is no RSA key", "openssl genrsa"),
        (as_pem(rsa_key(3, 1024)), "of 1024 bits", "openssl genrsa"),
        (None, "cannot be read", "Name the file"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_its_mend_and_not_shown(world, by_key, key_file, content, said, mend):
    if content is None:
        key_file.unlink()
    else:
        key_file.write_text(content)
    made = world(certificates=CERTIFICATES)
    error = refused(made.org(**by_key), ConfigError)
    assert error.message.startswith(f"SALESFORCE_PRIVATE_KEY_FILE: {key_file} ")
    assert said in error.message
    assert mend in error.hint
    shown = {line for line in (content or "").splitlines() if len(line) > 8 and not line.startswith("-----")}
    assert [line for line in shown if line in str(error)] == []
    assert (made.asked(), error.__cause__) == ([], None)


def test_the_key_and_the_assertion_are_in_no_log_and_no_error(world, by_key, key_file, caplog):
    caplog.set_level(logging.DEBUG)
    made = world(certificates={"sf-client": public_pem(rsa_key(2))})
    error = refused(made.org(**by_key))
    shown = f"{error}{error!r}{caplog.text}"
    lines = key_file.read_text().splitlines()[1:-1]
    assert [line for line in [*lines, "eyJ", USER, "assertion="] if line in shown] == []


# --- user name and password


def test_a_password_logs_in_by_soap_64_and_tells_the_org(world):
    made = world()
    org = made.org(**BY_PASSWORD)
    assert org.org_id == made.sim.org_id
    org.call("GET", "limits")
    assert made.asked() == [("POST", SOAP, 200), ("GET", LIMITS, 200)]


def test_a_password_with_signs_of_xml_is_sent_as_it_is(world):
    made = world(users={"o'hara&co@acme.example": User("p<&>'\"ü", "t")})
    org = made.org(
        **{**BY_PASSWORD, "username": "o'hara&co@acme.example"}
        | {"password": Secret("p<&>'\"ü"), "security_token": Secret("t")}
    )
    assert org.call("GET", "limits").status_code == 200


def test_a_trusted_network_needs_no_security_token(world):
    made = world(users={USER: User("sf-password", "")})
    assert made.org(**{**BY_PASSWORD, "security_token": None}).org_id == made.sim.org_id


def test_a_wrong_password_is_tried_once_for_failed_logins_lock_the_user(world):
    made = world()
    error = refused(made.org(**{**BY_PASSWORD, "password": Secret("wrong-one")}))
    assert error.message == (
        "Salesforce refused the login at acme.my.salesforce.com: "
        "INVALID_LOGIN: Invalid username, password, security token; or user locked out."
    )
    assert "SALESFORCE_SECURITY_TOKEN" in error.hint
    assert "wrong-one" not in str(error)
    assert made.asked() == [("POST", SOAP, 500)]


def test_a_missing_security_token_is_asked_for(world):
    error = refused(world().org(**{**BY_PASSWORD, "security_token": None}))
    assert "LOGIN_MUST_USE_SECURITY_TOKEN" in error.message
    assert "Set SALESFORCE_SECURITY_TOKEN" in error.hint


@pytest.mark.parametrize(
    ("act", "code", "mend"),
    [
        ("switch_off_soap_login", "INVALID_OPERATION", "docs/salesforce-login.md"),
        ("disable_api", "API_CURRENTLY_DISABLED", "API Enabled"),
        ("expire_passwords", "the password has expired", "new password"),
    ],
)
def test_each_refused_password_says_what_to_change(world, act, code, mend):
    made = world()
    getattr(made.sim, act)()
    error = refused(made.org(**BY_PASSWORD))
    assert code in error.message
    assert mend in error.hint
    assert len(made.asked()) == 1


def test_a_busy_soap_login_is_tried_again(world):
    fault = (
        '<e:Envelope xmlns:e="u"><e:Body><e:Fault><faultcode>sf:SERVER_UNAVAILABLE</faultcode>'
        "<faultstring>SERVER_UNAVAILABLE: busy</faultstring></e:Fault></e:Body></e:Envelope>"
    )
    made = world(
        Rule("status", {"code": 500, "text": fault}, path=SOAP, nth=1),
        Rule("status", {"code": 503}, path=SOAP, nth=2),
        Rule("html", {"code": 200}, path=SOAP, nth=3),
    )
    assert made.org(**BY_PASSWORD).call("GET", "limits").status_code == 200
    assert [status for _, _, status in made.asked(SOAP)] == [500, 503, 200, 200]


def test_a_soap_answer_without_session_is_malformed(world):
    made = world(
        Rule("status", {"code": 200, "text": "<a><serverUrl>https://x.my.salesforce.com</serverUrl></a>"}, path=SOAP)
    )
    assert "no session id" in refused(made.org(**BY_PASSWORD), MalformedAnswer).message


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("acme-api.salesforce.com", "acme.salesforce.com"),
        ("my-api-shop.my.salesforce.com", "my-api-shop.my.salesforce.com"),
    ],
)
def test_the_host_of_the_session_is_taken_whole(world, host, wanted):
    answer = f"<a><serverUrl>https://{host}/services/Soap/u/64.0/00D</serverUrl><sessionId>s&amp;1</sessionId></a>"
    made = world(Rule("status", {"code": 200, "text": answer}, path=SOAP))
    org = made.org(**BY_PASSWORD)
    error = refused(org, ServiceUnavailable)  # nobody knows that host here
    assert f" {wanted} " in error.message


def test_signs_of_xml_in_a_session_are_read_as_they_are_meant(scripted):
    answer = b"<a><serverUrl>https://acme.my.salesforce.com/x</serverUrl><sessionId>00D!a&amp;b</sessionId></a>"
    org, script = scripted((200, answer), (200, {}), access_token=None, **BY_PASSWORD)
    org.call("GET", "limits")
    assert [headers.get("Authorization") for headers in script.headers] == [None, "Bearer 00D!a&b"]


# --- .netrc


@pytest.mark.parametrize("way", ["client id and secret", "private key", "password", "token"])
def test_a_netrc_entry_replaces_no_header_over_a_real_connection(way, by_key, tmp_path, monkeypatch):
    """By the environment as in production: requests reads .netrc wherever it reads proxies."""
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine acme.my.salesforce.com login someone password wrong\ndefault login someone password wrong\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    clock = SystemClock()
    with (
        SalesforceSim(":memory:", OBJECTS, clock, certificates=CERTIFICATES) as sim,
        SandboxProxy(dict.fromkeys(sim.hosts, sim).get, tmp_path) as proxy,
    ):
        for name, value in proxy.environment().items():
            monkeypatch.setenv(name, value)
        ways = {"client id and secret": {}, "private key": by_key, "password": BY_PASSWORD}
        ready = {"access_token": Secret(sim.issue_token()), "instance_url": "https://acme.my.salesforce.com"}
        transport = Transport(now=clock.now, sleep=clock.sleep)
        org = Org(settings(**ways.get(way, {"client_secret": None, **ready})), transport)
        assert org.call("GET", "limits").status_code == 200
        transport.close()
        assert {status for _, _, status in sim.calls} == {200}


# --- all of them


def test_every_login_that_can_is_renewed_when_the_session_ends(world, by_key):
    for changes in ({}, by_key, BY_PASSWORD):
        made = world(certificates=CERTIFICATES)
        org = made.org(**changes)
        org.call("GET", "limits")
        made.sim.expire_tokens()
        org.call("GET", "limits")
        assert [status for _, _, status in made.asked()] == [200, 200, 401, 200, 200]
        assert org.calls == 5


def test_a_host_outside_salesforce_com_is_logged_in_to_by_its_address(world, by_key):
    for changes in ({}, BY_PASSWORD):
        made = world(certificates=CERTIFICATES, my_domain="acme.my.salesforce.mil")
        org = made.org(**changes, domain=None, instance_url="https://acme.my.salesforce.mil")
        assert org.call("GET", "limits").status_code == 200


def test_too_many_logins_are_no_matter_of_settings(world, by_key):
    answer = {"code": 400, "json": {"error": "invalid_grant", "error_description": "login rate exceeded"}}
    for changes in ({}, by_key):
        error = refused(world(Rule("status", answer, path=TOKEN)).org(**changes), QuotaSpent)
        assert error.exit_code == 4


def test_a_user_without_the_api_is_told_after_the_login(world, by_key):
    made = world(certificates=CERTIFICATES)
    made.sim.disable_api()
    for changes in ({}, by_key):
        assert "API Enabled" in refused(made.org(**changes), PermissionMissing).hint


def test_a_network_that_is_down_is_unavailable_by_every_login(world, by_key):
    for changes in ({}, by_key, BY_PASSWORD):
        assert refused(world().org(**{**changes, "domain": "elsewhere.my"}), ServiceUnavailable).exit_code == 4


@pytest.mark.parametrize("lacks", ["username", "domain", "client_id", "private_key_file"])
def test_a_login_with_a_part_missing_is_a_matter_of_settings(world, by_key, lacks):
    made = world(certificates=CERTIFICATES)
    error = refused(made.org(**{**by_key, lacks: None}), ConfigError)
    assert "not complete" in error.message
    assert made.asked() == []
