import pytest

from connector.errors import (
    ConfigError,
    LoginRefused,
    MalformedAnswer,
    PermissionMissing,
    QuotaSpent,
    Refused,
    ServiceUnavailable,
)
from connector.salesforce.connect import long_id
from connector.sandbox.faults import Rule
from connector.transport import AnswerLost

LIMITS = "/services/data/v66.0/limits"
TOKEN = "/services/oauth2/token"


def test_the_login_waits_for_the_first_call_and_serves_all_of_them(world):
    made = world()
    org = made.org()
    assert made.asked() == []
    assert org.call("GET", "limits").json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    org.call("GET", LIMITS)
    assert made.asked() == [("POST", TOKEN, 200), ("GET", LIMITS, 200), ("GET", LIMITS, 200)]
    assert (org.calls, org.api_usage) == (3, (2, 100_000))


def test_the_org_is_known_from_the_login_alone(world):
    made = world()
    assert made.org().org_id == made.sim.org_id
    assert made.asked() == [("POST", TOKEN, 200)]


def test_with_a_ready_token_the_org_is_asked_for(world, secret):
    made = world(org_id="00Dak000000SbOx")
    ready = {"access_token": secret(made.sim.issue_token()), "instance_url": "https://acme.my.salesforce.com/"}
    org = made.org(client_secret=None, **ready)
    assert (org.org_id, org.org_id) == ("00Dak000000SbOxEAK", "00Dak000000SbOxEAK")
    assert made.asked() == [("GET", "/services/oauth2/userinfo", 200)]


def test_an_id_of_15_characters_gets_its_suffix():
    assert long_id("00Dak000000SbOx") == "00Dak000000SbOxEAK"
    assert long_id("00Dak000000SbOxEAK") == "00Dak000000SbOxEAK"


def test_the_domain_may_be_written_in_full(world):
    made = world()
    assert made.org(domain="https://acme.my.salesforce.com/").org_id == made.sim.org_id


def test_an_ended_session_is_renewed_once_and_the_call_made_again(world):
    made = world()
    org = made.org()
    org.call("GET", "limits")
    made.sim.expire_tokens()
    assert org.call("GET", "limits").status_code == 200
    assert [call[2] for call in made.asked()] == [200, 200, 401, 200, 200]


def test_a_session_refused_right_after_login_ends_the_matter(world):
    ended = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    made = world(Rule("status", {"code": 401, "json": ended}, path="/limits"))
    with pytest.raises(LoginRefused, match="INVALID_SESSION_ID") as caught:
        made.org().call("GET", "limits")
    assert "Login History" in caught.value.hint
    assert [call[1:] for call in made.asked()] == [(TOKEN, 200), (LIMITS, 401)] * 2


def test_an_ended_ready_token_is_told_with_what_to_set(world, secret):
    made = world()
    ready = {"access_token": secret("00Dak!old"), "instance_url": "https://acme.my.salesforce.com"}
    with pytest.raises(LoginRefused) as caught:
        made.org(client_secret=None, **ready).call("GET", "limits")
    assert "SALESFORCE_ACCESS_TOKEN" in caught.value.hint
    assert "old" not in str(caught.value)
    assert made.asked() == [("GET", LIMITS, 401)]


def test_a_body_from_a_file_is_sent_whole_again_after_a_renewal(scripted, world, tmp_path):
    made = world()
    org = made.org()
    org.call("GET", "limits")
    made.sim.expire_tokens()
    file = tmp_path / "body.json"
    file.write_text('xx{"records": []}')
    with file.open("rb") as body, pytest.raises(Refused, match="At least 1 record"):
        body.seek(2)
        path = "composite/sobjects/Queue_Interval__c/Genesys_Key__c"
        org.call("PATCH", path, data=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("error", "said", "mend"),
    [
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "user hasn't approved this consumer", "Permitted Users"),
        ("invalid_grant", "authentication failure", "is active"),
        ("invalid_client_id", "client identifier invalid", "SALESFORCE_CLIENT_ID"),
        ("invalid_client", "invalid client credentials", "SALESFORCE_CLIENT_SECRET"),
        ("unsupported_grant_type", "grant type not supported", "Client Credentials Flow"),
        ("something_new", "", "SALESFORCE_DOMAIN"),
    ],
)
def test_each_refused_login_says_what_to_change(world, error, said, mend):
    answer = {"code": 400, "json": {"error": error, "error_description": said}}
    made = world(Rule("status", answer, path=TOKEN))
    with pytest.raises(LoginRefused) as caught:
        made.org().call("GET", "limits")
    assert caught.value.message.startswith(f"Salesforce refused the login at acme.my.salesforce.com: {error}")
    assert mend in caught.value.hint
    assert len(made.asked()) == 1


