"""The history of rows: what became of each version that Salesforce answered, and which fields it changed.

Values are not kept: each field of a version is remembered by four bytes, enough to tell which fields differ from the
version before. The last million answers are kept, for at most ninety days.
"""

import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from connector.spans import instant, stamp
from connector.state.database import Database

KEPT_FOR = timedelta(days=90)
KEPT_ANSWERS = 1_000_000
SLICE_ROWS = 1000
_PRINT = 4

Fate = Literal["created", "updated", "deleted", "rejected"]


@dataclass(frozen=True)
class Answer:
    """What became of one version of a row.

    pass_id, batch: by which it was read and sent; tries: sent so often; changed: fields that differ from the version
    known before, () where none is known; code: of a refusal, "" else.
    """

    told: datetime
    fate: Fate
    pass_id: int
    batch: int
    tries: int
    code: str
    changed: tuple[str, ...]


class Historian:
    """Writes what became of the rows of one batch, inside the transaction that settles them."""

    def __init__(self, db: sqlite3.Connection, batch: int, now: datetime) -> None:
        self._db = db
        self._batch = batch
        self._now = stamp(now)
        self._shapes: dict[tuple[str, ...], int] = {}

    def note(self, row: sqlite3.Row, fate: Fate, code: str = "") -> None:
        """row: of the outbox, about to leave it."""
        values = orjson.loads(row["payload"])
        self._db.execute(
            """INSERT INTO row_history (stream, object, external_id, at, told, fate, code, pass, batch, tries, shape,
                                        prints)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                *(row[name] for name in ("stream", "object", "external_id", "at")),
                self._now,
                fate,
                code,
                row["pass"],
                self._batch,
                row["attempts"] + 1,
                self._shape(tuple(values)),
                b"".join(map(_print, values.values())),
            ],
        )

    def _shape(self, names: tuple[str, ...]) -> int:
        """The id of the names of a row's fields, in their order: few differ, so they are kept once."""
        if names not in self._shapes:
            text = orjson.dumps(names).decode()
            self._db.execute("INSERT OR IGNORE INTO row_shapes (names) VALUES (?)", [text])
            found = self._db.execute("SELECT id FROM row_shapes WHERE names = ?", [text]).fetchone()
            self._shapes[names] = found[0]
        return self._shapes[names]


def _print(value: Any) -> bytes:
    return zlib.crc32(orjson.dumps(value)).to_bytes(_PRINT)


class History:
    """Questions about the history of rows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keys(self, external_id: str, stream: str | None) -> list[tuple[str, str, str, str]]:
        """Every (stream, object, external id, at) of that external id the state knows anything of, sorted."""
        of = "external_id = ? AND (? IS NULL OR stream = ?)"
        one = f"SELECT DISTINCT stream, object, external_id, at FROM {{}} WHERE {of}"  # noqa: S608
        tables = ("row_history", "row_hashes", "outbox", "rejects", "vanished")
        sql = " UNION ".join(one.format(table) for table in tables) + " ORDER BY stream, object, at"
        rows = self._db.rows(sql, [external_id, stream, stream] * len(tables))
        return [(row["stream"], row["object"], row["external_id"], row["at"]) for row in rows]

    def answers(self, key: tuple[str, str, str]) -> list[Answer]:
        """What became of the versions of a key (stream, object, external id), oldest first."""
        sql = """SELECT h.*, s.names FROM row_history AS h JOIN row_shapes AS s ON s.id = h.shape
                 WHERE h.external_id = ? AND h.stream = ? AND h.object = ? ORDER BY h.id"""
        stream, target, external_id = key
        found: list[Answer] = []
        known: Mapping[str, bytes] = {}
        for row in self._db.rows(sql, [external_id, stream, target]):
            says = _prints(orjson.loads(row["names"]), row["prints"])
            # Refused, it changed nothing in Salesforce: the next version is compared with the one before.
            changed = tuple(name for name in says if known and known.get(name) != says[name])
            found.append(
                Answer(
                    instant(row["told"]),
                    row["fate"],
                    row["pass"],
                    row["batch"],
                    row["tries"],
                    row["code"],
                    changed if row["fate"] != "deleted" else (),
                )
            )
            if row["fate"] == "deleted":
                known = {}
            elif row["fate"] != "rejected":
                known = {**known, **says}
        return found

    def below(self, external_id: str, most: int) -> list[str]:
        """External ids whose first parts are this one, such as those of the legs of a conversation; at most so many."""
        sql = """SELECT DISTINCT external_id FROM row_history WHERE external_id > ? AND external_id < ?
                 ORDER BY external_id LIMIT ?"""
        return [row["external_id"] for row in self._db.rows(sql, [f"{external_id}|", f"{external_id}}}", most])]

    def sweep(self, now: datetime, kept: int = KEPT_ANSWERS) -> None:
        """Forget answers that are too old or too many, the oldest first, in slices."""
        before = stamp(now - KEPT_FOR)
        gone = """DELETE FROM row_history WHERE id IN (SELECT id FROM row_history ORDER BY id LIMIT ?)
                  AND (told < ? OR id <= (SELECT max(id) FROM row_history) - ?)"""
        deleted = SLICE_ROWS
        while deleted == SLICE_ROWS:
            with self._db.transaction() as db:
                deleted = db.execute(gone, [SLICE_ROWS, before, kept]).rowcount


def _prints(names: Sequence[str], prints: bytes) -> dict[str, bytes]:
    return {name: prints[_PRINT * place : _PRINT * (place + 1)] for place, name in enumerate(names)}
