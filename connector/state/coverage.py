"""The coverage of a stream: settled spans, each piece with when, by which path and under which mapping it was read."""

import sqlite3

from connector.spans import Span, minus, stamp
from connector.state.one_pass import Pass, bounds_of, span_of


def cover(db: sqlite3.Connection, one: Pass) -> None:
    """Inside a transaction: add the span of a pass; older spans under it are cut."""
    uncover(db, one.stream, one.span)
    _insert(db, one.stream, one.span, stamp(one.as_of), one.path, f"{one.fields_print} {one.source_print}")


def uncover(db: sqlite3.Connection, stream: str, span: Span) -> None:
    """Inside a transaction: cut a span out, so that each piece left says when it was last read."""
    start, end = bounds_of(span)
    touching = "stream = ? AND start < ? AND end > ?"
    under = db.execute(f"SELECT * FROM coverage WHERE {touching}", [stream, end, start]).fetchall()  # noqa: S608
    db.execute(f"DELETE FROM coverage WHERE {touching}", [stream, end, start])  # noqa: S608
    for old in under:
        for rest in minus([span_of(old)], [span]):
            _insert(db, stream, rest, old["began"], old["path"], old["mapping_print"])


def _insert(db: sqlite3.Connection, stream: str, span: Span, began: str, path: str, mapping_print: str) -> None:
    db.execute(
        "INSERT INTO coverage (stream, start, end, began, path, mapping_print) VALUES (?, ?, ?, ?, ?, ?)",
        [stream, *bounds_of(span), began, path, mapping_print],
    )
