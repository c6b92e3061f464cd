"""The journal: which rows were sent in which batch, how far each batch is, and what Salesforce answered.

A batch is written down before anything is sent, and each of its states before the step it names:

    forming -> ready -> (bulk:) created -> uploading -> uploaded -> starting -> started -> answered -> ended
                        (collections, delete:) answered by one call                                 -> ended

A batch found `forming` is dissolved: its rows wait again. What was known of the keys of a batch is in doubt from the
moment it is formed until Salesforce accepted a row.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from connector.spans import instant, stamp
from connector.state.database import Database
from connector.state.hashes import Said, is_confirmed
from connector.state.outbox import Counters
from connector.state.passes import count
from connector.state.rejects import close_reject
from connector.state.settling import Settled, Settler, touches_rest

SLICE_ROWS = 1000
"""Rows per transaction."""

NEWEST = 2**62
"""Above every version."""

BatchState = Literal[
    "forming", "ready", "created", "uploading", "uploaded", "starting", "started", "answered", "ended", "dissolved"
]
Path = Literal["collections", "bulk", "delete"]


@dataclass(frozen=True)
class Batch:
    """Rows sent together.

    rows: how many; refused: set aside as news before it was sent, not counted in them; job: id of the ingest job, once
    there is one; held_for: code and fields most rows were refused for; message: why the job failed.
    """

    id: int
    stream: str
    org: str
    object: str
    external_id: str
    path: Path
    state: BatchState
    columns: tuple[str, ...]
    fields_print: str
    run: int
    job: str | None
    rows: int
    is_held: bool
    held_for: str
    message: str
    refused: int = 0


@dataclass(frozen=True)
class Waiting:
    """Rows of a stream that may be sent now, counted up to a limit, and when the next delayed one may.

    deletes: records that may be deleted now, not counted in `ready`.
    """

    ready: int
    only_collections: int
    tried: int
    next_at: datetime | None
    deletes: int = 0


class Batches:
    """Forms batches out of waiting rows and settles them row by row."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def parents_sent(self, stream: str, parents: Iterable[str], run: int) -> int:
        """The version below which no row of these objects is on its way any more, as far as this run can send it.

        Rows of a record are stored together, parents first. So a row of a lower version has its parents in Salesforce,
        if they ever come there. Nobody waits for a row that this run cannot send: it lacks a parent of its own.
        """
        objects = list(parents)
        marks = ", ".join("?" * len(objects))
        sql = f"""SELECT coalesce(
                      (SELECT min(coalesce(since, seq)) FROM outbox WHERE stream = ? AND object IN ({marks})
                       AND action <> 'delete' AND (batch IS NOT NULL OR skip_run <> ?)),
                      (SELECT max(seq) + 1 FROM outbox), 0)"""  # noqa: S608
        return int(self._db.value(sql, [stream, *objects, run]))

    def waiting(self, stream: str, target: str, run: int, now: datetime, most: int, below: int = NEWEST) -> Waiting:
        """What can be sent in this run: counted up to `most`. below: only versions lower than this count."""
        sql = """SELECT count(*) AS ready, coalesce(sum(only_collections), 0) AS single,
                        coalesce(max(attempts), 0) AS tried
                 FROM (SELECT only_collections, attempts FROM outbox WHERE stream = ? AND object = ? AND batch IS NULL
                       AND action {} 'delete' AND not_before <= ? AND skip_run <> ? AND seq < ? LIMIT ?)"""
        row, gone = (
            self._db.row(sql.format(sign), [stream, target, stamp(now), run, last, most])
            # A record is deleted whether or not parents are still on their way.
            for sign, last in (("<>", below), ("=", NEWEST))
        )
        later = """SELECT min(not_before) FROM outbox WHERE stream = ? AND object = ? AND batch IS NULL
                   AND not_before > ? AND skip_run <> ?"""
        next_at = None
        if row is None or gone is None:
            raise AssertionError("a count always has a row")
        if not row["ready"] and not gone["ready"]:
            next_at = self._db.value(later, [stream, target, stamp(now), run])
        tried = row["tried"] if row["ready"] else gone["tried"]
        return Waiting(row["ready"], row["single"], tried, instant(next_at) if next_at else None, gone["ready"])

    def begin(
        self,
        stream: str,
        org: str,
        target: tuple[str, str],
        path: Path,
        columns: Sequence[str],
        fields_print: str,
        run: int,
        now: datetime,
    ) -> Batch:
        """Open a batch, still empty. target: object and external id field."""
        with self._db.transaction(durable=True) as db:
            sql = """INSERT INTO batches (stream, org, object, external_id, path, state, columns, fields_print,
                                          run, begun)
                     VALUES (?, ?, ?, ?, ?, 'forming', ?, ?, ?, ?) RETURNING id"""
            columns_json = orjson.dumps(list(columns)).decode()
            values = [stream, org, *target, path, columns_json, fields_print, run, stamp(now)]
            identity = db.execute(sql, values).fetchone()[0]
        return self.get(identity)

    def get(self, identity: int) -> Batch:
        row = self._db.row("SELECT * FROM batches WHERE id = ?", [identity])
        if row is None:
            raise LookupError(f"no batch {identity}")
        return _batch(row)

    def open(self, org: str, target: str | None = None) -> list[Batch]:
        """Batches not ended in this organisation, oldest first; of one object, or of all."""
        sql = "SELECT * FROM batches WHERE org = ? AND ended IS NULL AND (? IS NULL OR object = ?) ORDER BY id"
        return [_batch(row) for row in self._db.rows(sql, [org, target, target])]

    def take(self, batch: Batch, most: int, now: datetime, below: int = NEWEST) -> int:
        """Move up to `most` waiting rows, at most a slice, into a forming batch; held rows first, then oldest.

        below: only versions lower than this. Rows that equal what was confirmed meanwhile are dropped as unchanged.
        Returns how many rows were looked at: fewer than asked for when no more wait.
        """
        wanted = min(most, SLICE_ROWS)
        sql = """SELECT seq, pass, object, external_id, at, hash, rest, action, forced FROM outbox
                 WHERE stream = ? AND object = ? AND batch IS NULL AND not_before <= ? AND skip_run <> ? AND seq < ? {}
                 ORDER BY held DESC, only_collections DESC, seq LIMIT ?"""
        only = f"AND action {'=' if batch.path == 'delete' else '<>'} 'delete'"
        if batch.path == "bulk":
            # With the plus SQLite still sees that the index has the order wanted, and sorts nothing.
            only += " AND +only_collections = 0"
        with self._db.transaction(durable=True) as db:
            which = [batch.stream, batch.object, stamp(now), batch.run, NEWEST if batch.path == "delete" else below]
            rows = db.execute(sql.format(only), [*which, wanted]).fetchall()
            counters: Counters = defaultdict(lambda: defaultdict(int))
            taken, same = [], []
            for row in rows:
                key = (batch.stream, batch.object, row["external_id"])
                if not row["forced"] and is_confirmed(db, key, row["at"], Said(row["hash"], row["rest"])):
                    same.append([row["seq"]])
                    counters[row["pass"]]["unchanged"] += 1
                    how = "the source went back to what Salesforce has"
                    by_job = row["rest"] is not None or row["action"] == "clear"
                    close_reject(db, key, stamp(now), how, row["seq"], by_job=by_job)
                else:
                    taken.append(row)
            db.executemany("DELETE FROM outbox WHERE seq = ?", same)
            db.executemany("UPDATE outbox SET batch = ? WHERE seq = ?", [[batch.id, row["seq"]] for row in taken])
            db.executemany(
                # What is sent says something of what only jobs give, or clears it: then that is in doubt as well.
                """UPDATE row_hashes SET in_doubt = 1, rest = CASE WHEN ? THEN NULL ELSE rest END
                   WHERE stream = ? AND object = ? AND at = ? AND external_id = ?""",
                [[touches_rest(row), batch.stream, batch.object, row["at"], row["external_id"]] for row in taken],
            )
            db.execute("UPDATE batches SET rows = rows + ? WHERE id = ?", [len(taken), batch.id])
            count(db, counters)
        return len(rows)

    def move(self, batch: Batch, state: BatchState, *, job: str | None = None, message: str = "") -> Batch:
        """Write the next state of a batch, the id of its job as soon as there is one, and why the job failed."""
        with self._db.transaction(durable=True) as db:
            sql = "UPDATE batches SET state = ?, job = coalesce(?, job), message = ? WHERE id = ?"
            db.execute(sql, [state, job, message, batch.id])
        return self.get(batch.id)

    def hold(self, batch: Batch, reason: str) -> Batch:
        """Most rows were refused for one reason: none of them will count as rejected, they wait for a person."""
        with self._db.transaction(durable=True) as db:
            db.execute("UPDATE batches SET is_held = 1, held_for = ? WHERE id = ?", [reason, batch.id])
            db.execute("UPDATE streams SET proven = '' WHERE name = ?", [batch.stream])
        return self.get(batch.id)

    def is_rejected(self, batch: Batch, external_id: str) -> bool:
        """Whether a key of a batch has an open reject: it was refused before."""
        sql = "SELECT 1 FROM rejects WHERE stream = ? AND object = ? AND external_id = ? AND closed IS NULL"
        return self._db.row(sql, [batch.stream, batch.object, external_id]) is not None

    def release(self, batch: Batch, versions: Sequence[int] | None = None, *, tried: bool, now: datetime) -> None:
        """Let rows of a batch wait again, in slices: all of them, or these versions. tried: one more attempt counts."""
        if versions is not None:
            sql = "SELECT * FROM outbox WHERE +batch = ? AND seq IN (SELECT value FROM json_each(?))"
            for first in range(0, len(versions), SLICE_ROWS):
                part = orjson.dumps(list(versions[first : first + SLICE_ROWS])).decode()
                self._release(batch, sql, [batch.id, part], tried=tried, now=now)
            return
        sql = "SELECT * FROM outbox WHERE batch = ? LIMIT ?"
        while self._release(batch, sql, [batch.id, SLICE_ROWS], tried=tried, now=now):
            pass

    def _release(self, batch: Batch, sql: str, which: Sequence[Any], *, tried: bool, now: datetime) -> int:
        with self._db.transaction(durable=True) as db:
            rows = db.execute(sql, which).fetchall()
            writer = Settler(db, batch.id, batch.run, batch.fields_print, now)
            for row in rows:
                writer.wait_again(row, tried=tried)
            db.execute("UPDATE batches SET rows = rows - ? WHERE id = ?", [len(rows), batch.id])
            count(db, writer.counters)
        return len(rows)

    def settle(self, batch: Batch, outcomes: Iterable[Settled], now: datetime, proof: str = "") -> None:
        """Write what became of rows, at most a slice, in one transaction.

        Only rows still in the batch count, so answers read twice change nothing. proof: what an accepted row proves
        (mapping and organisation).
        """
        with self._db.transaction(durable=True) as db:
            writer = Settler(db, batch.id, batch.run, batch.fields_print, now)
            for outcome in outcomes:
                sql = "SELECT * FROM outbox WHERE batch = ? AND external_id = ?"
                row = db.execute(sql, [batch.id, outcome.external_id]).fetchone()
                if row is not None:
                    writer.settle(row, outcome)
            count(db, writer.counters)
            # Where most rows were refused, those that passed prove nothing.
            if writer.accepted and not batch.is_held:
                db.execute("UPDATE streams SET proven = ? WHERE name = ? AND proven <> ?", [proof, batch.stream, proof])

    def set_aside(self, batch: Batch, refused: Sequence[Settled], news: int, now: datetime) -> None:
        """Write what became of rows, at most a slice, that are not sent: the batch has so many less.

        news: those of them without an open reject, which count when it is asked whether most of a delivery fail.
        """
        with self._db.transaction(durable=True) as db:
            self.settle(batch, refused, now)
            sql = "UPDATE batches SET rows = rows - ?, refused = refused + ? WHERE id = ?"
            db.execute(sql, [len(refused), news, batch.id])

    def end(self, batch: Batch, state: Literal["ended", "dissolved"], now: datetime) -> None:
        """The batch is over; no row points to it any more."""
        with self._db.transaction(durable=True) as db:
            db.execute("UPDATE batches SET state = ?, ended = ? WHERE id = ?", [state, stamp(now), batch.id])


def _batch(row: sqlite3.Row) -> Batch:
    return Batch(
        id=row["id"],
        stream=row["stream"],
        org=row["org"],
        object=row["object"],
        external_id=row["external_id"],
        path=row["path"],
        state=row["state"],
        columns=tuple(orjson.loads(row["columns"])),
        fields_print=row["fields_print"],
        run=row["run"],
        job=row["job"],
        rows=row["rows"],
        is_held=bool(row["is_held"]),
        held_for=row["held_for"],
        message=row["message"],
        refused=row["refused"],
    )
