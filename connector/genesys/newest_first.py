"""Part of a day read newest first: pure functions from the pages of such a reading to its next step.

A query that answers for whole UTC days gives all that began since midnight, whatever its interval. Asked for newest
first, its pages may stop at the first record that began before the span: the descending order is then the witness that
nothing of the span follows, and the total of the days, most of which is not read, is not waited for.

The order is believed only as long as every page shows it and the records add up: so many distinct ones as have their
places on the pages so far, less those that begin while pages are read. These come in front and push the others on, so
that records come twice and none is passed over; by how many the total tells. A page answered out of turn, as the list
was before the page before it, passes records over: its total is smaller, or the sum does not come out, and it is asked
again. Anything else, such as an order that breaks, a page that stays empty, or a total that goes on falling or is
missing, is a doubt: the caller then reads the days whole, oldest first, and the usual judge decides. A doubt never
makes a gap or halves. Where the pages end before the span's start is reached, the list was read whole, and the usual
judge weighs it against the total stated first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from connector.genesys.judge import (
    ASK_AGAIN_SECONDS,
    AskAgain,
    Complete,
    Disagree,
    GoOn,
    LookAhead,
    Page,
    Seen,
    Step,
    judge,
)
from connector.spans import Span

LONGEST = timedelta(days=1)
"""Spans as long as this are backfill, which the usual judge reads."""

SMALLEST_PAGE = 10
"""On smaller pages records may stand in descending order by chance."""


@dataclass(frozen=True, slots=True)
class Begun:
    """When a record of a page began, as the state writes instants, "" where it does not say; is_known: this reading
    met it before."""

    at: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """The order cannot be relied on; reason: in plain words."""

    reason: str


def is_worth_it(span: Span, page_size: int) -> bool:
    """Whether reading a span newest first spares pages: it is part of a day and begins inside of one."""
    begins_at_midnight = span.start.astimezone(UTC).time() == time()
    return page_size >= SMALLEST_PAGE and not begins_at_midnight and span.end - span.start < LONGEST


def judge_newest(
    seen: Seen,
    page: Page,
    begun: Sequence[Begun],
    start: str,
    distinct: int,
    max_pages: int,
) -> tuple[Step | Doubt, Seen]:
    """Weigh one page of a reading newest first.

    begun: of each record of the page; start: of the span, as the state writes it; seen, distinct, max_pages: as of
    `judge`, but `seen.lowest` is a text, and the total kept is that of the first page: what is counted later began
    meanwhile and is of no span that can be read yet. Returns the next step and what has been seen after the page.
    `Complete`: all of the span was given. The page is to be kept with every step but `AskAgain` and `Doubt`.
    """
    lowest, told = seen.lowest or "", page.witnesses.total
    if told is None:
        return Doubt(f"page {page.number} does not say how many records there are"), seen
    if seen.told is not None and told < seen.told:
        return _once_more(seen, page, f"the total fell from {seen.told} to {told}")
    kept = seen.last_length is not None
    first = seen.witnesses.total if kept and seen.witnesses.total is not None else told
    page = replace(page, witnesses=replace(page.witnesses, total=first))
    step, after = judge(replace(seen, told=told), page, distinct, max_pages)
    match step:
        case AskAgain():
            return step, after
        case Complete():
            # No page is left: the list was read whole, and its witnesses agree.
            return step, after
        case LookAhead():
            return Doubt(f"page {page.number} stays empty"), after
        case Disagree(reason):
            return Doubt(reason), after
        case GoOn():
            pass
    due = min(page.number * page.size, told) - (told - first)
    if distinct < due:
        return _once_more(seen, page, f"{distinct} records up to page {page.number}, where {due} have their places")
    if reason := _disorder(page, begun, lowest):
        return Doubt(reason), after
    highest, last = max(begun[0].at, lowest), begun[-1].at
    after = replace(after, lowest=min(lowest or last, last))
    # Records of one second show no order: they would stand so in any.
    return Complete() if last < start and last < highest else step, after


def _once_more(seen: Seen, page: Page, reason: str) -> tuple[AskAgain | Doubt, Seen]:
    """A page that passes records over is asked again once, then it is a doubt."""
    if seen.asked_again:
        return Doubt(reason), seen
    return AskAgain(page.number, ASK_AGAIN_SECONDS[0]), replace(seen, asked_again=1)


def pages_left(first: datetime, last: datetime, start: datetime) -> int:
    """About how many pages follow a full one until the span's start is passed, when they are as crowded.

    first, last: starts of its first and last record; start: of the span.
    """
    if last < start:
        return 0
    return max(1, math.ceil((last - start) / max(first - last, timedelta(seconds=1))))


def _disorder(page: Page, begun: Sequence[Begun], lowest: str) -> str:
    """What breaks the descending order, "" when nothing does."""
    if not all(one.at for one in begun):
        return f"page {page.number} holds a record that does not say when it began"
    if any(later.at > one.at for one, later in pairwise(begun)):
        return f"page {page.number} is not newest first"
    # Records of the pages before come again when the list was pushed on.
    if lowest and any(one.at > lowest for one in begun if not one.is_known):
        return f"page {page.number} goes back behind what the pages before gave"
    return ""
