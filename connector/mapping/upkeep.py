"""The durations at the top of a mapping: how long open records are followed, hashes kept, and how old data may be."""

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from connector.mapping.document import Document
from connector.mapping.model import KEEP_HASHES, OPEN_GIVE_UP, Source, WindowRules, period
from connector.mapping.via import job_query
from connector.spans import MINUTE, Period

_LEAST_KEPT = timedelta(days=31)


@dataclass(frozen=True)
class Upkeep:
    """Durations as the mapping says, or as they are without it."""

    open_give_up: Period = OPEN_GIVE_UP
    keep_hashes: Period = KEEP_HASHES
    freshness: Period | None = None


UPKEEP = tuple(one.name for one in fields(Upkeep))
"""Their keys."""


def read_upkeep(document: Document, data: dict[str, Any]) -> Upkeep:
    """The durations written at the top of a mapping; what is none is noted and left as it is without it."""
    found = Upkeep()
    for key in UPKEEP:
        if key not in data:
            continue
        try:
            found = replace(found, **{key: period(data[key])})
        except ValueError as wrong:
            document.problem((key,), str(wrong))
    return found


def check_upkeep(document: Document, source: Source, window: WindowRules, upkeep: Upkeep) -> None:
    """Note what undoes the work of the stream: hashes forgotten of what is read again, a freshness never reached."""
    query = source.asked
    kept, size = upkeep.keep_hashes.length(), window.size.length()
    ages = [("window.lookback", window.lookback), *(("window.recheck", age) for age in window.recheck)]
    for name, age in ages:
        if kept < age.length() + size + window.settle.length():
            reach = (
                f"{name} {age} reads back further: it must be at least {name}, window.size and window.settle together"
            )
            document.problem(("keep_hashes",), f"{upkeep.keep_hashes} is too short: {reach}")
            break
    else:
        if kept < _LEAST_KEPT:
            document.problem(("keep_hashes",), f"{upkeep.keep_hashes} is too short: at least 31 days (P31D)")
    if query.by_id and kept < upkeep.open_give_up.length():
        open_ones = f"open records are read again for {upkeep.open_give_up} (open_give_up): it must be at least that"
        document.problem(("keep_hashes",), f"{upkeep.keep_hashes} is too short: {open_ones}")
    grain = window.size if query.is_cell else source.granularity or MINUTE
    if query.is_snapshot:
        return  # it is complete to the end of the interval that lasts
    job = job_query(source)
    lag = max(window.settle.length(), job.lag) if job and job.lag and source.via == "job" else window.settle.length()
    if upkeep.freshness and upkeep.freshness.length() <= lag + grain.length():
        by_job = lag > window.settle.length()
        what = f"{lag.total_seconds() / 3600:.0f} hours (by job)" if by_job else f"{window.settle} (window.settle)"
        behind = f"the stream is always up to {what} and an interval of {grain} behind"
        document.problem(("freshness",), f"{upkeep.freshness} can never be reached: {behind}")
