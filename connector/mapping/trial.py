"""Examples worked out by the mapping they stand beside, and every difference to what they expect."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from connector.genesys.flatten import flatten_conversations
from connector.mapping.compile import BadRow, Row, Unmappable, compile_mapping
from connector.mapping.examples import ExpectedRow, Names, RecordExample
from connector.mapping.model import Mapping as StreamMapping


@dataclass(frozen=True)
class Difference:
    """Something that came otherwise. row: from 1, 0 for the record as a whole; field: "" for a row as a whole.

    expected, came: as text for people.
    """

    row: int
    object: str
    field: str
    expected: str
    came: str

    def told(self) -> str:
        """One line."""
        where = f"row {self.row}, {self.object}: " if self.row else ""
        field = f"{self.field}: " if self.field else ""
        return f"{where}{field}expected {self.expected}, came {self.came}"


@dataclass(frozen=True)
class Trial:
    """One example worked out. differences: () when all came as expected."""

    example: RecordExample
    differences: tuple[Difference, ...]


def try_examples(mapping: StreamMapping) -> list[Trial]:
    """Work out every example of a mapping. Ids that an example gives no name are unknown; `hash` has no salt."""
    return [Trial(example, tuple(_differences(mapping, example))) for example in mapping.examples]


def _differences(mapping: StreamMapping, example: RecordExample) -> list[Difference]:
    names: Names = example.names or {}

    def find(kind: str, identity: str) -> Mapping[str, Any] | None:
        return names.get(kind, {}).get(identity)

    record = dict(example.record)
    if mapping.query.shape == "details":
        # The facts of a conversation follow from its tree, so an example need not state them.
        (worked_out,) = flatten_conversations([record])
        record = {**worked_out, **record}
    try:
        rows = compile_mapping(mapping, find).map(record)
    except Unmappable as problem:
        if problem.code == example.rejected:
            return []
        return [Difference(0, "", "", _expected(example), f"a reject, {problem.code}: {problem.message}")]
    if example.rejected:
        codes = [row.code for row in rows if isinstance(row, BadRow)]
        return [] if example.rejected in codes else [Difference(0, "", "", _expected(example), _came(rows))]
    if example.is_filtered:
        return [Difference(0, "", "", _expected(example), _came(rows))] if rows else []
    objects = [target.object for target in mapping.targets]
    found: list[Difference] = []
    for number, (expected, row) in enumerate(zip_longest(example.rows, rows), 1):
        found += _row_differences(number, expected, row, objects, is_exact=example.is_exact)
    return found


def _expected(example: RecordExample) -> str:
    if example.rejected:
        return f"a reject, {example.rejected}"
    return _counted(len(example.rows)) if example.rows else "no row: filtered"


def _came(rows: list[Row | BadRow]) -> str:
    codes = [row.code for row in rows if isinstance(row, BadRow)]
    if codes:
        return f"{_counted(len(rows))}, rejected: {', '.join(codes)}"
    return _counted(len(rows)) if rows else "no row: filtered"


def _counted(rows: int) -> str:
    return f"{rows} row{'s' if rows != 1 else ''}"


def _row_differences(
    number: int, expected: ExpectedRow | None, row: Row | BadRow | None, objects: list[str], *, is_exact: bool
) -> list[Difference]:
    if row is None:
        assert expected is not None
        return [Difference(number, expected.object or objects[0], "", "this row", "none")]
    name = objects[row.target]
    if expected is None:
        return [Difference(number, name, "", "no such row", "one")]
    if isinstance(row, BadRow):
        return [Difference(number, name, "", "a row", f"a reject, {row.code}: {row.message}")]
    if expected.object and expected.object != name:
        return [Difference(number, name, "", f"a row of {expected.object}", f"one of {name}")]
    fields = [*expected.values, *(field for field in row.values if is_exact and field not in expected.values)]
    return [
        Difference(number, name, field, _text(expected.values, field), _text(row.values, field))
        for field in fields
        if not _are_equal(expected.values, row.values, field)
    ]


def _are_equal(expected: Mapping[str, Any], came: Mapping[str, Any], field: str) -> bool:
    """Numbers are equal by value (4 and 4.0), everything else as it is; true is no number."""
    if field not in expected or field not in came:
        return False
    left, right = expected[field], came[field]
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _text(values: Mapping[str, Any], field: str) -> str:
    """A value as a mapping would write it."""
    if field not in values:
        return "nothing: it is left as it is"
    match values[field]:
        case None:
            return "nothing: it is cleared"
        case bool() as value:
            return "true" if value else "false"
        case str() as value:
            return repr(value)
        case value:
            return str(value)
