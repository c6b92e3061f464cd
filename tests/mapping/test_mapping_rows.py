"""From one record to its row: the key, the time, what is kept, and what is said when there is no row."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_texts import CALL_RECORD, CALLS, QUEUE_RECORD, QUEUES, SUMMARY, with_fields

from connector.mapping import BadRow, Row, Unmappable, compile_mapping
from connector.mapping.compile import nothing_to_ask
from connector.mapping.contents import contents_of
from connector.mapping.model import Source
from connector.mapping.paths import parse_path
from connector.mapping.rowcode import compile_values
from connector.mapping.rules import FieldRule
from connector.mapping.steps import change_maker


def test_a_row_holds_its_fields_in_the_order_of_the_mapping(row_of):
    text = with_fields(QUEUES, "B__c: queueId", "A__c: {from: nOffered.count, default: 0}", "C__c: end")
    row = row_of(text, QUEUE_RECORD)
    key = "q1|voice|2026-01-01T00:00:00Z"
    values = {"Key__c": key, "B__c": "q1", "A__c": 0, "C__c": "2026-01-01T01:00:00Z"}
    assert row == Row(target=0, external_id=key, at="2026-01-01T00:00:00Z", values=values)
    assert list(row.values) == list(values)


def test_the_time_of_a_row_is_that_of_its_record_at_whole_seconds(row_of):
    record = {**CALL_RECORD, "conversationStart": "2026-01-01T02:00:00.999+02:00"}
    row = row_of(with_fields(CALLS), record)
    assert row == Row(0, "c1", "2026-01-01T00:00:00Z", {"Key__c": "c1"})


def test_columns_and_kinds_are_known_before_any_record(read):
    text = with_fields(
        QUEUES,
        "A__c: start",
        "B__c: {from: nOffered.count, default: 0}",
        "C__c: {from: tHandle.sum, divide: 1000}",
        "D__c: {from: start, date: Europe/Berlin}",
        "E__c: {from: queueId, map: {a: true}, else: false}",
        "F__c: {from: queueId, map: {a: 1}, else: none}",
        "G__c: {from: tHandle.sum, divide: 1000, round: 0}",
        "H__c: {value: text}",
        "I__c: {from: tHandle.count, multiply: 0.5}",
        "J__c: {sum: [nOffered.count, tHandle.count]}",
        "L__c: {first: [nOffered.count, tHandle.sum]}",
        "M__c: {from: tHandle.count, round: 1}",
    )
    compiled = compile_mapping(read(text))
    kinds = {"Key__c": "text", "A__c": "datetime", "B__c": "integer", "C__c": "number", "D__c": "date"}
    kinds |= {"E__c": "boolean", "F__c": "any", "G__c": "integer", "H__c": "text"}
    kinds |= {"I__c": "number", "J__c": "integer", "L__c": "number", "M__c": "integer"}
    assert compiled.types == (kinds,)
    assert compiled.columns == (tuple(kinds),)


def test_kinds_of_conversation_fields_are_told_as_far_as_known(read):
    fields = {
        "A__c: moonPhase": "any",
        "B__c: {from: moonPhase, multiply: 2}": "number",
        "C__c: {from: moonPhase, round: 0}": "number",
        "D__c: is_open": "boolean",
        "E__c: duration_ms": "integer",
        "F__c: {first: participants.userId}": "text",
        "G__c: {first: participants.sessions.segments.segmentStart}": "datetime",
        "H__c: {last: participants.sessions.segments.conference}": "boolean",
        "I__c: {from: 'participants[0].is_open'}": "any",
        "J__c: {from: 'participants[0].attributes.start'}": "text",
        "L__c: {join: divisionIds}": "text",
        "M__c: {count: participants}": "integer",
        "N__c: {sum: participants.sessions.metrics.value}": "number",
    }
    compiled = compile_mapping(read(with_fields(CALLS, *fields)))
    assert list(compiled.types[0].values()) == ["text", *fields.values()]


def test_parts_of_a_key_are_escaped_and_absent_ones_marked(row_of):
    record = {"start": "2026-01-01T00:00:00.000Z", "mediaType": "-", "queueId": "a|b\\c"}
    assert row_of(with_fields(QUEUES), record).external_id == "a\\|b\\\\c|\\-|2026-01-01T00:00:00Z"
    one_mark = {"start": "2026-01-01T00:00:00Z", "mediaType": "a\\", "queueId": "a|"}
    assert row_of(with_fields(QUEUES), one_mark).external_id == "a\\||a\\\\|2026-01-01T00:00:00Z"
    assert row_of(with_fields(QUEUES), {"start": "2026-01-01T00:00:00Z"}).external_id == "-|-|2026-01-01T00:00:00Z"


_PARTS = st.one_of(st.none(), st.text("-|\\a", min_size=1, max_size=4))


@given(st.tuples(_PARTS, _PARTS, _PARTS))
def test_the_parts_of_a_key_can_be_told_from_it_so_different_records_never_share_one(parts):
    names = ("queueId", "userId", "direction")
    source = Source(query="conversations.aggregates", group_by=list(names))
    rule = FieldRule("Key__c", "key", paths=tuple(map(parse_path, names)))
    values_of = compile_values([rule], contents_of(source), change_maker(nothing_to_ask, ""))
    key = values_of(dict(zip(names, parts, strict=True)))["Key__c"]
    texts = re.findall(r"((?:\\.|[^|\\])+)(?:\||$)", key)
    assert tuple(None if text == "-" else re.sub(r"\\(.)", r"\1", text) for text in texts) == parts


def test_a_key_beyond_255_characters_is_a_bad_row(row_of):
    fits = {**CALL_RECORD, "conversationId": "x" * 255}
    assert row_of(with_fields(CALLS), fits) == Row(0, "x" * 255, "2026-01-01T00:00:00Z", {"Key__c": "x" * 255})
    for long in ("x" * 256, "😀" * 128):
        message = "fields.Key__c: longer than the 255 characters an external id may have"
        row = row_of(with_fields(CALLS), {**CALL_RECORD, "conversationId": long})
        assert row == BadRow(0, long, "2026-01-01T00:00:00Z", "KEY_TOO_LONG", message)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"conversationStart": "2026-01-01T00:00:00Z"}, "NO_KEY"),
        ({"conversationStart": "2026-01-01T00:00:00Z", "conversationId": ""}, "NO_KEY"),
        ({"conversationStart": "2026-01-01T00:00:00Z", "conversationId": ["c1"]}, "NO_KEY"),
        ({"conversationId": "c1"}, "NO_TIME"),
        ({"conversationId": "c1", "conversationStart": None}, "NO_TIME"),
        ({"conversationId": "c1", "conversationStart": "soon"}, "NO_TIME"),
        ({"conversationId": "c1", "conversationStart": 5}, "NO_TIME"),
        ({"conversationId": "c1", "conversationStart": {}}, "NO_TIME"),
    ],
)
def test_a_record_without_key_or_time_is_unmappable(read, record, code):
    compiled = compile_mapping(read(with_fields(CALLS, "A__c: {from: nothing, when_missing: reject}")))
    with pytest.raises(Unmappable) as caught:
        compiled.map(record)
    assert caught.value.code == code


def test_a_bad_row_names_the_field_and_never_the_value(row_of):
    text = with_fields(CALLS, "A__c: externalTag", "B__c: {from: externalTag, number: true}", "C__c: externalTag")
    row = row_of(text, {**CALL_RECORD, "externalTag": "Jane Doe"})
    message = "fields.B__c: not a number; numbers are digits with at most one point"
    assert row == BadRow(0, "c1", "2026-01-01T00:00:00Z", "NOT_A_NUMBER", message)


def test_a_relationship_is_left_as_it_is_when_its_value_is_missing(row_of):
    text = with_fields(CALLS, "Parent__r.Key__c: externalTag", "Other__c: externalTag")
    assert row_of(text, CALL_RECORD).values == {"Key__c": "c1", "Other__c": None}


ATTRIBUTES = ["participants[0].attributes.orderNo", "attributes.orderNo"]
WITH_ORDER = {
    **CALL_RECORD,
    "participants": [{"attributes": {"orderNo": "A-17"}}],
    "attributes": {"orderNo": "A-17"},
}


@pytest.mark.parametrize("path", ATTRIBUTES)
def test_attributes_are_left_alone_for_the_query_gives_none(read, path):
    text = with_fields(CALLS, f'A__c: {{from: "{path}", when_missing: reject}}')
    mapping = read(text.replace("conversations.details}", "conversations.details, via: query}"))
    compiled = compile_mapping(mapping)
    assert compiled.map(CALL_RECORD) == [Row(0, "c1", "2026-01-01T00:00:00Z", {"Key__c": "c1"})]
    assert compiled.columns == (("Key__c", "A__c"),)
    (warning,) = mapping.warnings
    assert warning.endswith(
        "fields.A__c: the details query gives no attributes: the field is left as it is in Salesforce"
    )


@pytest.mark.parametrize("field", [*ATTRIBUTES, "jmespath: attributes.orderNo"])
@pytest.mark.parametrize("via", ["auto", "job"])
def test_attributes_are_mapped_of_records_read_by_job_and_left_alone_of_those_read_by_query(read, via, field):
    rule = field if field.startswith("jmespath") else f'from: "{field}"'
    text = with_fields(CALLS, f"A__c: {{{rule}}}")
    mapping = read(text.replace("conversations.details}", f"conversations.details, via: {via}}}"))
    compiled = compile_mapping(mapping)
    at = "2026-01-01T00:00:00Z"
    assert compiled.map(WITH_ORDER) == [Row(0, "c1", at, {"Key__c": "c1", "A__c": "A-17"})]
    assert compiled.map(CALL_RECORD) == [Row(0, "c1", at, {"Key__c": "c1", "A__c": None})]
    assert compiled.map_by_query(CALL_RECORD) == [Row(0, "c1", at, {"Key__c": "c1"})]
    assert compiled.job_fields == (frozenset({"A__c"}),)
    words = "attributes arrive once the data lake holds the span, hours after the rest of the record"
    assert [words in one for one in mapping.warnings] == ([True] if via == "auto" else [])


@pytest.mark.parametrize(
    ("conditions", "is_kept"),
    [
        ("keep: {queueId: {exists: true}}", True),
        ("keep: {queueId: {exists: false}}", False),
        ("keep: {userId: {exists: false}}", True),
        ("keep: {tHandle: {exists: true}}", True),
        ("keep: {nOffered.count: {exists: true}}", False),
        ("keep: {queueId: q1}", True),
        ("keep: {queueId: [q2, q1], mediaType: voice}", True),
        ("keep: {queueId: q1, mediaType: chat}", False),
        ("keep: {tHandle.count: 3}", True),
        ("keep: {tHandle.count: {gt: 2, lte: 3}}", True),
        ("keep: {tHandle.count: {gt: 3}}", False),
        ("keep: {tHandle.sum: {gte: 0}}", False),
        ("keep: {queueId: {gt: 0}}", False),
        ("keep: {start: {gte: 2026-01-01, lt: 2026-01-02}}", True),
        ("keep: {start: {lt: 2026-01-01T00:00:00Z}}", False),
        ("keep: {start: 2026-01-01T00:00:00.000Z}", True),
        ("skip: {queueId: q1}", False),
        ("skip: {queueId: q1, mediaType: chat}", True),
        ("keep: {queueId: q1}\nskip: {mediaType: voice}", False),
        ("keep: {}\nskip: {}", True),
    ],
)
def test_keep_wants_all_and_skip_drops_when_all_hold(read, conditions, is_kept):
    text = with_fields(QUEUES, "User__c: {value: x}").replace("[queueId]", "[queueId, userId]", 1)
    text = text.replace("{key: [queueId,", "{key: [queueId, userId,")
    record = {**QUEUE_RECORD, "tHandle": {"count": 3}}
    assert bool(compile_mapping(read(f"{text}\n{conditions}")).map(record)) is is_kept


def test_a_condition_on_a_list_holds_when_one_element_holds(read):
    text = with_fields(CALLS) + '\nkeep: {"participants[purpose=agent].userId": [u2]}'
    compiled = compile_mapping(read(text))
    people = [{"purpose": "agent", "userId": "u1"}, {"purpose": "agent", "userId": "u2"}]
    assert [len(compiled.map({**CALL_RECORD, "participants": some})) for some in (people, people[:1], [])] == [1, 0, 0]


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(1250, 1.3), ({"sum": 1250, "count": 2}, 1.3), ({"count": 2}, 0.0), (None, None), ({}, None)],
)
def test_a_summary_metric_is_a_number_or_its_statistics(row_of, duration, seconds):
    text = with_fields(SUMMARY, 'S__c: {from: "conversation:duration", divide: 1000, round: 1}')
    row = row_of(text, {"start": "2026-01-01T00:00:00Z", "conversation:queue": "q", "conversation:duration": duration})
    assert row.values["S__c"] == seconds


def test_a_summary_metric_as_a_number_is_its_sum(row_of):
    text = with_fields(SUMMARY, 'S__c: "conversation:duration.sum"', 'C__c: "conversation:duration.count"')
    record = {"start": "2026-01-01T00:00:00Z", "conversation:duration": 5}
    assert row_of(text, record).values == {"Key__c": "2026-01-01T00:00:00Z|-", "S__c": 5, "C__c": None}


def test_a_summary_without_groupings_is_keyed_by_id(row_of):
    text = with_fields(SUMMARY).replace('group_by: ["conversation:queue"], ', "")
    text = text.replace('[start, "conversation:queue"]', "[id, start]")
    assert row_of(text, {"start": "2026-01-01T00:00:00Z", "id": "c1"}).external_id == "c1|2026-01-01T00:00:00Z"
