"""One conversation being written: participants, sessions, segments and metrics in the vendor's shape."""

from random import Random
from typing import Any

from connector.sandbox.conversations import Conversation, instant

SERVICE_LEVEL_MS = {"voice": 20_000, "chat": 30_000, "message": 60_000, "email": 86_400_000, "callback": 3_600_000}
"""Answered within so many milliseconds counts for the service level, by media type."""

Node = dict[str, Any]


def random_id(rng: Random) -> str:
    """A random UUID, version 4, drawn from `rng`."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Draft:
    """A conversation that grows from its start on. All times are milliseconds since 1970, lengths milliseconds.

    One conversation in five happens on whole seconds only, so that instants come with and without fractions.
    """

    def __init__(self, rng: Random, start: int, direction: str) -> None:
        self.rng = rng
        self.step = 1000 if rng.random() < 0.2 else 1
        self.start = start - start % self.step
        self.participants: list[Node] = []
        self.facts: Node = {
            "conversationId": random_id(rng),
            "conversationStart": instant(self.start),
            "originatingDirection": direction,
            "divisionIds": [],
        }

    def length(self, mean_seconds: float, least_seconds: float = 1.0) -> int:
        """A random length of at least `least_seconds`, `mean_seconds` on average."""
        length = least_seconds + self.rng.expovariate(1 / (mean_seconds - least_seconds))
        return int(length * 1000) // self.step * self.step

    def chance(self, share: float) -> bool:
        """True in that share of all cases."""
        return self.rng.random() < share

    def participant(self, purpose: str, **facts: Any) -> Node:
        """Add a participant."""
        participant = {"participantId": random_id(self.rng), "purpose": purpose, **facts, "sessions": []}
        self.participants.append(participant)
        return participant

    def session(self, participant: Node, media: str, direction: str, **facts: Any) -> Node:
        """Add a session to a participant."""
        session = {
            "sessionId": random_id(self.rng),
            "mediaType": media,
            "direction": direction,
            **facts,
            "segments": [],
            "metrics": [],
        }
        participant["sessions"].append(session)
        return session

    def segment(self, session: Node, kind: str, start: int, end: int, **facts: Any) -> None:
        """Add a segment [start, end] to a session."""
        session["segments"].append(
            {
                "segmentType": kind,
                "segmentStart": instant(start),
                "segmentEnd": instant(end),
                "conference": False,
                **facts,
            }
        )

    def metric(self, session: Node, name: str, value: int, at: int) -> None:
        """Emit a metric."""
        session["metrics"].append({"name": name, "value": value, "emitDate": instant(at)})

    def finish(self, end: int) -> Conversation:
        """The whole conversation, ended at `end`."""
        conversation = {**self.facts, "conversationEnd": instant(end)}
        if self.participants[0]["sessions"][0]["mediaType"] == "voice":
            conversation["mediaStatsMinConversationMos"] = round(4.9 - self.rng.random(), 4)
        conversation["participants"] = self.participants
        return conversation
