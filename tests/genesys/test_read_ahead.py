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
from connector.spans import Span, stamp


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
        listed = [
            {"conversationId": f"{start:%d}-{place}", "conversationStart": stamp(DAY + timedelta(hours=place))}
            for place in range(self.records)
        ]
        if body["order"] == "desc":
            listed.reverse()
        total = {} if self.told is None else {"totalHits": self.told}
        return Answer({"conversations": listed[2 * number - 2 : 2 * number], **total}, {}, 0)


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

    def names(self, span: Span, number: int, *, newest_first: bool = False) -> list[str]:
        page = self.reader.fetch_page(span, number, newest_first=newest_first)
        return [record["conversationId"] for record in page.records]


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


def test_newest_first_no_page_is_read_ahead_behind_the_start_of_the_span(bench: Bench):
    """A record an hour, from eight down to midnight; the span begins at five."""
    part = Span(DAY + timedelta(hours=5), DAY + timedelta(hours=8))
    assert bench.names(part, 1, newest_first=True) == ["02-8", "02-7"]
    assert bench.listing.asked == [(0, 1), (0, 2), (0, 3)]
    assert bench.names(part, 2, newest_first=True) == ["02-6", "02-5"]
    assert bench.names(part, 3, newest_first=True) == ["02-4", "02-3"]
    assert bench.listing.asked == [(0, 1), (0, 2), (0, 3)]


def test_newest_first_nothing_is_read_ahead_of_a_list_that_grows(bench: Bench):
    """What was begun before is given in its turn."""
    part = Span(DAY + timedelta(hours=1), DAY + timedelta(hours=8))
    bench.names(part, 1, newest_first=True)
    bench.reader.fetch_page(part, 2, newest_first=True)
    bench.listing.told = bench.listing.records = 10
    assert bench.names(part, 2, newest_first=True) == ["02-7", "02-6"]
    assert bench.listing.asked == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 2)]
    assert bench.names(part, 3, newest_first=True) == ["02-5", "02-4"]
    assert bench.listing.asked[6:] == [(0, 3)]


def test_what_was_read_ahead_in_one_order_is_not_given_in_the_other(bench: Bench):
    bench.names(day(0), 1, newest_first=True)
    assert bench.names(day(0), 1) == ["02-0", "02-1"]
    assert bench.names(day(0), 2) == ["02-2", "02-3"]


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


class Intervals:
    """Answers queries of aggregates. asked: the day of each call."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.failing: set[int] = set()

    def call(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        assert body is not None
        number = (datetime.fromisoformat(body["interval"].split("/")[0]) - DAY).days
        self.asked.append(number)
        if number in self.failing:
            raise ServiceUnavailable(f"day {number} is not answered", status=504)
        data = {"interval": body["interval"], "metrics": [{"metric": "nOffered", "stats": {"count": number}}]}
        return Answer({"results": [{"group": {"mediaType": "voice", "queueId": "q"}, "data": [data]}]}, {}, 0)


class OneCallBench:
    """A reader of aggregates; calls read ahead are made at once."""

    def __init__(self, folder: Path) -> None:
        file = folder / "intervals.yml"
        file.write_text(INTERVALS)
        self.source = Intervals()
        self.mapping = load_mapping(file)
        self.reader = ReadAhead(self.source, self.mapping, self.submit, most=3)

    def submit(self, work: Callable[[], Page]) -> "Future[Page]":
        future: Future[Page] = Future()
        try:
            future.set_result(work())
        except ServiceUnavailable as fault:
            future.set_exception(fault)
        return future


INTERVALS = """
about: intervals for tests
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]}
window: {start: 2026-03-02, size: P1D}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Offered__c: nOffered.count
"""


def test_spans_that_one_call_answers_are_asked_for_before_their_turn_and_once(tmp_path):
    bench = OneCallBench(tmp_path)
    bench.reader.expect([day(1), day(2), day(3), day(4)], DAY)
    assert bench.source.asked == [1, 2, 3]
    pages = []
    for number in range(1, 5):
        pages.append(bench.reader.fetch_page(day(number), 1))
        bench.reader.expect([day(later) for later in range(number + 1, 5)], DAY)
    assert bench.source.asked == [1, 2, 3, 4]
    sober = PageReader(bench.source, bench.mapping)
    assert pages == [sober.fetch_page(day(number), 1) for number in range(1, 5)]


def test_a_span_read_ahead_is_as_old_as_its_question(tmp_path):
    bench = OneCallBench(tmp_path)
    asked, now = DAY + timedelta(days=9), DAY + timedelta(days=9, minutes=5)
    bench.reader.expect([day(1)], asked)
    assert (bench.reader.asked_at(day(1), now), bench.reader.asked_at(day(2), now)) == (asked, now)
    bench.reader.fetch_page(day(1), 1)
    assert bench.reader.asked_at(day(1), now) == now


def test_a_span_asked_again_is_asked_of_the_service(tmp_path):
    bench = OneCallBench(tmp_path)
    bench.reader.expect([day(1)], DAY)
    bench.reader.fetch_page(day(1), 1)
    bench.reader.fetch_page(day(1), 1)
    assert bench.source.asked == [1, 1]


def test_the_fault_of_a_span_read_ahead_is_raised_when_its_turn_comes_and_costs_no_other(tmp_path):
    bench = OneCallBench(tmp_path)
    bench.source.failing = {2}
    bench.reader.expect([day(1), day(2), day(3)], DAY)
    assert len(bench.reader.fetch_page(day(1), 1).records) == 1
    with pytest.raises(ServiceUnavailable, match="day 2 is not answered"):
        bench.reader.fetch_page(day(2), 1)
    assert bench.reader.fetch_page(day(3), 1).records[0]["nOffered"] == {"count": 3}


def test_spans_of_many_pages_are_not_asked_for_before_their_turn(bench: Bench):
    bench.reader.expect([day(1), day(2)], DAY)
    assert bench.listing.asked == []
