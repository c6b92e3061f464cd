"""Calls of the Genesys API: one token while it is good, and refusals that say what to do."""

import base64
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from connector.config import GenesysSettings, Secret
from connector.errors import (
    ConnectorError,
    LoginRefused,
    MalformedAnswer,
    PermissionMissing,
    QueryRefused,
    QuotaSpent,
    RefusedSpan,
    ServiceUnavailable,
)
from connector.genesys.auth import Login
from connector.genesys.client import Answer, GenesysClient
from connector.pace import Pace
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.world import World
from connector.transport import Transport

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
PATH = "/api/v2/analytics/conversations/details/query"
PERMISSION = "analytics:conversationDetail:view"
SETTINGS = GenesysSettings("mypurecloud.ie", "id-1", Secret("secret-1"), 300)


class Said:
    """One scripted answer. body: bytes, or anything that is written as JSON."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else orjson.dumps(body)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def token(name: str = "token-1", life: float = 86_400) -> Said:
    return Said(200, {"access_token": name, "token_type": "bearer", "expires_in": life})


def error(status: int, code: str, message: str = "No.", **more: Any) -> Said:
    return Said(status, {"message": message, "code": code, "status": status, "details": [], "errors": [], **more})


class Scripted(BaseAdapter):
    """Answers from a list, the last one for ever; logins from a list of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[Said] = [token()]
        self.answers: list[Said] = [Said(200, {})]
        self.asked: list[requests.PreparedRequest] = []

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.asked.append(request)
        script = self.logins if request.url.startswith("https://login.") else self.answers
        said = script.pop(0) if len(script) > 1 else script[0]
        answer = requests.Response()
        answer.status_code = said.status
        answer.headers = CaseInsensitiveDict(said.headers)
        answer.url = request.url
        answer.request = request
        answer.raw = HTTPResponse(io.BytesIO(said.body), said.headers, said.status, preload_content=False)
        return answer

    def close(self):
        pass


class Genesys:
    """A client over a script, with a clock that only naps move."""

    def __init__(self, folder: Path) -> None:
        self.script = Scripted()
        self.clock = SimulatedClock(NOON)
        self.naps: list[float] = []
        self.transport = Transport(
            now=self.clock.now,
            sleep=self.nap,
            mount=lambda session: session.mount("https://", self.script),
            jitter=lambda: 0.0,
        )
        self.pace = Pace(folder / "pace", 300, now=lambda: self.clock.now().timestamp(), sleep=self.nap)
        self.login = Login(SETTINGS, self.transport)
        self.client = GenesysClient(SETTINGS, self.transport, self.pace)

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.advance(seconds)

    def call(self) -> Answer:
        return self.client.call("POST", PATH, body={"interval": "a/b"}, permission=PERMISSION)

    def end(self, kind: type[ConnectorError]) -> Any:
        """The error a call ends with, which must be of exactly this class."""
        with pytest.raises(kind) as caught:
            self.call()
        assert type(caught.value) is kind
        return caught.value

    def sent(self) -> list[tuple[str, str]]:
        """Host and Authorization header of what was asked."""
        return [
            (str(request.url).split("/")[2].split(".")[0], request.headers["Authorization"])
            for request in self.script.asked
        ]


@pytest.fixture
def genesys(tmp_path: Path) -> Genesys:
    return Genesys(tmp_path)


# --- login


def test_the_login_sends_client_credentials_in_a_basic_header(genesys: Genesys) -> None:
    assert genesys.login.token() == "token-1"
    [request] = genesys.script.asked
    assert (request.method, request.url, request.body) == (
        "POST",
        "https://login.mypurecloud.ie/oauth/token",
        b"grant_type=client_credentials",
    )
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"id-1:secret-1").decode()
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("life", "renewed_after"), [(86_400, 86_340), (300, 270), (600, 540)])
def test_a_token_is_renewed_a_minute_or_a_tenth_of_its_life_before_its_end(
    genesys: Genesys, life: float, renewed_after: float
) -> None:
    genesys.script.logins = [token("first", life), token("second", life)]
    assert genesys.login.token() == "first"
    genesys.clock.advance(renewed_after - 1)
    assert genesys.login.token() == "first"
    genesys.clock.advance(1)
    assert genesys.login.token() == "second"


def test_only_the_token_in_use_is_forgotten(genesys: Genesys) -> None:
    """Two threads may meet the same 401: the later one must not throw away the new token."""
    genesys.script.logins = [token("first"), token("second"), token("third")]
    genesys.login.token()
    genesys.login.forget("first")
    assert genesys.login.token() == "second"
    genesys.login.forget("first")
    assert genesys.login.token() == "second"
    genesys.login.forget()
    assert genesys.login.token() == "third"


