"""What the pages of a pass by cursor mean: a pure function, as `judge` is for pages by number.

A chain of pages ends where an answer gives no cursor. That alone proves little: services cut chains under load, and an
answer may lose its cursor together with its records. So the end is believed at once when the total is just reached, or
when the last page has records but is short; else the page is asked once more. A total that promises more than was
given is a disagreement, of which the halves of the span are the arbiter. An empty page that gives a cursor is asked
once more, then gone past. A cursor met before is a loop. A last page that is full, where nothing is counted, may be a
cut that nobody tells: the halves are asked for their word, and without halves it is believed.
"""

from dataclasses import replace

from connector.genesys.judge import (
    ASK_AGAIN_SECONDS,
    EQUAL_PAGES_ALLOWED,
    AskAgain,
    Complete,
    Disagree,
    GoOn,
    Page,
    Seen,
    Step,
    credible_total,
    latest,
    third_equal,
    too_many,
)


def judge_chain(seen: Seen, page: Page, distinct: int, max_pages: int, *, is_known_cursor: bool) -> tuple[Step, Seen]:
    """Weigh one page of a chain.

    seen: before this page, `last_number` that of the last page kept; when that is this page, it was read again to go
    on behind it. distinct: record keys met in this reading, those of this page included; max_pages: more pages than
    this are a loop; is_known_cursor: the page names as next a cursor by which a page was asked before. Returns the next
    step and what has been seen after it; the page is to be kept with every step but `AskAgain`. `GoOn` means the page
    of `page.next`.
    """
    seen = replace(seen, witnesses=latest(seen.witnesses, page.witnesses))
    total = credible_total(seen, distinct)
    equal = _equal_in_a_row(seen, page)
    if equal >= EQUAL_PAGES_ALLOWED:
        return third_equal(page), seen
    if not seen.asked_again and (equal > seen.equal or is_known_cursor or not _is_plain(seen, page, total, distinct)):
        return AskAgain(page.number, ASK_AGAIN_SECONDS[0]), replace(seen, asked_again=1)
    if page.next is None:
        if total is not None and total > distinct:
            return Disagree(f"{total} records promised, {distinct} given", total, at_end=True), seen
        if total is None and 0 < page.size <= page.holds:
            reason = f"page {page.number} is full and the last, and nothing is counted"
            return Disagree(reason, at_end=True, is_hint=True), seen
        return Complete(), seen
    if is_known_cursor:
        reason = f"page {page.number} leads back to a cursor met before"
        return Disagree(reason, seen.witnesses.total, is_loop=True), seen
    if page.number >= max_pages:
        return too_many(max_pages, seen), seen
    return GoOn(page.number + 1), replace(
        seen,
        last_number=page.number,
        last_length=len(page.records),
        last_digest=page.digest if page.records else seen.last_digest,
        equal=equal,
        asked_again=0,
    )


def _equal_in_a_row(seen: Seen, page: Page) -> int:
    """How many pages in a row had the same records, beside the first, this one included; empty ones do not count."""
    if page.number == seen.last_number or not page.records:
        return seen.equal
    return seen.equal + 1 if page.digest == seen.last_digest else 0


def _is_plain(seen: Seen, page: Page, total: int | None, distinct: int) -> bool:
    """Whether nothing in the page calls for a second look."""
    if page.next is None:
        if total is not None:
            return total == distinct
        return 0 < page.holds < page.size
    # Of many empty pages in a row, as sparse filters give them, the first is looked at twice where a total guards the
    # end, else each of them.
    return bool(page.records) or (total is not None and seen.last_length == 0)
