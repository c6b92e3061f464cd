"""Login, allowances and the outer shape of every answer."""

import re
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

HOST = "https://acme.my.salesforce.com"


def ask_token(api, host=HOST, auth=None, **form) -> requests.Response:
    return api.session.post(
        f"{host}/services/oauth2/token", data=form, auth=auth, headers={"Authorization": ""} if not auth else None
    )


@pytest.mark.parametrize("basic", [True, False])
def test_client_credentials_give_a_token_that_works(api, basic):
    secret = {"client_id": "sf-client", "client_secret": "sf-secret"}
    answer = (
        ask_token(api, auth=tuple(secret.values()), grant_type="client_credentials")
        if basic
        else ask_token(api, grant_type="client_credentials", **secret)
    )
    body = answer.json()
    assert set(body) == {"access_token", "instance_url", "id", "token_type", "issued_at", "signature", "scope"}
    assert (body["instance_url"], body["token_type"], body["scope"]) == (HOST, "Bearer", "api")
    assert body["id"] == f"https://login.salesforce.com/id/{api.sim.org_id}/{api.sim.user_id}"
    assert body["issued_at"] == "1772452800000"
    user = api.session.get(
        f"{HOST}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {body['access_token']}"}
    ).json()
    assert (user["organization_id"], user["user_id"]) == (api.sim.org_id, api.sim.user_id)
    assert user["preferred_username"] == "integration@acme.example"


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({"client_id": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"client_id": "sf-client", "client_secret": "no"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
def test_a_refused_login_is_an_object_with_error_and_description(api, form, error, description):
    answer = ask_token(api, **{"grant_type": "client_credentials", **form})
    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_the_login_host_does_not_take_client_credentials(api):
    answer = ask_token(api, "https://login.salesforce.com", grant_type="client_credentials", client_id="sf-client")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "request not supported on this domain",
    }


def test_the_login_host_answers_nothing_else(api):
    answer = api.session.get("https://login.salesforce.com/services/data/v66.0/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_an_app_without_a_user_to_run_as_is_refused(api):
    api.sim.remove_run_as_user()
    answer = ask_token(api, grant_type="client_credentials", client_id="sf-client", client_secret="sf-secret")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "no client credentials user enabled"}


# --- signed assertions

KEY = rsa.generate_private_key(65537, 2048)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
NOON = 1_772_452_800
CLAIMS = {
    "iss": "sf-client",
    "sub": "integration@acme.example",
    "aud": "https://login.salesforce.com",
    "exp": NOON + 180,
}


def ask_by_assertion(api, claims=CLAIMS, *, key=KEY, algorithm="RS256", host=HOST) -> requests.Response:
    assertion = claims if isinstance(claims, str) else jwt.encode(claims, key, algorithm=algorithm)
    return ask_token(api, host, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "connector")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 1, begins, begins + timedelta(days=365))
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("pem", [PUBLIC, certificate()], ids=["public key", "certificate"])
@pytest.mark.parametrize("host", [HOST, "https://login.salesforce.com"])
def test_a_signed_assertion_gives_a_token_that_works_at_both_hosts(connect, pem, host):
    api = connect(certificates={"sf-client": pem})
    body = ask_by_assertion(api, host=host).json()
    assert (body["instance_url"], body["id"].split("/")[-2]) == (HOST, api.sim.org_id)
    api.session.headers["Authorization"] = f"Bearer {body['access_token']}"
    assert api.get("limits").status_code == 200


@pytest.mark.parametrize(
    ("change", "error", "description"),
    [
        ({"iss": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "b@acme.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://test.salesforce.com"}, "invalid_grant", "audience is invalid"),
        ({"aud": HOST}, "invalid_grant", "audience is invalid"),
        ({"exp": NOON}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "expired authorization code"),
    ],
)
def test_each_wrong_claim_is_refused_by_its_name(connect, change, error, description):
    answer = ask_by_assertion(connect(certificates={"sf-client": PUBLIC}), {**CLAIMS, **change})
    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_an_assertion_not_signed_by_the_apps_certificate_is_invalid(connect):
    api = connect(certificates={"sf-client": PUBLIC})
    other = rsa.generate_private_key(65537, 2048)
    answers = [
        ask_by_assertion(api, key=other),
        ask_by_assertion(api, key="a shared secret of thirty-two signs and more", algorithm="HS256"),
        ask_by_assertion(api, key=None, algorithm="none"),
        ask_by_assertion(api, algorithm="RS512"),
        ask_by_assertion(api, "nonsense"),
        ask_by_assertion(connect(certificates={})),
    ]
    refusal = {"error": "invalid_grant", "error_description": "invalid assertion"}
    assert [answer.json() for answer in answers] == [refusal] * 6


def test_a_sandbox_wants_the_audience_of_sandboxes(connect):
    name = "acme--dev.sandbox.my"
    api = connect(certificates={"sf-client": PUBLIC}, my_domain=name)
    host = f"https://{name}.salesforce.com"
    claims = {**CLAIMS, "sub": "integration@acme--dev.example"}
    assert ask_by_assertion(api, claims, host=host).json()["error_description"] == "audience is invalid"
    body = ask_by_assertion(api, {**claims, "aud": "https://test.salesforce.com"}, host=host).json()
    assert (body["instance_url"], body["id"]) == (
        host,
        f"https://test.salesforce.com/id/{api.sim.org_id}/{api.sim.user_id}",
    )


def test_users_who_may_not_use_the_app_are_refused(connect):
    api = connect(certificates={"sf-client": PUBLIC})
    api.sim.withdraw_approval()
    assert ask_by_assertion(api).json() == {
        "error": "invalid_grant",
        "error_description": "user hasn't approved this consumer",
    }


# --- SOAP

PASSWORD = "sf-passwordsfToken"


