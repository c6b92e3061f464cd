"""Rejects as people look at them: in groups of one reason, one by one with all that is known, or as a list of rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nlargest
from typing import Any, NamedTuple

import orjson

from connector.salesforce.hints import hint_for
from connector.salesforce.setup_paths import setup_path
from connector.shapes import Shape, shapes_of
from connector.spans import instant
from connector.state.store import Store

EXAMPLE_KEYS = 5
"""Keys shown of a group of rejects."""

SLICE_REJECTS = 1000

_MAPPING_HINTS = {
    "NO_TIME": "The record has no time: look at `connector preview`; a filter may leave such records out.",
    "NO_KEY": "A part of the key cannot be read: mend the key field, or leave such records out by `skip`.",
    "NO_ELEMENT": "A list of the record holds what is no object: leave such records out by `skip`.",
    "KEY_TOO_LONG": "Salesforce takes 255 characters: make the key of fewer or shorter parts.",
    "KEY_COLLISION": "Two records make the same key: add the dimension that tells them apart to the key field.",
    "MISSING_VALUE": "There is no value, and `when_missing: reject`: give a `default`, or another `when_missing`.",
    **dict.fromkeys(
        """NOT_A_NUMBER NOT_A_WHOLE_NUMBER NUMBER_TOO_LARGE NOT_TEXT NOT_A_BOOLEAN NOT_AN_INSTANT NOT_A_VALUE
        LIST""".split(),
        "The value does not fit the step or the path: mend the field in the mapping.",
    ),
}
_UNKNOWN = "Salesforce refuses the row for a reason of this org's own: its message says which; mend it, then replay."


@dataclass(frozen=True)
class RejectGroup:
    """Open rejects of one stream and object, with the same code and fields, whose values are of the same kind.

    shape: of the values of these fields, which it never shows, "" where they are not known; message: of the latest;
    hint, where: what to do, and where in Salesforce's Setup, "" where nowhere; keys: some of their external ids, the
    latest first.
    """

    stream: str
    object: str
    code: str
    fields: str
    shape: str
    count: int
    first_seen: datetime
    last_seen: datetime
    message: str
    hint: str
    where: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Reject:
    """One reject with all that is known of it.

    key: external id, or `(record ...)` where none could be made; at: the row's time, None without one; values: of its
    row, None where none could be made; action: upsert, clear or delete; run: the one that set it aside last, in pass
    `pass_id`; is_waiting: a row of the key waits or is on its way; closed, closed_by: None and "" while it is open.
    """

    stream: str
    object: str
    key: str
    code: str
    message: str
    fields: str
    at: datetime | None
    action: str
    first_seen: datetime
    last_seen: datetime
    tries: int
    pass_id: int
    run: int | None
    is_waiting: bool
    hint: str
    where: str
    values: Mapping[str, Any] | None
    closed: datetime | None = None
    closed_by: str = ""


def reject_groups(store: Store, stream: str | None, *, with_keys: bool = False) -> tuple[RejectGroup, ...]:
    """Open rejects in groups, the largest first. with_keys: keys may be personal, so only when asked for."""
    groups: dict[tuple[Any, ...], _Group] = {}
    for row in open_rejects(store, stream):
        shapes = shapes_of(_values(row), row["fields"])
        kinds = tuple(shape.kind for shape in shapes.values())
        same = (row["stream"], row["object"], row["code"], row["fields"], kinds)
        groups.setdefault(same, _Group()).add(row, shapes)
    found = [one.told(*same[:4], with_keys=with_keys) for same, one in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.count, one.stream, one.object, one.code, one.fields, one.shape)))


def open_rejects(store: Store, stream: str | None, code: str | None = None) -> Iterator[Any]:
    """Rows of the table, oldest first, read in slices. code: only this one, in whatever case."""
    sql = """SELECT * FROM rejects WHERE closed IS NULL AND id > ? AND (? IS NULL OR stream = ?)
             AND (? IS NULL OR code = ? COLLATE NOCASE) ORDER BY id LIMIT ?"""
    last = 0
    while rows := store.db.rows(sql, [last, stream, stream, code, code, SLICE_REJECTS]):
        yield from rows
        last = rows[-1]["id"]


def codes(store: Store, stream: str | None) -> dict[str, int]:
    """The codes of all open rejects with how many have it, the commonest first."""
    sql = """SELECT code, count(*) AS many FROM rejects WHERE closed IS NULL AND (? IS NULL OR stream = ?)
             GROUP BY code ORDER BY many DESC, code"""
    return {row["code"]: row["many"] for row in store.db.rows(sql, [stream, stream])}


def rejects_of_key(store: Store, key: str, stream: str | None) -> tuple[Reject, ...]:
    """Every reject of an external id, open ones first, then the latest. stream: only of this one."""
    sql = """SELECT r.*, coalesce(p.run_ended, p.run_begun) AS run,
                    EXISTS (SELECT 1 FROM outbox o WHERE o.stream = r.stream AND o.object = r.object
                            AND o.external_id = r.external_id) AS is_waiting
             FROM rejects r LEFT JOIN passes p ON p.id = r.pass
             WHERE r.external_id = ? AND (? IS NULL OR r.stream = ?)
             ORDER BY r.closed IS NOT NULL, r.last_seen DESC, r.id DESC"""
    return tuple(
        Reject(
            stream=row["stream"],
            object=row["object"],
            key=row["external_id"],
            code=row["code"],
            message=row["message"],
            fields=row["fields"],
            at=instant(row["at"]) if row["at"] else None,
            action=row["action"],
            first_seen=instant(row["first_seen"]),
            last_seen=instant(row["last_seen"]),
            tries=row["tries"],
            pass_id=row["pass"],
            run=row["run"],
            is_waiting=bool(row["is_waiting"]),
            hint=mend(row["code"], row["message"]),
            where=where_to_mend(row["code"], row["message"], row["object"], row["fields"]),
            values=_values(row),
            closed=instant(row["closed"]) if row["closed"] else None,
            closed_by=row["closed_by"] or "",
        )
        for row in store.db.rows(sql, [key, stream, stream])
    )


def mend(code: str, message: str) -> str:
    """What to do about a reject, in a sentence."""
    return _MAPPING_HINTS.get(code) or hint_for(code, message) or _UNKNOWN


def where_to_mend(code: str, message: str, object_name: str, fields: str) -> str:
    """Where in Salesforce's Setup; "" where the mapping or the order of streams is to be mended."""
    is_parent = "foreign key external id" in message.lower()
    return "" if is_parent or code in _MAPPING_HINTS else setup_path(code, object_name, fields)


