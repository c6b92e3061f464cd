"""Vanished rows: found once, only where it is certain, and cleared or deleted only when that is safe."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from lab import Killed
from state.desk import KEY, OBJECT, STREAM, Desk, bad, call, record, row, span

from connector.state.one_pass import Pass
from connector.state.outbox import Entry
from connector.state.vanished import Held, Rule

LEAVE = Rule(OBJECT, KEY)
CLEAR = Rule(OBJECT, KEY, "clear", {KEY: None, "Value__c": None})
DELETE = Rule(OBJECT, KEY, "delete")


def calls(start: int, end: int) -> list[Entry]:
    return [call(f"c{number:04}", 1) for number in range(start, end)]


def queued(desk: Desk) -> list[tuple[str, str]]:
    """Action and external id of every row that waits."""
    sql = "SELECT action, external_id FROM outbox WHERE batch IS NULL ORDER BY seq"
    return [(one["action"], one["external_id"]) for one in desk.db.rows(sql)]


def entries(desk: Desk) -> list[tuple[str, str, str, str | None]]:
    """External id, cause, state and how it was closed, of every vanished row."""
    return [(one["external_id"], one["cause"], one["state"], one["closed_by"]) for one in desk.table("vanished")]


def delete(desk: Desk, **fates: Any) -> None:
    """Take what is to be deleted and let Salesforce answer: the fates named, `deleted` for the rest."""
    batch = desk.batch("delete")
    keys = [one["external_id"] for one in desk.db.rows("SELECT external_id FROM outbox WHERE batch = ?", [batch.id])]
    desk.answer(batch, **{key: fates.get(key, "deleted") for key in keys})


def held(desk: Desk) -> list[Held]:
    return desk.store.vanished.held(STREAM)


def accept(desk: Desk, start: float = 0, end: float = 24) -> None:
    desk.store.passes.owe(STREAM, [span(start, end)], "resync", False, accepts_vanished=True)


# What vanished


def test_a_row_given_no_more_is_counted_once_and_stays(desk: Desk) -> None:
    desk.confirm(call("a", 1), call("b", 1))
    desk.confirm(call("a", 1))
    assert desk.store.vanished.left(STREAM) == 1
    newest = desk.store.newest(STREAM)["vanished"]
    desk.confirm(call("a", 1))
    assert entries(desk) == [("b", "source", "left", None)]
    assert (desk.store.vanished.left(STREAM), desk.store.vanished.left(STREAM, after=newest)) == (1, 0)
    assert (queued(desk), desk.known()) == ([], {"a": False, "b": False})


def test_a_row_that_is_given_again_is_vanished_no_more_and_may_vanish_anew(desk: Desk) -> None:
    desk.confirm(call("a", 1), call("b", 1))
    desk.confirm(call("a", 1))
    desk.confirm(call("a", 1), call("b", 1))
    assert (entries(desk), desk.store.vanished.left(STREAM)) == ([("b", "source", "left", "it is given again")], 0)
    desk.confirm(call("a", 1))
    assert desk.store.vanished.left(STREAM) == 1


def test_a_row_accepted_again_is_vanished_no_more_even_when_its_pass_did_not_agree(desk: Desk) -> None:
    desk.confirm(call("a", 1))
    desk.confirm()
    short = desk.begin()
    desk.page(short, call("a", 2))
    desk.store.passes.pulled(short, "2 promised", 2)
    desk.send()
    assert entries(desk) == [("a", "source", "left", "it is given again")]


def test_a_row_whose_record_no_target_wants_any_more_has_vanished(desk: Desk) -> None:
    """The mapping's keep and skip say what belongs into Salesforce, today as when the record came."""
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("a", 1), record("b", said="of another queue", fate="filtered"))
    assert queued(desk) == [("delete", "b")]


