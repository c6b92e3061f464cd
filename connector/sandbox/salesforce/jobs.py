"""Ingest jobs in the organisation's file: their states over time, their rows, and what became of each row.

States move when time has passed and somebody asks: `advance` does what has become due, chunk by chunk, each chunk
in one transaction with its results, so a sandbox that is killed goes on where it was.
Sources: Bulk API 2.0 guide, job states, limits (chunks of 200, batches of 10,000, results kept 7 days).
"""

import json
import math
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.salesforce.errors import RowError
from connector.sandbox.salesforce.org import Org, Outcome, record_id
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.uploads import Columns, JobRefused, read_upload

__all__ = ["CHUNK", "DONE_STATES", "Job", "Jobs", "SeenJob"]

CHUNK = 200
_BATCH = 10_000
_KEPT = timedelta(days=7)
_MAY_STAY_OPEN = timedelta(hours=24)
DONE_STATES = ("JobComplete", "Failed", "Aborted")
_WAITING_SHARE = 0.25
_SCHEMA = """
CREATE TABLE IF NOT EXISTS _jobs (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, object TEXT, operation TEXT, external_id_field TEXT,
    line_ending TEXT, column_delimiter TEXT, api_version REAL, state TEXT, created REAL, modified REAL,
    header TEXT, upload_error TEXT, rows INTEGER, started REAL, seconds REAL, next_row INTEGER DEFAULT 0,
    batches INTEGER DEFAULT 0, processed INTEGER DEFAULT 0, failed INTEGER DEFAULT 0, error_message TEXT,
    finished REAL, stop_share REAL, stop_state TEXT, dropped INTEGER DEFAULT 0, dropped_are_saved INTEGER DEFAULT 0,
    removed INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS _job_rows (
    job INTEGER, position INTEGER, external_id TEXT, cells TEXT, read_error TEXT,
    outcome TEXT, record_id TEXT, created INTEGER, error TEXT, PRIMARY KEY (job, position)
) WITHOUT ROWID;
"""
_STOP_MESSAGES = {"Failed": "Timeout : Unable to process the batch within the allowed number of retries"}
_QUOTA_MESSAGE = "ExceededQuota : ApiBatchItems Limit exceeded."


@dataclass(frozen=True)
class Job:
    """One job as stored. Times are seconds since 1970; `rows` is None before the upload."""

    number: int
    id: str
    object: str
    operation: str
    external_id_field: str | None
    line_ending: str
    column_delimiter: str
    api_version: float
    state: str
    created: float
    modified: float
    header: str | None
    upload_error: str | None
    rows: int | None
    started: float | None
    seconds: float
    next_row: int
    batches: int
    processed: int
    failed: int
    error_message: str | None
    finished: float | None
    stop_share: float | None
    stop_state: str | None
    dropped: int
    dropped_are_saved: int
    removed: int

    @property
    def is_done(self) -> bool:
        return self.state in DONE_STATES


@dataclass(frozen=True)
class SeenJob:
    """A job as tests look at it. keys: the key of every uploaded row, in the order of the file."""

    id: str
    object: str
    operation: str
    state: str
    keys: tuple[str, ...]
    processed: int
    failed: int
    is_uploaded: bool


