"""What a value looks like, told without the value: `text of 300 characters`, `number of 5 digits, 3 decimals`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

_TIME = re.compile(r"(\d{4})-\d\d-\d\d(T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
MOST_FIELDS = 3
"""Fields of one error that are told of."""


@dataclass(frozen=True)
class Shape:
    """The kind of a value with the range of its size over all values of the group.

    kind: as in `_WORDS`; size, decimals: (least, most) characters, digits before and after the point, or the year.
    """

    kind: str
    size: tuple[int, int] = (0, 0)
    decimals: tuple[int, int] = (0, 0)

    def joined(self, other: "Shape") -> "Shape":
        """One shape for both; of the same kind."""
        return Shape(self.kind, _span(self.size, other.size), _span(self.decimals, other.decimals))

    def __str__(self) -> str:
        match self.kind:
            case "text":
                return f"text of {_counted(self.size, 'character')}"
            case "number":
                more = f", {_counted(self.decimals, 'decimal')}" if self.decimals[1] else ""
                return f"number of {_counted(self.size, 'digit')}{more}"
            case "date" | "time":
                return f"{self.kind} of {_range(self.size)}"
            case kind:
                return kind


def shape_of(value: Any) -> Shape:
    """The shape of a JSON value of a row."""
    match value:
        case None | "":
            return Shape("empty")
        case bool():
            return Shape("true or false")
        case int() | float():
            whole, _, decimals = format(Decimal(repr(abs(value))), "f").partition(".")
            decimals = decimals.rstrip("0")
            return Shape("number", (len(whole), len(whole)), (len(decimals), len(decimals)))
        case str() if (found := _TIME.fullmatch(value)) and _is_date(value):
            year = int(found[1])
            return Shape("time" if found[2] else "date", (year, year))
        case str():
            return Shape("text", (len(value), len(value)))
        case _:
            return Shape("list or object")


def shapes_of(row: Mapping[str, Any] | None, fields: str) -> dict[str, Shape]:
    """The shape of each field an error names, as far as the row has it, by field.

    row: None where none could be made; fields: as a reject keeps them, `Note__c, Size__c`; for a missing parent object
    and field it was looked for by, `Account.Key__c`, which the row has as `<relationship>.Key__c`.
    """
    found: dict[str, Shape] = {}
    if row is None:
        return found
    for name in [one.strip() for one in fields.split(",") if one.strip()][:MOST_FIELDS]:
        column = name if name in row else _column(row, name)
        found[name] = shape_of(row[column]) if column else Shape("not in the row")
    return found


def _column(row: Mapping[str, Any], name: str) -> str | None:
    _, dot, field = name.rpartition(".")
    ends = f".{field}".lower()
    matching = [one for one in row if one.lower().endswith(ends) or (not dot and one.lower() == name.lower())]
    return matching[0] if len(matching) == 1 else None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _span(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return min(one[0], other[0]), max(one[1], other[1])


def _range(sizes: tuple[int, int]) -> str:
    least, most = sizes
    return str(least) if least == most else f"{least} to {most}"


def _counted(sizes: tuple[int, int], unit: str) -> str:
    return f"{_range(sizes)} {unit}" if sizes == (1, 1) else f"{_range(sizes)} {unit}s"