@pytest.mark.parametrize(
    ("status", "body", "mend"),
    [
        (400, {"error": "invalid_client", "description": "client not found: invalid_client"}, "GENESYS_CLIENT_ID"),
        (401, {"error": "invalid_client", "description": "authentication failed"}, "GENESYS_CLIENT_SECRET does not"),
        (400, {"error": "unauthorized_client", "description": "no"}, "must be Client Credentials"),
    ],
)
def test_a_refused_login_tells_what_to_mend_and_is_not_tried_again(
    genesys: Genesys, status: int, body: dict[str, str], mend: str
) -> None:
    genesys.script.logins = [Said(status, body)]
    caught = genesys.end(LoginRefused)
    assert caught.message == (
        f"Genesys Cloud: POST /oauth/token answered {status} {body['error']}: {body['description']}"
    )
    assert mend in caught.hint
    assert len(genesys.script.asked) == 1
    assert "secret-1" not in str(caught)


def test_a_login_answered_by_somebody_else_is_not_a_refusal(genesys: Genesys) -> None:
    genesys.script.logins = [Said(403, b"<html>blocked</html>")]
    assert "proxy or firewall" in genesys.end(MalformedAnswer).hint


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        {"expires_in": 60},
        {"access_token": "", "expires_in": 60},
        {"access_token": "two\nlines", "expires_in": 60},
        {"access_token": "x"},
        {"access_token": "x", "expires_in": "60"},
        {"access_token": "x", "expires_in": True},
    ],
)
def test_a_login_answer_without_a_good_token_is_asked_again_then_malformed(genesys: Genesys, body: Any) -> None:
    genesys.script.logins = [Said(200, body), token()]
    assert genesys.login.token() == "token-1"
    genesys.login.forget()
    genesys.script.logins = [Said(200, body)]
    genesys.end(MalformedAnswer)


# --- calls


def test_a_call_carries_the_token_and_gives_body_headers_and_size(genesys: Genesys) -> None:
    genesys.script.answers = [Said(200, {"totalHits": 7}, X_Page_Count="2")]
    answer = genesys.client.call("POST", PATH, body={"interval": "a/b"}, params={"expand": "x y"})
    assert (answer.body, answer.headers["x-page-count"], answer.size) == ({"totalHits": 7}, "2", 15)
    request = genesys.script.asked[-1]
    assert (request.method, request.url, request.body) == (
        "POST",
        f"https://api.mypurecloud.ie{PATH}?expand=x+y",
        b'{"interval":"a/b"}',
    )
    assert request.headers["Authorization"] == "Bearer token-1"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["api/v2/x", "/api/v2/x", "//evil.example.com/x", "@evil.example.com/x"])
def test_no_path_leads_to_another_host(genesys: Genesys, path: str) -> None:
    genesys.client.call("GET", path)
    assert str(genesys.script.asked[-1].url).startswith("https://api.mypurecloud.ie/")


def test_one_login_serves_many_calls(genesys: Genesys) -> None:
    for _ in range(3):
        genesys.call()
    assert [host for host, _ in genesys.sent()] == ["login", "api", "api", "api"]


def test_401_renews_the_token_once_and_repeats_the_call(genesys: Genesys) -> None:
    genesys.script.logins = [token("old"), token("new")]
    genesys.script.answers = [error(401, "credentials.expired"), Said(200, {"fine": 1})]
    assert genesys.call().body == {"fine": 1}
    assert [header for host, header in genesys.sent() if host == "api"] == ["Bearer old", "Bearer new"]


def test_401_with_a_new_token_is_a_refused_login(genesys: Genesys) -> None:
    genesys.script.answers = [error(401, "bad.credentials")]
    assert "logged-in user" in genesys.end(LoginRefused).hint
    assert [host for host, _ in genesys.sent()] == ["login", "api", "login", "api"]


def test_a_missing_permission_is_named_with_where_to_grant_it(genesys: Genesys) -> None:
    genesys.script.answers = [error(403, "missing.permissions", contextId="3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    caught = genesys.end(PermissionMissing)
    assert caught.message == (
        f"Genesys Cloud: POST {PATH} answered 403 missing.permissions: No. "
        "(correlation id 3fa85f64-5717-4562-b3fc-2c963f66afa6)"
    )
    assert caught.hint == (
        f"give the OAuth client a role with {PERMISSION}, in every division to be read: "
        "Genesys Cloud Admin > Integrations > OAuth > your client > Roles"
    )


def test_a_permission_only_the_service_names_is_named_too(genesys: Genesys) -> None:
    genesys.script.answers = [error(403, "missing.permissions", messageParams={"permissions": "routing:queue:view"})]
    with pytest.raises(PermissionMissing) as caught:
        genesys.client.call("GET", "/api/v2/routing/queues")
    assert "a role with routing:queue:view, " in caught.value.hint


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (error(400, "bad.request"), RefusedSpan),
        (error(413, "request.entity.too.large"), RefusedSpan),
        (Said(413, b"<html>too large</html>"), RefusedSpan),
        (error(404, "not.found"), QueryRefused),
        (error(405, "method.not.allowed"), QueryRefused),
        (error(415, "unsupported.media.type"), QueryRefused),
        (Said(403, b"<html>blocked by the firewall</html>"), MalformedAnswer),
        (Said(404, b""), MalformedAnswer),
        (Said(302, b"", Location="https://portal.example.com"), MalformedAnswer),
    ],
    ids=lambda one: f"{one.status} {one.body[:1]!r}" if isinstance(one, Said) else one.__name__,
)
def test_each_refusal_has_its_meaning_and_is_not_tried_again(
    genesys: Genesys, said: Said, kind: type[ConnectorError]
) -> None:
    genesys.script.answers = [said]
    genesys.end(kind)
    assert [host for host, _ in genesys.sent()] == ["login", "api"]


