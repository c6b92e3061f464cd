"""Whatever happens, in whatever order: once the trouble is over, the org equals the source.

Hypothesis invents the story: conversations that come, come late, change and end; runs, re-syncs and dry runs that are
killed, meet faults, or read a wrong clock. Pull and deliver steps alternate by a seed, in one thread.
"""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lab import MAPPING, Killed, KillingAdapter, Lab, at, conversation

from connector.ledger import COUNTERS, Books
from connector.orders import Order, Result
from connector.sandbox.faults import Rule
from connector.spans import Span

DETAILS = "/details/query"
BY_ID = "/conversations/details$"
JOBS = "/jobs/ingest"
NEW_JOB = "/jobs/ingest$"

FAULTS: dict[str, Rule] = {
    "by id refused": Rule("status", {"code": 400, "json": {"code": "bad.request"}}, path=BY_ID, times=2),
    "by id down": Rule("status", {"code": 503}, path=BY_ID, times=9),
    "by id answer lost": Rule("lose_answer", path=BY_ID, nth=1),
    "page empty once": Rule("empty_page", path=DETAILS, page=2, times=1),
    "list missing once": Rule("empty_missing_list", path=DETAILS, page=1, times=1),
    "page twice once": Rule("repeat_previous_page", path=DETAILS, page=2, times=1),
    "total too low": Rule("total", {"value": "stale_low", "by": 7}, path=DETAILS, times=9),
    "rows shift": Rule("shift", {"rows": 1}, path=DETAILS, page=2, times=1),
    "source down": Rule("status", {"code": 503}, path=DETAILS, page=2, times=9),
    "source answer lost": Rule("lose_answer", path=DETAILS, nth=[1, 3]),
    "source cut": Rule("cut_body", path=DETAILS, nth=2),
    "cursor repeats once": Rule("repeat_cursor", path=DETAILS, nth=2),
    "cursor hidden once": Rule("hide_cursor", path=DETAILS, nth=2),
    "chain cut": Rule("cut_chain", {"rows": 13}, path=DETAILS, times=9),
    "collections answer lost": Rule("lose_answer", path="/composite/sobjects", nth=[1, 2]),
    "target down": Rule("status", {"code": 503}, service="salesforce", path="/composite/sobjects", times=9),
    "create answer lost": Rule("lose_answer", path=NEW_JOB, method="POST", nth=1),
    "upload answer lost": Rule("lose_answer", path="/batches", nth=1),
    "upload refused": Rule("refuse", path="/batches", nth=1),
    "start answer lost": Rule("lose_answer", path=JOBS, method="PATCH", nth=1),
    "poll down": Rule("status", {"code": 500}, path=f"{JOBS}/[^/]+$", method="GET", nth=1),
    "job fails half-way": Rule("fail_job_halfway", {"share": 0.5}, path="/batches", nth=1),
    "job aborted": Rule("abort_job", {"share": 0.5}, path="/batches", nth=1),
    "results incomplete": Rule("drop_results", {"rows": 2, "saved": True}, path="/batches", nth=1),
    "results cut": Rule("lose_answer", path="/successfulResults", nth=1),
}


