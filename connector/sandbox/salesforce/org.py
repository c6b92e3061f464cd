"""The records of the simulated organisation: one SQLite table per object, written as Salesforce writes.

People may open the file with any SQLite tool. Column `_Writes` counts how often a record was written.
"""

import sqlite3
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.objects import Field, SObject
from connector.sandbox.salesforce.errors import RowError, RowRefused
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.values import ParentKey, Row, check, stamp

__all__ = ["Org", "Outcome", "record_id"]

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SUFFIX = string.ascii_uppercase + "012345"
_SQL_TYPES = {"double": "REAL", "int": "INTEGER", "boolean": "INTEGER"}
_ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


def record_id(prefix: str, number: int) -> str:
    """An 18-character record id: key prefix, pod, running number in base 62, and three letters telling upper case."""
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    short = f"{prefix}ak{text.rjust(10, '0')}"
    parts = (short[at : at + 5] for at in (0, 5, 10))
    return short + "".join(
        _SUFFIX[sum(1 << at for at, letter in enumerate(part) if letter.isupper())] for part in parts
    )


@dataclass(frozen=True)
class Outcome:
    """What became of one row: the record id and whether it was created, or the error."""

    id: str | None = None
    created: bool = False
    error: RowError | None = None


class Org:
    """Records on one SQLite connection, which the caller shares and locks. most_records: so many have room."""

    def __init__(self, db: sqlite3.Connection, setup: Setup, clock: Clock, *, most_records: int = 1 << 40) -> None:
        self._db, self._setup, self._clock = db, setup, clock
        self._most_records = most_records
        self._numbers: dict[str, int] = {}
        for each in setup.objects.values():
            self._create_table(each)

    def prepare(self, name: str) -> None:
        """Make room for the records of an object, after it or one of its fields was made."""
        self._create_table(self._setup.objects[name])

    def _create_table(self, made: SObject) -> None:
        columns = [f'"{each.name}" {_SQL_TYPES.get(each.kind, "TEXT")}' for each in made.all_fields()[1:]]
        self._db.execute(
            f'CREATE TABLE IF NOT EXISTS "{made.name}" (number INTEGER PRIMARY KEY, Id TEXT UNIQUE, '
            f"{', '.join(columns)}, _Writes INTEGER NOT NULL DEFAULT 0)"
        )
        there = {row[1] for row in self._db.execute(f'PRAGMA table_info("{made.name}")')}
        for each, column in zip(made.all_fields()[1:], columns, strict=True):
            if each.name not in there:
                self._db.execute(f'ALTER TABLE "{made.name}" ADD COLUMN {column}')
            if each.is_key:
                unique = "UNIQUE" if each.unique else ""
                self._db.execute(
                    f'CREATE {unique} INDEX IF NOT EXISTS "{made.name}.{each.name}" '
                    f'ON "{made.name}" ("{each.name}" {_collation(each)})'
                )
        (last,) = self._db.execute(f'SELECT COALESCE(MAX(number), 0) FROM "{made.name}"').fetchone()  # noqa: S608
        self._numbers[made.name] = last

    @property
    def stored(self) -> int:
        """Records there are, of all objects."""
        return sum(self.count(name) for name in self._setup.objects)

    def _is_full(self) -> bool:
        # Numbers are given once, so they only tell when it is worth counting.
        may_be = sum(self._numbers.values()) >= self._most_records
        return self._setup.storage_full or (may_be and self.stored >= self._most_records)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is saved together, or, when an exception passes, not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def write(
        self,
        name: str,
        operation: str,
        key: str,
        rows: Sequence[Row | RowError],
        *,
        all_or_none: bool = False,
    ) -> list[Outcome]:
        """Save one chunk of at most 200 rows inside the caller's transaction; one Outcome per row, in order.

        operation: insert, upsert, update or delete. key: the field an upsert matches by (`Id` or a key field).
        A RowError among the rows is a row that could not be read.
        Sources: Bulk API 2.0 guide (chunks of 200 records), SOAP API guide "upsert()".
        """
        self._db.execute("SAVEPOINT chunk")
        fields = self._setup.fields(name)
        match_by = {"insert": None, "upsert": fields.get(key)}.get(operation, fields["Id"])
        doubled = _doubled(match_by, rows)
        outcomes: list[Outcome] = []
        for row in rows:
            if isinstance(row, RowError):
                outcomes.append(Outcome(error=row))
                continue
            try:
                outcomes.append(self._write_row(name, operation, fields, match_by, row, doubled))
            except RowRefused as refusal:
                outcomes.append(Outcome(error=refusal.error))
        if all_or_none and any(each.error for each in outcomes):
            self._db.execute("ROLLBACK TO chunk")
            outcomes = [each if each.error else Outcome(error=_ROLLED_BACK) for each in outcomes]
        self._db.execute("RELEASE chunk")
        return outcomes

    def _write_row(
        self,
        name: str,
        operation: str,
        fields: Mapping[str, Field],
        match_by: Field | None,
        row: Row,
        doubled: set[Any],
    ) -> Outcome:
        existing = None
        if match_by is not None:
            existing = self._match(name, operation, match_by, row.get(match_by.name), doubled)
        if operation == "delete":
            self._db.execute(f'DELETE FROM "{name}" WHERE Id = ?', [existing])  # noqa: S608
            return Outcome(existing)
        creating = existing is None
        values = {
            field: self._resolve(fields[field], value)
            for field, value in row.items()
            if not (field == "Id" and match_by is fields["Id"])
        }
        self._refuse_fields(fields, values, creating=creating)
        if creating and self._is_full():
            raise RowRefused("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
        before = self.record(name, existing) if existing else self._defaults(name)
        after = {**before, **values}
        keys = [after[each.name] for each in fields.values() if each.external_id]
        self._setup.refuse_locked(name, keys, existing)
        self._setup.refuse_invalid(name, after)
        for each in fields.values():
            if each.unique and values.get(each.name) is not None:
                self._refuse_taken(name, each, values[each.name], existing)
        return Outcome(self._save(name, existing, values if existing else after), creating)

    def _match(self, name: str, operation: str, by: Field, key: Any, doubled: set[Any]) -> str | None:
        if key is None or key == "":
            if by.name == "Id" and operation == "upsert":
                return None
            called = "Id not specified in an update call" if by.name == "Id" else f"{by.name} not specified"
            raise RowRefused("MISSING_ARGUMENT", called)
        if _fold(by, key) in doubled:
            what = "id" if by.name == "Id" else "external id"
            raise RowRefused("DUPLICATE_VALUE", f"Duplicate {what} specified: {key}", by.name)
        found = self._find(name, by, key)
        if len(found) > 1:
            message = f"{by.name}: more than one record found for external id field: [{', '.join(found)}]"
            raise RowRefused("DUPLICATE_EXTERNAL_ID", message, by.name)
        if not found and operation == "delete":
            raise RowRefused("ENTITY_IS_DELETED", "entity is deleted")
        if not found and by.name == "Id":
            raise RowRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return found[0] if found else None

    def _find(self, name: str, by: Field, key: Any) -> list[str]:
        sql = f'SELECT Id FROM "{name}" WHERE "{by.name}" = ? {_collation(by)}'  # noqa: S608
        return [row[0] for row in self._db.execute(sql, [key])]

    def _resolve(self, field: Field, value: Any) -> Any:
        if isinstance(value, ParentKey):
            key = self._setup.fields(value.parent)[value.field]
            found = self._find(value.parent, key, value.value)
            if len(found) != 1:
                message = (
                    f"Foreign key external ID: {value.value} not found for field {value.field} in entity {value.parent}"
                )
                raise RowRefused("INVALID_FIELD", message)
            return found[0]
        stored = check(field, value)
        known = [one for one in field.points_to if one in self._setup.objects]
        if field.points_to and stored is not None and not any(self._find(one, _ID, stored) for one in known):
            raise RowRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", field.name)
        return stored

    def _refuse_fields(self, fields: Mapping[str, Field], values: Mapping[str, Any], *, creating: bool) -> None:
        locked = [
            field for field in values if not fields[field].writable or (fields[field].create_only and not creating)
        ]
        if locked:
            message = (
                f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this "
                "field and verify that it is read/write for your profile or permission set."
            )
            raise RowRefused("INVALID_FIELD_FOR_INSERT_UPDATE", message, *locked)
        missing = [
            each.name
            for each in fields.values()
            if each.required and values.get(each.name, None if creating else "") is None
        ]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise RowRefused("REQUIRED_FIELD_MISSING", message, *missing)

    def _refuse_taken(self, name: str, field: Field, value: Any, existing: str | None) -> None:
        others = [found for found in self._find(name, field, value) if found != existing]
        if others:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {others[0][:15]}"
            raise RowRefused("DUPLICATE_VALUE", message)

    def _defaults(self, name: str) -> dict[str, Any]:
        own = self._setup.objects[name].fields
        return {each.name: False if each.kind == "boolean" else each.default for each in own}

    def _save(self, name: str, existing: str | None, values: Mapping[str, Any]) -> str:
        now = stamp(self._clock.now())
        if existing:
            changed = {**values, "LastModifiedDate": now, "SystemModstamp": now}
            sets = ", ".join(f'"{field}" = ?' for field in changed)
            sql = f'UPDATE "{name}" SET {sets}, _Writes = _Writes + 1 WHERE Id = ?'  # noqa: S608
            self._db.execute(sql, [*changed.values(), existing])
            return existing
        made = self._setup.objects[name]
        number = self._numbers[name] = self._numbers[name] + 1
        new = record_id(made.key_prefix, number)
        given = {**values, "number": number, "Id": new, "_Writes": 1}
        if made.is_custom:
            given["Name"] = f"{made.label[0].upper()}-{number:06}"
        given |= {each.name: f"{number:08}" for each in made.fields if each.numbered}
        given |= dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), now)
        columns = ", ".join(f'"{field}"' for field in given)
        sql = f'INSERT INTO "{name}" ({columns}) VALUES ({", ".join("?" * len(given))})'  # noqa: S608
        self._db.execute(sql, list(given.values()))
        return new

    def record(self, name: str, found: str) -> dict[str, Any]:
        """One record by its Id, JSON values by field name. Raises KeyError."""
        for each in self.select(name, "WHERE Id = ?", [found]):
            return each
        raise KeyError(found)

    def select(
        self, name: str, clauses: str = "ORDER BY number", values: Sequence[Any] = ()
    ) -> Iterator[dict[str, Any]]:
        """Yield whole records as JSON values by field name. `clauses`: SQL after the table name."""
        fields = self._setup.objects[name].all_fields()
        columns = ", ".join(f'"{each.name}"' for each in fields)
        for row in self._db.execute(f'SELECT {columns} FROM "{name}" {clauses}', values):  # noqa: S608
            yield {
                each.name: bool(value) if each.kind == "boolean" else value
                for each, value in zip(fields, row, strict=True)
            }

    def ids(self, name: str, clauses: str, values: Sequence[Any]) -> list[str]:
        """The Ids of the records `clauses` (SQL after the table name) select."""
        return [row[0] for row in self._db.execute(f'SELECT Id FROM "{name}" {clauses}', values)]  # noqa: S608

    def count(self, name: str, clauses: str = "", values: Sequence[Any] = ()) -> int:
        """How many records `clauses` (SQL after the table name) select."""
        (count,) = self._db.execute(f'SELECT COUNT(*) FROM "{name}" {clauses}', values).fetchone()  # noqa: S608
        return int(count)

    def writes(self, name: str, field: str) -> dict[str, int]:
        """How often each record was written, by the value of `field`."""
        return dict(self._db.execute(f'SELECT COALESCE("{field}", Id), _Writes FROM "{name}"').fetchall())  # noqa: S608


_ID = Field("Id", "Id", "id", unique=True, case_sensitive=True)


def _collation(field: Field) -> str:
    # Upserts ignore case unless the field is marked case sensitive; ids and dates are exact anyway.
    return "" if field.case_sensitive or field.kind == "id" else "COLLATE NOCASE"


def _fold(field: Field, key: Any) -> Any:
    return key if _collation(field) == "" or not isinstance(key, str) else key.lower()


def _doubled(match_by: Field | None, rows: Sequence[Row | RowError]) -> set[Any]:
    """Keys that stand more than once in the chunk: every such row fails."""
    if match_by is None:
        return set()
    given = (row.get(match_by.name) for row in rows if not isinstance(row, RowError))
    counts = Counter(_fold(match_by, key) for key in given if key is not None)
    return {key for key, count in counts.items() if count > 1}
