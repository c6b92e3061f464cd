"""A simulated organisation and a plain client of it; nothing waits, the clock is moved by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.objects import OBJECTS
from connector.sandbox.salesforce import SalesforceSim

HOST = "https://acme.my.salesforce.com"
BASE = f"{HOST}/services/data/v66.0"
QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"


class Client:
    """What a client does, one call per method; answers are requests' own."""

    def __init__(self, sim: SalesforceSim, clock: SimulatedClock) -> None:
        self.sim, self.clock = sim, clock
        self.session = requests.Session()
        self.session.mount("https://", WsgiAdapter({host: sim for host in sim.hosts}.get))
        self.session.headers["Authorization"] = f"Bearer {sim.issue_token()}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(f"{BASE}/{path}", **more)

    def patch(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.session.patch(f"{BASE}/{path}", json=body, **more)

    def query(self, soql: str) -> requests.Response:
        return self.get("query", params={"q": soql})

    def collect(self, name: str, key: str, *records: dict[str, Any], all_or_none: bool = False) -> requests.Response:
        """Upsert by Collections."""
        typed = [{"attributes": {"type": name}, **record} for record in records]
        return self.patch(f"composite/sobjects/{name}/{key}", {"allOrNone": all_or_none, "records": typed})

    def create(self, name: str = QUEUE, key: str | None = KEY, operation: str = "upsert", **more: Any) -> str:
        """Make an Open job and give its id."""
        asked = {"object": name, "operation": operation, "contentType": "CSV", "lineEnding": "LF", **more}
        answer = self.session.post(
            f"{BASE}/jobs/ingest", json={**asked, **({"externalIdFieldName": key} if key else {})}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def put(self, job: str, data: str | bytes) -> requests.Response:
        body = data.encode() if isinstance(data, str) else data
        return self.session.put(f"{BASE}/jobs/ingest/{job}/batches", data=body, headers={"Content-Type": "text/csv"})

    def start(self, job: str) -> requests.Response:
        return self.patch(f"jobs/ingest/{job}", {"state": "UploadComplete"})

    def abort(self, job: str) -> requests.Response:
        return self.patch(f"jobs/ingest/{job}", {"state": "Aborted"})

    def info(self, job: str) -> dict[str, Any]:
        return dict(self.get(f"jobs/ingest/{job}").json())

    def results(self, job: str, kind: str) -> list[str]:
        """Lines of a result file: the header, then the rows sorted."""
        answer = self.get(f"jobs/ingest/{job}/{kind}")
        assert answer.status_code == 200, answer.text
        header, *rows = answer.content.decode().split("\n")
        return [header, *sorted(row for row in rows if row)]

    def load(self, data: str | bytes, *, wait: float = 20, **create: Any) -> str:
        """A whole job: create, upload, start, let `wait` seconds pass; gives its id."""
        job = self.create(**create)
        assert self.put(job, data).status_code == 201
        assert self.start(job).status_code == 200
        self.clock.advance(wait)
        return job


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


@pytest.fixture
def connect(clock: SimulatedClock) -> Iterator[Callable[..., Client]]:
    """Make an organisation with these settings, and a client of it."""
    made: list[Client] = []

    def make(path: Any = ":memory:", **settings: Any) -> Client:
        made.append(Client(SalesforceSim(path, OBJECTS, clock, **settings), clock))
        return made[-1]

    yield make
    for each in made:
        each.session.close()
        each.sim.close()


@pytest.fixture
def api(connect: Callable[..., Client]) -> Client:
    return connect()
