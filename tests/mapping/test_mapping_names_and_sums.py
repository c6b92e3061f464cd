"""Sources and steps that reach further than a path: expressions, metrics, look-ups, hashes."""

import hashlib
import hmac

import pytest
from mapping_texts import CALL_RECORD, CALLS, with_fields

from connector.errors import ServiceUnavailable
from connector.mapping import BadRow, compile_mapping

SESSION = {
    "sessionId": "s1",
    "metrics": [
        {"name": "tTalk", "value": 3},
        {"name": "tHeld", "value": 100},
        {"name": "tTalk", "value": 4},
        {"name": "tTalk"},
    ],
}
PEOPLE = [
    {"participantId": "p1", "purpose": "customer", "sessions": []},
    {"participantId": "p2", "purpose": "agent", "userId": "u1", "sessions": [SESSION]},
    {"participantId": "p3", "purpose": "agent", "userId": "u2", "sessions": [{**SESSION, "sessionId": "s2"}, {}]},
]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("{jmespath: \"participants[?purpose=='agent'] | [-1].userId\"}", "u2"),
        ("{jmespath: \"length(participants[?purpose=='agent'])\", multiply: 2}", 4),
        ("{jmespath: nothing, default: none}", "none"),
        ("{jmespath: 'participants[*].userId'}", "LIST"),
        ("{jmespath: 'participants[0]'}", "NOT_A_VALUE"),
        ("{jmespath: 'abs(conversationId)'}", "JMESPATH"),
        ("{metric: tTalk}", 14),
        ("{metric: tTalk, divide: 1000}", 0.014),
        ("{metric: tHeld}", 200),
        ("{metric: tAcw}", None),
        ("{metric: tAcw, default: 0}", 0),
    ],
)
def test_a_source_that_reaches_further_gives_one_value(value_of, field, value):
    assert value_of(field, participants=PEOPLE) == value


def test_a_metric_is_summed_below_the_element_of_each(read):
    head = CALLS.replace("target:", "each: participants\ntarget:")
    text = f"{head}\nfields:\n  Key__c: {{key: [record.conversationId, participantId]}}\n  Talk__c: {{metric: tTalk}}\n"
    rows = compile_mapping(read(text)).map({**CALL_RECORD, "participants": PEOPLE})
    assert [row.values["Talk__c"] for row in rows] == [None, 7, 7]
    deeper = text.replace("participants\n", "participants.sessions\n")
    deeper = deeper.replace("participantId]", "parent.participantId, sessionId]")
    people = [{**PEOPLE[1], "sessions": [SESSION]}]
    assert [
        row.values["Talk__c"] for row in compile_mapping(read(deeper)).map({**CALL_RECORD, "participants": people})
    ] == [7]


def test_a_metric_nobody_knows_is_told(read, problems):
    (found,) = problems(with_fields(CALLS, "A__c: {metric: tTlak}"))
    assert found.endswith("fields.A__c.metric: unknown metric 'tTlak'; did you mean 'tTalk'?")
    (warning,) = read(with_fields(CALLS, "A__c: {metric: tBrandNew}")).warnings
    assert warning.endswith("unknown metric 'tBrandNew'; where no session has it, the field is missing")


def test_names_come_from_the_look_up_and_only_an_answer_makes_them_missing(read):
    asked = []

    def find(kind, identity):
        asked.append((kind, identity))
        return {"name": "Support", "division": None} if identity == "q1" else None

    fields = ["A__c: {from: first_queue_id, lookup: queues.name, upper: true}"]
    fields += ["B__c: {from: first_queue_id, lookup: queues.division, default: none}"]
    compiled = compile_mapping(read(with_fields(CALLS, *fields)), find)
    names = [
        tuple(compiled.map({**CALL_RECORD, "first_queue_id": queue})[0].values.values())[1:]
        for queue in ("q1", "gone", "")
    ]
    assert names == [("SUPPORT", "none"), (None, "none"), (None, "none")]
    assert asked == [("queues", "q1")] * 2 + [("queues", "gone")] * 2


def test_a_look_up_that_fails_stops_the_mapping_instead_of_clearing_a_name(read):
    def find(kind, identity):
        raise ServiceUnavailable("down")

    compiled = compile_mapping(read(with_fields(CALLS, "A__c: {from: first_queue_id, lookup: queues.name}")), find)
    with pytest.raises(ServiceUnavailable):
        compiled.map({**CALL_RECORD, "first_queue_id": "q1"})


def test_a_mapping_compiled_without_a_look_up_never_takes_silence_for_an_answer(read):
    compiled = compile_mapping(read(with_fields(CALLS, "A__c: {from: first_queue_id, lookup: queues.name}")))
    with pytest.raises(LookupError):
        compiled.map({**CALL_RECORD, "first_queue_id": "q1"})


def test_a_hash_is_salted_so_that_nobody_finds_the_value_by_trying(read):
    mapping = read(with_fields(CALLS, "A__c: {from: externalTag, hash: true}"))
    hashed = compile_mapping(mapping, salt="pepper").map({**CALL_RECORD, "externalTag": "+4930"})[0].values["A__c"]
    assert hashed == hmac.new(b"pepper", b"+4930", hashlib.sha256).hexdigest()
    assert compile_mapping(mapping, salt="pepper").map(CALL_RECORD)[0].values["A__c"] is None


def test_the_first_field_that_refuses_is_named_whatever_was_read_before(row_of):
    text = with_fields(CALLS, "A__c: {jmespath: 'participants'}", "B__c: {from: externalTag, integer: true}")
    row = row_of(text, {**CALL_RECORD, "externalTag": "x", "participants": []})
    assert row == BadRow(
        0,
        "c1",
        "2026-01-01T00:00:00Z",
        "LIST",
        "fields.A__c: the path gives a list; use first, last, count, sum or join",
    )
