"""What Salesforce must refuse costs no call, objects are described only when they changed, and changes are named."""

import sqlite3
from contextlib import closing
from typing import Any

import orjson
import pytest
from lab import MAPPING, Killed, Lab, at, conversation
from requests.adapters import BaseAdapter

from connector.orders import Result
from connector.sandbox.adapter import WsgiAdapter

OBJECT = "Conversation__c"
LONG = "q" * 41
"""First_Queue_Id__c holds 40 characters."""

WAYS = pytest.mark.parametrize("by", ["collections", "bulk"])


def talk(lab: Lab, count: int, *, first: int = 0, hour: float = 9, queue: str = "q1") -> None:
    for number in range(first, first + count):
        lab.world.add(conversation(f"c{number:04}", at(hour), queue=queue))


def proven(lab: Lab, by: str = "auto") -> None:
    """One row has arrived, then an hour passes."""
    lab.clock.advance(60)
    lab.write_mapping(MAPPING.replace("Conversation_Id__c}", f"Conversation_Id__c, deliver: {by}}}", 1))
    talk(lab, 1, first=9000)
    assert lab.sync().exit_code == 0
    lab.clock.advance(3600)
    lab.salesforce.calls.clear()


def called(lab: Lab) -> list[tuple[str, str, int]]:
    """What Salesforce was asked beside logins: method, last parts of the path, status."""
    calls = [one for one in lab.salesforce.calls if "/oauth2/" not in one.path]
    return [(one.method, one.path.partition("/v66.0/")[2], one.status) for one in calls]


def rows_of(result: Result) -> dict[str, int]:
    names = ("made", "created", "updated", "rejected", "pending", "unchanged")
    return {name: value for name in names if (value := getattr(result.books, name))}


def rejects(lab: Lab) -> list[tuple[str, str, str, str]]:
    found = [(one["external_id"], one["code"], one["fields"], one["message"]) for one in lab.table("rejects")]
    return sorted(found)


DESCRIBE = f"sobjects/{OBJECT}/describe"
UPSERT = f"composite/sobjects/{OBJECT}/Conversation_Id__c"
TOO_LONG = ("STRING_TOO_LONG", "First_Queue_Id__c", "First Queue Id: data value too large (max length=40) (not sent)")


def test_a_text_that_is_too_long_costs_no_call_and_is_a_reject(make_lab):
    lab = make_lab(now=at(10.3))
    talk(lab, 1, queue=LONG)
    result = lab.sync()
    assert (result.exit_code, rows_of(result)) == (1, {"made": 1, "rejected": 1})
    assert (called(lab), rejects(lab)) == ([("GET", DESCRIBE, 200)], [("c0000", *TOO_LONG)])
    lab.clock.advance(3600)
    assert (lab.sync().exit_code, len(lab.table("rejects"))) == (0, 1)


@WAYS
def test_the_other_rows_of_a_delivery_arrive(make_lab, by):
    lab = make_lab(now=at(10.3))
    proven(lab, by)
    talk(lab, 30)
    talk(lab, 2, first=30, queue=LONG)
    result = lab.sync()
    assert (result.exit_code, rows_of(result)) == (1, {"made": 33, "created": 30, "rejected": 2, "unchanged": 1})
    assert rejects(lab) == [("c0030", *TOO_LONG), ("c0031", *TOO_LONG)]
    sent = {f"c{number:04}" for number in range(30)}
    assert (set(lab.rows()) - {"c9000"}, [set(job.keys) for job in lab.salesforce.jobs()]) == (
        sent,
        [sent] if by == "bulk" else [],
    )


