"""Pulling: pages of passes stored whole, gone on with after a break, and never believed too early."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lab import MAPPING, at, conversation

from connector.assemble import to_stream
from connector.errors import ConnectorError, QueryRefused, RefusedSpan, ServiceUnavailable
from connector.genesys.client import Answer
from connector.genesys.pages import PageReader
from connector.mapping import load_mapping
from connector.pulling import PAUSE_SECONDS, Puller
from connector.spans import Span, instant, stamp
from connector.state.database import Database
from connector.state.store import Identity, Store
from connector.windows import Planned

STREAM = "conversations"
Reply = dict[str, Any]
Meddle = Callable[[Span, int, Reply], Reply]


def span(start: float, end: float) -> Span:
    return Span(at(start), at(end))


class Source:
    """Lists what began on the UTC days an interval touches, as the service does, unless `meddle` makes it lie.

    asked: every call as (hour at which its span begins, page). meddle: gets the span, the page and the honest reply.
    """

    def __init__(self) -> None:
        self.conversations: list[dict[str, Any]] = []
        self.asked: list[tuple[float, int]] = []
        self.meddle: Meddle = lambda span, page, reply: reply

    def add(self, name: str, hour: float, **more: Any) -> None:
        self.conversations.append({**conversation(name, at(hour)), **more})

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
        start, end = (instant(text) for text in body["interval"].split("/"))
        page, size = body["paging"]["pageNumber"], body["paging"]["pageSize"]
        self.asked.append(((start - at(0)).total_seconds() / 3600, page))
        first, last = f"{start:%Y-%m-%d}", f"{end - timedelta(seconds=1):%Y-%m-%d}"
        listed = [one for one in self.conversations if first <= one["conversationStart"][:10] <= last]
        reply = {"conversations": listed[(page - 1) * size : page * size], "totalHits": len(listed)}
        return Answer(self.meddle(Span(start, end), page, reply), {}, 0)


class Bench:
    """One stream over a source; every `puller()` is what a new process would make."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{STREAM}.yml"
        path.write_text(
            MAPPING.replace("conversations.details}", "conversations.details, page_size: 2, max_pages: 30}")
        )
        self.stream = to_stream(load_mapping(path))
        self.source = Source()
        self.store = Store(Database(folder / "state.db"))
        self.store.meet(STREAM, Identity("org", "genesys", ()), self.stream.prints)
        self.now: datetime = at(30)

    def puller(self, *work: Planned, most_waiting: int | None = 1000, reader: PageReader | None = None) -> Puller:
        """A puller of a new run that goes on with what is unfinished, then begins `work`."""
        made = Puller(
            reader or PageReader(self.source, self.stream.compiled.mapping),
            self.stream.compiled,
            self.stream.window,
            (self.stream.prints.fields, self.stream.prints.source),
            self.store,
            self.store.begin_run(STREAM, "sync", self.now),
            lambda: self.now,
            most_waiting,
        )
        made.add(one for one in self.store.passes.unfinished(STREAM) if one.state == "pulling")
        made.add(work)
        return made

    def read(self, *spans: Span) -> list[float]:
        """Read these spans and what is unfinished to the end; the waits asked for in between."""
        return drained(self.puller(*(Planned("new", one) for one in spans)))

    def passes(self) -> list[tuple[float, float, str]]:
        """Each pass as (start, end, state) in hours."""
        sql = "SELECT start, end, state FROM passes ORDER BY start, id"
        return [(hours(row["start"]), hours(row["end"]), row["state"]) for row in self.store.db.rows(sql)]

    def reasons(self) -> list[str]:
        rows = self.store.db.rows("SELECT reason FROM passes WHERE state = 'pulled' AND reason <> '' ORDER BY id")
        return [row["reason"] for row in rows]

    def waiting(self) -> list[str]:
        return [row["external_id"] for row in self.store.db.rows("SELECT external_id FROM outbox ORDER BY 1")]

    def books(self) -> dict[str, int]:
        """Records by what became of them, over all passes; every pass must balance."""
        total: Counter[str] = Counter()
        for row in self.store.db.rows("SELECT id FROM passes"):
            books = self.store.passes.books(row["id"])
            books.check("pass")
            total += Counter(vars(books))
        names = ("pulled", "duplicate", "outside", "filtered", "unmappable", "mapped")
        return {name: total[name] for name in names if total[name]}


