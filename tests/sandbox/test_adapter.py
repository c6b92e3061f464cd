"""A requests session over the adapter sees what it would see on a network."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from werkzeug import Request, Response

from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import ConnectionDropped

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@Request.application
def echo(request: Request) -> Response:
    """Tells what arrived."""
    seen = {
        "method": request.method,
        "host": request.host,
        "path": request.path,
        "query": request.query_string.decode(),
        "type": request.content_type,
        "length": request.content_length,
        "authorization": request.headers.get("Authorization"),
        "body": request.get_data().decode(),
    }
    return Response(json.dumps(seen), status=201, content_type="application/json; charset=utf-8")


@Request.application
def lines(request: Request) -> Response:
    return Response("Id,Ärger\n1,a\n2,b\n", content_type="text/csv; charset=utf-8")


def session_to(application, clock=None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", WsgiAdapter({"api.example": application}.get, clock))
    return session


def test_request_arrives_whole_and_the_answer_comes_back_whole():
    answer = session_to(echo).post(
        "https://api.example/a%20b/%C3%A4?q=x%2Fy", json={"n": 1}, headers={"Authorization": "Bearer t"}
    )
    assert answer.status_code == 201
    assert answer.reason == "CREATED"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == {
        "method": "POST",
        "host": "api.example",
        "path": "/a b/ä",
        "query": "q=x%2Fy",
        "type": "application/json",
        "length": 8,
        "authorization": "Bearer t",
        "body": '{"n": 1}',
    }


def pieces() -> Iterator[bytes]:
    yield b"one,"
    yield b""
    yield b"two"


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (None, ""),
        ("tëxt", "tëxt"),
        (b"bytes", "bytes"),
        (io.BytesIO(b"from a file"), "from a file"),
        (pieces(), "one,two"),
    ],
    ids=["none", "text", "bytes", "file", "pieces"],
)
def test_every_kind_of_request_body_arrives(body, arrives):
    assert session_to(echo).put("https://api.example/", data=body).json()["body"] == arrives


def test_streamed_answer_can_be_read_in_lines_pieces_and_raw():
    session = session_to(lines)
    with session.get("https://api.example/", stream=True) as answer:
        assert list(answer.iter_lines(decode_unicode=True)) == ["Id,Ärger", "1,a", "2,b"]
    with session.get("https://api.example/", stream=True) as answer:
        assert b"".join(answer.iter_content(4)).decode() == "Id,Ärger\n1,a\n2,b\n"
    with session.get("https://api.example/", stream=True) as answer:
        assert answer.raw.read(3) == b"Id,"


def test_unknown_host_fails_like_a_name_look_up():
    with pytest.raises(requests.exceptions.ConnectionError, match=r"elsewhere\.example"):
        session_to(echo).get("https://elsewhere.example/")


@pytest.mark.parametrize("acted", [False, True])
def test_dropped_connection_is_a_connection_error(acted):
    def dropping(environ, start_response):
        raise ConnectionDropped(acted)

    with pytest.raises(requests.exceptions.ConnectionError):
        session_to(dropping).get("https://api.example/")


def test_answer_slower_than_the_read_timeout_is_lost():
    clock = SimulatedClock(NOON)

    def slow(environ, start_response):
        clock.sleep(31)
        return echo(environ, start_response)

    session = session_to(slow, clock)
    assert session.get("https://api.example/", timeout=(5, 31)).status_code == 201
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get("https://api.example/", timeout=30)


def test_error_inside_the_application_is_not_hidden():
    def broken(environ, start_response):
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        session_to(broken).get("https://api.example/")
