"""Which queues, users and divisions the records of a page name, and on which days: pure.

Source of the names: vendor reference, conversation record (`divisionIds`; `userId` of participants; `queueId` of
segments) and aggregates (keys of a group).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connector.genesys.judge import Record
from connector.rhythm import Kind

_FLAT: tuple[tuple[Kind, str], ...] = (("queue", "queueId"), ("user", "userId"), ("division", "divisionId"))


@dataclass
class Mentions:
    """days: (queue, user or division; id) -> days it is named on; divisions: queue -> the division it lies in, where
    the page names one only."""

    days: dict[tuple[Kind, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    divisions: dict[str, str] = field(default_factory=dict)


def mentions_of(records: Iterable[Record], days: Iterable[int | None]) -> Mentions:
    """What the records name. days: that of each record, None for one without a time, which is passed over.

    Whatever is not as documented names nothing. Nothing here raises.
    """
    found = Mentions()
    divisions_of: dict[str, set[str]] = defaultdict(set)
    for record, day in zip(records, days, strict=True):
        if day is None:
            continue
        named = _named(record)
        for one in named:
            found.days[one].add(day)
        divisions = [identity for kind, identity in named if kind == "division"]
        if len(divisions) == 1:
            for kind, identity in named:
                if kind == "queue":
                    divisions_of[identity].add(divisions[0])
    found.divisions = {queue: divisions.pop() for queue, divisions in divisions_of.items() if len(divisions) == 1}
    return found


def _named(record: Record) -> set[tuple[Kind, str]]:
    named: set[tuple[Kind, str]] = {(kind, one) for kind, name in _FLAT if (one := record.get(name)).__class__ is str}
    named.update(("division", one) for one in _list(record.get("divisionIds")) if one.__class__ is str)
    for participant in _list(record.get("participants")):
        if participant.__class__ is not dict:
            continue
        if (user := participant.get("userId")).__class__ is str:
            named.add(("user", user))
        for session in _list(participant.get("sessions")):
            if session.__class__ is not dict:
                continue
            for segment in _list(session.get("segments")):
                if segment.__class__ is dict and (queue := segment.get("queueId")).__class__ is str:
                    named.add(("queue", queue))
    return {one for one in named if one[1]}


def _list(value: Any) -> list[Any]:
    return value if value.__class__ is list else []