def test_a_row_of_a_record_that_gives_fewer_rows_now_has_vanished(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(record("call", row("leg-1", 1), row("leg-2", 1)))
    desk.read(record("call", row("leg-1", 1), said="one leg"))
    assert queued(desk) == [("delete", "leg-2")]


def test_a_row_that_was_given_before_in_the_same_reading_but_not_by_its_record_s_last_word_has_vanished(
    desk: Desk,
) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    one = desk.read(call("a", 1), call("b", 2), record("b", said="of another queue", fate="filtered"))
    assert (queued(desk), desk.books(one)["superseded"]) == ([("delete", "b")], 1)
    desk.check(one)


def test_a_row_of_a_pass_begun_again_counts_only_when_the_last_reading_gave_it(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    one = desk.begin()
    desk.page(one, call("a", 1), call("b", 1))
    one = desk.store.passes.restart(one, desk.now)
    desk.page(one, Entry(**{**_fields(call("a", 1)), "fate": "duplicate", "rows": ()}))
    desk.pulled(one)
    assert queued(desk) == [("delete", "b")]


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("key", "content", "at", "fate", "rows", "problem")}


def test_only_rows_of_the_span_are_looked_at(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1, hour=1), call("b", 1, hour=12), call("c", 1, hour=23))
    desk.read(call("a", 1, hour=1), start=0, end=12)
    assert queued(desk) == []
    desk.read(start=12, end=23)
    assert queued(desk) == [("delete", "b")]


# What has not


def test_a_short_or_failed_pass_makes_nothing_vanish(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    short = desk.begin()
    desk.page(short, call("a", 1))
    desk.store.passes.pulled(short, "2 promised", 2)
    desk.store.vanished.settle(short, desk.rules, desk.now)
    failed = desk.begin()
    desk.store.passes.fail(failed, "stopped", desk.run, desk.now)
    desk.store.vanished.settle(failed, desk.rules, desk.now)
    assert (queued(desk), entries(desk)) == ([], [])


def test_the_halves_of_a_split_span_each_judge_their_own(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1, hour=1), call("b", 1, hour=1), call("c", 1, hour=13), call("d", 1, hour=13))
    whole = desk.begin()
    left, right = desk.store.passes.split(
        whole, [span(0, 12), span(12, 24)], "disagrees", at_end=True, run=desk.run, now=desk.now
    )
    assert queued(desk) == []
    desk.page(left, call("a", 1, hour=1))
    desk.pulled(left)
    assert queued(desk) == [("delete", "b")]
    desk.page(right, call("c", 1, hour=13))
    desk.pulled(right)
    assert queued(desk) == [("delete", "b"), ("delete", "d")]


def test_a_row_that_cannot_be_made_has_not_vanished(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("a", 1), bad("b"))
    assert queued(desk) == []


def test_nothing_vanishes_while_a_record_gives_no_key(desk: Desk) -> None:
    """It may be the record of just the row that seems to be missing."""
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("a", 1), record("b", said="broken", fate="unmappable"))
    assert (queued(desk), entries(desk), desk.close()) == ([], [], 1)
    desk.read(call("a", 1))
    assert queued(desk) == [("delete", "b")]


def test_a_row_that_a_later_pass_gave_has_not_vanished(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    one = desk.begin()
    later = desk.begin()
    desk.page(later, call("b", 2))
    desk.page(one, call("a", 1))
    desk.pulled(one)
    assert queued(desk) == [("upsert", "b")]


OTHERWISE: list[dict[str, Any]] = [{"prints": ("fields-2", "source-1")}, {"prints": ("fields-1", "source-2")}]


@pytest.mark.parametrize("otherwise", OTHERWISE)
def test_what_another_mapping_does_not_give_is_only_reported(desk: Desk, otherwise: dict[str, Any]) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1), call("c", 1))
    desk.confirm(call("a", 1), call("b", 1), **otherwise)
    desk.confirm(call("a", 1), call("b", 1), **otherwise)
    assert (queued(desk), entries(desk)) == ([], [("c", "mapping", "left", None)])
    desk.read(call("a", 1), **otherwise)
    assert queued(desk) == [("delete", "b")]


