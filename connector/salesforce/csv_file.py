"""The file an ingest job uploads: the same rows give the same bytes, on every machine.

Rules: Bulk API 2.0 guide, prepare CSV files. Line ends are LF (the job says so), UTF-8 without a byte order mark;
an empty cell leaves the field as it is, `#N/A` clears it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, BinaryIO

CLEAR = "#N/A"
"""The cell that clears a field."""

_LONGEST_HEADER = 32_000
_PIECE_BYTES = 1 << 18
_TO_QUOTE = re.compile(r'[",\r\n]|^\s|\s$')
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: data rows (without the header), bytes in all, and their SHA-256 in hexadecimal."""

    rows: int
    bytes: int
    sha256: str


def write_csv(
    file: BinaryIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, limit_bytes: int
) -> Written:
    """Write a header and as many of `rows` as stay within `limit_bytes`; the caller takes only that many.

    columns: API names in the order to write. rows: field -> text, int, float, Decimal, bool or None; None and empty
    text clear the field (Salesforce stores an empty text as null), an absent field is left alone.
    Raises ValueError for a value that cannot be written exactly (nan, infinity, another type, the text `#N/A`), a
    field that is no column, a doubled column, a header over 32,000 characters, or a first row over the limit.
    """
    if len(set(columns)) != len(columns):
        raise ValueError("a column stands twice in the CSV header")
    header = ",".join(map(_text, columns))
    if len(header) > _LONGEST_HEADER:
        raise ValueError(f"the CSV header has {len(header)} characters; Salesforce takes {_LONGEST_HEADER}")
    digest = hashlib.sha256()
    piece = bytearray(header.encode("utf-8") + b"\n")
    flushed = count = 0
    for row in rows:
        line = _line(columns, row)
        if flushed + len(piece) + len(line) > limit_bytes:
            if not count:
                raise ValueError(f"a row of {len(line)} bytes does not fit into a file of {limit_bytes} bytes")
            break
        piece += line
        count += 1
        if len(piece) >= _PIECE_BYTES:
            file.write(piece)
            digest.update(piece)
            flushed += len(piece)
            piece.clear()
    file.write(piece)
    digest.update(piece)
    return Written(count, flushed + len(piece), digest.hexdigest())


def _line(columns: Sequence[str], row: Mapping[str, Any]) -> bytes:
    cells = []
    absent = 0
    for column in columns:
        value = row.get(column, _ABSENT)
        if value is _ABSENT:
            absent += 1
            cells.append("")
            continue
        try:
            cells.append(_CELLS[type(value)](value))
        except KeyError:
            raise ValueError(f"{column}: a {type(value).__name__} cannot be written to Salesforce") from None
        except ValueError as problem:
            raise ValueError(f"{column}: {problem}") from None
    if len(row) != len(columns) - absent:
        raise ValueError(f"no column for {', '.join(sorted(set(row) - set(columns)))}")
    try:
        return (",".join(cells) + "\n").encode("utf-8")
    except UnicodeEncodeError:
        # The codec's own message quotes the text.
        raise ValueError("a text holds half a surrogate pair, which is no character") from None


def _text(value: str) -> str:
    if value == CLEAR:
        raise ValueError("the text #N/A would clear the field")
    if not value:
        return CLEAR
    if _TO_QUOTE.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value


def _float(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is no number Salesforce can hold")
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no number Salesforce can hold")
    return format(value, "f")


_CELLS: dict[type, Callable[[Any], str]] = {
    str: _text,
    int: str,
    float: _float,
    Decimal: _decimal,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: CLEAR,
}
