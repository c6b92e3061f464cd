"""What a field becomes: its source, its steps in the order written, and what is missing."""

import pytest
from mapping_texts import CALLS, with_fields

PEOPLE = [
    {"purpose": "customer", "sessions": [{"mediaType": "voice"}]},
    {
        "purpose": "agent",
        "userId": "u1",
        "sessions": [{"mediaType": "chat", "metrics": [{"name": "tTalk", "value": 3}]}],
    },
    {"purpose": "agent", "userId": "u2", "sessions": [{"metrics": [{"name": "tTalk", "value": 4}]}]},
]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("externalTag", "tag"),
        ("{from: externalTag}", "tag"),
        ("{value: 5}", 5),
        ("{value: text}", "text"),
        ("{template: '{externalTag}: {conversationStart} {{x}}'}", "tag: 2026-01-01T00:00:00Z {x}"),
        ("{template: '{externalTag} {nothing}'}", None),
        ("{key: [conversationId, nothing, divisionIds]}", "c1|-|a,b"),
        ("{first: participants.userId}", "u1"),
        ("{last: participants.userId}", "u2"),
        ("{first: [nothing, participants.userId, externalTag]}", "u1"),
        ("{last: [participants.userId, externalTag]}", "tag"),
        ("{first: nothing}", None),
        ("{count: participants}", 3),
        ('{count: "participants[purpose=agent]"}', 2),
        ("{count: [participants.userId, divisionIds]}", 4),
        ("{count: nothing}", 0),
        ("{sum: participants.sessions.metrics.value}", 7),
        ('{sum: "participants.sessions.metrics[name=tHeld].value"}', None),
        ("{join: participants.sessions.mediaType}", "voice;chat"),
        ('{join: divisionIds, with: ", "}', "b, a"),
        ("{join: nothing}", None),
        ("{key: [participants.userId, nothing]}", "u1,u2|-"),
        ("{key: [externalTag, participants.teamId]}", "tag|-"),
        ("'participants[0].nothing.below'", None),
        ("{ratio: [duration_ms, inactivityTimeout]}", 2.5),
        ("conversationStart", "2026-01-01T00:00:00Z"),
        ("conversationEnd", None),
    ],
)  # fmt: skip
def test_a_source_gives_one_value(value_of, field, value):
    record = {"participants": PEOPLE, "externalTag": "tag", "divisionIds": ["b", "a"]}
    assert value_of(field, **record, duration_ms=5, inactivityTimeout=2) == value


@pytest.mark.parametrize(
    ("steps", "before", "after"),
    [
        ("map: {voice: Phone, chat: Chat}", "voice", "Phone"),
        ("map: {voice: Phone}", "email", None),
        ("map: {voice: Phone}, else: Other", "email", "Other"),
        ("map: {voice: Phone}, else: Other", None, None),
        ("map: {1: one, true: yes, 1.5: half}", 1, "one"),
        ("map: {1: one, true: yes}", True, "yes"),
        ("map: {1: one, true: yes}", 1.0, "one"),
        ("map: {a: null, b: ''}, default: none", "a", "none"),
        ("replace: ['^tel:', '']", "tel:+49", "+49"),
        ("replace: ['(a)(b)', '\\2\\1']", "xab", "xba"),
        ("replace: ['.*', '']", "gone", None),
        ("replace: ['$', ' %']", "75", "75 %"),
        ("replace: ['x*', '-']", "axb", "-a--b-"),
        ("replace: ['\\b', '|']", "ab cd", "|ab| |cd|"),
        ("divide: 1000, round: 1", 42450, 42.5),
        ("round: 1, divide: 1000", 42450, 42.45),
        ("multiply: 100, round: 2", 0.12345, 12.35),
        ("divide: 3, round: 2, then: {multiply: 3}", 1, 0.99),
        ("divide: 2", "4", "NOT_A_NUMBER"),
        ("divide: 2", True, "NOT_A_NUMBER"),
        ("number: true, divide: 2", " 4 ", 2.0),
        ("truncate: 3", "abcdef", "abc"),
        ("truncate: 3", "a😀b", "a😀"),
        ("truncate: 3", "ab😀", "ab"),
        ("truncate: 2", 12345, "12"),
        ("truncate: 1", "ab", "a"),
        ("date: Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29"),
        ("date: America/New_York", "2026-03-28T23:30:00.123+00:00", "2026-03-28"),
        ("date: Asia/Tokyo", "2026-03-28", "2026-03-28"),
        ("date: UTC", "2026-02-30", "NOT_AN_INSTANT"),
        ("date: UTC", 5, "NOT_AN_INSTANT"),
        ("datetime: true", "2026-03-28T23:30:00.999+02:00", "2026-03-28T21:30:00Z"),
        ("datetime: true", "2026-03-28", "NOT_AN_INSTANT"),
        ("datetime: true", 5, "NOT_AN_INSTANT"),
        ("bool: true", "Yes", True),
        ("bool: true", 0, False),
        ("bool: true", "maybe", "NOT_A_BOOLEAN"),
        ("number: true", "-1.50", -1.5),
        ("number: true", "12", 12),
        ("number: true", "1_000", "NOT_A_NUMBER"),
        ("number: true", "nan", "NOT_A_NUMBER"),
        ("number: true", "١٢", "NOT_A_NUMBER"),
        ("integer: true", "12.0", 12),
        ("integer: true", 12.5, "NOT_A_WHOLE_NUMBER"),
        ("text: true", 5.0, "5"),
        ("text: true", 0.5, "0.5"),
        ("text: true", False, "false"),
        ("upper: true", "straße", "STRASSE"),
        ("lower: true", "ABC", "abc"),
        ("default: none", None, "none"),
        ("default: none", "", "none"),
        ("default: 0", 0, 0),
        ("upper: true, default: none, lower: true", None, "none"),
        ("default: None, upper: true", None, "NONE"),
        ("upper: true, then: {replace: [A, b], then: {upper: true}}", "a", "B"),
    ],
)  # fmt: skip
def test_steps_change_a_value_in_the_order_written(value_of, steps, before, after):
    found = value_of(f"{{from: nothing, {steps}}}", nothing=before)
    assert (found, type(found)) == (after, type(after))


