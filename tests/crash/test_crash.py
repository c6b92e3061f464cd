"""A sync killed by SIGKILL at each of its durable steps and then repeated keeps every promise.

A durable step is a commit of the state file, a request on its way out, or an answer that has come in.
"""

import random
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from crash.promises import Trial, attempt, broken, mark
from crash.stage import Stage, Start, write_home
from lab import at, conversation

from connector.sandbox.faults import Rule
from connector.sandbox.world import World
from connector.spans import stamp

STAGES = 2
SEED = 1
PAIRS = 40
THREADED = 40

MAPPING = """
source: {{query: conversations.details, page_size: 100}}
window: {{start: 2026-03-02, size: {size}, lookback: PT6H, settle: PT15M, timezone: UTC}}
target: {{object: Conversation__c, external_id: Conversation_Id__c, deliver: {deliver}, when_vanished: {vanished}}}
fields:
  Conversation_Id__c: {{key: [conversationId]}}
  Started__c: conversationStart
  Ended__c: conversationEnd
  Direction__c: direction
  Duration_s__c: {{from: duration_ms, divide: 1000, round: {round}}}
  First_Queue_Id__c: {{from: first_queue_id, when_missing: reject}}
  Is_Open__c: is_open
"""


def mapping(size: str = "P1D", deliver: str = "bulk", round: int = 2, vanished: str = "leave") -> str:
    return MAPPING.format(size=size, deliver=deliver, round=round, vanished=vanished)


FIRST_SYNC, FIRST_HORIZON = at(22 + 10 / 60), at(21 + 55 / 60)
SECOND_SYNC, HORIZON = at(26 + 10 / 60), at(25 + 55 / 60)
UNMAPPABLE, REFUSED, LOCKED = "today-150", "tonight-50", "today-7"
"""A conversation that never met a queue; rows that a validation rule refuses, and that somebody else is writing."""

EVERY_PAGE_BUT_THE_FIRST = Rule("shift", {"rows": 1}, path="/details/query", page=[2, 3, 4])
"""Begins with the last record of the page before it: something was added to the list meanwhile."""

FIRST_JOB_FAILS = Rule("fail_job_halfway", path="/jobs/ingest$", method="POST", nth=1)


def filled_world() -> World:
    """Two days: some delivered by a first sync, of those some still open then, many that come later."""
    world = World()
    for number in range(30):
        world.add(conversation(f"over-{number}", at(18 + number / 30)))
    for number in range(20):
        world.add(conversation(f"open-{number}", at(20.5 + number / 20), minutes=120))
    for number in range(60):
        world.add(conversation(f"tonight-{number}", at(22 + number / 30)))
    for number in range(195):
        one = conversation(f"today-{number}", at(24 + number / 100))
        if one["conversationId"] == UNMAPPABLE:
            one["participants"] = one["participants"][:1]
        world.add(one)
    return world


def truth(world: World, now: datetime, until: datetime) -> dict[str, dict[str, Any]]:
    """The rows that should stand in Salesforce after a sync at `now`: of conversations begun before `until`."""

    def text(moment: str | None) -> str | None:
        return moment.replace("Z", "+0000") if moment else None

    shown = world.conversations_at(now, at(0), until)
    return {
        one["conversationId"]: {
            "Conversation_Id__c": one["conversationId"],
            "Started__c": text(one["conversationStart"]),
            "Ended__c": text(one.get("conversationEnd")),
            "Direction__c": "inbound",
            "Duration_s__c": (7200.0 if one["conversationId"].startswith("open") else 300.0)
            if "conversationEnd" in one
            else None,
            "First_Queue_Id__c": "q1",
            "Is_Open__c": "conversationEnd" not in one,
            "Media_Types__c": None,
        }
        for one in shown
        if one["conversationId"] not in (UNMAPPABLE, REFUSED)
    }


class Theatre:
    """Trials on several stages at once."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._free: SimpleQueue[Stage] = SimpleQueue()
        for stage in stages:
            self._free.put(stage)

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A stage nobody else uses."""
        stage = self._free.get()
        try:
            yield stage
        finally:
            self._free.put(stage)

    def attempt(self, start: Start, kills: Sequence[int] = (), seed: int | None = SEED) -> Trial:
        with self.stage() as stage, stage.scene(start) as scene:
            return attempt(scene, kills, seed)

    def attempts(self, start: Start, kills: Iterable[Sequence[int]], seed: int | None = SEED) -> list[Trial]:
        with ThreadPoolExecutor(STAGES) as threads:
            return list(threads.map(self.attempt, repeat(start), kills, repeat(seed)))


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with ExitStack() as stack:
        yield Theatre([stack.enter_context(Stage(tmp_path_factory.mktemp("stage"))) for _ in range(STAGES)])