@WAYS
def test_where_most_are_too_long_none_is_rejected_and_nothing_is_sent(make_lab, by):
    lab = make_lab(now=at(10.3))
    proven(lab, by)
    talk(lab, 30)
    talk(lab, 25, first=30, queue=LONG)
    result = lab.sync()
    assert (result.exit_code, rows_of(result)) == (3, {"made": 56, "pending": 55, "unchanged": 1})
    assert "25 of 55 rows refused, 25 of them with STRING_TOO_LONG (First_Queue_Id__c)" in str(result.error)
    assert [one for one in called(lab) if one[0] != "GET"] == []
    lab.clock.advance(3600)
    lab.salesforce.change_field(OBJECT, "First_Queue_Id__c", length=80)
    assert (lab.sync().exit_code, len(lab.rows()), lab.table("rejects")) == (0, 56, [])


def test_rows_set_aside_count_towards_the_limit_of_those_salesforce_refuses(make_lab):
    lab = make_lab(now=at(10.3))
    proven(lab, "bulk")
    lab.salesforce.add_validation_rule(OBJECT, lambda record: record["First_Queue_Id__c"] == "bad", "no")
    talk(lab, 100)
    talk(lab, 9, first=100, queue=LONG)
    talk(lab, 12, first=109, queue="bad")
    result = lab.sync()
    assert (result.exit_code, rows_of(result)) == (
        3,
        {"made": 122, "created": 100, "rejected": 9, "pending": 12, "unchanged": 1},
    )
    assert "21 of 121 rows refused, 12 of them with FIELD_CUSTOM_VALIDATION_EXCEPTION" in str(result.error)


def kill_once(lab: Lab, column: str) -> None:
    """End the process right after the commit by which a batch has something in that column."""

    def look() -> None:
        with closing(sqlite3.connect(lab.config.state)) as db:
            (found,) = db.execute(f"SELECT max({column}) FROM batches").fetchone()
        if found:
            lab.after_commit = lambda: None
            raise Killed

    lab.after_commit = look
    with pytest.raises(Killed):
        lab.sync()


@WAYS
def test_killed_when_rows_were_set_aside_the_others_arrive_and_each_is_rejected_once(make_lab, by):
    lab = make_lab(now=at(10.3))
    proven(lab, by)
    talk(lab, 3)
    talk(lab, 2, first=3, queue=LONG)
    kill_once(lab, "refused")
    assert len(lab.rows()) == 1
    assert lab.sync().exit_code == 1
    assert (len(lab.rows()), rejects(lab)) == (4, [("c0003", *TOO_LONG), ("c0004", *TOO_LONG)])
    assert {one["tries"] for one in lab.table("rejects")} == {1}
    assert {row["state"] for row in lab.table("passes")} == {"settled"}


@WAYS
@pytest.mark.parametrize("column", ["is_held", "refused"])
def test_killed_when_too_many_were_found_all_wait_and_none_is_rejected(make_lab, by, column):
    lab = make_lab(now=at(10.3))
    proven(lab, by)
    talk(lab, 30)
    talk(lab, 25, first=30, queue=LONG)
    kill_once(lab, column)
    result = lab.sync()
    assert (result.exit_code, len(lab.rows()), lab.table("rejects"), len(lab.table("outbox"))) == (3, 1, [], 55)
    assert "25 of 55 rows refused" in str(result.error)
    lab.salesforce.change_field(OBJECT, "First_Queue_Id__c", length=80)
    assert (lab.sync().exit_code, len(lab.rows()), lab.table("rejects")) == (0, 56, [])


# Described only when changed


def test_an_hour_with_changes_spends_one_cheap_call_on_the_object_and_one_without_none(make_lab):
    lab = make_lab(now=at(10.3))
    proven(lab)
    lab.sync()
    assert called(lab) == []
    talk(lab, 1)
    lab.sync()
    assert called(lab) == [("GET", DESCRIBE, 304), ("PATCH", UPSERT, 200)]


def test_a_description_that_was_kept_refuses_no_row_by_itself(make_lab):
    """As if a change had not touched the date by which Salesforce tells changes."""
    lab = make_lab(now=at(10.3))
    proven(lab)
    with lab.opened() as ready, ready.store.db.transaction() as db:
        (packed,) = db.execute("SELECT description FROM descriptions").fetchone()
        told = orjson.loads(packed)
        (queue,) = (one for one in told["fields"] if one["name"] == "First_Queue_Id__c")
        queue["length"] = 1
        db.execute("UPDATE descriptions SET description = ?", [orjson.dumps(told)])
    talk(lab, 1)
    assert lab.sync().exit_code == 0
    assert called(lab) == [("GET", DESCRIBE, 304), ("GET", DESCRIBE, 200), ("PATCH", UPSERT, 200)]
    assert len(lab.rows()) == 2


