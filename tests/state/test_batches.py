"""The journal: what is taken into a batch, what becomes of its rows, and what is left when answers never come."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from state.desk import KEY, Desk, at, call, record

from connector.mapping import Row
from connector.spans import stamp
from connector.state.outbox import Entry
from connector.state.settling import Settled

FIRST_WAIT = timedelta(seconds=5)


def rows(desk: Desk, count: int) -> None:
    desk.read(*(call(f"c{number:04}", "A") for number in range(count)))


def test_rows_are_taken_oldest_first_and_no_more_than_asked_for(desk: Desk):
    rows(desk, 5)
    assert [key for key, _ in desk.in_batch(desk.batch(rows=2))] == ["c0000", "c0001"]


def test_rows_held_for_a_person_go_first(desk: Desk):
    rows(desk, 2)
    desk.read(call("late", "A"))
    batch = desk.batch()
    desk.answer(batch, late="held", c0000="wait", c0001="wait")
    assert [key for key, _ in desk.in_batch(desk.batch(rows=1))] == ["late"]


def test_one_call_takes_no_more_than_a_slice_and_says_how_many_it_looked_at(desk: Desk):
    rows(desk, 1100)
    batches = desk.store.batches
    batch = batches.begin("calls", "org", ("Call__c", "Key__c"), "bulk", ["Key__c"], "fields-1", desk.run, desk.now)
    looked_at = [batches.take(batch, 5000, desk.now) for _ in range(3)]
    assert (looked_at, batches.get(batch.id).rows) == ([1000, 100, 0], 1100)


def test_known_hashes_are_in_doubt_from_the_moment_their_rows_are_taken(desk: Desk):
    desk.confirm(call("c1", "A"), call("c2", "A"))
    desk.read(call("c1", "B"))
    desk.batch()
    assert desk.known() == {"c1": True, "c2": False}


def test_rows_that_were_confirmed_meanwhile_leave_as_unchanged(desk: Desk):
    desk.confirm(call("c1", "A"))
    desk.read(call("c1", "B"))
    back = desk.read(call("c1", "A"))
    assert (desk.in_batch(desk.batch()), desk.waiting(), desk.books(back)["unchanged"]) == ([], [], 1)


def test_answers_read_twice_change_nothing_the_second_time(desk: Desk):
    one = desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.batch()
    for _ in range(2):
        desk.settle(batch, c1="created", c2="rejected", stranger="created")
    assert desk.books(one) == {"pulled": 2, "mapped": 2, "made": 2, "created": 1, "rejected": 1}


def test_an_answer_settles_only_the_version_that_is_in_its_batch(desk: Desk):
    desk.read(call("c1", "A"))
    old = desk.batch()
    desk.store.batches.release(old, tried=False, now=desk.now)
    desk.read(call("c1", "B"))
    new = desk.batch()
    desk.settle(old, c1="created")
    assert (desk.in_batch(new), desk.known()) == ([("c1", "B")], {})


def test_rows_beyond_what_was_written_to_a_file_wait_again(desk: Desk):
    rows(desk, 5)
    batch = desk.batch()
    first, second, third, *others = [version for version, _ in desk.store.outbox.versions(batch.id)]
    desk.store.batches.release(batch, [third, first], tried=False, now=desk.now)
    assert [version for version, _ in desk.store.outbox.versions(batch.id)] == [second, *others]
    assert [len(desk.waiting()), desk.store.batches.get(batch.id).rows] == [2, 3]


def work(desk: Desk, act: Callable[[], object]) -> int:
    """How many hundred steps SQLite takes for it."""
    steps = itertools.count()
    with desk.db.reading() as db:
        db.set_progress_handler(lambda: next(steps) * 0, 100)
    act()
    with desk.db.reading() as db:
        db.set_progress_handler(None, 0)
    return next(steps)


def test_a_batch_costs_no_more_the_more_rows_wait_and_each_slice_no_more_the_larger_it_is(desk: Desk):
    rows(desk, 400)
    few = work(desk, lambda: desk.batch("bulk", 100))
    rows(desk, 4000)
    assert work(desk, lambda: desk.batch("bulk", 100)) < 1.2 * few
    small, large = desk.batch("bulk", 1000), desk.batch("bulk", 1000)
    for _ in range(2):
        desk.store.batches.take(large, 1000, desk.now)
    once = work(desk, lambda: list(desk.store.outbox.rows(small.id)))
    assert work(desk, lambda: list(desk.store.outbox.rows(large.id))) < 3.3 * once


def test_all_rows_of_a_batch_of_more_than_a_slice_wait_again(desk: Desk):
    rows(desk, 1100)
    batch = desk.batch("bulk", 1000)
    desk.store.batches.release(batch, tried=False, now=desk.now)
    assert (desk.in_batch(batch), len(desk.waiting()), desk.store.batches.get(batch.id).rows) == ([], 1100, 0)


def test_a_row_that_met_a_transient_fault_goes_again_with_growing_waits_and_an_end(desk: Desk):
    one = desk.read(call("c1", "A"))
    waits = []
    while not desk.rejects():
        desk.send(c1="again")
        waiting = desk.store.batches.waiting("calls", "Call__c", desk.run, desk.now, 9)
        if waiting.next_at is not None:
            assert waiting.ready == 0
            waits.append((waiting.next_at - desk.now).total_seconds())
            desk.now = waiting.next_at
    assert (waits, desk.books(one)["rejected"], desk.waiting()) == ([5, 10, 20, 40, 80], 1, [])


def without_parents(desk: Desk, *optional: str) -> None:
    """What waits is sent, and Salesforce knows none of the parents; `optional` are those it may go without."""
    batch = desk.batch()
    outcomes = [Settled(key, "parent", "INVALID_FIELD", optional=optional) for key, _ in desk.in_batch(batch)]
    desk.store.batches.settle(batch, outcomes, desk.now)
    desk.store.batches.end(batch, "ended", desk.now)


def family(key: str, **values: Any) -> Entry:
    return record(key, Row(0, key, stamp(at(1)), {KEY: key, "Value__c": 1, **values}))


def test_a_row_goes_again_at_once_without_the_parents_it_may_go_without(desk: Desk):
    one = desk.read(family("c1", **{"Account.Ext__c": "a", "Case__r.Key__c": "b"}))
    without_parents(desk, "Account.Ext__c", "Contact.Ext__c")
    batch = desk.batch()
    assert list(desk.store.outbox.rows(batch.id)) == [{KEY: "c1", "Value__c": 1, "Case__r.Key__c": "b"}]
    desk.answer(batch, c1="created")
    assert desk.books(one) == {"pulled": 1, "mapped": 1, "made": 1, "created": 1, "without_parent": 1}


def test_what_it_goes_without_says_nothing_about_what_is_known_of_the_row(desk: Desk):
    entry = family("c1", **{"Account.Ext__c": "a"})
    desk.read(entry)
    without_parents(desk, "Account.Ext__c")
    desk.send(c1="created")
    again = desk.read(entry)
    assert desk.books(again) == {"pulled": 1, "mapped": 1, "made": 1, "unchanged": 1}


def test_a_row_that_lacks_another_parent_too_waits_and_is_tried_whole_by_the_next_run(desk: Desk):
    desk.read(family("c1", **{"Account.Ext__c": "a", "Case__r.Key__c": "b"}))
    without_parents(desk, "Account.Ext__c")
    without_parents(desk, "Account.Ext__c")
    assert desk.in_batch(desk.batch()) == []
    desk.next_run()
    batch = desk.batch()
    assert list(desk.store.outbox.rows(batch.id)) == [
        {KEY: "c1", "Value__c": 1, "Account.Ext__c": "a", "Case__r.Key__c": "b"}
    ]


def test_a_relationship_the_row_does_not_hold_helps_nothing_when_it_is_left_out(desk: Desk):
    desk.read(family("c1", **{"Account.Ext__c": None}))
    without_parents(desk, "Account.Ext__c", "Contact.Ext__c")
    assert desk.in_batch(desk.batch()) == []


def test_a_newer_version_takes_the_place_of_one_that_would_go_without_its_parent(desk: Desk):
    one = desk.read(family("c1", **{"Account.Ext__c": "a"}))
    batch = desk.batch()
    two = desk.read(family("c1", **{"Account.Ext__c": "b"}), kind="resync")
    desk.store.batches.settle(batch, [Settled("c1", "parent", optional=("Account.Ext__c",))], desk.now)
    desk.store.batches.end(batch, "ended", desk.now)
    again = desk.batch()
    assert list(desk.store.outbox.rows(again.id)) == [{KEY: "c1", "Value__c": 1, "Account.Ext__c": "b"}]
    desk.answer(again, c1="created")
    desk.check(one, two)


def test_a_row_keeps_going_without_its_parent_when_its_batch_came_to_nothing(desk: Desk):
    desk.read(family("c1", **{"Account.Ext__c": "a"}))
    without_parents(desk, "Account.Ext__c")
    batch = desk.batch()
    desk.store.batches.release(batch, tried=True, now=desk.now)
    desk.store.batches.end(batch, "dissolved", desk.now)
    desk.now += timedelta(minutes=1)
    assert list(desk.store.outbox.rows(desk.batch().id)) == [{KEY: "c1", "Value__c": 1}]


def test_a_row_without_its_parent_is_tried_once_in_each_of_three_runs(desk: Desk):
    desk.read(call("c1", "A"))
    for _ in range(2):
        desk.send(c1="parent")
        assert desk.in_batch(desk.batch()) == []
        desk.next_run()
    desk.send(c1="parent")
    assert desk.rejects() == [("c1", "CODE")]


def test_a_row_that_waits_for_an_allowance_has_not_used_up_a_try(desk: Desk):
    desk.read(call("c1", "A"))
    for _ in range(20):
        desk.send(c1="wait")
    assert (desk.waiting(), desk.rejects()) == ([("c1", "A")], [])


def test_rows_of_a_job_that_never_did_them_wait_however_often(desk: Desk):
    """Nobody has refused them: they are no rejects."""
    desk.read(call("c1", "A"))
    for _ in range(9):
        desk.now += timedelta(hours=1)
        desk.store.batches.release(desk.batch(), tried=True, now=desk.now)
    assert (desk.waiting(), desk.rejects()) == ([("c1", "A")], [])


def test_an_accepted_row_proves_the_mapping(desk: Desk):
    assert desk.store.proven("calls") == ""
    desk.confirm(call("c1", "A"))
    assert desk.store.proven("calls") == "proof-1"


def test_a_refused_row_proves_nothing(desk: Desk):
    desk.read(call("c1", "A"))
    desk.send(c1="rejected")
    assert desk.store.proven("calls") == ""


def test_a_held_batch_proves_nothing_although_some_of_its_rows_were_accepted(desk: Desk):
    desk.confirm(call("c0", "A"))
    desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.store.batches.hold(desk.batch(), "CODE\nmost were refused")
    desk.settle(batch, c1="created", c2="held")
    assert desk.store.proven("calls") == ""


@pytest.mark.parametrize("fate", ["rejected", "again", "parent", "held", "wait"])
def test_a_row_that_is_not_accepted_leaves_balanced_books(desk: Desk, fate: str):
    first = desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.batch()
    second = desk.read(call("c1", "B"))
    desk.answer(batch, c1=fate, c2=fate)
    desk.check(first, second)


def test_a_batch_that_is_over_is_no_longer_open(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    org = batch.org
    assert [one.id for one in desk.store.batches.open(org, "Call__c")] == [batch.id]
    desk.answer(batch, c1="created")
    assert desk.store.batches.open(org) == []