def test_what_another_path_does_not_give_is_only_reported(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    with desk.db.transaction() as db:
        db.execute("UPDATE coverage SET path = 'job'")
    desk.read(call("a", 1))
    assert (queued(desk), entries(desk)) == ([], [("b", "mapping", "left", None)])


def test_what_was_never_read_whole_before_is_only_reported(desk: Desk) -> None:
    desk.rules = [DELETE]
    short = desk.begin()
    desk.page(short, call("a", 1), call("b", 1))
    desk.store.passes.pulled(short, "3 promised", 3)
    desk.send()
    desk.close()
    desk.read(call("a", 1), kind="gap")
    assert (queued(desk), entries(desk)) == ([], [("b", "mapping", "left", None)])


def test_part_of_a_span_read_by_the_same_mapping_is_judged_by_itself(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1, hour=1), start=0, end=12, prints=("fields-0", "source-1"))
    desk.confirm(call("b", 1, hour=13), start=12, end=24)
    desk.read()
    assert queued(desk) == [("delete", "b")]
    assert entries(desk) == [("a", "mapping", "left", None), ("b", "source", "waiting", None)]


# Clear


def test_a_cleared_row_loses_all_fields_but_its_key_and_is_sent_whole_when_it_comes_back(desk: Desk) -> None:
    desk.rules = [CLEAR]
    desk.confirm(call("a", 1), call("b", 1))
    gone = desk.read(call("a", 1))
    assert (desk.waiting(), desk.close()) == ([("b", None)], 0)
    desk.send()
    assert (desk.close(), desk.books(gone)) == (
        1,
        {"pulled": 1, "mapped": 1, "made": 1, "vanished": 1, "unchanged": 1, "updated": 1},
    )
    assert entries(desk) == [("b", "source", "cleared", None)]
    desk.confirm(call("a", 1))
    assert (entries(desk), desk.known()) == ([("b", "source", "cleared", None)], {"a": False, "b": False})
    desk.read(call("a", 1), call("b", 1))
    assert desk.waiting() == [("b", 1)]
    desk.send()
    assert entries(desk) == [("b", "source", "cleared", "it is given again")]


def test_a_row_that_is_empty_in_salesforce_already_is_not_cleared_again(desk: Desk) -> None:
    desk.rules = [CLEAR]
    desk.confirm(call("a", None))
    desk.read()
    assert (queued(desk), entries(desk)) == ([], [("a", "source", "cleared", None)])


def test_a_cleared_row_stays_as_it_is_when_the_mapping_has_a_field_more(desk: Desk) -> None:
    desk.rules = [CLEAR]
    desk.confirm(call("a", 1))
    desk.confirm()
    desk.rules = [Rule(OBJECT, KEY, "clear", {KEY: None, "Value__c": None, "New__c": None})]
    desk.read()
    assert queued(desk) == []


def test_the_row_that_clears_holds_the_fields_to_clear_in_their_order(desk: Desk) -> None:
    desk.rules = [Rule(OBJECT, KEY, "clear", {"Parent__r.Ext__c": None, KEY: None, "Flag__c": False})]
    desk.confirm(call("a", 1))
    desk.read()
    (found,) = desk.table("outbox")
    assert list(orjson.loads(found["payload"]).items()) == [("Parent__r.Ext__c", None), (KEY, "a"), ("Flag__c", False)]


# Delete


