"""Reads, deliveries, lost answers and refusals in any order: in the end the org holds what was read last."""

import random
from typing import Any

import pytest
from state.desk import Desk, at, bad, call

from connector.state.batches import Batch
from connector.state.one_pass import Pass

KEYS = ("c1", "c2", "c3")
SAVED = ("created", "updated")


class Story:
    """A stream whose records change as they like, and an org that saves, refuses, or saves and says nothing."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.random = random.Random(seed)
        self.truth: dict[str, str] = dict.fromkeys(KEYS, "A")
        self.org: dict[str, Any] = {}
        self.flight: Batch | None = None
        self.open: Pass | None = None

    def step(self) -> None:
        self.random.choice([self.change, self.read, self.read, self.take, self.answer, self.lose, self.wait])()
        self.desk.check(*(self.desk.store.passes.get(one["id"]) for one in self.desk.table("passes")))

    def change(self) -> None:
        self.truth[self.random.choice(KEYS)] = self.random.choice(["A", "B", "bad"])

    def read(self) -> None:
        """A page of some records, of a pass begun now or before."""
        if self.open is None:
            self.open = self.desk.begin(force=self.random.random() < 0.2)
        names = self.random.choices(KEYS, k=2)
        self.desk.page(self.open, *(self._told(name) for name in names))
        if self.random.random() < 0.7:
            self.desk.store.passes.pulled(self.open)
            self.open = None
        self.desk.close()

    def _told(self, name: str) -> Any:
        return bad(name) if self.truth[name] == "bad" else call(name, self.truth[name])

    def take(self) -> None:
        if self.flight is None:
            self.flight = self.desk.batch(rows=self.random.randint(1, 3))

    def answer(self) -> None:
        if self.flight is None:
            return
        rows = dict(self.desk.in_batch(self.flight))
        fates = {key: self.random.choice([*SAVED, "rejected", "again", "wait", "held"]) for key in rows}
        self.org |= {key: value for key, value in rows.items() if fates[key] in SAVED}
        self.desk.answer(self.flight, **fates)
        self.flight = None

    def lose(self) -> None:
        """The org saved some of it, and nobody knows which."""
        if self.flight is None:
            return
        self.org |= {key: value for key, value in self.desk.in_batch(self.flight) if self.random.random() < 0.5}
        self.desk.store.batches.release(self.flight, tried=self.random.random() < 0.5, now=self.desk.now)
        self.desk.store.batches.end(self.flight, "ended", self.desk.now)
        self.flight = None

    def wait(self) -> None:
        self.desk.now = self.desk.now.replace(minute=(self.desk.now.minute + 7) % 60)

    def end(self) -> None:
        """The trouble is over: everything is read once more, and every row is accepted."""
        self.lose()
        if self.open is not None:
            self.desk.store.passes.pulled(self.open)
        self.desk.now = at(24 * 9)
        self.desk.read(*(self._told(name) for name in KEYS))
        while rows := self.desk.waiting():
            self.org |= dict(rows)
            self.desk.send()
        self.desk.close()


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happened_the_org_ends_with_what_was_read_last(desk: Desk, seed: int):
    story = Story(desk, seed)
    for _ in range(60):
        story.step()
    story.end()
    good = {key: value for key, value in story.truth.items() if value != "bad"}
    assert {key: story.org.get(key) for key in good} == good
    assert [key for key, _ in desk.rejects()] == [key for key in sorted(story.truth) if key not in good]
    assert desk.table("passes", "state IN ('pulling', 'pulled')") == []
