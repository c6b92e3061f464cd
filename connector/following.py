"""Which records are followed by id after they were read, and when each is read again: pure.

Source: platform guide and vendor reference, conversation details: an open conversation has no `conversationEnd` and may
stay open for weeks; wrap-up, surveys and corrections come after the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.spans import Span, instant
from connector.windows import Window

SHORTEST_WAIT = timedelta(minutes=30)
LONGEST_WAIT = timedelta(days=1)
SHARE_OF_AGE = 8
"""A record waits for an eighth of its age: one of a day for three hours, one of a week for a day."""


@dataclass(frozen=True)
class Followed:
    """One record as it was just read.

    ended: None while it is open; due: when it is to be read by id again; is_final: this read is the last one needed;
    is_listed_anew: it belongs on the list also when it is not there yet.
    """

    id: str
    started: datetime
    ended: datetime | None
    due: datetime
    is_final: bool = False
    is_listed_anew: bool = False


@dataclass(frozen=True)
class Rules:
    """How the records of one stream are followed. give_up: age after which one that never ends is let go."""

    window: Window
    give_up: timedelta

    def following(
        self, records: Iterable[dict[str, Any]], key: str, time: str, end: str, read: datetime, span: Span | None
    ) -> Iterator[Followed]:
        """What a page says of each record of a span, or of those asked by id (no span).

        key, time, end: names of the record's id, start and end; read: when the reading began, so that nothing counts as
        seen later than it was. Records of other spans, and those without an id or a start, are passed over.
        """
        for record in records:
            started, name = _moment(record.get(time)), record.get(key)
            if started is not None and isinstance(name, str) and name and (span is None or started in span):
                yield self.weigh(name, started, _moment(record.get(end)), read)

    def weigh(self, name: str, started: datetime, ended: datetime | None, read: datetime) -> Followed:
        """Whether a record, read at `read`, is to be read again, and when.

        Until it was read at least `lookback` after its end it is not final. Records younger than the lookback are read
        again by the spans they lie in, so that those of them that have ended need no list.
        """
        window = self.window
        if ended is not None and ended + window.lookback <= read:
            return Followed(name, started, ended, read, is_final=True)
        due = read + wait_after((ended or started), read)
        if ended is not None:
            due = min(due, ended + window.lookback)
        due = max(due, started + window.lookback + window.settle)
        if ended is None:
            return Followed(name, started, None, due, is_listed_anew=started > read - self.give_up)
        is_left_by_spans = started < window.grain.floor(window.horizon(read) - window.lookback)
        return Followed(name, started, ended, due, is_listed_anew=is_left_by_spans)


def wait_after(since: datetime, read: datetime) -> timedelta:
    """How long to wait before the next read of what has been as it is `since` then."""
    return max(SHORTEST_WAIT, min((read - since) / SHARE_OF_AGE, LONGEST_WAIT))


def _moment(text: object) -> datetime | None:
    try:
        return instant(text) if isinstance(text, str) else None
    except ValueError:
        return None