def hours(text: str) -> float:
    return (instant(text) - at(0)).total_seconds() / 3600


def drained(puller: Puller) -> list[float]:
    waits = []
    for _ in range(200):
        wait = puller.step()
        if wait is None:
            return waits
        if wait:
            waits.append(wait)
    raise AssertionError("the pull never came to an end")


@pytest.fixture
def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    made.store.db.close()


def fill(bench: Bench, count: int, first: float = 1) -> list[str]:
    for number in range(count):
        bench.source.add(f"c{number}", first + number * 0.1)
    return [f"c{number}" for number in range(count)]


# Reading


def test_a_span_is_read_page_by_page_to_the_empty_one(bench: Bench):
    names = fill(bench, 5)
    assert bench.read(span(0, 24)) == []
    assert (bench.waiting(), bench.source.asked) == (names, [(0, 1), (0, 2), (0, 3), (0, 4)])
    assert (bench.passes(), bench.books()) == ([(0, 24, "pulled")], {"pulled": 5, "mapped": 5})


def test_spans_are_read_in_the_order_they_were_given(bench: Bench):
    bench.read(span(24, 48), span(0, 24))
    assert [start for start, _ in bench.source.asked] == [24, 0]


def test_what_began_outside_the_span_is_counted_and_not_sent(bench: Bench):
    fill(bench, 3)
    bench.source.add("later", 20)
    bench.read(span(0, 12))
    assert (bench.waiting(), bench.books()) == (["c0", "c1", "c2"], {"pulled": 4, "outside": 1, "mapped": 3})


def test_the_last_instant_of_a_span_is_in_it_whatever_its_fraction(bench: Bench):
    bench.source.add("last", 1, conversationStart="2026-03-02T11:59:59.999Z")
    bench.read(span(0, 12))
    assert bench.waiting() == ["last"]


@pytest.mark.parametrize("start", [None, 7, "soon", "9999-99-99T99:99:99.999Z", "2026-03-02"])
def test_a_record_without_a_time_is_no_hole_but_a_reject(bench: Bench, start: Any):
    timeless = {"conversationId": "c1", "conversationStart": start}
    bench.source.meddle = lambda span, page, reply: {"conversations": [timeless] * (page == 1), "totalHits": 1}
    bench.read(span(0, 24))
    assert bench.books() == {"pulled": 1, "unmappable": 1}
    assert bench.store.db.value("SELECT code FROM rejects WHERE closed IS NULL") == "NO_TIME"


def test_a_record_met_again_is_a_duplicate_unless_it_says_something_new(bench: Bench):
    fill(bench, 2)
    bench.source.add("c0", 1)
    bench.source.add("c1", 1.1, originatingDirection="outbound")
    bench.source.meddle = lambda span, page, reply: {**reply, "totalHits": 2}
    bench.read(span(0, 24))
    assert bench.books() == {"pulled": 4, "duplicate": 1, "mapped": 3}
    payloads = bench.store.db.rows("SELECT external_id FROM outbox WHERE CAST(payload AS TEXT) LIKE '%outbound%'")
    assert [row["external_id"] for row in payloads] == ["c1"]


def test_where_a_pull_stands_can_be_asked_at_any_time(bench: Bench):
    puller = bench.puller(Planned("new", span(0, 24)), Planned("new", span(24, 48)))
    assert (puller.at, puller.left) == (None, 2)
    fill(bench, 3)
    puller.step()
    assert (puller.at, puller.left, puller.pages, puller.records) == (span(0, 24), 2, 1, 2)
    drained(puller)
    assert (puller.at, puller.left, puller.records) == (None, 0, 3)


# Going on


def stop_after(bench: Bench, steps: int, *spans: Span) -> None:
    puller = bench.puller(*(Planned("new", one) for one in spans))
    for _ in range(steps):
        puller.step()


def test_a_broken_pull_reads_the_last_stored_page_again_and_goes_on_behind_it(bench: Bench):
    names = fill(bench, 5)
    stop_after(bench, 2, span(0, 24))
    bench.source.asked.clear()
    bench.read()
    assert bench.source.asked == [(0, 2), (0, 3), (0, 4)]
    assert (bench.waiting(), bench.books(), bench.passes()) == (
        names,
        {"pulled": 5, "mapped": 5},
        [(0, 24, "pulled")],
    )


