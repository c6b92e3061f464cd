"""The state of a home for commands that only look at it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.config import Config
from connector.state.database import Database
from connector.state.store import Store


@contextmanager
def open_state(config: Config) -> Iterator[Store]:
    """The state, or, before the first run, an empty one that is thrown away. Raises StateError."""
    with tempfile.TemporaryDirectory(prefix="connector-") as folder:
        db = Database(config.state if config.state.exists() else Path(folder) / "empty.db")
        try:
            yield Store(db)
        finally:
            db.close()
