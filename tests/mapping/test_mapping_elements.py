"""One record, several rows: the elements of a list, and several targets of one pull."""

import pytest
from mapping_texts import CALLS

from connector.mapping import BadRow, Row, Unmappable, compile_mapping

AT = "2026-01-01T00:00:00Z"
RECORD = {
    "conversationId": "c1",
    "conversationStart": AT,
    "originatingDirection": "inbound",
    "participants": [
        {"participantId": "p1", "purpose": "customer", "sessions": [{"sessionId": "s1", "mediaType": "voice"}]},
        {
            "participantId": "p2",
            "purpose": "agent",
            "userId": "u2",
            "sessions": [
                {
                    "sessionId": "s2",
                    "segments": [{"segmentType": "alert"}, {"segmentType": "interact", "queueId": "q"}],
                },
                {"sessionId": "s3", "segments": [{"segmentType": "wrapup", "queueId": "q"}]},
            ],
        },
    ],
}
SESSIONS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
target: {object: Leg__c, external_id: Key__c}
each: participants.sessions
fields:
  Key__c: {key: [record.conversationId, parent.participantId, sessionId]}
"""
SEGMENTS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
target: {object: Segment__c, external_id: Key__c}
each: "participants[purpose=agent].sessions.segments"
fields:
  Key__c: {key: [record.conversationId, parent.parent.participantId, parent.sessionId, position]}
"""


def rows_of(read, text, record=RECORD):
    return compile_mapping(read(text)).map(record)


def test_each_element_is_a_row_that_sees_what_encloses_it(read):
    text = (
        SESSIONS
        + """  Agent__c: parent.userId
  Direction__c: record.originatingDirection
  Also__c: parent.parent.originatingDirection
  Position__c: position
  Of_Agent__c: parent.position
"""
    )
    both = {"Direction__c": "inbound", "Also__c": "inbound"}
    assert rows_of(read, text) == [
        Row(0, "c1|p1|s1", AT, {"Key__c": "c1|p1|s1", "Agent__c": None, **both, "Position__c": 0, "Of_Agent__c": 0}),
        Row(0, "c1|p2|s2", AT, {"Key__c": "c1|p2|s2", "Agent__c": "u2", **both, "Position__c": 0, "Of_Agent__c": 1}),
        Row(0, "c1|p2|s3", AT, {"Key__c": "c1|p2|s3", "Agent__c": "u2", **both, "Position__c": 1, "Of_Agent__c": 1}),
    ]


def test_an_element_without_an_id_is_told_by_its_position_before_any_is_chosen(read):
    text = SEGMENTS.replace('segments"', 'segments[segmentType=interact,wrapup]"') + "  Type__c: segmentType\n"
    assert [(row.external_id, row.values["Type__c"]) for row in rows_of(read, text)] == [
        ("c1|p2|s2|1", "interact"),
        ("c1|p2|s3|0", "wrapup"),
    ]


def test_an_index_chooses_one_element(read):
    text = SEGMENTS.replace("[purpose=agent]", "[-1]").replace("sessions.segments", "sessions[0].segments")
    assert [row.external_id for row in rows_of(read, text)] == ["c1|p2|s2|0", "c1|p2|s2|1"]


def test_keep_and_skip_test_each_element_and_a_record_with_none_left_has_no_rows(read):
    text = SESSIONS + "keep: {parent.purpose: agent}\nskip: {segments.queueId: {exists: true}, position: 1}\n"
    assert [row.external_id for row in rows_of(read, text)] == ["c1|p2|s2"]
    assert rows_of(read, SESSIONS + "keep: {mediaType: chat}\n") == []
    assert rows_of(read, SESSIONS, {"conversationId": "c1", "conversationStart": AT}) == []


def test_one_bad_element_costs_no_other_row(read):
    record = {**RECORD, "participants": [{"participantId": "p", "sessions": [{}, 5, None, {"sessionId": "s"}]}]}
    no_key = "fields.Key__c: 'sessionId' is missing; without it the record cannot be told from others"
    assert rows_of(read, SESSIONS, record) == [
        BadRow(0, None, AT, "NO_KEY", no_key),
        BadRow(0, None, AT, "NO_ELEMENT", "each: an element is a value without names"),
        Row(0, "c1|p|s", AT, {"Key__c": "c1|p|s"}),
    ]


