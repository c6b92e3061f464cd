"""Rows as versions of a key: what is sent, what is not, and which version counts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from state.desk import DAY, OBJECT, Desk, at, bad, call, record, row

from connector.errors import StateError
from connector.genesys.judge import Seen
from connector.mapping import BadRow
from connector.spans import stamp
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry


def test_a_row_equal_to_the_one_waiting_goes_nowhere(desk: Desk):
    first = desk.read(call("c1", "A"))
    second = desk.read(call("c1", "A"))
    assert desk.waiting() == [("c1", "A")]
    assert (desk.books(first), desk.books(second)) == (
        {"pulled": 1, "mapped": 1, "made": 1, "pending": 1},
        {"pulled": 1, "mapped": 1, "made": 1, "unchanged": 1},
    )


def test_a_differing_row_replaces_the_one_waiting_in_the_books_of_the_pass_that_made_it(desk: Desk):
    first = desk.read(call("c1", "A"))
    second = desk.read(call("c1", "B"))
    assert desk.waiting() == [("c1", "B")]
    assert (desk.books(first)["superseded"], desk.books(second)["pending"]) == (1, 1)


def test_a_row_equal_to_what_salesforce_confirmed_is_not_sent(desk: Desk):
    desk.confirm(call("c1", "A"))
    again = desk.read(call("c1", "A"))
    assert (desk.waiting(), desk.books(again)["unchanged"]) == ([], 1)


def test_a_row_that_changes_while_one_is_in_flight_queues_behind_it(desk: Desk):
    first = desk.read(call("c1", "A"))
    batch = desk.batch()
    second = desk.read(call("c1", "B"))
    assert (desk.in_batch(batch), desk.waiting()) == ([("c1", "A")], [("c1", "B")])
    desk.answer(batch, c1="created")
    desk.send()
    assert (desk.books(first)["created"], desk.books(second)["updated"], desk.known()) == (1, 1, {"c1": False})
    desk.read(call("c1", "B"))
    assert desk.waiting() == []


def test_a_row_equal_to_the_one_in_flight_is_unchanged(desk: Desk):
    desk.read(call("c1", "A"))
    desk.batch()
    second = desk.read(call("c1", "A"))
    assert (desk.waiting(), desk.books(second)["unchanged"]) == ([], 1)


def test_a_row_equal_to_one_in_flight_that_is_then_refused_stands_as_its_reject(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    desk.read(call("c1", "A"))
    desk.answer(batch, c1="rejected")
    assert (desk.close(), desk.rejects(), desk.waiting()) == (2, [("c1", "CODE")], [])


def test_a_version_that_comes_back_while_a_newer_one_waits_is_superseded(desk: Desk):
    first = desk.read(call("c1", "A"))
    batch = desk.batch()
    second = desk.read(call("c1", "B"))
    desk.store.batches.release(batch, tried=True, now=desk.now)
    assert desk.waiting() == [("c1", "B")]
    assert (desk.books(first)["superseded"], desk.books(second)["pending"]) == (1, 1)


def test_back_to_the_old_value_while_the_new_one_is_in_flight_is_sent_again(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    batch = desk.batch()
    desk.read(call("c1", "A"))
    desk.answer(batch, c1="updated")
    assert desk.in_batch(desk.batch()) == [("c1", "A")]


def test_back_to_the_old_value_after_the_new_one_was_refused_is_sent_and_closes_the_reject(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    batch = desk.batch()
    desk.read(call("c1", "A"))
    desk.answer(batch, c1="rejected")
    assert desk.rejects() == [("c1", "CODE")]
    desk.send()
    assert (desk.rejects(), desk.known()) == ([], {"c1": False})


def test_back_to_the_old_value_before_the_new_one_was_sent_sends_nothing(desk: Desk):
    desk.confirm(call("c1", "A"))
    second = desk.read(call("c1", "B"))
    third = desk.read(call("c1", "A"))
    assert desk.in_batch(desk.batch()) == []
    assert (desk.books(second)["superseded"], desk.books(third)["unchanged"], desk.close()) == (1, 1, 2)


def test_what_was_sent_without_an_answer_is_in_doubt_and_equals_nothing(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    desk.store.batches.release(desk.batch(), tried=False, now=desk.now)
    assert desk.known() == {"c1": True}
    desk.read(call("c1", "A"))
    assert desk.in_batch(desk.batch()) == [("c1", "A")]


def test_doubt_stays_after_a_refusal_and_ends_with_the_next_accepted_row(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    desk.send(c1="rejected")
    assert desk.known() == {"c1": True}
    desk.read(call("c1", "A"))
    desk.send()
    assert desk.known() == {"c1": False}


def test_a_forced_row_is_sent_although_salesforce_has_it(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "A"), force=True)
    assert desk.in_batch(desk.batch()) == [("c1", "A")]


def test_a_waiting_row_met_by_a_forced_pass_is_forced_too(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    desk.read(call("c1", "A"))
    forced = desk.read(call("c1", "A"), force=True)
    assert (desk.in_batch(desk.batch()), desk.books(forced)["unchanged"]) == ([("c1", "A")], 1)


def test_the_literal_text_of_a_cleared_cell_goes_by_collections_only(desk: Desk):
    desk.read(call("c1", "#N/A"), call("c2", "say '#N/A'"))
    assert desk.in_batch(desk.batch("bulk")) == [("c2", "say '#N/A'")]
    assert desk.in_batch(desk.batch()) == [("c1", "#N/A")]


# One record twice, two records with one key


def test_a_record_told_twice_with_other_content_in_one_pass_counts_as_told_last(desk: Desk):
    one = desk.read(call("c1", "A"), call("c1", "B"))
    assert desk.waiting() == [("c1", "B")]
    assert desk.books(one) == {"pulled": 2, "mapped": 2, "made": 2, "superseded": 1, "pending": 1}


def test_a_record_told_twice_whose_row_stays_the_same_is_a_duplicate_row(desk: Desk):
    one = desk.read(record("c1", row("c1", "A"), said=1), record("c1", row("c1", "A"), said=2))
    assert desk.books(one) == {"pulled": 2, "mapped": 2, "made": 2, "row_duplicate": 1, "pending": 1}


def test_a_row_that_was_good_then_bad_then_good_again_in_one_pass_is_sent(desk: Desk):
    one = desk.read(call("c1", "A"), bad("c1"), call("c1", "A"))
    assert desk.waiting() == [("c1", "A")]
    desk.check(one)
    desk.send()
    assert (desk.rejects(), desk.close()) == ([], 1)


def test_a_bad_row_takes_out_the_older_version_that_waits(desk: Desk):
    first = desk.read(call("c1", "A"))
    second = desk.read(bad("c1"))
    assert (desk.waiting(), desk.rejects()) == ([], [("c1", "NOT_A_NUMBER")])
    assert (desk.books(first)["superseded"], desk.books(second)["rejected"], desk.close()) == (1, 1, 2)


def test_an_older_version_accepted_later_does_not_close_the_reject_of_a_bad_row(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    desk.read(bad("c1"))
    desk.answer(batch, c1="created")
    assert desk.rejects() == [("c1", "NOT_A_NUMBER")]


def test_an_older_version_refused_later_does_not_replace_the_reject_of_a_bad_row(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    desk.read(bad("c1"))
    desk.answer(batch, c1="rejected")
    assert desk.rejects() == [("c1", "NOT_A_NUMBER")]


def test_a_bad_row_mended_on_the_same_page_leaves_no_reject(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(bad("c1"), call("c1", "A"))
    assert desk.rejects() == []


def test_two_records_with_one_key_keep_the_first_row_and_reject_the_later(desk: Desk):
    one = desk.read(record("c1", row("key", "A")), record("c2", row("key", "B")))
    assert desk.waiting() == [("key", "A")]
    assert ([code for _, code in desk.rejects()], desk.books(one)["rejected"]) == (["KEY_COLLISION"], 1)
    desk.check(one)


def test_a_bad_row_with_the_key_of_another_record_leaves_that_ones_row_alone(desk: Desk):
    stranger = record("c2", BadRow(0, "c1", stamp(at(1)), "NOT_A_NUMBER", "fields.Value__c: not a number"))
    one = desk.read(call("c1", "A"), stranger)
    assert (desk.waiting(), [code for _, code in desk.rejects()]) == ([("c1", "A")], ["NOT_A_NUMBER"])
    desk.check(one)


def test_two_records_with_one_key_are_found_over_two_pages_and_only_one_reject_stays_open(desk: Desk):
    for hour in (30, 31):
        desk.now = at(hour)
        one = desk.begin()
        desk.page(one, record("c1", row("key", "A")))
        desk.page(one, record("c2", row("key", "A")))
        desk.store.passes.pulled(one)
        assert [(code, desk.books(one)["rejected"]) for _, code in desk.rejects()] == [("KEY_COLLISION", 1)]
    assert [one["tries"] for one in desk.table("rejects")] == [2]


def test_a_collision_that_is_over_closes_its_reject(desk: Desk):
    desk.read(record("c1", row("key", "A")), record("c2", row("key", "B")))
    desk.read(record("c1", row("key", "A")), record("c2", row("other", "B")))
    assert desk.rejects() == []


def test_a_record_that_cannot_be_mapped_is_a_reject_until_it_can(desk: Desk):
    one = desk.read(record("c1", fate="unmappable"))
    assert (desk.books(one), [code for _, code in desk.rejects()]) == ({"pulled": 1, "unmappable": 1}, ["NO_KEY"])
    desk.read(call("c1", "A"))
    assert desk.rejects() == []


def test_a_record_that_can_be_mapped_further_down_the_page_leaves_no_reject(desk: Desk):
    desk.read(record("c1", fate="unmappable"), call("c1", "A"))
    assert desk.rejects() == []


def test_a_record_nobody_wants_any_more_leaves_no_reject(desk: Desk):
    desk.read(record("c1", fate="unmappable"))
    desk.read(record("c1", fate="filtered"))
    assert desk.rejects() == []


# A row that was refused


def refused(desk: Desk) -> None:
    desk.read(call("c1", "A"))
    desk.send(c1="rejected")
    desk.close()


def test_a_row_equal_to_its_open_reject_counts_as_rejected_and_is_not_sent(desk: Desk):
    refused(desk)
    desk.now += timedelta(hours=23)
    again = desk.read(call("c1", "A"))
    assert (desk.waiting(), desk.books(again)["rejected"], desk.rejects()) == ([], 1, [("c1", "CODE")])


def test_a_row_that_differs_from_its_reject_is_sent_and_closes_it_when_accepted(desk: Desk):
    refused(desk)
    desk.read(call("c1", "B"))
    assert desk.rejects() == [("c1", "CODE")]
    desk.send()
    assert desk.rejects() == []


def test_a_row_equal_to_its_reject_is_sent_again_after_a_day(desk: Desk):
    refused(desk)
    desk.now += timedelta(days=1, seconds=1)
    desk.read(call("c1", "A"))
    assert desk.waiting() == [("c1", "A")]


def test_a_row_equal_to_its_reject_is_sent_again_under_another_mapping(desk: Desk):
    refused(desk)
    desk.read(call("c1", "A"), prints=("fields-2", "source-1"))
    assert desk.waiting() == [("c1", "A")]


def test_a_row_equal_to_its_reject_is_sent_again_when_forced(desk: Desk):
    refused(desk)
    desk.read(call("c1", "A"), force=True)
    assert desk.waiting() == [("c1", "A")]


def test_a_row_refused_again_is_one_reject_with_two_tries(desk: Desk):
    refused(desk)
    desk.now += timedelta(days=2)
    desk.read(call("c1", "A"))
    desk.send(c1="rejected")
    assert [(one["tries"], one["first_seen"] < one["last_seen"]) for one in desk.table("rejects")] == [(2, True)]


def test_a_source_that_goes_back_to_what_salesforce_has_closes_the_reject(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(bad("c1"))
    again = desk.read(call("c1", "A"))
    assert (desk.rejects(), desk.books(again)["unchanged"]) == ([], 1)


def test_a_waiting_version_sent_after_an_older_one_was_refused_closes_its_reject(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    desk.read(call("c1", "B"))
    desk.answer(batch, c1="rejected")
    desk.send()
    assert (desk.rejects(), [one["closed_by"] for one in desk.table("rejects")]) == (
        [],
        ["a later version was updated"],
    )


# Pages


def test_a_page_is_stored_whole_or_not_at_all(desk: Desk):
    one = desk.begin()
    desk.page(one, call("c1", "A"))
    with pytest.raises(TypeError):
        desk.page(one, call("c2", "A"), record("c3", row("c3", object())))
    assert (desk.waiting(), desk.books(one)) == (
        [("c1", "A")],
        {"pulled": 1, "mapped": 1, "made": 1, "pending": 1},
    )
    assert (len(desk.table("seen")), desk.store.passes.get(one.id).distinct_keys) == (2, 1)


def test_a_changed_mapping_takes_waiting_rows_out_and_leaves_those_in_flight(desk: Desk):
    one = desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.batch(rows=1)
    desk.store.outbox.supersede_waiting("calls")
    assert (desk.in_batch(batch), desk.waiting(), desk.books(one)["superseded"]) == ([("c1", "A")], [], 1)
    desk.check(one)


def test_a_full_outbox_of_rows_that_wait_for_their_parent_cannot_be_sent_in_this_run(desk: Desk):
    desk.read(call("c1", "A"))
    assert desk.store.outbox.sendable("calls", desk.run)
    desk.send(c1="parent")
    assert (desk.store.outbox.waiting("calls", 9), desk.store.outbox.sendable("calls", desk.run)) == (1, False)
    desk.next_run()
    assert desk.store.outbox.sendable("calls", desk.run)


def test_rows_of_a_day_lie_in_it_whatever_pass_made_them(desk: Desk):
    desk.read(call("c1", "A", hour=3))
    assert [one["at"] for one in desk.table("outbox")] == [f"{DAY:%Y-%m-%d}T03:00:00Z"]


def test_entries_that_break_off_leave_nothing_of_their_page(desk: Desk):
    def entries() -> Iterator[Entry]:
        yield call("c1", "A")
        raise StateError("the disk is gone")

    one = desk.begin()
    with pytest.raises(StateError):
        desk.store.outbox.store_page(one, entries(), [OBJECT], Checkpoint(1, "d", Seen()), 2, desk.now)
    assert (desk.waiting(), desk.books(one)) == ([], {})
    assert desk.store.db.value("SELECT count(*) FROM seen") == 0
    assert desk.store.passes.get(one.id) == one