def test_a_deleted_row_is_known_no_more_and_created_when_it_comes_back(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    gone = desk.read(call("a", 1))
    assert (desk.send().rows, queued(desk), desk.close()) == (0, [("delete", "b")], 0)
    delete(desk)
    assert (desk.close(), desk.books(gone), desk.known()) == (
        1,
        {"pulled": 1, "mapped": 1, "made": 1, "vanished": 1, "unchanged": 1, "deleted": 1},
        {"a": False},
    )
    assert entries(desk) == [("b", "source", "deleted", "deleted in Salesforce")]
    desk.read(call("a", 1), call("b", 1))
    assert desk.waiting() == [("b", 1)]


@pytest.mark.parametrize("rule", [CLEAR, DELETE])
def test_a_row_that_comes_back_while_its_end_waits_takes_its_place(desk: Desk, rule: Rule) -> None:
    desk.rules = [rule]
    desk.confirm(call("a", 1))
    gone = desk.read()
    back = desk.read(call("a", 1))
    assert queued(desk) == [("upsert", "a")]
    desk.send()
    desk.check(gone, back)
    assert (desk.books(gone), desk.known()) == ({"vanished": 1, "superseded": 1}, {"a": False})
    assert (desk.close(), entries(desk)) == (2, [("a", "source", "waiting", "it is given again")])


@pytest.mark.parametrize("rule", [CLEAR, DELETE])
def test_a_row_that_comes_back_while_its_end_is_in_flight_queues_behind(desk: Desk, rule: Rule) -> None:
    desk.rules = [rule]
    desk.confirm(call("a", 1))
    gone = desk.read()
    batch = desk.batch("delete" if rule is DELETE else "collections")
    back = desk.read(call("a", 1))
    assert queued(desk) == [("upsert", "a")]
    desk.answer(batch, a="deleted" if rule is DELETE else "updated")
    desk.send(a="created" if rule is DELETE else "updated")
    assert desk.close() == 2
    desk.check(gone, back)
    assert (desk.known(), desk.books(back)["made"]) == ({"a": False}, 1)
    desk.read(call("a", 1))
    assert queued(desk) == []


def test_a_version_in_flight_is_followed_by_the_end_of_its_row(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1))
    change = desk.begin()
    desk.page(change, call("a", 2))
    batch = desk.batch()
    (child,) = desk.store.passes.split(change, [span(0, 24)], "disagrees", at_end=True, run=desk.run, now=desk.now)
    desk.pulled(child)
    assert queued(desk) == [("delete", "a")]
    desk.answer(batch, a="updated")
    delete(desk)
    assert (desk.known(), desk.close()) == ({}, 1)
    desk.check(change, child)


def test_a_delete_whose_answer_was_lost_is_sent_again(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1))
    gone = desk.read()
    batch = desk.batch("delete")
    desk.store.batches.release(batch, tried=False, now=desk.now)
    desk.store.batches.end(batch, "dissolved", desk.now)
    assert (queued(desk), desk.known()) == ([("delete", "a")], {"a": True})
    delete(desk)
    assert (desk.known(), desk.close()) == ({}, 1)
    desk.check(gone)


def test_a_refused_delete_is_a_reject_without_payload_and_is_tried_again_after_a_day(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1))
    gone = desk.read()
    delete(desk, a="rejected")
    assert (desk.rejects(), desk.table("rejects")[0]["payload"], desk.close()) == ([("a", "CODE")], None, 1)
    assert (desk.books(gone), entries(desk)) == ({"vanished": 1, "rejected": 1}, [("a", "source", "left", None)])
    desk.read()
    assert queued(desk) == []
    desk.close()
    desk.now += timedelta(hours=25)
    desk.read()
    assert queued(desk) == [("delete", "a")]
    delete(desk)
    assert (desk.rejects(), desk.known()) == ([], {})


def test_deletes_are_counted_apart_from_rows_to_send(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("a", 2))
    waiting = desk.store.batches.waiting(STREAM, OBJECT, desk.run, desk.now, 10)
    assert (waiting.ready, waiting.deletes) == (1, 1)


def test_children_do_not_wait_for_a_delete_of_a_parent_and_a_delete_waits_for_no_parent(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1))
    desk.read()
    (waits,) = desk.table("outbox")
    assert desk.store.batches.parents_sent(STREAM, {OBJECT}, desk.run) > waits["seq"]
    assert desk.store.batches.waiting(STREAM, OBJECT, desk.run, desk.now, 10, below=0).deletes == 1


def test_what_was_left_is_deleted_once_the_target_says_so(desk: Desk) -> None:
    desk.confirm(call("a", 1))
    desk.confirm()
    assert entries(desk) == [("a", "source", "left", None)]
    desk.rules = [DELETE]
    desk.read()
    assert queued(desk) == [("delete", "a")]
    delete(desk)
    assert entries(desk) == [("a", "source", "deleted", "deleted in Salesforce")]


