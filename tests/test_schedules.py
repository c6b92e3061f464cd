"""How pulling and delivering alternate: nothing pulled is left undelivered, and a fault ends what it must."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from lab import Lab, at, conversation

from connector.assemble import installation
from connector.errors import ServiceUnavailable, Stopped
from connector.orders import Order, Result
from connector.sandbox.faults import Rule
from connector.schedules import Schedule, in_threads, in_turns


class Work:
    """A pull of so many pages and a delivery that takes them one at a time.

    log: p for a page pulled, d for one delivered; breaks_at: the page that cannot be pulled; refuses_at: the page that
    cannot be delivered.
    """

    def __init__(self, pages: int, *, breaks_at: int = 0, refuses_at: int = 0) -> None:
        self._pages, self._breaks_at, self._refuses_at = pages, breaks_at, refuses_at
        self._lock = threading.Lock()
        self.pulled = self.delivered = 0
        self.log = ""
        self.was_told_the_end = False

    def pull(self) -> float | None:
        with self._lock:
            if self.pulled + 1 == self._breaks_at:
                raise ServiceUnavailable("no answer")
            if self.pulled == self._pages:
                return None
            self.pulled += 1
            self.log += "p"
            return 0.0

    def deliver(self, more_comes: bool) -> float | None:
        with self._lock:
            if self.delivered == self.pulled:
                self.was_told_the_end = not more_comes
                return None
            if self.delivered + 1 == self._refuses_at:
                raise ServiceUnavailable("refused")
            self.delivered += 1
            self.log += "d"
            return 0.0


def no_sleep(seconds: float) -> None:
    """Time does not pass."""


def turns(seed: int = 1) -> Schedule:
    chance = random.Random(seed)
    return in_turns(lambda: chance.random() < 0.5, no_sleep)


SCHEDULES = pytest.mark.parametrize(
    "schedule", [in_threads(no_sleep), turns(1), turns(2), turns(3)], ids=["threads", "turns 1", "turns 2", "turns 3"]
)


@SCHEDULES
def test_everything_pulled_is_delivered_and_the_delivery_is_told_that_no_more_comes(schedule: Schedule):
    work = Work(20)
    schedule(work.pull, work.deliver)
    assert (work.pulled, work.delivered, work.was_told_the_end) == (20, 20, True)


@SCHEDULES
def test_when_the_pull_fails_what_it_gave_is_delivered_first(schedule: Schedule):
    work = Work(20, breaks_at=8)
    with pytest.raises(ServiceUnavailable, match="no answer"):
        schedule(work.pull, work.deliver)
    assert (work.pulled, work.delivered) == (7, 7)


@SCHEDULES
def test_when_the_delivery_fails_the_pull_ends_too(schedule: Schedule):
    work = Work(10**9, refuses_at=3)
    before = threading.active_count()
    with pytest.raises(ServiceUnavailable, match="refused"):
        schedule(work.pull, work.deliver)
    pulled = work.pulled
    assert (work.delivered, work.pulled) == (2, pulled)
    assert threading.active_count() == before


def test_the_order_of_turns_follows_from_the_seed():
    def order(seed: int) -> str:
        work = Work(10)
        turns(seed)(work.pull, work.deliver)
        return work.log

    assert order(1) == order(1) != order(2)


@pytest.mark.parametrize("make", [in_threads, lambda sleep: in_turns(lambda: True, sleep)], ids=["threads", "turns"])
def test_the_waits_that_steps_ask_for_are_slept(make: Callable[..., Schedule]):
    naps: list[float] = []
    waits = iter([3.0, 5.0, None])
    make(naps.append)(lambda: None, lambda more_comes: next(waits, None) if not more_comes else None)
    assert [nap for nap in naps if nap] == [3.0, 5.0]


@pytest.mark.parametrize("in_thread", ["pull", "MainThread"])
def test_a_run_asked_to_stop_ends_at_its_next_step_whichever_thread_hears_it_first(in_thread: str):
    work = Work(10**9)
    before = threading.active_count()

    def sleep(seconds: float) -> None:
        if work.pulled > 3 and threading.current_thread().name == in_thread:
            raise Stopped(15)
        if work.pulled > 1000:
            raise AssertionError("nobody stopped")

    with pytest.raises(Stopped) as stopped:
        in_threads(sleep)(work.pull, work.deliver)
    assert (stopped.value.exit_code, threading.active_count()) == (143, before)


# Whole runs in two threads


def run(lab: Lab) -> Result:
    seams = replace(lab.seams, schedule=in_threads(lab.clock.sleep))
    with installation(lab.config, seams) as ready:
        return ready.runner.run(lab.stream, Order())


def test_a_whole_sync_in_two_threads_brings_everything(make_lab):
    lab = make_lab(now=at(30))
    lab.change_mapping("external_id: Conversation_Id__c}", "external_id: Conversation_Id__c, deliver: bulk}")
    for number in range(300):
        lab.world.add(conversation(f"c{number:03}", at(1 + number / 20)))
    result = run(lab)
    assert (result.error, result.books.created, lab.rows()) == (None, 300, lab.truth(at(29.75)))


def test_a_source_that_breaks_off_in_two_threads_leaves_nothing_undelivered(make_lab):
    lab = make_lab(now=at(20), rules=(Rule("status", {"code": 503}, path="/details/query", page=3, times=5),))
    for number in range(300):
        lab.world.add(conversation(f"c{number:03}", at(1 + number / 100)))
    result = run(lab)
    assert (result.exit_code, len(lab.rows()), result.books.pending) == (4, 200, 0)
    assert run(lab).error is None
    assert lab.rows() == lab.truth(at(19.75))
