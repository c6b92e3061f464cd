"""Passes by cursor: gone on with by the stored cursor, begun again when it died, never read in circles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import at
from test_pulling import STREAM, Bench, Reply, Source, drained, span

from connector.assemble import to_stream
from connector.errors import QueryRefused, RefusedSpan
from connector.genesys.client import Answer
from connector.mapping import load_mapping
from connector.spans import Span, instant
from connector.state.one_pass import Checkpoint
from connector.windows import Planned

CHAIN = """
source:
  page_size: 2
  max_pages: 30
  endpoint:
    path: /api/v2/chain
    body: {from: "${start}", to: "${end}", size: "${page_size}"}
    records: conversations
    key: [conversationId]
    time: conversationStart
    paging: {cursor: query.cursor, next: next, total: totalHits}
window: {start: 2026-03-02, size: P1D, lookback: PT6H, settle: PT15M, timezone: UTC}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields: {Conversation_Id__c: {key: [conversationId]}, Started__c: conversationStart, Direction__c: originatingDirection}
"""


class ChainSource(Source):
    """Lists what began in the span, two a page; `c3` is the cursor of page 3. asked: (hour of the start, page)."""

    dead: frozenset[int] = frozenset()
    error: Exception = RefusedSpan("HTTP 400: the cursor is gone")

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        permission: str = "",
    ) -> Answer:
        assert body is not None
        asked = Span(instant(body["from"]), instant(body["to"]))
        page = int((params or {"cursor": "c1"})["cursor"][1:])
        self.asked.append(((asked.start - at(0)).total_seconds() / 3600, page))
        if params and page in self.dead:
            raise self.error
        listed = [one for one in self.conversations if instant(one["conversationStart"]) in asked]
        reply: Reply = {"conversations": listed[page * 2 - 2 : page * 2], "totalHits": len(listed)}
        reply["next"] = f"c{page + 1}" if page * 2 < len(listed) else None
        return Answer(self.meddle(asked, page, reply), {}, 0)


class ChainBench(Bench):
    """A bench whose stream is a chain."""

    source: ChainSource

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        path = folder / f"{STREAM}.yml"
        path.write_text(CHAIN)
        self.stream = to_stream(load_mapping(path))
        self.source = ChainSource()

    def fill(self, count: int, first: float = 1) -> list[str]:
        for number in range(count):
            self.source.add(f"c{number}", first + number * 0.1)
        return [f"c{number}" for number in range(count)]

    def stop_after(self, steps: int) -> None:
        puller = self.puller(Planned("new", span(0, 24)))
        for _ in range(steps):
            puller.step()
        self.source.asked.clear()


@pytest.fixture
def bench(tmp_path: Path):
    made = ChainBench(tmp_path)
    yield made
    made.store.db.close()


def test_a_chain_is_read_to_its_missing_cursor(bench: ChainBench):
    names = bench.fill(5)
    assert bench.read(span(0, 24)) == []
    assert (bench.waiting(), bench.source.asked) == (names, [(0, 1), (0, 2), (0, 3)])
    assert (bench.passes(), bench.books()) == ([(0, 24, "pulled")], {"pulled": 5, "mapped": 5})


@pytest.mark.parametrize(("steps", "asked"), [(1, [1, 2, 3]), (2, [2, 3]), (3, [])])
def test_a_broken_chain_goes_on_behind_its_last_stored_page_by_its_cursor(bench: ChainBench, steps, asked):
    names = bench.fill(5)
    bench.stop_after(steps)
    bench.read()
    assert (bench.source.asked, bench.waiting()) == ([(0, page) for page in asked], names)
    assert bench.books() == {"pulled": 5, "mapped": 5}


def test_a_chain_killed_between_its_last_page_and_its_end_reads_that_page_once_more(bench: ChainBench):
    names = bench.fill(5)
    bench.stop_after(3)
    with bench.store.db.transaction() as db:
        db.execute("UPDATE passes SET state = 'pulling'")
    bench.read()
    assert (bench.source.asked, bench.waiting(), bench.passes()) == ([(0, 3)], names, [(0, 24, "pulled")])
    assert bench.books() == {"pulled": 5, "mapped": 5}


def test_an_empty_page_of_a_chain_is_stored_too_so_that_its_cursor_is_not_lost(bench: ChainBench):
    bench.fill(5)
    bench.source.meddle = lambda span, page, reply: {**reply, "conversations": []} if page == 2 else reply
    bench.stop_after(3)
    stored = bench.store.passes.unfinished(STREAM)[0].checkpoint
    assert stored is not None
    assert (stored.page, stored.cursor) == (2, "c2")
    bench.read()
    assert bench.source.asked[:2] == [(0, 2), (0, 3)]


def test_a_chain_whose_last_page_has_changed_begins_again(bench: ChainBench):
    bench.fill(5)
    bench.stop_after(2)
    del bench.source.conversations[2]
    bench.read()
    assert bench.source.asked == [(0, 2), (0, 1), (0, 2)]
    assert bench.waiting() == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("error", [RefusedSpan("HTTP 400"), QueryRefused("HTTP 404")])
def test_a_chain_whose_cursor_died_begins_at_page_one(bench: ChainBench, error):
    names = bench.fill(5)
    bench.stop_after(2)
    bench.source.dead, bench.source.error = frozenset((2,)), error
    puller = bench.puller()
    puller.step()
    bench.source.dead = frozenset()
    drained(puller)
    assert (bench.source.asked, bench.waiting()) == ([(0, 2), (0, 1), (0, 2), (0, 3)], names)
    assert bench.books() == {"pulled": 9, "duplicate": 4, "mapped": 5}


def test_a_cursor_refused_again_and_again_is_halved_until_one_page_is_enough(bench: ChainBench):
    names = bench.fill(5, first=4)
    bench.source.dead = frozenset((2, 3))
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.waiting()) == ([], names)
    assert bench.passes()[0] == (0, 24, "split")


def test_a_refused_first_page_still_means_that_the_query_is_wrong(bench: ChainBench):
    def refuse(asked: Span, page: int, reply: Reply) -> Reply:
        raise RefusedSpan("HTTP 400")

    bench.source.meddle = refuse
    with pytest.raises(QueryRefused):
        bench.read(span(0, 24))


def test_a_chain_that_leads_back_is_halved_where_it_holds_more_than_a_page_else_a_gap(bench: ChainBench):
    bench.fill(5, first=4)

    def back(asked: Span, page: int, reply: Reply) -> Reply:
        return {**reply, "next": "c2"} if page > 1 else reply

    bench.source.meddle = back
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.waiting()) == ([], ["c0", "c1", "c2", "c3", "c4"])
    bench.source.meddle = lambda asked, page, reply: {**reply, "next": "c2"}
    bench.read(span(24, 48))
    assert bench.reasons() == ["page 2 leads back to a cursor met before"]


def test_cursors_are_counted_anew_when_a_chain_begins_again(bench: ChainBench):
    """Cursors met in an earlier reading are no loop."""
    bench.fill(7)
    bench.stop_after(3)
    del bench.source.conversations[4]
    bench.read()
    assert (bench.reasons(), bench.passes()) == ([], [(0, 24, "pulled")])


def test_a_chain_cut_after_so_many_records_is_halved_until_it_is_whole(bench: ChainBench):
    names = bench.fill(9, first=2)
    bench.source.meddle = lambda asked, page, reply: {**reply, "next": None} if page == 2 else reply
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.waiting()) == ([], names)


def test_a_chain_whose_total_is_always_too_high_is_believed_once_its_halves_refute_it(bench: ChainBench):
    names = bench.fill(5, first=11.75)
    bench.source.meddle = lambda asked, page, reply: {**reply, "totalHits": reply["totalHits"] + 3}
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.waiting()) == ([], names)
    assert bench.passes() == [(0, 24, "split"), (0, 12, "pulled"), (12, 24, "pulled")]


def test_a_checkpoint_of_an_earlier_version_is_read():
    old = (
        '{"page": 2, "digest": "d", "seen": {"witnesses": {"total": 5, "page_count": null, "header_page_count": 3},'
        ' "last_number": 2, "last_length": 2, "last_digest": "d", "equal": 0, "asked_again": 0, "empty_from": null,'
        ' "skipped": []}}'
    )
    found = Checkpoint.from_json(old)
    assert (found.page, found.cursor, found.seen.witnesses.total) == (2, None, 5)
    assert Checkpoint.from_json(found.to_json()) == found