def test_what_was_cleared_is_deleted_once_the_target_says_so(desk: Desk) -> None:
    desk.rules = [CLEAR]
    desk.confirm(call("a", 1))
    desk.confirm()
    desk.rules = [DELETE]
    desk.read()
    assert queued(desk) == [("delete", "a")]


# The guard


@pytest.mark.parametrize(
    ("known", "left", "is_held"),
    [(11, 0, True), (10, 0, False), (220, 209, False), (219, 208, True)],
)
def test_more_than_ten_and_five_percent_wait_for_a_person(desk: Desk, known: int, left: int, is_held: bool) -> None:
    desk.rules = [DELETE]
    desk.read(*calls(0, known))
    while desk.waiting():
        desk.send()
    desk.close()
    one = desk.read(*calls(0, left))
    gone = known - left
    assert len(queued(desk)) == (0 if is_held else gone)
    assert held(desk) == ([Held(span(0, 24), gone, known)] if is_held else [])
    assert (desk.close(), desk.state(one)) == (0, "pulled")


def test_rows_that_are_cleared_already_are_not_counted_among_those_known(desk: Desk) -> None:
    desk.rules = [CLEAR]
    desk.confirm(*calls(0, 30))
    desk.confirm(*calls(0, 20))
    desk.next_run()
    desk.read(*calls(0, 9))
    assert held(desk) == [Held(span(0, 24), 11, 20)]


def test_any_number_may_be_left(desk: Desk) -> None:
    desk.confirm(*calls(0, 50))
    one = desk.read()
    assert (desk.close(), desk.state(one), desk.store.vanished.left(STREAM)) == (1, "settled", 50)


def test_small_spans_of_one_run_are_held_when_together_they_are_too_much(desk: Desk) -> None:
    desk.rules = [DELETE]
    for hour in range(4):
        desk.confirm(*(call(f"{hour}-{n}", 1, hour) for n in range(8)), start=hour, end=hour + 1)
    desk.next_run()
    for hour in range(3):
        desk.read(start=hour, end=hour + 1)
    assert (len(queued(desk)), held(desk)) == (8, [Held(span(1, 2), 8, 8), Held(span(2, 3), 8, 8)])
    desk.next_run()
    fourth = desk.read(start=3, end=4)
    assert (len(queued(desk)), desk.state(fourth)) == (16, "pulled")
    assert desk.close() == 0