def test_the_services_message_is_shown_masked(genesys: Genesys) -> None:
    genesys.script.answers = [error(400, "invalid.value", "ani tel:+4930123456 of jane@example.com is wrong")]
    assert genesys.end(RefusedSpan).message == (
        f"Genesys Cloud: POST {PATH} answered 400 invalid.value: ani *** of *** is wrong"
    )


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", "its body is empty"),
        (b" \n", "its body is empty"),
        (b"<!DOCTYPE html><html>", "its body is a web page"),
        (b'{"conversations": [{"conver', "its body is not whole JSON"),
        (b"[1]", "its body is no JSON object"),
        (b"null", "its body is no JSON object"),
    ],
)
def test_a_200_that_is_no_answer_is_asked_again_then_malformed(genesys: Genesys, body: bytes, wrong: str) -> None:
    genesys.script.answers = [Said(200, body), Said(200, {"fine": 1})]
    assert genesys.call().body == {"fine": 1}
    genesys.script.answers = [Said(200, body)]
    assert genesys.end(MalformedAnswer).message == f"Genesys Cloud: POST {PATH} answered 200, but {wrong}"


def test_a_service_that_stays_down_is_unavailable(genesys: Genesys) -> None:
    genesys.script.answers = [Said(502, b"<html>")]
    assert genesys.end(ServiceUnavailable).status == 502
    assert len(genesys.script.asked) == 6


# --- pace


def test_calls_keep_the_pace_and_the_login_is_not_counted(genesys: Genesys) -> None:
    for _ in range(400):
        genesys.call()
    assert timedelta(seconds=80) < genesys.clock.now() - NOON < timedelta(seconds=82)


def test_after_429_everybody_waits(genesys: Genesys, tmp_path: Path) -> None:
    """Another process on the same file is held as long as the service asked."""
    other_naps: list[float] = []

    def other_sleep(seconds: float) -> None:
        other_naps.append(seconds)
        raise InterruptedError

    other = Pace(tmp_path / "pace", 300, now=lambda: genesys.clock.now().timestamp(), sleep=other_sleep)

    def nap(seconds: float) -> None:
        if seconds == 12:
            with pytest.raises(InterruptedError):
                other.wait()
        genesys.clock.advance(seconds)

    transport = Transport(
        now=genesys.clock.now,
        sleep=nap,
        mount=lambda session: session.mount("https://", genesys.script),
        jitter=lambda: 0.0,
    )
    genesys.script.answers = [error(429, "too.many.requests"), Said(200, {})]
    genesys.script.answers[0].headers["Retry-After"] = "12"
    GenesysClient(SETTINGS, transport, genesys.pace).call("GET", "/api/v2/x")
    assert other_naps == pytest.approx([12])


def test_429_to_come_back_in_hours_ends_the_call_and_holds_nobody(genesys: Genesys) -> None:
    genesys.script.answers = [error(429, "too.many.requests")]
    genesys.script.answers[0].headers["Retry-After"] = "7200"
    assert genesys.end(QuotaSpent).come_back_seconds == 7200
    genesys.script.answers = [Said(200, {})]
    genesys.call()
    assert sum(genesys.naps) < 1


@pytest.mark.parametrize(
    ("count", "reset", "waited"), [("300", "25", 25), ("301", "25", 25), ("299", "25", 0), ("x", "25", 0)]
)
def test_a_window_the_service_calls_used_up_is_waited_for(
    genesys: Genesys, count: str, reset: str, waited: float
) -> None:
    headers = {"inin_ratelimit_count": count, "inin_ratelimit_allowed": "300", "inin_ratelimit_reset": reset}
    genesys.script.answers = [Said(200, {}, **headers)]
    genesys.call()
    genesys.call()
    assert sum(genesys.naps) == pytest.approx(waited, abs=0.3)


# --- organisation


