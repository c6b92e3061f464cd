"""Rows of one key read by query and by job: what only jobs give is never lost, doubled or taken for known."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from desk import KEY, OBJECT, STREAM, Desk, at, record

from connector.mapping import BadRow, Row
from connector.spans import stamp
from connector.state.outbox import Entry
from connector.state.standings import send_again
from connector.state.vanished import Rule

OF_JOB = (frozenset({"Order__c"}),)
NOTHING: Any = object()


def by_query(value: Any, name: str = "a") -> Entry:
    return record(name, Row(0, name, stamp(at(1)), {KEY: name, "Value__c": value}))


def by_job(value: Any, order: Any = NOTHING, name: str = "a") -> Entry:
    values = {KEY: name, **({} if order is NOTHING else {"Order__c": order}), "Value__c": value}
    return replace(record(name, Row(0, name, stamp(at(1)), values)), job_fields=OF_JOB)


def sent(desk: Desk) -> list[dict[str, Any]]:
    """Payloads on their way, waiting ones last, without the key."""
    rows = desk.db.rows("SELECT payload FROM outbox ORDER BY batch IS NULL, seq")
    return [{name: value for name, value in orjson.loads(row["payload"]).items() if name != KEY} for row in rows]


@pytest.mark.parametrize(
    ("known", "read", "is_sent"),
    [
        (by_job(1, "A"), by_query(1), False),
        (by_job(1, "A"), by_job(1, "A"), False),
        (by_job(1, "A"), by_job(1), False),
        (by_job(1, "A"), by_job(1, "B"), True),
        (by_job(1, "A"), by_job(1, None), True),
        (by_job(1, "A"), by_query(2), True),
        (by_query(1), by_query(1), False),
        (by_query(1), by_job(1, "A"), True),
        (by_query(1), by_job(1, None), True),
        (by_query(1), by_job(1), False),
    ],
)
@pytest.mark.parametrize("known_is", ["confirmed", "in flight", "waiting"])
def test_what_the_query_cannot_tell_makes_no_difference_and_what_the_job_tells_does(
    desk: Desk, known: Entry, read: Entry, is_sent: bool, known_is: str
) -> None:
    first = desk.read(known)
    if known_is == "in flight":
        desk.batch()
    elif known_is == "confirmed":
        desk.send()
    second = desk.read(read, start=0, end=12)
    assert desk.books(second).get("unchanged", 0) == (0 if is_sent else 1)
    desk.check(first, second)


def test_after_each_path_said_its_part_both_are_known(desk: Desk) -> None:
    desk.confirm(by_job(1, "A"))
    desk.confirm(by_query(2))
    for entry in (by_job(2, "A"), by_query(2), by_job(2)):
        assert desk.books(desk.read(entry))["unchanged"] == 1


def test_a_record_that_is_created_again_by_query_has_nothing_of_what_the_job_told(desk: Desk) -> None:
    """Somebody had deleted it in Salesforce."""
    desk.confirm(by_job(1, "A"))
    desk.read(by_query(2))
    desk.send(a="created")
    again = desk.read(by_job(2, "A"), start=0, end=12)
    assert (desk.books(again).get("unchanged"), sent(desk)) == (None, [{"Order__c": "A", "Value__c": 2}])


def test_a_row_that_is_to_be_sent_again_is_known_by_neither_path(desk: Desk) -> None:
    desk.confirm(by_job(1, "A"))
    send_again(desk.db, STREAM, [(OBJECT, stamp(at(1)), "a")], [], "verify --repair")
    desk.read(by_query(1))
    desk.send()
    again = desk.read(by_job(1, "A"), start=0, end=12)
    assert (desk.books(again).get("unchanged"), sent(desk)) == (None, [{"Order__c": "A", "Value__c": 1}])


def test_a_row_by_query_takes_over_what_a_waiting_row_by_job_says(desk: Desk) -> None:
    first, second = desk.read(by_job(1, "A")), desk.read(by_query(2), start=0, end=12)
    assert sent(desk) == [{"Order__c": "A", "Value__c": 2}]
    desk.send()
    desk.check(first, second)
    assert desk.books(desk.read(by_job(2, "A")))["unchanged"] == 1


def test_a_row_by_job_that_comes_back_gives_its_part_to_the_newer_one(desk: Desk) -> None:
    first = desk.read(by_job(1, "#N/A"))
    batch = desk.batch()
    second = desk.read(by_query(2), start=0, end=12)
    desk.answer(batch, a="again")
    assert sent(desk) == [{"Order__c": "#N/A", "Value__c": 2}]
    assert [row["only_collections"] for row in desk.table("outbox")] == [1]
    desk.check(first, second)


def test_what_was_sent_without_an_answer_is_in_doubt_in_both_parts(desk: Desk) -> None:
    desk.confirm(by_job(1, "A"))
    desk.read(by_job(1, "B"))
    batch = desk.batch()
    desk.store.batches.release(batch, tried=False, now=desk.now)
    desk.store.batches.end(batch, "dissolved", desk.now)
    desk.store.outbox.supersede_waiting("calls")
    desk.confirm(by_query(1))
    # The query row is known now; of the order nobody knows whether it is A or B.
    assert "unchanged" not in desk.books(desk.read(by_job(1, "A")))


def test_a_row_by_query_on_its_way_leaves_what_is_known_of_the_rest(desk: Desk) -> None:
    desk.confirm(by_job(1, "A"))
    desk.read(by_query(2))
    desk.answer(desk.batch(), a="updated")
    assert desk.books(desk.read(by_job(2, "A")))["unchanged"] == 1


def test_a_reject_for_what_the_job_says_is_closed_by_a_job_only(desk: Desk) -> None:
    desk.read(by_job(1, "too long"))
    desk.answer(desk.batch(), a="rejected")
    desk.read(by_query(1))
    desk.send()
    assert desk.rejects() == [("a", "CODE")]
    assert desk.books(desk.read(by_query(1)))["unchanged"] == 1
    assert desk.rejects() == [("a", "CODE")]
    assert desk.books(desk.read(by_job(1, "too long")))["rejected"] == 1
    desk.read(by_job(1, "short"))
    desk.send()
    assert desk.rejects() == []


@pytest.mark.parametrize(("field", "is_open"), [("Order__c", True), ("Value__c", False)])
def test_a_row_that_only_the_job_could_not_make_stays_a_reject_until_a_job_makes_it(
    desk: Desk, field: str, is_open: bool
) -> None:
    bad = BadRow(0, "a", stamp(at(1)), "NOT_A_NUMBER", f"fields.{field}: not a number", field)
    desk.read(replace(record("a", bad, said="bad"), job_fields=OF_JOB))
    desk.read(by_query(1))
    desk.send()
    assert bool(desk.rejects()) is is_open
    desk.read(by_job(1, 3))
    desk.send()
    assert desk.rejects() == []


def test_a_row_that_was_cleared_and_comes_back_brings_what_only_jobs_give_again(desk: Desk) -> None:
    desk.rules = [Rule(OBJECT, KEY, "clear", {KEY: None, "Order__c": None, "Value__c": None})]
    desk.confirm(by_job(1, "A"))
    desk.confirm(kind="recheck")
    assert sent(desk) == []
    desk.confirm(by_query(1))
    desk.read(by_job(1, "A"))
    assert sent(desk) == [{"Order__c": "A", "Value__c": 1}]


def test_a_row_by_job_that_comes_back_says_nothing_to_one_that_clears(desk: Desk) -> None:
    desk.rules = [Rule(OBJECT, KEY, "clear", {KEY: None, "Value__c": None})]
    desk.confirm(by_job(1, "A"))
    desk.read(by_job(2, "B"))
    batch = desk.batch()
    desk.read(kind="recheck")
    assert sent(desk) == [{"Order__c": "B", "Value__c": 2}, {"Value__c": None}]
    desk.answer(batch, a="again")
    assert sent(desk) == [{"Value__c": None}]
