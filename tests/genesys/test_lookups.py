"""Names for ids: which calls are made, what counts as unknown, and what no fault may forget."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.config import GenesysSettings, Secret
from connector.errors import MalformedAnswer, PermissionMissing, QueryRefused, RefusedSpan, ServiceUnavailable
from connector.genesys.client import Answer, GenesysClient
from connector.genesys.lookups import Lookups, Remembered, try_listing
from connector.pace import Pace
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.directory import Directory, Entity
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.world import World
from connector.state.database import Database
from connector.state.lookups import LookupCache
from connector.transport import Transport

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOME = {"id": "d1", "name": "Home", "selfUri": "/api/v2/authorization/divisions/d1"}
QUEUES = "/routing/queues$"


def queue(identity: str, name: str) -> Entity:
    return {"id": identity, "name": name, "division": HOME}


class Asking:
    """A client that remembers what it was asked: path, page and ids."""

    def __init__(self, client: GenesysClient) -> None:
        self.client = client
        self.asked: list[tuple[str, str, list[str]]] = []

    def call(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, permission: str = "") -> Answer:
        params = params or {}
        self.asked.append((path.rpartition("/")[2], params["pageNumber"], list(params.get("id", ()))))
        return self.client.call(method, path, params=params, permission=permission)


class Office:
    """A simulated organisation, a cache in a file, and runs that look things up in it."""

    def __init__(self, folder: Path) -> None:
        self.clock = SimulatedClock(NOON)
        self.world = World(directory=Directory({"id": "org-1", "name": "Sandbox"}))
        self.sim = GenesysSim(self.world, self.clock, calls_per_minute=100_000)
        self.transport = Transport(
            now=self.clock.now,
            sleep=self.clock.sleep,
            mount=lambda session: session.mount("https://", WsgiAdapter(lambda host: self.sim, self.clock)),
        )
        pace = Pace(folder / "budget", 100_000, now=lambda: self.clock.now().timestamp(), sleep=self.clock.sleep)
        settings = GenesysSettings("mypurecloud.ie", "demo-client", Secret("demo-secret"), 100_000)
        self.client = Asking(GenesysClient(settings, self.transport, pace))
        self.db = Database(folder / "state.db")
        self.cache = LookupCache(self.db, "org-1")

    def has(self, **entities: Sequence[Entity]) -> None:
        """What the organisation holds from now on."""
        self.world.directory = replace(self.world.directory, **{kind: tuple(them) for kind, them in entities.items()})

    def faults(self, *rules: Rule) -> None:
        self.sim.faults = Faults(rules)

    def run(self, age: timedelta = DAY) -> Lookups:
        """Look-ups as a new run makes them; what it asks is told apart from what was asked before."""
        self.client.asked.clear()
        return Lookups(self.client, self.cache, age, now=self.clock.now, sleep=self.clock.sleep)

    @property
    def asked(self) -> list[tuple[str, str, list[str]]]:
        return self.client.asked

    def names(self, kind: str = "queues") -> dict[str, str | None]:
        """Everything remembered of a kind: id to name, None where there is no such id."""
        rows = self.db.rows("SELECT id, properties ->> 'name' AS name FROM lookups WHERE kind = ?", [kind])
        return {row["id"]: row["name"] for row in rows}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.db.close()
    made.transport.close()


def many(count: int) -> list[Entity]:
    return [queue(f"q{number:04}", f"Queue {number:04}") for number in range(count)]


def test_a_list_is_read_once_and_answers_everything_on_it(office):
    office.has(queues=many(250))
    lookups = office.run()
    assert lookups.find("queues", "q0240") == {"name": "Queue 0240", "division": "Home"}
    assert lookups.find("queues", "q0007") == {"name": "Queue 0007", "division": "Home"}
    assert office.asked == [("queues", "1", []), ("queues", "2", []), ("queues", "3", [])]


def test_every_kind_gives_its_properties_and_none_where_the_service_tells_none(office):
    user = {"id": "u1", "name": "Aino Adler", "email": "aino@example.invalid", "division": HOME, "title": " "}
    office.has(users=[user], wrap_up_codes=[{"id": "w1", "name": "Solved", "division": HOME}], divisions=[HOME])
    lookups = office.run()
    assert lookups.find("users", "u1") == {
        "name": "Aino Adler",
        "email": "aino@example.invalid",
        "department": None,
        "title": None,
        "division": "Home",
    }
    assert lookups.find("wrap_up_codes", "w1") == {"name": "Solved", "division": "Home"}
    assert lookups.find("divisions", "d1") == {"name": "Home"}
    assert [lookups.find(kind, "gone") for kind in ("users", "wrap_up_codes", "divisions")] == [None] * 3


def test_former_users_are_found(office):
    office.has(
        users=[{"id": f"u-{state}", "name": state, "state": state} for state in ("active", "inactive", "deleted")]
    )
    lookups = office.run()
    found = [lookups.find("users", f"u-{state}") for state in ("active", "inactive", "deleted")]
    assert [one and one["name"] for one in found] == ["active", "inactive", "deleted"]


def test_within_its_age_a_name_costs_no_call(office):
    office.has(queues=[queue("q1", "Support")])
    office.run().find("queues", "q1")
    office.clock.advance(86_000)
    office.has(queues=[queue("q1", "Renamed")])
    assert (office.run().find("queues", "q1"), office.asked) == ({"name": "Support", "division": "Home"}, [])


def test_past_its_age_the_list_is_read_again(office):
    office.has(queues=[queue("q1", "Support"), queue("q2", "Sales")])
    office.run().find("queues", "q1")
    office.clock.advance(86_401)
    office.has(queues=[queue("q1", "Renamed"), queue("q2", "Sales")])
    lookups = office.run()
    assert [lookups.find("queues", one) for one in ("q1", "q2", "q1")] == [
        {"name": "Renamed", "division": "Home"},
        {"name": "Sales", "division": "Home"},
        {"name": "Renamed", "division": "Home"},
    ]
    assert office.asked == [("queues", "1", [])]


def test_an_id_that_is_new_reads_the_list_again_once_a_run(office):
    office.has(queues=[queue("q1", "Support")])
    office.run().find("queues", "q1")
    office.has(queues=[queue("q1", "Support"), queue("q2", "Sales")])
    lookups = office.run()
    assert lookups.find("queues", "q2") == {"name": "Sales", "division": "Home"}
    assert (lookups.find("queues", "gone-1"), lookups.find("queues", "gone-2")) == (None, None)
    assert office.asked == [("queues", "1", []), ("queues", "1", ["gone-1"]), ("queues", "1", ["gone-2"])]


def test_an_unknown_id_is_remembered_and_costs_no_call_until_it_is_old(office):
    office.has(queues=[queue("q1", "Support")])
    assert office.run().find("queues", "gone") is None
    assert office.asked == [("queues", "1", []), ("queues", "1", ["gone"])]
    assert (office.run().find("queues", "gone"), office.asked) == (None, [])
    office.clock.advance(86_402)
    assert office.run().find("queues", "gone") is None
    assert office.asked == [("queues", "1", []), ("queues", "1", ["gone"])]


def test_old_answers_that_stand_on_no_list_are_asked_for_together_and_without_the_list(office):
    office.has(queues=[queue("q1", "Support")])
    lookups = office.run()
    for number in range(150):
        lookups.find("queues", f"gone-{number}")
    office.clock.advance(80_000)
    office.run().find("queues", "gone-new")
    office.clock.advance(10_000)
    lookups = office.run()
    assert [lookups.find("queues", f"gone-{number}") for number in range(150)] == [None] * 150
    assert [(page, len(ids)) for _, page, ids in office.asked] == [("1", 100), ("1", 50)]


def test_a_deleted_queue_loses_its_name_only_when_the_service_says_so_of_its_id(office):
    office.has(queues=[queue("q1", "Support"), queue("q2", "Sales")])
    office.run().find("queues", "q1")
    office.has(queues=[queue("q2", "Sales")])
    office.clock.advance(90_000)
    office.run().find("queues", "q2")
    assert office.names() == {"q1": "Support", "q2": "Sales"}
    assert office.run().find("queues", "q1") is None
    assert (office.names(), office.asked) == ({"q1": None, "q2": "Sales"}, [("queues", "1", ["q1"])])


@pytest.mark.parametrize("action", ["empty_page", "empty_missing_list", "null_list"])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_an_empty_page_loses_no_name(office, action, page):
    office.has(queues=many(250))
    office.faults(Rule(action, path=QUEUES, page=page, nth=1))
    lookups = office.run()
    assert [lookups.find("queues", f"q{number:04}") is None for number in range(250)] == [False] * 250
    assert office.cache.listed("queues") == NOON  # when it was begun, whatever waits came


@pytest.mark.parametrize(
    "rules",
    [
        [Rule("empty_page", path=QUEUES, page=2)],
        [Rule("short_page", {"rows": 40}, path=QUEUES, page=2)],
        [Rule("drop_rows", {"rows": 3}, path=QUEUES, page=1, nth=1)],
        [Rule("repeat_previous_page", path=QUEUES, page=2)],
        [Rule("total", {"value": "stale_low", "by": 200}, path=QUEUES)],
        [Rule("total", {"value": "stale_high", "by": 20}, path=QUEUES)],
        [Rule("total", {"value": "missing"}, path=QUEUES), Rule("page_count", {"value": "missing"}, path=QUEUES)],
        [Rule("status", {"code": 400, "json": {"code": "bad.request", "status": 400}}, path=QUEUES, page=3)],
    ],
    ids=["empty", "short", "dropped", "repeated", "total low", "total high", "no counts", "refused"],
)
def test_what_a_list_does_not_give_is_asked_for_by_id(office, rules):
    office.has(queues=many(250))
    office.faults(*rules)
    lookups = office.run()
    assert {lookups.find("queues", f"q{number:04}")["name"] for number in range(250)} == {
        f"Queue {number:04}" for number in range(250)
    }
    assert lookups.find("queues", "gone") is None


def test_a_fault_in_the_middle_of_a_list_is_an_error_and_forgets_nothing(office):
    office.has(queues=many(250))
    office.run().find("queues", "q0001")
    office.clock.advance(90_000)
    office.has(queues=[queue(one["id"], f"New {one['name']}") for one in many(250)])
    office.faults(Rule("status", {"code": 500}, path=QUEUES, page=2))
    with pytest.raises(ServiceUnavailable):
        office.run().find("queues", "q0200")
    assert office.names()["q0200"] == "Queue 0200"
    assert office.cache.listed("queues") == NOON
    office.faults()
    assert office.run().find("queues", "q0200") == {"name": "New Queue 0200", "division": "Home"}
    assert len(office.asked) == 3


@pytest.mark.parametrize("rule", [Rule("status", {"code": 503}, path=QUEUES), Rule("refuse", path=QUEUES)])
def test_a_fault_when_asked_by_id_is_an_error_and_forgets_nothing(office, rule):
    office.has(queues=[queue("q1", "Support"), queue("q2", "Sales")])
    office.run().find("queues", "q1")
    office.clock.advance(90_000)
    office.has(queues=[queue("q2", "Sales")])
    lookups = office.run()
    lookups.find("queues", "q2")
    office.faults(rule)
    with pytest.raises(ServiceUnavailable):
        lookups.find("queues", "q1")
    assert office.names() == {"q1": "Support", "q2": "Sales"}


def test_an_answer_by_id_that_is_empty_by_mistake_is_asked_for_again(office):
    office.has(queues=[queue("q1", "Support"), queue("q2", "Sales")])
    office.run().find("queues", "q1")
    office.faults(Rule("drop_rows", {"rows": 1}, path=QUEUES, nth=[1, 2]))
    office.clock.advance(90_000)
    assert office.run().find("queues", "q1") == {"name": "Support", "division": "Home"}
    office.faults(Rule("empty_page", path=QUEUES))
    office.clock.advance(90_000)
    with pytest.raises(MalformedAnswer, match="asked for 2 by id, it gave 0 and told of 2"):
        office.run().find("queues", "q1")
    assert office.names() == {"q1": "Support", "q2": "Sales"}


def test_a_missing_permission_is_named(office):
    office.sim.withdraw("routing:queue:view")
    with pytest.raises(PermissionMissing) as caught:
        office.run().find("queues", "q1")
    assert "routing:queue:view" in caught.value.hint
    assert office.names() == {}


def test_a_token_that_ran_out_is_renewed(office):
    office.has(queues=[queue("q1", "Support")])
    office.run().find("queues", "q1")
    office.sim.revoke_tokens()
    office.clock.advance(90_000)
    assert office.run().find("queues", "q1") == {"name": "Support", "division": "Home"}


@pytest.mark.parametrize("text", ["", "tel:+15550001", "a@example.invalid", "q 1", "q1,q2", "-", "x" * 101, "é"])
def test_what_cannot_be_an_id_is_asked_of_nobody(office, text):
    assert (office.run().find("queues", text), office.asked) == (None, [])


def test_ids_are_kept_apart_by_organisation(office):
    office.has(queues=[queue("q1", "Support")])
    office.run().find("queues", "q1")
    office.cache = LookupCache(office.db, "org-2")
    office.has(queues=[queue("q1", "Other")])
    assert office.run().find("queues", "q1") == {"name": "Other", "division": "Home"}
    office.cache = LookupCache(office.db, "org-1")
    assert office.run().find("queues", "q1") == {"name": "Support", "division": "Home"}


def test_a_cache_in_memory_answers_alike(office):
    office.has(queues=[queue("q1", "Support")])
    office.cache = Remembered()
    lookups = office.run()
    assert [lookups.find("queues", one) for one in ("q1", "gone", "q1", "gone")] == [
        {"name": "Support", "division": "Home"},
        None,
    ] * 2
    assert office.asked == [("queues", "1", []), ("queues", "1", ["gone"])]


def test_a_look_at_a_list_asks_for_one_entry(office):
    try_listing(office.client, "queues")
    office.sim.withdraw("routing:wrapupCode:view")
    with pytest.raises(PermissionMissing):
        try_listing(office.client, "wrap_up_codes")
    assert office.asked == [("queues", "1", []), ("wrapupcodes", "1", [])]


class Odd:
    """A service with ways of its own. refused: ids it answers with 400; total: what it tells of any answer by id."""

    def __init__(self, refused: Sequence[str] = (), total: int | None = None, by_id: bool = True) -> None:
        self.refused = set(refused)
        self.total = total
        self.by_id = by_id

    def call(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, permission: str = "") -> Answer:
        ids = set((params or {}).get("id", ()))
        if self.refused & ids or (ids and not self.by_id):
            raise RefusedSpan("HTTP 400")
        there = [one for one in ("w1", "w2") if not ids or one in ids]
        total = self.total if ids and self.total is not None else len(there)
        return Answer({"entities": [{"id": one, "name": one.upper()} for one in there], "total": total}, {}, 0)


def looking_up(odd: Odd) -> Lookups:
    return Lookups(odd, Remembered(), DAY, now=lambda: NOON, sleep=lambda seconds: None)


def test_an_id_the_service_refuses_although_it_answers_for_others_is_unknown():
    lookups = looking_up(Odd(refused=["ININ-WRAP-UP-TIMEOUT"]))
    assert lookups.find("wrap_up_codes", "ININ-WRAP-UP-TIMEOUT") is None
    assert lookups.find("wrap_up_codes", "w2") == {"name": "W2", "division": None}


def test_a_refusal_of_every_question_by_id_is_an_error():
    with pytest.raises(QueryRefused):
        looking_up(Odd(by_id=False)).find("wrap_up_codes", "gone")


def test_a_count_that_is_wrong_even_for_an_id_that_is_there_says_nothing():
    lookups = looking_up(Odd(total=2))
    assert lookups.find("wrap_up_codes", "gone") is None


@pytest.mark.parametrize("entities", [{"id": "w1"}, [{"name": "no id"}], ["w1"], [{"id": 7}]])
def test_an_answer_that_is_no_list_of_names_is_an_error(entities):
    class Wrong:
        def call(self, *_: Any, **__: Any) -> Answer:
            return Answer({"entities": entities, "total": 1}, {}, 0)

    with pytest.raises(MalformedAnswer):
        looking_up(Wrong()).find("wrap_up_codes", "w1")