def ask_by_soap(api, *, username="integration@acme.example", password="", version="64.0", host=HOST):
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{username}</username>'
        f"<password>{password or PASSWORD}</password></login></e:Body></e:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": "login", "Authorization": ""}
    return api.session.post(f"{host}/services/Soap/u/{version}", data=body, headers=headers)


@pytest.mark.parametrize("host", [HOST, "https://login.salesforce.com"])
def test_a_soap_login_gives_a_session_that_works(api, host):
    answer = ask_by_soap(api, host=host)
    found = dict(re.findall(r"<(sessionId|serverUrl|organizationId|passwordExpired|sandbox)>([^<]*)<", answer.text))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    api.session.headers["Authorization"] = f"Bearer {found.pop('sessionId')}"
    assert api.get("limits").status_code == 200
    assert found == {
        "serverUrl": f"{HOST}/services/Soap/u/64.0/00Dak000000SbOx",
        "organizationId": api.sim.org_id,
        "passwordExpired": "false",
        "sandbox": "false",
    }


def fault(answer) -> tuple[int, str, str]:
    assert isinstance(answer, requests.Response)
    code, said = re.findall(r"<faultcode>sf:(\w+)</faultcode><faultstring>\w+: ([^<]*)<", answer.text)[0]
    assert f"<sf:exceptionCode>{code}</sf:exceptionCode>" in answer.text
    return answer.status_code, code, said


def test_each_refused_soap_login_is_a_fault_with_status_500(api):
    wrong = "Invalid username, password, security token; or user locked out."
    assert fault(ask_by_soap(api, password="no")) == (500, "INVALID_LOGIN", wrong)
    assert fault(ask_by_soap(api, username="nobody@acme.example")) == (500, "INVALID_LOGIN", wrong)
    assert fault(ask_by_soap(api, password="sf-password"))[1] == "LOGIN_MUST_USE_SECURITY_TOKEN"
    assert [fault(ask_by_soap(api, version=v))[1] for v in ("65.0", "30.0")] == ["UNSUPPORTED_API_VERSION"] * 2
    api.sim.disable_api()
    assert fault(ask_by_soap(api)) == (500, "API_CURRENTLY_DISABLED", "API is disabled for this User")
    api.sim.switch_off_soap_login()
    off = (
        "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login()."
    )
    assert fault(ask_by_soap(api)) == (500, "INVALID_OPERATION", off)


def test_what_is_no_soap_message_is_a_fault_of_the_client(api):
    answer = api.session.post(f"{HOST}/services/Soap/u/64.0", data="{}", headers={"Authorization": ""})
    assert (answer.status_code, "<faultcode>soapenv:Client</faultcode>" in answer.text) == (500, True)


def test_a_user_without_the_api_gets_a_token_and_no_answers(api):
    api.sim.disable_api()
    assert ask_token(api, grant_type="client_credentials", client_id="sf-client", client_secret="sf-secret").ok
    refusal = api.get("limits")
    assert (refusal.status_code, refusal.json()[0]["errorCode"]) == (403, "API_DISABLED_FOR_ORG")


EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_token_ends_with_its_session_or_when_it_is_ended(api, clock):
    clock.advance(7199)
    assert api.get("limits").status_code == 200
    clock.advance(1)
    assert (api.get("limits").status_code, api.get("limits").json()) == (401, EXPIRED)
    api.session.headers["Authorization"] = f"Bearer {api.sim.issue_token()}"
    assert api.get("limits").status_code == 200
    api.sim.expire_tokens()
    assert api.get("limits").json() == EXPIRED


def test_versions_are_told_without_login_and_old_ones_are_gone(api):
    versions = api.session.get(f"{HOST}/services/data", headers={"Authorization": ""}).json()
    assert (versions[0]["version"], versions[-1]["version"]) == ("31.0", "67.0")
    for version, status in (("30.0", 410), ("31.0", 200), ("67.0", 200), ("68.0", 404), ("x", 404)):
        assert api.session.get(f"{HOST}/services/data/v{version}/limits").status_code == status


def test_every_answer_carries_the_clocks_date_and_rest_answers_the_calls_used(api, clock):
    clock.advance(60)
    first, second = api.get("limits"), api.get("sobjects/Nothing__c/describe")
    assert [answer.headers["Date"] for answer in (first, second)] == ["Mon, 02 Mar 2026 12:01:00 GMT"] * 2
    assert [answer.headers["Sforce-Limit-Info"] for answer in (first, second)] == [
        "api-usage=1/100000",
        "api-usage=2/100000",
    ]
    assert first.json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    assert second.json() == [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
    assert "Date" in ask_token(api).headers


def test_the_daily_calls_run_out_and_come_back_after_a_day(connect, clock):
    api = connect(daily_calls=2, session_seconds=1e9)
    assert [api.get("limits").status_code for _ in range(3)] == [200, 200, 403]
    assert api.get("limits").json() == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    clock.advance(86_400)
    assert api.get("limits").status_code == 200


def test_the_log_tells_every_call_and_its_status(api):
    api.get("limits", params={"customer": "name"})
    api.get("nothing")
    api.patch("limits", {})
    assert api.sim.calls == [
        ("GET", "/services/data/v66.0/limits", 200),
        ("GET", "/services/data/v66.0/nothing", 404),
        ("PATCH", "/services/data/v66.0/limits", 405),
    ]


def test_a_uri_may_not_be_longer_than_16384_bytes(api):
    assert api.query("SELECT Id FROM Account WHERE Name = '" + "x" * 16_384 + "'").status_code == 414


def test_long_answers_are_compressed_for_those_who_accept_it(api):
    plain = api.get("sobjects/Account/describe", headers={"Accept-Encoding": "identity"})
    packed = api.get("sobjects/Account/describe")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json()
