"""Passes: when they may be closed, what they add to the coverage, gaps, owed spans, and halves."""

from datetime import timedelta

import pytest
from state.desk import Desk, at, call, record, span

from connector.errors import UnbalancedPass
from connector.spans import Span, mark
from connector.state.one_pass import Pass

DAY = timedelta(days=1)


def reads(desk: Desk) -> list[tuple[Span, float]]:
    """Covered spans with the hour at which their last read began."""
    return [(one, (began - at(0)).total_seconds() / 3600) for one, began in desk.store.passes.known("calls").reads]


def owed(desk: Desk) -> list[tuple[Span, bool]]:
    return list(desk.store.passes.known("calls").owed)


def short(desk: Desk, *names: str, start: float = 0, end: float = 24, reason: str = "9 promised") -> Pass:
    """A pass whose witnesses disagreed, with these records, delivered."""
    one = desk.begin(start, end)
    if names:
        desk.page(one, *(call(name, "A", start + 1) for name in names))
    desk.store.passes.pulled(one, reason, 9)
    desk.send()
    desk.close()
    return one


# Closing


def test_a_pass_is_closed_only_when_none_of_its_rows_waits_or_is_in_flight(desk: Desk):
    one = desk.read(call("c1", "A"))
    assert (desk.close(), desk.state(one)) == (0, "pulled")
    batch = desk.batch()
    assert desk.close() == 0
    desk.answer(batch, c1="rejected")
    assert (desk.close(), desk.state(one), reads(desk)) == (1, "settled", [(span(0, 24), 30)])


def test_a_pass_waits_for_rows_of_its_span_whichever_pass_made_them(desk: Desk):
    desk.read(call("c1", "A"))
    second = desk.read(call("c1", "A"))
    assert (desk.books(second)["unchanged"], desk.close()) == (1, 0)
    desk.send()
    assert desk.close() == 2


def test_a_pass_that_is_still_pulled_is_not_closed(desk: Desk):
    one = desk.begin()
    assert (desk.close(), desk.state(one)) == (0, "pulling")


def test_a_pass_without_a_record_covers_its_span(desk: Desk):
    desk.read()
    assert (desk.close(), reads(desk)) == (1, [(span(0, 24), 30)])


def test_a_pass_that_does_not_balance_is_failed_and_adds_nothing_to_the_coverage(desk: Desk):
    one = desk.read(call("c1", "A"))
    desk.send()
    with desk.db.transaction() as db:
        db.execute("UPDATE passes SET created = 0, updated = 0 WHERE id = ?", [one.id])
    with pytest.raises(UnbalancedPass, match="1 rows made, 0 accounted for"):
        desk.close()
    assert (desk.state(one), reads(desk), desk.store.passes.unfinished("calls")) == ("failed", [], [])


def test_unfinished_passes_are_told_oldest_first_and_keep_their_span_to_themselves(desk: Desk):
    first, second = desk.begin(24, 48), desk.read(call("c1", "A"))
    assert [one.id for one in desk.store.passes.unfinished("calls")] == [first.id, second.id]
    assert desk.store.passes.known("calls").taken == [span(24, 48), span(0, 24)]


# Coverage


def test_a_later_read_cuts_older_coverage_so_that_each_piece_tells_its_own_time(desk: Desk):
    desk.read()
    desk.close()
    desk.now = at(40)
    desk.read(start=6, end=12)
    desk.close()
    assert sorted(reads(desk)) == [(span(0, 6), 30), (span(6, 12), 40), (span(12, 24), 30)]


def test_coverage_counts_from_when_the_read_began_not_from_when_it_was_closed(desk: Desk):
    one = desk.begin()
    desk.now = at(50)
    desk.store.passes.pulled(one)
    desk.close()
    assert reads(desk) == [(span(0, 24), 30)]


def test_a_read_over_several_pieces_replaces_them(desk: Desk):
    for start in (0, 6, 12):
        desk.read(start=start, end=start + 6)
    desk.close()
    desk.now = at(40)
    desk.read(start=3, end=15)
    desk.close()
    assert sorted(reads(desk)) == [(span(0, 3), 30), (span(3, 15), 40), (span(15, 18), 30)]


def test_the_mark_follows_the_unbroken_coverage_only(desk: Desk):
    desk.read(start=24, end=48)
    desk.close()
    assert mark(desk.store.passes.known("calls").covered, at(0)) == at(0)
    desk.read(start=0, end=24)
    desk.close()
    assert mark(desk.store.passes.known("calls").covered, at(0)) == at(48)


# Owed


def test_an_owed_span_is_taken_off_by_a_pass_begun_later(desk: Desk):
    desk.store.passes.owe("calls", [span(0, 24)], "resync", False)
    desk.read(start=0, end=6)
    desk.close()
    assert owed(desk) == [(span(6, 24), False)]
    desk.read(start=6, end=24)
    desk.close()
    assert owed(desk) == []


def test_an_owed_span_is_not_taken_off_by_a_pass_begun_before(desk: Desk):
    one = desk.begin()
    desk.store.passes.owe("calls", [span(0, 24)], "resync", False)
    desk.store.passes.pulled(one)
    assert (desk.close(), owed(desk)) == (1, [(span(0, 24), False)])


