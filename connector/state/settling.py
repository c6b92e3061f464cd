"""What becomes of the rows of a batch once their outcomes are known: each leaves the outbox, or waits again."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson

from connector.spans import stamp
from connector.state.hashes import Said, inherited
from connector.state.history import Fate, Historian
from connector.state.outbox import Counters
from connector.state.rejects import Reject, close_reject, open_reject
from connector.state.vanished import close_vanished, leave_vanished, mark_cleared

TRANSIENT_TRIES = 6
PARENT_RUNS = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be written for one row of a batch.

    fate: created, updated, deleted, rejected: the row leaves the outbox; again: it waits for another try; parent: it
    waits for its parent record; held: it waits for a person; wait: it waits for an allowance. optional: of fate parent,
    the relationships it may be about that the row may go without.
    """

    external_id: str
    fate: Literal["created", "updated", "deleted", "rejected", "again", "parent", "held", "wait"]
    code: str = ""
    message: str = ""
    fields: str = ""
    optional: tuple[str, ...] = ()


class Settler:
    """Outcomes of one batch, written inside a transaction."""

    def __init__(self, db: sqlite3.Connection, batch: int, run: int, fields_print: str, now: datetime) -> None:
        self._db = db
        self._history = Historian(db, batch, now)
        self._run = run
        self._fields_print = fields_print
        self._now = now
        self.counters: Counters = defaultdict(lambda: defaultdict(int))
        self.accepted = False

    def settle(self, row: sqlite3.Row, outcome: Settled) -> None:
        if outcome.fate in ("created", "updated"):
            self._accept(row, outcome.fate)
        elif outcome.fate == "deleted":
            self._forget(row)
        elif outcome.fate == "rejected":
            self._reject(row, outcome)
        elif outcome.fate == "again":
            if row["attempts"] + 1 < TRANSIENT_TRIES:
                self.wait_again(row, tried=True)
            else:
                self._reject(row, outcome)
        elif outcome.fate == "parent":
            if left_out := _left_out(row, outcome.optional):
                self.wait_again(row, tried=False, left_out=left_out)
            elif row["attempts"] + 1 < PARENT_RUNS:
                # The next run tries the whole row: the parents it went without may be there by then.
                self.wait_again(row, tried=True, skip_run=self._run, left_out=[])
            else:
                self._reject(row, outcome)
        else:
            self.wait_again(row, tried=False, held=outcome.fate == "held")

    def wait_again(
        self,
        row: sqlite3.Row,
        *,
        tried: bool,
        skip_run: int = 0,
        held: bool = False,
        left_out: Sequence[str] | None = None,
    ) -> None:
        """Put a row of the batch back among those that wait; a newer version that waits takes its place.

        left_out: relationships it is sent without from now on; None: as before.
        """
        newer = self._db.execute(
            "SELECT * FROM outbox WHERE stream = ? AND object = ? AND external_id = ? AND batch IS NULL",
            [row["stream"], row["object"], row["external_id"]],
        ).fetchone()
        if newer and newer["action"] == "upsert":
            said, payload = inherited(Said(newer["hash"], newer["rest"]), newer["payload"], row)
            self._db.execute(
                "UPDATE outbox SET rest = ?, payload = ?, only_collections = max(only_collections, ?) WHERE seq = ?",
                [said.rest, payload, payload != newer["payload"] and row["only_collections"], newer["seq"]],
            )
        if newer:
            self._db.execute("DELETE FROM outbox WHERE seq = ?", [row["seq"]])
            self.counters[row["pass"]]["superseded"] += 1
            return
        attempts = row["attempts"] + tried
        delayed = tried and not skip_run
        not_before = stamp(self._now + _wait(attempts)) if delayed else ""
        self._db.execute(
            """UPDATE outbox SET batch = NULL, attempts = ?, not_before = ?, skip_run = ?, held = ?, left_out = ?
               WHERE seq = ?""",
            [
                attempts,
                not_before,
                skip_run,
                held,
                row["left_out"] if left_out is None else orjson.dumps(left_out).decode(),
                row["seq"],
            ],
        )

    def _accept(self, row: sqlite3.Row, fate: Literal["created", "updated"]) -> None:
        self._leave(row, fate)
        if orjson.loads(row["left_out"]):
            self.counters[row["pass"]]["without_parent"] += 1
        # The hash is that of the whole row, also where it went without a parent: it is not sent again in every run.
        # A record that is new, because somebody deleted the old one, has nothing of what only jobs give.
        tells_rest = touches_rest(row) or fate == "created"
        self._db.execute(
            """INSERT INTO row_hashes (stream, object, at, external_id, hash, rest, in_doubt)
               VALUES (?, ?, ?, ?, ?, nullif(?, x''), 0)
               ON CONFLICT DO UPDATE SET hash = excluded.hash, in_doubt = 0,
                   rest = CASE WHEN ? THEN excluded.rest ELSE rest END""",
            [row["stream"], row["object"], row["at"], row["external_id"], row["hash"], row["rest"], tells_rest],
        )
        key = (row["stream"], row["object"], row["external_id"])
        how = f"a later version was {fate}"
        # What clears empties also what only jobs give.
        by_job = row["rest"] is not None or row["action"] == "clear"
        close_reject(self._db, key, stamp(self._now), how, row["seq"], by_job=by_job)
        if row["action"] == "clear":
            mark_cleared(self._db, _timed_key(row))
        else:
            close_vanished(self._db, _timed_key(row), stamp(self._now), "it is given again")
        self.accepted = True

    def _forget(self, row: sqlite3.Row) -> None:
        """The record is gone: nothing is known of the key, so a row that comes back is sent whole."""
        self._leave(row, "deleted")
        self._db.execute(
            "DELETE FROM row_hashes WHERE stream = ? AND object = ? AND at = ? AND external_id = ?",
            [row["stream"], row["object"], row["at"], row["external_id"]],
        )
        key = (row["stream"], row["object"], row["external_id"])
        close_reject(self._db, key, stamp(self._now), "the record was deleted", row["seq"])
        close_vanished(self._db, _timed_key(row), stamp(self._now), "deleted in Salesforce", "deleted")

    def _reject(self, row: sqlite3.Row, outcome: Settled) -> None:
        self._leave(row, "rejected", outcome.code)
        one = Reject(
            row["stream"],
            row["object"],
            row["external_id"],
            row["at"],
            row["seq"],
            row["hash"],
            # Replayed, the payload of a delete would make an empty record.
            None if row["action"] == "delete" else row["payload"],
            outcome.code,
            outcome.message,
            outcome.fields,
            was_sent=True,
            rest=row["rest"],
            record=row["record"],
            action=row["action"],
        )
        open_reject(self._db, one, row["pass"], self._fields_print, stamp(self._now))
        if row["action"] != "upsert":
            leave_vanished(self._db, _timed_key(row))

    def _leave(self, row: sqlite3.Row, fate: Fate, code: str = "") -> None:
        self._history.note(row, fate, code)
        self._db.execute("DELETE FROM outbox WHERE seq = ?", [row["seq"]])
        self.counters[row["pass"]][fate] += 1


def _left_out(row: sqlite3.Row, optional: Sequence[str]) -> list[str]:
    """What the row is to be sent without: one relationship more than now at least, or [] where that cannot help."""
    left_out: list[str] = orjson.loads(row["left_out"])
    values = orjson.loads(row["payload"])
    more = [column for column in optional if column not in left_out and values.get(column) is not None]
    return [*left_out, *more] if more else []


def touches_rest(row: sqlite3.Row) -> bool:
    """Whether a version changes what only jobs give."""
    return bool(row["rest"]) or row["action"] == "clear"


def _timed_key(row: sqlite3.Row) -> tuple[str, str, str, str]:
    return row["stream"], row["object"], row["at"], row["external_id"]


def _wait(attempts: int) -> timedelta:
    """How long a row waits after its transient fault number `attempts`: 5 s, then doubled, at most 5 minutes."""
    return timedelta(seconds=min(5 * 2 ** (attempts - 1), 300))
