"""A change of meaning is noticed, in the right place; a change of writing is not."""

import pytest

from connector.mapping import fingerprints

TEXT = """
source:
  query: conversations.aggregates
  granularity: PT1H
  group_by: [queueId]
  metrics: [nOffered, tHandle]
  filter: {type: and, predicates: [{dimension: mediaType, value: voice}]}
window: {start: 2026-01-01, size: P1D, timezone: UTC}
target: {object: Queue_Interval__c, external_id: Key__c}
keep: {queueId: {exists: true}}
fields:
  Key__c: {key: [queueId, mediaType, start]}
  Handle_s__c: {from: tHandle.sum, divide: 1000, round: 1}
  Name__c: {from: queueId, map: {a: b, c: d}, replace: [x, y]}
"""
SUMMARY = """
source: {query: conversations.summary, metrics: ["conversation:count"]}
window: {start: 2026-01-01, size: P1D}
target: {object: Summary__c, external_id: Key__c}
fields: {Key__c: {key: [id, start]}}
"""


def changed(read, before, after):
    one, other = fingerprints(read(before)), fingerprints(read(after))
    return {name for name in ("fields", "source", "keys") if getattr(one, name) != getattr(other, name)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\nkeep:", "\n# a comment\nabout: Queues\nkeep:"),
        ("  granularity: PT1H\n  group_by: [queueId]\n", "  group_by: [queueId]\n  granularity: PT1H\n"),
        ("[nOffered, tHandle]", "[tHandle, nOffered]"),
        (
            "{type: and, predicates: [{dimension: mediaType, value: voice}]}",
            "{predicates: [{value: voice, dimension: mediaType}], type: and}",
        ),
        ("{a: b, c: d}", "{c: d, a: b}"),
        ("Key__c: {key: [queueId, mediaType, start]}\n  Handle_s__c: {from: tHandle.sum, divide: 1000, round: 1}",
         "Handle_s__c: {from: tHandle.sum, divide: 1000, round: 1}\n  Key__c: {key: [queueId, mediaType, start]}"),
        ("size: P1D, ", "size: P2D, lookback: P1D, "),
        ("external_id: Key__c", "external_id: Key__c, job_rows: 10, deliver: bulk"),
    ],
    ids=range(8),
)  # fmt: skip
def test_order_of_keys_comments_and_pace_change_no_fingerprint(read, old, new):
    after = TEXT.replace(old, new)
    assert after != TEXT
    assert changed(read, TEXT, after) == set()


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("divide: 1000, round: 1", "divide: 100, round: 1", {"fields"}),
        ("divide: 1000, round: 1", "round: 1, divide: 1000", {"fields"}),
        ("replace: [x, y]", "replace: [x, z]", {"fields"}),
        ("{a: b, c: d}", "{a: b, c: e}", {"fields"}),
        ("tHandle.sum, divide", "tHandle.max, divide", {"fields"}),
        ("round: 1}", "round: 1, when_missing: leave}", {"fields"}),
        ("exists: true", "exists: false", {"fields"}),
        ("value: voice", "value: chat", {"source"}),
        ("nOffered, ", "", {"source"}),
        ("[queueId, mediaType, start]", "[mediaType, queueId, start]", {"fields", "keys"}),
        ("PT1H", "PT30M", {"source", "keys"}),
        ("timezone: UTC", "timezone: Europe/Berlin", {"keys"}),
        ("Queue_Interval__c", "Other__c", {"keys"}),
        ("Key__c", "Other_Key__c", {"fields", "keys"}),
    ],
)
def test_a_change_of_meaning_shows_where_it_belongs(read, old, new, parts):
    assert changed(read, TEXT, TEXT.replace(old, new)) == parts


def test_the_cell_of_records_without_a_time_is_part_of_their_keys(read):
    assert changed(read, SUMMARY, SUMMARY.replace("size: P1D", "size: P7D")) == {"keys"}


def test_another_page_size_is_another_way_of_reading(read):
    paged = SUMMARY.replace("{query", "{page_size: 50, query")
    assert changed(read, SUMMARY, paged) == {"source"}
    assert changed(read, SUMMARY, paged.replace("50", "100")) == set()