def test_the_organisation_is_told_by_its_id(genesys: Genesys) -> None:
    genesys.script.answers = [Said(200, {"id": "org-1", "name": "Acme"})]
    assert genesys.client.organisation_id() == "org-1"
    assert genesys.script.asked[-1].url == "https://api.mypurecloud.ie/api/v2/organizations/me"


@pytest.mark.parametrize(
    "said",
    [
        error(403, "not.authorized"),
        error(404, "not.found"),
        error(400, "bad.request"),
        error(401, "bad.credentials"),
        Said(200, {"name": "no id"}),
    ],
    ids=lambda said: str(said.status),
)
def test_without_leave_to_ask_the_organisation_is_region_and_client(genesys: Genesys, said: Said) -> None:
    genesys.script.answers = [said]
    assert genesys.client.organisation_id() == "mypurecloud.ie/id-1"


def test_a_proxys_refusal_is_not_taken_for_another_organisation(genesys: Genesys) -> None:
    genesys.script.answers = [Said(403, b"<html>blocked</html>")]
    with pytest.raises(MalformedAnswer):
        genesys.client.organisation_id()


def test_a_refused_login_is_told_and_not_taken_for_a_nameless_organisation(genesys: Genesys) -> None:
    genesys.script.logins = [Said(401, {"error": "invalid_client", "description": "authentication failed"})]
    with pytest.raises(LoginRefused):
        genesys.client.organisation_id()


# --- against the simulated service


def simulated(
    folder: Path, faults: list[Rule], login: str = "demo-secret", **options: Any
) -> tuple[GenesysClient, GenesysSim, SimulatedClock]:
    clock = SimulatedClock(NOON)
    sim = GenesysSim(World([]), clock, faults=Faults(faults), **options)
    transport = Transport(
        now=clock.now,
        sleep=clock.sleep,
        mount=lambda session: session.mount("https://", WsgiAdapter({host: sim for host in sim.hosts}.get, clock)),
        jitter=lambda: 0.5,
    )
    settings = GenesysSettings("mypurecloud.ie", "demo-client", Secret(login), 300)
    pace = Pace(folder / "pace", 300, now=lambda: clock.now().timestamp(), sleep=clock.sleep)
    return GenesysClient(settings, transport, pace), sim, clock


BODY = {"interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z", "paging": {"pageNumber": 1, "pageSize": 100}}


def test_the_simulated_service_is_read_through_its_faults(tmp_path: Path) -> None:
    faults = [
        Rule("status", {"code": 503, "headers": {"Retry-After": 7}}, nth=2),
        Rule("html", nth=3),
        Rule("cut_body", nth=4),
        Rule("lose_answer", nth=5),
    ]
    client, sim, _ = simulated(tmp_path, faults)
    answer = client.call("POST", PATH, body=BODY, permission=PERMISSION)
    assert answer.body.get("totalHits", 0) == 0
    assert [call.path for call in sim.calls] == ["/oauth/token"] + [PATH] * 5


def test_the_simulated_service_is_never_asked_too_often(tmp_path: Path) -> None:
    client, sim, clock = simulated(tmp_path, [], token_seconds=300)
    for _ in range(700):
        client.call("POST", PATH, body=BODY)
    assert {call.status for call in sim.calls} == {200}
    assert clock.now() - NOON < timedelta(seconds=150)


def test_the_simulated_service_refuses_a_wrong_secret(tmp_path: Path) -> None:
    client, _, _ = simulated(tmp_path, [], login="wrong")
    with pytest.raises(LoginRefused, match="GENESYS_CLIENT_SECRET"):
        client.call("POST", PATH, body=BODY)


@pytest.mark.parametrize("answer", [Said(204, b""), Said(202, b""), Said(200, b"<html>"), Said(200, {})])
def test_of_a_deletion_nothing_is_expected(genesys: Genesys, answer: Said) -> None:
    genesys.script.answers = [answer]
    genesys.client.delete(f"{PATH}/j1", permission=PERMISSION)
    asked = [(request.method, request.body) for request in genesys.script.asked[1:]]
    assert (asked, genesys.client.calls) == ([("DELETE", None)], 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Said(503, {}), ServiceUnavailable),
        (Said(429, {}), QuotaSpent),
        (Said(404, {"code": "not.found"}), QueryRefused),
        (Said(401, {"code": "bad.credentials"}), LoginRefused),
    ],
)
def test_a_deletion_is_asked_for_once_whatever_comes_of_it(
    genesys: Genesys, answer: Said, kind: type[ConnectorError]
) -> None:
    genesys.script.answers = [answer]
    with pytest.raises(kind):
        genesys.client.delete(f"{PATH}/j1", permission=PERMISSION)
    assert (len(genesys.script.asked), genesys.client.calls, genesys.naps) == (2, 1, [])
