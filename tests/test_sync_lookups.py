"""Whole runs with look-ups: names in Salesforce, renamed, deleted, and while nobody can be asked for them."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from lab import DAY, MAPPING, Lab, at, conversation

from connector.errors import PermissionMissing, ServiceUnavailable
from connector.orders import Order
from connector.sandbox.directory import Directory
from connector.sandbox.faults import Rule

QUEUES = "/routing/queues$"
WITH_NAMES = MAPPING.replace(
    "First_Queue_Id__c: first_queue_id", "First_Queue_Id__c: {from: first_queue_id, lookup: queues.name}"
)


def queue(identity: str, name: str) -> Any:
    return {"id": identity, "name": name, "division": {"id": "d1", "name": "Home"}}


def set_queues(lab: Lab, **names: str) -> None:
    queues = tuple(queue(identity, name) for identity, name in names.items())
    lab.world.directory = replace(lab.world.directory, queues=queues)


def names(lab: Lab) -> dict[str, str | None]:
    """What stands in the org as the name of each conversation's queue."""
    return {key: row["First_Queue_Id__c"] for key, row in lab.rows().items()}


def calls(lab: Lab) -> int:
    return Counter(call.path for call in lab.genesys.calls)["/api/v2/routing/queues"]


@pytest.fixture
def lab(make_lab):
    made = make_lab(now=at(10.3))
    made.write_mapping(WITH_NAMES)
    made.world.directory = Directory({"id": "org-1", "name": "Sandbox"})
    set_queues(made, q1="Support", q2="Sales")
    for number in range(250):
        made.world.add(conversation(f"c{number:03}", at(9 + number / 600), queue=f"q{number % 2 + 1}"))
    return made


EXPECTED = {f"c{number:03}": ("Support", "Sales")[number % 2] for number in range(250)}


def test_names_arrive_with_one_call_and_an_unchanged_hour_costs_none(lab):
    result = lab.sync()
    assert (result.error, names(lab), calls(lab)) == (None, EXPECTED, 1)
    assert result.calls["Genesys Cloud"] == len([one for one in lab.genesys.calls if one.path != "/oauth/token"])
    lab.clock.advance(3600)
    assert (lab.sync().books.updated, calls(lab)) == (0, 1)


def test_a_renamed_queue_reaches_the_rows_that_are_read_again_once_its_name_is_old(lab):
    lab.change_mapping("lookback: PT6H", "lookback: P3D")
    lab.sync()
    set_queues(lab, q1="Helpdesk", q2="Sales")
    lab.clock.advance(3600)
    assert (lab.sync().books.updated, names(lab)) == (0, EXPECTED)
    lab.clock.advance(86_400)
    result = lab.sync()
    assert (result.error, result.books.updated) == (None, 125)
    assert names(lab) == {key: "Helpdesk" if name == "Support" else name for key, name in EXPECTED.items()}


def test_lookup_age_says_how_old_a_name_may_be(lab):
    lab.write_mapping(f"{WITH_NAMES}lookup_age: PT30M\n")
    lab.sync()
    set_queues(lab, q1="Helpdesk", q2="Sales")
    lab.clock.advance(3600)
    assert lab.sync().books.updated == 125


def test_a_deleted_queue_becomes_a_cleared_name_by_one_question(lab):
    lab.change_mapping("lookback: PT6H", "lookback: P3D")
    lab.sync()
    set_queues(lab, q2="Sales")
    lab.clock.advance(90_000)
    before = calls(lab)
    assert lab.sync().error is None
    assert names(lab) == {key: None if name == "Support" else name for key, name in EXPECTED.items()}
    assert calls(lab) == before + 2
    lab.clock.advance(3600)
    assert (lab.sync().error, calls(lab)) == (None, before + 2)


@pytest.mark.parametrize("rule", [Rule("status", {"code": 503}, path=QUEUES), Rule("lose_answer", path=QUEUES)])
def test_while_names_cannot_be_asked_for_nothing_is_cleared_and_the_next_run_goes_on(lab, rule):
    lab.change_mapping("lookback: PT6H", "lookback: P3D")
    lab.sync()
    lab.clock.advance(90_000)
    for number in range(150):
        lab.world.add(conversation(f"n{number:03}", at(30 + number / 600), queue="q3"))
    set_queues(lab, q1="Support", q2="Sales", q3="New")
    lab.faults.change(rule)
    result = lab.sync()
    assert isinstance(result.error, ServiceUnavailable)
    assert (result.exit_code, names(lab)) == (4, EXPECTED)
    lab.faults.change()
    lab.clock.advance(60)
    result = lab.sync()
    assert (result.error, result.exit_code) == (None, 0)
    assert names(lab) == EXPECTED | {f"n{number:03}": "New" for number in range(150)}


def test_a_fault_between_two_pages_loses_no_page(lab):
    """The first page needs the list; a page later an id is unknown, and nobody answers for it."""
    lab.world.add(conversation("z-new", at(9.9), queue="q9"))
    lab.faults.change(Rule("status", {"code": 503}, path=QUEUES, nth=[2, 3, 4, 5, 6]))
    result = lab.sync()
    assert (result.exit_code, names(lab)) == (4, {key: EXPECTED[key] for key in sorted(EXPECTED)[:200]})
    result = lab.sync()
    assert (result.error, names(lab)) == (None, EXPECTED | {"z-new": None})
    assert (result.books.pulled, result.books.created) == (251, 251)


def test_a_missing_permission_stops_the_stream_with_exit_3(lab):
    lab.genesys.withdraw("routing:queue:view")
    result = lab.sync()
    assert isinstance(result.error, PermissionMissing)
    assert (result.exit_code, lab.rows()) == (3, {})


def test_killed_at_any_commit_the_next_run_has_every_name_and_a_list_cut_short_counts_for_nothing(make_lab):
    class Killed(BaseException):
        pass

    for commit in range(1, 40):
        lab = make_lab(now=at(10.3))
        lab.write_mapping(WITH_NAMES)
        lab.world.directory = Directory({"id": "org-1", "name": "Sandbox"})
        set_queues(lab, **{f"q{number:03}": f"Queue {number}" for number in range(250)})
        lab.world.add(conversation("c1", at(9), queue="q240"))
        left = [commit]

        def count(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        lab.after_commit = count
        try:
            lab.sync()
        except Killed:
            pass
        else:
            break
        lab.after_commit = lambda: None
        assert lab.table("lookup_lists") == [] or len(lab.table("lookups")) == 250
        lab.world.add(conversation("c2", at(9.1), queue="q099"))
        lab.world.add(conversation("c3", at(9.2), queue="gone"))
        for _ in range(2):  # the first settles what was begun, the second looks back
            lab.clock.advance(3600)
            assert lab.sync().error is None
        assert names(lab) == {"c1": "Queue 240", "c2": "Queue 99", "c3": None}
        assert (len(lab.table("lookups")), len(lab.table("lookup_lists"))) == (251, 1)
    assert commit > 10


def test_a_dry_run_looks_names_up_and_keeps_none(lab):
    result = lab.sync(Order(rehearse=True))
    assert (result.error, result.books.made, calls(lab)) == (None, 250, 1)
    assert (lab.rows(), lab.table("lookups")) == ({}, [])


def test_the_names_stand_in_their_table_only(lab):
    lab.sync()
    assert {row["id"]: row["properties"] for row in lab.table("lookups")} == {
        "q1": '{"name": "Support", "division": "Home"}',
        "q2": '{"name": "Sales", "division": "Home"}',
    }
    assert [row["begun"][:10] for row in lab.table("lookup_lists")] == [DAY.date().isoformat()]
