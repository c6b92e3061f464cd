"""The CSV file of an ingest job: read as strictly as Bulk API 2.0 reads it.

Sources: Bulk API 2.0 guide, "Prepare CSV Files" (UTF-8, quotes, line endings, header), "Relationship Fields".
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connector.sandbox.salesforce.errors import RowError, RowRefused
from connector.sandbox.salesforce.setup import Column, Setup
from connector.sandbox.salesforce.values import NULL_CELL, ParentKey, Row, Value, from_csv

__all__ = ["DELIMITERS", "LINE_ENDINGS", "Columns", "JobRefused", "Line", "read_upload"]

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_HEADER_LIMIT = 32_000
_QUOTED = re.compile(r'"[^"]*"')


class JobRefused(Exception):
    """The whole file is refused: the job ends Failed with this text as its errorMessage."""


@dataclass(frozen=True)
class Line:
    """One row of the file: its cells, and why it cannot be read, if so."""

    cells: Sequence[str]
    error: RowError | None = None


def read_upload(data: bytes, delimiter: str, line_ending: str) -> tuple[list[str], Iterator[Line]]:
    """Read the header now and the rows as they are asked for.

    delimiter, line_ending: names as in a job (`COMMA`, `LF`). Raises JobRefused, also while rows are read, for a
    file that is not UTF-8 or has other line endings than the job states. A byte order mark stays part of the first
    column's name. The texts for bad UTF-8, a long header and an empty file are this simulation's own.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JobRefused("InvalidBatch : Data is not valid UTF-8") from None
    mark = DELIMITERS[delimiter]
    lines = _logical_lines(text, line_ending)
    first = next(lines, None)
    if first is None:
        raise JobRefused("InvalidBatch : The file holds no header row")
    if len(first) > _HEADER_LIMIT:
        raise JobRefused(f"InvalidBatch : The header row is longer than {_HEADER_LIMIT} characters")
    header = _cells(first, mark) or [first]
    return header, (_line(line, mark, len(header)) for line in lines)


def _logical_lines(text: str, line_ending: str) -> Iterator[str]:
    """Lines without their ends; a line end inside quotes belongs to the line. Empty lines are passed over."""
    parts: list[str] = []
    quotes = 0
    physical = text.split("\n")
    last = len(physical) - 1
    for at, part in enumerate(physical):
        parts.append(part)
        quotes += part.count('"')
        # A quote doubled inside a quoted value leaves the parity as it was.
        if quotes % 2 and at < last:
            continue
        line = "\n".join(parts)
        parts.clear()
        quotes = 0
        if line_ending == "CRLF" and at < last:
            if not line.endswith("\r"):
                raise _wrong_line_ending(line_ending)
            line = line[:-1]
        if "\r" in line and "\r" in _QUOTED.sub("", line):
            raise _wrong_line_ending(line_ending)
        if line:
            yield line


def _wrong_line_ending(setting: str) -> JobRefused:
    return JobRefused(f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}")


def _cells(line: str, mark: str) -> list[str] | None:
    """The cells of a line; None when a quote stands where none may, such as next to a blank, or a value is too long."""
    cell = rf'(?:"(?:[^"]|"")*+"|[^"{re.escape(mark)}]*+)'
    if '"' in line and not re.fullmatch(rf"{cell}(?:{re.escape(mark)}{cell})*+", line):
        return None
    try:
        return next(csv.reader([line], delimiter=mark, strict=True))
    except csv.Error:
        return None


def _line(line: str, mark: str, width: int) -> Line:
    """The texts of these two errors are this simulation's own; the guide only says such rows fail."""
    cells = _cells(line, mark)
    if cells is None:
        return Line([line], RowError("INVALID_FIELD", "Failed to parse the row as CSV"))
    if len(cells) != width:
        message = f"Failed to parse the row as CSV, it has {len(cells)} cells where the header has {width}"
        return Line(cells, RowError("INVALID_FIELD", message))
    return Line(cells)


class Columns:
    """The header of a file matched with the fields of an object.

    Raises JobRefused for a column nobody knows or the user may not see, or that stands twice.
    Names match in any case; `echoed` are the places of those written exactly, the only ones result files repeat.
    """

    def __init__(self, setup: Setup, name: str, header: Sequence[str]) -> None:
        self._columns: list[Column] = []
        self.echoed: list[int] = []
        for at, column in enumerate(header):
            found = setup.column(name, column)
            if found is None:
                raise JobRefused(f"InvalidBatch : Field name not found : {column}")
            if found in self._columns:
                raise JobRefused(f"InvalidBatch : Duplicate field name : {column}")
            self._columns.append(found)
            if column == found.name:
                self.echoed.append(at)

    def numbers(self) -> set[int]:
        """Places of the number columns."""
        return {at for at, one in enumerate(self._columns) if one.field.kind == "double" and one.key is None}

    def row(self, cells: Sequence[str]) -> Row | RowError:
        """Values of a row by field name; an empty cell leaves its field out, `#N/A` gives None."""
        row: dict[str, Value] = {}
        try:
            for at, ((field, key, parent), cell) in enumerate(zip(self._columns, cells, strict=True)):
                if cell == "":
                    continue
                if key is not None and cell != NULL_CELL:
                    row[field.name] = ParentKey(parent, key.name, cell)
                else:
                    row[field.name] = from_csv(field, cell, at)
        except RowRefused as refusal:
            return refusal.error
        return row
