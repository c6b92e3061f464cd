"""Pages asked for before their turn, so that slow answers do not keep the call rate low.

With answers that take 1.5 s one caller makes 40 calls a minute, of 300 that are allowed. Read ahead are the numbered
pages of a span, and of queries that one call answers the spans that come next. Only calls overlap: pages are given in
their order, one for each question, and stored as before; a kill costs the pages on their way.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice

from connector.genesys.judge import Page
from connector.genesys.newest_first import pages_left
from connector.genesys.pages import Caller, PageReader, utc_now
from connector.genesys.queries import NumberedPaging
from connector.mapping import Mapping as StreamMapping
from connector.spans import Span, instant

PAGES_AHEAD = 8
"""Calls on their way at once: 300 a minute of 1.5 s each are 7.5. Each may hold a page in memory."""

Submit = Callable[[Callable[[], Page]], Future[Page]]


class ReadAhead(PageReader):
    """Reads the pages of one stream's query, the next ones of a span while one is being stored.

    submit: begins a call and gives its future. most: pages asked for before their turn.

    Pages are read ahead only after a full page that stood in its place, and only as far as its witnesses promise.
    Newest first, they are read ahead no further than the span's start, and only while the total stands still: of a list
    that grows, pages must be answered one after the other, or records that move on are passed over. Any other question,
    such as for a page asked again, drops what was read ahead and is asked of the service at once: what the judge doubts
    is never answered from memory. A fault of a page read ahead is raised when its turn comes.
    """

    def __init__(self, client: Caller, mapping: StreamMapping, submit: Submit, most: int = PAGES_AHEAD) -> None:
        super().__init__(client, mapping)
        self._submit = submit
        self._most = most
        self._of: tuple[Span, bool] | None = None
        self._next = 1
        self._total: int | None = None
        self._ahead: dict[int, Future[Page]] = {}
        self._expected: dict[Span, tuple[datetime, Future[Page]]] = {}

    def expect(self, spans: Iterable[Span], now: datetime) -> None:
        """Ask for the spans that come next, in their order, where one call answers each."""
        if self.query.paging is not None:
            return
        for span in islice(spans, self._most):
            if span not in self._expected and len(self._expected) < self._most:
                self._expected[span] = now, self._submit(partial(super().fetch_page, span, 1))

    def asked_at(self, span: Span, now: datetime) -> datetime:
        """As PageReader.asked_at."""
        return self._expected[span][0] if span in self._expected else now

    def fetch_page(
        self, span: Span, number: int, cursor: str | None = None, job: str = "", *, newest_first: bool = False
    ) -> Page:
        """As PageReader.fetch_page."""
        if self.query.paging is None:
            # A filter that is asked in parts has more pages than the one that was expected.
            _, expected = self._expected.pop(span, (None, None)) if number == 1 else (None, None)
            return super().fetch_page(span, number) if expected is None else expected.result()
        if not isinstance(self.query.paging, NumberedPaging):
            return super().fetch_page(span, number, cursor, job)
        of = (span, newest_first)
        is_new = of != self._of
        in_turn = is_new or number == self._next
        if is_new or not in_turn:
            self._drop()
        if is_new:
            self._total = None
        self._of, self._next = of, number + 1
        waiting = self._ahead.pop(number, None)
        page = super().fetch_page(span, number, newest_first=newest_first) if waiting is None else waiting.result()
        if in_turn:
            self._begin(span, page, newest_first)
        return page

    def _begin(self, span: Span, page: Page, newest_first: bool) -> None:
        """Ask for the pages after this one, as many as are promised and the empty one that ends the list; newest first,
        only until the span's start is passed."""
        if not self.page_size or len(page.records) < self.page_size:
            return
        told = page.witnesses
        last = page.number + 1
        if told.total is not None:
            last = math.ceil(told.total / self.page_size) + 1
        if newest_first:
            self._total = told.total if self._total is None else self._total
            if told.total != self._total:
                return
            last = min(last, page.number + self._until_start(span, page))
        for number in range(page.number + 1, min(last, page.number + self._most) + 1):
            if number not in self._ahead:
                self._ahead[number] = self._submit(partial(super().fetch_page, span, number, newest_first=newest_first))

    def _until_start(self, span: Span, page: Page) -> int:
        """How many pages are needed behind one of a reading newest first."""
        try:
            times = [self.time_of(record) for record in page.records]
            return pages_left(instant(times[0]), instant(times[-1]), span.start)
        except (TypeError, ValueError):
            return 0

    def _drop(self) -> None:
        for future in self._ahead.values():
            future.cancel()
        self._ahead.clear()


@contextmanager
def page_reader(
    client: Caller, mapping: StreamMapping, most: int, now: Callable[[], datetime] = utc_now
) -> Iterator[PageReader]:
    """A reader of one stream's pages that reads ahead in threads, for the time of a `with` block; most: 0 for none.

    What is true of now only is asked in its turn. now: see PageReader. At the end calls not begun are given up, and
    the others waited for.
    """
    if not most or mapping.query.is_snapshot:
        yield PageReader(client, mapping, now=now)
        return
    threads = ThreadPoolExecutor(most, thread_name_prefix="page")
    try:
        yield ReadAhead(client, mapping, threads.submit, most)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
