"""How a conversation goes: by voice, chat, message, e-mail, callback, outward or direct.

Each flow writes into a Draft and returns the end of the conversation. The metrics follow the vendor's rules: per
session tHandle = tContacting + tDialing + tTalkComplete + tHeldComplete + tAcw, and per queue
tWait = tAnswered + tAbandon + tFlowOut with one tWait for each nOffered.
"""

from dataclasses import dataclass
from typing import Any

from connector.sandbox.directory import Directory
from connector.sandbox.drafts import SERVICE_LEVEL_MS, Draft, Node, random_id

_WAIT = {"voice": 22.0, "chat": 18.0, "message": 40.0, "email": 2_400.0}
_TALK = {"voice": 240.0, "chat": 420.0, "message": 300.0, "email": 420.0, "callback": 200.0}
_LONGEST_THREAD_MS = 45 * 86_400_000
_FIRST_NAMES = ("Ada", "Bo", "Cem", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jo")
_LAST_NAMES = ("Ahmed", "Berg", "Costa", "Dubois", "Endo", "Fischer", "Grau", "Holm")


@dataclass
class Call:
    """What the legs of one conversation share: who calls, by what, in which organisation."""

    draft: Draft
    directory: Directory
    media: str
    direction: str
    queue: int
    facts: Node

    def queue_id(self) -> str:
        """The queue that is being called now."""
        return self.directory.queue_ids[self.queue]


def random_queue(draft: Draft, directory: Directory) -> int:
    """A queue's number: the first ones are busier, the last, deleted one is rare."""
    listed = len(directory.queue_ids) - 1
    return listed if draft.chance(0.01) else int(listed * draft.rng.random() ** 1.7)


def inbound(draft: Draft, directory: Directory, media: str, queue: int) -> int:
    """A customer comes in through a queue, by voice (mostly past a menu), chat, message or e-mail."""
    customer = _customer(draft, media)
    call = Call(draft, directory, media, "inbound", queue, _line(draft, media))
    session = draft.session(customer, media, "inbound", **call.facts)
    draft.metric(session, "nConnected", 1, draft.start)
    at = draft.start
    if media == "voice" and draft.chance(0.8):
        at = _menu(call, at)
        if draft.chance(0.06):
            draft.segment(session, "interact", draft.start, at, disconnectType="peer")
            return at
    end = _through_queues(call, at)
    draft.segment(session, "interact", draft.start, end, disconnectType="peer", queueId=call.queue_id())
    if media == "message":
        _message_times(draft, session, end)
    return end


def callback(draft: Draft, directory: Directory, queue: int) -> int:
    """A caller leaves the queue and is called back later: one conversation of two media types."""
    customer = _customer(draft, "voice")
    call = Call(draft, directory, "voice", "inbound", queue, _line(draft, "voice"))
    first = draft.session(customer, "voice", "inbound", **call.facts)
    draft.metric(first, "nConnected", 1, draft.start)
    offered = _menu(call, draft.start)
    left = offered + draft.length(50)
    waiting = _offer(call, offered, left)
    draft.metric(waiting, "tFlowOut", left - offered, left)
    draft.segment(first, "interact", draft.start, left, disconnectType="peer")
    begins = left + draft.length(1_500)
    later = draft.session(customer, "callback", "inbound", provider="PureCloud Callback")
    agent, _ = _agent(draft, directory)
    session = draft.session(agent, "callback", "inbound", provider="PureCloud Callback", usedRouting="Standard")
    draft.metric(session, "nCallbackAttempts", 1, begins)
    dialing, contacting = draft.length(6), draft.length(9)
    draft.segment(session, "dialing", begins, begins + dialing, queueId=call.queue_id())
    draft.segment(session, "contacting", begins + dialing, begins + dialing + contacting, queueId=call.queue_id())
    draft.metric(session, "tDialing", dialing, begins + dialing)
    draft.metric(session, "tContacting", contacting, begins + dialing + contacting)
    call.media, call.facts = "callback", {}
    end = _conversation_with(call, session, begins + dialing + contacting, dialing + contacting)
    draft.segment(later, "callback", left, end, disconnectType="client", queueId=call.queue_id())
    return end


def outbound(draft: Draft, directory: Directory, queue: int) -> int:
    """An agent calls a customer, for a queue in half of the cases; one call in five is not answered."""
    agent, _ = _agent(draft, directory)
    line = _line(draft, "voice")
    # Outward it is the customer who is called.
    call = Call(draft, directory, "voice", "outbound", queue, {**line, "ani": line["dnis"], "dnis": line["ani"]})
    facts = {"queueId": call.queue_id()} if draft.chance(0.5) else {}
    session = draft.session(agent, "voice", "outbound", **call.facts)
    draft.metric(session, "nOutbound", 1, draft.start)
    dialing, contacting = draft.length(3), draft.length(12)
    reached = draft.start + dialing + contacting
    draft.segment(session, "dialing", draft.start, draft.start + dialing, **facts)
    draft.segment(session, "contacting", draft.start + dialing, reached, **facts)
    draft.metric(session, "tDialing", dialing, draft.start + dialing)
    draft.metric(session, "tContacting", contacting, reached)
    draft.metric(session, "nOutboundAttempted", 1, draft.start)
    if draft.chance(0.2):
        draft.metric(session, "tHandle", dialing + contacting, reached)
        return reached
    draft.metric(session, "nOutboundConnected", 1, reached)
    draft.metric(session, "nConnected", 1, reached)
    end = _conversation_with(call, session, reached, dialing + contacting, facts)
    customer = draft.participant("customer", participantName=_name(draft))
    other = draft.session(customer, "voice", "outbound", **call.facts)
    draft.segment(other, "interact", reached, end, disconnectType="endpoint")
    return end


def direct(draft: Draft, directory: Directory) -> int:
    """A call from outside to one user's own line: no queue, purposes external and user."""
    line = _line(draft, "voice")
    outside = draft.participant("external", participantName=_name(draft))
    first = draft.session(outside, "voice", "inbound", **line)
    draft.metric(first, "nConnected", 1, draft.start)
    number = draft.rng.randrange(len(directory.user_ids))
    user = draft.participant("user", userId=directory.user_ids[number])
    session = draft.session(user, "voice", "inbound", **line)
    begins = draft.start + draft.length(8)
    draft.segment(session, "alert", draft.start, begins)
    draft.metric(session, "tAlert", begins - draft.start, begins)
    if draft.chance(0.2):
        draft.segment(first, "interact", draft.start, begins, disconnectType="peer")
        return begins
    talk = draft.length(150)
    end = begins + talk
    draft.segment(session, "interact", begins, end, disconnectType="peer")
    for name in ("tTalk", "tTalkComplete", "tHandle"):
        draft.metric(session, name, talk, end)
    draft.segment(first, "interact", draft.start, end, disconnectType="client")
    return end


def _customer(draft: Draft, media: str) -> Node:
    facts: dict[str, Any] = {"participantName": _name(draft)}
    if draft.chance(0.4):
        facts["externalContactId"] = random_id(draft.rng)
    facts["attributes"] = {"Order No": f"A-{draft.rng.randrange(100_000):05}", "language": "en", "channel": media}
    return draft.participant("customer", **facts)


def _name(draft: Draft) -> str:
    return f"{draft.rng.choice(_FIRST_NAMES)} {draft.rng.choice(_LAST_NAMES)}"


def _line(draft: Draft, media: str) -> Node:
    number = draft.rng.randrange(10_000_000)
    if media == "voice":
        return {"ani": f"tel:+1555{number:07}", "dnis": "tel:+15550100000", "provider": "Edge"}
    if media == "email":
        return {"addressFrom": f"c{number}@example.invalid", "addressTo": "help@example.invalid", "provider": "Email"}
    if media == "message":
        return {"addressFrom": f"+1555{number:07}", "messageType": draft.rng.choice(("webmessaging", "whatsapp"))}
    return {"provider": "Webchat", "remote": _name(draft)}


def _menu(call: Call, at: int) -> int:
    draft = call.draft
    menu = draft.participant("ivr", participantName="Main menu")
    session = draft.session(menu, call.media, call.direction, **call.facts)
    length = draft.length(18)
    draft.segment(session, "ivr", at, at + length, disconnectType="transfer")
    draft.metric(session, "tIvr", length, at + length)
    return at + length


def _offer(call: Call, at: int, ends: int) -> Node:
    """The customer waits in the queue [at, ends]; how it ended is for the caller to add."""
    draft = call.draft
    queue = draft.participant("acd", participantName="Queue")
    session = draft.session(queue, call.media, call.direction, **call.facts, requestedRoutings=["Standard"])
    skills = {"requestedRoutingSkillIds": [draft.rng.choice(call.directory.skill_ids)]} if draft.chance(0.3) else {}
    draft.segment(session, "interact", at, ends, queueId=call.queue_id(), disconnectType="transfer", **skills)
    draft.metric(session, "nOffered", 1, at)
    draft.metric(session, "tWait", ends - at, ends)
    draft.metric(session, "tAcd", ends - at, ends)
    return session


def _through_queues(call: Call, at: int) -> int:
    """Wait, be answered or not, perhaps be passed on to another queue; returns when the last one let go."""
    draft = call.draft
    end = at
    for leg in range(3):
        wait = draft.length(_WAIT[call.media] * (1.6 if draft.chance(0.2) else 0.8), 1.5)
        draw = draft.rng.random()
        if draw < 0.04 and call.media in ("voice", "chat"):
            wait = draft.length(4, 0.5)
        waiting = _offer(call, at, at + wait)
        if draw < 0.11 and call.media != "email":
            draft.metric(waiting, "tAbandon", wait, at + wait)
            if wait < 10_000:
                draft.metric(waiting, "tShortAbandon", wait, at + wait)
            return at + wait
        if draw < 0.13:
            draft.metric(waiting, "tFlowOut", wait, at + wait)
            return at + wait
        is_passed_on = leg < 2 and draft.chance(0.08)
        end = _answer(call, waiting, at, at + wait, is_passed_on)
        if not is_passed_on:
            break
        call.queue = random_queue(draft, call.directory)
        at = end
    return end


def _answer(call: Call, waiting: Node, at: int, answered: int, is_passed_on: bool) -> int:
    draft, queue = call.draft, {"queueId": call.queue_id()}
    if answered - at > SERVICE_LEVEL_MS[call.media]:
        draft.metric(waiting, "nOverSla", 1, answered)
    ringing = min(draft.length(5), answered - at)
    if answered - at > 30_000 and draft.chance(0.15):
        _does_not_respond(call, at + draft.step, at + 15_000)
    agent, user = _agent(draft, call.directory)
    waiting["selectedAgentId"] = user
    session = draft.session(
        agent, call.media, call.direction, **call.facts, usedRouting="Standard", selectedAgentId=user
    )
    draft.segment(session, "alert", answered - ringing, answered, **queue)
    draft.metric(session, "tAlert", ringing, answered)
    draft.metric(session, "tAnswered", answered - at, answered)
    if call.media == "email" and draft.chance(0.3):
        return _thread(call, session, answered)
    end = _conversation_with(call, session, answered, 0, queue, is_passed_on)
    if is_passed_on:
        is_consult = draft.chance(0.3)
        for name in ("nTransferred", *(("nConsult", "nConsultTransferred") if is_consult else ("nBlindTransferred",))):
            draft.metric(session, name, 1, end)
    elif call.media == "voice" and draft.chance(0.03):
        _third_party(call, end)
    return end


def _does_not_respond(call: Call, at: int, until: int) -> None:
    draft = call.draft
    agent, _ = _agent(draft, call.directory)
    session = draft.session(agent, call.media, call.direction, **call.facts)
    draft.segment(session, "alert", at, until, queueId=call.queue_id(), disconnectType="noAnswerTransfer")
    draft.metric(session, "tAlert", until - at, until)
    draft.metric(session, "tNotResponding", until - at, until)


def _conversation_with(
    call: Call, session: Node, at: int, before: int, facts: Node | None = None, is_passed_on: bool = False
) -> int:
    """Talk and hold in turns from `at`, then wrap up; `before` is what counts as handling already."""
    draft, facts = call.draft, {"queueId": call.queue_id()} if facts is None else facts
    talk = held = 0
    for stretch in range(1 + (draft.rng.randrange(3) if draft.chance(0.35) else 0)):
        if stretch:
            length = draft.length(40)
            draft.segment(session, "hold", at, at + length, **facts)
            at, held = at + length, held + length
            draft.metric(session, "tHeld", length, at)
        length = draft.length(_TALK[call.media] / (1 + stretch), 3)
        draft.segment(session, "interact", at, at + length, **facts)
        at, talk = at + length, talk + length
        draft.metric(session, "tTalk", length, at)
    session["segments"][-1]["disconnectType"] = "transfer" if is_passed_on else draft.rng.choice(("peer", "client"))
    draft.metric(session, "tTalkComplete", talk, at)
    if held:
        draft.metric(session, "tHeldComplete", held, at)
    _wrap_up(call, session, at, before + talk + held, facts)
    return at


def _wrap_up(call: Call, session: Node, at: int, handled: int, facts: Node) -> None:
    """After-call work: mostly a minute, one in twenty hours later, one in twelve never."""
    draft = call.draft
    draw = draft.rng.random()
    if draw < 0.08:
        draft.metric(session, "tHandle", handled, at)
        return
    work = draft.length(40, 2) if draw < 0.95 else draft.length(7_200, 1_800)
    codes = call.directory.wrap_up_ids
    code = codes[-1] if draft.chance(0.01) else draft.rng.choice(codes[:-1])
    note = {"wrapUpNote": f"note {draft.rng.randrange(1000)}"} if draft.chance(0.2) else {}
    draft.segment(session, "wrapup", at, at + work, **facts, wrapUpCode=code, **note)
    draft.metric(session, "tAcw", work, at + work)
    draft.metric(session, "tHandle", handled + work, at + work)


def _thread(call: Call, session: Node, at: int) -> int:
    """An e-mail thread that stays open for hours or days, in one case of fifty for weeks in one stretch."""
    draft, facts = call.draft, {"queueId": call.queue_id()}
    if draft.chance(0.02):
        length = int(_LONGEST_THREAD_MS * (0.6 + 0.4 * draft.rng.random())) // draft.step * draft.step
        draft.segment(session, "interact", at, at + length, **facts, disconnectType="inactivity")
        for name in ("tTalk", "tTalkComplete", "tHandle"):
            draft.metric(session, name, length, at + length)
        return at + length
    talk = 0
    for _ in range(draft.rng.randint(2, 4)):
        length = draft.length(400, 20)
        draft.segment(session, "interact", at, at + length, **facts)
        at, talk = at + length, talk + length
        draft.metric(session, "tTalk", length, at)
        parked = draft.length(30_000, 600)
        draft.segment(session, "parked", at, at + parked, **facts)
        at += parked
        draft.metric(session, "tPark", parked, at)
    draft.metric(session, "tTalkComplete", talk, at)
    _wrap_up(call, session, at, talk, facts)
    return at


def _third_party(call: Call, end: int) -> None:
    """Someone from outside joins the last half minute as a conference."""
    draft = call.draft
    begins = max(draft.start, end - 30_000)
    guest = draft.participant("external", participantName=_name(draft))
    session = draft.session(guest, call.media, "outbound", **_line(draft, call.media))
    draft.segment(session, "interact", begins, end, conference=True, disconnectType="conferenceTransfer")
    draft.metric(session, "nConnected", 1, begins)
    draft.facts["conferenceStart"] = session["segments"][0]["segmentStart"]


def _message_times(draft: Draft, session: Node, end: int) -> None:
    """How long the two sides took to write back; the customer's side may repeat inside its session."""
    turns = draft.rng.randint(1, 4)
    pause = (end - draft.start) // (turns + 1)
    draft.metric(session, "oMessageTurn", turns, end)
    for turn in range(1, turns + 1):
        draft.metric(session, "tUserResponseTime", pause, draft.start + pause * turn)


def _agent(draft: Draft, directory: Directory) -> tuple[Node, str]:
    last = len(directory.user_ids) - 1
    number = last if draft.chance(0.005) else draft.rng.randrange(last)
    user = directory.user_ids[number]
    return draft.participant("agent", userId=user, teamId=directory.team_of[number]), user
