"""Values of the report as tables and words for people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from connector.orders import Result
from connector.report import books_lines

_LABELS = 21
_MOMENT = len("2026-03-02 14:00")
_VALUE = 44


def table(*headings: str, title: str = "") -> Table:
    """A light table; headings that begin with ">" stand to the right, for numbers."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=Text(title) if title else None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    for heading in headings:
        made.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
    return made


def add(made: Table, *cells: str) -> None:
    """A row of plain text: brackets in it are no markup."""
    made.add_row(*map(Text, cells))


def moment(at: datetime | None) -> str:
    """`2026-03-02 14:00` in UTC; "-" for none."""
    return at.strftime("%Y-%m-%d %H:%M") if at else "-"


def ago(seconds: float | None) -> str:
    """Such as 40 s, 12 min, 5 h, 3 days; "-" for none."""
    if seconds is None:
        return "-"
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def length(start: datetime, end: datetime | None) -> str:
    return ago(max((end - start) / timedelta(seconds=1), 0.0)) if end else "-"


def result_tables(results: Sequence[Result], width: int, *, rehearsed: bool = False) -> Iterator[Table]:
    """What runs did: a column for each stream, as many beside each other as `width` columns of text allow.

    Lines are the terms of both balances that are not zero, the calls made, and how far each stream now is.
    """
    group: list[Result] = []
    left = width - _LABELS
    for one in results:
        needed = max(len(one.stream), _MOMENT) + 2
        if group and needed > left:
            yield _result_table(group, rehearsed=rehearsed)
            group, left = [], width - _LABELS
        group.append(one)
        left -= needed
    if group:
        yield _result_table(group, rehearsed=rehearsed)


def _result_table(results: Sequence[Result], *, rehearsed: bool) -> Table:
    made = table("", *(f">{one.stream}" for one in results))
    for line in books_lines([one.books for one in results]):
        label = "would be sent" if rehearsed and line.label == "waiting" else line.label
        style = "bold" if line.is_sum else ""
        made.add_row(
            Text(label if line.is_sum else f"  {label}", style=style),
            *(Text(f"{value:,}" if value or line.is_sum else "", style=style) for value in line.values),
        )
    if any(one.vanished for one in results):
        add(made, "given no more, left", *(f"{one.vanished:,}" if one.vanished else "" for one in results))
    for service in dict.fromkeys(service for one in results for service in one.calls):
        add(made, f"{service} calls", *(f"{one.calls.get(service, 0):,}" for one in results))
    add(made, "complete to (UTC)", *(moment(one.complete_to) for one in results))
    return made


def shortened(text: str, most: int = 60) -> str:
    """On one line and not longer than `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def pairs(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A record as dotted paths and short texts; lists of objects are only counted."""
    for name, value in record.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from pairs(value, f"{path}.")
        elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
            yield path, f"({len(value)} of them)"
        elif isinstance(value, list):
            yield path, shortened(", ".join(map(as_text, value)), _VALUE)
        else:
            yield path, shortened(as_text(value), _VALUE)


def beside(record: Mapping[str, Any], row: Mapping[str, Any], title: str) -> Table:
    """A record of Genesys Cloud beside the row it becomes in Salesforce."""
    made = table("Genesys Cloud", "", "Salesforce", "", title=title)
    for (path, value), (field, written) in zip_longest(pairs(record), pairs(row), fillvalue=("", "")):
        add(made, path, value, field, written)
    return made


def as_text(value: object) -> str:
    """A value of a record or row as people read it."""
    match value:
        case None:
            return "(empty)"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