def test_the_simulated_org_refuses_wrong_credentials_the_same_way(world, secret):
    made = world()
    with pytest.raises(LoginRefused, match="invalid_client_id"):
        made.org(client_id="nobody").call("GET", "limits")
    with pytest.raises(LoginRefused, match="invalid_client:") as caught:
        made.org(client_secret=secret("wrong-one")).call("GET", "limits")
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("domain", ["login", "https://test.salesforce.com"])
def test_login_and_test_hosts_are_refused_without_a_call(world, domain):
    made = world()
    with pytest.raises(LoginRefused) as caught:
        made.org(domain=domain).call("GET", "limits")
    assert "My Domain" in caught.value.hint
    assert made.asked() == []


def test_a_login_answer_without_token_or_address_is_malformed(world):
    for answer in ({"access_token": "a"}, {"instance_url": "https://acme.my.salesforce.com"}, []):
        made = world(Rule("status", {"code": 200, "json": answer}, path=TOKEN))
        with pytest.raises(MalformedAnswer, match="login answer"):
            made.org().call("GET", "limits")


def test_a_login_survives_a_passing_fault(world):
    made = world(Rule("status", {"code": 503}, path=TOKEN, nth=1), Rule("html", path=TOKEN, nth=2))
    assert made.org().call("GET", "limits").status_code == 200


def test_an_incomplete_or_unsafe_login_is_a_matter_of_settings(world, secret):
    with pytest.raises(ConfigError, match="not complete"):
        world().org(client_secret=None).call("GET", "limits")
    with pytest.raises(ConfigError, match="instead of https"):
        ready = {"access_token": secret("t"), "instance_url": "http://acme.my.salesforce.com"}
        world().org(client_secret=None, **ready).call("GET", "limits")


@pytest.mark.parametrize(
    ("status", "code", "kind", "hint"),
    [
        (403, "API_CURRENTLY_DISABLED", PermissionMissing, "switched off"),
        (403, "INSUFFICIENT_ACCESS_X", PermissionMissing, "permission set"),
        (403, "SOMETHING_NEW", PermissionMissing, "permission set"),
        (400, "EXCEEDEDQUOTA", QuotaSpent, "come back later"),
        (404, "NOT_FOUND", Refused, "API names"),
        (410, "GONE", ConfigError, "SALESFORCE_API_VERSION"),
        (400, "INVALID_FIELD", Refused, "field-level security"),
    ],
)
def test_refusals_become_errors_with_a_hint_and_without_values(scripted, status, code, kind, hint):
    org, _ = scripted((status, [{"errorCode": code, "message": "value 'Bob Smith' of 'Note__c'"}]))
    with pytest.raises(kind) as caught:
        org.call("GET", "limits")
    assert type(caught.value) is kind
    assert caught.value.message == f"Salesforce refused GET limits: {status} {code}: value *** of 'Note__c'"
    assert hint in caught.value.hint


def test_spent_calls_are_told_from_too_many_at_once(world, scripted):
    made = world(daily_calls=1)
    org = made.org()
    org.call("GET", "limits")
    with pytest.raises(QuotaSpent):
        org.call("GET", "limits")
    busy = (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}])
    org, script = scripted(busy, (200, {}))
    assert org.call("GET", "limits").json() == {}
    assert (org.calls, len(script.asked)) == (2, 2)


def test_the_usage_of_the_whole_org_is_read_not_that_of_one_app(scripted):
    org, _ = scripted((200, {}, {"Sforce-Limit-Info": "per-app-api-usage=17/250(appName=x); api-usage=80/100"}))
    org.keep_reserve()
    org.call("GET", "limits")
    assert org.api_usage == (80, 100)


def test_the_reserve_of_other_users_is_kept(scripted):
    for used, reserve, is_spent in ((79, 0.2, False), (80, 0.2, True), (80, 0.1, False), (99, 0.0, False)):
        org, _ = scripted((200, {}, {"Sforce-Limit-Info": f"api-usage={used}/100"}), call_reserve=reserve)
        org.call("GET", "limits")
        if is_spent:
            with pytest.raises(QuotaSpent, match="80 of its 100 calls"):
                org.keep_reserve()
        else:
            org.keep_reserve()


def test_a_web_page_or_broken_json_is_asked_again_where_that_is_harmless(world):
    made = world(Rule("html", {"code": 200}, path="/limits", nth=1), Rule("cut_body", path="/limits", nth=2))
    org = made.org()
    assert "DailyApiRequests" in org.call("GET", "limits").json()
    assert org.calls == 4


def test_a_damaged_answer_to_a_call_made_once_is_a_lost_answer(world):
    for fault in (Rule("html", {"code": 200}, path="/limits"), Rule("lose_answer", path="/limits")):
        made = world(fault)
        with pytest.raises(AnswerLost):
            made.org().call("GET", "limits", repeat=False)
        assert len(made.asked("/limits")) == 1


def test_an_unreachable_org_is_unavailable(world):
    with pytest.raises(ServiceUnavailable):
        world().org(domain="elsewhere.my").call("GET", "limits")