def test_a_span_that_waits_for_a_person_holds_up_no_other_of_its_run(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(*calls(0, 50))
    desk.confirm(*(call(f"next-{n}", 1, hour=25) for n in range(30)), start=24, end=26)
    desk.next_run()
    desk.read()
    desk.read(*(call(f"next-{n}", 1, hour=25) for n in range(29)), start=24, end=26)
    assert (held(desk), queued(desk)) == ([Held(span(0, 24), 50, 50)], [("delete", "next-29")])


def test_a_held_pass_is_read_again_and_closes_when_the_rows_are_there_again(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(*calls(0, 50))
    one = desk.read()
    desk.next_run()
    desk.now += timedelta(hours=1)
    desk.store.vanished.take_up(STREAM, desk.rules, desk.now)
    again = desk.store.passes.get(one.id)
    assert (again.state, again.vanish, again.checkpoint, again.reading) == ("pulling", "", None, 2)
    desk.page(again, *calls(0, 49))
    desk.pulled(again)
    assert (held(desk), queued(desk)) == ([], [("delete", "c0049")])
    delete(desk)
    assert (desk.close(), desk.table("coverage")[0]["began"]) == (1, "2026-03-03T07:00:00Z")
    desk.check(one)


def test_what_a_person_accepted_is_deleted_however_much_it_is_and_only_once(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(*calls(0, 50), call("night", 1, hour=23))
    desk.read()
    accept(desk, 0, 23)
    desk.store.vanished.take_up(STREAM, desk.rules, desk.now)
    (one,) = desk.store.passes.unfinished(STREAM)
    desk.pulled(one)
    assert (held(desk), len(queued(desk))) == ([], 51)
    delete(desk)
    assert desk.close() == 1
    resync = desk.read(kind="resync", end=23)
    assert (desk.close(), desk.table("owed")) == (1, [])
    desk.confirm(*calls(0, 50))
    again = desk.read()
    assert (queued(desk), held(desk), desk.state(again)) == ([], [Held(span(0, 24), 50, 50)], "pulled")
    assert desk.state(resync) == "settled"


def test_acceptance_outlives_a_pass_that_reads_a_part(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(*(call(f"early-{n}", 1, 1) for n in range(20)), *(call(f"late-{n}", 1, 13) for n in range(20)))
    accept(desk)
    desk.read(start=0, end=12)
    delete(desk)
    assert (desk.close(), len(queued(desk))) == (1, 0)
    desk.read(start=12, end=24)
    assert (len(queued(desk)), held(desk)) == (20, [])


def test_a_person_may_accept_what_a_changed_mapping_does_not_give(desk: Desk) -> None:
    desk.rules = [DELETE]
    desk.confirm(call("a", 1), call("b", 1))
    desk.confirm(call("a", 1), prints=("fields-2", "source-1"))
    accept(desk)
    desk.read(call("a", 1), kind="resync", prints=("fields-2", "source-1"))
    assert queued(desk) == [("delete", "b")]


# Killed


@pytest.mark.parametrize("rule", [LEAVE, CLEAR, DELETE])
def test_killed_at_any_commit_it_goes_on_with_what_is_left(tmp_path: Path, rule: Rule) -> None:
    """2,500 vanished rows are worked off in slices of 1,000; each is queued or noted once, wherever a run dies."""
    told = []
    for kill_at in range(12):
        desk = Desk(tmp_path / f"{rule.when}-{kill_at}.db")
        one = _pass_of_gone(desk, rule, 2500)
        left = [kill_at]

        def die(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        desk.after_commit = die
        try:
            desk.pulled(one)
        except Killed:
            desk.after_commit = lambda: None
            assert desk.store.passes.get(one.id).vanish in ("due", "") and (rule is LEAVE or desk.close() == 0)
            desk.store.vanished.take_up(STREAM, desk.rules, desk.now)
        told.append((left[0] <= 0 < kill_at, _what_came(desk, one)))
        desk.db.close()
    assert [what for _, what in told] == [told[0][1]] * len(told)
    assert told[0][1][0] == (2500 if rule is not LEAVE else 0)
    # The last page, three slices, the end.
    assert sum(was_killed for was_killed, _ in told) == 5


def _pass_of_gone(desk: Desk, rule: Rule, many: int) -> Pass:
    desk.rules = [rule]
    accept(desk)
    with desk.db.transaction() as db:
        db.executemany(
            "INSERT INTO row_hashes (stream, object, at, external_id, hash, in_doubt) VALUES (?, ?, ?, ?, x'00', 0)",
            [[STREAM, OBJECT, f"2026-03-02T{n % 24:02}:00:00Z", f"c{n}"] for n in range(many)],
        )
        db.execute(
            """INSERT INTO coverage (stream, start, end, began, path, mapping_print)
               VALUES (?, '2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z', '', 'query', 'fields-1 source-1')""",
            [STREAM],
        )
    return desk.begin()


def _what_came(desk: Desk, one: Pass) -> Sequence[Any]:
    desk.check(one)
    states = desk.db.rows("SELECT state, count(*) AS many FROM vanished GROUP BY state")
    return (
        len(queued(desk)),
        [(row["state"], row["many"]) for row in states],
        desk.books(one),
        desk.store.passes.get(one.id).vanish,
    )


def test_a_pass_that_looks_for_nothing_closes_at_once(desk: Desk) -> None:
    desk.confirm(call("a", 1))
    one = desk.begin(kind="open")
    desk.store.passes.pulled(one)
    desk.store.vanished.settle(one, [DELETE], desk.now)
    assert (queued(desk), entries(desk), desk.close()) == ([], [], 1)
