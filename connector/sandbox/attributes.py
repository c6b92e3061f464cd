"""Attributes of participants: what flows and scripts of an organisation noted about a conversation."""

from random import Random

from connector.sandbox.conversations import Conversation

MOST_CHARACTERS = 1024
"""A value longer than this is cut where it is shown. Source: vendor reference, "asynchronous job"."""

_LANGUAGES = ("en", "de", "fr", "es")
_SCRIPTS = ("Order status", "Return", "Complaint", "Address change")


def with_attributes(conversation: Conversation) -> Conversation:
    """The conversation, whose participants now carry attributes; the same for the same conversation id.

    Of customers: `language` besides what they have, `caseNumber` in some cases, rarely a `summary` that is longer than
    the service shows. Of some agents: `script`, `language` and `caseNumber`, which may contradict the customer's.
    """
    rng = Random(f"attributes {conversation['conversationId']}")
    for participant in conversation["participants"]:
        added: dict[str, str] = {}
        if participant["purpose"] == "customer":
            added["language"] = rng.choice(_LANGUAGES)
            if rng.random() < 0.3:
                added["caseNumber"] = f"C-{rng.randrange(1_000_000):06}"
            if rng.random() < 0.01:
                added["summary"] = "The customer asks again. " * 60
        elif participant["purpose"] == "agent" and rng.random() < 0.4:
            added = {"script": rng.choice(_SCRIPTS), "language": rng.choice(_LANGUAGES)}
            if rng.random() < 0.3:
                added["caseNumber"] = f"C-{rng.randrange(1_000_000):06}"
        if added:
            participant["attributes"] = {**participant.get("attributes", {}), **added}
    return conversation


def cut_attributes(conversation: Conversation) -> Conversation:
    """The conversation with every attribute cut to what the service shows; `conversation` is not changed."""
    participants = [
        {**one, "attributes": {name: value[:MOST_CHARACTERS] for name, value in one["attributes"].items()}}
        if "attributes" in one
        else one
        for one in conversation.get("participants") or ()
    ]
    return {**conversation, "participants": participants}
