"""Rows that may go without a parent Salesforce does not know arrive all the same, and are counted."""

from dataclasses import replace
from typing import Any

import pytest
from lab import Killed, Lab, at, conversation

from connector.mapping import fingerprints, load_mapping
from connector.orders import Result
from connector.salesforce.collections import upsert

KEY = "Genesys_Conversation_Id__c"
TASKS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Task, external_id: Genesys_Conversation_Id__c, deliver: auto}
fields:
  Genesys_Conversation_Id__c: {key: [conversationId]}
  Subject: {value: Call}
  CallType: {from: originatingDirection, map: {inbound: Inbound, outbound: Outbound}}
  Contact:Who.Phone_Key__c: {from: first_queue_id, when_parent_missing: leave}
"""
CASE = "  Case:What.Case_Key__c: {from: conversationId, when_parent_missing: leave}\n"

WAYS = pytest.mark.parametrize("by", ["collections", "bulk"])


class Calls:
    """Runs of a stream of tasks; the caller of a conversation stands for the contact's phone."""

    def __init__(self, lab: Lab, by: str = "auto", text: str = TASKS) -> None:
        self.lab = lab
        lab.write_mapping(text.replace("deliver: auto", f"deliver: {by}"))

    def call(self, name: str, phone: str, hour: float = 9) -> None:
        self.lab.world.add(conversation(name, at(hour), queue=phone))

    def know(self, object: str, key: str, *names: str) -> None:
        """Somebody makes records with these keys in Salesforce."""
        extra = {"LastName": "Known"} if object == "Contact" else {}
        with self.lab.opened() as ready:
            outcomes = upsert(ready.org, object, key, [{key: name, **extra} for name in names])
        assert all(one.is_accepted for one in outcomes)

    def sync(self) -> Result:
        return self.lab.sync()

    def tasks(self) -> dict[str, tuple[Any, ...]]:
        """Call type, and the keys of contact and case, of every task."""
        contacts = {one["Id"]: key for key, one in self.lab.salesforce.records("Contact").items()}
        cases = {one["Id"]: key for key, one in self.lab.salesforce.records("Case").items()}
        return {
            key: (row["CallType"], contacts.get(row["WhoId"]), cases.get(row["WhatId"]))
            for key, row in self.lab.salesforce.rows("Task").items()
        }


def counts(result: Result) -> dict[str, int]:
    """The terms of the rows that are not nothing."""
    names = ("created", "updated", "unchanged", "rejected", "pending", "without_parent")
    return {name: value for name in names if (value := getattr(result.books, name))}


@WAYS
def test_tasks_of_unknown_callers_arrive_in_the_same_run_without_a_contact(make_lab, by: str):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab, by)
    calls.know("Contact", "Phone_Key__c", "+4930")
    for number in range(30):
        calls.call(f"c{number:02}", "+4930" if number % 3 == 0 else f"+{number}")
    result = calls.sync()
    assert (result.error, result.exit_code, counts(result)) == (None, 0, {"created": 30, "without_parent": 20})
    assert calls.tasks() == {
        f"c{number:02}": ("Inbound", "+4930" if number % 3 == 0 else None, None) for number in range(30)
    }


def test_they_are_not_sent_again_by_every_run(make_lab):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab)
    calls.call("c1", "+1")
    calls.sync()
    writes = lab.salesforce.writes("Task")
    lab.clock.advance(3600)
    assert (counts(calls.sync()), lab.salesforce.writes("Task")) == ({"unchanged": 1}, writes)


@WAYS
def test_the_link_stays_as_it_is_where_the_new_parent_is_unknown_and_the_other_fields_arrive(make_lab, by: str):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab, by)
    calls.know("Contact", "Phone_Key__c", "+4930")
    calls.call("c1", "+4930")
    calls.sync()
    other = conversation("c1", at(9), queue="+1")
    lab.world.correct("c1", lambda one: {**other, "originatingDirection": "outbound"}, at(10.5))
    lab.clock.advance(3600)
    assert counts(calls.sync()) == {"updated": 1, "without_parent": 1}
    assert calls.tasks() == {"c1": ("Outbound", "+4930", None)}


