"""Gaps: spans whose witnesses never agreed, how they are opened, what makes them news, and how they are closed.

An open gap says that its span must be read. It is kept as history when it is closed. Its `news` is a number that only
grows: it gets the next one when it is opened and when it lacks more than ever before. What is above the number a run
has told of is still to be told.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.spans import Span, instant, stamp
from connector.state.coverage import uncover
from connector.state.database import Database
from connector.state.one_pass import Pass, bounds_of, span_of

BELIEVED_AFTER = timedelta(days=1)
"""A gap that gives the same records this long after it first gave them holds no more: the promise was wrong."""

HOLE_BELIEVED_AFTER = timedelta(days=7)
"""The same where pages in its middle stay empty though later ones hold records: that is no wrong count but missing
records, so a person is given a week to ask the vendor."""

AGREED = "its witnesses agreed"
BELIEVED = "a day later the same records were all there were"
HOLE_BELIEVED = "a week later the same records were all there were, with a hole in their middle"
COVERED = "a larger pass that holds it was read whole"
HALVES_AGREED = "its halves were read whole"
HALVES_TOOK_OVER = "its halves are read in its place"
BEFORE_START = "it lies before window.start now"


@dataclass(frozen=True)
class Gap:
    """A span that was not given whole, open or closed.

    expected: records promised by its last short read, None where nothing was; received: given by it; same_since: the
    age of the first read that gave just these records; closed: when, None while it is open; closed_by: what closed it,
    in words; closed_run, closed_pass: the run and the pass that did, None where there was no pass or it is not known;
    has_hole: pages in its middle stayed empty though later ones held records.
    """

    stream: str
    span: Span
    reason: str
    expected: int | None
    received: int
    tries: int
    first_seen: datetime
    last_tried: datetime
    same_since: datetime
    closed: datetime | None = None
    closed_by: str = ""
    closed_run: int | None = None
    closed_pass: int | None = None
    has_hole: bool = False

    @property
    def believed_from(self) -> datetime:
        """A read as old as this or younger that gives the same records once more closes it."""
        return self.same_since + (HOLE_BELIEVED_AFTER if self.has_hole else BELIEVED_AFTER)


class Gaps:
    """Questions about the gaps of all streams, and what closes them without a read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, stream: str | None = None) -> list[Gap]:
        """Open gaps, by stream and time."""
        sql = "SELECT * FROM gaps WHERE closed IS NULL AND (? IS NULL OR stream = ?) ORDER BY stream, start, end"
        return [_gap_of(row) for row in self._db.rows(sql, [stream, stream])]

    def closed(self, stream: str | None = None) -> list[Gap]:
        """Closed gaps, those closed last first."""
        sql = """SELECT * FROM gaps WHERE closed IS NOT NULL AND (? IS NULL OR stream = ?)
                 ORDER BY closed DESC, stream, start DESC, id DESC"""
        return [_gap_of(row) for row in self._db.rows(sql, [stream, stream])]

    def to_force(self, stream: str) -> list[Span]:
        """Open gaps that a forced re-sync owes and no forced read has tried since.

        Tried once they are read unforced until they close, else each run would send all their rows; then what is owed
        sends them once more.
        """
        sql = """SELECT g.start, g.end FROM gaps g WHERE g.stream = ? AND g.closed IS NULL AND EXISTS (
                     SELECT 1 FROM owed o WHERE o.stream = g.stream AND o.forced AND o.start < g.end AND o.end > g.start
                     AND NOT EXISTS (SELECT 1 FROM passes p WHERE p.stream = g.stream AND p.start = g.start
                         AND p.end = g.end AND p.forced AND p.state = 'short' AND p.id > o.after_pass))"""
        return [span_of(row) for row in self._db.rows(sql, [stream])]

    def leave_before(self, stream: str, first: datetime, run: int, now: datetime) -> None:
        """Close gaps that lie before the first instant wanted, and forget that anything of their time was covered.

        So an earlier start makes that time new again.
        """
        for one in self.open(stream):
            if one.span.end <= first:
                with self._db.transaction() as db:
                    uncover(db, stream, one.span)
                    close_all(db, stream, BEFORE_START, now, run=run, within=one.span)

    def newest(self, stream: str) -> int:
        """The number of the latest news of the stream; 0 when it never had a gap."""
        return int(self._db.value("SELECT coalesce(max(news), 0) FROM gaps WHERE stream = ?", [stream]))

    def count_since(self, stream: str, news: int) -> int:
        """How many open gaps were opened, or came to lack more than ever, after that number was told."""
        sql = "SELECT count(*) FROM gaps WHERE stream = ? AND news > ? AND closed IS NULL"
        return int(self._db.value(sql, [stream, news]))


