"""The mappings that come with the project work as they are."""

import re
from pathlib import Path
from typing import Any

import pytest

from connector.mapping import Row, compile_mapping, load_mappings
from connector.mapping.trial import try_examples
from connector.sandbox.objects import OBJECTS, Field

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "mappings"
DAY = "2026-01-01T00:00:00Z"
ON = ["conversations", "queue-intervals"]
OFF = [
    "agent-intervals",
    "agent-status",
    "conversation-cases",
    "conversation-summary",
    "queue-snapshots",
    "tasks",
    "wrap-up-counts",
]
STREAMS = sorted(ON + OFF)

NAMES = {
    "queues": {"q1": {"name": "Support"}, "q2": {"name": "B" * 90}},
    "users": {"u1": {"name": "Kim Diaz"}, "u2": {"name": "Ola Berg"}},
    "wrap_up_codes": {"w1": {"name": "Passed on"}, "w2": {"name": "Solved"}},
}


def find(kind: str, identity: str) -> Any:
    return NAMES[kind].get(identity)


@pytest.fixture(scope="module")
def mappings():
    return load_mappings(SHIPPED)


@pytest.fixture
def rows_of(mappings):
    """The rows a shipped mapping makes of a record: (number of the target, key, values)."""

    def made(stream: str, record: dict[str, Any]) -> list[Row]:
        return list(compile_mapping(mappings[stream], find).map(record))

    return made


def test_all_load_without_a_warning_and_say_what_they_are_about(mappings):
    assert list(mappings) == STREAMS
    assert all(mapping.about and not mapping.warnings for mapping in mappings.values())


def test_a_new_home_runs_only_what_needs_nothing_beyond_its_own_objects(mappings):
    assert [name for name, mapping in mappings.items() if mapping.enabled] == ON


@pytest.mark.parametrize("stream", OFF)
def test_a_stream_that_is_off_says_at_its_top_what_it_needs(stream):
    head, _, _ = (SHIPPED / f"{stream}.yml").read_text(encoding="utf-8").partition("enabled: false")
    assert "# Off as shipped" in head
    assert "docs/objects.md" in head


@pytest.mark.parametrize("stream", STREAMS)
def test_every_example_fits_and_there_are_a_typical_and_an_awkward_one(mappings, stream):
    trials = try_examples(mappings[stream])
    assert [(one.example.number, one.differences) for one in trials if one.differences] == []
    assert len(trials) >= 2


def test_an_hour_of_a_queue_becomes_a_row(rows_of):
    record = {
        "queueId": "q1",
        "mediaType": "voice",
        "start": DAY,
        "end": "2026-01-01T01:00:00Z",
        "nOffered": {"count": 12},
        "tAnswered": {"max": 9, "min": 1, "count": 2, "sum": 10},
        "tAbandon": {"max": 9, "min": 1, "count": 1, "sum": 10},
        "tHandle": {"max": 600000, "min": 5000, "count": 3, "sum": 127450},
        "oServiceLevel": {"ratio": 0.75, "numerator": 2, "denominator": 3, "target": 0.8},
    }
    values = {
        "Genesys_Key__c": f"q1|voice|{DAY}",
        "Queue_Id__c": "q1",
        "Queue_Name__c": "Support",
        "Media_Type__c": "voice",
        "Interval_Start__c": DAY,
        "Offered__c": 12,
        "Answered__c": 2,
        "Abandoned__c": 1,
        "Average_Handle_s__c": 42.5,
        "Service_Level__c": 66.67,
    }
    assert rows_of("queue-intervals", record) == [Row(0, f"q1|voice|{DAY}", DAY, values)]
    quiet = {"queueId": "q1", "mediaType": "voice", "start": DAY}
    missing = {
        **{"Offered__c": 0, "Answered__c": 0, "Abandoned__c": 0},
        **{"Average_Handle_s__c": None, "Service_Level__c": None},
    }
    assert rows_of("queue-intervals", quiet) == [Row(0, f"q1|voice|{DAY}", DAY, {**values, **missing})]
    assert rows_of("queue-intervals", {"mediaType": "voice", "start": DAY, "nOffered": {"count": 1}}) == []


