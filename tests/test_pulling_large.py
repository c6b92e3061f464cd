"""Pages of answers too large for memory: stored as any other, whole or not at all."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from lab import at, conversation
from test_pulling import Bench, drained, fill, span

from connector.bodies import IN_MEMORY_BYTES, Body
from connector.errors import StateError
from connector.genesys.client import Answer
from connector.genesys.judge import Page
from connector.genesys.large import parse_large
from connector.genesys.pages import LongPage, PageReader
from connector.sandbox.faults import Rule
from connector.windows import Planned


class Large:
    """Gives what another source gives, its lists as those of a large answer."""

    def __init__(self, source: Any, folder: Path) -> None:
        self._source = source
        self._folder = folder

    def call(self, *words: Any, **more: Any) -> Answer:
        text = orjson.dumps(self._source.call(*words, **more).body)
        return Answer(parse_large(Body(len(text), text, folder=self._folder), 0), {}, len(text))


def large_reader(bench: Bench, folder: Path) -> PageReader:
    return PageReader(Large(bench.source, folder), bench.stream.compiled.mapping)


def told(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the state says."""
    tables = ("passes", "seen", "outbox", "rejects", "open_records", "gaps", "coverage")
    return {one: [tuple(row) for row in bench.store.db.rows(f"SELECT * FROM {one}")] for one in tables}


@pytest.fixture
def benches(tmp_path: Path):
    made = []
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
        made.append(Bench(tmp_path / name))
    yield made
    for bench in made:
        bench.store.db.close()


def test_a_large_page_leaves_the_same_state_as_a_small_one(benches: list[Bench], tmp_path: Path):
    """Records of every fate: mapped, met again, changed, of another span, without a time, twice on one page."""
    for bench, folder in zip(benches, (None, tmp_path / "spool"), strict=True):
        fill(bench, 5)
        bench.source.add("c1", 1.1)
        bench.source.add("twin", 2)
        bench.source.add("twin", 2)
        bench.source.add("c2", 1.2, originatingDirection="outbound")
        bench.source.add("later", 20)
        bench.source.meddle = lambda span, page, reply: {**reply, "totalHits": 8}
        bench.source.add("timeless", 2, conversationStart="2026-03-02 soon")
        reader = PageReader(bench.source, bench.stream.compiled.mapping) if folder is None else None
        puller = bench.puller(Planned("new", span(0, 12)), reader=reader or large_reader(bench, tmp_path / "spool"))
        drained(puller)
        assert puller.records == 11
    small, large = benches
    assert large.books() == {"pulled": 11, "duplicate": 2, "outside": 1, "unmappable": 1, "mapped": 7}
    assert told(large) == told(small)
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_page_is_of_the_same_length_and_digest_however_it_is_read(benches: list[Bench], tmp_path: Path):
    bench = benches[0]
    fill(bench, 5)
    small = PageReader(bench.source, bench.stream.compiled.mapping).fetch_page(span(0, 24), 1)
    large = large_reader(bench, tmp_path).fetch_page(span(0, 24), 1)
    assert isinstance(large.records, LongPage)
    keys = [[record["conversationId"]] for record in small.records]
    assert small.digest == hashlib.blake2b(orjson.dumps(keys), digest_size=16).hexdigest()
    assert (large.digest, len(large.records), list(large.records)) == (small.digest, len(small.records), small.records)
    assert list(large.records) == small.records


class Fading(Collection[Any]):
    """Records that can be read to their end only once."""

    def __init__(self, records: Collection[Any]) -> None:
        self._records = records
        self._walks = 0

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record: object) -> bool:
        return record in self._records

    def __iter__(self) -> Iterator[Any]:
        self._walks += 1
        for record in self._records:
            yield record
            if self._walks > 1:
                raise StateError("the disk is gone")


class FadingReader(PageReader):
    def fetch_page(self, *words: Any, **more: Any) -> Page:
        page = super().fetch_page(*words, **more)
        records = Fading(page.records)
        list(records)
        return replace(page, records=records)


def test_a_page_that_cannot_be_read_again_is_not_stored_and_the_pass_goes_on(benches: list[Bench], tmp_path: Path):
    bench = benches[0]
    names = fill(bench, 2)
    source = Large(bench.source, tmp_path)
    puller = bench.puller(Planned("new", span(0, 24)), reader=FadingReader(source, bench.stream.compiled.mapping))
    with pytest.raises(StateError, match="the disk is gone"):
        puller.step()
    assert (bench.waiting(), bench.passes(), bench.books()) == ([], [(0, 24, "pulling")], {})
    drained(bench.puller(reader=large_reader(bench, tmp_path)))
    assert (bench.waiting(), bench.passes()) == (names, [(0, 24, "pulled")])


def test_pages_above_four_megabytes_arrive_in_salesforce_as_any_other(make_lab):
    """A full one that is cut at its first try, and a short one; no file is left."""
    lab = make_lab(now=at(10.3))
    padding = "ä" * 25_000
    for number in range(105):
        lab.world.add({**conversation(f"c{number:05}", at(1 + number / 60)), "note": f"\U0001f600{padding}"})
    assert 100 * len(padding.encode()) > IN_MEMORY_BYTES
    lab.faults.change(Rule("cut_body", {"keep": 0.9}, path="/details/query", nth=1))
    result = lab.sync()
    assert (result.error, result.exit_code, result.books.created) == (None, 0, 105)
    assert lab.rows() == lab.truth(at(10.05))
    assert lab.faults.acted() == (1,)
    assert [one.name for one in (lab.folder / ".connector").iterdir() if one.suffix != ".lock"] == []
