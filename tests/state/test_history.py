"""The history of rows: each answer of Salesforce once, which fields it changed, and never a value."""

from contextlib import suppress
from datetime import timedelta

from state.desk import OBJECT, STREAM, Desk, at, call

from connector.state.history import KEPT_FOR, Answer
from connector.state.settling import Settled

CALL = (STREAM, OBJECT, "c1")


def told(desk: Desk, key: str = "c1") -> list[tuple[str, str, tuple[str, ...]]]:
    answers = desk.store.history.answers((STREAM, OBJECT, key))
    return [(one.fate, one.code, one.changed) for one in answers]


def test_each_answer_of_a_row_is_remembered_with_its_way_and_the_fields_it_changed(desk: Desk):
    first = desk.read(call("c1", "A"))
    one = desk.send(c1="created")
    desk.now += timedelta(hours=1)
    second = desk.read(call("c1", "B"))
    desk.answer(desk.batch(), c1="again")
    desk.now += timedelta(hours=1)
    two = desk.send(c1="updated")
    assert desk.store.history.answers(CALL) == [
        Answer(at(30), "created", first.id, one.id, 1, "", ()),
        Answer(at(32), "updated", second.id, two.id, 2, "", ("Value__c",)),
    ]


def test_a_refused_version_changed_nothing_so_the_next_is_compared_with_the_one_before(desk: Desk):
    for value, fate in (("A", "created"), ("B", "rejected"), ("A", "updated"), ("C", "updated")):
        desk.read(call("c1", value), force=True)
        desk.send(c1=fate)
    assert told(desk) == [
        ("created", "", ()),
        ("rejected", "CODE", ("Value__c",)),
        ("updated", "", ()),
        ("updated", "", ("Value__c",)),
    ]


def test_what_comes_after_a_delete_is_compared_with_nothing(desk: Desk):
    for fate in ("created", "deleted", "created"):
        desk.read(call("c1", fate), force=True)
        desk.send(c1=fate)
    assert told(desk) == [("created", "", ()), ("deleted", "", ()), ("created", "", ())]


def test_answers_read_twice_are_remembered_once(desk: Desk):
    desk.read(call("c1", "A"))
    batch = desk.batch()
    desk.settle(batch, c1="created")
    desk.settle(batch, c1="created")
    assert told(desk) == [("created", "", ())]


def test_what_is_killed_before_it_is_settled_is_not_remembered(desk: Desk):
    desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.batch()

    def outcomes():
        yield Settled("c1", "created")
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        desk.store.batches.settle(batch, outcomes(), desk.now)
    assert told(desk) == []


def test_no_value_is_kept(desk: Desk):
    desk.read(call("c1", "Erika Mustermann"))
    desk.send(c1="created")
    rows = desk.table("row_history") + desk.table("row_shapes")
    assert "Erika" not in str(rows)
    assert len(desk.table("row_history")[0]["prints"]) == 2 * 4


def test_all_that_is_known_of_an_external_id_is_found_in_every_stream_or_in_one(desk: Desk):
    desk.read(call("c1", "A"), call("c2", "A", hour=2), call("c3", "A"))
    desk.send(c1="created", c2="rejected", c3="again")
    keys = desk.store.history.keys
    assert keys("c1", None) == [(STREAM, OBJECT, "c1", "2026-03-02T01:00:00Z")]
    assert keys("c2", STREAM) == [(STREAM, OBJECT, "c2", "2026-03-02T02:00:00Z")]
    assert keys("c3", None) == [(STREAM, OBJECT, "c3", "2026-03-02T01:00:00Z")]
    assert (keys("c1", "others"), keys("C1", None), keys("", None)) == ([], [], [])


def test_rows_whose_keys_begin_with_another_are_found(desk: Desk):
    desk.read(*(call(name, "A") for name in ("c1", "c1|p1", "c1|p2", "c10", "c1}", "c2|p1")))
    desk.send()
    assert desk.store.history.below("c1", 9) == ["c1|p1", "c1|p2"]
    assert desk.store.history.below("c1", 1) == ["c1|p1"]


def test_answers_too_old_or_too_many_are_forgotten_the_oldest_first(desk: Desk):
    desk.read(*(call(f"a{number}", "A") for number in range(1500)))
    while desk.waiting():
        desk.send()
    desk.now += timedelta(days=1)
    desk.confirm(*(call(f"b{number}", "A") for number in range(10)))
    desk.store.history.sweep(desk.now)
    assert len(desk.table("row_history")) == 1510
    desk.store.history.sweep(desk.now, kept=4)
    assert [one["external_id"] for one in desk.table("row_history")] == ["b6", "b7", "b8", "b9"]
    desk.store.history.sweep(desk.now + KEPT_FOR)
    assert len(desk.table("row_history")) == 4
    desk.store.history.sweep(desk.now + KEPT_FOR + timedelta(seconds=1))
    assert desk.table("row_history") == []
