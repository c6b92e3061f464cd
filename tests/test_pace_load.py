"""The call budget under load: many callers, slow answers, a service that counts and tells."""

import io
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from lab import MAPPING
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from timeline import Timeline
from urllib3 import HTTPResponse

from connector.config import GenesysSettings, Secret
from connector.errors import QuotaSpent
from connector.genesys.client import GenesysClient
from connector.genesys.read_ahead import ReadAhead
from connector.mapping import load_mapping
from connector.pace import Pace, pace_file
from connector.spans import Span
from connector.transport import Transport

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATENCY = 1.5
INTERVALS = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]}
window: {start: 2022-03-02, size: P1D}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields: {Genesys_Key__c: {key: [queueId, mediaType, start]}}
"""


class Service:
    """Counts calls by client and minute, as the service does, and tells so; the call is counted half-way.

    allowed: calls a minute, by client (300). offset: second of the minute at which its windows begin.
    """

    def __init__(self, timeline: Timeline, latency: Callable[[], float] = lambda: LATENCY) -> None:
        self.timeline = timeline
        self.latency = latency
        self.allowed: dict[str, int] = defaultdict(lambda: 300)
        self.offset = 7.0
        self.retry_after: str | None = None
        self.body: Callable[[Any], dict[str, Any]] = lambda asked: {}
        self.made: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._windows: Counter[tuple[str, int]] = Counter()

    def count(self, client: str) -> tuple[int, dict[str, str]]:
        """One call of the client arrives: (status, headers)."""
        window, second = divmod(self.timeline.at() - self.offset, 60)
        self._windows[client, int(window)] += 1
        used, allowed = self._windows[client, int(window)], self.allowed[client]
        reset = str(60 - int(second))
        status = 429 if used > allowed else 200
        self.made[client].append((self.timeline.at(), status))
        told = {"count": str(min(used, allowed)), "allowed": str(allowed), "reset": reset}
        headers = {f"inin-ratelimit-{name}": value for name, value in told.items()}
        return status, {**headers, **({"Retry-After": self.retry_after or reset} if status == 429 else {})}

    def statuses(self, client: str) -> dict[int, int]:
        return dict(Counter(status for _, status in self.made[client]))

    def good_between(self, client: str, start: float, end: float) -> int:
        """Good calls that arrived in [start, end), seconds after noon."""
        noon = NOON.timestamp()
        return sum(1 for at, status in self.made[client] if start <= at - noon < end and status == 200)

    def most_in_a_minute(self, client: str) -> int:
        """The largest number of calls in any minute, half-open, wherever it begins."""
        times = [at for at, _ in self.made[client]]
        return max(sum(1 for at in times if first <= at < first + 60) for first in times)


class Line(BaseAdapter):
    """The way of one process to the service: its calls take their time."""

    def __init__(self, service: Service, client: str) -> None:
        super().__init__()
        self._service = service
        self._client = client

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        body: dict[str, Any] = {}
        status, headers = 200, {}
        if request.url.startswith("https://login."):
            body = {"access_token": "t", "token_type": "bearer", "expires_in": 86_400}
        else:
            way = self._service.latency() / 2
            self._service.timeline.sleep(way)
            status, headers = self._service.count(self._client)
            body = self._service.body(orjson.loads(request.body or b"null"))
            self._service.timeline.sleep(way)
        content = orjson.dumps(body if status == 200 else {"code": "too.many.requests", "message": "Too many."})
        answer = requests.Response()
        answer.status_code = status
        answer.headers = CaseInsensitiveDict(headers)
        answer.url = request.url
        answer.request = request
        answer.raw = HTTPResponse(io.BytesIO(content), headers, status, preload_content=False)
        return answer

    def close(self):
        """Nothing is held open."""


class Machine:
    """A user's processes on one machine: they share the folder of the budget."""

    def __init__(self, service: Service, folder: Path, per_minute: int = 300) -> None:
        self._service = service
        self._folder = folder
        self._per_minute = per_minute

    def process(self, client: str = "one") -> GenesysClient:
        timeline = self._service.timeline
        file = pace_file("mypurecloud.ie", client, {"XDG_CACHE_HOME": str(self._folder)})
        transport = Transport(
            now=timeline.now,
            sleep=timeline.sleep,
            mount=lambda session: session.mount("https://", Line(self._service, client)),
            jitter=lambda: 0.5,
        )
        pace = Pace(file, self._per_minute, now=timeline.seconds, sleep=timeline.sleep)
        settings = GenesysSettings("mypurecloud.ie", client, Secret("secret"), self._per_minute)
        return GenesysClient(settings, transport, pace)