def find_open(db: sqlite3.Connection, stream: str, span: Span) -> sqlite3.Row | None:
    """The open gap of exactly this span."""
    sql = "SELECT * FROM gaps WHERE stream = ? AND start = ? AND end = ? AND closed IS NULL"
    found: sqlite3.Row | None = db.execute(sql, [stream, *bounds_of(span)]).fetchone()
    return found


def is_believed(gap: sqlite3.Row | None, one: Pass, digest: bytes) -> bool:
    """Whether a short pass gives just what the gap gave long enough before.

    A read by job is as old as what the data lake knew: the same stale lake proves nothing.
    """
    if gap is None or gap["digest"] != digest:
        return False
    wait = HOLE_BELIEVED_AFTER if _had_hole(gap, one) else BELIEVED_AFTER
    return one.as_of - instant(gap["digest_since"]) >= wait


def how_closed(gap: sqlite3.Row | None, one: Pass) -> str:
    """What closes the gap of just the span of a pass that counts as whole, in words."""
    if gap is None or not one.reason:
        return AGREED
    return HOLE_BELIEVED if _had_hole(gap, one) else BELIEVED


def _had_hole(gap: sqlite3.Row, one: Pass) -> bool:
    """Whether the gap had a hole in its middle when it was read before, or has one now."""
    return bool(gap["has_hole"]) or _has_hole(one)


def _has_hole(one: Pass) -> bool:
    return one.checkpoint is not None and bool(one.checkpoint.seen.skipped)


def keep_open(db: sqlite3.Connection, one: Pass, gap: sqlite3.Row | None, digest: bytes, now: datetime) -> None:
    """Inside a transaction: write what a short pass met; gap: the open one of its span."""
    missing = None if one.expected is None else one.expected - one.distinct_keys
    if gap is None:
        db.execute(
            f"""INSERT INTO gaps (stream, start, end, reason, expected, received, digest, digest_since, first_seen,
                                  last_tried, has_hole, news, least_received, most_missing)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {_NEXT}, ?, ?)""",  # noqa: S608
            [
                one.stream,
                *bounds_of(one.span),
                one.reason,
                one.expected,
                one.distinct_keys,
                digest,
                stamp(one.as_of),
                stamp(now),
                stamp(now),
                _has_hole(one),
                one.distinct_keys,
                missing,
            ],
        )
        return
    since = gap["digest_since"] if gap["digest"] == digest else stamp(one.as_of)
    most = max((known for known in (missing, gap["most_missing"]) if known is not None), default=None)
    least = min(one.distinct_keys, gap["least_received"])
    is_worse = least < gap["least_received"] or (gap["most_missing"] is not None and most > gap["most_missing"])
    db.execute(
        f"""UPDATE gaps SET reason = ?, expected = ?, received = ?, digest = ?, digest_since = ?, last_tried = ?,
                            tries = tries + 1, has_hole = ?, least_received = ?, most_missing = ?,
                            news = CASE WHEN ? THEN {_NEXT} ELSE news END WHERE id = ?""",  # noqa: S608
        [
            one.reason,
            one.expected,
            one.distinct_keys,
            digest,
            since,
            stamp(now),
            _has_hole(one),
            least,
            most,
            is_worse,
            gap["id"],
        ],
    )


