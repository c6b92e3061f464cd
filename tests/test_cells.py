"""Clear, leave, default: what a missing value does to each kind of field, cell by cell, by Collections and by job."""

import re
from typing import Any

import pytest
from lab import Lab, at, conversation

TEMPLATE = """
about: cells for tests
source: {query: conversations.details, via: query}
window: {start: 2026-03-02, size: P1D, lookback: PT12H, settle: PT15M, timezone: UTC}
target: {object: Conversation__c, external_id: Conversation_Id__c, deliver: WAY}
fields:
  Conversation_Id__c: {key: [conversationId]}
  Started__c: conversationStart
  Direction__c: {from: externalTag, RULE_TEXT}
  Duration_s__c: {from: mediaStatsMinConversationMos, RULE_NUMBER}
  Ended__c: {from: attributeOfNobody, RULE_TIME}
  Is_Open__c: {from: externalTag, map: {tag: true, other: true}, RULE_FLAG}
"""
RULES = {
    "clear": dict.fromkeys(("TEXT", "NUMBER", "TIME", "FLAG"), "when_missing: clear"),
    "leave": dict.fromkeys(("TEXT", "NUMBER", "TIME", "FLAG"), "when_missing: leave"),
    "default": {
        "TEXT": "default: none",
        "NUMBER": "default: 7.5",
        "TIME": "default: 2026-01-01T00:00:00Z",
        "FLAG": "default: true",
    },
}
FILLED = {"externalTag": "tag", "mediaStatsMinConversationMos": 4.5, "attributeOfNobody": "2026-03-02T01:00:00.000Z"}
CELLS = ("Direction__c", "Duration_s__c", "Ended__c", "Is_Open__c")
HELD = ("tag", 4.5, "2026-03-02T01:00:00Z", True)
EMPTY = (None, None, None, False)
"""Salesforce knows no empty checkbox: cleared, or never written, it is not checked."""

DEFAULTS = ("none", 7.5, "2026-01-01T00:00:00Z", True)


def mapping(way: str, rule: str) -> str:
    text = TEMPLATE.replace("WAY", way)
    for kind, words in RULES[rule].items():
        text = text.replace(f"RULE_{kind}", words)
    return text


def cells(lab: Lab, key: str) -> tuple[Any, ...]:
    row = lab.salesforce.rows("Conversation__c")[key]
    return tuple(re.sub(r"\.000\+0000$", "Z", row[name]) if isinstance(row[name], str) else row[name] for name in CELLS)


@pytest.mark.parametrize("way", ["collections", "bulk"])
@pytest.mark.parametrize(
    ("rule", "made_empty", "emptied"),
    [("clear", EMPTY, EMPTY), ("leave", EMPTY, HELD), ("default", DEFAULTS, DEFAULTS)],
)
def test_a_missing_value_clears_leaves_or_becomes_the_default_in_every_kind_of_field(
    make_lab, way, rule, made_empty, emptied
):
    lab: Lab = make_lab(now=at(6))
    lab.world.add(conversation("first", at(1)))
    lab.write_mapping(mapping(way, rule))
    # A mapping is proven by Collections before any job is made.
    assert lab.sync().exit_code == 0
    lab.world.add({**conversation("filled", at(6)), **FILLED})
    lab.world.add(conversation("bare", at(6.1)))
    lab.world.add({**conversation("other", at(6.2)), **FILLED})
    lab.clock.advance(3600)
    assert lab.sync().exit_code == 0
    assert [cells(lab, key) for key in ("filled", "bare", "other")] == [HELD, made_empty, HELD]

    def without(whole: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in whole.items() if key not in FILLED}

    lab.world.correct("filled", without, lab.clock.now())
    lab.world.correct("bare", FILLED, lab.clock.now())
    lab.world.correct("other", {"externalTag": "other"}, lab.clock.now())
    lab.clock.advance(3600)
    assert lab.sync().exit_code == 0
    assert [cells(lab, key) for key in ("filled", "bare", "other")] == [emptied, HELD, ("other", *HELD[1:])]
    jobs = [call for call in lab.salesforce.calls if call.method == "PUT"]
    assert len(jobs) == (2 if way == "bulk" else 0)
    again = lab.sync()
    assert (again.exit_code, again.books.created + again.books.updated) == (0, 0)


@pytest.mark.parametrize("way", ["collections", "bulk"])
def test_a_missing_value_that_must_be_there_sets_the_row_aside_and_leaves_the_record(make_lab, way):
    lab: Lab = make_lab(now=at(6))
    lab.world.add({**conversation("filled", at(1)), **FILLED})
    text = mapping(way, "leave").replace(
        "{from: externalTag, when_missing: leave}", "{from: externalTag, when_missing: reject}"
    )
    lab.write_mapping(text)
    assert lab.sync().exit_code == 0
    lab.world.correct("filled", {"externalTag": ""}, lab.clock.now())
    lab.clock.advance(3600)
    assert lab.sync().exit_code == 1
    assert cells(lab, "filled") == HELD
    assert [(one["external_id"], one["code"]) for one in lab.table("rejects")] == [("filled", "MISSING_VALUE")]