@pytest.fixture
def service() -> Service:
    return Service(Timeline(NOON))


def greedy(service: Service, process: GenesysClient, seconds: float) -> Callable[[], None]:
    """A worker that calls again as soon as it was answered, until so many seconds after noon."""

    def work() -> None:
        while service.timeline.at() < NOON.timestamp() + seconds:
            process.call("GET", "/api/v2/x")

    return work


def test_ten_processes_use_98_percent_of_the_minute_in_equal_shares_and_no_call_is_refused(
    service: Service, tmp_path: Path
) -> None:
    machine = Machine(service, tmp_path)
    processes = [machine.process() for _ in range(10)]
    service.timeline.run(*(greedy(service, process, 190) for process in processes))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 180) >= 0.98 * 2 * 300
    assert service.most_in_a_minute("one") <= 300
    shares = [process.calls for process in processes]
    assert max(shares) - min(shares) <= 0.1 * sum(shares) / 10


def test_one_caller_alone_makes_as_many_calls_as_its_answers_let_it(service: Service, tmp_path: Path) -> None:
    service.timeline.run(greedy(service, Machine(service, tmp_path).process(), 120))
    assert service.good_between("one", 0, 120) == 80


def test_each_client_has_a_budget_of_its_own(service: Service, tmp_path: Path) -> None:
    machine = Machine(service, tmp_path)
    clients = ["one", "two"]
    workers = [greedy(service, machine.process(client), 130) for client in clients for _ in range(8)]
    service.timeline.run(*workers)
    for client in clients:
        assert service.statuses(client).keys() == {200}
        assert service.good_between(client, 60, 120) >= 0.98 * 300


def test_answers_that_take_now_long_now_short_cost_no_refusal(tmp_path: Path) -> None:
    """Calls overtake each other on their way."""
    steps = iter([0.1, 2.9, 1.5, 0.3, 2.2, 0.7, 2.6] * 1000)
    service = Service(Timeline(NOON), lambda: next(steps))
    machine = Machine(service, tmp_path)
    service.timeline.run(*(greedy(service, machine.process(), 190) for _ in range(12)))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 180) >= 0.98 * 2 * 300


def test_one_reader_of_many_pages_uses_98_percent_of_the_minute_because_it_reads_ahead(
    service: Service, tmp_path: Path
) -> None:
    mapping_file = tmp_path / "conversations.yml"
    mapping_file.write_text(MAPPING)
    pages = 1300

    def body(asked: Any) -> dict[str, Any]:
        number = asked["paging"]["pageNumber"]
        names = [f"c{number}-{place}" for place in range(100 if number <= pages else 0)]
        return {"conversations": [{"conversationId": name} for name in names], "totalHits": 100 * pages}

    service.body = body
    process = Machine(service, tmp_path).process()
    reader = ReadAhead(process, load_mapping(mapping_file), service.timeline.submit)
    span = Span(NOON - timedelta(days=1), NOON)
    read: list[int] = []

    def pull() -> None:
        while service.timeline.at() < NOON.timestamp() + 130:
            page = reader.fetch_page(span, len(read) + 1)
            read.append(page.number)
            service.timeline.sleep(0.05)  # as long as it takes to store it

    service.timeline.run(pull)
    assert read == list(range(1, len(read) + 1))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 120) >= 0.98 * 300


def test_a_backfill_of_spans_that_one_call_answers_uses_98_percent_of_the_minute_too(
    service: Service, tmp_path: Path
) -> None:
    mapping_file = tmp_path / "intervals.yml"
    mapping_file.write_text(INTERVALS)
    service.body = lambda asked: {"results": []}
    reader = ReadAhead(Machine(service, tmp_path).process(), load_mapping(mapping_file), service.timeline.submit)
    days = [Span(NOON - timedelta(days=back + 1), NOON - timedelta(days=back)) for back in range(1300)]
    read = 0

    def pull() -> None:
        nonlocal read
        while service.timeline.at() < NOON.timestamp() + 130:
            reader.expect(days[read + 1 :], service.timeline.now())
            reader.fetch_page(days[read], 1)
            read += 1
            service.timeline.sleep(0.05)  # as long as it takes to store it

    service.timeline.run(pull)
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 120) >= 0.98 * 300


@pytest.mark.parametrize("offset", [7.0, 58.0])
def test_a_service_that_allows_less_than_the_setting_is_followed_without_a_refusal(
    service: Service, tmp_path: Path, offset: float
) -> None:
    service.allowed["one"] = 180
    service.offset = offset
    machine = Machine(service, tmp_path)
    service.timeline.run(*(greedy(service, machine.process(), 190) for _ in range(8)))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 180) >= 0.98 * 2 * 180


