"""Facts about a whole conversation, told from its tree in one walk.

Every list of the tree may be missing, null or hold what is no object, and every value may be of another kind than
documented: what cannot be read is passed over, and a fact that cannot be told is left out. Nothing here raises.
Source of the names: vendor reference, analytics conversation (participants, sessions, segments, session metrics).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from connector.genesys.judge import Record
from connector.spans import instant

_MILLISECOND = timedelta(milliseconds=1)
_AGENTS = ("agent", "user")
"""Who handles: `agent` through a queue, `user` on a direct call."""
_OUTSIDE = ("customer", "external")
"""Who is served: the purposes of the outside party."""

_HANDLING: Mapping[str, tuple[str, ...]] = {
    "talk_ms": ("tTalkComplete", "tTalk"),
    "hold_ms": ("tHeldComplete", "tHeld"),
    "acw_ms": ("tAcw",),
    "handle_ms": ("tHandle",),
}
"""Fact -> metrics of an agent's session; the first that a session holds counts for it."""
_WAITING = ("tAnswered", "tAbandon", "tFlowOut")
_TIMED = frozenset((*(name for names in _HANDLING.values() for name in names), *_WAITING, "tWait"))

_Found = list[tuple[Any, str]]
"""What stands at which instant (as written), in the order of the tree."""


def facts_of(conversation: Mapping[str, Any]) -> Record:
    """The facts of a conversation as Genesys sends it; docs/records.md defines each. Times are milliseconds."""
    walk = _Walk()
    for participant in _objects(conversation.get("participants")):
        walk.take_participant(participant)
    facts: Record = {"is_open": not conversation.get("conversationEnd")}
    begun, ended = _moment(conversation.get("conversationStart")), _moment(conversation.get("conversationEnd"))
    if begun and ended:
        facts["duration_ms"] = (ended - begun) // _MILLISECOND
    facts.update(walk.times)
    wait = walk.waits.pop("tWait", None)
    if wait is None and walk.waits:
        wait = sum(walk.waits.values())
    told = {
        "wait_ms": wait,
        "direction": _text(conversation.get("originatingDirection")) or walk.direction,
        "media_types": list(walk.media_types) or None,
        "wrap_up_codes": _by_time(walk.wrap_up_codes, keep_all=True) or None,
    }
    # Offered to a queue means an acd participant; others only repeat the queue they came from.
    if queues := _by_time(walk.offers or walk.queues):
        told |= {"first_queue_id": queues[0], "last_queue_id": queues[-1]}
    if agents := _by_time(walk.agents):
        told |= {"first_agent_id": agents[0], "last_agent_id": agents[-1]}
    facts.update((name, value) for name, value in told.items() if value is not None)
    return facts


def merged_attributes(conversation: Mapping[str, Any]) -> Record:
    """The attributes of all participants as one mapping; {} when none carries any.

    Of a name that several carry the value of a customer counts, then that of an external party, then that of the
    others, each in the order of the tree.
    """
    carried = [
        (participant.get("purpose"), attributes)
        for participant in _objects(conversation.get("participants"))
        if isinstance(attributes := participant.get("attributes"), dict)
    ]
    merged: Record = {}
    for _, attributes in sorted(carried, key=_standing):
        for name, value in attributes.items():
            if value is not None:
                merged.setdefault(name, value)
    return merged


def _standing(carried: tuple[Any, Record]) -> int:
    purpose, _ = carried
    return _OUTSIDE.index(purpose) if purpose in _OUTSIDE else len(_OUTSIDE)


class _Walk:
    """What one walk over the tree gathers."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.waits: dict[str, int] = {}
        self.direction: str | None = None
        self.media_types: dict[str, None] = {}
        self.offers: _Found = []
        self.queues: _Found = []
        self.agents: _Found = []
        self.wrap_up_codes: _Found = []

    def take_participant(self, participant: Record) -> None:
        purpose = participant.get("purpose")
        is_agent = purpose in _AGENTS
        queues = self.offers if purpose == "acd" else self.queues
        joined: _Found = []
        for session in _objects(participant.get("sessions")):
            if media_type := _text(session.get("mediaType")):
                self.media_types[media_type] = None
            self.direction = self.direction or _text(session.get("direction"))
            self._take_metrics(session.get("metrics"), is_agent)
            for segment in _objects(session.get("segments")):
                if queue := _text(segment.get("queueId")):
                    queues.append((segment.get("segmentStart"), queue))
                if code := _text(segment.get("wrapUpCode")):
                    self.wrap_up_codes.append((segment.get("segmentStart"), code))
                if is_agent and segment.get("segmentType") == "interact":
                    joined.append((segment.get("segmentStart"), ""))
        if joined and (user := _text(participant.get("userId"))):
            self.agents.append((_earliest(joined), user))

    def _take_metrics(self, metrics: Any, is_agent: bool) -> None:
        """Add up one session: a metric may stand in it several times, once per stretch."""
        sums: dict[str, int] = {}
        for metric in _objects(metrics):
            name, value = metric.get("name"), metric.get("value")
            if name.__class__ is not str or name not in _TIMED:
                continue
            if value.__class__ is float and isfinite(value):
                value = round(value)
            if value.__class__ is int:
                sums[name] = sums.get(name, 0) + value
        if not sums:
            return
        for name in ("tWait", *_WAITING):
            if name in sums:
                self.waits[name] = self.waits.get(name, 0) + sums[name]
        if is_agent:
            for fact, names in _HANDLING.items():
                for name in names:
                    if name in sums:
                        self.times[fact] = self.times.get(fact, 0) + sums[name]
                        break


def _objects(value: Any) -> Iterable[Record]:
    """The objects of a list; nothing of what is no list."""
    if value.__class__ is not list:
        return ()
    return [one for one in value if one.__class__ is dict]


def _text(value: Any) -> str | None:
    return value if value.__class__ is str and value else None


def _moment(written: Any) -> datetime | None:
    """The instant, with or without fractions of a second and in any zone; None for what is none."""
    try:
        return instant(written) if written.__class__ is str else None
    except (ValueError, OverflowError):
        return None


def _earliest(found: _Found) -> Any:
    """The earliest instant as written; one that cannot be read counts only when there is no other."""
    if len(found) == 1:
        return found[0][0]
    timed = [(moment, written) for written, _ in found if (moment := _moment(written))]
    return min(timed)[1] if timed else None


def _by_time(found: _Found, *, keep_all: bool = False) -> list[str]:
    """The texts in order of their instants, then of the tree.

    keep_all: each once, those whose instant cannot be read behind the others; else these count only when there is no
    other.
    """
    texts = dict.fromkeys(text for _, text in found)
    if len(texts) <= 1:
        return list(texts)
    timed = [(moment, text) for written, text in found if (moment := _moment(written))]
    ordered = [text for _, text in sorted(timed, key=lambda one: one[0])]
    if keep_all:
        return list(dict.fromkeys((*ordered, *texts)))
    return ordered or [text for _, text in found]
