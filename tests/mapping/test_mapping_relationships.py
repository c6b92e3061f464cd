"""Relationship fields name objects; parents go before their children."""

import pytest
from mapping_texts import CALLS, with_fields

from connector.mapping.relationships import (
    is_said,
    parent_by_name,
    parents_first,
    streams_parents_first,
    target_parents,
)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("Direction__c", None),
        ("Conversation__r.Conversation_Id__c", "Conversation__c"),
        ("Account.Ext__c", "Account"),
        ("Contact:Who.Phone_Key__c", "Contact"),
        ("Visit__c:What.Key__c", "Visit__c"),
        ("ns__Visit__r.ns__Key__c", "ns__Visit__c"),
    ],
)
def test_the_name_of_a_relationship_field_tells_its_object(column: str, expected: str | None):
    assert parent_by_name(column) == expected


def test_a_name_is_enough_when_it_holds_the_object_or_leads_to_a_known_one():
    known = ["Conversation__c"]
    assert [is_said(one, known) for one in ("Conversation__r.Id__c", "Contact:Who.Id__c", "First__r.Id__c")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ([], []),
        ([(), (), ()], [0, 1, 2]),
        ([(1,), (2,), ()], [2, 1, 0]),
        ([(2,), (), ()], [1, 2, 0]),
        ([(1,), (0,)], [0, 1]),
        ([(2,), (2,), (1,)], [1, 2, 0]),
        ([(0,), ()], [0, 1]),
    ],
)
def test_each_comes_after_its_parents_and_the_first_of_a_circle_goes_first(parents, expected: list[int]):
    assert parents_first(parents) == expected


def parents_of(objects: list[str], *columns: list[str]) -> list[set[int]]:
    return [set(one) for one in target_parents(objects, columns, lambda index, column: [str(parent_by_name(column))])]


def test_a_target_needs_the_others_its_relationship_fields_point_to():
    objects = ["Leg__c", "Call__c", "Note__c"]
    assert parents_of(objects, ["A__c", "Call__r.K__c"], ["Account.K__c"], ["Leg__r.K__c", "Call__r.K__c"]) == [
        {1},
        set(),
        {0, 1},
    ]


def test_an_object_that_points_to_itself_or_in_a_circle_holds_nothing_up():
    assert parents_of(["Call__c"], ["Call__r.K__c"]) == [set()]
    assert parents_of(["A__c", "B__c"], ["B__r.K__c"], ["A__r.K__c"]) == [set(), {0}]


def test_streams_that_fill_parents_run_before_those_of_their_children(read):
    def stream(object: str, *fields: str):
        return read(with_fields(CALLS, *fields).replace("object: Conversation__c", f"object: {object}"))

    notes = stream("Note__c", "Conversation__r.Key__c: conversationId")
    tasks = stream("Task", "Case:What.Key__c: conversationId", "Note__r.Key__c: conversationId")
    calls = stream("Conversation__c", "Conversation__r.Key__c: conversationId")
    assert streams_parents_first([tasks, notes, calls]) == [2, 1, 0]
    assert streams_parents_first([calls, calls]) == [0, 1]
