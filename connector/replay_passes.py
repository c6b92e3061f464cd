"""Replays of rejects while passes are read: their rows are put back slice by slice, then records are read by id."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from connector.genesys.by_id import IdReader
from connector.genesys.judge import Page
from connector.genesys.queries import Query
from connector.open_passes import Beside
from connector.spans import Span, instant
from connector.state.one_pass import Pass
from connector.state.replays import Again, Replays, note_answers
from connector.state.vanished import Rule
from connector.windows import Window


class ReplayPasses:
    """Moves the replays of one stream on; ids: None when its query has none; rules: what is written, per object."""

    def __init__(
        self,
        ids: IdReader | None,
        window: Window,
        rules: Sequence[Rule],
        replays: Replays,
        now: Callable[[], datetime],
    ) -> None:
        self._ids = ids
        self._window = window
        self._rules = rules
        self._replays = replays
        self._now = now

    def take_up(self, one: Pass) -> bool:
        """Put the next slice of rejects back, or mark them to be read again. False: there are no more."""
        return self._replays.step(one, Again(self._rules, self._cell, self._ids is not None))

    def next_due(self, one: Pass, due: datetime) -> Sequence[str]:
        """The records to ask for next; none when the replay has asked for all. due: does not matter here."""
        return self._replays.next_records(one, self._ids.size) if self._ids else []

    def fetch(self, number: int, wanted: Sequence[str]) -> Page | None:
        """What the service gives for these ids, as page `number` of the pass; None: fewer are to be asked for."""
        records = self._ids.fetch(wanted) if self._ids else None
        return None if records is None else Page(number, records, "", len(wanted))

    def noting_answers(self, one: Pass, query: Query, page: Page, wanted: Sequence[str], read: datetime) -> Beside:
        """Notes in the transaction of a page which ids were asked for, so that a later run goes on behind them.

        The list of open records is left to the passes that follow it.
        """
        return lambda db: note_answers(db, one, wanted, len(page.records))

    def _cell(self, at: str) -> Span | None:
        """The whole cell that holds a row, up to the horizon: one read serves all rejects of it.

        at: as the state writes it, "" for a record without a time. None where nothing is wanted or settled.
        """
        if not at:
            return None
        moment, window = instant(at), self._window
        (cell,) = window.cells(Span(moment, moment + timedelta(seconds=1)))
        start, end = max(cell.start, window.first()), min(cell.end, window.horizon(self._now()))
        return Span(start, end) if start < end else None
