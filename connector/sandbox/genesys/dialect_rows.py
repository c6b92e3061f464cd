"""Flat rows of conversations, as the dialects show them, and the filters they take."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connector.sandbox.conversations import Conversation, milliseconds, points, sessions
from connector.sandbox.directory import Directory
from connector.sandbox.genesys.problems import bad_request
from connector.sandbox.genesys.summary import group_value

Row = dict[str, Any]

TIMES = {"handleTime": "tHandle", "holdTime": "tHeld", "talkTime": "tTalk"}
"""Column -> the metric it adds up, milliseconds."""

COLUMNS = (
    *("conversationId", "channel", "startTime", "endTime", "duration", "queueId", "queueName", "agentId"),
    *("agentName", "disposition"),
)
"""Columns of `named_rows`."""

_NAMED = {
    "channel": "medium",
    "startTime": "conversationStart",
    "endTime": "conversationEnd",
    "agentId": "userId",
}


def flat_row(conversation: Conversation) -> Row:
    """The conversation as one flat object; what it does not have is left out.

    conversationId, conversationStart, conversationEnd, medium (of the first session), direction, divisionId,
    queueId (the first), userId (the last agent's), duration, handleTime, holdTime, talkTime (milliseconds), agents
    (how many), segments (how many).
    """
    inside = list(sessions(conversation))
    row = {
        "conversationId": conversation["conversationId"],
        "conversationStart": conversation["conversationStart"],
        "conversationEnd": conversation.get("conversationEnd"),
        "medium": group_value("conversation:medium", conversation),
        "direction": conversation.get("originatingDirection"),
        "divisionId": next(iter(conversation.get("divisionIds") or ()), None),
        "queueId": group_value("conversation:queue", conversation),
        "userId": group_value("conversation:agent", conversation),
        "duration": duration_ms(conversation),
        **{column: _sum(conversation, metric) for column, metric in TIMES.items()},
        "agents": len(_agents(conversation)),
        "segments": sum(len(session.get("segments") or ()) for _, session in inside),
    }
    return {name: value for name, value in row.items() if value is not None}


def named_rows(conversation: Conversation, columns: Iterable[str], directory: Directory, is_grouped: bool) -> list[Row]:
    """The conversation under the given COLUMNS: one row, or, when not grouped, one for each of its agents.

    Names come from the directory; those of what was deleted are left out, as is everything that is absent.
    disposition: the name of the last wrap-up code.
    """
    row = flat_row(conversation)
    row |= {column: row[source] for column, source in _NAMED.items() if source in row}
    row["queueName"] = _name(directory.queues, row.get("queueId"))
    row["disposition"] = _name(directory.wrap_up_codes, _last_wrap_up(conversation))
    agents: list[str | None] = [row.get("agentId")] if is_grouped else [*_agents(conversation)] or [None]
    rows = [row | {"agentId": agent, "agentName": _name(directory.users, agent)} for agent in agents]
    return [{name: one[name] for name in columns if one.get(name) is not None} for one in rows]


def duration_ms(conversation: Conversation) -> int | None:
    """Milliseconds from start to end; None while it is open."""
    end = conversation.get("conversationEnd")
    return milliseconds(end) - milliseconds(conversation["conversationStart"]) if end else None


def keeps(filters: Iterable[tuple[str, Collection[str]]], columns: Mapping[str, str], row: Row) -> bool:
    """Whether the row has, for every filter (field, values), one of its values; raises HTTP 400.

    columns: field as the dialect spells it -> key of a flat row.
    """
    for field, values in filters:
        if field not in columns:
            raise bad_request(f"filter: unknown field {field!r}; use one of {', '.join(columns)}", "invalid.value")
        if row.get(columns[field]) not in values:
            return False
    return True


def _sum(conversation: Conversation, metric: str) -> int | None:
    found = [point.value for point in points(conversation) if point.name == metric]
    return sum(found) if found else None


def _agents(conversation: Conversation) -> list[str]:
    found = (one.get("userId") for one, _ in sessions(conversation) if one.get("purpose") in ("agent", "user"))
    return list(dict.fromkeys(identity for identity in found if identity))


def _last_wrap_up(conversation: Conversation) -> str | None:
    codes = [
        segment["wrapUpCode"]
        for _, session in sessions(conversation)
        for segment in session.get("segments") or ()
        if segment.get("wrapUpCode")
    ]
    return codes[-1] if codes else None


def _name(entities: Iterable[Mapping[str, Any]], identity: str | None) -> str | None:
    return next((str(entity["name"]) for entity in entities if entity["id"] == identity), None)
