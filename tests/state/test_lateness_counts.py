"""What is counted of late changes while pages are stored, and what is not."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from state.desk import DAY, OBJECT, PRINTS, STREAM, Desk, at, bad, call, record, row, span

from connector.genesys.judge import Seen
from connector.lateness import Cell, Count
from connector.mapping import Fingerprints
from connector.spans import MINUTE, Calendar, Period
from connector.state.one_pass import Checkpoint, Pass
from connector.state.outbox import Entry
from connector.windows import Planned, Window

WINDOW = Window(
    DAY,
    Calendar(Period.parse("P1D"), ZoneInfo("UTC")),
    Calendar(MINUTE, ZoneInfo("UTC")),
    timedelta(hours=6),
    timedelta(minutes=15),
    (timedelta(days=1),),
)
NEW = ("fields-2", "source-1")


class LateDesk(Desk):
    """Pages are stored as a run stores them: with what they are watched by."""

    def page(self, one: Pass, *entries: Entry) -> None:
        self._page += 1
        self.store.outbox.store_page(
            one,
            entries,
            [OBJECT],
            Checkpoint(self._page, f"digest-{self._page}", Seen()),
            len(entries),
            self.now,
            watch=self.store.lateness.watch(one, WINDOW),
        )

    def counted(self) -> dict[Cell, Count]:
        return self.store.lateness.counts(STREAM)[0]

    def changes(self) -> list[tuple[Cell, int, int]]:
        """Cells with changes: how many rows had changed, how many had come."""
        return [(cell, count.changed, count.came) for cell, count in self.counted().items() if count[1:] != (0, 0)]

    def read_again(self, hour: float, *entries: Entry, kind: str = "lookback", **options: Any) -> Pass:
        """The first twelve hours once more, by a run of that hour."""
        self.now = at(hour)
        return self.read(*entries, start=0, end=12, kind=kind, **options)


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    """Four rows, from one to eleven o'clock, that were read and accepted a quarter after noon."""
    made = LateDesk(tmp_path / "state.db")
    made.now = at(12.25)
    made.confirm(call("a", 1, 1), call("b", 1, 6.5), call("c", 1, 9.5), call("d", 1, 11), start=0, end=12)
    yield made
    made.db.close()


THIRD = Cell("lookback", 2, 3)
"""Where c counts an hour later."""


def test_a_first_read_counts_rows_and_no_changes(desk: LateDesk):
    assert desk.counted() == {Cell("first"): Count(4)}


def test_rows_read_again_count_once_each_and_those_that_differ_as_changed(desk: LateDesk):
    desk.read_again(13.25, call("a", 1, 1), call("b", 1, 6.5), call("c", 2, 9.5), call("d", 1, 11))
    assert desk.counted() == {
        Cell("first"): Count(4),
        Cell("lookback", 10, 11): Count(1),
        Cell("lookback", 5, 6): Count(1),
        THIRD: Count(1, 1),
        Cell("lookback", 0, 1): Count(1),
    }


def test_a_row_that_was_not_given_before_has_come_late(desk: LateDesk):
    desk.read_again(13.25, call("e", 1, 9.5))
    assert desk.counted()[THIRD] == Count(1, 0, 1)


def test_a_change_is_met_against_what_waits_and_what_is_in_flight_too(desk: LateDesk):
    desk.read_again(13.25, call("c", 2, 9.5))
    desk.read_again(13.3, call("c", 2, 9.5))
    assert desk.changes() == [(THIRD, 1, 0)]
    desk.read_again(13.4, call("c", 3, 9.5))
    desk.batch()
    desk.read_again(13.5, call("c", 3, 9.5))
    desk.read_again(13.6, call("c", 4, 9.5))
    assert desk.changes() == [(THIRD, 3, 0)]


def test_a_record_given_twice_in_a_pass_counts_once(desk: LateDesk):
    one = desk.begin(0, 12, kind="lookback")
    desk.now = at(13.25)
    one = desk.store.passes.restart(one, desk.now)
    desk.page(one, call("c", 2, 9.5))
    desk.page(one, call("c", 3, 9.5))
    assert desk.counted()[THIRD] == Count(1, 1)


def test_a_changed_mapping_is_no_late_change_and_what_was_counted_before_is_forgotten(desk: LateDesk):
    desk.store.adopt(STREAM, Fingerprints(*NEW, PRINTS.keys), [], "the mapping's fields changed", desk.run, desk.now)
    desk.read_again(13.25, call("c", 2, 9.5), call("e", 2, 9.5), kind="resync", prints=NEW)
    assert desk.counted() == {}
    desk.send()
    desk.close()
    desk.read_again(14.25, call("c", 3, 9.5), prints=NEW)
    assert desk.changes() == [(Cell("lookback", 3, 4), 1, 0)]


def test_a_forced_re_sync_counts_nothing(desk: LateDesk):
    desk.read_again(13.25, call("c", 2, 9.5), kind="resync", force=True)
    assert desk.counted() == {Cell("first"): Count(4)}