def test_a_forced_span_is_taken_off_by_forced_passes_only(desk: Desk):
    desk.store.passes.owe("calls", [span(0, 24)], "resync", True)
    desk.read()
    desk.close()
    assert owed(desk) == [(span(0, 24), True)]
    desk.read(force=True)
    desk.close()
    assert owed(desk) == []


def test_what_is_left_of_an_owed_span_still_waits_for_passes_begun_after_it_was_owed(desk: Desk):
    early = desk.begin(6, 24)
    desk.store.passes.owe("calls", [span(0, 24)], "resync", False)
    desk.read(start=0, end=6)
    desk.store.passes.pulled(early)
    desk.close()
    assert owed(desk) == [(span(6, 24), False)]


def test_what_a_short_pass_leaves_is_asked_for_by_its_gap_and_owed_no_more(desk: Desk):
    desk.store.passes.owe("calls", [span(-6, 30)], "resync", False)
    short(desk, "c1")
    assert owed(desk) == [(span(-6, 0), False), (span(24, 30), False)]


@pytest.mark.parametrize(("is_forced", "accepts"), [(True, False), (False, True)])
def test_what_is_sent_unchanged_or_accepted_stays_owed_until_the_gap_closes(desk: Desk, is_forced: bool, accepts: bool):
    desk.store.passes.owe("calls", [span(0, 24)], "resync", is_forced, accepts_vanished=accepts)
    one = desk.begin(force=is_forced)
    desk.store.passes.pulled(one, "9 promised", 9)
    desk.close()
    assert owed(desk) == [(span(0, 24), is_forced)]
    desk.read(force=is_forced, kind="gap")
    desk.close()
    assert owed(desk) == []


# Gaps