def test_two_elements_with_one_key_are_a_collision_of_which_the_first_is_kept(read):
    twice = [{"participantId": "p", "sessions": [{"sessionId": "s", "ani": "1"}, {"sessionId": "s", "ani": "2"}]}]
    rows = rows_of(read, SESSIONS + "  Ani__c: ani\n", {**RECORD, "participants": twice})
    message = "fields.Key__c: another element of the same record has this key"
    assert rows == [
        Row(0, "c1|p|s", AT, {"Key__c": "c1|p|s", "Ani__c": "1"}),
        BadRow(0, None, AT, "KEY_COLLISION", message),
    ]


def test_elements_take_the_time_of_their_record(read):
    with pytest.raises(Unmappable) as caught:
        rows_of(read, SESSIONS, {**RECORD, "conversationStart": None})
    assert caught.value.code == "NO_TIME"


TWO = """
source: {query: conversations.details}
window: {start: 2026-01-01}
targets:
  - target: {object: Conversation__c, external_id: Key__c}
    keep: {originatingDirection: inbound}
    fields: {Key__c: {key: [conversationId]}, Direction__c: originatingDirection}
  - target: {object: Leg__c, external_id: Leg__c, deliver: bulk}
    each: participants.sessions
    fields:
      Leg__c: {key: [record.conversationId, parent.participantId, sessionId]}
      Conversation__r.Key__c: record.conversationId
"""


def test_one_record_feeds_several_objects_each_with_its_own_rules(read):
    compiled = compile_mapping(read(TWO))
    legs = [f"c1|{leg}" for leg in ("p1|s1", "p2|s2", "p2|s3")]
    assert compiled.map(RECORD) == [
        Row(0, "c1", AT, {"Key__c": "c1", "Direction__c": "inbound"}),
        *(Row(1, leg, AT, {"Leg__c": leg, "Conversation__r.Key__c": "c1"}) for leg in legs),
    ]
    assert compiled.columns == (("Key__c", "Direction__c"), ("Leg__c", "Conversation__r.Key__c"))
    outbound = compiled.map({**RECORD, "originatingDirection": "outbound"})
    assert [row.target for row in outbound] == [1, 1, 1]


def test_problems_of_targets_are_told_with_their_places(problems):
    text = TWO.replace("originatingDirection}", "originatingDirecton}").replace("sessionId]", "sessionsId]")
    text = text.replace("    each: participants.sessions", "    each: participants.sesions\n    feilds: {}")
    assert problems(text + "keep: {}\n") == [
        "7:61: targets[0].fields.Direction__c: unknown name 'originatingDirecton'; did you mean "
        "'originatingDirection'?",
        "9:11: targets[1].each: unknown name 'sesions' in a participant; did you mean 'sessions'?",
        "10:5: targets[1].feilds: unknown key 'feilds'; did you mean 'fields'?",
        "12:67: targets[1].fields.Leg__c.key[2]: unknown name 'sessionsId' in a session; did you mean 'sessionId'?",
        "14:1: keep: 'keep' stands in each entry of 'targets'; take it out here",
    ]


