"""Login, permissions, call rate and the answers every call can get."""

from datetime import timedelta

import pytest
import requests

from connector.sandbox.faults import FaultPlanError, Faults, Rule
from connector.sandbox.genesys import Call

ORGANIZATION = "/organizations/me"


def error_body(answer):
    """The ErrorBody without the id of its call, which is checked here."""
    body = answer.json()
    assert body.pop("contextId") == answer.headers["ININ-Correlation-Id"]
    return body


def test_login_gives_a_bearer_token_without_refresh_token(serve):
    client = serve([], token_seconds=600)
    answer = client.log_in()
    assert answer.status_code == 200
    assert answer.json() == {"access_token": client.token, "token_type": "bearer", "expires_in": 600}
    assert len(client.token) == 64
    assert client.get(ORGANIZATION).json() == client.sim.world.directory.organization


@pytest.mark.parametrize(
    ("client_id", "secret", "status", "body"),
    [
        ("other", "demo-secret", 400, {"error": "invalid_client", "description": "client not found: invalid_client"}),
        ("demo-client", "wrong", 401, {"error": "invalid_client", "description": "authentication failed"}),
    ],
)
def test_wrong_client_is_400_and_wrong_secret_401(serve, client_id, secret, status, body):
    answer = serve([]).log_in((client_id, secret))
    assert (answer.status_code, answer.json()) == (status, body)


def test_login_needs_basic_header_and_grant_type(serve):
    client = serve([])
    url = f"https://{client.login}/oauth/token"
    in_body = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-secret"}
    assert client.session.post(url, data=in_body).json()["error"] == "invalid_request"
    password = client.session.post(url, auth=("demo-client", "demo-secret"), data={"grant_type": "password"})
    assert (password.status_code, password.json()["error"]) == (400, "unsupported_grant_type")


def test_token_expires_by_the_clock_and_can_be_revoked(serve, clock):
    client = serve([], token_seconds=300)
    client.log_in()
    clock.advance(299)
    assert client.get(ORGANIZATION).status_code == 200
    clock.advance(1)
    expired = client.get(ORGANIZATION)
    assert (expired.status_code, expired.json()["code"]) == (401, "credentials.expired")
    client.log_in()
    client.sim.revoke_tokens()
    revoked = client.get(ORGANIZATION)
    assert (revoked.status_code, revoked.json()["code"]) == (401, "bad.credentials")
    client.log_in()
    assert client.get(ORGANIZATION).status_code == 200


def test_call_without_token_is_401_with_an_error_body(serve):
    client = serve([])
    answer = client.session.get(f"https://{client.api}/api/v2/organizations/me")
    assert answer.status_code == 401
    assert error_body(answer) == {
        "message": "No authentication bearer token specified.",
        "code": "authentication.required",
        "status": 401,
        "messageParams": {},
        "details": [],
        "errors": [],
    }


def test_withdrawn_permission_is_403_until_granted_again(serve):
    client = serve([])
    permission = "analytics:conversationDetail:view"
    client.sim.withdraw(permission)
    answer = client.details()
    assert answer.status_code == 403
    assert error_body(answer) == {
        "message": "Unable to perform the requested action. You are missing the following permission(s): "
        "analytics:conversationDetail:view",
        "code": "missing.permissions",
        "status": 403,
        "messageParams": {"permissions": permission},
        "details": [],
        "errors": [],
    }
    assert client.get(ORGANIZATION).status_code == 200
    client.sim.grant(permission)
    assert client.details().status_code == 200
    with pytest.raises(ValueError, match="no call needs"):
        client.sim.withdraw("analytics:conversationDetails:view")


