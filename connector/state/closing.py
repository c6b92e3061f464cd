"""What a pass leaves when it closes: a gap; or coverage, its gaps closed and its span taken off what is owed."""

import sqlite3
from datetime import datetime

from connector.spans import minus, stamp
from connector.state import gaps
from connector.state.coverage import cover
from connector.state.one_pass import Pass, span_of


def close(db: sqlite3.Connection, one: Pass, run: int, now: datetime) -> str:
    """Inside a transaction: write what a pass with a span leaves. Returns why it is short, or "" when it is settled."""
    digest = _order_free_digest(db, one)
    gap = gaps.find_open(db, one.stream, one.span)
    is_believed = gaps.is_believed(gap, one, digest)
    if one.reason and not is_believed:
        gaps.keep_open(db, one, gap, digest, now)
    else:
        cover(db, one)
        gaps.close_within(db, one, gaps.how_closed(gap, one), run, now)
    reason = "" if is_believed else one.reason
    _take_off_owed(db, one, is_settled=not reason)
    return reason


def _order_free_digest(db: sqlite3.Connection, one: Pass) -> bytes:
    """A digest of the record keys met in the last reading, the same in whatever order they came."""
    total = 0
    keys = "SELECT digest FROM seen WHERE pass = ? AND kind = 'record' AND reading = ?"
    for row in db.execute(keys, [one.id, one.reading]):
        total ^= int.from_bytes(row["digest"])
    return total.to_bytes(16)


def _take_off_owed(db: sqlite3.Connection, one: Pass, *, is_settled: bool) -> None:
    """What was owed before the pass was begun is read. Read short, its gap asks for it from now on; what is to be sent
    unchanged, and what a person accepted, stays owed until the gap is closed."""
    start, end = stamp(one.span.start), stamp(one.span.end)
    owed = db.execute(
        "SELECT * FROM owed WHERE stream = ? AND after_pass < ? AND start < ? AND end > ?",
        [one.stream, one.id, end, start],
    ).fetchall()
    for old in owed:
        if (old["forced"] and not (one.forced and is_settled)) or (old["accepts_vanished"] and not is_settled):
            continue
        db.executemany(
            """INSERT INTO owed (stream, start, end, cause, forced, accepts_vanished, after_pass)
               SELECT stream, ?, ?, cause, forced, accepts_vanished, after_pass FROM owed WHERE id = ?""",
            [[stamp(a.start), stamp(a.end), old["id"]] for a in minus([span_of(old)], [one.span])],
        )
        db.execute("DELETE FROM owed WHERE id = ?", [old["id"]])
