"""The state file: one SQLite database, opened by one process for many threads, every fault told in plain words."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlite_utils

from connector.errors import StateError
from connector.state.migrations import MIGRATIONS

BUSY_SECONDS = 60.0
"""How long a write waits for another process that writes to the same state file."""


PAGES_GIVEN_BACK = 5_000
"""Free pages a run returns to the disk at most, so that no run is slowed down by it."""


class Database:
    """A connection shared by the threads of one process, one statement or transaction at a time.

    after_commit is called after every commit, with nothing; tests count and interrupt there.
    Raises StateError when the file cannot be opened, is no state file, or was written by a newer version.
    """

    def __init__(self, path: Path | str, *, after_commit: Callable[[], None] = lambda: None) -> None:
        self.path = Path(path)
        self._after_commit = after_commit
        self._lock = threading.RLock()
        self.is_new = not self.path.exists()
        with self._plainly():
            _make_private(self.path)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        # A process that died at its first instruction may have left an empty file.
        if not self._connection.execute("PRAGMA page_count").fetchone()[0]:
            self._connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        elif self._is_foreign():
            raise StateError(
                f"{self.path}: this database belongs to another program", "name another file in CONNECTOR_STATE"
            )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        tables = sqlite_utils.Database(self._connection, recursive_triggers=False, execute_plugins=False)
        newer = sorted({migration.name for migration in MIGRATIONS.applied(tables)} - _known_steps())
        if newer:
            raise StateError(
                f"{self.path}: written by a newer version of connector (it knows {', '.join(newer)})",
                "install that version again, or name another home with --home",
            )
        # Two processes may open a new state at the same time: only one of them finds a step to take.
        if MIGRATIONS.pending(tables):
            with self.transaction():
                MIGRATIONS.apply(tables)

    def _is_foreign(self) -> bool:
        sql = "SELECT count(*), total(name = ?) FROM sqlite_master WHERE type = 'table'"
        tables, ours = self._connection.execute(sql, [MIGRATIONS.migrations_table]).fetchone()
        return bool(tables) and not ours

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All statements inside happen, or none; durable survives a power cut as well as a crash.

        Raises StateError when the disk is full, the file is read-only, damaged, or locked for too long.
        """
        with self._lock, self._plainly():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self._after_commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for SELECTs that belong together; nothing is written through it."""
        with self._lock, self._plainly():
            yield self._connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Every row of a SELECT."""
        with self._lock, self._plainly():
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a SELECT, or None."""
        with self._lock, self._plainly():
            found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row of a SELECT, or None."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    def give_back_space(self) -> None:
        """Return some of the pages that are free now to the disk."""
        with self._lock, self._plainly():
            self._connection.execute(f"PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})").fetchall()

    def copy_to(self, path: Path) -> None:
        """Write a copy, consistent in itself, of the whole state to a new private file."""
        with self._lock, self._plainly():
            _make_private(path)
            target = sqlite3.connect(path)
            try:
                self._connection.backup(target)
            finally:
                target.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            with disk_in_words(self.path):
                yield
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: {error}", _mend(error)) from error


@contextmanager
def disk_in_words(path: Path) -> Iterator[None]:
    """Tell every fault of the file system as a StateError; `path`: what was at work, where the fault does not say."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{error.filename or path}: {error.strerror or error}", _mend(error)) from error


def _known_steps() -> set[str]:
    empty = sqlite_utils.Database(memory=True)
    try:
        return {migration.name for migration in MIGRATIONS.pending(empty)}
    finally:
        empty.close()


def _make_private(path: Path) -> None:
    """Create the file readable and writable by its owner only; SQLite gives its companions the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _mend(error: Exception) -> str:
    text = str(error).lower()
    if "full" in text or "no space" in text:
        return "the disk is full: free some space and run again; nothing is lost"
    if "readonly" in text or "read-only" in text or "unable to open" in text or isinstance(error, OSError):
        return "the folder and the file must be writable by this user; or name another home with --home"
    if "locked" in text:
        return "another process held the state file too long; run again when it is done"
    if "malformed" in text or "not a database" in text:
        return "the file is damaged or no state file: restore a copy, or move it away to begin anew (rows are upserted)"
    return "see docs/state.md"
