"""Examples beside a mapping: read strictly, worked out by the mapping itself, every difference told."""

import pytest
from mapping_texts import CALLS, QUEUES, with_fields

from connector.mapping import fingerprints
from connector.mapping.examples import ExpectedRow, RecordExample
from connector.mapping.trial import try_examples

CALL = "{conversationId: c1, conversationStart: 2026-01-01T00:00:00.500Z}"


NAMES = "lookups: {queues: {q1: {name: A}}}"


def with_examples(*entries: str, fields: tuple[str, ...] = ("Started__c: conversationStart",)) -> str:
    return "\n".join([with_fields(CALLS, *fields), "examples:", *(f"  - {entry}" for entry in entries)])


@pytest.fixture
def told(read):
    """What differs, example by example."""

    def differences(text):
        return [[one.told() for one in trial.differences] for trial in try_examples(read(text))]

    return differences


# Reading


def test_an_example_is_a_record_and_what_becomes_of_it(read):
    text = with_examples(
        f"{{about: A call, record: {CALL}, row: {{Key__c: c1, Started__c: null}}, only: true}}",
        f"{{record: {CALL}, rows: [{{object: Conversation__c, Key__c: c1}}], {NAMES}}}",
        f"{{record: {CALL}, filtered: true}}",
        f"{{record: {CALL}, rejected: NO_TIME}}",
    )
    record = {"conversationId": "c1", "conversationStart": "2026-01-01T00:00:00.500Z"}
    first = ExpectedRow("", {"Key__c": "c1", "Started__c": None})
    second = ExpectedRow("Conversation__c", {"Key__c": "c1"})
    assert read(text).examples == (
        RecordExample(1, "A call", record, (first,), is_exact=True, names={}),
        RecordExample(2, "", record, (second,), names={"queues": {"q1": {"name": "A"}}}),
        RecordExample(3, "", record, is_filtered=True, names={}),
        RecordExample(4, "", record, rejected="NO_TIME", names={}),
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{row: {Key__c: c1}}", "10:5: examples[0]: 'record' is missing"),
        (f"{{record: {CALL}}}", "10:5: examples[0]: says not what becomes of the record; an example has exactly one of "
         "row, rows, filtered, rejected"),
        (f"{{record: {CALL}, filtered: true, rejected: NO_KEY}}", "10:5: examples[0]: has filtered and rejected; an "
         "example has exactly one of row, rows, filtered, rejected"),
        (f"{{record: {CALL}, rows: []}}", "10:87: examples[0].rows: is empty; a record that becomes no row is "
         "{filtered: true}"),
        (f"{{record: {CALL}, row: {{Key_c: c1}}}}", "10:87: examples[0].row.Key_c: the mapping writes no field Key_c; "
         "did you mean 'Key__c'?"),
        (f"{{record: {CALL}, row: {{Key__c: [c1]}}}}", "10:95: examples[0].row.Key__c: must be a value, not a list"),
        (f"{{record: {CALL}, row: {{object: Conversation, Key__c: c1}}}}", "10:95: examples[0].row.object: no target "
         "writes to 'Conversation'; they are Conversation__c"),
        (f"{{record: {CALL}, filtered: true, only: true}}", "10:97: examples[0].only: 'only' belongs to "
         "'row' or 'rows'"),
        (f"{{record: {CALL}, rovs: [], filtered: true}}", "10:81: examples[0].rovs: unknown key 'rovs'; did you mean "
         "'rows'?"),
        (f"{{record: {CALL}, filtered: true, lookups: {{queue: {{}}}}}}", "10:107: examples[0].lookups.queue: nothing "
         "of the kind 'queue' can be looked up; did you mean 'queues'?"),
        (f"{{record: {CALL}, filtered: true, lookups: {{queues: {{q1: {{nam: A}}}}}}}}", "10:121: "
         "examples[0].lookups.queues.q1.nam: queues have no 'nam'; did you mean 'name'?"),
        (f"{{record: {CALL}, filtered: true, lookups: {{queues: {{q1: {{name: 5}}}}}}}}", "10:127: "
         "examples[0].lookups.queues.q1.name: must be text, not a number"),
        ("c1", "10:5: examples[0]: must be keys with values, not text ('c1')"),
    ],
)  # fmt: skip
def test_a_wrong_example_is_told_with_its_place(problems, entry, problem):
    assert problems(with_examples(entry)) == [problem]


def test_examples_that_are_no_list_are_refused(problems):
    assert problems(f"{with_fields(CALLS)}\nexamples: c1") == [
        "8:11: examples: must be a list of records with their rows, not text ('c1')"
    ]


def test_examples_change_nothing_a_run_looks_at(read):
    bare, with_one = with_examples(f"{{record: {CALL}, filtered: true}}"), with_examples()
    assert fingerprints(read(bare)) == fingerprints(read(with_one.removesuffix("\nexamples:")))


# Working out


def test_only_the_fields_named_are_compared_unless_only_says_otherwise(told):
    row = "row: {Key__c: c1}"
    assert told(with_examples(f"{{record: {CALL}, {row}}}", f"{{record: {CALL}, {row}, only: true}}")) == [
        [],
        ["row 1, Conversation__c: Started__c: expected nothing: it is left as it is, came '2026-01-01T00:00:00Z'"],
    ]