def test_a_parent_that_is_made_later_is_linked_when_the_row_is_next_sent(make_lab):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab)
    calls.call("c1", "+1")
    calls.sync()
    calls.know("Contact", "Phone_Key__c", "+1")
    lab.world.correct("c1", lambda one: {**one, "originatingDirection": "outbound"}, at(10.5))
    lab.clock.advance(3600)
    assert counts(calls.sync()) == {"updated": 1}
    assert calls.tasks() == {"c1": ("Outbound", "+1", None)}


@WAYS
def test_each_of_several_missing_parents_is_left_out_and_those_that_are_there_are_linked(make_lab, by: str):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab, by, TASKS + CASE)
    calls.know("Contact", "Phone_Key__c", "+4930")
    calls.know("Case", "Case_Key__c", "c2", "c3")
    for name, phone in (("c1", "+1"), ("c2", "+1"), ("c3", "+4930"), ("c4", "+4930")):
        calls.call(name, phone)
    assert counts(calls.sync()) == {"created": 4, "without_parent": 3}
    assert calls.tasks() == {
        "c1": ("Inbound", None, None),
        "c2": ("Inbound", None, "c2"),
        "c3": ("Inbound", "+4930", "c3"),
        "c4": ("Inbound", "+4930", None),
    }


@WAYS
def test_a_parent_that_must_be_there_is_waited_for_and_then_both_are_linked(make_lab, by: str):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab, by, TASKS + CASE.replace(", when_parent_missing: leave", ""))
    calls.call("c1", "+1")
    assert (counts(calls.sync()), calls.tasks()) == ({"pending": 1}, {})
    calls.know("Contact", "Phone_Key__c", "+1")
    calls.know("Case", "Case_Key__c", "c1")
    assert (counts(calls.sync()), calls.tasks()) == ({"created": 1}, {"c1": ("Inbound", "+1", "c1")})


def test_without_the_rule_rows_wait_three_runs_and_are_set_aside(make_lab):
    lab = make_lab(now=at(10.3))
    calls = Calls(lab, text=TASKS.replace(", when_parent_missing: leave", ""))
    calls.call("c1", "+1")
    assert [counts(calls.sync()) for _ in range(3)] == [{"pending": 1}, {"pending": 1}, {"rejected": 1}]


@WAYS
def test_a_run_killed_at_any_commit_is_gone_on_with_and_nothing_is_lost_or_counted_twice(make_lab, by: str):
    ends = set()
    for kill_at in range(0, 200, 3):
        lab = make_lab(now=at(10.3))
        calls = Calls(lab, by, TASKS + CASE)
        calls.know("Contact", "Phone_Key__c", "+4930")
        for name, phone in (("c1", "+1"), ("c2", "+4930"), ("c3", "+2")):
            calls.call(name, phone)
        left = kill_at

        def count_down() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        lab.after_commit = count_down
        try:
            calls.sync()
        except Killed:
            is_killed = True
        else:
            is_killed = False
        lab.after_commit = lambda: None
        result = calls.sync()
        assert (result.error, result.books.pending) == (None, 0)
        assert calls.tasks() == {
            "c1": ("Inbound", None, None),
            "c2": ("Inbound", "+4930", None),
            "c3": ("Inbound", None, None),
        }
        passes = lab.table("passes")
        ends.add(sum(one["without_parent"] for one in passes))
        assert sum(one["made"] for one in passes) == sum(
            one["created"] + one["updated"] + one["unchanged"] for one in passes
        )
        if not is_killed:
            break
    assert ends == {3}


def test_the_rule_is_part_of_the_fingerprint_only_where_it_is_not_the_usual(tmp_path):
    def prints(text: str) -> Any:
        path = tmp_path / "tasks.yml"
        path.write_text(text)
        return fingerprints(load_mapping(path))

    usual = prints(TASKS.replace(", when_parent_missing: leave", ""))
    assert prints(TASKS.replace("parent_missing: leave", "parent_missing: wait")) == usual
    assert replace(prints(TASKS), fields=usual.fields) == usual
    assert prints(TASKS) != usual
