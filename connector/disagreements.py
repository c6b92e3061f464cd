"""What a disagreement leads to: halves are the arbiter; without halves it is a gap, and a mere hint is believed.

A refused span is one too, unless the query itself is refused however small the span.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from connector.errors import CannotHalve, QueryRefused, RefusedSpan
from connector.genesys.judge import Disagree
from connector.genesys.pages import PageReader
from connector.genesys.queries import CursorPaging
from connector.spans import Span
from connector.state.one_pass import Pass
from connector.state.passes import Passes
from connector.windows import Window

log = logging.getLogger(__name__)

USUAL_PAGE_SIZE = 100
"""What a page is taken to hold where the request cannot say."""


class Arbiter:
    """Decides for the passes of one run of one stream."""

    def __init__(self, stream: str, window: Window, passes: Passes, run: int, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._window = window
        self._passes = passes
        self._run = run
        self._now = now

    def decide(
        self, one: Pass, reader: PageReader, distinct: int, verdict: Disagree
    ) -> list[Pass] | Literal["whole", "gap"]:
        """What was promised and what was given differ. Returns the halves that take over, oldest first, or what
        the pass is taken for: whole, or with a gap.

        reader: reads the pass; distinct: keys met by it.
        """
        if verdict.at_end and self._is_explained(one, reader, verdict):
            log.info("%s %s: %s, but two reads agree against it", self._stream, one.span, verdict.reason)
            return "whole"
        try:
            if _is_small(one, reader.page_size, distinct, verdict):
                raise CannotHalve(f"{one.span} holds too little for halves to differ")
            return self._halve(one, reader, verdict)
        except CannotHalve:
            if verdict.is_hint:
                log.info("%s %s: %s; believed", self._stream, one.span, verdict.reason)
                return "whole"
            log.info("%s %s: a gap: %s", self._stream, one.span, verdict.reason)
            return "gap"

    def blame_length(self, span: Span, refusal: RefusedSpan, ask: Callable[[Span], object], hint: str = "") -> Disagree:
        """HTTP 400: when even the smallest span is refused, the query is wrong; else a smaller span will do.

        ask: puts the question for a span; hint: what else may help. Raises QueryRefused.
        """
        smallest = Span(span.start, min(span.end, self._window.grain.after(self._window.grain.floor(span.start))))
        wrong = QueryRefused(
            f"{self._stream}: {refusal.message}",
            f"the service refuses this query however small the span: mend `source` in mappings/{self._stream}.yml"
            + hint,
        )
        if smallest == span:
            raise wrong from refusal
        try:
            ask(smallest)
        except RefusedSpan:
            raise wrong from refusal
        return Disagree("the service refuses a span of this length")

    def _is_explained(self, one: Pass, reader: PageReader, verdict: Disagree) -> bool:
        """Whether a half shows its own and its parent's witness to be wrong, so that what was given is whole.

        That it gives just what the parent gave of its time proves little alone: its pages begin as those of the parent,
        and what cuts or empties these does it again. So the counts must refute each other too: totals of the halves
        exceed the parent's by no less than what the parent is short of, page counts by more than rounding explains.
        Where nothing is counted, the parent must have gone on behind this half.
        """
        passes = self._passes
        if one.parent is None or not passes.gave_all_of_parent(one):
            return False
        if verdict.is_hint and isinstance(reader.query.paging, CursorPaging):
            return passes.parent_gave_more(one)
        parent = passes.get(one.parent)
        try:
            told = [reader.fetch_page(half.span, 1).witnesses for half in (one, *passes.siblings(one))]
            of_parent = reader.fetch_page(parent.span, 1).witnesses
        except RefusedSpan:
            return False
        totals = [each.total for each in told if each.total is not None]
        if verdict.expected is not None and parent.expected is not None and len(totals) == len(told):
            return sum(totals) - parent.expected >= parent.expected - parent.distinct_keys
        counts = [each.page_count for each in told if each.page_count is not None]
        if verdict.is_hint and of_parent.page_count is not None and len(counts) == len(told):
            return sum(counts) - of_parent.page_count >= len(counts)
        return False

    def _halve(self, one: Pass, reader: PageReader, verdict: Disagree) -> list[Pass]:
        halves = one.span.halves(reader.bounds(one.span))
        log.info("%s %s: halved: %s", self._stream, one.span, verdict.reason)
        return self._passes.split(one, halves, verdict.reason, verdict.at_end, self._run, self._now(), verdict.expected)


def _is_small(one: Pass, page_size: int, distinct: int, verdict: Disagree) -> bool:
    """Whether smaller spans would say the same: a loop, or in a half a shortage, where all fits into one page."""
    if verdict.is_loop:
        return distinct < max(page_size, 2)
    size = page_size or USUAL_PAGE_SIZE
    return verdict.expected is not None and verdict.at_end and one.parent is not None and verdict.expected <= size
