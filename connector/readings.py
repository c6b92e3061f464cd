"""Where the pass being read stands, and what else a run has to read."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connector.genesys.chain import judge_chain
from connector.genesys.judge import Page, Seen, Step, judge
from connector.genesys.newest_first import Begun, Doubt, is_worth_it, judge_newest
from connector.genesys.pages import PageReader
from connector.genesys.parts import judge_part
from connector.genesys.queries import CursorPaging, NumberedPaging
from connector.job_passes import JobWait
from connector.spans import Span, stamp
from connector.state.one_pass import Checkpoint, Pass
from connector.state.outbox import Entry
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

    @property
    def newest_first(self) -> bool:
        """Whether its pages are asked for newest first."""
        return self.seen.lowest is not None


NEWEST_FIRST = Seen(lowest="")
"""What a reading newest first has seen before its first page."""


def continued(one: Pass, now: datetime, reader: PageReader) -> Reading:
    """The reading of a pass begun just now or by an earlier run; now: what is due by then, of one over open records;
    reader: of passes by query."""
    stored = one.checkpoint
    if one.within is None:
        return Reading(one, stored.page + 1 if stored else 1, distinct=one.distinct_keys, due=now)
    if stored is None:
        return Reading(one, seen=NEWEST_FIRST if _is_narrowed(one, one.within, reader) else Seen())
    return Reading(one, stored.page, stored.seen, one.distinct_keys, stored, stored.cursor)


def _is_narrowed(one: Pass, span: Span, reader: PageReader) -> bool:
    """Whether a pass is begun newest first: what hourly runs read.

    One begun again at page 1 is not, for that may have been because of a doubt. Gaps, rechecks and re-syncs are read
    whole: they are there to find what another read missed.
    """
    return (
        reader.query.narrowing == "newest first"
        and (one.path, one.kind in ("new", "lookback"), one.parent, one.reading) == ("query", True, None, 1)
        and is_worth_it(span, reader.page_size)
    )


def weigh_newest(
    reading: Reading, page: Page, entries: Collection[Entry], distinct: int, max_pages: int
) -> tuple[Step | Doubt, Seen]:
    """What a page of a reading newest first means; entries: what became of its records; the rest as of `judge`."""
    begun = [Begun(entry.at, entry.is_known) for entry in entries]
    return judge_newest(reading.seen, page, begun, stamp(reading.of.span.start), distinct, max_pages)


def weigh(
    paging: NumberedPaging | CursorPaging | None,
    seen: Seen,
    page: Page,
    distinct: int,
    max_pages: int,
    is_known_cursor: Callable[[str], bool],
) -> tuple[Step, Seen]:
    """What a page means, by the kind of its list; is_known_cursor: whether a stored page was asked by that cursor."""
    match paging:
        case None:
            return judge_part(seen, page)
        case CursorPaging():
            is_known = page.next is not None and (page.next == page.cursor or is_known_cursor(page.next))
            return judge_chain(seen, page, distinct, max_pages, is_known_cursor=is_known)
        case _:
            return judge(seen, page, distinct, max_pages)


def next_spans(work: Iterable[Work]) -> Iterator[Span]:
    """Spans to be begun by query next, as far as nothing else comes between."""
    for item in work:
        if not isinstance(item, Planned) or item.path != "query":
            return
        yield item.span
