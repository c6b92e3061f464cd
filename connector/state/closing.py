"""What a pass leaves when it closes: a gap; or coverage, its gaps closed and its span taken off what is owed."""

import sqlite3
from datetime import datetime, timedelta

from connector.spans import instant, minus, stamp
from connector.state.one_pass import Pass, bounds_of, span_of

GAP_BELIEVED_AFTER = timedelta(days=1)
"""A gap that gives the same records this long after it first gave them holds no more: the promise was wrong."""


def close(db: sqlite3.Connection, one: Pass, now: datetime) -> str:
    """Inside a transaction: write what a pass with a span leaves. Returns why it is short, or "" when it is settled."""
    digest = _order_free_digest(db, one)
    sql = "SELECT * FROM gaps WHERE stream = ? AND start = ? AND end = ? AND closed IS NULL"
    gap = db.execute(sql, [one.stream, *bounds_of(one.within)]).fetchone()
    reason, how = one.reason, "its witnesses agreed"
    if reason and gap is not None and gap["digest"] == digest and _is_old(gap, one):
        reason, how = "", "a day later the same records were all there were"
    if reason:
        _open_gap(db, one, gap, digest, now)
    else:
        _cover(db, one)
        _close_gaps(db, one, how, now)
        _take_off_owed(db, one)
    return reason


def _order_free_digest(db: sqlite3.Connection, one: Pass) -> bytes:
    """A digest of the record keys met in the last reading, the same in whatever order they came."""
    total = 0
    keys = "SELECT digest FROM seen WHERE pass = ? AND kind = 'record' AND reading = ?"
    for row in db.execute(keys, [one.id, one.reading]):
        total ^= int.from_bytes(row["digest"])
    return total.to_bytes(16)


def _open_gap(db: sqlite3.Connection, one: Pass, gap: sqlite3.Row | None, digest: bytes, now: datetime) -> None:
    if gap is None:
        db.execute(
            """INSERT INTO gaps (stream, start, end, reason, expected, received, digest, digest_since,
                                 first_seen, last_tried) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                one.stream,
                stamp(one.span.start),
                stamp(one.span.end),
                one.reason,
                one.expected,
                one.distinct_keys,
                digest,
                stamp(one.began),
                stamp(now),
                stamp(now),
            ],
        )
        return
    since = gap["digest_since"] if gap["digest"] == digest else stamp(one.began)
    db.execute(
        """UPDATE gaps SET reason = ?, expected = ?, received = ?, digest = ?, digest_since = ?, last_tried = ?,
                           tries = tries + 1 WHERE id = ?""",
        [one.reason, one.expected, one.distinct_keys, digest, since, stamp(now), gap["id"]],
    )


def _is_old(gap: sqlite3.Row, one: Pass) -> bool:
    return one.began - instant(gap["digest_since"]) >= GAP_BELIEVED_AFTER


def _close_gaps(db: sqlite3.Connection, one: Pass, how: str, now: datetime) -> None:
    db.execute(
        "UPDATE gaps SET closed = ?, closed_by = ? WHERE stream = ? AND start >= ? AND end <= ? AND closed IS NULL",
        [stamp(now), how, one.stream, stamp(one.span.start), stamp(one.span.end)],
    )


def _cover(db: sqlite3.Connection, one: Pass) -> None:
    """Add the span: older spans under it are cut, so that each piece says when it was last read."""
    start, end = stamp(one.span.start), stamp(one.span.end)
    under = db.execute(
        "SELECT * FROM coverage WHERE stream = ? AND start < ? AND end > ?", [one.stream, end, start]
    ).fetchall()
    db.execute("DELETE FROM coverage WHERE stream = ? AND start < ? AND end > ?", [one.stream, end, start])
    pieces = [(start, end, stamp(one.as_of), one.path, f"{one.fields_print} {one.source_print}")]
    for old in under:
        rest = minus([span_of(old)], [one.span])
        pieces += [(stamp(a.start), stamp(a.end), old["began"], old["path"], old["mapping_print"]) for a in rest]
    db.executemany(
        "INSERT INTO coverage (stream, start, end, began, path, mapping_print) VALUES (?, ?, ?, ?, ?, ?)",
        [[one.stream, *piece] for piece in pieces],
    )


def _take_off_owed(db: sqlite3.Connection, one: Pass) -> None:
    start, end = stamp(one.span.start), stamp(one.span.end)
    owed = db.execute(
        "SELECT * FROM owed WHERE stream = ? AND after_pass < ? AND start < ? AND end > ?",
        [one.stream, one.id, end, start],
    ).fetchall()
    for old in owed:
        if old["forced"] and not one.forced:
            continue
        db.executemany(
            """INSERT INTO owed (stream, start, end, cause, forced, accepts_vanished, after_pass)
               SELECT stream, ?, ?, cause, forced, accepts_vanished, after_pass FROM owed WHERE id = ?""",
            [[stamp(a.start), stamp(a.end), old["id"]] for a in minus([span_of(old)], [one.span])],
        )
        db.execute("DELETE FROM owed WHERE id = ?", [old["id"]])
