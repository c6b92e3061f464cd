"""Pages read ahead: what is given is what would have been given, in order, each answer once; doubts are asked anew."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lab import DAY, MAPPING

from connector.errors import ServiceUnavailable
from connector.genesys.client import Answer
from connector.genesys.judge import Page
from connector.genesys.pages import PageReader
from connector.genesys.read_ahead import ReadAhead, page_reader
from connector.mapping import load_mapping
from connector.spans import Span


def day(number: int) -> Span:
    return Span(DAY + timedelta(days=number), DAY + timedelta(days=number + 1))


class Listing:
    """So many records of a day, two a page. asked: each call as (day, page)."""

    def __init__(self) -> None:
        self.records = 9
        self.told: int | None = 9
        self.asked: list[tuple[int, int]] = []
        self.failing: set[int] = set()

    def call(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        assert body is not None
        number = body["paging"]["pageNumber"]
        start = datetime.fromisoformat(body["interval"].split("/")[0])
        self.asked.append(((start - DAY).days, number))
        if number in self.failing:
            raise ServiceUnavailable(f"page {number} is not answered", status=504)
        names = [f"{start:%d}-{place}" for place in range(self.records)][2 * number - 2 : 2 * number]
        total = {} if self.told is None else {"totalHits": self.told}
        return Answer({"conversations": [{"conversationId": name} for name in names], **total}, {}, 0)


class Bench:
    """A reader over a listing; calls read ahead are made at once, or when their turn comes, or never."""

    def __init__(self, folder: Path) -> None:
        file = folder / "conversations.yml"
        file.write_text(MAPPING.replace("conversations.details}", "conversations.details, page_size: 2}"))
        self.mapping = load_mapping(file)
        self.listing = Listing()
        self.begun: list[Future[Page]] = []
        self.reader = ReadAhead(self.listing, self.mapping, self.submit, most=3)
        self.sober = PageReader(self.listing, self.mapping)

    def submit(self, work: Callable[[], Page]) -> "Future[Page]":
        future: Future[Page] = Future()
        try:
            future.set_result(work())
        except ServiceUnavailable as fault:
            future.set_exception(fault)
        self.begun.append(future)
        return future

    def names(self, span: Span, number: int) -> list[str]:
        return [record["conversationId"] for record in self.reader.fetch_page(span, number).records]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_pages_come_in_order_each_asked_once_to_the_empty_one_and_no_further(bench: Bench):
    given = [bench.names(day(0), number) for number in range(1, 7)]
    assert given == [["02-0", "02-1"], ["02-2", "02-3"], ["02-4", "02-5"], ["02-6", "02-7"], ["02-8"], []]
    assert sorted(bench.listing.asked) == [(0, number) for number in range(1, 7)]


def test_pages_are_the_same_as_without_reading_ahead(bench: Bench):
    assert [bench.reader.fetch_page(day(0), number) for number in range(1, 7)] == [
        bench.sober.fetch_page(day(0), number) for number in range(1, 7)
    ]


def test_no_more_pages_are_on_their_way_than_allowed(bench: Bench):
    bench.listing.records = bench.listing.told = 1000
    bench.names(day(0), 1)
    assert bench.listing.asked == [(0, 1), (0, 2), (0, 3), (0, 4)]
    bench.names(day(0), 2)
    assert bench.listing.asked == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]


def test_without_a_total_one_page_is_read_ahead(bench: Bench):
    bench.listing.told = None
    bench.names(day(0), 1)
    assert bench.listing.asked == [(0, 1), (0, 2)]


def test_a_short_page_promises_nothing(bench: Bench):
    bench.listing.records = 1
    bench.names(day(0), 1)
    assert bench.listing.asked == [(0, 1)]


def test_a_page_asked_again_is_asked_of_the_service_and_so_are_those_after_it(bench: Bench):
    """The judge doubts: it must not hear the same answer from memory."""
    bench.names(day(0), 1)
    bench.names(day(0), 2)
    bench.listing.asked.clear()
    bench.listing.records = 3
    assert (bench.names(day(0), 2), bench.listing.asked) == (["02-2"], [(0, 2)])
    assert (bench.names(day(0), 3), bench.listing.asked) == ([], [(0, 2), (0, 3)])


def test_another_span_begins_anew(bench: Bench):
    bench.names(day(0), 1)
    bench.listing.asked.clear()
    assert bench.names(day(1), 1) == ["03-0", "03-1"]
    assert bench.names(day(1), 2) == ["03-2", "03-3"]
    assert {asked for asked, _ in bench.listing.asked} == {1}


def test_a_pass_gone_on_with_in_its_middle_is_read_ahead_from_there(bench: Bench):
    assert bench.names(day(0), 3) == ["02-4", "02-5"]
    assert bench.listing.asked == [(0, 3), (0, 4), (0, 5), (0, 6)]


def test_a_fault_of_a_page_read_ahead_is_met_in_its_turn_and_asking_again_asks(bench: Bench):
    bench.listing.failing = {3}
    assert bench.names(day(0), 1) + bench.names(day(0), 2) == ["02-0", "02-1", "02-2", "02-3"]
    with pytest.raises(ServiceUnavailable, match="page 3 is not answered"):
        bench.names(day(0), 3)
    bench.listing.failing = set()
    assert bench.names(day(0), 3) == ["02-4", "02-5"]


def test_calls_that_nobody_waits_for_are_given_up_at_the_end(tmp_path: Path, bench: Bench):
    with page_reader(bench.listing, bench.mapping, 3) as reader:
        reader.fetch_page(day(0), 1)
    assert sorted(bench.listing.asked)[0] == (0, 1)
    assert len(bench.listing.asked) <= 4


def test_without_pages_ahead_nothing_is_read_ahead(bench: Bench):
    with page_reader(bench.listing, bench.mapping, 0) as reader:
        reader.fetch_page(day(0), 1)
    assert (type(reader), bench.listing.asked) == (PageReader, [(0, 1)])
