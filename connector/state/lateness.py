"""How late rows change, counted in the transaction of the page that shows it: a few lines a stream, none per row."""

import sqlite3
from collections import defaultdict
from datetime import datetime

from connector.lateness import Cell, Count, Piece, Watch, followed, watch
from connector.mapping import Row
from connector.spans import instant, stamp
from connector.state.database import Database
from connector.state.hashes import Said
from connector.state.one_pass import Pass, span_of
from connector.windows import Window


class LatenessCounts:
    """Questions about the counts, and what a pass is watched by."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._made: tuple[tuple[object, ...], Watch | None] = ((), None)

    def counts(self, stream: str) -> tuple[dict[Cell, Count], int]:
        """What was counted, and the whole days from the first to the last count."""
        rows = self._db.rows("SELECT * FROM lateness WHERE stream = ?", [stream])
        found = {
            Cell(row["way"], row["after"], row["until"]): Count(row["rows"], row["changed"], row["came"])
            for row in rows
        }
        if not rows:
            return found, 0
        first, last = min(row["since"] for row in rows), max(row["latest"] for row in rows)
        return found, (instant(last) - instant(first)).days

    def watch(self, one: Pass, window: Window) -> Watch | None:
        """What the rows of a pass are counted by; None when it says nothing of lateness.

        A forced pass does not, for a person wants everything sent; nor do the halves of one that has given rows.
        """
        of = (one.id, one.reading, one.as_of)
        if self._made[0] != of:
            self._made = (of, self._watch(one, window))
        return self._made[1]

    def _watch(self, one: Pass, window: Window) -> Watch | None:
        if one.forced or self._has_given(one.parent):
            return None
        if one.within is None:
            return Watch((), ())
        sql = "SELECT * FROM coverage WHERE stream = ? AND start < ? AND end > ?"
        pieces, other = [], []
        for row in self._db.rows(sql, [one.stream, stamp(one.span.end), stamp(one.span.start)]):
            under = span_of(row)
            shared = type(under)(max(under.start, one.span.start), min(under.end, one.span.end))
            if row["mapping_print"] == _print(one):
                pieces.append(Piece(shared, instant(row["began"]), row["path"]))
            else:
                other.append(shared)
        return watch(window, one.kind, one.span, one.as_of, pieces, other)

    def _has_given(self, parent: int | None) -> bool:
        """Whether a pass that was split, or one it is half of, has stored a page: its rows are counted by then."""
        while parent is not None:
            row = self._db.row("SELECT parent, pages FROM passes WHERE id = ?", [parent])
            if row is None or row["pages"]:
                return True
            parent = row["parent"]
        return False


def forget(db: sqlite3.Connection, stream: str) -> None:
    """Inside a transaction: what was counted belongs to another mapping or organisation."""
    db.execute("DELETE FROM lateness WHERE stream = ?", [stream])


class Tally:
    """Counts the rows of one page inside its transaction."""

    def __init__(self, db: sqlite3.Connection, one: Pass, counted_by: Watch | None, now: datetime) -> None:
        self._db = db
        self._pass = one
        self._watch = counted_by
        self._now = now
        self._counts: dict[Cell, list[int]] = defaultdict(lambda: [0, 0, 0])

    def meet(
        self, target: str, row: Row, said: Said, older: sqlite3.Row | None, names: tuple[str, str], *, is_same: bool
    ) -> None:
        """A row met for the first time in its pass.

        older: the version on its way; names: of the record, as its rejects call it and its own id, "" where it is not
        followed; is_same: the row equals what is known of it.
        """
        if self._watch is None:
            return
        if self._pass.within is None:
            if not is_same:
                self._meet_by_id(target, row, said, older, names)
            return
        slot = self._watch.slot(row.at)
        if slot is None:
            return
        cell, piece = slot
        if cell.moves_on:
            self._counts[cell][0] += 1
        if piece is None or is_same:
            return
        change = self._change(target, row, said, older, names[0], is_same_path=piece.path == self._pass.path)
        if change:
            is_followed, ended = self._ended(names[1])
            if is_followed:
                # Its reads by id would have met it while it was open; after its end they go on for the lookback.
                by_end = followed(ended, piece.began, self._pass.as_of) if ended else None
                if by_end is None:
                    return
                cell = by_end
            self._counts[cell][change] += 1

    def _meet_by_id(self, target: str, row: Row, said: Said, older: sqlite3.Row | None, names: tuple[str, str]) -> None:
        sql = "SELECT mapping_print, path FROM coverage WHERE stream = ? AND start <= ? AND end > ?"
        read = self._db.execute(sql, [self._pass.stream, row.at, row.at]).fetchone()
        _, ended = self._ended(names[1])
        if read is None or read["mapping_print"] != _print(self._pass) or ended is None:
            return
        cell = followed(ended, None, self._now)
        change = self._change(target, row, said, older, names[0], is_same_path=read["path"] == self._pass.path)
        if cell and change:
            self._counts[cell][change] += 1

    def _change(
        self, target: str, row: Row, said: Said, older: sqlite3.Row | None, record: str, *, is_same_path: bool
    ) -> int:
        """1: the row has changed since it was read before; 2: it was not given then; 0: neither is known."""
        key = (self._pass.stream, target, row.at, row.external_id)
        sql = (
            "SELECT hash, rest, in_doubt FROM row_hashes WHERE stream = ? AND object = ? AND at = ? AND external_id = ?"
        )
        known = older or self._db.execute(sql, key).fetchone()
        # What vanished and is given again, or what was set aside before, is not new and has not changed.
        sql = "SELECT 1 FROM vanished WHERE stream = ? AND object = ? AND at = ? AND external_id = ? LIMIT 1"
        if self._db.execute(sql, key).fetchone():
            return 0
        if known is None:
            sql = """SELECT 1 FROM rejects WHERE stream = ? AND object = ? AND external_id IN (?, ?)
                     AND closed IS NULL"""
            reject = self._db.execute(sql, [self._pass.stream, target, row.external_id, record]).fetchone()
            return 0 if reject else 2
        if older is None and known["in_doubt"]:
            return 0
        if is_same_path:
            return int(not said.equals(known["hash"], known["rest"]))
        # Another path gives other fields: only what both give can have changed.
        return int(said.hash != known["hash"])

    def _ended(self, name: str) -> tuple[bool, datetime | None]:
        """Whether the record was followed by id before this page, and its end as it was read then."""
        if not name:
            return False, None
        sql = "SELECT ended FROM open_records WHERE stream = ? AND id = ?"
        row = self._db.execute(sql, [self._pass.stream, name]).fetchone()
        return row is not None, instant(row["ended"]) if row and row["ended"] else None

    def write(self) -> None:
        """Add what was counted to what is kept."""
        now = stamp(self._now)
        self._db.executemany(
            """INSERT INTO lateness (stream, way, after, until, rows, changed, came, since, latest)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, changed = changed + excluded.changed,
                   came = came + excluded.came, latest = excluded.latest""",
            [[self._pass.stream, *cell, *counts, now, now] for cell, counts in self._counts.items()],
        )


def _print(one: Pass) -> str:
    return f"{one.fields_print} {one.source_print}"
