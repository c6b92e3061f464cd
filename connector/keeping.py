"""What is kept of a page: its rows and records, and in the same transaction all that is learned from it besides."""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from connector.errors import ConnectorError
from connector.genesys.judge import Page, Seen
from connector.open_passes import Beside
from connector.state.heard import Listening
from connector.state.one_pass import Checkpoint, Pass
from connector.state.outbox import Entry
from connector.state.store import Store
from connector.windows import Window


class Keeping:
    """Stores the pages one run of a stream reads, whole. objects: the Salesforce object of each target."""

    def __init__(self, store: Store, stream: str, run: int, window: Window, objects: Sequence[str]) -> None:
        self._store = store
        self._stream = stream
        self._run = run
        self._window = window
        self._objects = objects
        self._listening = Listening(window.size.zone)

    def keep(
        self,
        one: Pass,
        page: Page,
        seen: Seen,
        entries: Collection[Entry],
        distinct: int,
        now: datetime,
        beside: Beside,
    ) -> None:
        """Store a page whole, with the place reached, how late its rows changed and which ids they name.

        seen: what the judge has seen with it; entries: what became of its records; distinct: keys met with it; beside:
        what its transaction says of records followed by id.
        """
        checkpoint = Checkpoint(page.number, page.digest, seen, page.cursor)
        watch = self._store.lateness.watch(one, self._window)
        heard = self._listening.noting(one, page.records, entries)

        def besides(db: sqlite3.Connection) -> None:
            beside(db)
            heard(db)

        self._store.outbox.store_page(one, entries, self._objects, checkpoint, distinct, now, besides, watch)

    def is_full(self, most: int | None) -> bool:
        """Whether so many rows wait that no page is to be kept before some are delivered; None: never.

        Raises ConnectorError when none of them can be delivered by this run.
        """
        if most is None or self._store.outbox.waiting(self._stream, most) < most:
            return False
        if not self._store.outbox.sendable(self._stream, self._run):
            raise ConnectorError(
                f"{self._stream}: {most} rows wait for a person or for a parent record; reading stops",
                "see connector rejects and connector status; the next run goes on once they can be delivered",
            )
        return True