class _Key(NamedTuple):
    seen: str
    id: int
    key: str


@dataclass
class _Group:
    """What a group has come to so far."""

    count: int = 0
    first: str = "9"
    last: str = ""
    message: str = ""
    shapes: dict[str, Shape] = field(default_factory=dict)
    keys: list[_Key] = field(default_factory=list)

    def add(self, row: Any, shapes: Mapping[str, Shape]) -> None:
        self.count += 1
        self.first = min(self.first, row["first_seen"])
        if row["last_seen"] >= self.last:
            self.last, self.message = row["last_seen"], row["message"]
        for name, shape in shapes.items():
            self.shapes[name] = self.shapes[name].joined(shape) if name in self.shapes else shape
        self.keys = nlargest(EXAMPLE_KEYS, [*self.keys, _Key(row["last_seen"], row["id"], row["external_id"])])

    def told(self, stream: str, object_name: str, code: str, fields: str, *, with_keys: bool) -> RejectGroup:
        several = len(self.shapes) > 1
        return RejectGroup(
            stream=stream,
            object=object_name,
            code=code,
            fields=fields,
            shape="; ".join(f"{name}: {shape}" if several else str(shape) for name, shape in self.shapes.items()),
            count=self.count,
            first_seen=instant(self.first),
            last_seen=instant(self.last),
            message=self.message,
            hint=mend(code, self.message),
            where=where_to_mend(code, self.message, object_name, fields),
            keys=tuple(one.key for one in self.keys) if with_keys else (),
        )


def _values(row: Any) -> dict[str, Any] | None:
    return orjson.loads(row["payload"]) if row["payload"] is not None else None
