"""Mappings written in a line or two: each test names only what it is about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.errors import MappingError
from connector.mapping import BadRow, Mapping, Row, compile_mapping, load_mapping

QUEUES = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered, tHandle]}
window: {start: 2026-01-01}
target: {object: Queue_Interval__c, external_id: Key__c}
"""
CALLS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
target: {object: Conversation__c, external_id: Key__c}
"""
SUMMARY = """
source: {query: conversations.summary, group_by: ["conversation:queue"], metrics: ["conversation:duration"]}
window: {start: 2026-01-01}
target: {object: Summary__c, external_id: Key__c}
"""
_KEYS = {
    QUEUES: "[queueId, mediaType, start]",
    CALLS: "[conversationId]",
    SUMMARY: '[start, "conversation:queue"]',
}
QUEUE_RECORD = {"queueId": "q1", "mediaType": "voice", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
CALL_RECORD = {"conversationId": "c1", "conversationStart": "2026-01-01T00:00:00.500Z"}

Read = Callable[[str], Mapping]
Problems = Callable[[str], list[str]]
ValueOf = Callable[..., Any]


def with_fields(head: str, *fields: str) -> str:
    """A whole mapping: the head, the key field its query needs, and the fields given, one line each."""
    return "\n".join([head, "fields:", f"  Key__c: {{key: {_KEYS[head]}}}", *(f"  {field}" for field in fields)])


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str) -> Mapping:
        path = tmp_path / "stream.yml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path)

    return read_text


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Problems:
    """The problems of a text, each without the file's path."""

    def found(text: str) -> list[str]:
        with pytest.raises(MappingError) as caught:
            read(text)
        return [problem.removeprefix(f"{tmp_path / 'stream.yml'}:") for problem in caught.value.problems]

    return found


@pytest.fixture
def row_of(read: Read) -> Callable[[str, dict[str, Any]], Row | BadRow]:
    """The one row a mapping makes of a record."""

    def made(text: str, record: dict[str, Any]) -> Row | BadRow:
        (row,) = compile_mapping(read(text)).map(record)
        return row

    return made


@pytest.fixture
def value_of(row_of: Callable[[str, dict[str, Any]], Row | BadRow]) -> ValueOf:
    """The value one field gets from a record; the code where it is refused, "absent" where the row leaves it out.

    Without `start` in the record it is a conversation, else an hour of a queue.
    """

    def value(field: str, **record: Any) -> Any:
        is_queue = bool(record.keys() & {"nOffered", "tHandle", "queueId"})
        head, base = (QUEUES, QUEUE_RECORD) if is_queue else (CALLS, CALL_RECORD)
        row = row_of(with_fields(head, f"Field__c: {field}"), {**base, **record})
        return row.code if isinstance(row, BadRow) else row.values.get("Field__c", "absent")

    return value
