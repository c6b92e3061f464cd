"""Login, allowances and the outer shape of every answer."""

import pytest
import requests

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
