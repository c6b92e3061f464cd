"""Snapshots of queues: what may be asked, what a record holds, what makes it itself."""

import pytest

from connector.mapping import Row, compile_mapping

OBSERVED = """
source: {query: queues.observations, granularity: PT1H, metrics: [oWaiting, oOnQueueUsers]}
window: {start: 2026-01-01}
target: {object: Queue_Snapshot__c, external_id: Key__c}
fields:
  Key__c: {key: [queueId, mediaType, start]}
"""
RECORD = {
    "queueId": "q1",
    "start": "2026-01-01T00:00:00Z",
    "end": "2026-01-01T01:00:00Z",
    "taken": "2026-01-01T00:00:03Z",
    "oWaiting": {"count": 0},
    "oOnQueueUsers": {"count": 3, "IDLE": {"count": 2}, "Not Here": {"count": 1}},
    "truncated": ["oWaiting"],
}


def with_fields(*lines: str) -> str:
    return OBSERVED + "".join(f"  {line}\n" for line in lines)


def test_statistics_of_the_whole_and_of_each_status_reach_their_fields(read):
    mapping = read(
        with_fields(
            "Taken__c: taken",
            "Waiting__c: oWaiting.count",
            "Agents__c: oOnQueueUsers.count",
            "Idle__c: oOnQueueUsers.IDLE.count",
            "Away__c: 'oOnQueueUsers.\"Not Here\".count'",
            "Busy__c: oOnQueueUsers.INTERACTING.count",
            "Doubt__c: {join: truncated, with: ';'}",
        )
    )
    key, at = "q1|-|2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
    assert mapping.warnings == ()
    assert compile_mapping(mapping).map(RECORD) == [
        Row(
            0,
            key,
            at,
            {
                "Key__c": key,
                "Taken__c": "2026-01-01T00:00:03Z",
                "Waiting__c": 0,
                "Agents__c": 3,
                "Idle__c": 2,
                "Away__c": 1,
                "Busy__c": None,
                "Doubt__c": "oWaiting",
            },
        )
    ]


@pytest.mark.parametrize("key", ["lookback: PT1H", "recheck: [P1D]", "settle: PT5M", "size: P1D"])
def test_rules_about_reading_again_or_later_are_refused(problems, key):
    (found,) = problems(OBSERVED.replace("start: 2026-01-01", f"start: 2026-01-01, {key}"))
    name = key.partition(":")[0]
    text = f"'{name}' is not for queues.observations: it answers what is now, and no time can be read again"
    assert found.split(": ", 1)[1] == f"window.{name}: {text}"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("metrics: [oWaiting]", "source: 'granularity' is missing; queues.observations needs it"),
        ("granularity: PT1H", "source: 'metrics' is missing; queues.observations needs it"),
        ("granularity: PT30S, metrics: [oWaiting]",
         "source.granularity: must be a minute or longer: a snapshot is taken once in it"),
        ("granularity: PT7M, metrics: [oWaiting]",
         "source.granularity: a day must hold a whole number of it, such as PT15M, PT1H or PT6H"),
        ("granularity: PT1H, metrics: [oWaitin]",
         "source.metrics[0]: unknown metric 'oWaitin'; did you mean 'oWaiting'?"),
        ("granularity: PT1H, metrics: [oWaiting], group_by: [queueId]",
         "source.group_by: 'group_by' is not for queues.observations"),
        ("granularity: PT1H, metrics: [oWaiting], page_size: 5",
         "source.page_size: 'page_size' is not for queues.observations"),
        ("granularity: PT1H, metrics: [oWaiting], via: job", "source.via: 'via' is not for queues.observations"),
        ("granularity: PT1H, metrics: [oWaiting], filter: {type: and, predicates: ["
         + ", ".join("{dimension: queueId, value: q}" for _ in range(101)) + "]}",
         "source.filter: names 101 times queueId, and one call takes at most 100; only one plain list can be asked in "
         "several calls: {type: or, predicates: [{dimension: queueId, value: ...}, ...]}"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_told(problems, source, problem):
    text = OBSERVED.replace("granularity: PT1H, metrics: [oWaiting, oOnQueueUsers]", source)
    assert [found.split(": ", 1)[1] for found in problems(text)] == [problem]


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("X__c: oWaiting", "'oWaiting' holds statistics; name one: oWaiting.count"),
        ("X__c: oOnQueueUsers.IDLE", "'oOnQueueUsers.IDLE' holds statistics; name one: oOnQueueUsers.IDLE.count"),
        ("X__c: oOnQueueUsers.cuont", "unknown statistic 'cuont' of oOnQueueUsers; did you mean 'count'?"),
        ("X__c: oAlerting.count", "metric 'oAlerting' is not asked for; add it to source.metrics"),
        ("X__c: userId",
         "unknown name 'userId'; the records hold start, end, queueId, mediaType, taken, truncated, oWaiting, "
         "oOnQueueUsers"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_told(problems, field, problem):
    assert any(one.endswith(problem) for one in problems(with_fields(field)))


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("[queueId, start]", "must also hold mediaType: without it two records become one"),
        ("[queueId, mediaType, start, taken]",
         "'taken' may change from one read to the next, and the record would stand twice in Salesforce; take it out"),
    ],
)  # fmt: skip
def test_the_key_holds_queue_media_type_and_start_and_not_the_moment(problems, key, problem):
    (found,) = problems(OBSERVED.replace("[queueId, mediaType, start]", key))
    assert found.endswith(problem)


def test_any_freshness_can_be_reached_for_it_is_complete_to_the_end_of_the_interval(read):
    assert read(OBSERVED.replace("granularity: PT1H", "granularity: P1D") + "freshness: PT1H\n").freshness