@pytest.mark.parametrize(
    ("field", "record", "code"),
    [
        ("nothing", {"nothing": [1]}, "LIST"),
        ("nothing.below", {"nothing": [{"below": 1}]}, "LIST"),
        ("nothing", {"nothing": {"a": 1}}, "NOT_A_VALUE"),
        ("{first: nothing}", {"nothing": [{"a": 1}]}, "NOT_A_VALUE"),
        ("{join: nothing}", {"nothing": [{"a": 1}]}, "NOT_A_VALUE"),
        ("{sum: nothing}", {"nothing": ["1"]}, "NOT_A_NUMBER"),
        ("{sum: nothing}", {"nothing": [True]}, "NOT_A_NUMBER"),
        ("conversationEnd", {"conversationEnd": "yesterday"}, "NOT_AN_INSTANT"),
        ("conversationEnd", {"conversationEnd": 1700000000}, "NOT_AN_INSTANT"),
        ("nothing", {"nothing": float("nan")}, "NOT_A_NUMBER"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_rejects_the_row_with_a_code(value_of, field, record, code):
    assert value_of(field, **record) == code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nothing", None),
        ("{from: nothing, when_missing: clear}", None),
        ("{from: nothing, when_missing: leave}", "absent"),
        ("{from: nothing, when_missing: reject}", "MISSING_VALUE"),
        ("{from: nothing, default: x, when_missing: reject}", "x"),
        ("{value: a, map: {b: c}}", "absent"),
        ("{value: a, map: {b: c}, when_missing: clear}", None),
        ("{template: fixed, map: {b: c}}", "absent"),
    ],
)
def test_a_missing_value_clears_the_field_unless_told_otherwise(value_of, field, value):
    assert value_of(field) == value


def test_statistics_of_metrics_are_reached_by_name(value_of):
    handled = {"count": 3, "sum": 127500}
    assert value_of("{ratio: [tHandle.sum, tHandle.count], divide: 1000, round: 1}", tHandle=handled) == 42.5
    assert value_of("{from: nOffered.count, default: 0}", tHandle=handled) == 0
    assert value_of("{sum: [tHandle.sum, nOffered.count]}", tHandle=handled, nOffered={"count": 1}) == 127501


def test_only_a_relationship_may_say_what_happens_without_its_parent(problems, read):
    text = with_fields(
        CALLS, "Account.Ext__c: {from: externalTag, when_parent_missing: leave}", "Call__r.Key__c: externalTag"
    )
    assert [rule.when_parent_missing for rule in read(text).targets[0].fields] == ["wait", "leave", "wait"]
    (problem,) = problems(with_fields(CALLS, "Tag__c: {from: externalTag, when_parent_missing: leave}"))
    assert (
        "Tag__c.when_parent_missing: 'when_parent_missing' belongs to a relationship, such as Account.Ext__c" in problem
    )
    (problem,) = problems(with_fields(CALLS, "Account.Ext__c: {from: externalTag, when_parent_missing: skip}"))
    assert "Account.Ext__c.when_parent_missing: " in problem
