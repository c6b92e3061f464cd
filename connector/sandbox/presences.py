"""What each user of the simulated organisation is doing at any time: presence, and routing status on queue.

The same organisation and user give the same days, whenever they are asked about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from random import Random

from connector.sandbox.conversations import DAY_MS, HOUR_MS
from connector.sandbox.directory import Directory
from connector.sandbox.drafts import random_id

SYSTEM_PRESENCES = (
    *("AVAILABLE", "AWAY", "BREAK", "BUSY", "IDLE", "MEAL", "MEETING", "OFFLINE", "ON_QUEUE", "TRAINING"),
)
ROUTING_STATUSES = ("IDLE", "INTERACTING", "COMMUNICATING", "NOT_RESPONDING")

_OFF_QUEUE = ("AVAILABLE", "AWAY", "BREAK", "BUSY", "IDLE", "MEAL", "MEETING", "TRAINING")
_TWO_NAMES = ("AVAILABLE", "BREAK", "MEETING")
_MINUTE_MS = 60_000
_WORKS_AT_WEEK_ENDS = 0.2
_WORKS_ON_WEEK_DAYS = 0.9


@dataclass(frozen=True, slots=True)
class Stretch:
    """A user in one state, [start, end) in ms since 1970. routing: None off queue."""

    start: int
    end: int
    system: str
    organization: str
    routing: str | None = None


def organization_presences(directory: Directory) -> dict[str, list[str]]:
    """System presence -> ids of the organisation's presences under it, one or two."""
    return _presences(directory.organization["id"])


def stretches(directory: Directory, user_id: str, start: int, end: int) -> Iterator[Stretch]:
    """Everything the user does in [start, end), ms since 1970, without a hole, cut at both ends.

    A user who is deleted has a past as well; one who is inactive, or unknown here, has none.
    """
    known = set(directory.user_ids) - {user["id"] for user in directory.users if user.get("state") == "inactive"}
    if user_id not in known or end <= start:
        return
    for day in range(start // DAY_MS, (end - 1) // DAY_MS + 1):
        for one in _day(directory.organization["id"], user_id, day):
            if one.end > start and one.start < end:
                yield Stretch(max(one.start, start), min(one.end, end), one.system, one.organization, one.routing)


@lru_cache(maxsize=64)
def _presences(organization_id: str) -> dict[str, list[str]]:
    rng = Random(f"presences {organization_id}")
    return {name: [random_id(rng) for _ in range(1 + (name in _TWO_NAMES))] for name in SYSTEM_PRESENCES}


@lru_cache(maxsize=20_000)
def _day(organization_id: str, user_id: str, day: int) -> tuple[Stretch, ...]:
    """A UTC day of a user: offline, a shift of some hours in most cases, offline."""
    rng = Random(f"day {organization_id} {user_id} {day}")
    begins = day * DAY_MS
    weekday = datetime.fromtimestamp(begins / 1000, UTC).weekday()
    if rng.random() >= (_WORKS_AT_WEEK_ENDS if weekday >= 5 else _WORKS_ON_WEEK_DAYS):
        return (Stretch(begins, begins + DAY_MS, "OFFLINE", _presences(organization_id)["OFFLINE"][0]),)
    at = begins + rng.randrange(5 * HOUR_MS, 12 * HOUR_MS)
    leaves = at + rng.randrange(4 * HOUR_MS, 9 * HOUR_MS)
    day_of_work = [Stretch(begins, at, "OFFLINE", _presences(organization_id)["OFFLINE"][0])]
    is_on_queue = False
    while at < leaves:
        length = rng.randrange(30, 120) if is_on_queue else rng.randrange(5, 40)
        until = min(leaves, at + length * _MINUTE_MS + rng.randrange(_MINUTE_MS))
        system = "ON_QUEUE" if is_on_queue else rng.choice(_OFF_QUEUE)
        organization = rng.choice(_presences(organization_id)[system])
        if is_on_queue:
            day_of_work += _on_queue(rng, at, until, organization)
        else:
            day_of_work.append(Stretch(at, until, system, organization))
        at, is_on_queue = until, not is_on_queue
    day_of_work.append(Stretch(leaves, begins + DAY_MS, "OFFLINE", _presences(organization_id)["OFFLINE"][0]))
    return tuple(day_of_work)


def _on_queue(rng: Random, start: int, end: int, organization: str) -> Iterator[Stretch]:
    at, status = start, "IDLE"
    while at < end:
        until = min(end, at + rng.randrange(_MINUTE_MS, 12 * _MINUTE_MS))
        yield Stretch(at, until, "ON_QUEUE", organization, status)
        at = until
        others = [one for one in ROUTING_STATUSES if one != status]
        status = "INTERACTING" if status == "IDLE" and rng.random() < 0.8 else rng.choice(others)
