"""What a run of one stream reads and by which path, with the availability date where that decides anything."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from connector.errors import PermissionMissing, QueryRefused, RefusedSpan
from connector.genesys.jobs import JobReader
from connector.mapping.via import Ways
from connector.state.store import Store
from connector.windows import Known, Lake, Planned, plan

log = logging.getLogger(__name__)

USUAL_LAG = timedelta(hours=24)
"""How far the data lake is taken to lag before a run was told: clients of the vendor's API see hours to a day."""


class Planner:
    """Plans the passes of one run. jobs: asks for the availability date, once; None where nothing is read by job."""

    def __init__(
        self, stream: str, ways: Ways, jobs: JobReader | None, store: Store, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._ways = ways
        self._jobs = jobs
        self._store = store
        self._now = now

    def plan(self, known: Known, now: datetime) -> list[Planned]:
        """What is to be read, each pass with its path. Raises what asking for the availability date raises."""
        lake = None
        if self._ways.needs_date(plan(self._ways.window, known, now), now):
            lake = self._lake()
        return _by_path(self._ways, known, now, lake)

    def horizon(self, now: datetime) -> datetime:
        """The end of what can be read now; where everything is read by job, at most the availability date."""
        return self._ways.window.reach(now, self._lake() if self._ways.only == "job" else None)

    def _lake(self) -> Lake | None:
        if self._jobs is None:
            return None
        try:
            until = self._jobs.available()
        except (PermissionMissing, QueryRefused, RefusedSpan) as refusal:
            if self._ways.only or self._ways.has_attributes:
                raise
            # The query gives the same: jobs would only have saved calls.
            log.warning("%s: everything is read by query: %s", self._stream, refusal.message)
            return None
        self._store.keep_available(self._stream, until, self._now())
        return self._ways.lake(until)


def plan_without_asking(store: Store, stream: str, ways: Ways, now: datetime) -> list[Planned]:
    """The plan of the next run as far as it can be told without a service: the lake is taken to lag as it did last."""
    known = store.passes.known(stream)
    told = store.available(stream)
    lag = ways.lag or (told[1] - told[0] if told else USUAL_LAG)
    lake = ways.lake(now - lag) if ways.needs_date(plan(ways.window, known, now), now) else None
    return _by_path(ways, known, now, lake)


def _by_path(ways: Ways, known: Known, now: datetime, lake: Lake | None) -> list[Planned]:
    return [ways.chosen(one, known, now, lake) for one in plan(ways.window, known, now, lake)]
