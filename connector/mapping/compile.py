"""A mapping compiled once to plain functions: a record in, rows out, nothing looked up per row but names.

Every function is built here from what the mapping says; records are dicts as flattening yields them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from connector.mapping.conditions import compile_conditions
from connector.mapping.contents import Contents, contents_of, needs_job
from connector.mapping.elements import compile_each
from connector.mapping.kinds import kind_of
from connector.mapping.model import Mapping as StreamMapping
from connector.mapping.model import Target
from connector.mapping.paths import Getter, Record, one, parse_path
from connector.mapping.rowcode import Values, compile_values
from connector.mapping.rules import FieldRule
from connector.mapping.steps import Find, Maker, change_maker
from connector.mapping.values import LONGEST_KEY, Refusal, salesforce_length, whole_seconds
from connector.mapping.via import job_fields, job_query, needs_attributes
from connector.windows import Path

COLLISION = "KEY_COLLISION"
"""Code of a row whose external id another row of the same pass has already."""


class Row(NamedTuple):
    """One row for Salesforce.

    target: index of the target; at: the record's time, "YYYY-MM-DDThh:mm:ssZ"; values: Salesforce field to value in
    the mapping's order, the external id among them; None clears, an absent field is left as it is.
    """

    target: int
    external_id: str
    at: str
    values: dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be made: counted as made and as rejected.

    code: such as KEY_TOO_LONG or NOT_A_NUMBER; message: names the field, never holds a value; field: its name.
    """

    target: int
    external_id: str | None
    at: str
    code: str
    message: str
    field: str = field(default="", compare=False)


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

    map: record to rows, [] for a record no target wants; raises Unmappable; map_by_query: the same for a record that
    was read by query where it may also be read by job: it leaves `job_fields` of each target alone; columns: per target
    the Salesforce fields in order; types: per target, field to text, number, integer, boolean, datetime, date, or any
    where it is not known.
    """

    mapping: StreamMapping
    map: MapRecord
    columns: tuple[tuple[str, ...], ...]
    types: tuple[dict[str, str], ...]
    map_by_query: MapRecord
    job_fields: tuple[frozenset[str], ...]


def nothing_to_ask(kind: str, identity: str) -> Mapping[str, Any] | None:
    """The look-up of a mapping that was compiled without one: nobody may take silence for an answer."""
    raise LookupError(f"{kind} cannot be looked up here")


def compile_mapping(mapping: StreamMapping, find: Find = nothing_to_ask, salt: str = "") -> Compiled:
    """The mapping as functions. Anything wrong with it was refused when it was loaded.

    find: see `connector.mapping.steps.Find`; salt: of the step `hash`.
    """
    contents = contents_of(mapping.source)
    make = change_maker(find, salt)

    def mappers_for(path: Path) -> list[_TargetMapper]:
        return [
            _TargetMapper(index, target, contents, mapping.query.time, make, path)
            for index, target in enumerate(mapping.targets)
        ]

    is_by_query = job_query(mapping.source) is None
    mappers = mappers_for("query" if is_by_query else "job")
    # Where attributes decide which rows there are, nothing is read by query.
    of_job = tuple(job_fields(mapping.source, target) for target in mapping.targets)
    has_two = any(of_job) and not any(map(needs_attributes, mapping.targets))
    return Compiled(
        mapping=mapping,
        map=_all_of(mappers),
        map_by_query=_all_of(mappers_for("query") if has_two else mappers),
        job_fields=of_job,
        columns=tuple(tuple(rule.name for rule in target.fields) for target in mapping.targets),
        types=tuple(mapper.types for mapper in mappers),
    )


def _all_of(mappers: "Sequence[_TargetMapper]") -> MapRecord:
    """Every target's rows of a record. It is unmappable when it fails before any row exists."""
    if len(mappers) == 1:
        return mappers[0].map

    def map_all(record: Record) -> list[Row | BadRow]:
        rows: list[Row | BadRow] = []
        for mapper in mappers:
            try:
                rows += mapper.map(record)
            except Unmappable as problem:
                if not rows:
                    raise
                rows.append(BadRow(mapper.index, None, rows[0].at, problem.code, problem.message))
        return rows

    return map_all