def test_a_pull_broken_before_its_first_page_begins_at_page_one(bench: Bench):
    names = fill(bench, 3)
    bench.store.passes.begin(STREAM, Planned("new", span(0, 24)), ("", ""), 1, bench.now)
    bench.read()
    assert bench.waiting() == names


def test_a_pull_whose_last_page_has_changed_begins_again_and_loses_nothing(bench: Bench):
    fill(bench, 5)
    stop_after(bench, 2, span(0, 24))
    bench.source.conversations.insert(0, conversation("early", at(0.5)))
    bench.source.asked.clear()
    bench.now = at(31)
    bench.read()
    assert bench.source.asked == [(0, 2), (0, 1), (0, 2), (0, 3), (0, 4)]
    assert bench.waiting() == ["c0", "c1", "c2", "c3", "c4", "early"]
    assert bench.books() == {"pulled": 10, "duplicate": 4, "mapped": 6}
    assert bench.store.passes.unfinished(STREAM)[0].began == at(31)


def test_a_pull_begun_again_counts_its_keys_anew(bench: Bench):
    """Records met only before the break prove nothing about the list as it is now."""
    fill(bench, 5)
    stop_after(bench, 2, span(0, 24))
    del bench.source.conversations[:2]
    bench.source.meddle = lambda span, page, reply: {**reply, "totalHits": 5}
    bench.read()
    assert (bench.reasons(), bench.store.passes.unfinished(STREAM)[0].distinct_keys) == (
        ["5 records promised, 3 given"],
        3,
    )


def test_halves_are_gone_on_with_too(bench: Bench):
    fill(bench, 3)
    bench.source.add("d0", 30)

    def refuse_two_days(asked: Span, page: int, reply: Reply) -> Reply:
        if asked == span(0, 48):
            raise RefusedSpan("too long")
        return reply

    bench.source.meddle = refuse_two_days
    stop_after(bench, 2, span(0, 48))
    bench.read()
    assert bench.passes() == [(0, 48, "split"), (0, 24, "pulled"), (24, 48, "pulled")]
    assert bench.waiting() == ["c0", "c1", "c2", "d0"]


# Doubt


def test_an_unexplained_empty_page_is_asked_again_with_growing_waits(bench: Bench):
    names = fill(bench, 3)
    asked = Counter[int]()

    def empty_twice(span: Span, page: int, reply: Reply) -> Reply:
        asked[page] += 1
        return {"totalHits": 3} if page == 2 and asked[2] < 3 else reply

    bench.source.meddle = empty_twice
    assert bench.read(span(0, 24)) == [2.0, 5.0]
    assert (bench.waiting(), bench.reasons()) == (names, [])


def lies_about_total(span: Span, page: int, reply: Reply) -> Reply:
    return {**reply, "totalHits": 9}


def test_a_total_never_reached_in_a_span_without_halves_is_a_gap(bench: Bench):
    fill(bench, 3)
    bench.source.meddle = lies_about_total
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.passes()) == (["9 records promised, 3 given"], [(0, 24, "pulled")])


def test_halves_decide_whether_a_total_never_reached_was_right(bench: Bench):
    """Each half gives just what the whole gave of it: the total was wrong, and there is no gap."""
    fill(bench, 3)
    bench.source.add("d0", 30)
    bench.source.meddle = lies_about_total
    bench.read(span(0, 48))
    assert (bench.reasons(), bench.passes()) == ([], [(0, 48, "split"), (0, 24, "pulled"), (24, 48, "pulled")])


def test_a_half_that_gives_other_records_than_the_whole_stays_a_gap(bench: Bench):
    fill(bench, 3)
    bench.source.add("d0", 30)

    def lose_one_of_two_days(asked: Span, page: int, reply: Reply) -> Reply:
        kept = [one for one in reply["conversations"] if asked != span(0, 48) or one["conversationId"] != "d0"]
        return {"conversations": kept, "totalHits": 9}

    bench.source.meddle = lose_one_of_two_days
    bench.read(span(0, 48))
    assert (bench.reasons(), bench.waiting()) == (["9 records promised, 1 given"], ["c0", "c1", "c2", "d0"])


