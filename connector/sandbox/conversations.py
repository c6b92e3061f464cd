"""What holds of every conversation: its instants, its dimensions, its metric points, how it looks before its end.

A conversation is a tree of plain dicts as the vendor's reference, "conversation record", shows it: conversation >
participants > sessions > segments and metrics. Instants are ISO text with or without fractions of a second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

Conversation = dict[str, Any]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_KNOWN_AT_END_OF_SEGMENT = ("segmentEnd", "disconnectType", "wrapUpCode", "wrapUpNote", "errorCode")
_KNOWN_AT_END_OF_SESSION = ("usedRouting", "selectedAgentId")

CONVERSATION_DIMENSIONS: Mapping[str, str] = {
    "conversationId": "conversationId",
    "conversationStart": "conversationStart",
    "conversationEnd": "conversationEnd",
    "divisionId": "divisionIds",
    "originatingDirection": "originatingDirection",
    "externalTag": "externalTag",
    "conversationInitiator": "conversationInitiator",
    "customerParticipation": "customerParticipation",
    "originatingSocialMediaPublic": "originatingSocialMediaPublic",
    "accessAttribute": "accessAttributes",
    "mediaStatsMinConversationMos": "mediaStatsMinConversationMos",
}
PARTICIPANT_DIMENSIONS: Mapping[str, str] = {
    name: name
    for name in ("purpose", "userId", "teamId", "externalContactId", "externalOrganizationId", "participantName")
}
SESSION_DIMENSIONS: Mapping[str, str] = {
    name: name
    for name in (
        *("mediaType", "direction", "ani", "dnis", "sessionDnis", "addressFrom", "addressTo", "remote", "provider"),
        *("messageType", "peerId", "usedRouting", "selectedAgentId", "outboundCampaignId", "outboundContactId"),
        *("outboundContactListId", "sessionId", "flowOutType"),
    )
} | {"requestedRouting": "requestedRoutings"}
FLOW_DIMENSIONS: Mapping[str, str] = {
    name: name for name in ("flowId", "flowName", "flowType", "flowVersion", "entryType", "exitReason")
}
SEGMENT_DIMENSIONS: Mapping[str, str] = {
    name: name
    for name in (
        *("segmentType", "segmentStart", "segmentEnd", "queueId", "wrapUpCode", "disconnectType", "errorCode"),
        *("conference", "requestedLanguageId", "subject"),
    )
} | {"requestedRoutingSkillId": "requestedRoutingSkillIds"}
"""Dimension -> the key that holds it, by the level of the conversation it stands on; those of flows in `flow`."""


@dataclass(frozen=True, slots=True)
class Point:
    """One metric of one session: what aggregates are made of. value: milliseconds for t*, a number for others."""

    name: str
    value: int
    at: int
    conversation: Conversation
    participant: dict[str, Any]
    session: dict[str, Any]


def milliseconds(instant: str | datetime) -> int:
    """Milliseconds since 1970 of ISO text with a zone, or of an aware datetime."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return (moment - _EPOCH) // _MILLISECOND


def instant(ms: int) -> str:
    """ISO text, UTC, of milliseconds since 1970; whole seconds without a fraction, as the service does."""
    days, rest = divmod(ms, DAY_MS)
    seconds, fraction = divmod(rest, 1000)
    text = f"{_date(days)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:03}Z" if fraction else f"{text}Z"


def full_instant(ms: int) -> str:
    """ISO text, UTC, always with milliseconds: the form of interval bounds."""
    text = instant(ms)
    return text if "." in text else f"{text[:-1]}.000Z"


@lru_cache(maxsize=4096)
def _date(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).date().isoformat()


def last_change(conversation: Conversation) -> int | None:
    """When the last thing in it happened (ms since 1970); None while it has no end."""
    end = conversation.get("conversationEnd")
    if end is None:
        return None
    last = milliseconds(end)
    for _, session in sessions(conversation):
        for segment in session.get("segments") or ():
            if segment.get("segmentEnd") is None:
                return None
            last = max(last, milliseconds(segment["segmentEnd"]))
        for metric in session.get("metrics") or ():
            last = max(last, milliseconds(metric["emitDate"]))
    return last


def sessions(conversation: Conversation) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every session with its participant, in order."""
    for participant in conversation.get("participants") or ():
        for session in participant.get("sessions") or ():
            yield participant, session


def points(conversation: Conversation) -> Iterator[Point]:
    """Every metric of the conversation, in order."""
    for participant, session in sessions(conversation):
        for metric in session.get("metrics") or ():
            at = milliseconds(metric["emitDate"])
            yield Point(metric["name"], metric["value"], at, conversation, participant, session)


def as_seen_at(conversation: Conversation, now: datetime) -> Conversation | None:
    """The conversation as the service shows it at `now`: None before its start, nothing of the future in it.

    An ongoing conversation has no conversationEnd; a running segment has no segmentEnd, disconnect type or
    wrap-up; sessions, participants and metrics appear when they begin or are emitted. `conversation` is not changed.
    """
    present = milliseconds(now)
    if milliseconds(conversation["conversationStart"]) > present:
        return None
    seen = {key: value for key, value in conversation.items() if key != "participants"}
    end = conversation.get("conversationEnd")
    if end is None or milliseconds(end) > present:
        seen = {key: value for key, value in seen.items() if not key.startswith(("conversationEnd", "mediaStats"))}
    participants = []
    for participant in conversation.get("participants") or ():
        begun = [_session_at(session, present) for session in participant.get("sessions") or ()]
        if known := [session for session in begun if session is not None]:
            participants.append({**participant, "sessions": known})
    seen["participants"] = participants
    return seen


def _session_at(session: dict[str, Any], present: int) -> dict[str, Any] | None:
    segments = []
    is_over = True
    for segment in session.get("segments") or ():
        if milliseconds(segment["segmentStart"]) > present:
            is_over = False
            continue
        end = segment.get("segmentEnd")
        if end is None or milliseconds(end) > present:
            is_over = False
            segment = {key: value for key, value in segment.items() if key not in _KNOWN_AT_END_OF_SEGMENT}
        segments.append(segment)
    if not segments:
        return None
    seen = {key: value for key, value in session.items() if is_over or key not in _KNOWN_AT_END_OF_SESSION}
    if "flow" in seen and not is_over:
        seen["flow"] = {key: value for key, value in seen["flow"].items() if key != "exitReason"}
    seen["segments"] = segments
    seen["metrics"] = [metric for metric in session.get("metrics") or () if milliseconds(metric["emitDate"]) <= present]
    return seen


def dimension(
    name: str,
    conversation: Conversation,
    participant: Mapping[str, Any],
    session: Mapping[str, Any],
    segment: Mapping[str, Any] | None = None,
) -> tuple[Any, ...]:
    """The values a dimension has here; () when it has none.

    Without a `segment`, a dimension of segments is that of the first segment of the session that has one.
    Raises KeyError for a name the service does not know.
    """
    if name in SEGMENT_DIMENSIONS:
        places = [segment] if segment is not None else session.get("segments") or ()
        found = (place.get(SEGMENT_DIMENSIONS[name]) for place in places)
        value = next((one for one in found if one is not None), None)
    elif name in SESSION_DIMENSIONS:
        value = session.get(SESSION_DIMENSIONS[name])
    elif name in FLOW_DIMENSIONS:
        value = (session.get("flow") or {}).get(FLOW_DIMENSIONS[name])
    elif name in PARTICIPANT_DIMENSIONS:
        value = participant.get(PARTICIPANT_DIMENSIONS[name])
    else:
        value = conversation.get(CONVERSATION_DIMENSIONS[name])
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)