Tell = Callable[[Sequence[Trial], Trial], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Fail with promises each trial broke, by where its runs were killed; else say how many were."""

    def tell(trials: Sequence[Trial], calm: Trial) -> None:
        failures = [f"{trial.story()}: {promise}" for trial in trials for promise in broken(trial, calm)[:3]]
        assert not failures, "\n" + "\n".join(failures)
        with capsys.disabled():
            print(f" {sum(run.was_killed for trial in trials for run in trial.runs)} processes killed ", end="")

    return tell


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A home that was just set up, an empty org, and a day to bring over."""
    folder = tmp_path_factory.mktemp("first")
    write_home(folder / "home", mapping())
    return Start(filled_world(), folder / "home", folder / "no-org.db", FIRST_SYNC)


@pytest.fixture(scope="module")
def later(theatre: Theatre, first: Start, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A home that has synced once and whose mapping was changed since: its first rows go by Collections again.

    New rows come by two spans of two pages each, the second with a record of the first; one is refused by the mapping,
    one by Salesforce, which fails another one and half of a job for the time being; rows delivered before are updated,
    by Collections and by job.
    """
    folder = tmp_path_factory.mktemp("later")
    with theatre.stage() as stage, stage.scene(first) as scene:
        ended = scene.run()
        assert (ended.code, ended.output) == (0, "")
        scene.salesforce.close()
        shutil.copytree(scene.home, folder / "home")
        shutil.copy(scene.folder / "org.db", folder / "org.db")
    (folder / "home" / "mappings" / "conversations.yml").write_text(mapping(round=1))
    return replace(
        first,
        home=folder / "home",
        org=folder / "org.db",
        now=SECOND_SYNC,
        rules=(EVERY_PAGE_BUT_THE_FIRST, FIRST_JOB_FAILS),
        refused=frozenset({REFUSED}),
        locked=frozenset({LOCKED}),
    )


@pytest.fixture(scope="module")
def calm(theatre: Theatre, later: Start) -> Trial:
    """What the second sync does when nobody disturbs it."""
    return theatre.attempt(later)


def test_the_undisturbed_sync_takes_every_way_there_is_to_be_disturbed_on(later: Start, calm: Trial):
    assert broken(calm, calm) == []
    assert calm.org.rows == truth(later.world, SECOND_SYNC, HORIZON)
    assert mark(calm.end) == stamp(HORIZON)
    sent = [one["path"] for one in calm.end["batches"] if one not in calm.before["batches"]]
    assert sent == ["collections", "bulk", "bulk", "bulk"]
    passes = [one for one in calm.end["passes"] if one not in calm.before["passes"]]
    found = [(one["pulled"], one["duplicate"], one["updated"], one["rejected"]) for one in passes]
    assert found == [(196, 1, 0, 1), (111, 1, 20, 1)]
    calls = [step.split()[2].rpartition("/")[2] for step in calm.last.steps if step.startswith("request")]
    pulling = [at for at, call in enumerate(calls) if call == "query"]
    assert pulling[0] < calls.index("Conversation_Id__c") < pulling[-1]
    jobs = [(job.state, len(job.keys), len(job.done)) for job in calm.org.jobs]
    assert jobs == [("Failed", 71, 36), ("JobComplete", 1, 1), ("JobComplete", 35, 35)]


def test_a_sync_killed_at_any_step_and_repeated_keeps_every_promise(
    theatre: Theatre, later: Start, calm: Trial, tell: Tell
):
    kills = range(1, len(calm.last.steps) + 1)
    trials = theatre.attempts(later, [[kill] for kill in kills])
    assert [trial.runs[0].steps for trial in trials] == [calm.last.steps[:kill] for kill in kills]
    tell(trials, calm)


def test_a_first_sync_killed_at_any_step_and_repeated_keeps_every_promise(theatre: Theatre, first: Start, tell: Tell):
    calm = theatre.attempt(first)
    assert (broken(calm, calm), calm.org.rows) == ([], truth(first.world, FIRST_SYNC, FIRST_HORIZON))
    kills = range(1, len(calm.last.steps) + 1)
    tell(theatre.attempts(first, [[kill] for kill in kills]), calm)


def test_a_sync_whose_source_promised_too_much_killed_at_any_step_and_repeated_keeps_every_promise(
    theatre: Theatre, first: Start, tell: Tell, tmp_path: Path
):
    """Two days in one span, of which the service states a wrong total: its halves, a day each, settle the matter."""
    write_home(tmp_path / "home", mapping(size="P7D", deliver="collections"))
    interval = "2026-03-02T00:00:00.000Z/2026-03-03T01:55:00.000Z"
    promise = Rule("total", {"value": "stale_high"}, path="/details/query", body={"interval": interval})
    world = World(conversation(f"c{number}", at(20 + number / 5)) for number in range(30))
    start = replace(first, world=world, home=tmp_path / "home", now=SECOND_SYNC, rules=(promise,))
    calm = theatre.attempt(start)
    assert (broken(calm, calm), calm.org.rows) == ([], truth(world, SECOND_SYNC, HORIZON))
    assert [(one["state"], one["parent"]) for one in calm.end["passes"]] == [
        ("split", None),
        ("settled", 1),
        ("settled", 1),
    ]
    kills = range(1, len(calm.last.steps) + 1)
    tell(theatre.attempts(start, [[kill] for kill in kills]), calm)


@pytest.mark.parametrize("vanished", ["clear", "delete"])
def test_a_sync_that_finds_rows_given_no_more_killed_at_any_step_and_repeated_keeps_every_promise(
    theatre: Theatre, first: Start, tell: Tell, tmp_path: Path, vanished: str
):
    write_home(tmp_path / "new", mapping(vanished=vanished))
    world = World(conversation(f"c{number}", at(18 + number / 10)) for number in range(45))
    gone = [f"c{number}" for number in range(0, 30, 5)]
    for name in gone:
        world.hide(name, at(25))
    start = replace(first, world=world, home=tmp_path / "new")
    with theatre.stage() as stage, stage.scene(start) as scene:
        assert scene.run().code == 0
        scene.salesforce.close()
        shutil.copytree(scene.home, tmp_path / "home")
        shutil.copy(scene.folder / "org.db", tmp_path / "org.db")
    start = replace(start, home=tmp_path / "home", org=tmp_path / "org.db", now=SECOND_SYNC)
    calm = theatre.attempt(start)
    assert broken(calm, calm) == []
    counted = [sum(one[term] for one in calm.end["passes"]) for term in ("vanished", "updated", "deleted")]
    assert counted == ([6, 6, 0] if vanished == "clear" else [6, 0, 6])
    assert [name in calm.org.rows for name in gone] == [vanished == "clear"] * 6
    kills = range(1, len(calm.last.steps) + 1)
    tell(theatre.attempts(start, [[kill] for kill in kills]), calm)


@pytest.mark.parametrize("state", ["forming", "uploading"])
def test_a_sync_killed_again_while_it_undoes_a_batch_keeps_every_promise(
    theatre: Theatre, later: Start, calm: Trial, tell: Tell, state: str
):
    """Its rows wait again and go by another job: until that one is made, each step of the second run is its last."""
    created = creates_job(calm.last.steps)
    uploaded = next(number for number, step in enumerate(calm.last.steps, 1) if step.startswith("answer 201 to PUT"))
    # Two commits before the job is made: the rows were taken, the batch is ready.
    kill = created - 2 if state == "forming" else uploaded
    once = theatre.attempt(later, [kill])
    assert [one["state"] for one in once.tables[0]["batches"] if not one["ended"]] == [state]
    tell(theatre.attempts(later, [[kill, again] for again in range(1, creates_job(once.last.steps))]), calm)


def creates_job(steps: Sequence[str]) -> int:
    """The number of the step at which the first ingest job is asked for."""
    return next(number for number, step in enumerate(steps, 1) if re.match(r"request POST .*/jobs/ingest$", step))


def test_a_sync_killed_twice_and_repeated_keeps_every_promise(theatre: Theatre, later: Start, calm: Trial, tell: Tell):
    dice, most = random.Random(SEED), len(calm.last.steps)
    firsts = [dice.randint(1, most) for _ in range(PAIRS)]
    # What is left takes about as many steps as are left, and a few to log in again.
    tell(theatre.attempts(later, [[kill, dice.randint(1, most - kill + 12)] for kill in firsts]), calm)


def test_a_sync_in_two_threads_killed_and_repeated_keeps_every_promise(
    theatre: Theatre, later: Start, calm: Trial, tell: Tell
):
    most = len(calm.last.steps)
    kills = [[1 + number * most // THREADED] for number in range(THREADED)]
    tell(theatre.attempts(later, kills, seed=None), calm)