def test_a_list_cut_after_so_many_records_is_not_believed_because_a_half_is_cut_alike(bench: Bench):
    """The whole and its fuller half both end after the same four records; only the total knows of the fifth."""
    fill(bench, 5)
    bench.source.add("d0", 30)

    def cut_after_four(asked: Span, page: int, reply: Reply) -> Reply:
        return {**reply, "conversations": reply["conversations"][: max(0, 6 - 2 * page)]}

    bench.source.meddle = cut_after_four
    bench.read(span(0, 48))
    assert (bench.reasons(), bench.waiting()) == (["5 records promised, 4 given"], ["c0", "c1", "c2", "c3", "d0"])


def test_a_half_of_a_refused_span_that_promises_more_than_it_gives_is_a_gap(bench: Bench):
    """The whole was never read, so that it gave nothing says nothing."""

    def refuse_then_promise(asked: Span, page: int, reply: Reply) -> Reply:
        if asked == span(0, 48):
            raise RefusedSpan("too long")
        return {"totalHits": 5}

    bench.source.meddle = refuse_then_promise
    bench.read(span(0, 48))
    assert bench.reasons() == ["5 records promised, 0 given"] * 2


def test_three_equal_pages_in_a_row_are_a_gap(bench: Bench):
    fill(bench, 9)
    first = bench.source.conversations[:2]
    bench.source.meddle = lambda span, page, reply: {**reply, "conversations": first}
    bench.read(span(0, 24))
    assert (bench.reasons(), bench.waiting()) == (["page 3 is the third in a row with the same records"], ["c0", "c1"])
    assert bench.books() == {"pulled": 6, "duplicate": 4, "mapped": 2}


def test_a_list_that_never_ends_is_a_gap(bench: Bench):
    def endless(span: Span, page: int, reply: Reply) -> Reply:
        return {"conversations": [conversation(f"c{page}-{number}", at(1)) for number in (1, 2)]}

    bench.source.meddle = endless
    bench.read(span(0, 24))
    assert (bench.reasons(), len(bench.source.asked)) == (["more than 30 pages (max_pages)"], 30)


def unanswered_from(deep: int, status: int) -> Meddle:
    def meddle(span: Span, page: int, reply: Reply) -> Reply:
        if page >= deep:
            raise ServiceUnavailable("no answer", status=status)
        return reply

    return meddle


@pytest.mark.parametrize("status", [502, 504])
def test_a_deep_page_without_an_answer_while_page_one_answers_is_a_gap_of_a_day(bench: Bench, status: int):
    fill(bench, 5)
    bench.source.meddle = unanswered_from(2, status)
    bench.read(span(0, 24))
    assert bench.source.asked == [(0, 1), (0, 2), (0, 1)]
    assert bench.reasons() == ["page 2 is not answered although page 1 is: the list is too deep for the service"]


def test_a_deep_page_without_an_answer_halves_a_longer_span(bench: Bench):
    fill(bench, 3)
    bench.source.add("d0", 30)
    honest = bench.source.meddle

    def too_deep(asked: Span, page: int, reply: Reply) -> Reply:
        return (unanswered_from(2, 504) if asked == span(0, 48) else honest)(asked, page, reply)

    bench.source.meddle = too_deep
    bench.read(span(0, 48))
    assert (bench.reasons(), bench.waiting()) == ([], ["c0", "c1", "c2", "d0"])


@pytest.mark.parametrize(("deep", "status"), [(1, 502), (2, 503), (2, None)])
def test_a_service_that_does_not_answer_ends_the_pull_and_leaves_the_pass_open(bench: Bench, deep: int, status: int):
    fill(bench, 5)
    bench.source.meddle = unanswered_from(deep, status)
    with pytest.raises(ServiceUnavailable):
        bench.read(span(0, 24))
    assert bench.passes() == [(0, 24, "pulling")]
    bench.source.meddle = lambda span, page, reply: reply
    bench.read()
    assert bench.waiting() == ["c0", "c1", "c2", "c3", "c4"]


