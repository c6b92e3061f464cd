"""Mappings written in a line or two: each test names only what it is about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mapping_texts import CALL_RECORD, CALLS, QUEUE_RECORD, QUEUES, SCHEMA, with_fields

from connector.errors import MappingError
from connector.mapping import BadRow, Mapping, Row, compile_mapping, load_mapping
from connector.mapping.document import read_document

Read = Callable[[str], Mapping]
Problems = Callable[[str], list[str]]
ValueOf = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Loads a text; whatever the loader takes the schema must take, so every mapping of these tests is held to it."""

    def read_text(text: str) -> Mapping:
        path = tmp_path / "stream.yml"
        path.write_text(text, encoding="utf-8")
        mapping = load_mapping(path)
        assert [error.message for error in SCHEMA.iter_errors(read_document(path).data)] == []
        return mapping

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