# What changed is named


def test_a_value_of_a_picklist_that_was_deactivated_between_runs_is_named(make_lab):
    lab = make_lab(now=at(10.3))
    choices = {"kind": "picklist", "choices": ("inbound", "outbound"), "restricted": True}
    lab.salesforce.change_field(OBJECT, "Direction__c", **choices)
    proven(lab)
    lab.salesforce.retire_choice(OBJECT, "Direction__c", "inbound")
    talk(lab, 1)
    result = lab.sync()
    since = "2026-03-02T10:19:00Z"
    changed = f"changed since {since}: {OBJECT}.Direction__c: 'inbound' is no active value any more"
    assert (result.exit_code, rows_of(result), result.story) == (
        1,
        {"made": 2, "rejected": 1, "unchanged": 1},
        (changed,),
    )
    assert rejects(lab) == [
        (
            "c0000",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Direction__c",
            "Direction: bad value for restricted picklist field (not sent)",
        )
    ]
    assert [one for one in called(lab) if one[0] != "GET"] == []
    lab.clock.advance(3600)
    assert lab.sync().story == ()


def test_a_field_that_is_gone_is_named_with_what_it_was_by_every_run_until_it_is_back(make_lab):
    lab = make_lab(now=at(10.3))
    proven(lab)
    lab.salesforce.hide_field(OBJECT, "Direction__c")
    talk(lab, 1)
    for _ in range(2):
        result = lab.sync()
        assert (result.exit_code, str(result.error).splitlines()[:2]) == (
            3,
            [
                f"conversations: {OBJECT}.Direction__c: the field does not exist or is hidden from the integration "
                "user by field-level security",
                f"changed since 2026-03-02T10:19:00Z: {OBJECT}.Direction__c: is gone, or hidden from the integration "
                "user (it was string of 40 characters)",
            ],
        )
    assert len(lab.rows()) == 1
    lab.clock.advance(60)
    lab.salesforce.hide_field(OBJECT, "Direction__c", hidden=False)
    assert (lab.sync().exit_code, len(lab.rows())) == (0, 2)


class BeforeUpsert(BaseAdapter):
    """Changes something in the org just before the first upsert."""

    def __init__(self, adapter: WsgiAdapter, act: Any) -> None:
        super().__init__()
        self._adapter, self._act = adapter, act

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        if request.method == "PATCH":
            self._act()
        return self._adapter.send(request, *args, **options)

    def close(self) -> None:
        self._adapter.close()


def test_a_field_that_changes_in_the_middle_of_a_run_is_named(make_lab):
    lab = make_lab(now=at(10.3))
    proven(lab)
    talk(lab, 30)

    def shorten() -> None:
        lab.salesforce.change_field(OBJECT, "Direction__c", length=3)

    lab.wrap_adapter = lambda adapter: BeforeUpsert(adapter, shorten)
    result = lab.sync()
    assert (result.exit_code, rows_of(result)) == (3, {"made": 31, "pending": 30, "unchanged": 1})
    assert "Salesforce refuses most rows" in str(result.error)
    assert "Conversation__c.Direction__c: held 40 characters, holds 3 characters" in str(result.error)


def test_a_mapping_that_cannot_fit_is_refused_before_anything_is_read(make_lab):
    lab = make_lab(now=at(10.3))
    talk(lab, 1)
    lab.change_mapping("Direction__c: direction", "Direction__c: {from: direction, truncate: 80}")
    result = lab.sync()
    assert (result.exit_code, lab.rows()) == (3, {})
    assert "Direction__c: `truncate: 80` lets more through than the 40 characters" in str(result.error)
