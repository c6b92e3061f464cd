"""An org as the connector sees it: over the simulator, or over a list of scripted answers."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse

from connector.config import SalesforceSettings, Secret
from connector.salesforce.connect import Org
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.objects import OBJECTS, Field, SObject, external_id, number, text
from connector.sandbox.salesforce import SalesforceSim
from connector.transport import Transport

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWERS = Path(__file__).parent / "answers"
CALL = SObject(
    "Call__c",
    "Call",
    "Calls",
    "a0c",
    (
        external_id("Key__c", "Key"),
        text("Note__c", "Note", 60),
        number("Talk__c", "Talk", 8, 1),
        Field("Parent__c", "Parent", "reference", length=18, parent="Account", relationship="Parent__r"),
    ),
)


def _settings(**changes: Any) -> SalesforceSettings:
    """Settings of a login by client credentials, with `changes`."""
    usual = {
        "domain": "acme.my",
        "client_id": "sf-client",
        "client_secret": Secret("sf-secret"),
        "access_token": None,
        "instance_url": None,
        "api_version": "66.0",
        "call_reserve": 0.2,
    }
    return SalesforceSettings(**{**usual, **changes})


class World:
    """The simulated organisation and the clock it lives on."""

    def __init__(self, rules: tuple[Rule, ...] = (), **options: Any) -> None:
        self.clock = SimulatedClock(NOON)
        self.sim = SalesforceSim(":memory:", (*OBJECTS, CALL), self.clock, faults=Faults(rules), **options)

    def org(self, clock_error: timedelta = timedelta(), **changes: Any) -> Org:
        """A freshly started connector's view of it. clock_error: of the connector's machine."""
        adapter = WsgiAdapter(lambda host: self.sim if host in self.sim.hosts else None, self.clock)
        transport = Transport(
            now=lambda: self.clock.now() + clock_error,
            sleep=self.clock.sleep,
            mount=lambda session: session.mount("https://", adapter),
            jitter=lambda: 0.5,
        )
        return Org(_settings(**changes), transport)

    def asked(self, part: str = "") -> list[tuple[str, str, int]]:
        """Method, path and status of the calls so far whose path holds `part`."""
        return [tuple(call) for call in self.sim.calls if part in call.path]


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    """Makes worlds: `world(Rule(...), Rule(...), **options of SalesforceSim)`."""
    made: list[World] = []

    def make(*rules: Rule, **options: Any) -> World:
        made.append(World(rules, **options))
        return made[-1]

    yield make
    for each in made:
        each.sim.close()


class Script(BaseAdapter):
    """Answers calls from a list: (status, body, headers); keeps what was asked, bodies read."""

    def __init__(self, *answers: tuple[int, Any, dict[str, str]] | tuple[int, Any]) -> None:
        super().__init__()
        self._answers = iter(answers)
        self.asked: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        """The next answer of the list."""
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        self.asked.append((request.method, request.path_url, body.encode() if isinstance(body, str) else body))
        self.headers.append(dict(request.headers))
        status, content, *headers = next(self._answers)
        data = content if isinstance(content, bytes) else orjson.dumps(content)
        kind = {} if isinstance(content, bytes) else {"Content-Type": "application/json"}
        raw = HTTPResponse(
            body=io.BytesIO(data),
            headers=HTTPHeaderDict({**kind, **(headers[0] if headers else {})}),
            status=status,
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,  # as older releases of urllib3 do
        )
        response = requests.Response()
        response.status_code, response.url, response.raw, response.request = status, request.url, raw, request
        response.headers = CaseInsensitiveDict(raw.headers)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def _scripted(*answers: Any, **changes: Any) -> tuple[Org, Script]:
    """An org with a ready access token whose calls are answered by `answers`, and what it asked."""
    script = Script(*answers)
    clock = SimulatedClock(NOON)
    transport = Transport(
        now=clock.now, sleep=clock.sleep, mount=lambda session: session.mount("https://", script), jitter=lambda: 0.5
    )
    ready = {"access_token": Secret("00Dready!token"), "instance_url": "https://acme.my.salesforce.com"}
    return Org(_settings(**{"client_secret": None, **ready, **changes}), transport), script


def _saved(name: str) -> Any:
    """A saved JSON answer."""
    return orjson.loads((ANSWERS / name).read_bytes())


@pytest.fixture
def scripted() -> Callable[..., tuple[Org, Script]]:
    """Makes orgs over scripted answers: `org, script = scripted((200, {...}), ...)`."""
    return _scripted


@pytest.fixture
def saved() -> Callable[[str], Any]:
    """Reads saved JSON answers by file name."""
    return _saved


@pytest.fixture
def answers() -> Path:
    """The folder of saved answers."""
    return ANSWERS


@pytest.fixture
def secret() -> Callable[[str], Secret]:
    """Makes secrets."""
    return Secret