def test_a_re_sync_counts_by_its_true_age(desk: LateDesk):
    desk.read_again(20, call("c", 2, 9.5), kind="resync")
    assert desk.changes() == [(Cell("other", 2, 11), 1, 0)]


def test_a_hash_in_doubt_is_no_change(desk: LateDesk):
    desk.read_again(13.25, call("c", 2, 9.5))
    batch = desk.batch()
    desk.answer(batch, c="rejected")
    assert desk.known()["c"]
    desk.read_again(14.25, call("c", 3, 9.5))
    assert desk.changes() == [(THIRD, 1, 0)]


def test_a_row_that_was_set_aside_does_not_come_late(desk: LateDesk):
    desk.now = at(12.5)
    desk.read(bad("x", 9.5), record("y", fate="unmappable", hour=9.5), start=0, end=12, kind="lookback")
    desk.read_again(13.25, call("x", 1, 9.5), record("y", row("y", 1, 9.5)))
    assert desk.changes() == []


def test_what_vanished_and_is_given_again_does_not_come_late(desk: LateDesk):
    desk.rules = [desk.rules[0].__class__(OBJECT, desk.rules[0].external_id, "delete", {})]
    desk.read_again(13.25, call("a", 1, 1), call("b", 1, 6.5), call("d", 1, 11))
    desk.answer(desk.batch("delete"), c="deleted")
    desk.close()
    assert "c" not in desk.known()
    desk.read_again(14.25, call("c", 1, 9.5))
    assert desk.changes() == []


def test_halves_count_nothing_where_the_whole_has_given_rows(desk: LateDesk):
    desk.now = at(13.25)
    one = desk.begin(0, 12, kind="lookback")
    desk.page(one, call("c", 2, 9.5))
    first, second = desk.store.passes.split(one, one.span.halves([at(6)]), "why", False, desk.run, desk.now)
    desk.page(second, call("c", 2, 9.5), call("d", 2, 11))
    assert desk.changes() == [(THIRD, 1, 0)]
    assert desk.store.lateness.watch(first, WINDOW) is None


def test_halves_of_a_span_that_was_refused_count_like_the_whole(desk: LateDesk):
    desk.now = at(13.25)
    one = desk.begin(0, 12, kind="lookback")
    _, second = desk.store.passes.split(one, one.span.halves([at(6)]), "why", False, desk.run, desk.now)
    desk.page(second, call("c", 2, 9.5))
    assert desk.changes() == [(THIRD, 1, 0)]


def test_another_organisation_begins_anew(desk: LateDesk):
    desk.store.begin_anew(STREAM, desk.run, desk.now)
    assert desk.counted() == {}


def test_the_days_from_the_first_count_to_the_last_are_told(desk: LateDesk):
    desk.read_again(24 * 8 + 13, call("c", 1, 9.5))
    assert desk.store.lateness.counts(STREAM)[1] == 8


def test_a_row_read_twice_within_an_hour_of_its_age_counts_once_and_each_of_its_changes(desk: LateDesk):
    desk.read_again(13.25, call("c", 2, 9.5))
    desk.send()
    desk.close()
    desk.read_again(13.35, call("c", 3, 9.5))
    assert desk.counted() == {Cell("first"): Count(4), THIRD: Count(1, 1), Cell("lookback", 3, 3): Count(0, 1)}


def test_a_late_row_that_changes_before_it_is_delivered_has_come_once_and_changed_once(desk: LateDesk):
    desk.read_again(13.25, call("e", 1, 9.5))
    desk.read_again(13.3, call("e", 2, 9.5))
    assert desk.changes() == [(THIRD, 1, 1)]


def by_job(desk: LateDesk, hour: float, direction: int, attribute: str) -> None:
    """Row c with an attribute, read by a job that knows all up to that hour, and delivered."""
    desk.now = at(hour)
    planned = Planned("recheck", span(0, 12), path="job")
    one = desk.store.passes.begin(STREAM, planned, ("fields-1", "source-1"), desk.run, desk.now)
    one = desk.store.passes.submitted(one, "job", desk.now)
    line = row("c", direction, 9.5)
    line.values["Attribute__c"] = attribute
    entry = record("c", line, said=attribute, hour=9.5)
    desk.page(one, replace(entry, job_fields=(frozenset({"Attribute__c"}),)))
    desk.pulled(one)
    desk.send()
    desk.close()


def test_what_only_jobs_give_is_no_change_after_a_query_and_is_one_after_a_job(desk: LateDesk):
    by_job(desk, 20, 1, "red")
    assert desk.changes() == []
    by_job(desk, 30, 1, "blue")
    assert desk.changes() == [(Cell("other", 10, 21), 1, 0)]
    desk.read_again(31, call("c", 1, 9.5))
    assert desk.changes() == [(Cell("other", 10, 21), 1, 0)]
