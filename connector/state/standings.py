"""How a row stands: on its way, set aside, confirmed, or found vanished; and the word that it is to be sent again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from connector.spans import Span, stamp
from connector.state.database import Database
from connector.state.hashes import Said
from connector.state.passes import owe

SLICE_ROWS = 1_000
"""Rows per transaction."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the state knows of a row.

    is_on_its_way: a version waits or is in flight; is_rejected: its open reject waits for a person; confirmed: what
    Salesforce accepted last, None where nothing is known; in_doubt: sent since, answer unknown.
    """

    is_on_its_way: bool
    is_rejected: bool
    confirmed: Said | None
    in_doubt: bool


def standing(db: Database, stream: str, object: str, at: str, key: str) -> Standing:
    """at: the time the row has now."""
    of_key = [stream, object, key]
    on_its_way = "SELECT 1 FROM outbox WHERE stream = ? AND object = ? AND external_id = ? AND batch IS {} NULL"
    rejected = "SELECT 1 FROM rejects WHERE stream = ? AND object = ? AND external_id = ? AND closed IS NULL"
    hashes = "SELECT * FROM row_hashes WHERE stream = ? AND object = ? AND at = ? AND external_id = ?"
    row = db.row(hashes, [stream, object, at, key])
    return Standing(
        is_on_its_way=any(db.row(on_its_way.format(word), of_key) for word in ("", "NOT")),
        is_rejected=db.row(rejected, of_key) is not None,
        confirmed=Said(row["hash"], row["rest"]) if row else None,
        in_doubt=bool(row and row["in_doubt"]),
    )


def known_rows(db: Database, stream: str, object: str, span: Span) -> Iterator[list[str]]:
    """Keys of the rows of a span that Salesforce accepted once, in slices, by time."""
    last = (stamp(span.start), "")
    sql = """SELECT at, external_id FROM row_hashes WHERE stream = ? AND object = ? AND at < ?
             AND (at, external_id) > (?, ?) ORDER BY at, external_id LIMIT ?"""
    while rows := db.rows(sql, [stream, object, stamp(span.end), *last, SLICE_ROWS]):
        last = (rows[-1]["at"], rows[-1]["external_id"])
        yield [row["external_id"] for row in rows]


def times_of(db: Database, stream: str, object: str, keys: Sequence[str]) -> dict[str, set[str]]:
    """The times under which rows of these keys were accepted once. It looks through all rows of the stream."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT at, external_id FROM row_hashes WHERE stream = ? AND object = ? AND external_id IN ({marks})"  # noqa: S608
        for row in db.rows(sql, [stream, object, *some]):
            found.setdefault(row["external_id"], set()).add(row["at"])
    return found


def has_vanished(db: Database, stream: str, object: str, at: str, key: str) -> bool:
    """Whether a pass has noted already that the source gives the row no more."""
    sql = "SELECT 1 FROM vanished WHERE stream = ? AND object = ? AND at = ? AND external_id = ? AND closed IS NULL"
    return db.row(sql, [stream, object, at, key]) is not None


def send_again(
    db: Database, stream: str, rows: Iterable[tuple[str, str, str]], spans: Sequence[Span], cause: str
) -> None:
    """Let the next reading of `spans`, which are owed from now on, send these rows whatever was confirmed of them.

    rows: (object, time, key). The spans are written with the first slice of rows: killed later, those are sent by the
    next run and the others are as they were.
    """
    left = list(spans)
    # A record made anew by a row read by query lacks what only jobs give.
    sql = """UPDATE row_hashes SET in_doubt = 1, rest = NULL
             WHERE stream = ? AND object = ? AND at = ? AND external_id = ?"""
    rows = iter(rows)
    while some := list(islice(rows, SLICE_ROWS)):
        with db.transaction() as connection:
            connection.executemany(sql, [[stream, *row] for row in some])
            owe(connection, stream, left, cause, False)
            left = []
