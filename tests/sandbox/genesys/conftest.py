"""A client of the simulated service, and small worlds to ask it about."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.world import World

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


class Client:
    """Calls one simulator over the adapter, with a token of its own."""

    def __init__(self, sim: GenesysSim) -> None:
        self.sim = sim
        self.api, self.login = sim.hosts
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("https://", WsgiAdapter({host: sim for host in sim.hosts}.get))
        self.token = ""

    def log_in(self, login: tuple[str, str] = ("demo-client", "demo-secret")) -> requests.Response:
        answer = self.session.post(
            f"https://{self.login}/oauth/token",
            auth=login,
            data={"grant_type": "client_credentials"},
        )
        self.token = answer.json().get("access_token", "")
        return answer

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        if not self.token:
            self.log_in()
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.session.request(method, f"https://{self.api}/api/v2{path}", headers=headers, **more)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def details(self, body: dict[str, Any] | None = None, **more: Any) -> requests.Response:
        given = {"interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z", **(body or {}), **more}
        return self.post("/analytics/conversations/details/query", given)

    def details_page(self, number: int, size: int, **more: Any) -> requests.Response:
        return self.details(paging={"pageNumber": number, "pageSize": size}, **more)


def small_conversation(number: int, start: datetime, seconds: float = 60, media: str = "voice") -> dict[str, Any]:
    """One agent, one session, one queue; ended after `seconds`."""
    begins, ends = start.isoformat(), (start + timedelta(seconds=seconds)).isoformat()
    session = {
        "sessionId": f"s{number}",
        "mediaType": media,
        "direction": "inbound",
        "segments": [
            {
                "segmentType": "interact",
                "queueId": "q1",
                "segmentStart": begins,
                "segmentEnd": ends,
                "conference": False,
            }
        ],
        "metrics": [{"name": "tTalk", "value": int(seconds * 1000), "emitDate": ends}],
    }
    return {
        "conversationId": f"c{number:03}",
        "conversationStart": begins,
        "conversationEnd": ends,
        "originatingDirection": "inbound",
        "divisionIds": ["d1"],
        "participants": [{"participantId": f"p{number}", "purpose": "agent", "userId": "u1", "sessions": [session]}],
    }


@pytest.fixture
def monday() -> datetime:
    return MONDAY


@pytest.fixture
def make() -> Callable[..., dict[str, Any]]:
    """Makes a small conversation: make(number, start, seconds=60, media="voice")."""
    return small_conversation


@pytest.fixture
def clock() -> SimulatedClock:
    """Noon three days after the Monday the data begins."""
    return SimulatedClock(MONDAY + timedelta(days=3, hours=12))


@pytest.fixture
def serve(clock: SimulatedClock) -> Callable[..., Client]:
    """Serves a world (or a list of conversations): serve(world, faults=..., ...) -> Client."""

    def start(world: World | list[dict[str, Any]], **options: Any) -> Client:
        known = world if isinstance(world, World) else World(world)
        return Client(GenesysSim(known, clock, **options))

    return start


@pytest.fixture(scope="session")
def centre() -> ContactCentre:
    return ContactCentre(seed=7, start=MONDAY, days=3, conversations=1500)


@pytest.fixture(scope="session")
def busy_world(centre: ContactCentre) -> World:
    """A contact centre of three days; shared, so nothing may change it."""
    return centre.world()
