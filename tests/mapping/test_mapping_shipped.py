"""The mappings that come with the project work as they are."""

from pathlib import Path

import pytest

from connector.mapping import Row, compile_mapping, load_mappings

SHIPPED = Path(__file__).parents[2] / "mappings"
DAY = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def mappings():
    return load_mappings(SHIPPED)


def test_all_three_load_without_a_warning_and_say_what_they_are_about(mappings):
    assert list(mappings) == ["conversation-summary", "conversations", "queue-intervals"]
    assert all(mapping.about and mapping.enabled and not mapping.warnings for mapping in mappings.values())


def test_an_hour_of_a_queue_becomes_a_row(mappings):
    compiled = compile_mapping(mappings["queue-intervals"])
    record = {
        "queueId": "q1",
        "mediaType": "voice",
        "start": DAY,
        "end": "2026-01-01T01:00:00Z",
        "nOffered": {"count": 12},
        "tHandle": {"max": 600000, "min": 5000, "count": 3, "sum": 127450},
        "oServiceLevel": {"ratio": 0.75, "numerator": 2, "denominator": 3, "target": 0.8},
    }
    values = {
        "Genesys_Key__c": f"q1|voice|{DAY}",
        "Queue_Id__c": "q1",
        "Media_Type__c": "voice",
        "Interval_Start__c": DAY,
        "Offered__c": 12,
        "Average_Handle_s__c": 42.5,
        "Service_Level__c": 66.67,
    }
    assert compiled.map(record) == [Row(0, f"q1|voice|{DAY}", DAY, values)]
    quiet = {"queueId": "q1", "mediaType": "voice", "start": DAY}
    missing = {"Offered__c": 0, "Average_Handle_s__c": None, "Service_Level__c": None}
    assert compiled.map(quiet) == [Row(0, f"q1|voice|{DAY}", DAY, {**values, **missing})]
    assert compiled.map({"mediaType": "voice", "start": DAY, "nOffered": {"count": 1}}) == []


def test_a_conversation_becomes_a_row_open_or_ended(mappings):
    compiled = compile_mapping(mappings["conversations"])
    still_open = {"conversationId": "c1", "conversationStart": "2026-01-01T00:00:00.120Z", "is_open": True}
    values = {
        "Conversation_Id__c": "c1",
        "Started__c": DAY,
        "Ended__c": None,
        "Direction__c": None,
        "Duration_s__c": None,
        "Media_Types__c": None,
        "First_Queue_Id__c": None,
        "Is_Open__c": True,
    }
    assert compiled.map(still_open) == [Row(0, "c1", DAY, values)]
    ended = still_open | {
        "conversationEnd": "2026-01-01T00:07:17.004Z",
        "duration_ms": 436884,
        "media_types": ["voice", "callback"],
        "first_queue_id": "q1",
        "direction": "inbound",
        "is_open": False,
    }
    values |= {
        "Ended__c": "2026-01-01T00:07:17Z",
        "Direction__c": "inbound",
        "Duration_s__c": 436.9,
        "Media_Types__c": "voice;callback",
        "First_Queue_Id__c": "q1",
        "Is_Open__c": False,
    }
    assert compiled.map(ended) == [Row(0, "c1", DAY, values)]


@pytest.mark.parametrize("duration", [90500, {"sum": 90500, "count": 2}])
def test_a_day_of_an_agent_becomes_a_row(mappings, duration):
    record = {
        "conversation:medium": "voice",
        "conversation:queue": "q1",
        "conversation:duration": duration,
        "conversation:count": 2,
        "start": DAY,
        "end": "2026-01-02T00:00:00Z",
    }
    values = {
        "Summary_Key__c": f"{DAY}|voice|q1|-",
        "Day__c": DAY,
        "Medium__c": "voice",
        "Queue_Id__c": "q1",
        "Agent_Id__c": None,
        "Duration_s__c": 90.5,
        "Conversations__c": 2,
    }
    row = Row(0, values["Summary_Key__c"], DAY, values)
    assert compile_mapping(mappings["conversation-summary"]).map(record) == [row]
