"""The flows behind the menus callers pass: which one, how it was left, how long it took.

Source: vendor reference, "conversation record" (a session's `flow`); metrics: the vendor's API description.
"""

from random import Random

from connector.sandbox.conversations import Conversation, milliseconds, sessions
from connector.sandbox.directory import Directory


def with_flows(conversation: Conversation, directory: Directory) -> Conversation:
    """The conversation, whose menu sessions now name their flow and measure it; the same for the same id.

    nFlow when the flow begins; tFlow when it ends, and of the same length tFlowDisconnect where the caller hung up in
    it, else tFlowExit.
    """
    end = milliseconds(conversation["conversationEnd"])
    for participant, session in sessions(conversation):
        if participant["purpose"] != "ivr":
            continue
        flow = Random(f"flow {conversation['conversationId']}").choice(directory.flows)
        first, last = session["segments"][0]["segmentStart"], session["segments"][-1]["segmentEnd"]
        hung_up = milliseconds(last) == end
        session["flow"] = {
            "flowId": flow["id"],
            "flowName": flow["name"],
            "flowType": flow["type"].upper(),
            "flowVersion": "3.0",
            "entryType": "dnis",
            "exitReason": "DISCONNECT" if hung_up else "TRANSFER",
        }
        length = milliseconds(last) - milliseconds(first)
        left = "tFlowDisconnect" if hung_up else "tFlowExit"
        session["metrics"] = [
            {"name": "nFlow", "value": 1, "emitDate": first},
            *session["metrics"],
            *({"name": name, "value": length, "emitDate": last} for name in ("tFlow", left)),
        ]
    return conversation
