"""The store behind the simulated Genesys Cloud: conversations, when they show, and how they change.

Every question takes `now`, so a test can ask what a perfect client would have seen at any moment.
"""

import threading
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from connector.sandbox.conversations import (
    DAY_MS,
    HOUR_MS,
    Conversation,
    Point,
    as_seen_at,
    last_change,
    milliseconds,
    points,
)
from connector.sandbox.directory import Directory


@dataclass(frozen=True, slots=True)
class _Version:
    """One state of a conversation, true from `since` on (ms). body: compact JSON; None when it is hidden.

    start, end: of the conversation, ms; end is None while nobody knows it. settled: when the last thing in it happens.
    divisions: ids of those it belongs to.
    """

    since: int
    body: bytes | None
    start: int
    end: int | None
    settled: int | None
    divisions: tuple[str, ...] = ()


@dataclass(slots=True)
class _Index:
    by_day: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    by_hour: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


class World:
    """Mutable and safe to share between threads; holds each conversation as compact JSON.

    conversations: whole ones, ends and all, also those that reach beyond the present: `now` decides what shows.
    """

    def __init__(self, conversations: Iterable[Conversation] = (), directory: Directory | None = None) -> None:
        self.directory = directory or Directory.empty()
        self.revision = 0
        self._lock = threading.RLock()
        self._versions: dict[str, tuple[_Version, ...]] = {}
        self._index = _Index()
        self._withheld: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for conversation in conversations:
            self.add(conversation)

    def __len__(self) -> int:
        return len(self._versions)

    def ids(self) -> list[str]:
        """Ids of all conversations, also of those that do not show yet, in the order they were added."""
        with self._lock:
            return list(self._versions)

    def add(self, conversation: Conversation, visible_from: datetime | None = None) -> None:
        """Add a conversation; it shows from its start, or, arriving late, from `visible_from`.

        Raises ValueError when its id is already there: use `correct`.
        """
        start = milliseconds(conversation["conversationStart"])
        since = start if visible_from is None else max(start, milliseconds(visible_from))
        with self._lock:
            if conversation["conversationId"] in self._versions:
                raise ValueError(f"conversation {conversation['conversationId']} is already in the world")
            self._put(conversation, since)

    def correct(
        self, conversation_id: str, change: Callable[[Conversation], Conversation] | Conversation, at: datetime
    ) -> None:
        """From `at` on the conversation reads otherwise.

        change: keys of the conversation to replace, or a function from the newest whole conversation (a copy it
        may alter) to the new one. Raises KeyError for an unknown id, ValueError when `at` is before the last change.
        """
        with self._lock:
            newest = self._versions[conversation_id][-1]
            if newest.body is None:
                raise ValueError(f"conversation {conversation_id} is hidden and cannot be corrected")
            whole: Conversation = orjson.loads(newest.body)
            changed = change(whole) if callable(change) else {**whole, **change}
            if changed["conversationId"] != conversation_id:
                raise ValueError("a correction cannot change the conversation's id")
            self._put(changed, milliseconds(at))

    def hide(self, conversation_id: str, at: datetime) -> None:
        """From `at` on the conversation is not shown any more, as when its division is taken from the client."""
        with self._lock:
            newest = self._versions[conversation_id][-1]
            self._append(conversation_id, _Version(milliseconds(at), None, newest.start, newest.end, newest.settled))

    def show(self, conversation_id: str, at: datetime) -> None:
        """From `at` on the conversation is shown again, as it was before it was hidden.

        Raises ValueError when it is not hidden.
        """
        with self._lock:
            versions = self._versions[conversation_id]
            if versions[-1].body is not None:
                raise ValueError(f"conversation {conversation_id} is not hidden")
            shown = next(one for one in reversed(versions) if one.body is not None)
            self._append(conversation_id, replace(shown, since=milliseconds(at)))

    def take_division(self, division: str, at: datetime) -> None:
        """From `at` on the client's role does not hold in a division: what belongs to no other is not shown.

        What was there before is not shown either, and no answer says so. Raises ValueError when `at` is before the last
        change of that division.
        """
        self._withhold(division, at, withheld=True)

    def give_division(self, division: str, at: datetime) -> None:
        """From `at` on the role holds there again; raises what `take_division` raises."""
        self._withhold(division, at, withheld=False)

    def _withhold(self, division: str, at: datetime, *, withheld: bool) -> None:
        with self._lock:
            changes, since = self._withheld[division], milliseconds(at)
            if changes and changes[-1][0] > since:
                raise ValueError(f"division {division} was already changed at a later time")
            changes.append((since, withheld))
            self.revision += 1

    def is_withheld(self, division: str, now: datetime) -> bool:
        """Whether the client sees nothing of a division at `now`."""
        with self._lock:
            return self._is_withheld(division, milliseconds(now))

    def _is_withheld(self, division: str, present: int) -> bool:
        changes = (withheld for since, withheld in reversed(self._withheld.get(division, ())) if since <= present)
        return next(changes, False)

    def conversation_at(
        self, now: datetime, conversation_id: str, asked: datetime | None = None
    ) -> Conversation | None:
        """The conversation as it was at `now`; None when it did not show, or may not be seen by who asks, at `asked`
        (at `now`, unless said otherwise)."""
        with self._lock:
            version = self._shown(conversation_id, milliseconds(now), milliseconds(asked or now))
        return None if version is None else _read(version, now)

    def conversations_at(self, now: datetime, start: datetime, end: datetime) -> list[Conversation]:
        """What a perfect client sees at `now`: conversations begun in [start, end), by start and id."""
        shown = (self.conversation_at(now, identity) for _, identity in self.started_at(now, start, end))
        return [conversation for conversation in shown if conversation is not None]

    def started_at(self, now: datetime, start: datetime, end: datetime) -> list[tuple[int, str]]:
        """Start (ms) and id of what shows at `now` and began in [start, end), ascending."""
        present, first, last = milliseconds(now), milliseconds(start), milliseconds(end)
        found: list[tuple[int, str]] = []
        with self._lock:
            for day in range(first // DAY_MS, (last - 1) // DAY_MS + 1):
                listed = self._index.by_day.get(day, [])
                for begun, identity in listed[bisect_left(listed, (first, "")) : bisect_left(listed, (last, ""))]:
                    version = self._shown(identity, present)
                    if version is not None and version.start == begun:
                        found.append((begun, identity))
        return found

    def alive_at(self, now: datetime, as_of: datetime, start: datetime, end: datetime) -> list[tuple[int, str]]:
        """Start (ms) and id of what went on at some time in [start, end), as known at `as_of`, ascending.

        A conversation that was open at `as_of` is known to go on until then and no longer. What does not show at
        `now` (later than `as_of`) any more is left out.
        """
        present, known, first, last = (milliseconds(one) for one in (now, as_of, start, end))
        found: list[tuple[int, str]] = []
        with self._lock:
            for identity in self._versions:
                version = self._shown(identity, known, present)
                if version is None or version.start >= last or self._shown(identity, present) is None:
                    continue
                until = known if version.end is None else min(version.end, known)
                if version.start >= first or until > first:
                    found.append((version.start, identity))
        return sorted(found)

    def points_at(self, now: datetime, start: datetime, end: datetime) -> Iterator[Point]:
        """Every metric emitted in [start, end), of what shows at `now`."""
        first, last = milliseconds(start), min(milliseconds(end), milliseconds(now) + 1)
        with self._lock:
            hours = range(first // HOUR_MS, (last - 1) // HOUR_MS + 1)
            identities = sorted(set().union(*(self._index.by_hour.get(hour, set()) for hour in hours)))
        for identity in identities:
            conversation = self.conversation_at(now, identity)
            if conversation is not None:
                yield from (point for point in points(conversation) if first <= point.at < last)

    def _shown(self, conversation_id: str, present: int, asked: int | None = None) -> _Version | None:
        """The version of `present`, if the client may see it when it asks (then, unless said otherwise)."""
        asked = present if asked is None else asked
        versions = self._versions.get(conversation_id, ())
        for version in reversed(versions):
            if version.since <= present:
                is_hidden = version.body is None or version.start > present
                # A conversation of several divisions shows as long as one of them is given.
                is_withheld = bool(self._withheld and version.divisions) and all(
                    self._is_withheld(one, asked) for one in version.divisions
                )
                return None if is_hidden or is_withheld else version
        return None

    def _put(self, conversation: Conversation, since: int) -> None:
        identity = conversation["conversationId"]
        start = milliseconds(conversation["conversationStart"])
        entry = (start, identity)
        end = milliseconds(conversation["conversationEnd"]) if conversation.get("conversationEnd") else None
        divisions = tuple(conversation.get("divisionIds") or ())
        version = _Version(since, orjson.dumps(conversation), start, end, last_change(conversation), divisions)
        self._append(identity, version)
        listed = self._index.by_day[start // DAY_MS]
        if not listed or listed[-1] < entry:
            listed.append(entry)
        elif listed[bisect_left(listed, entry)] != entry:
            insort(listed, entry)
        for hour in {point.at // HOUR_MS for point in points(conversation)}:
            self._index.by_hour[hour].add(identity)

    def _append(self, conversation_id: str, version: _Version) -> None:
        earlier = self._versions.get(conversation_id, ())
        if earlier and earlier[-1].since > version.since:
            raise ValueError(f"conversation {conversation_id} was already changed at a later time")
        self._versions[conversation_id] = (*earlier, version)
        self.revision += 1


def _read(version: _Version, now: datetime) -> Conversation | None:
    whole: Any = orjson.loads(version.body or b"null")
    if version.settled is not None and version.settled <= milliseconds(now):
        return dict(whole)
    return as_seen_at(whole, now)
