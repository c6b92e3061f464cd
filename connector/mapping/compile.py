"""A mapping compiled once to plain functions: a record in, rows out, nothing looked up per row.

Every function is built here from closures over what the mapping says; records are dicts as flattening yields them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connector.mapping.conditions import compile_conditions
from connector.mapping.contents import Contents, contents_of, kind_of
from connector.mapping.model import Mapping, Target
from connector.mapping.paths import Getter, Record
from connector.mapping.sources import compile_field, compile_key
from connector.mapping.values import LONGEST_KEY, Refusal, salesforce_length, whole_seconds


@dataclass(frozen=True, slots=True)
class Row:
    """One row for Salesforce.

    target: index of the target; at: the record's time, "YYYY-MM-DDThh:mm:ssZ"; values: Salesforce field to value in
    the mapping's order, the external id among them; None clears, an absent field is left as it is;
    element: "" for the one row of a record, else the position of its element.
    """

    target: int
    external_id: str
    at: str
    values: dict[str, str | int | float | bool | None]
    element: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be made: counted as made and as rejected.

    code: such as KEY_TOO_LONG or NOT_A_NUMBER; message: names the field, never holds a value.
    """

    target: int
    external_id: str | None
    at: str
    code: str
    message: str


class Unmappable(Exception):
    """A record without a time or a key: it fails before any row exists. The message never holds a value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


MapRecord = Callable[[Record], list[Row | BadRow]]


@dataclass(frozen=True)
class Compiled:
    """A mapping ready to run.

    map: record to rows, [] for a record no target wants; raises Unmappable; columns: per target the Salesforce fields
    in order; types: per target, field to text, number, integer, boolean, datetime, date, or any where it is not known.
    """

    mapping: Mapping
    map: MapRecord
    columns: tuple[tuple[str, ...], ...]
    types: tuple[dict[str, str], ...]


def compile_mapping(mapping: Mapping) -> Compiled:
    """The mapping as functions. Anything wrong with it was refused when it was loaded."""
    contents = contents_of(mapping.source)
    mappers = [_map_target(index, target, contents, mapping.query.time) for index, target in enumerate(mapping.targets)]

    def map_all(record: Record) -> list[Row | BadRow]:
        return [row for mapper in mappers for row in mapper(record)]

    return Compiled(
        mapping=mapping,
        map=mappers[0] if len(mappers) == 1 else map_all,
        columns=tuple(tuple(rule.name for rule in target.fields) for target in mapping.targets),
        types=tuple({rule.name: kind_of(rule, contents) for rule in target.fields} for target in mapping.targets),
    )


def _map_target(index: int, target: Target, contents: Contents, time_field: str) -> MapRecord:
    is_wanted = compile_conditions(target.keep, target.skip, contents)
    key_field = target.external_id
    key_of = compile_key(target.key, contents)
    # What the query cannot give stays as it is in Salesforce, whatever its default.
    given = [rule for rule in target.fields if all(map(contents.is_given, rule.paths))]
    getters = [(rule.name, compile_field(rule, contents)) for rule in given]
    values_of = _values(getters, frozenset(rule.name for rule in given if rule.when_missing == "leave"))

    def map_record(record: Record) -> list[Row | BadRow]:
        if is_wanted is not None and not is_wanted(record):
            return []
        at = _time(record, time_field)
        try:
            values = values_of(record)
        except Refusal:
            return [_bad_row(index, _key(record, key_field, key_of), at, record, getters)]
        external_id = values[key_field]
        # A character is at most two of those Salesforce counts, so short keys need no exact count.
        if len(external_id) * 2 > LONGEST_KEY and salesforce_length(external_id) > LONGEST_KEY:
            message = f"fields.{key_field}: longer than the {LONGEST_KEY} characters an external id may have"
            return [BadRow(index, external_id, at, "KEY_TOO_LONG", message)]
        return [Row(index, external_id, at, values, "")]

    return map_record


def _values(getters: Sequence[tuple[str, Getter]], left: frozenset[str]) -> Callable[[Record], dict[str, Any]]:
    """A function from a record to the values of its row; fields in `left` are absent when they are missing."""
    if not left:
        return lambda record: {name: get(record) for name, get in getters}

    def values(record: Record) -> dict[str, Any]:
        made = {}
        for name, get in getters:
            value = get(record)
            if value is not None or name not in left:
                made[name] = value
        return made

    return values


def _time(record: Record, field: str) -> str:
    try:
        return whole_seconds(record[field])
    except (KeyError, TypeError, Refusal):
        raise Unmappable("NO_TIME", f"'{field}' is missing or no instant, so the record has no place in time") from None


def _key(record: Record, field: str, key_of: Callable[[Record], str]) -> str:
    try:
        return key_of(record)
    except Refusal as refusal:
        raise Unmappable("NO_KEY", f"fields.{field}: {refusal.message}") from None


def _bad_row(index: int, external_id: str, at: str, record: Record, getters: Sequence[tuple[str, Getter]]) -> BadRow:
    """The row for the first field that refuses its value: looked for again, so that good rows pay nothing for it."""
    for name, get in getters:
        try:
            get(record)
        except Refusal as refusal:
            return BadRow(index, external_id, at, refusal.code, f"fields.{name}: {refusal.message}")
    raise AssertionError("a field refused its value once and took it the second time")