def test_an_hour_of_an_agent_becomes_a_row(rows_of):
    timer = {"max": 9, "min": 1}
    record = {
        "userId": "u1",
        "queueId": "q2",
        "mediaType": "voice",
        "start": DAY,
        "end": "2026-01-01T01:00:00Z",
        "tAnswered": {**timer, "count": 2, "sum": 10},
        "tHandle": {**timer, "count": 4, "sum": 1001000},
        "tTalkComplete": {**timer, "count": 4, "sum": 700049},
        "tHeldComplete": {**timer, "count": 1, "sum": 100951},
        "tAcw": {**timer, "count": 3, "sum": 200000},
        "nTransferred": {"count": 1},
    }
    values = {
        "Genesys_Key__c": f"u1|q2|voice|{DAY}",
        "Agent_Id__c": "u1",
        "Agent_Name__c": "Kim Diaz",
        "Queue_Id__c": "q2",
        "Queue_Name__c": "B" * 80,
        "Media_Type__c": "voice",
        "Interval_Start__c": DAY,
        "Answered__c": 2,
        "Handled__c": 4,
        "Transferred__c": 1,
        "Talk_s__c": 700.0,
        "Hold_s__c": 101.0,
        "After_Call_Work_s__c": 200.0,
        "Handle_s__c": 1001.0,
        "Average_Handle_s__c": 250.3,
    }
    assert rows_of("agent-intervals", record) == [Row(0, values["Genesys_Key__c"], DAY, values)]


def test_an_hour_in_a_status_becomes_a_row_and_an_hour_away_none(rows_of):
    record = {"userId": "u1", "start": DAY, "metric": "tSystemPresence", "qualifier": "MEAL", "sum": 1800049}
    values = {
        "Genesys_Key__c": f"u1|{DAY}|tSystemPresence|MEAL",
        "Agent_Id__c": "u1",
        "Agent_Name__c": "Kim Diaz",
        "Interval_Start__c": DAY,
        "Metric__c": "Presence",
        "Status__c": "MEAL",
        "Time_s__c": 1800.0,
    }
    assert rows_of("agent-status", record) == [Row(0, values["Genesys_Key__c"], DAY, values)]
    assert rows_of("agent-status", {**record, "qualifier": "OFFLINE"}) == []


def test_an_hour_of_a_wrap_up_code_becomes_a_row(rows_of):
    record = {
        **{"queueId": "q1", "wrapUpCode": "w2", "mediaType": "voice", "start": DAY},
        "tHandle": {"max": 9, "min": 1, "count": 3, "sum": 127450},
    }
    values = {
        "Genesys_Key__c": f"q1|w2|voice|{DAY}",
        "Queue_Id__c": "q1",
        "Queue_Name__c": "Support",
        "Wrap_Up_Code_Id__c": "w2",
        "Wrap_Up_Code__c": "Solved",
        "Media_Type__c": "voice",
        "Interval_Start__c": DAY,
        "Handled__c": 3,
        "Handle_s__c": 127.5,
    }
    assert rows_of("wrap-up-counts", record) == [Row(0, values["Genesys_Key__c"], DAY, values)]
    assert rows_of("wrap-up-counts", {**record, "wrapUpCode": None}) == []


OPEN = {"conversationId": "c1", "conversationStart": "2026-01-01T00:00:00.120Z", "is_open": True}
CONVERSATION = {
    "Conversation_Id__c": "c1",
    "Started__c": DAY,
    "Ended__c": None,
    "Is_Open__c": True,
    "Direction__c": None,
    "Media_Types__c": None,
    "First_Queue_Id__c": None,
    "First_Queue_Name__c": None,
    "Last_Queue_Id__c": None,
    "Last_Queue_Name__c": None,
    "First_Agent_Id__c": None,
    "First_Agent_Name__c": None,
    "Last_Agent_Id__c": None,
    "Last_Agent_Name__c": None,
    "Wrap_Up_Code_Ids__c": None,
    "Last_Wrap_Up_Code__c": None,
    "Duration_s__c": None,
    "Wait_s__c": None,
    "Talk_s__c": None,
    "Hold_s__c": None,
    "After_Call_Work_s__c": None,
    "Handle_s__c": None,
}