def close_within(db: sqlite3.Connection, one: Pass, how: str, run: int, now: datetime) -> None:
    """Inside a transaction: a pass was read whole, and so were the gaps it holds. how: what closes the one of just its
    span."""
    exact = find_open(db, one.stream, one.span)
    if exact is not None:
        _close(db, [exact["id"]], how, now, run, one.id)
    close_all(db, one.stream, COVERED, now, run=run, by_pass=one.id, within=one.span)


def close_all(
    db: sqlite3.Connection,
    stream: str,
    how: str,
    now: datetime,
    *,
    run: int | None = None,
    by_pass: int | None = None,
    within: Span | None = None,
) -> None:
    """Inside a transaction: close the open gaps of a stream that lie within a span, or all."""
    sql = "SELECT id FROM gaps WHERE stream = ? AND closed IS NULL"
    bounds: Sequence[str] = ()
    if within is not None:
        sql, bounds = f"{sql} AND start >= ? AND end <= ?", bounds_of(within)
    _close(db, [row["id"] for row in db.execute(sql, [stream, *bounds])], how, now, run, by_pass)


def hand_over(db: sqlite3.Connection, parent: Pass, run: int, now: datetime) -> None:
    """Inside a transaction: all halves of a pass are over; the gap of its span is closed, or its halves' from now on.

    A gap that is left is no news unless all that is left lack more than the whole did. Where a half failed, nothing of
    it is known, and the gap stays.
    """
    gap = find_open(db, parent.stream, parent.span)
    descendants = """WITH RECURSIVE d(id, state) AS (
        SELECT id, state FROM passes WHERE parent = ?
        UNION ALL SELECT p.id, p.state FROM passes p JOIN d ON p.parent = d.id)
        SELECT 1 FROM d WHERE state NOT IN ('settled', 'short', 'split')"""
    if gap is None or db.execute(descendants, [parent.id]).fetchone():
        return
    inside = "SELECT * FROM gaps WHERE stream = ? AND closed IS NULL AND start >= ? AND end <= ? AND id <> ?"
    left = db.execute(inside, [parent.stream, *bounds_of(parent.span), gap["id"]]).fetchall()
    _close(db, [gap["id"]], HALVES_TOOK_OVER if left else HALVES_AGREED, now, run, parent.id)
    lacks = [one["most_missing"] for one in left if one["most_missing"] is not None]
    is_worse = gap["most_missing"] is None or len(lacks) < len(left) or sum(lacks) > gap["most_missing"]
    for one in left:
        news = one["news"] if is_worse else min(one["news"], gap["news"])
        first_seen = min(one["first_seen"], gap["first_seen"])
        db.execute("UPDATE gaps SET first_seen = ?, news = ? WHERE id = ?", [first_seen, news, one["id"]])


_NEXT = "(SELECT coalesce(max(news), 0) + 1 FROM gaps)"


def _close(
    db: sqlite3.Connection, gaps: Sequence[int], how: str, now: datetime, run: int | None, by_pass: int | None
) -> None:
    db.executemany(
        "UPDATE gaps SET closed = ?, closed_by = ?, closed_run = ?, closed_pass = ? WHERE id = ?",
        [[stamp(now), how, run, by_pass, one] for one in gaps],
    )


def _gap_of(row: sqlite3.Row) -> Gap:
    return Gap(
        stream=row["stream"],
        span=span_of(row),
        reason=row["reason"],
        expected=row["expected"],
        received=row["received"],
        tries=row["tries"],
        first_seen=instant(row["first_seen"]),
        last_tried=instant(row["last_tried"]),
        same_since=instant(row["digest_since"]),
        has_hole=bool(row["has_hole"]),
        closed=instant(row["closed"]) if row["closed"] else None,
        closed_by=row["closed_by"] or "",
        closed_run=row["closed_run"],
        closed_pass=row["closed_pass"],
    )