class _TargetMapper:
    """Makes the rows of one target."""

    def __init__(
        self,
        index: int,
        target: Target,
        contents: Contents,
        time_field: str,
        make: Maker,
        path: Path,
    ) -> None:
        self.index = index
        contents = contents.below(target.each) if target.each else contents
        self.types: dict[str, str] = {rule.name: kind_of(rule, contents) for rule in target.fields}
        # What the query cannot give stays as it is in Salesforce, whatever its default.
        is_left = contents.shape == "details" and path == "query"
        self._rules = [rule for rule in target.fields if not (is_left and needs_job(rule))]
        self._key = target.external_id
        self._contents = contents
        self._time_field = time_field
        self._time_of = one(parse_path(time_field))
        self._make = make
        self._is_wanted = compile_conditions(target.keep, target.skip, contents)
        self._values = compile_values(self._rules, contents, make)
        self._elements = compile_each(target.each) if target.each else None
        self.map: MapRecord = self._map_elements if target.each else self._map_record

    def _map_record(self, record: Record) -> list[Row | BadRow]:
        if self._is_wanted is not None and not self._is_wanted(record):
            return []
        return [self._row(record, _time(record, self._time_field, self._time_of))]

    def _map_elements(self, record: Record) -> list[Row | BadRow]:
        assert self._elements is not None
        at = _time(record, self._time_field, self._time_of)
        rows: list[Row | BadRow] = []
        met: set[str | None] = set()
        for element in self._elements(record):
            if element.__class__ is not dict:
                rows.append(BadRow(self.index, None, at, "NO_ELEMENT", "each: an element is a value without names"))
                continue
            if self._is_wanted is not None and not self._is_wanted(element):
                continue
            try:
                row = self._row(element, at)
            except Unmappable as problem:
                row = BadRow(self.index, None, at, problem.code, problem.message)
            if row.external_id is not None and row.external_id in met:
                message = f"fields.{self._key}: another element of the same record has this key"
                row = BadRow(self.index, None, at, COLLISION, message)
            met.add(row.external_id)
            rows.append(row)
        return rows

    def _row(self, record: Record, at: str) -> Row | BadRow:
        try:
            values = self._values(record)
        except Refusal:
            return self._bad_row(record, at)
        external_id = values[self._key]
        # A character is at most two of those Salesforce counts, so short keys need no exact count.
        if len(external_id) * 2 > LONGEST_KEY and salesforce_length(external_id) > LONGEST_KEY:
            message = f"fields.{self._key}: longer than the {LONGEST_KEY} characters an external id may have"
            return BadRow(self.index, external_id, at, "KEY_TOO_LONG", message, self._key)
        return Row(self.index, external_id, at, values)

    @cached_property
    def _one_by_one(self) -> list[tuple[FieldRule, Values]]:
        """Each field by a function of its own, the key first: good rows pay nothing for knowing which one refuses."""
        rules = sorted(self._rules, key=lambda rule: rule.name != self._key)
        return [(rule, compile_values([rule], self._contents, self._make)) for rule in rules]

    def _bad_row(self, record: Record, at: str) -> BadRow:
        external_id = None
        for rule, values_of in self._one_by_one:
            try:
                values = values_of(record)
            except Refusal as refusal:
                message = f"fields.{rule.name}: {refusal.message}"
                if rule.name == self._key:
                    raise Unmappable("NO_KEY", message) from None
                return BadRow(self.index, external_id, at, refusal.code, message, rule.name)
            if rule.name == self._key:
                external_id = values[self._key]
        raise AssertionError("a field refused its value once and took it the second time")


def _time(record: Record, field: str, time_of: Getter) -> str:
    try:
        return whole_seconds(time_of(record))
    except (AttributeError, TypeError, Refusal):
        raise Unmappable("NO_TIME", f"'{field}' is missing or no instant, so the record has no place in time") from None
