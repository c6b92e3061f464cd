"""What a proxy on the way changes: nothing about which answers are lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.errors import ServiceUnavailable
from connector.sandbox.faults import ConnectionDropped
from connector.sandbox.proxy import SandboxProxy
from connector.transport import AnswerLost, Transport


class Service:
    """Answers, or takes the request and drops the connection."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.received.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/drop":
            raise ConnectionDropped(True)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"{}"]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def transport(service: Service, tmp_path: Path) -> Iterator[Transport]:
    known = {"api.example.com": service}
    with SandboxProxy(known.get, tmp_path) as proxy:

        def lead(session: requests.Session) -> None:
            session.trust_env = False
            session.proxies = {"https": proxy.url}
            session.verify = str(proxy.ca_file)

        made = Transport(now=lambda: datetime.now(UTC), sleep=lambda seconds: None, mount=lead, jitter=lambda: 0.0)
        yield made
        made.close()


def test_a_connection_dropped_behind_a_proxy_leaves_the_outcome_unknown(transport, service):
    with pytest.raises(AnswerLost, match="dropped the connection"):
        transport.request("Salesforce", "PUT", "https://api.example.com/drop", data=b"rows", repeat=False)
    assert service.received == ["/drop"]


def test_a_connection_dropped_after_others_went_well_is_told_alike(transport):
    transport.request("Salesforce", "GET", "https://api.example.com/fine")
    with pytest.raises(AnswerLost, match="dropped the connection"):
        transport.request("Salesforce", "PUT", "https://api.example.com/drop", data=b"rows", repeat=False)


def test_a_host_the_proxy_cannot_reach_is_the_proxys_fault(transport):
    with pytest.raises(ServiceUnavailable, match="not reached through the proxy") as raised:
        transport.request("Salesforce", "PUT", "https://other.example.com/", data=b"rows", repeat=False)
    assert not isinstance(raised.value, AnswerLost)
