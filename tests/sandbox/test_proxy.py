"""Clients that trust the sandbox's authority reach its applications under the real host names."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from werkzeug import Request, Response

from connector.sandbox.faults import ConnectionDropped
from connector.sandbox.proxy import SandboxProxy

HOST = "acme.my.salesforce.com"


@Request.application
def echo(request: Request) -> Response:
    """Tells what arrived."""
    body = request.get_data()
    seen = {"host": request.host, "method": request.method, "path": request.path, "query": dict(request.args)}
    return Response(json.dumps({**seen, "length": len(body), "ends": body[-3:].decode()}), 200)


def drop(environ, start_response):
    raise ConnectionDropped(acted=True)


def fail(environ, start_response):
    raise RuntimeError("a mistake in the application")


@Request.application
def ignore_body(request: Request) -> Response:
    return Response(status=204)


APPS = {HOST: echo, "drop.example": drop, "fail.example": fail, "deaf.example": ignore_body}


@pytest.fixture
def proxy(tmp_path):
    with SandboxProxy(APPS.get, tmp_path) as running:
        yield running


@pytest.fixture
def session(proxy):
    with requests.Session() as made:
        made.trust_env = False
        made.proxies = {"https": proxy.url}
        made.verify = str(proxy.ca_file)
        yield made


def test_a_real_host_name_is_answered_over_tls(session):
    answer = session.get(f"https://{HOST}/services/data?q=a%20b")
    assert answer.json() == {
        "host": HOST,
        "method": "GET",
        "path": "/services/data",
        "query": {"q": "a b"},
        "length": 0,
        "ends": "",
    }


def test_the_environment_leads_a_client_here_and_lets_no_host_go_around(proxy):
    assert proxy.environment() == {
        "HTTPS_PROXY": proxy.url,
        "https_proxy": proxy.url,
        "NO_PROXY": "",
        "no_proxy": "",
        "REQUESTS_CA_BUNDLE": str(proxy.ca_file),
    }


def run_python(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


def test_a_client_in_another_process_needs_nothing_but_the_environment(proxy):
    program = f"import requests; print(requests.get('https://{HOST}/services/data').json()['host'])"
    assert run_python(program, {**os.environ, **proxy.environment()}) == f"{HOST}\n"


def test_a_missing_trustme_is_told_with_the_extra_to_install(tmp_path):
    program = (
        "import sys; sys.modules['trustme'] = None\n"
        "from connector.sandbox.proxy import SandboxProxy\n"
        f"SandboxProxy({{}}.get, {str(tmp_path)!r})"
    )
    assert "pip install trustme" in run_python(program, dict(os.environ))


def test_a_client_that_does_not_trust_the_authority_is_refused_by_itself(session):
    session.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        session.get(f"https://{HOST}/")


def test_an_unknown_host_is_a_bad_gateway(session):
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        session.get("https://unknown.example/")


def test_a_large_body_arrives_whole(session):
    answer = session.put(f"https://{HOST}/batches", data=b"x" * 20_000_000 + b"end")
    assert (answer.json()["length"], answer.json()["ends"]) == (20_000_003, "end")


def test_a_chunked_body_is_decoded(session):
    answer = session.put(f"https://{HOST}/batches", data=iter([b"one,", b"two" * 50_000, b"end"]))
    assert (answer.json()["length"], answer.json()["ends"]) == (150_007, "end")


def test_one_connection_serves_many_requests_whatever_the_application_reads(proxy, session):
    for _ in range(3):
        assert session.put("https://deaf.example/batches", data=b"GET / HTTP/1.1\r\n\r\n" * 5_000).status_code == 204
        assert session.put("https://deaf.example/batches", data=iter([b"a", b"b"])).status_code == 204
    pools = session.get_adapter("https://").proxy_manager[proxy.url].pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118


def test_a_dropped_connection_gives_no_answer_and_the_next_call_works(session):
    with pytest.raises(requests.exceptions.ConnectionError):
        session.post("https://drop.example/", data="x")
    assert session.get(f"https://{HOST}/").status_code == 200


def test_a_failing_application_is_a_server_error_told_in_the_log(session, caplog):
    assert session.get("https://fail.example/secret?name=customer").status_code == 500
    assert "failed inside the sandbox" in caplog.text
    assert "customer" not in caplog.text


def test_only_tunnels_are_opened(proxy):
    assert requests.get(proxy.url, timeout=5).status_code == 405


def test_many_clients_are_served_at_once(proxy):
    def ask(number: int) -> dict[str, str]:
        with requests.Session() as own:
            own.trust_env = False
            own.proxies, own.verify = {"https": proxy.url}, str(proxy.ca_file)
            return own.get(f"https://{HOST}/", params={"n": number}).json()["query"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(24))) == [{"n": str(number)} for number in range(24)]


def test_stopping_closes_idle_tunnels_and_leaves_no_thread(tmp_path):
    before = set(threading.enumerate())
    with SandboxProxy(APPS.get, tmp_path) as running, requests.Session() as own:
        own.trust_env = False
        own.proxies, own.verify = {"https": running.url}, str(running.ca_file)
        own.get(f"https://{HOST}/")
        port = int(running.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent:
            running.stop()
            with contextlib.suppress(ConnectionResetError):
                assert silent.recv(1) == b""
        assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_client_that_leaves_in_the_middle_of_its_body_is_not_answered_and_harms_nobody(proxy, session, caplog):
    context = ssl.create_default_context(cafile=str(proxy.ca_file))
    port = int(proxy.url.rpartition(":")[2])
    for headers in (b"Content-Length: 100", b"Transfer-Encoding: chunked"):
        plain = socket.create_connection(("127.0.0.1", port))
        plain.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert plain.recv(1_000).startswith(b"HTTP/1.1 200")
        with context.wrap_socket(plain, server_hostname=HOST) as tunnel:
            tunnel.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n5\r\nabcde\r\n")
    assert session.get(f"https://{HOST}/").status_code == 200
    assert caplog.text == ""
