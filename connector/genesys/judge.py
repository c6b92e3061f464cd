"""What the pages of one pass mean: a pure function from what was seen so far and one more page to the next step.

No single field ends a pass. A page says how many records there are in all (`total`), how many pages (`page_count`, in
the body or in a header), and holds records or none. An empty page is believed only when another witness agrees with it:
the total is just reached, the pages are used up, or the page before was short. Else it is asked again (after a short
page, that one first: what arrived since stands there), then later pages are looked at, and what stays unexplained is a
disagreement: the caller halves the span or keeps a gap.

Totals are compared with the number of *distinct* record keys; a total below that number is proven wrong and says
nothing. A page count alone adds caution: more waits, and the word of the halves where there are any, but never a gap,
for computed page counts prove nothing (vendor's blog on conversation queries; older integrations found them stale).
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

Record = dict[str, Any]
"""One thing Genesys tells, flattened, before mapping."""

ASK_AGAIN_SECONDS = (2.0, 5.0, 12.0)
"""Growing waits before an unexplained empty page is asked again."""

PAGES_LOOKED_AHEAD = 3
EQUAL_PAGES_ALLOWED = 2


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What one answer states about the whole list; None where it states nothing.

    total: records that match; page_count: pages there are; of several places in one answer the largest count.
    """

    total: int | None = None
    page_count: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a list call.

    number: as it was asked for, from 1; records: flattened, those of a large answer anew at each walk; digest: of the
    record keys in order, equal for equal pages; size: how many records were asked for, 0 where the request cannot say;
    cursor: by which it was asked, None for the first; next: of the page that follows, None where there is none or pages
    have numbers; available: up to when the data lake was filled that gave it, None where it was none or tells nothing;
    taken: when it was true, of a query that answers what is now; truncated: metrics of which the service says that it
    cut something off; counted: how much of its size it holds where that is not its number of records.
    """

    number: int
    records: Collection[Record] = field(repr=False)
    digest: str
    size: int
    witnesses: Witnesses = Witnesses()
    cursor: str | None = None
    next: str | None = None
    available: datetime | None = None
    taken: datetime | None = None
    truncated: tuple[str, ...] = ()
    counted: int | None = None

    @property
    def holds(self) -> int:
        """How much of its size it holds."""
        return len(self.records) if self.counted is None else self.counted


@dataclass(frozen=True, slots=True)
class Seen:
    """What a pass has seen so far; kept in its checkpoint.

    witnesses: the last value of each; last_number, last_length, last_digest: of the last page that was kept, its
    length None before the first; equal: how many pages in a row were equal, beside the first;
    asked_again: times the current page was asked again; empty_from: first page of a run of empty ones being looked
    past; skipped: pages that stayed empty while later ones had records; lowest, told: of a reading newest first, when
    the earliest record so far began, "" before the first, and the total stated last; None of one oldest first.
    """

    witnesses: Witnesses = Witnesses()
    last_number: int = 0
    last_length: int | None = None
    last_digest: str = ""
    equal: int = 0
    asked_again: int = 0
    empty_from: int | None = None
    skipped: tuple[int, ...] = ()
    lowest: str | None = None
    told: int | None = None


@dataclass(frozen=True, slots=True)
class GoOn:
    """Keep the page and ask for page `number`."""

    number: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Do not keep the page; ask for page `number` after `seconds`."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Nothing here; ask for the later page `number`."""

    number: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The witnesses agree: the span was read whole."""


@dataclass(frozen=True, slots=True)
class Disagree:
    """What the service states and what it gave cannot both be true.

    reason: in plain words; expected: records promised, if a number was; at_end: the list was read to its end, so that
    two readings of it can be compared; is_loop: pages lead nowhere; is_hint: nothing was promised, the end only looks
    like a cut, so that it is believed where there are no halves to ask.
    """

    reason: str
    expected: int | None = None
    at_end: bool = False
    is_loop: bool = False
    is_hint: bool = False


Step = GoOn | AskAgain | LookAhead | Complete | Disagree


def judge(seen: Seen, page: Page, distinct: int, max_pages: int) -> tuple[Step, Seen]:
    """Weigh one page.

    seen: before this page; distinct: record keys met in this reading, those of this page included;
    max_pages: more pages than this are a loop. Returns the next step and what has been seen after it. The page's
    records are to be kept with every step but `AskAgain`.
    """
    seen = replace(seen, witnesses=latest(seen.witnesses, page.witnesses))
    if page.records:
        return _judge_records(seen, page, max_pages)
    return _judge_empty(seen, page, distinct)


def after_unanswered(page: int) -> Disagree:
    """The verdict on a page that stays unanswered after all retries while page 1 answers."""
    return Disagree(f"page {page} is not answered although page 1 is: the list is too deep for the service")


def third_equal(page: Page) -> Disagree:
    """The verdict on three pages in a row with the same records."""
    return Disagree(f"page {page.number} is the third in a row with the same records", is_loop=True)


def too_many(max_pages: int, seen: Seen) -> Disagree:
    """The verdict on a list that goes on after `max_pages` pages."""
    return Disagree(f"more than {max_pages} pages (max_pages)", seen.witnesses.total, is_loop=True)


def latest(old: Witnesses, new: Witnesses) -> Witnesses:
    """The last value stated of each."""
    return Witnesses(
        old.total if new.total is None else new.total,
        old.page_count if new.page_count is None else new.page_count,
    )


def _judge_records(seen: Seen, page: Page, max_pages: int) -> tuple[Step, Seen]:
    if page.number == seen.last_number:
        return _judge_last_again(seen, page)
    skipped = seen.skipped
    if seen.empty_from is not None:
        skipped = (*skipped, *range(seen.empty_from, page.number))
    if page.digest == seen.last_digest:
        if seen.equal + 1 >= EQUAL_PAGES_ALLOWED:
            return third_equal(page), seen
        if not seen.asked_again:
            return AskAgain(page.number, ASK_AGAIN_SECONDS[0]), replace(seen, asked_again=1)
        seen = replace(seen, equal=seen.equal + 1)
    else:
        seen = replace(seen, equal=0)
    if page.number >= max_pages:
        return too_many(max_pages, seen), seen
    return GoOn(page.number + 1), replace(
        seen,
        last_number=page.number,
        last_length=len(page.records),
        last_digest=page.digest,
        asked_again=0,
        empty_from=None,
        skipped=skipped,
    )


def _judge_last_again(seen: Seen, page: Page) -> tuple[Step, Seen]:
    """The last page with records, read again because the one after it was empty though more was promised."""
    if page.digest == seen.last_digest:
        return AskAgain(page.number + 1, 0.0), seen
    # The times it was asked again stay counted: a page that never stays the same must not be read for ever.
    return GoOn(page.number + 1), replace(seen, last_length=len(page.records), last_digest=page.digest)


def _judge_empty(seen: Seen, page: Page, distinct: int) -> tuple[Step, Seen]:
    total = credible_total(seen, distinct)
    first_empty = page.number if seen.empty_from is None else seen.empty_from
    if _is_believed(seen, first_empty, page, distinct):
        return Complete(), seen
    if seen.empty_from is None:
        if seen.asked_again < len(ASK_AGAIN_SECONDS):
            wait = ASK_AGAIN_SECONDS[seen.asked_again]
            number = seen.last_number if _was_short(seen, page.size) else page.number
            return AskAgain(number, wait), replace(seen, asked_again=seen.asked_again + 1)
        seen = replace(seen, empty_from=page.number, asked_again=0)
    if page.number - first_empty < PAGES_LOOKED_AHEAD:
        return LookAhead(page.number + 1), seen
    if total is not None and total > distinct:
        return Disagree(f"{total} records promised, {distinct} given", total, at_end=True), seen
    if seen.skipped and total is None:
        pages = ", ".join(map(str, seen.skipped))
        return Disagree(f"nothing on page {pages}, yet records on later pages", at_end=True), seen
    count = seen.witnesses.page_count
    if total is None and count is not None and count >= first_empty and 0 < page.size <= distinct:
        reason = f"{count} pages promised, {first_empty - 1} given"
        return Disagree(reason, at_end=True, is_hint=True), seen
    return Complete(), seen


def credible_total(seen: Seen, distinct: int) -> int | None:
    """The stated total, unless more distinct records than that were given: then it is proven wrong."""
    total = seen.witnesses.total
    return None if total is None or total < distinct else total


def _is_believed(seen: Seen, first_empty: int, page: Page, distinct: int) -> bool:
    """Whether an empty page is the end: nothing promises more, and something besides it says so."""
    total = credible_total(seen, distinct)
    if total is not None and total > distinct:
        return False
    count = seen.witnesses.page_count
    if count is not None and count >= first_empty:
        return False
    if seen.skipped and total is None:
        return False
    if total is not None or _was_short(seen, page.size):
        return True
    # Page counts are often stale: one that agrees is believed when the page is empty a second time.
    return count is not None and (seen.asked_again > 0 or first_empty < page.number)


def _was_short(seen: Seen, size: int) -> bool:
    """Whether the last page with records had room for more."""
    return seen.last_length is not None and seen.last_length < size
