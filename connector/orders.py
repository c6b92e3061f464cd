"""What a run is given and what it tells: the stream, what is asked of it, where it stands, and what it did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connector.errors import ConnectorError
from connector.ledger import Books
from connector.mapping import Compiled, Find, Fingerprints
from connector.mapping.via import Ways, ways_of
from connector.spans import Span
from connector.windows import Window


@dataclass(frozen=True)
class Stream:
    """One kind of data kept in step: its mapping, compiled, with its time rules and fingerprints.

    compiled: cannot look anything up; compile: the mapping compiled for a run, with what answers its look-ups.
    """

    compiled: Compiled
    window: Window
    prints: Fingerprints
    compile: Callable[[Find], Compiled]

    @property
    def name(self) -> str:
        return self.compiled.mapping.stream

    @property
    def ways(self) -> Ways:
        return ways_of(self.compiled.mapping, self.window)

    def is_stale(self, complete_to: datetime, now: datetime) -> bool:
        """Whether the stream lags further behind than its `freshness` allows."""
        freshness = self.compiled.mapping.freshness
        return freshness is not None and now - complete_to > freshness.length()


@dataclass(frozen=True)
class Order:
    """What a run is asked to do.

    command: as shown to people; resync: from the horizon to the span to read again (what lies beyond the horizon is
    left out); gaps: all open gaps are read again; replay: the code of the rejects to try again, "" for all of them,
    None for none; none of these: the incremental plan; forced: unchanged rows are sent too; wait: for another process
    instead of giving up; accept_new_keys, adopt_org, accept_vanished: a person allowed it; rehearse: on a copy of the
    state, read and compare without sending anything.
    """

    command: str = "sync"
    resync: Callable[[datetime], Span] | None = None
    gaps: bool = False
    replay: str | None = None
    forced: bool = False
    wait: bool = False
    accept_new_keys: bool = False
    adopt_org: bool = False
    accept_vanished: bool = False
    rehearse: bool = False

    @property
    def reads_again(self) -> bool:
        """Whether it is a re-sync: what is owed is read, and nothing new."""
        return self.resync is not None or self.gaps or self.replay is not None


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for people who watch. passes_left counts the one being read."""

    stream: str
    doing: Literal["settling", "pulling", "delivering", "comparing", "done"]
    span: Span | None = None
    passes_left: int = 0
    pages: int = 0
    records: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Result:
    """What a run did.

    books: sum over the passes it touched; new: rejects and gaps opened by it and still open, gaps that lack more than
    ever before among them, and, where the mapping sets `freshness`, `stale`: 1 when the stream lags too far behind and
    no run has told so; `silences`: as many as `hidden` tells; vanished: rows it found to be given no more, and left as
    they are in Salesforce; hidden: each new finding of what Genesys Cloud seems to hide, in words; story: what else
    happened.
    """

    stream: str
    exit_code: int
    books: Books = field(default_factory=Books)
    complete_to: datetime | None = None
    read_to: datetime | None = None
    new: dict[str, int] = field(default_factory=dict)
    vanished: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    error: ConnectorError | None = None
    story: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