class Jobs:
    """All ingest jobs. The caller holds the lock of the connection.

    seconds: from UploadComplete to the end of a job; the first quarter it waits, then its chunks are spread evenly.
    daily_batches: batches of 10,000 rows in 24 hours. seed: of the order in result files and of dropped rows.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        org: Org,
        setup: Setup,
        clock: Clock,
        *,
        seconds: float,
        daily_batches: int,
        seed: int,
    ) -> None:
        self._db, self._org, self._setup, self._clock = db, org, setup, clock
        self._seconds, self.daily_batches, self._seed = seconds, daily_batches, seed
        db.executescript(_SCHEMA)

    # --- asking -----------------------------------------------------------------------------------------------

    def find(self, wanted: str) -> Job | None:
        """The job with that id (15 or 18 characters), unless it was deleted or has expired."""
        sql = "WHERE substr(id, 1, 15) = ? AND removed = 0 AND length(?) IN (15, 18)"
        return next(self._select(sql, [wanted[:15], wanted]), None)

    def after(self, number: int, limit: int) -> list[Job]:
        """Up to `limit` jobs made after job `number`."""
        return list(self._select("WHERE removed = 0 AND number > ? ORDER BY number LIMIT ?", [number, limit]))

    def seen(self) -> list[SeenJob]:
        """Every job ever made, also deleted ones, oldest first."""
        return [
            SeenJob(
                job.id,
                job.object,
                job.operation,
                job.state,
                tuple(
                    key
                    for (key,) in self._db.execute(
                        "SELECT external_id FROM _job_rows WHERE job = ? ORDER BY position", [job.number]
                    )
                ),
                job.processed,
                job.failed,
                job.rows is not None,
            )
            for job in self._select("ORDER BY number", [])
        ]

    def uploads(self) -> int:
        """How many uploads were ever accepted."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM _jobs WHERE rows IS NOT NULL").fetchone()
        return int(count)

    def batches_left(self) -> int:
        """What remains of the daily batches."""
        since = self._now() - 86_400
        (used,) = self._db.execute("SELECT COALESCE(SUM(batches), 0) FROM _jobs WHERE started > ?", [since]).fetchone()
        return max(0, self.daily_batches - int(used))

    def results(self, job: Job, kind: str) -> list[tuple[Any, ...]]:
        """(cells, record id, created, error) of the rows of one result file, in an order that is not the file's.

        kind: successfulResults, failedResults or unprocessedrecords.
        """
        where = {"successfulResults": "= 'saved'", "failedResults": "= 'failed'", "unprocessedrecords": "IS NULL"}
        rows = self._db.execute(
            "SELECT cells, record_id, created, error FROM _job_rows "  # noqa: S608
            f"WHERE job = ? AND outcome {where[kind]} ORDER BY position",
            [job.number],
        ).fetchall()
        random.Random(f"{self._seed} {job.id} {kind}").shuffle(rows)
        return [(json.loads(cells), *rest) for cells, *rest in rows]

    # --- the steps of a job -----------------------------------------------------------------------------------

    def create(self, **values: Any) -> Job:
        """Make an Open job. values: columns of `_jobs` known from the request."""
        (number,) = self._db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM _jobs").fetchone()
        now = self._now()
        given = {
            "number": number,
            "id": record_id("750", number),
            "state": "Open",
            "created": now,
            "modified": now,
            "seconds": self._seconds,
            **values,
        }
        sql = f"INSERT INTO _jobs ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})"  # noqa: S608
        self._db.execute(sql, list(given.values()))
        return self._again(given["id"])

    def upload(self, job: Job, data: bytes) -> None:
        """Keep the rows of the file. What is wrong with the file as a whole shows when the job starts."""
        with self._org.transaction():
            header: list[str] = []
            problem = None
            count = 0
            try:
                header, lines = read_upload(data, job.column_delimiter, job.line_ending)
                key = self._key_column(job, header)
                for count, line in enumerate(lines, 1):
                    external_id = line.cells[key] if key is not None and key < len(line.cells) else None
                    self._db.execute(
                        "INSERT INTO _job_rows (job, position, external_id, cells, read_error) VALUES (?, ?, ?, ?, ?)",
                        [
                            job.number,
                            count - 1,
                            external_id,
                            json.dumps(list(line.cells), ensure_ascii=False),
                            line.error.message if line.error else None,
                        ],
                    )
            except JobRefused as refusal:
                problem = str(refusal)
            self._set(job, header=json.dumps(header), rows=count, upload_error=problem)

    def start(self, job: Job) -> Job:
        """From Open to UploadComplete: the wait begins."""
        self._set(job, state="UploadComplete", started=self._now())
        return self._again(job.id)

    def abort(self, job: Job) -> Job:
        """To Aborted; rows already saved stay saved."""
        self._end(job, "Aborted", None, self._now())
        return self._again(job.id)

    def remove(self, job: Job) -> None:
        """Forget the job for all who ask over the API; its rows stay readable in the file."""
        self._set(job, removed=1)

    def disturb(self, job: Job, **values: Any) -> None:
        """Store what a fault does to the job: seconds, stop_share and stop_state, dropped, dropped_are_saved."""
        self._set(job, **values)

    # --- time passes ------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Do whatever has become due since somebody last asked."""
        now = self._now()
        for job in list(self._select("WHERE state IN ('UploadComplete', 'InProgress') ORDER BY started, number", [])):
            self._advance(job, now)
        for job in list(self._select("WHERE state = 'Open' AND created <= ?", [now - _MAY_STAY_OPEN.total_seconds()])):
            # That an overdue job fails is this simulation's choice; the guide only says how long it may stay Open.
            self._end(job, "Failed", "InvalidJobState : The job was Open for more than 24 hours", now)
        self._db.execute("UPDATE _jobs SET removed = 1 WHERE finished <= ?", [now - _KEPT.total_seconds()])

    def _advance(self, job: Job, now: float) -> None:
        started = job.started or 0.0
        share = 1.0 if job.seconds <= 0 else min(1.0, (now - started) / job.seconds)
        if share < (_WAITING_SHARE if job.seconds > 0 else 0):
            return
        try:
            if job.upload_error:
                raise JobRefused(job.upload_error)
            columns = Columns(self._setup, job.object, json.loads(job.header or "[]"))
        except JobRefused as refusal:
            self._end(job, "Failed", str(refusal), started + job.seconds * _WAITING_SHARE)
            return
        rows = job.rows or 0
        if job.state == "UploadComplete":
            job = self._begin(job, rows)
        working = (share - _WAITING_SHARE) / (1 - _WAITING_SHARE)
        due = rows if share >= 1 else math.floor(working * math.ceil(rows / CHUNK)) * CHUNK
        last = rows if job.stop_share is None else round(rows * job.stop_share)
        while job.next_row < min(due, last):
            job = self._chunk(job, columns, min(job.next_row + CHUNK, last))
        if job.stop_state and due >= last:
            is_quota = job.error_message == _QUOTA_MESSAGE
            message = _QUOTA_MESSAGE if is_quota else _STOP_MESSAGES.get(job.stop_state)
            self._end(job, job.stop_state, message, now)
        elif share >= 1:
            self._end(job, "JobComplete", None, started + job.seconds)

    def _begin(self, job: Job, rows: int) -> Job:
        batches = math.ceil(rows / _BATCH)
        left = self.batches_left()
        changes: dict[str, Any] = {"state": "InProgress", "batches": min(batches, left)}
        with self._org.transaction():
            if batches > left:
                # Rows of batches over the daily allowance stand in no result file.
                first = left * _BATCH
                self._db.execute(
                    "UPDATE _job_rows SET outcome = 'lost' WHERE job = ? AND position >= ?", [job.number, first]
                )
                changes |= {"stop_share": first / rows, "stop_state": "Failed", "error_message": _QUOTA_MESSAGE}
            self._set(job, **changes)
        return self._again(job.id)

    def _chunk(self, job: Job, columns: Columns, end: int) -> Job:
        with self._org.transaction():
            rows = self._db.execute(
                "SELECT position, cells, read_error FROM _job_rows WHERE job = ? AND position >= ? AND position < ? "
                "ORDER BY position",
                [job.number, job.next_row, end],
            ).fetchall()
            lost = self._lost(job)
            if not job.dropped_are_saved:
                self._mark([("lost", None, 0, None, job.number, row[0]) for row in rows if row[0] in lost])
                rows = [row for row in rows if row[0] not in lost]
            outcomes = self._org.write(
                job.object,
                job.operation,
                job.external_id_field or "Id",
                [
                    RowError("INVALID_FIELD", error) if error else columns.row(json.loads(cells))
                    for _, cells, error in rows
                ],
            )
            self._mark(
                [
                    _marked(job, position, outcome, is_lost=position in lost)
                    for (position, *_), outcome in zip(rows, outcomes, strict=True)
                ]
            )
            self._set(
                job,
                next_row=end,
                processed=job.processed + len(rows),
                failed=job.failed + sum(1 for each in outcomes if each.error),
            )
        return self._again(job.id)

    def _mark(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._db.executemany(
            "UPDATE _job_rows SET outcome = ?, record_id = ?, created = ?, error = ? WHERE job = ? AND position = ?",
            rows,
        )

    def _lost(self, job: Job) -> set[int]:
        rows = job.rows or 0
        return set(random.Random(f"{self._seed} {job.id}").sample(range(rows), min(job.dropped, rows)))

    def _end(self, job: Job, state: str, message: str | None, moment: float) -> None:
        self._set(job, state=state, error_message=message, finished=moment)

    # --- rows of _jobs ----------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _select(self, clauses: str, values: Sequence[Any]) -> Iterator[Job]:
        columns = ", ".join(Job.__dataclass_fields__)
        for row in self._db.execute(f"SELECT {columns} FROM _jobs {clauses}", values):  # noqa: S608
            yield Job(*row)

    def _again(self, job_id: str) -> Job:
        return next(self._select("WHERE id = ?", [job_id]))

    def _set(self, job: Job, **values: Any) -> None:
        values["modified"] = self._now()
        sets = ", ".join(f"{column} = ?" for column in values)
        self._db.execute(f"UPDATE _jobs SET {sets} WHERE number = ?", [*values.values(), job.number])  # noqa: S608

    def _key_column(self, job: Job, header: Sequence[str]) -> int | None:
        key = (job.external_id_field or "Id").lower()
        return next((at for at, column in enumerate(header) if column.lower() == key), None)


def _marked(job: Job, position: int, outcome: Outcome, *, is_lost: bool) -> tuple[Any, ...]:
    state = "lost" if is_lost else "failed" if outcome.error else "saved"
    error = outcome.error.as_csv() if outcome.error else None
    return state, outcome.id, int(outcome.created), error, job.number, position