def test_every_difference_is_told_field_by_field(told):
    fields = ("Started__c: conversationStart", "Open__c: is_open", "Ended__c: conversationEnd", "Tag__c: {value: 4}")
    row = "row: {Key__c: c2, Started__c: 2026-01-01T00:00:00Z, Open__c: 1, Ended__c: x, Tag__c: 4.0}"
    assert told(with_examples(f"{{record: {CALL}, {row}}}", fields=fields)) == [
        [
            "row 1, Conversation__c: Key__c: expected 'c2', came 'c1'",
            "row 1, Conversation__c: Open__c: expected 1, came true",
            "row 1, Conversation__c: Ended__c: expected 'x', came nothing: it is cleared",
        ]
    ]


def test_the_facts_of_a_conversation_follow_from_its_tree(told):
    record = (
        "{conversationId: c1, conversationStart: 2026-01-01T00:00:00Z, conversationEnd: 2026-01-01T00:01:00Z, "
        "participants: [{purpose: customer, sessions: [{mediaType: voice}]}]}"
    )
    fields = ("Lasted__c: duration_ms", "Media__c: {join: media_types}", "Open__c: is_open")
    row = "row: {Lasted__c: 60000, Media__c: voice, Open__c: false}"
    assert told(with_examples(f"{{record: {record}, {row}}}", fields=fields)) == [[]]


def test_a_fact_an_example_states_is_taken(told):
    record = "{conversationId: c1, conversationStart: 2026-01-01T00:00:00Z, is_open: false}"
    entry = f"{{record: {record}, row: {{Open__c: false}}}}"
    assert told(with_examples(entry, fields=("Open__c: is_open",))) == [[]]


def test_names_are_those_the_example_gives_and_other_ids_are_unknown(told):
    record = "record: {queueId: q1, mediaType: voice, start: 2026-01-01T00:00:00Z}"
    text = with_fields(QUEUES, "Name__c: {from: queueId, lookup: queues.name}")
    text += f"\nexamples:\n  - {{{record}, row: {{Name__c: Support}}, lookups: {{queues: {{q1: {{name: Support}}}}}}}}"
    assert told(f"{text}\n  - {{{record}, row: {{Name__c: null}}}}") == [[], []]


def test_outcomes_other_than_rows_are_told_in_words(told):
    no_key = "{conversationStart: 2026-01-01T00:00:00Z}"
    text = with_examples(
        f"{{record: {CALL}, filtered: true}}",
        f"{{record: {CALL}, rejected: NO_KEY}}",
        f"{{record: {no_key}, rejected: NO_KEY}}",
        f"{{record: {no_key}, row: {{Key__c: c1}}}}",
        f"{{record: {no_key}, rejected: NO_TIME}}",
        f"{{record: {CALL}, rows: [{{Key__c: c1}}, {{Key__c: c2}}]}}",
    )
    missing = "NO_KEY: fields.Key__c: 'conversationId' is missing; without it the record cannot be told from others"
    assert told(text) == [
        ["expected no row: filtered, came 1 row"],
        ["expected a reject, NO_KEY, came 1 row"],
        [],
        [f"expected 1 row, came a reject, {missing}"],
        [f"expected a reject, NO_TIME, came a reject, {missing}"],
        ["row 2, Conversation__c: expected this row, came none"],
    ]


def test_a_row_that_is_rejected_is_told_with_its_reason(told):
    fields = ("Number__c: {from: conversationId, number: true}",)
    text = with_examples(
        f"{{record: {CALL}, rejected: NOT_A_NUMBER}}", f"{{record: {CALL}, row: {{Key__c: c1}}}}", fields=fields
    )
    said = "NOT_A_NUMBER: fields.Number__c: not a number; numbers are digits with at most one point"
    assert told(text) == [[], [f"row 1, Conversation__c: expected a row, came a reject, {said}"]]


TARGETS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
targets:
  - target: {object: Conversation__c, external_id: Key__c}
    fields: {Key__c: {key: [conversationId]}}
  - target: {object: Part__c, external_id: Key__c}
    each: participants
    fields: {Key__c: {key: [record.conversationId, participantId]}}
examples:
  - record: {conversationId: c1, conversationStart: 2026-01-01T00:00:00Z, participants: [{participantId: p1}]}
"""


def test_rows_of_several_targets_are_compared_in_their_order(told):
    right = "    rows: [{object: Conversation__c, Key__c: c1}, {object: Part__c, Key__c: c1|p1}]"
    assert told(TARGETS + right) == [[]]
    turned = "    rows: [{object: Part__c, Key__c: c1|p1}, {Key__c: c1|p1}]"
    assert told(TARGETS + turned) == [
        ["row 1, Conversation__c: expected a row of Part__c, came one of Conversation__c"]
    ]
    assert told(f"{TARGETS}    row: {{Key__c: c1}}") == [["row 2, Part__c: expected no such row, came one"]]