def test_two_targets_of_one_object_would_undo_each_other(problems):
    assert problems(TWO.replace("Leg__c, external", "conversation__C, external")) == [
        "8:22: targets[1].target.object: targets[0] writes to conversation__C as well; give one of them a stream of "
        "its own"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TWO.replace("targets:", "targets: x\nrest:"), "targets: must be a list of targets, not text ('x')"),
        (f"{CALLS.replace('target:', 'enabled: true #')}\ntargets: [5]",
         "targets[0]: must be keys with values, not a number"),
        (f"{CALLS.replace('target:', 'enabled: true #')}\ntargets: [{{}}]", "targets[0]: 'fields' is missing"),
        (SESSIONS.replace("participants.sessions", "conversationId"),
         "each: 'conversationId' leads to one value; each needs a list of elements with names, such as "
         "participants.sessions"),
        (SESSIONS.replace("participants.sessions", "divisionIds"),
         "each: 'divisionIds' leads to values; each needs a list of elements with names, such as "
         "participants.sessions"),
        (SESSIONS.replace("participants.sessions", "attributes"),
         "each: 'attributes' is no list, so it has no elements"),
        (SESSIONS.replace("participants.sessions", "participants..sessions"),
         "each: path 'participants..sessions': a name is missing at character 14; names are joined by dots, and other "
         "names stand in quotes, as in attributes.\"Order No\""),
        (SESSIONS.replace("participants.sessions", "[a]"), "each: must be a path to a list, such as "
         "participants.sessions"),
        (SESSIONS.replace("record.conversationId, ", ""),
         "fields.Key__c.key: must also hold record.conversationId: without it two rows become one"),
        (SESSIONS.replace("sessionId]", "position]"),
         "fields.Key__c.key: must also hold sessionId: without it two rows become one"),
        (SEGMENTS.replace(", position]", "]"),
         "fields.Key__c.key: must also hold position: without it two rows become one"),
        (SEGMENTS.replace("position]", "position, segmentStart]"),
         "fields.Key__c.key[4]: 'segmentStart' may change from one read to the next, and the record would stand twice "
         "in Salesforce; take it out"),
        (SESSIONS + "  A__c: conversationId\n", None),
        (SESSIONS.replace("each: participants.sessions\n", ""),
         "fields.Key__c.key: must also hold conversationId: without it two records become one"),
        (CALLS + "\nfields:\n  Key__c: {key: [conversationId]}\n  A__c: parent.userId\n",
         "fields.A__c: 'parent' is for the rows of `each`; without it paths begin at the record"),
        (SESSIONS + "  A__c: participantId\n", None),
        (SESSIONS + "  A__c: mediaType.x\n", "fields.A__c: 'mediaType.x' goes too deep: 'mediaType' holds one value"),
        (SESSIONS + "  A__c: parent.userld\n",
         "fields.A__c: unknown name 'userld' in a participant; did you mean 'userId'?"),
        (SEGMENTS + "  A__c: {metric: tTalk}\n",
         "fields.A__c.metric: a segment holds no metrics; choose another `each`"),
        (SESSIONS + "  Who.Key__c: ani\n",
         "fields.Who.Key__c: the parent of Who may be of several objects; name the one meant: Contact:Who.Key__c"),
        (SESSIONS + "  Call__r: ani\n", "fields.Call__r: names a parent but none of its fields; write Call__r.Key__c"),
        (SESSIONS + "  Contact:Who.Key__c: {from: ani, type: Text}\n",
         "fields.Contact:Who.Key__c.type: a relationship has no type of its own"),
    ],
    ids=range(22),
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_mend(read, problems, text, problem):
    if problem is None:
        (warning,) = read(text).warnings
        assert "in a session: if the records do not hold it, it is always missing" in warning
        return
    found = [one.split(": ", 1)[1] for one in problems(text)]
    assert found[:1] == [problem]


def test_what_hangs_on_a_misspelled_word_is_checked_as_if_it_were_spelled_right(problems):
    text = SESSIONS.replace("conversations.details", "conversation.details").replace(
        "participants.sess", "participant.ses"
    )
    assert [one.split(": ", 1)[1] for one in problems(text.replace("sessionId]", "sesionId]") + "  A__c: ani.x\n")] == [
        "source.query: unknown query 'conversation.details'; did you mean 'conversations.details'?",
        "each: unknown name 'participant'; did you mean 'participants'?",
        "fields.Key__c.key[2]: unknown name 'sesionId' in a session; did you mean 'sessionId'?",
        "fields.A__c: 'ani.x' goes too deep: 'ani' holds one value",
    ]


def test_a_key_may_name_the_same_id_in_any_way(read):
    other = SESSIONS.replace("record.conversationId", "parent.parent.conversationId, record.conversationStart")
    assert rows_of(read, other)[0].external_id == f"c1|{AT}|p1|s1"