def test_a_conversation_becomes_a_row_open_or_ended(rows_of):
    assert rows_of("conversations", OPEN) == [Row(0, "c1", DAY, CONVERSATION)]
    ended = OPEN | {
        "conversationEnd": "2026-01-01T00:07:17.004Z",
        "is_open": False,
        "direction": "inbound",
        "media_types": ["voice", "callback"],
        **{"first_queue_id": "q1", "last_queue_id": "q9", "first_agent_id": "u1", "last_agent_id": "u2"},
        "wrap_up_codes": ["w1", "w2"],
        **{"duration_ms": 436884, "wait_ms": 20000, "talk_ms": 300050, "hold_ms": 10000, "acw_ms": 30500},
        "handle_ms": 340550,
    }
    values = CONVERSATION | {
        "Ended__c": "2026-01-01T00:07:17Z",
        "Is_Open__c": False,
        "Direction__c": "inbound",
        "Media_Types__c": "voice;callback",
        "First_Queue_Id__c": "q1",
        "First_Queue_Name__c": "Support",
        "Last_Queue_Id__c": "q9",
        "First_Agent_Id__c": "u1",
        "First_Agent_Name__c": "Kim Diaz",
        "Last_Agent_Id__c": "u2",
        "Last_Agent_Name__c": "Ola Berg",
        "Wrap_Up_Code_Ids__c": "w1;w2",
        "Last_Wrap_Up_Code__c": "Solved",
        "Duration_s__c": 436.9,
        "Wait_s__c": 20.0,
        "Talk_s__c": 300.1,
        "Hold_s__c": 10.0,
        "After_Call_Work_s__c": 30.5,
        "Handle_s__c": 340.6,
    }
    assert rows_of("conversations", ended) == [Row(0, "c1", DAY, values)]


def test_a_session_of_an_agent_becomes_a_leg_with_all_of_its_talk(rows_of):
    session = {
        "sessionId": "s1",
        "mediaType": "voice",
        "direction": "inbound",
        "segments": [
            {"segmentStart": "2026-01-01T00:01:00.500Z", "segmentEnd": "2026-01-01T00:02:00Z", "queueId": "q1"},
            {"segmentStart": "2026-01-01T00:02:00Z", "segmentEnd": "2026-01-01T00:02:30Z", "wrapUpCode": "w1"},
        ],
        "metrics": [
            *({"name": "tTalk", "value": value} for value in (30000, 29500)),
            {"name": "tTalkComplete", "value": 59500},
            {"name": "tHeldComplete", "value": 1000},
            {"name": "tAcw", "value": 30000},
        ],
    }
    agent = {"participantId": "p1", "purpose": "agent", "userId": "u1", "sessions": [session]}
    values = {
        "Leg_Key__c": "c1|p1|s1",
        "Conversation__r.Conversation_Id__c": "c1",
        "Purpose__c": "agent",
        "Media_Type__c": "voice",
        "Direction__c": "inbound",
        "Queue_Id__c": "q1",
        "Queue_Name__c": "Support",
        "Agent_Id__c": "u1",
        "Agent_Name__c": "Kim Diaz",
        "Wrap_Up_Code_Id__c": "w1",
        "Wrap_Up_Code__c": "Passed on",
        "Started__c": "2026-01-01T00:01:00Z",
        "Ended__c": "2026-01-01T00:02:30Z",
        "Talk_s__c": 59.5,
        "Hold_s__c": 1.0,
        "After_Call_Work_s__c": 30.0,
    }
    conversation, leg = rows_of("conversations", OPEN | {"participants": [agent]})
    assert (conversation.target, leg) == (0, Row(1, "c1|p1|s1", DAY, values))
    session["segments"][-1] = {"segmentStart": "2026-01-01T00:02:00Z"}
    session["metrics"] = session["metrics"][:2]
    _, running = rows_of("conversations", OPEN | {"participants": [agent]})
    assert (running.values["Ended__c"], running.values["Talk_s__c"]) == (None, None)


def test_a_call_somebody_took_becomes_a_task(rows_of):
    called = {
        "purpose": "customer",
        "sessions": [{"direction": "inbound", "ani": "sip:+4930123@example.com", "dnis": "tel:+49309"}],
    }
    record = {
        "conversationId": "c1",
        "conversationStart": DAY,
        "conversationEnd": "2026-01-01T00:07:17Z",
        "direction": "inbound",
        "media_types": ["voice"],
        "first_agent_id": "u1",
        "talk_ms": 90500,
        "wrap_up_codes": ["w1", "w2"],
        "participants": [called],
    }
    values = {
        "Genesys_Conversation_Id__c": "c1",
        "Subject": "Incoming call",
        "Status": "Completed",
        "Priority": "Normal",
        "ActivityDate": "2026-01-01",
        "CallType": "Inbound",
        "CallDurationInSeconds": 91,
        "CallDisposition": "Solved",
        "Contact:Who.Phone_Key__c": "+4930123",
    }
    assert rows_of("tasks", record) == [Row(0, "c1", DAY, values)]
    for missing in ("media_types", "first_agent_id", "conversationEnd"):
        assert rows_of("tasks", {name: value for name, value in record.items() if name != missing}) == [], missing


