"""Seeded data: a contact centre of some days, and what another hour brings to it."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random

from connector.sandbox.attributes import with_attributes
from connector.sandbox.conversations import HOUR_MS, Conversation, milliseconds
from connector.sandbox.directory import Directory, make_directory
from connector.sandbox.drafts import Draft
from connector.sandbox.flows import callback, direct, inbound, outbound, random_queue
from connector.sandbox.menus import with_flows
from connector.sandbox.world import World

__all__ = ["Changes", "ContactCentre", "World", "continue_world", "rewrite_at_night"]

_CURVE = (1, 1, 1, 1, 1, 2, 6, 20, 48, 70, 78, 74, 60, 58, 66, 68, 62, 50, 34, 22, 14, 8, 4, 2)
"""How busy each hour of a day is, UTC."""
_WEEKEND = 0.25
_KINDS = ("voice", "chat", "message", "email", "callback", "outbound", "direct")
_SHARES = (46, 12, 10, 12, 6, 9, 5)


@dataclass(frozen=True)
class ContactCentre:
    """A contact centre whose `conversations` begin within `days` days from `start` (aware; midnight UTC suits best).

    The same arguments give the same data: busy by day, quiet by night and at week ends; voice with menus, hold,
    transfers, conferences, short and long abandons; chats, messages, e-mail threads that stay open for days or
    weeks, callbacks, outward and direct calls; wrap-up that comes late or never; a few deleted users, queues and
    wrap-up codes.
    """

    seed: int
    start: datetime
    days: int
    queues: int = 12
    agents: int = 60
    conversations: int = 6000

    @cached_property
    def directory(self) -> Directory:
        """The organisation: what look-ups answer, and the ids the conversations use."""
        return make_directory(self.seed, self.queues, self.agents)

    def whole_conversations(self) -> Iterator[Conversation]:
        """All conversations by start, each as it reads when everything about it is known."""
        rng = Random(f"conversations {self.seed}")
        yield from self._written(rng, milliseconds(self.start), self.days * 24, self.conversations)

    def world(self) -> World:
        """A store holding these conversations and this directory."""
        return World(self.whole_conversations(), self.directory)

    def hour(self, since: datetime) -> list[Conversation]:
        """The conversations that begin in the hour from `since`, as many as the time of day brings; repeatable."""
        begins = milliseconds(since)
        busy = _weight(begins) / sum(_CURVE) * self.conversations / self.days
        rng = Random(f"hour {self.seed} {begins}")
        return list(self._written(rng, begins, 1, max(1, round(busy * rng.uniform(0.85, 1.15)))))

    def _written(self, rng: Random, begins: int, hours: int, count: int) -> Iterator[Conversation]:
        busy = list(accumulate(_weight(begins + hour * HOUR_MS) for hour in range(hours)))
        starts = []
        for _ in range(count):
            hour = bisect_left(busy, rng.random() * busy[-1])
            starts.append(begins + hour * HOUR_MS + rng.randrange(HOUR_MS))
        for start in sorted(starts):
            yield self._conversation(rng, start)

    def _conversation(self, rng: Random, start: int) -> Conversation:
        kind = rng.choices(_KINDS, _SHARES)[0]
        draft = Draft(rng, start, "outbound" if kind == "outbound" else "inbound")
        queue = random_queue(draft, self.directory)
        draft.facts["divisionIds"] = [self.directory.division_of[queue]]
        writers: dict[str, Callable[[], int]] = {
            "callback": lambda: callback(draft, self.directory, queue),
            "outbound": lambda: outbound(draft, self.directory, queue),
            "direct": lambda: direct(draft, self.directory),
        }
        end = writers[kind]() if kind in writers else inbound(draft, self.directory, kind, queue)
        return with_attributes(with_flows(draft.finish(end), self.directory))


@dataclass(frozen=True)
class Changes:
    """Ids of what `continue_world` brought: begun in the time itself, shown late, corrected."""

    new: tuple[str, ...]
    late: tuple[str, ...]
    corrected: tuple[str, ...]


def continue_world(world: World, centre: ContactCentre, since: datetime, hours: int = 1) -> Changes:
    """Let `hours` hours from `since` happen in `world`: new conversations, late ones, corrected ones.

    Late ones began in the hour before and show from within this hour on. Corrected ones began within the day
    before: their first wrap-up code changes, or, where there is none, they get an external tag.
    Repeatable; continue from where the centre or the last call ended.
    """
    new: list[str] = []
    late: list[str] = []
    corrected: list[str] = []
    for hour in range(hours):
        begins = since + timedelta(hours=hour)
        rng = Random(f"changes {centre.seed} {milliseconds(begins)}")
        earlier = [identity for _, identity in world.started_at(begins, begins - timedelta(days=1), begins)]
        for conversation in centre.hour(begins):
            world.add(conversation)
            new.append(conversation["conversationId"])
        for conversation in _late_ones(centre, rng, begins):
            world.add(conversation, begins + timedelta(seconds=rng.randrange(3600)))
            late.append(conversation["conversationId"])
        for identity in sorted(rng.sample(earlier, min(len(earlier), 1 + len(earlier) // 100))):
            code = rng.choice(centre.directory.wrap_up_ids[:-1])
            world.correct(identity, _corrected(code), begins + timedelta(minutes=rng.randrange(60)))
            corrected.append(identity)
    return Changes(tuple(new), tuple(late), tuple(corrected))


def rewrite_at_night(world: World, centre: ContactCentre, night: datetime) -> tuple[str, ...]:
    """Let the service rewrite values at `night`: of conversations begun two to three days before, one in fifty.

    Their first wrap-up code changes, or, where there is none, they get an external tag. Returns their ids. Repeatable.
    Source: platform guide, late changes: a nightly process rewrites data from 48 h after the fact.
    """
    rng = Random(f"night {centre.seed} {milliseconds(night)}")
    old = world.started_at(night, night - timedelta(days=3), night - timedelta(days=2))
    chosen = sorted(rng.sample([identity for _, identity in old], -(-len(old) // 50)))
    for identity in chosen:
        world.correct(identity, _corrected(rng.choice(centre.directory.wrap_up_ids[:-1])), night)
    return tuple(chosen)


def _late_ones(centre: ContactCentre, rng: Random, begins: datetime) -> list[Conversation]:
    count = max(1, round(centre.conversations / centre.days / 24 * 0.05))
    hour_before = milliseconds(begins) - HOUR_MS
    return list(centre._written(rng, hour_before, 1, count))


def _corrected(code: str) -> Callable[[Conversation], Conversation]:
    def change(conversation: Conversation) -> Conversation:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for segment in session["segments"]:
                    if "wrapUpCode" in segment and segment["wrapUpCode"] != code:
                        segment["wrapUpCode"] = code
                        return conversation
        return {**conversation, "externalTag": f"corrected-{code[:8]}"}

    return change


def _weight(begins: int) -> float:
    moment = datetime.fromtimestamp(begins / 1000, UTC)
    return _CURVE[moment.hour] * (_WEEKEND if moment.weekday() >= 5 else 1.0)
