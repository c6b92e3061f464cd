"""The one way out of the machine: what is asked again, what it ends with, and what messages never hold."""

import io
import logging
import socket
import ssl
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from requests import exceptions as faults
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError

from connector import refusals
from connector.errors import (
    ConfigError,
    ConnectorError,
    MalformedAnswer,
    QuotaSpent,
    Refused,
    ServiceUnavailable,
)
from connector.masking import mask
from connector.transport import AnswerLost, Retry, Transport

URL = "https://api.example.com/api/v2/things"
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Said:
    """One scripted answer. body: bytes, or anything that is written as JSON."""

    def __init__(self, status: int, body: Any = b"", **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else orjson.dumps(body)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Scripted(BaseAdapter):
    """Answers from a list, the last one for ever; keeps what was asked, with bodies read."""

    def __init__(self, *answers: Said | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[requests.PreparedRequest] = []
        self.bodies: list[bytes] = []
        self.timeouts: list[object] = []

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.asked.append(request)
        self.timeouts.append(timeout)
        body = request.body
        self.bodies.append(body.read() if hasattr(body, "read") else body or b"")
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        answer = requests.Response()
        answer.status_code = said.status
        answer.headers = CaseInsensitiveDict(said.headers)
        answer.url = request.url
        answer.request = request
        answer.raw = HTTPResponse(io.BytesIO(said.body), said.headers, said.status, preload_content=False)
        return answer

    def close(self):
        pass


class World:
    """A transport over a script, with a clock that only naps move."""

    def __init__(self, *answers: Said | Exception, jitter: float = 1.0, retry: Retry | None = None) -> None:
        self.script = Scripted(*answers)
        self.clock = NOON
        self.naps: list[float] = []
        self.log = logging.getLogger("tests.transport")
        self.transport = Transport(
            now=lambda: self.clock,
            sleep=self.nap,
            mount=lambda session: session.mount("https://", self.script),
            jitter=lambda: jitter,
            log=self.log,
            retry=retry or Retry(),
        )

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock += timedelta(seconds=seconds)

    def ask(self, method: str = "GET", url: str = URL, service: str = "Genesys Cloud", **more: Any):
        return self.transport.request(service, method, url, **more)

    def end(self, kind: type[ConnectorError], **more: Any) -> Any:
        """The error asking ends with, which must be of exactly this class."""
        with pytest.raises(kind) as caught:
            self.ask(**more)
        assert type(caught.value) is kind
        return caught.value


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return


def no_route() -> faults.ConnectionError:
    fault = NameResolutionError("api.example.com", None, socket.gaierror(-2, "Name or service not known"))  # type: ignore[arg-type]
    return faults.ConnectionError(MaxRetryError(None, "/api?secret=1", fault))  # type: ignore[arg-type]


def cut_off() -> faults.ConnectionError:
    return faults.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer")))


# --- good answers


@pytest.mark.parametrize("status", [200, 201, 204, 300, 304])
def test_good_answers_are_returned_as_they_are(status: int) -> None:
    world = World(Said(status, b"body" if status < 204 else b""))
    answer = world.ask()
    assert (answer.status_code, world.naps) == (status, [])


def test_json_is_sent_as_utf_8_with_its_content_type_and_own_headers_stay() -> None:
    world = World(Said(200))
    world.ask("POST", json={"name": "é"}, headers={"Authorization": "Bearer t"}, params={"page": "2"})
    [request] = world.script.asked
    assert world.script.bodies == ['{"name":"é"}'.encode()]
    assert (request.url, request.headers["Content-Type"], request.headers["Authorization"]) == (
        f"{URL}?page=2",
        "application/json",
        "Bearer t",
    )
    assert request.headers["User-Agent"].startswith("connector/")


def test_every_call_has_a_timeout() -> None:
    world = World(Said(200))
    world.ask()
    world.ask(timeout=5.0)
    world.ask(timeout=(1.0, 2.0))
    assert world.script.timeouts == [(10.0, 120.0), 5.0, (1.0, 2.0)]


def test_a_refusal_in_the_services_own_form_is_final_whatever_the_status_says() -> None:
    told = refusals.Said("WRONG", "no +49 30 1234567", {"a": 1})
    world = World(Said(500), Said(500, b"<fault/>"))
    error = world.end(Refused, final=lambda answer: told if answer.content else None)
    assert (error.status, error.code, error.answer) == (500, "WRONG", {"a": 1})
    assert error.message == "Genesys Cloud: GET /api/v2/things answered 500 WRONG: no ***"
    assert len(world.script.asked) == 2


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login someone password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    world = World(Said(200))
    world.ask(headers={"Authorization": "Bearer right"})
    world.ask()
    assert [request.headers.get("Authorization") for request in world.script.asked] == ["Bearer right", None]


def test_redirects_are_not_followed_but_told() -> None:
    world = World(Said(302, Location="https://elsewhere.example.com/"))
    error = world.end(Refused)
    assert (error.status, len(world.script.asked)) == (302, 1)
    assert "check the domain" in error.hint


# --- transient answers


@pytest.mark.parametrize("status", [408, 420, 500, 502, 503, 504])
def test_transient_statuses_are_tried_five_times_with_growing_waits(status: int) -> None:
    world = World(Said(status, b"<html>"))
    error = world.end(ServiceUnavailable)
    assert (error.status, error.exit_code, len(world.script.asked)) == (status, 4, 5)
    assert world.naps == [1.0, 3.0, 9.0, 27.0]


def test_jitter_takes_anything_from_nothing_to_the_whole_wait() -> None:
    half, none = World(Said(503), jitter=0.5), World(Said(503), jitter=0.0)
    half.end(ServiceUnavailable)
    none.end(ServiceUnavailable)
    assert (half.naps, none.naps) == ([0.5, 1.5, 4.5, 13.5], [0.0] * 4)


@pytest.mark.parametrize(
    "fault",
    [
        cut_off(),
        faults.ReadTimeout("read timed out"),
        faults.ConnectTimeout("connect timed out"),
        faults.ChunkedEncodingError("incomplete"),
        faults.ContentDecodingError("not gzip"),
        faults.ConnectionError("dropped"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_connection_faults_are_tried_again(fault: Exception) -> None:
    world = World(fault, fault, Said(200, {"fine": True}))
    assert world.ask().json() == {"fine": True}
    assert world.naps == [1.0, 3.0]


def test_a_body_shorter_than_announced_is_read_again() -> None:
    world = World(Said(200, b"half", Content_Length="8"), Said(200, b"the whole", Content_Length="9"))
    assert world.ask().content == b"the whole"


def test_a_fault_that_stays_is_service_unavailable_without_a_status() -> None:
    world = World(cut_off())
    error = world.end(ServiceUnavailable)
    assert (error.status, len(world.script.asked)) == (None, 5)
    assert error.message == "Genesys Cloud: GET /api/v2/things: api.example.com dropped the connection"


def test_a_printed_traceback_shows_no_query() -> None:
    """The faults of the libraries hold whole addresses."""
    error = World(no_route()).end(ServiceUnavailable)
    assert "secret=1" in repr(no_route())
    assert "secret=1" not in "".join(traceback.format_exception(error))


def test_a_file_is_sent_whole_at_every_try() -> None:
    world = World(Said(503), Said(503), Said(201))
    file = io.BytesIO(b"skipped,a,b\n1,2\n")
    file.seek(8)
    world.ask("PUT", data=file)
    assert world.script.bodies == [b"a,b\n1,2\n"] * 3


def test_before_is_called_before_every_try_and_before_wait_before_every_wait() -> None:
    world = World(Said(429, Retry_After="7"), cut_off(), Said(200), jitter=0.0)
    calls: list[object] = []
    world.ask(before=lambda: calls.append("try"), before_wait=lambda status, wait: calls.append((status, wait)))
    assert calls == ["try", (429, 7.0), "try", (None, 0.0), "try"]


# --- waiting as asked


def test_retry_after_in_seconds_is_obeyed() -> None:
    world = World(Said(429, Retry_After="12"), Said(503, Retry_After="4"), Said(200), jitter=0.25)
    world.ask()
    assert world.naps == [12.25, 4.25]


def test_retry_after_as_a_date_counts_from_the_answers_own_date() -> None:
    """The local clock may be wrong; the difference of two dates of one service is not."""
    moment = NOON + timedelta(days=3)
    later = moment + timedelta(seconds=30)
    said = Said(503, Date=format_datetime(moment, True), Retry_After=format_datetime(later, True))
    world = World(said, Said(200), jitter=0.0)
    world.ask()
    assert world.naps == [30.0]


def test_retry_after_as_a_date_gone_by_means_now() -> None:
    world = World(Said(429, Retry_After=format_datetime(NOON - timedelta(hours=1), True)), Said(200), jitter=0.0)
    world.ask()
    assert world.naps == [0.0]


@pytest.mark.parametrize("nonsense", ["soon", "-5", "nan", "inf", "Tue, 99 Foo 2026 99:99:99 GMT"])
def test_a_nonsense_retry_after_is_as_none(nonsense: str) -> None:
    world = World(Said(503, Retry_After=nonsense), Said(200))
    world.ask()
    assert world.naps == [1.0]


def test_429_without_retry_after_waits_for_the_window_of_the_rate_headers_else_three_seconds() -> None:
    world = World(Said(429, inin_ratelimit_reset="21"), Said(429), Said(200), jitter=0.0)
    world.ask()
    assert world.naps == [21.0, 3.0]


def test_a_longer_wait_than_allowed_ends_at_once_with_the_time_to_come_back() -> None:
    world = World(Said(429, Retry_After="181"))
    error = world.end(QuotaSpent)
    assert (error.status, error.come_back_seconds, error.exit_code) == (429, 181.0, 4)
    later = world.clock + timedelta(seconds=181)
    assert error.message.endswith(f"it asks to come back in 181 s, at {later:%Y-%m-%dT%H:%M:%SZ}")
    assert (len(world.script.asked), world.naps) == (1, [])


@pytest.mark.parametrize("asked", ["180", "181"])
def test_as_long_as_the_vendors_own_clients_wait_and_no_longer(asked: str) -> None:
    world = World(Said(429, Retry_After=asked), Said(200), jitter=0.0)
    if asked == "180":
        world.ask()
        assert world.naps == [180.0]
    else:
        assert world.end(QuotaSpent).exit_code == 4


def test_429_that_stays_is_quota_spent() -> None:
    world = World(Said(429, Retry_After="2"), retry=Retry(attempts=3), jitter=0.0)
    error = world.end(QuotaSpent)
    assert (error.status, error.come_back_seconds, world.naps) == (429, 2.0, [2.0, 2.0])


# --- refusals


def test_a_genesys_refusal_tells_code_and_message() -> None:
    body = {"message": "Invalid interval", "code": "bad.request", "status": 400, "contextId": "c"}
    error = World(Said(400, body)).end(Refused, method="POST", url=f"{URL}?interval=x")
    assert (error.status, error.code, error.answer, error.exit_code) == (400, "bad.request", body, 1)
    assert error.message == "Genesys Cloud: POST /api/v2/things answered 400 bad.request: Invalid interval"


def test_a_salesforce_refusal_tells_code_and_message() -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Aha__c'", "fields": []}]
    error = World(Said(400, body)).end(Refused, service="Salesforce")
    assert (error.code, error.answer) == ("INVALID_FIELD", body)
    assert error.message.endswith("answered 400 INVALID_FIELD: No such column 'Aha__c'")


@pytest.mark.parametrize("name", ["error_description", "description"])
def test_an_oauth_refusal_tells_error_and_description(name: str) -> None:
    error = World(Said(400, {"error": "invalid_client", name: "client not found"})).end(Refused)
    assert (error.code, error.message.partition("answered ")[2]) == (
        "invalid_client",
        "400 invalid_client: client not found",
    )


@pytest.mark.parametrize("body", [b"", b"<html>blocked</html>", b'{"cut": ', b"[]", b'"text"'])
def test_a_refusal_that_is_no_error_body_is_told_without_its_content(body: bytes) -> None:
    error = World(Said(403, body)).end(Refused)
    assert (error.code, error.message) == ("", "Genesys Cloud: GET /api/v2/things answered 403")


def test_a_refusal_of_a_streamed_call_is_read() -> None:
    error = World(Said(404, [{"errorCode": "NOT_FOUND", "message": "gone"}])).end(Refused, stream=True)
    assert (error.status, error.code) == (404, "NOT_FOUND")


def test_the_daily_quota_of_salesforce_is_spent_at_once() -> None:
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    world = World(Said(403, body))
    error = world.end(QuotaSpent, service="Salesforce")
    assert (error.status, error.come_back_seconds, len(world.script.asked)) == (403, None, 1)


@pytest.mark.parametrize("repeat", [True, False])
def test_too_many_long_salesforce_requests_at_once_are_tried_again(repeat: bool) -> None:
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}]
    world = World(Said(403, body), Said(200))
    assert world.ask(service="Salesforce", repeat=repeat).status_code == 200
    stuck = World(Said(403, body)).end(ServiceUnavailable, service="Salesforce", repeat=repeat)
    assert stuck.status == 403


# --- calls that must not be repeated


@pytest.mark.parametrize("fault", [cut_off(), faults.ReadTimeout("slow"), faults.ChunkedEncodingError("cut")])
def test_a_lost_answer_is_told_and_not_repeated(fault: Exception) -> None:
    world = World(fault)
    error = world.end(AnswerLost, method="PUT", repeat=False)
    assert (error.status, len(world.script.asked), error.exit_code) == (None, 1, 4)


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_status_that_leaves_the_outcome_open_is_a_lost_answer(status: int) -> None:
    world = World(Said(status))
    error = world.end(AnswerLost, method="PUT", repeat=False)
    assert (error.status, len(world.script.asked)) == (status, 1)


@pytest.mark.parametrize("status", [420, 503])
def test_a_service_that_did_not_act_is_unavailable_and_not_asked_again(status: int) -> None:
    world = World(Said(status))
    error = world.end(ServiceUnavailable, method="PUT", repeat=False)
    assert (error.status, len(world.script.asked)) == (status, 1)


def test_a_connection_never_made_is_not_a_lost_answer() -> None:
    refused = NewConnectionError(None, "refused")  # type: ignore[arg-type]
    refused.__cause__ = ConnectionRefusedError(111, "Connection refused")
    for fault in (no_route(), faults.ConnectTimeout("slow"), faults.ConnectionError(refused)):
        world = World(fault)
        world.end(ServiceUnavailable, method="PUT", repeat=False)
        assert len(world.script.asked) == 1


def test_429_refuses_to_act_and_so_is_repeated_always() -> None:
    world = World(Said(429, Retry_After="5"), Said(200), jitter=0.0)
    world.ask("PUT", repeat=False)
    assert world.naps == [5.0]


# --- faults of settings are told in seconds


def certificate() -> faults.SSLError:
    return faults.SSLError(MaxRetryError(None, "/", ssl.SSLCertVerificationError(1, "self-signed")))  # type: ignore[arg-type]


def proxy() -> faults.ProxyError:
    tunnel = OSError("Tunnel connection failed: 407 Proxy Authentication Required")
    return faults.ProxyError(MaxRetryError(None, "/", tunnel))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "text", "hint"),
    [
        (no_route(), "a name that cannot be resolved", "region or My Domain"),
        (certificate(), "TLS certificate this machine does not trust", "REQUESTS_CA_BUNDLE"),
        (faults.SSLError("wrong version number"), "does not agree on TLS", "REQUESTS_CA_BUNDLE"),
        (proxy(), "(Tunnel connection failed: 407 Proxy Authentication Required)", "HTTPS_PROXY"),
        (faults.InvalidProxyURL("malformed"), "not reached through the proxy", "HTTPS_PROXY"),
    ],
    ids=["name", "certificate", "tls", "proxy", "proxy url"],
)
def test_a_host_that_never_answered_is_tried_twice_and_the_setting_is_named(
    fault: Exception, text: str, hint: str
) -> None:
    world = World(fault)
    error = world.end(ServiceUnavailable)
    assert (len(world.script.asked), world.naps) == (2, [1.0])
    assert text in error.message
    assert hint in error.hint


def test_a_host_that_answered_before_gets_all_tries() -> None:
    world = World(Said(200), no_route())
    world.ask()
    world.end(ServiceUnavailable)
    assert len(world.script.asked) == 6


def test_a_missing_ca_file_is_a_setting_to_mend() -> None:
    fault = OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /etc/none.pem")
    error = World(fault).end(ConfigError)
    assert "/etc/none.pem" in error.message
    assert "REQUESTS_CA_BUNDLE" in error.hint


def test_a_secret_with_a_line_break_is_a_setting_to_mend_and_is_not_shown() -> None:
    error = World(Said(200)).end(ConfigError, headers={"Authorization": "Bearer hidden\nsecret"})
    assert "hidden" not in f"{error!r}{error}{error.__cause__!r}"


def test_a_domain_that_is_no_host_name_is_a_setting_to_mend() -> None:
    assert "*acme.my" in World(Said(200)).end(ConfigError, url="https://*acme.my/x").message


def test_faults_of_the_machine_are_not_taken_for_the_networks() -> None:
    with pytest.raises(PermissionError):
        World(PermissionError(13, "disk")).ask()


# --- answers that look good


def test_an_unsound_answer_is_asked_again_then_malformed() -> None:
    def unsound(answer: requests.Response) -> str:
        return "" if answer.content == b"{}" else "its body is not JSON"

    mended = World(Said(200, b"<html>"), Said(200, b"{}"))
    assert mended.ask(unsound=unsound).content == b"{}"
    world = World(Said(200, b"<html>"))
    error = world.end(MalformedAnswer, unsound=unsound)
    assert (len(world.script.asked), error.exit_code) == (5, 4)
    assert error.message == "Genesys Cloud: GET /api/v2/things answered 200, but its body is not JSON"


# --- the clock


def date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def test_now_is_the_local_clock_while_nothing_else_is_known() -> None:
    assert World(Said(200)).transport.now() == NOON


@pytest.mark.parametrize(("ahead", "seen"), [(-3600, -3600), (-30, -30), (0, 0), (30, 0), (3600, 0)])
def test_now_is_the_earlier_of_both_clocks(ahead: int, seen: int) -> None:
    world = World(Said(200, Date=date(NOON + timedelta(seconds=ahead))))
    world.ask()
    assert world.transport.now() == NOON + timedelta(seconds=seen)


def test_clocks_further_apart_than_two_minutes_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World(
        Said(200, Date=date(NOON - timedelta(seconds=119))), Said(200, Date=date(NOON - timedelta(minutes=5)))
    )
    world.ask()
    assert caplog.records == []
    world.ask()
    world.ask()
    assert [record.getMessage() for record in caplog.records] == [
        "the clock of this machine is 300 s ahead of that of Genesys Cloud; set it (NTP). The earlier one is used"
    ]


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    world = World(Said(200, Date=date(NOON - timedelta(seconds=60))), Said(200, Date=date(NOON)))
    world.ask()
    world.ask()
    assert world.transport.now() == NOON


def test_dates_from_caches_failures_and_nonsense_move_no_clock() -> None:
    old = date(NOON - timedelta(days=1))
    world = World(Said(200, Date=old, Age="86400"), Said(502, Date=old), Said(200, Date="yesterday"))
    world.ask()
    world.ask()
    assert world.transport.now() == world.clock


# --- discretion


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ani tel:+4930123456 is bad", "ani *** is bad"),
        ("number +49 (0)30 123-45.67!", "number ***!"),
        ("0176/1234567", "***"),
        ("write to jane.doe+x@mail.example.co.uk now", "write to *** now"),
        ("write to jo__x@mail.example now", "write to *** now"),
        ("sip:jane@acme.example", "***"),
        ("Authorization: Bearer abcdefgh123", "Authorization: ***"),
        ("session 00D5g000001AbCd!AQ4AQF.x_y is old", "session *** is old"),
        ("assertion eyJhbGciOi.eyJpc3MiOi.c2ln", "assertion ***"),
        ("secret Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyMQ end", "secret *** end"),
        ("conversation 3fa85f64-5717-4562-b3fc-2c963f66afa6 not found", None),
        ("interval 2026-01-01T00:00:00.000Z/2026-01-02T00:00:00Z too large", None),
        ("No such column 'Average_Handle_Time_In_Seconds_2__c'", None),
        ("missing the following permission(s): analytics:conversationDetail:view", None),
        ("limit 512000, asked 600000", None),
        ("POST /api/v2/analytics/conversations/details/query/of/64", None),
        ("job 7505g00000XyzAB is Open", None),
    ],
)
def test_masking_hides_people_and_secrets_and_keeps_what_helps(text: str, masked: str | None) -> None:
    assert mask(text) == (text if masked is None else masked)


