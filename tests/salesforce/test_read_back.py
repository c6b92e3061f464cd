"""Records are read back by their time or by their keys, with the fields that were written."""

from typing import Any

import pytest

from connector.errors import DeliveryRefused, MalformedAnswer, QuotaSpent
from connector.salesforce import collections
from connector.salesforce.describe import fetch_description
from connector.salesforce.read_back import Column, Held, ReadBack, readable
from connector.spans import Span, instant

SPAN = Span(instant("2026-03-02T00:00:00Z"), instant("2026-03-02T12:00:00Z"))
LEG = ("Conversation_Leg__c", "Leg_Key__c")
COLUMNS = (
    Column("Purpose__c", "string"),
    Column("Started__c", "datetime"),
    Column("Talk_s__c", "double", 1),
    Column("Conversation__r.Conversation_Id__c", "parent"),
)


@pytest.fixture
def org(world) -> Any:
    """An org with a conversation and three of its legs; answers of two records."""
    made = world(query_page=2).org()
    collections.upsert(made, "Conversation__c", "Conversation_Id__c", [{"Conversation_Id__c": "c1"}])
    legs = [
        {"Leg_Key__c": "k1", "Started__c": "2026-03-02T00:00:00Z", "Conversation__r.Conversation_Id__c": "c1"},
        {"Leg_Key__c": "k2", "Started__c": "2026-03-02T11:59:59Z", "Purpose__c": "agent", "Talk_s__c": 2.5},
        {"Leg_Key__c": "k'3", "Started__c": "2026-03-02T06:00:00Z"},
        {"Leg_Key__c": "late", "Started__c": "2026-03-02T12:00:00Z"},
    ]
    collections.upsert(made, *LEG, legs)
    return made


def held(key: str, started: str, **values: Any) -> Held:
    empty = {"Purpose__c": None, "Talk_s__c": None, "Conversation__r.Conversation_Id__c": None}
    return Held(key, {**empty, "Started__c": started, **values})


FIRST = held("k1", "2026-03-02T00:00:00.000+0000", **{"Conversation__r.Conversation_Id__c": "c1"})
SECOND = held("k2", "2026-03-02T11:59:59.000+0000", Purpose__c="agent", Talk_s__c=2.5)
THIRD = held("k'3", "2026-03-02T06:00:00.000+0000")


def test_a_span_gives_every_record_in_it_page_by_page(org) -> None:
    assert list(ReadBack(org, *LEG, COLUMNS).by_time("Started__c", SPAN)) == [[FIRST, SECOND], [THIRD]]


def test_keys_give_their_records_in_as_many_queries_as_addresses_need(org) -> None:
    unknown = [f"{number:0200}" for number in range(60)]
    before = org.calls
    found = [one for page in ReadBack(org, *LEG, COLUMNS).by_keys(["k'3", *unknown, "k1"]) for one in page]
    assert (found, org.calls - before) == ([THIRD, FIRST], 2)


def test_what_cannot_be_read_back_is_named_with_the_reason(org) -> None:
    org_of_tasks = fetch_description(org, "Task")
    found, left_out = readable(org_of_tasks, ["Subject", "Contact:Who.Email", "Gone__c"], {"combobox"})
    assert (found, list(left_out)) == ((), ["Subject", "Contact:Who.Email", "Gone__c"])
    legs, nothing = readable(fetch_description(org, LEG[0]), [one.name for one in COLUMNS])
    assert (legs, nothing) == (COLUMNS, {})


def test_nothing_is_read_when_only_the_share_of_others_is_left(org) -> None:
    org.api_usage = (80, 100)
    with pytest.raises(QuotaSpent):
        next(ReadBack(org, *LEG, COLUMNS).by_time("Started__c", SPAN))


def test_an_answer_that_goes_on_nowhere_is_no_answer(scripted) -> None:
    org, _ = scripted((200, {"records": [], "done": False}))
    with pytest.raises(MalformedAnswer, match="not where it goes on"):
        list(ReadBack(org, *LEG, COLUMNS).by_time("Started__c", SPAN))


def test_so_many_fields_that_no_key_finds_room_are_refused_before_any_call(org) -> None:
    many = [Column(f"Field_{number:030}__c", "string") for number in range(400)]
    before = org.calls
    with pytest.raises(DeliveryRefused, match="too many"):
        next(ReadBack(org, *LEG, many).by_keys(["k1"]))
    assert org.calls == before
