"""Rejects: rows set aside, at most one open for each key, until something newer about the key closes it."""

import sqlite3
from dataclasses import dataclass
from datetime import timedelta

REJECT_BELIEVED_FOR = timedelta(days=1)
"""A row equal to its open reject is not sent again before this has passed."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row set aside.

    seq: its version; for a row that was never sent the last version made before it; payload: JSON of its fields, None
    where no row could be made; rest: as in Said, None also where what only jobs give has no part in it; record: the id
    by which its record can be read again, None where there is no call for that; action: what was refused.
    """

    stream: str
    object: str
    external_id: str
    at: str
    seq: int
    hash: bytes
    payload: bytes | None
    code: str
    message: str
    fields: str = ""
    was_sent: bool = False
    rest: bytes | None = None
    record: str | None = None
    action: str = "upsert"


def open_reject(db: sqlite3.Connection, one: Reject, pass_id: int, fields_print: str, now: str) -> None:
    """Inside a transaction: set a row aside; the open reject of the key, unless it is of a later version, is brought up
    to date.

    It may be about what only jobs give as soon as one version of the key was that was refused: it stays so.
    """
    db.execute(
        """INSERT INTO rejects (stream, object, external_id, at, seq, hash, rest, payload, code, message, fields,
                                fields_print, pass, first_seen, last_seen, record, action, of_job)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (stream, object, external_id) WHERE closed IS NULL DO UPDATE SET
               seq = excluded.seq, hash = excluded.hash, rest = excluded.rest, payload = excluded.payload,
               code = excluded.code, message = excluded.message, fields = excluded.fields,
               fields_print = excluded.fields_print, pass = excluded.pass,
               last_seen = excluded.last_seen, tries = tries + 1, record = coalesce(excluded.record, record),
               action = excluded.action, of_job = max(of_job, excluded.of_job), asked = NULL, given = NULL
               WHERE excluded.seq > rejects.seq OR NOT ?""",
        [
            one.stream,
            one.object,
            one.external_id,
            one.at,
            one.seq,
            one.hash,
            one.rest,
            one.payload,
            one.code,
            one.message,
            one.fields,
            fields_print,
            pass_id,
            now,
            now,
            one.record,
            one.action,
            one.rest is not None,
            one.was_sent,
        ],
    )


def close_reject(
    db: sqlite3.Connection,
    key: tuple[str, str, str],
    now: str,
    how: str,
    outcome_seq: int | None,
    *,
    by_job: bool = True,
) -> None:
    """Inside a transaction: close the open reject of a key (stream, object, external id).

    outcome_seq: version whose outcome closes it; an older version than the reject's closes nothing. None: the newest.
    by_job: that version says what only jobs give; else a reject that may be about this stays open.
    """
    sql = """UPDATE rejects SET closed = ?, closed_by = ?
             WHERE stream = ? AND object = ? AND external_id = ? AND closed IS NULL AND seq < ?
             AND (NOT of_job OR ?)"""
    db.execute(sql, [now, how, *key, 2**62 if outcome_seq is None else outcome_seq, by_job])