def test_calls_are_limited_per_token_and_minute(serve, clock):
    client = serve([], calls_per_minute=2)
    clock.advance(15.5)
    first, second, third = (client.get(ORGANIZATION) for _ in range(3))
    rates = [
        {name: answer.headers[f"inin-ratelimit-{name}"] for name in ("count", "allowed", "reset")}
        for answer in (first, second, third)
    ]
    assert rates == [{"count": n, "allowed": "2", "reset": "45"} for n in ("1", "2", "2")]
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert "Retry-After" not in second.headers
    assert third.headers["Retry-After"] == "45"
    assert error_body(third) == {
        "message": "Rate limit exceeded the maximum. Retry the request in [45] seconds",
        "code": "too.many.requests",
        "status": 429,
        "messageParams": {},
        "details": [],
        "errors": [],
        "limit": {
            "key": "client.credentials.token.rate.per.minute",
            "namespace": "platform.api",
            "value": 2,
        },
    }
    clock.advance(45)
    assert client.get(ORGANIZATION).headers["inin-ratelimit-count"] == "1"


def test_another_token_has_its_own_window(serve):
    client = serve([], calls_per_minute=1)
    assert client.get(ORGANIZATION).status_code == 200
    client.log_in()
    assert client.get(ORGANIZATION).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/no/such/call", {}, 404, "not.found"),
        ("POST", "/analytics/conversations/details/no/such", {}, 404, "not.found"),
        ("GET", "/analytics/conversations/details/query", {}, 405, "method.not.allowed"),
        ("POST", "/analytics/conversations/details/query", {"data": "{}"}, 415, "unsupported.media.type"),
        ("POST", "/analytics/conversations/details/query", {"json": ["x"]}, 400, "bad.request"),
        (
            "POST",
            "/analytics/conversations/details/query",
            {"json": {"x": "y" * 512_000}},
            413,
            "request.entity.too.large",
        ),
    ],
)
def test_call_that_cannot_be_served_says_why(serve, method, path, more, status, code):
    answer = serve([]).call(method, path, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_login_and_api_are_different_hosts(serve):
    client = serve([])
    wrong_host = client.session.post(f"https://{client.api}/oauth/token", auth=("demo-client", "demo-secret"))
    assert wrong_host.status_code == 404
    assert client.session.get(f"https://{client.login}/api/v2/organizations/me").status_code == 404
    assert client.sim.hosts == ("api.mypurecloud.ie", "login.mypurecloud.ie")
    assert serve([], region="usw2.pure.cloud").sim.hosts == ("api.usw2.pure.cloud", "login.usw2.pure.cloud")


def test_every_answer_carries_the_sandbox_date_and_its_own_id(serve, clock, monday):
    faults = Faults([Rule("status", {"code": 503}, path="/organizations", nth=2)])
    client = serve([], faults=faults)
    clock.set(monday + timedelta(hours=9, seconds=1.5))
    answers = [client.log_in(), client.get(ORGANIZATION), client.get(ORGANIZATION), client.get("/none")]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 404]
    assert {answer.headers["Date"] for answer in answers} == {"Mon, 02 Mar 2026 09:00:01 GMT"}
    assert len({answer.headers["ININ-Correlation-Id"] for answer in answers}) == 4


def test_calls_are_noted_with_what_became_of_them(serve):
    faults = Faults([Rule("refuse", service="genesys", path="/organizations", nth=2)])
    client = serve([], faults=faults)
    client.get(ORGANIZATION)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.get(ORGANIZATION)
    client.get("/users", state="none")
    assert client.sim.calls == [
        Call("POST", "/oauth/token", 200),
        Call("GET", "/api/v2/organizations/me", 200),
        Call("GET", "/api/v2/organizations/me", None),
        Call("GET", "/api/v2/users", 400),
    ]
    assert client.sim.counts()["GET /api/v2/organizations/me"] == 2


@pytest.mark.parametrize(
    "rule",
    [
        Rule("empty_pgae", service="genesys"),
        Rule("shift", {"rows": "two"}),
        Rule("total", {"value": "stale"}),
    ],
)
def test_fault_plan_the_service_cannot_carry_out_is_refused_at_once(serve, rule):
    with pytest.raises(FaultPlanError):
        serve([], faults=Faults([rule]))
