"""Where the pass being read stands, and what else a run has to read."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connector.genesys.judge import Seen
from connector.job_passes import JobWait
from connector.state.one_pass import Checkpoint, Pass
from connector.windows import Planned

OPEN: Literal["open"] = "open"
"""A pass over the open records that are due when it is begun; none is begun when none is."""

Work = Pass | Planned | Literal["open"]


@dataclass
class Reading:
    """Where the pass being read stands.

    cursor: by which `page` is asked, None for the first and where pages have numbers; resumed: its last page was stored
    by an earlier run and is read again first; lost_cursor: this run began it again because a cursor was refused; due:
    of a pass over open records, those due by then are read; wait: how its job is waited for; lost_jobs: so many were
    lost in this run.
    """

    of: Pass
    page: int = 1
    seen: Seen = field(default_factory=Seen)
    distinct: int = 0
    resumed: Checkpoint | None = None
    cursor: str | None = None
    lost_cursor: bool = False
    due: datetime | None = None
    wait: JobWait = field(default_factory=JobWait)
    lost_jobs: int = 0


def continued(one: Pass, now: datetime) -> Reading:
    """The reading of a pass begun just now or by an earlier run; now: what is due by then, of one over open records."""
    stored = one.checkpoint
    if one.within is None:
        return Reading(one, stored.page + 1 if stored else 1, distinct=one.distinct_keys, due=now)
    if stored is None:
        return Reading(one)
    return Reading(one, stored.page, stored.seen, one.distinct_keys, stored, stored.cursor)