def test_a_service_that_allows_more_than_the_setting_changes_nothing(service: Service, tmp_path: Path) -> None:
    service.allowed["one"] = 3000
    machine = Machine(service, tmp_path, per_minute=120)
    service.timeline.run(*(greedy(service, machine.process(), 190) for _ in range(8)))
    assert 0.98 * 240 <= service.good_between("one", 60, 180) <= 240


def test_a_limit_that_is_raised_again_is_used_again(service: Service, tmp_path: Path) -> None:
    service.allowed["one"] = 180
    machine = Machine(service, tmp_path)

    def raise_limit() -> None:
        service.timeline.sleep(30)
        service.allowed["one"] = 300

    service.timeline.run(raise_limit, *(greedy(service, machine.process(), 130) for _ in range(8)))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 120) >= 0.98 * 300


@pytest.mark.parametrize(("others", "most_refused"), [(60, 0), (100, 0), (200, 1)])
def test_the_budget_makes_room_for_a_program_on_another_machine(
    service: Service, tmp_path: Path, others: int, most_refused: int
) -> None:
    """It calls at its own pace, whatever we do, and is hardly ever refused; what it leaves is used."""
    machine = Machine(service, tmp_path)
    refused: list[int] = []

    def other_program() -> None:
        while service.timeline.at() < NOON.timestamp() + 190:
            status, _ = service.count("one")
            refused.append(status)
            service.timeline.sleep(60 / others)

    service.timeline.run(other_program, *(greedy(service, machine.process(), 190) for _ in range(8)))
    assert refused.count(429) <= most_refused
    assert service.statuses("one")[200] >= 190 / 60 * 0.95 * 300
    assert service.statuses("one").get(429, 0) - refused.count(429) == 0
    assert service.good_between("one", 67, 187) >= 0.95 * 2 * 300


def test_a_program_that_has_stopped_is_given_no_more_room(service: Service, tmp_path: Path) -> None:
    """It takes half of the minute at its beginning; most of the other half is used."""
    machine = Machine(service, tmp_path)

    def other_program() -> None:
        service.timeline.sleep(9)  # two seconds into a window of the service
        for _ in range(150):
            service.count("one")
            service.timeline.sleep(0.02)

    service.timeline.run(other_program, *(greedy(service, machine.process(), 130) for _ in range(8)))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 7, 67) >= 0.85 * 300


def test_two_machines_with_one_client_share_it_without_a_refusal(service: Service, tmp_path: Path) -> None:
    machines = [Machine(service, tmp_path / name) for name in ("here", "there")]
    processes = [[machine.process() for _ in range(8)] for machine in machines]
    service.timeline.run(*(greedy(service, one, 190) for several in processes for one in several))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 67, 187) >= 0.95 * 2 * 300
    here, there = (sum(one.calls for one in several) for several in processes)
    assert 0.8 < here / there < 1.25


def test_a_refusal_holds_every_process_as_long_as_the_service_asks(service: Service, tmp_path: Path) -> None:
    """Another program takes the whole minute at once."""
    machine = Machine(service, tmp_path)

    def other_program() -> None:
        service.timeline.sleep(17)  # ten seconds into a window of the service
        for _ in range(300):
            service.count("one")

    service.timeline.run(other_program, *(greedy(service, machine.process(), 130) for _ in range(8)))
    noon = NOON.timestamp()
    late = [at - noon for at, status in service.made["one"] if 20 < at - noon < 67]
    assert late == []
    assert service.good_between("one", 67, 127) >= 0.93 * 300


def test_a_time_to_come_back_beyond_three_minutes_ends_the_call(service: Service, tmp_path: Path) -> None:
    service.allowed["one"] = 0
    service.retry_after = "181"
    with pytest.raises(QuotaSpent, match=r"come back in 181 s, at 2026-03-02T12:03:0\dZ") as told:
        service.timeline.run(greedy(service, Machine(service, tmp_path).process(), 10))
    assert told.value.exit_code == 4


@pytest.mark.parametrize("jump", [-86_400, -120, 120])
def test_a_clock_that_jumps_costs_neither_a_refusal_nor_a_minute(service: Service, tmp_path: Path, jump: float) -> None:
    machine = Machine(service, tmp_path)

    def set_clock() -> None:
        service.timeline.sleep(90)
        service.timeline.clock_error = jump

    service.timeline.run(set_clock, *(greedy(service, machine.process(), 130) for _ in range(8)))
    assert service.statuses("one").keys() == {200}
    assert service.good_between("one", 60, 120) >= 0.97 * 300