def test_a_token_too_short_to_be_one_does_not_blot_out_words() -> None:
    assert mask("the token is bad", hidden="token") == "the token is bad"
    assert mask("the token-12 is bad", hidden="token-12") == "the *** is bad"


def test_messages_never_show_the_token_sent_nor_the_query() -> None:
    body = {"code": "bad.credentials", "message": "token short-token-1 of tel:+4930123456 is bad" + " x" * 1000}
    error = World(Said(401, body)).end(
        Refused, url=f"{URL}?ani=%2B4930123456", headers={"Authorization": "Bearer short-token-1"}
    )
    assert error.message.startswith(
        "Genesys Cloud: GET /api/v2/things answered 401 bad.credentials: token *** of *** is bad x x"
    )
    assert len(error.message) < 400


def test_the_log_tells_each_try_without_query_headers_and_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tests.transport")
    world = World(Said(503, b"<secret>"), Said(200, b"<secret>", ININ_Correlation_Id="c-1"))
    world.ask("POST", url=f"{URL}?q=secret", json={"a": "secret"}, headers={"X": "secret"})
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" in ")[0] for line in lines] == [
        "POST api.example.com/api/v2/things 503",
        "Genesys Cloud: POST /api/v2/things answered 503: trying again",
        "POST api.example.com/api/v2/things 200",
    ]
    assert lines[2].endswith(" ms, c-1")
    assert "secret" not in "".join(lines)
