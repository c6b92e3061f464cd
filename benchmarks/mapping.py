"""What a row costs: microseconds for twelve ordinary fields, and for each source and step by itself.

    .venv/bin/python benchmarks/mapping.py

The best of several tries is printed: it is what the code costs, the rest is what else the machine did.
"""

import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.mapping import Compiled, compile_mapping, load_mapping

QUEUES = """
source:
  query: conversations.aggregates
  granularity: PT1H
  group_by: [queueId]
  metrics: [nOffered, tAnswered, tAbandon, tHandle, oServiceLevel]
window: {start: 2026-01-01}
target: {object: Queue_Interval__c, external_id: Key__c}
fields:
  Key__c: {key: [queueId, mediaType, start]}
"""
CALLS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
target: {object: Conversation__c, external_id: Key__c}
fields:
  Key__c: {key: [conversationId]}
"""
ORDINARY = (
    "Queue_Id__c: queueId",
    "Media_Type__c: mediaType",
    "Interval_Start__c: start",
    "Interval_End__c: end",
    "Offered__c: {from: nOffered.count, default: 0}",
    "Answered__c: {from: tAnswered.count, default: 0}",
    "Abandoned__c: {from: tAbandon.count, default: 0}",
    "Longest_Handle_s__c: {from: tHandle.max, divide: 1000}",
    "Handle_ms__c: tHandle.sum",
    "Average_Handle_s__c: {ratio: [tHandle.sum, tHandle.count], divide: 1000, round: 1}",
    "Service_Level__c: {ratio: [oServiceLevel.numerator, oServiceLevel.denominator], multiply: 100, round: 2}",
)
"""With the key, twelve fields."""

OF_A_QUEUE = (
    "queueId",
    "tHandle.sum",
    "start",
    "{value: x}",
    "{template: '{queueId} {start}'}",
    "{ratio: [tHandle.sum, tHandle.count]}",
    "{sum: [nOffered.count, tHandle.count]}",
    "{jmespath: tHandle.sum}",
    "{from: queueId, map: {q-7: seven}, else: other}",
    "{from: queueId, replace: ['^q-', '']}",
    "{from: tHandle.sum, divide: 1000}",
    "{from: tHandle.sum, divide: 1000, round: 1}",
    "{from: tHandle.count, multiply: 2}",
    "{from: queueId, truncate: 2}",
    "{from: start, date: Europe/Berlin}",
    "{from: queueId, upper: true}",
    "{from: tHandle.count, text: true}",
    "{from: queueId, hash: true}",
    "{from: queueId, lookup: queues.name}",
    "{from: tAbandon.min, default: 0}",
)
OF_A_CONVERSATION = (
    '{first: "participants[purpose=agent].userId"}',
    "{count: participants}",
    "{join: participants.sessions.mediaType}",
    '{sum: "participants.sessions.metrics[name=tTalk].value"}',
    "{metric: tTalk}",
    "{jmespath: \"participants[?purpose=='agent'] | [0].userId\"}",
)

QUEUE = {
    "queueId": "q-7",
    "mediaType": "voice",
    "start": "2026-03-02T09:00:00Z",
    "end": "2026-03-02T10:00:00Z",
    "nOffered": {"count": 12},
    "tAnswered": {"count": 9, "sum": 150_000},
    "tAbandon": {"count": 2, "sum": 41_900},
    "tHandle": {"max": 600_000, "min": 5_000, "count": 10, "sum": 2_405_000},
    "oServiceLevel": {"ratio": 0.75, "numerator": 9, "denominator": 12, "target": 0.8},
}
METRICS = [{"name": name, "value": 1000} for name in ("tAnswered", "tTalk", "tTalkComplete", "tAcw", "tHandle")]
CALL = {
    "conversationId": "c-1",
    "conversationStart": "2026-03-02T09:12:44.120Z",
    "participants": [
        {"purpose": purpose, "userId": "u-1", "sessions": [{"mediaType": "voice", "metrics": METRICS}]}
        for purpose in ("customer", "acd", "agent")
    ],
}


def compiled(text: str) -> Compiled:
    """The mapping written in `text`, with a look-up that always answers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.yml"
        path.write_text(text)
        return compile_mapping(load_mapping(path), lambda kind, identity: {"name": "Support"})


def microseconds(function: Callable[[], Any]) -> float:
    """What one call costs at best."""
    return min(timeit.repeat(function, number=10_000, repeat=9)) / 10_000 * 1e6


def row_costs(head: str, record: dict[str, Any], fields: tuple[str, ...]) -> float:
    """A row of these fields, the key among them."""
    one = compiled(head + "".join(f"  {field}\n" for field in fields))
    return microseconds(lambda: one.map(record))


def main() -> None:
    print(f"{row_costs(QUEUES, QUEUE, ORDINARY):6.2f} us  a row of twelve ordinary fields")
    for head, record, fields in ((QUEUES, QUEUE, OF_A_QUEUE), (CALLS, CALL, OF_A_CONVERSATION)):
        bare = row_costs(head, record, ())
        print(f"{bare:6.2f} us  a row of the key alone")
        for field in fields:
            more = row_costs(head, record, (f"Field__c: {field}",)) - bare
            print(f"{max(more, 0):6.2f} us  {field}")


if __name__ == "__main__":
    main()
