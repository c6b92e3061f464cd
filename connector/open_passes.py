"""Open records while passes are read: each page says which there are, and those that are due are read by id."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from connector.following import Followed, Rules
from connector.genesys.by_id import IdReader
from connector.genesys.judge import Page, Record
from connector.genesys.queries import Query
from connector.spans import Span
from connector.state import open_records
from connector.state.one_pass import Pass
from connector.state.open_records import OpenRecords

Beside = Callable[[sqlite3.Connection], None]
"""What is written in the transaction of a page."""


class OpenPasses:
    """Reads the open records of one stream and keeps their list; ids: None when its query has none."""

    def __init__(self, ids: IdReader | None, rules: Rules, listed: OpenRecords, stream: str) -> None:
        self._ids = ids
        self._rules = rules
        self._listed = listed
        self._stream = stream

    def next_due(self, one: Pass, due: datetime) -> Sequence[str]:
        """The records to ask for next, of those due by then; none when the pass has asked for all."""
        return self._listed.next_due(self._stream, due, one.id, self._ids.size) if self._ids else []

    def fetch(self, number: int, wanted: Sequence[str]) -> Page | None:
        """What the service gives for these ids, as page `number` of the pass; None: fewer are to be asked for."""
        records = self._ids.fetch(wanted) if self._ids else None
        return None if records is None else Page(number, records, "", len(wanted))

    def noting(self, one: Pass, query: Query, page: Page) -> Beside:
        """Brings the list of open records up to date with a page of `query`."""
        found = list(self._following(query, page.records, one.as_of, one.within))
        return lambda db: open_records.note(db, self._stream, found)

    def noting_answers(self, one: Pass, query: Query, page: Page, wanted: Sequence[str], read: datetime) -> Beside:
        """The same with what was given for these ids; read: when they were asked for.

        Those asked for are noted too, so that a later run goes on behind them.
        """
        found = list(self._following(query, page.records, read, None))
        return lambda db: open_records.note_answers(db, self._stream, one.id, wanted, found, read)

    def _following(
        self, query: Query, records: Iterable[Record], read: datetime, within: Span | None
    ) -> Iterator[Followed]:
        if self._ids is None or (by_id := query.by_id) is None:
            return iter(())
        return self._rules.following(records, by_id.key, query.time, by_id.end, read, within)