def refuses(*spans: Span) -> Meddle:
    def meddle(asked: Span, page: int, reply: Reply) -> Reply:
        if asked in spans:
            raise RefusedSpan("HTTP 400")
        return reply

    return meddle


def test_a_refused_span_is_halved_on_days_newest_first_once_its_smallest_part_is_not_refused(bench: Bench):
    fill(bench, 1)
    bench.source.meddle = refuses(span(0, 72))
    bench.read(span(0, 72))
    assert bench.passes() == [(0, 72, "split"), (0, 48, "pulled"), (48, 72, "pulled")]
    # The whole, its first minute, then the newer half before the older.
    assert bench.source.asked[:3] == [(0, 1), (0, 1), (48, 1)]


def test_a_query_refused_however_small_the_span_is_told_as_wrong(bench: Bench):
    bench.source.meddle = refuses(span(0, 24), span(0, 1 / 60))
    with pytest.raises(QueryRefused, match="HTTP 400") as told:
        bench.read(span(0, 24))
    assert ("mend `source` in mappings/conversations.yml" in told.value.hint, bench.passes()) == (
        True,
        [(0, 24, "pulling")],
    )


def test_the_smallest_span_refused_is_not_probed_again(bench: Bench):
    bench.source.meddle = refuses(span(0, 1 / 60))
    with pytest.raises(QueryRefused):
        bench.read(span(0, 1 / 60))
    assert len(bench.source.asked) == 1


def test_a_refused_span_without_halves_is_a_gap(bench: Bench):
    bench.source.meddle = refuses(span(0, 24))
    bench.read(span(0, 24))
    assert bench.reasons() == ["the service refuses a span of this length"]


# Too many rows


def test_the_pull_pauses_inside_a_pass_while_too_many_rows_wait_and_goes_on_after(bench: Bench):
    names = fill(bench, 50)
    puller = bench.puller(Planned("new", span(0, 24)), most_waiting=2)
    while not (wait := puller.step()):
        pass
    assert (wait, puller.step(), puller.at) == (PAUSE_SECONDS, PAUSE_SECONDS, span(0, 24))
    read = puller.records
    bench.store.outbox.supersede_waiting(STREAM)
    drained(puller)
    assert (read, bench.waiting()) == (40, names[40:])


def test_a_full_outbox_that_this_run_cannot_send_ends_the_pull(bench: Bench):
    fill(bench, 2)
    bench.read(span(0, 24))
    puller = bench.puller(Planned("new", span(24, 48)), most_waiting=2)
    with bench.store.db.transaction() as db:
        db.execute("UPDATE outbox SET skip_run = (SELECT max(id) FROM runs)")
    with pytest.raises(ConnectorError, match="2 rows wait for a person or for a parent record") as told:
        puller.step()
    assert told.value.exit_code == 1


def test_a_full_outbox_does_not_disturb_a_pull_that_has_nothing_left_to_read(bench: Bench):
    fill(bench, 2)
    bench.read(span(0, 24))
    assert bench.puller(most_waiting=2).step() is None


def test_a_run_that_delivers_nothing_never_pauses(bench: Bench):
    fill(bench, 3)
    drained(bench.puller(Planned("new", span(0, 24)), most_waiting=None))
    assert len(bench.waiting()) == 3


class Foresighted(PageReader):
    """Has asked for every span an hour before its turn. expected: what it was told comes next, at each step."""

    expected: list[list[tuple[float, float]]]

    def expect(self, spans: Iterable[Span], now: datetime) -> None:
        self.expected.append([(hours(stamp(one.start)), hours(stamp(one.end))) for one in spans])

    def asked_at(self, span: Span, now: datetime) -> datetime:
        return now - timedelta(hours=1)


def test_a_reader_hears_which_spans_come_next_and_a_pass_began_when_its_first_page_was_asked_for(tmp_path):
    bench = Bench(tmp_path)
    reader = Foresighted(bench.source, bench.stream.compiled.mapping)
    reader.expected = []
    puller = bench.puller(reader=reader)
    puller.add([Planned("new", span(0, 24)), Planned("new", span(24, 29)), Planned("new", span(29, 30), path="job")])
    puller.step()
    assert reader.expected == [[(24.0, 29.0)]]
    assert [row["began"] for row in bench.store.db.rows("SELECT began FROM passes")] == [stamp(at(29))]