@pytest.mark.parametrize("duration", [90500, {"sum": 90500, "count": 2}])
def test_a_day_of_an_agent_becomes_a_row(rows_of, duration):
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
    assert rows_of("conversation-summary", record) == [Row(0, values["Summary_Key__c"], DAY, values)]


# What docs/objects.md tells an admin to make

LINE = re.compile(r"^\| `(\w+)` \| ([^|]+?) \|", re.MULTILINE)
HEADING = re.compile(r"^### `(\w+)`", re.MULTILINE)
PARENTS = {"Conversation__r": "Conversation__c", "Case__r": "Case"}
"""The objects that custom look-ups of the shipped streams point to."""


def documented() -> dict[str, dict[str, str]]:
    """Object -> field -> type, as docs/objects.md lists them."""
    parts = HEADING.split((ROOT / "docs" / "objects.md").read_text(encoding="utf-8"))[1:]
    found: dict[str, dict[str, str]] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        found.setdefault(name, {}).update(LINE.findall(text))
    return found


def mapped(mappings: Any) -> dict[str, set[str]]:
    """Object -> the fields of it that the shipped mappings write, and those of parents they look for."""
    found: dict[str, set[str]] = {}
    for mapping in mappings.values():
        for target in mapping.targets:
            for rule in target.fields:
                own, _, key = rule.name.partition(".")
                kind, _, relationship = own.rpartition(":")
                is_custom = relationship.endswith("__r")
                found.setdefault(target.object, set()).add(
                    f"{relationship[:-1]}c" if is_custom else f"{relationship}Id" if key else own
                )
                if parent := kind or PARENTS.get(relationship):
                    found.setdefault(parent, set()).add(key)
    return found


def as_documented(field: Field) -> str:
    """The type of a field of the simulated org in the words of the form that makes it."""
    match field.kind:
        case "string" if field.external_id:
            return f"Text({field.length}), Unique, External ID"
        case "string":
            return f"Text({field.length})"
        case "double":
            return f"Number({field.precision - field.scale}, {field.scale})"
        case "datetime":
            return "Date/Time"
        case "boolean":
            return "Checkbox"
        case "reference" if field.is_custom:
            return f"Lookup({field.parent})"
        case _:
            return "standard"


def test_the_case_a_flow_noted_is_linked_and_no_other_row_is_made(rows_of):
    record = {"conversationId": "c1", "conversationStart": DAY, "attributes": {"caseNumber": "C-1"}}
    values = {"Conversation_Id__c": "c1", "Case__r.Case_Key__c": "C-1"}
    assert rows_of("conversation-cases", record) == [Row(0, "c1", DAY, values)]
    assert rows_of("conversation-cases", {**record, "attributes": {"language": "en"}}) == []


def test_the_fields_documented_are_those_the_mappings_write(mappings):
    assert {name: set(fields) for name, fields in documented().items()} == mapped(mappings)


def test_the_fields_documented_are_as_the_simulated_org_has_them():
    org = {each.name: {field.name: field for field in each.fields} for each in OBJECTS}
    standard = {"CallDisposition"}  # a text that no admin makes
    for name, fields in documented().items():
        there = {field: "standard" if field in standard else as_documented(org[name][field]) for field in fields}
        assert fields == there, name


def test_readme_lists_the_fields_of_the_streams_that_are_on(mappings):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    written = mapped({name: mappings[name] for name in ON})
    objects = {
        name: {field: kind for field, kind in fields.items() if field in written.get(name, ())}
        for name, fields in documented().items()
    }
    for name in ON:
        for target in mappings[name].targets:
            (row,) = re.findall(rf"^ *\| `{target.object}` \| (.+) \|$", readme, re.MULTILINE)
            told = dict(re.findall(r"`(\w+)`\**[ ]([^·]+?)(?: ·|$)", row))
            assert told == objects[target.object], target.object
