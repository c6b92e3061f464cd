"""What one delivery sends next, and by which way, as far as the org's allowances go."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from connector.errors import QuotaSpent
from connector.lanes import COLLECTIONS_ROWS, JOB_STARTS_AT, Lane, Way, choose
from connector.salesforce.allowance import BATCH_ROWS, Allowances, batches_for, fetch_allowances
from connector.salesforce.connect import Org
from connector.spans import stamp
from connector.state.batches import NEWEST
from connector.state.store import Store

CALLS_OF_JOB = 10
"""What an ingest job costs: to create, fill, start it and read its results takes 6; the others ask how it stands."""


class Chooser:
    """Chooses for one lane in one run."""

    def __init__(self, lane: Lane, org: Org, store: Store, run: int, now: Callable[[], datetime]) -> None:
        self._lane = lane
        self._org = org
        self._store = store
        self._run = run
        self._now = now

    def wanted(self, *, more_comes: bool, below: int = NEWEST) -> tuple[Way, int] | None:
        """Which way and how many rows; None: nothing now. below: only versions lower than this count."""
        lane = self._lane
        most = JOB_STARTS_AT + 1
        waiting = self._store.batches.waiting(lane.stream, lane.object, self._run, self._now(), most, below)
        is_proven = self._store.proven(lane.stream) == lane.proof
        return choose(
            lane,
            waiting.ready,
            waiting.only_collections,
            waiting.tried,
            is_proven=is_proven,
            more_comes=more_comes,
            deletes=waiting.deletes,
        )

    def delay(self, *, more_comes: bool) -> float | None:
        """Seconds until the next delayed row may be sent; None when there is none, or more comes anyway."""
        if more_comes:
            return None
        waiting = self._store.batches.waiting(self._lane.stream, self._lane.object, self._run, self._now(), 1)
        if waiting.next_at is None:
            return None
        return max((waiting.next_at - self._now()).total_seconds(), 1.0)

    def afford(self, way: Way, rows: int, below: int) -> tuple[Way, int]:
        """The same where the allowances let it, a smaller job, or Collections calls instead of it.

        Where batches are spent, rows go by Collections from then on, as long as the calls go. A share of either is
        left to the org's other users. Raises QuotaSpent with the time to come back.
        """
        self._org.keep_reserve(CALLS_OF_JOB if way == "bulk" else 1)
        told = fetch_allowances(self._org) if way == "bulk" else None
        if told is None or told.batches is None:
            return way, rows
        lane, reserve = self._lane, self._org.call_reserve
        free = told.batches.free(reserve)
        waiting = self._store.batches.waiting(lane.stream, lane.object, self._run, self._now(), NEWEST, below).ready
        if batches_for(min(waiting, rows)) <= free:
            return way, rows
        if free:
            return "bulk", free * BATCH_ROWS
        calls = -(-waiting // COLLECTIONS_ROWS)
        if lane.by != "bulk" and (told.calls is None or calls <= told.calls.free(reserve)):
            self._lane = replace(lane, by="collections")
            return "collections", COLLECTIONS_ROWS
        raise QuotaSpent(*self._spent(told, waiting), come_back_seconds=3600)

    def _spent(self, told: Allowances, rows: int) -> tuple[str, str]:
        lane, batches = self._lane, told.batches
        assert batches is not None
        calls = f" and {told.calls.left:,} of {told.calls.most:,} calls" if told.calls and lane.by != "bulk" else ""
        back = stamp(self._now() + timedelta(hours=1))
        return (
            f"{lane.stream}: {rows:,} rows wait for {lane.object}, and the Salesforce org has {batches.left:,} of its "
            f"{batches.most:,} batches{calls} left; {self._org.call_reserve:.0%} are kept for its other users",
            f"Salesforce counts the last 24 hours, so some come free with every hour: the next hourly run goes on, at "
            f"{back}. SALESFORCE_CALL_RESERVE changes the share.",
        )