def test_a_short_pass_is_a_gap_of_just_its_span_and_covers_nothing(desk: Desk):
    one = short(desk, "c1", "c2")
    gaps = [(one["start"], one["end"], one["reason"], one["expected"], one["received"]) for one in desk.table("v_gaps")]
    assert gaps == [("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "9 promised", 9, 2)]
    assert (desk.state(one), reads(desk), desk.store.passes.known("calls").gaps) == ("short", [], [span(0, 24)])


def test_a_gap_read_again_is_one_gap_tried_twice(desk: Desk):
    short(desk, "c1")
    desk.now += timedelta(hours=1)
    short(desk, "c1", reason="8 promised")
    assert [(one["tries"], one["reason"]) for one in desk.table("gaps")] == [(2, "8 promised")]


def test_a_gap_is_believed_when_a_day_later_the_same_records_come_in_any_order(desk: Desk):
    short(desk, "c1", "c2")
    desk.now += DAY
    short(desk, "c2", "c1")
    assert (desk.table("v_gaps"), reads(desk)) == ([], [(span(0, 24), 54)])
    assert [one["closed_by"] for one in desk.table("gaps")] == ["a day later the same records were all there were"]


def test_a_gap_is_not_believed_before_a_day_has_passed(desk: Desk):
    short(desk, "c1")
    desk.now += DAY - timedelta(seconds=1)
    short(desk, "c1")
    assert (len(desk.table("v_gaps")), reads(desk)) == (1, [])


def test_other_records_begin_the_day_of_a_gap_anew(desk: Desk):
    short(desk, "c1")
    desk.now += DAY
    short(desk, "c1", "c2")
    desk.now += timedelta(hours=1)
    short(desk, "c1", "c2")
    assert [(one["tries"], one["closed"]) for one in desk.table("gaps")] == [(3, None)]
    desk.now += DAY
    short(desk, "c1", "c2")
    assert desk.table("v_gaps") == []


def test_an_empty_gap_is_believed_too(desk: Desk):
    short(desk)
    desk.now += DAY
    short(desk)
    assert desk.table("v_gaps") == []


def test_a_gap_closes_with_a_settled_pass_that_holds_it_and_with_no_other(desk: Desk):
    short(desk, start=6, end=12)
    desk.read(start=0, end=9)
    desk.close()
    assert len(desk.table("v_gaps")) == 1
    desk.read(start=0, end=24)
    desk.close()
    assert desk.table("v_gaps") == []


def test_a_gap_over_covered_time_takes_no_coverage_away(desk: Desk):
    desk.read()
    desk.close()
    short(desk, "c1")
    assert (reads(desk), len(desk.table("v_gaps"))) == ([(span(0, 24), 30)], 1)


# Halves


def split(desk: Desk, one: Pass, *, at_end: bool = True) -> list[Pass]:
    halves = span(0, 12), span(12, 24)
    return desk.store.passes.split(one, halves, "9 promised", at_end, desk.run, desk.now)


def test_a_split_hands_its_span_to_its_halves_and_is_over_with_the_last_of_them(desk: Desk):
    one = desk.begin()
    desk.page(one, call("c1", "A"))
    left, right = split(desk, one)
    assert desk.store.passes.known("calls").taken == [span(0, 12), span(12, 24)]
    desk.page(left, call("c1", "A"))
    desk.store.passes.pulled(left)
    desk.store.passes.pulled(right)
    assert desk.close() == 1  # the row of the whole waits in the left half
    desk.send()
    assert (desk.close(), reads(desk)) == (1, [(span(0, 12), 30), (span(12, 24), 30)])
    assert (desk.books(one)["updated"], desk.books(left)["unchanged"]) == (1, 1)
    assert desk.table("passes", "ended IS NULL") == []


def test_keys_of_a_split_pass_are_kept_until_its_last_half_is_over(desk: Desk):
    one = desk.begin()
    desk.page(one, record("c1", fate="filtered"))
    left, right = split(desk, one)
    desk.store.passes.pulled(left)
    desk.close()
    desk.store.passes.sweep_seen("calls")
    assert {row["pass"] for row in desk.table("seen")} == {one.id}
    desk.store.passes.pulled(right)
    desk.close()
    desk.store.passes.sweep_seen("calls")
    assert desk.table("seen") == []


def test_a_half_of_a_half_ends_them_all(desk: Desk):
    one = desk.begin()
    left, right = split(desk, one)
    quarters = desk.store.passes.split(left, (span(0, 6), span(6, 12)), "9 promised", True, desk.run, desk.now)
    for last in (right, *quarters):
        desk.store.passes.pulled(last)
    assert desk.close() == 3
    assert desk.table("passes", "ended IS NULL") == []


def test_a_half_that_meets_the_keys_the_whole_met_has_them_all(desk: Desk):
    one = desk.begin()
    desk.page(one, record("c1", fate="filtered", hour=1), record("c2", fate="filtered", hour=13))
    left, right = split(desk, one)
    desk.page(left, record("c1", fate="filtered", hour=1))
    assert [desk.store.passes.gave_all_of_parent(half) for half in (left, right)] == [True, False]
    desk.page(right, record("c2", fate="filtered", hour=13), record("c3", fate="filtered", hour=14))
    assert not desk.store.passes.gave_all_of_parent(right)


def test_a_whole_that_was_not_read_to_its_end_vouches_for_no_half(desk: Desk):
    """Refused as too long it met nothing at all: a half that meets nothing either is no agreement."""
    one = desk.begin()
    left, _ = split(desk, one, at_end=False)
    assert not desk.store.passes.gave_all_of_parent(left)


def test_a_pass_that_is_no_half_has_nothing_to_be_compared_with(desk: Desk):
    assert not desk.store.passes.gave_all_of_parent(desk.begin())


def test_a_split_pass_whose_books_do_not_balance_lets_its_last_half_add_nothing(desk: Desk):
    one = desk.begin()
    desk.page(one, record("c1", fate="filtered"))
    with desk.db.transaction() as db:
        db.execute("UPDATE passes SET filtered = 0 WHERE id = ?", [one.id])
    left, right = split(desk, one)
    desk.store.passes.pulled(left)
    desk.store.passes.pulled(right)
    with pytest.raises(UnbalancedPass, match="1 records pulled, 0 accounted for"):
        desk.close()
    assert (reads(desk), desk.state(right)) == ([(span(0, 12), 30)], "failed")
    assert desk.table("passes", "ended IS NULL") == []


# Beginning again


def test_a_pass_begun_again_keeps_its_rows_and_counts_its_keys_anew(desk: Desk):
    one = desk.begin()
    desk.page(one, call("c1", "A"))
    desk.now = at(40)
    again = desk.store.passes.restart(one, desk.now)
    assert (again.reading, again.distinct_keys, again.checkpoint, again.began) == (2, 0, None, at(40))
    assert (desk.waiting(), desk.books(again)["made"]) == ([("c1", "A")], 1)


def test_only_keys_of_the_last_reading_count_for_a_gap(desk: Desk):
    one = desk.begin()
    desk.page(one, record("c1", fate="filtered"), record("c2", fate="filtered"))
    again = desk.store.passes.restart(one, desk.now)
    desk.page(again, record("c1", fate="duplicate"))
    desk.store.passes.pulled(again, "9 promised", 9)
    desk.close()
    desk.now += DAY
    short_again = desk.begin()
    desk.page(short_again, record("c1", fate="filtered"))
    desk.store.passes.pulled(short_again, "9 promised", 9)
    desk.close()
    assert desk.table("v_gaps") == []


def test_a_checkpoint_comes_back_as_it_was_stored(desk: Desk):
    one = desk.begin()
    desk.page(one, call("c1", "A"))
    stored = desk.store.passes.get(one.id).checkpoint
    assert stored is not None
    assert (stored.page, stored.digest) == (1, "digest-1")
    assert type(stored).from_json(stored.to_json()) == stored


def test_a_pass_of_a_run_is_one_it_began_ended_or_left(desk: Desk):
    ended = desk.read()
    desk.close()
    left = desk.begin()
    desk.next_run()
    begun = desk.begin(24, 48)
    assert desk.store.passes.of_run("calls", desk.run) == [left.id, begun.id]
    assert desk.store.passes.of_run("calls", desk.run - 1) == [ended.id, left.id, begun.id]