class Story(RuleBasedStateMachine):
    """The connector beside a simple model: the org should hold what the source shows, up to the horizon.

    mapping: of the stream; fields: those it fills; longest_thread_hours: what is not followed by id must end while it
    is looked back at.
    """

    longest_thread_hours = 40

    mapping = MAPPING.replace("conversations.details}", "conversations.details, page_size: 10}")
    fields = tuple(line.split(":")[0].strip() for line in MAPPING.partition("fields:\n")[2].splitlines())

    @initialize(
        by=st.sampled_from(["auto", "bulk", "collections"]),
        count=st.integers(0, 90),
        seed=st.integers(0, 9),
        faults=st.lists(st.sampled_from(sorted(FAULTS)), max_size=2, unique=True),
    )
    def begin(self, by: str, count: int, seed: int, faults: list[str]) -> None:
        """A past of two days, and a first sync of it under faults: what that loses no lookback brings back."""
        self.temporary = tempfile.TemporaryDirectory()
        self.lab = Lab(Path(self.temporary.name), now=at(30), seed=seed)
        self.lab.write_mapping(self.mapping)
        self.lab.change_mapping("external_id: Conversation_Id__c}", f"external_id: Conversation_Id__c, deliver: {by}}}")
        self.count = 0
        for number in range(count):
            self._add(30 - 0.5 * number)
        self.sync_meets_faults(faults, 10**9)

    def teardown(self) -> None:
        if not hasattr(self, "lab"):
            return
        try:
            self._comes_right()
        finally:
            self.lab.close()
            self.temporary.cleanup()

    # The source

    @rule(count=st.integers(1, 25), minutes=st.integers(1, 100))
    def conversations_begin(self, count: int, minutes: int) -> None:
        for _ in range(count):
            self._add(self._hours(), minutes)
            self.lab.clock.advance(20)

    @rule(hours=st.integers(3, 40))
    def a_thread_begins(self, hours: int) -> None:
        """It ends long after the lookback has left its span."""
        self._add(self._hours(), min(hours, self.longest_thread_hours) * 60)

    @rule(hours=st.floats(0.1, 3))
    def one_comes_late(self, hours: float) -> None:
        self._add(self._hours() - hours, visible=True)

    @precondition(lambda self: self.count)
    @rule(which=st.integers(0), direction=st.sampled_from(["inbound", "outbound"]))
    def one_is_corrected(self, which: int, direction: str) -> None:
        now = self.lab.clock.now()
        recent = [one["conversationId"] for one in self.lab.world.conversations_at(now, now - timedelta(hours=3), now)]
        if recent:
            name = recent[which % len(recent)]
            self.lab.world.correct(name, lambda one: {**one, "originatingDirection": direction}, now)

    @rule(hours=st.floats(0.2, 9))
    def time_passes(self, hours: float) -> None:
        self.lab.clock.advance(hours * 3600)

    @rule(minutes=st.sampled_from([0, 10, -45, 300]))
    def local_clock_is_wrong(self, minutes: int) -> None:
        self.lab.clock_error = timedelta(minutes=minutes)

    # The connector

    @rule()
    def sync(self) -> None:
        self._check(self._run(Order()))

    @rule(first=st.integers(0, 40), hours=st.integers(1, 30), forced=st.booleans())
    def resync(self, first: int, hours: int, forced: bool) -> None:
        span = Span(at(first), at(first + hours))
        self._check(self._run(Order("resync", resync=lambda horizon: span, forced=forced)))

    @rule()
    def dry_run(self) -> None:
        before = self.lab.rows()
        self._check(self._run(Order("sync --dry-run", rehearse=True)))
        assert self.lab.rows() == before

    @rule(step=st.integers(1, 120))
    def sync_is_killed(self, step: int) -> None:
        self._run(Order(), killed_at=step)

    @rule(
        faults=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3, unique=True), step=st.integers(1, 400)
    )
    def sync_meets_faults(self, faults: list[str], step: int) -> None:
        self.lab.faults.change(*(FAULTS[name] for name in faults))
        self._run(Order(), killed_at=step)
        self.lab.faults.change()

    @rule()
    def tokens_expire(self) -> None:
        self.lab.genesys.revoke_tokens()
        self.lab.salesforce.expire_tokens()

    # What must be true all the time

    @invariant()
    def no_key_stands_twice_in_a_job(self) -> None:
        if hasattr(self, "lab"):
            for job in self.lab.salesforce.jobs():
                assert [key for key, times in Counter(job.keys).items() if times > 1] == []

    @invariant()
    def no_pass_is_closed_while_a_row_of_it_waits(self) -> None:
        if hasattr(self, "lab"):
            over = {one["id"] for one in self.lab.table("passes") if one["state"] in ("settled", "short")}
            assert [row["external_id"] for row in self.lab.table("outbox") if row["pass"] in over] == []

    def _check(self, result: Result) -> None:
        """A run without faults ends well, and every closed pass balances; gaps are what an earlier, faulty one read."""
        assert (result.error, result.new.get("rejects")) == (None, 0)
        for one in self.lab.table("passes"):
            if one["ended"]:
                Books(**{name: one[name] for name in COUNTERS}).check(str(one["id"]))

    # Helpers

    def _hours(self) -> float:
        return (self.lab.clock.now() - at(0)).total_seconds() / 3600

    def _add(self, hours: float, minutes: float = 5, visible: bool = False) -> None:
        self.count += 1
        added = conversation(f"c{self.count:04}", at(hours).replace(microsecond=0), minutes)
        self.lab.world.add(added, self.lab.clock.now() if visible else None)

    def _run(self, order: Order, killed_at: int | None = None) -> Result:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            if killed_at is not None and steps >= killed_at:
                raise Killed

        self.lab.after_commit = step
        self.lab.wrap_adapter = lambda adapter: KillingAdapter(self.lab, step)
        try:
            return self.lab.sync(order)
        except Killed:
            return Result("conversations", 137)
        finally:
            self.lab.after_commit = lambda: None

    def _filled(self, rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {key: {name: row[name] for name in self.fields} for key, row in rows.items()}

    def _comes_right(self) -> None:
        """The trouble is over: a few hourly runs later nothing waits and both sides are equal."""
        self.lab.clock_error = timedelta()
        self.lab.faults.change()
        for run in range(6):
            self.lab.clock.advance(3600)
            result = self._run(Order())
            # The first run finishes passes that were begun long ago; the second reads what came to their spans since.
            if run and not self.lab.table("outbox") and not self.lab.table("v_gaps"):
                break
        if self.lab.table("open_records"):
            # Every thread has ended and its wrap-up is in: the next run reads it for the last time.
            self.lab.clock.advance(48 * 3600)
            result = self._run(Order())
        self._check(result)
        assert self.lab.table("open_records") == []
        assert result.complete_to is not None
        assert self.lab.table("v_gaps") == []
        assert self._filled(self.lab.rows()) == self._filled(self.lab.truth(result.complete_to))
        assert (self.lab.table("outbox"), self.lab.table("owed")) == ([], [])
        unended = [one for one in self.lab.table("passes") if one["ended"] is None]
        assert unended == []
        assert self.lab.clock.now() - result.complete_to < timedelta(minutes=20)


class ChainStory(Story):
    """The same of an endpoint described in place whose pages are asked for by cursor."""

    longest_thread_hours = 5

    mapping = """
source:
  page_size: 10
  endpoint:
    path: /api/v2/dialects/cursor-after/conversations/details/query
    query: {pageSize: "${page_size}"}
    body: {dateFrom: "${start}", dateTo: "${end}"}
    records: records
    key: [conversationId]
    time: interaction.startTime
    paging: {cursor: body.after, next: nextPage, total: total}
window: {start: 2026-03-02, size: P1D, lookback: PT6H, settle: PT15M, timezone: UTC}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields:
  Conversation_Id__c: {key: [conversationId]}
  Started__c: interaction.startTime
  Ended__c: conversationEnd
  Direction__c: direction
  First_Queue_Id__c: queueId
"""
    fields = ("Conversation_Id__c", "Started__c", "Ended__c", "Direction__c", "First_Queue_Id__c")


_quiet = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
TestStory = _quiet(Story.TestCase)
TestChainStory = _quiet(ChainStory.TestCase)
TestStory.settings = TestChainStory.settings = settings(  # type: ignore[attr-defined]
    max_examples=80,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    database=None,
    # Shrinking a story takes minutes; the story as it was invented is short enough to read.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
