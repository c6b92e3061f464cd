"""Rejects as a CSV file: what is known of each, and the values of its row."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

FACTS = {
    "stream": "stream",
    "object": "object",
    "key": "external_id",
    "code": "code",
    "message": "message",
    "fields": "fields",
    "time": "at",
    "first_seen": "first_seen",
    "last_seen": "last_seen",
    "tries": "tries",
    "pass": "pass",
}
"""Column of the file -> column of the table."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_rejects(path: Path, rejects: Callable[[], Iterable[Mapping[str, Any]]]) -> int:
    """Write rejects to a file only its owner can read: whole, or not at all. Returns how many.

    path: replaced when it is there; rejects: gives the rows of the table, and is asked twice, for all of them need not
    fit into memory. UTF-8, a header, the facts, then every field some row has. A text a spreadsheet would take for a
    formula gets an apostrophe in front; numbers do not. Raises OSError.
    """
    names = dict.fromkeys(name for one in rejects() for name in _values(one))
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow([*FACTS, *names])
            many = 0
            for one in rejects():
                values = _values(one)
                facts = [one[column] for column in FACTS.values()]
                writer.writerow([_cell(value) for value in [*facts, *(values.get(name) for name in names)]])
                many += 1
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return many


def _values(one: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(one["payload"]) if one["payload"] is not None else {}
    return found


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return value
