"""Facts of a whole conversation: whatever its tree looks like, and whatever happened in it."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.genesys.facts import facts_of, merged_attributes
from connector.genesys.queries import FACTS
from connector.sandbox.contact_centre import ContactCentre

RECORDED = Path(__file__).parent / "answers" / "conversation-ended-chat-2021.json"
START = "2026-03-02T01:00:00.000Z"

Tree = dict[str, Any]


def facts(*participants: Any, **conversation: Any) -> dict[str, Any]:
    """All facts but `is_open` of a conversation."""
    return {
        name: value
        for name, value in facts_of({"participants": list(participants), **conversation}).items()
        if name != "is_open"
    }


def participant(purpose: str, *sessions: Tree, **fields: Any) -> Tree:
    return {"purpose": purpose, "sessions": list(sessions), **fields}


def session(*segments: Tree, **metrics: Any) -> Tree:
    """A session of these segments, with each metric once or as often as the list says."""
    points = [
        {"name": name, "value": value}
        for name, values in metrics.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return {"segments": list(segments), "metrics": points}


def segment(at: str, kind: str = "interact", **fields: str) -> Tree:
    """A segment that begins at this time of day of 2 March 2026."""
    return {"segmentType": kind, "segmentStart": f"2026-03-02T{at}", **fields}


# A recorded conversation


def test_a_recorded_chat_of_one_agent_is_told():
    assert facts_of(json.loads(RECORDED.read_bytes())) == {
        "is_open": False,
        "duration_ms": 929920,
        "talk_ms": 374561,
        "hold_ms": 544176,
        "handle_ms": 918737,
        "wait_ms": 11179,
        "direction": "inbound",
        "media_types": ["chat"],
        "first_queue_id": "a623d83c-96d7-4baa-af1f-d46ad6700d8b",
        "last_queue_id": "a623d83c-96d7-4baa-af1f-d46ad6700d8b",
        "first_agent_id": "50fcd33c-f432-4726-abc9-979f3ca01555",
        "last_agent_id": "50fcd33c-f432-4726-abc9-979f3ca01555",
    }


# Times of handling


def test_times_of_all_agents_and_sessions_are_added_and_those_of_others_are_not():
    found = facts(
        participant("agent", session(tTalkComplete=100, tHeldComplete=10, tAcw=1, tHandle=111), session(tHandle=7)),
        participant("user", session(tTalkComplete=200, tHandle=200)),
        participant("customer", session(tTalkComplete=5_000, tHandle=5_000)),
        participant("acd", session(tHeldComplete=5_000, tAcw=5_000)),
    )
    assert found == {"talk_ms": 300, "hold_ms": 10, "acw_ms": 1, "handle_ms": 318}


def test_a_metric_repeated_within_a_session_is_added_up():
    assert facts(participant("agent", session(tTalk=[100, 20, 3], tAcw=[1, 1]))) == {"talk_ms": 123, "acw_ms": 2}


def test_stretches_count_only_in_sessions_without_the_whole():
    found = facts(
        participant("agent", session(tTalk=[100, 20], tTalkComplete=120, tHeld=[4, 5], tHeldComplete=9)),
        participant("agent", session(tTalk=[30, 1], tHeld=8)),
    )
    assert found == {"talk_ms": 151, "hold_ms": 17}


def test_zero_is_told_and_what_no_session_measured_is_not():
    assert facts(participant("agent", session(tTalkComplete=0))) == {"talk_ms": 0}


def test_times_past_32_bits_stay_exact_and_fractions_are_rounded():
    found = facts(participant("agent", session(tHandle=[5_173_038_302, 1], tAcw=[1.6])))
    assert found == {"handle_ms": 5_173_038_303, "acw_ms": 2}
    assert type(found["acw_ms"]) is int


@pytest.mark.parametrize("value", [None, True, "380000", [1], float("inf"), float("nan")])
def test_what_is_no_number_is_no_time(value):
    assert facts(participant("agent", session(tHandle=[value]))) == {}


# Times of waiting


def test_the_wait_is_the_sum_over_all_queues():
    found = facts(
        participant("acd", session(tWait=50, tAcd=50)),
        participant("agent", session(tAnswered=49)),
        participant("acd", session(tWait=30, tAbandon=30, tShortAbandon=30)),
    )
    assert found == {"wait_ms": 80}


def test_without_a_measured_wait_it_is_what_ended_it():
    found = facts(
        participant("acd", session(tAcd=11)),
        participant("agent", session(tAnswered=11)),
        participant("acd", session(tFlowOut=7)),
        participant("acd", session(tAbandon=5, tShortAbandon=5)),
    )
    assert found == {"wait_ms": 23}


# Queues


def test_the_first_and_last_queue_are_those_of_acd_participants_by_time_whatever_the_order_of_participants():
    found = facts(
        participant("agent", session(segment("00:00:00.000Z", "alert", queueId="of agent"))),
        participant("acd", session(segment("01:05:00.000Z", queueId="second"))),
        participant("acd", session(segment("01:01:00.000Z", queueId="first"))),
        participant("customer", session(segment("02:00:00.000Z", queueId="of customer"))),
    )
    assert found == {"first_queue_id": "first", "last_queue_id": "second"}


def test_without_an_acd_participant_the_queues_of_anyone_count():
    found = facts(participant("agent", session(segment("01:00:00Z", "dialing", queueId="q9"))))
    assert found == {"first_queue_id": "q9", "last_queue_id": "q9"}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("01:00:00Z", "01:00:00.001Z"),
        ("01:00:00.5Z", "01:00:00.51Z"),
        ("01:00:00.999Z", "01:00:01Z"),
        ("01:30:00+01:00", "00:45:00Z"),
    ],
)
def test_instants_are_compared_as_instants_however_they_are_written(earlier, later):
    legs = [
        participant("acd", session(segment(later, queueId="later"))),
        participant("acd", session(segment(earlier, queueId="earlier"))),
    ]
    assert facts(*legs) == {"first_queue_id": "earlier", "last_queue_id": "later"}
    assert facts(*reversed(legs)) == {"first_queue_id": "earlier", "last_queue_id": "later"}


def test_what_stands_at_no_readable_instant_counts_only_when_there_is_no_other():
    lost = participant("acd", session({"queueId": "lost"}, {"queueId": "lost too", "segmentStart": "soon"}))
    assert facts(lost) == {"first_queue_id": "lost", "last_queue_id": "lost too"}
    known = participant("acd", session(segment("01:00:00Z", queueId="known")))
    assert facts(lost, known) == {"first_queue_id": "known", "last_queue_id": "known"}


# Agents


def test_agents_stand_in_the_order_in_which_they_joined():
    found = facts(
        participant("agent", session(segment("01:02:00Z"), segment("01:09:00Z")), userId="transferred to"),
        participant("agent", session(segment("00:59:00Z", "alert"), segment("01:00:00Z")), userId="first"),
        participant("user", session(segment("01:03:00Z")), userId="consulted"),
    )
    assert found == {"first_agent_id": "first", "last_agent_id": "consulted"}


def test_an_agent_who_comes_back_is_first_and_last():
    found = facts(
        participant("agent", session(segment("01:00:00Z")), userId="a"),
        participant("agent", session(segment("01:02:00Z")), userId="b"),
        participant("agent", session(segment("01:04:00Z")), userId="a"),
    )
    assert found == {"first_agent_id": "a", "last_agent_id": "a"}


def test_who_was_only_alerted_listened_in_or_is_no_agent_did_not_join():
    found = facts(
        participant("agent", session(segment("01:00:00Z", "alert")), userId="did not respond"),
        participant("agent", session(segment("01:00:00Z", "monitoring")), userId="supervisor"),
        participant("customer", session(segment("01:00:00Z")), userId="odd"),
        participant("agent", session(segment("01:00:00Z"))),
    )
    assert found == {}


# Wrap-up, media types, direction, duration


def test_wrap_up_codes_are_told_once_each_in_order_of_time():
    found = facts(
        participant("agent", session(segment("01:05:00Z", "wrapup", wrapUpCode="b"))),
        participant("agent", session(segment("01:01:00.250Z", "wrapup", wrapUpCode="a"), {"wrapUpCode": "untimed"})),
        participant("agent", session(segment("01:09:00Z", "wrapup", wrapUpCode="a"))),
    )
    assert found == {"wrap_up_codes": ["a", "b", "untimed"]}


def test_media_types_are_told_once_each_in_order_of_appearance():
    found = facts(
        participant("customer", {"mediaType": "voice"}),
        participant("acd", {"mediaType": "chat"}),
        participant("agent", {"mediaType": "voice"}, {}),
    )
    assert found == {"media_types": ["voice", "chat"]}


@pytest.mark.parametrize(
    ("originating", "expected"), [("outbound", "outbound"), (None, "inbound")], ids=["its own", "of its first session"]
)
def test_the_direction_is_the_originating_one_else_that_of_the_first_session(originating, expected):
    found = facts(
        participant("customer", {"direction": "inbound"}),
        participant("agent", {"direction": "outbound"}),
        originatingDirection=originating,
    )
    assert found == {"direction": expected}


@pytest.mark.parametrize(
    ("end", "milliseconds"),
    [("2026-03-02T01:00:01.250Z", 1250), ("2026-03-02T01:00:02Z", 2000), ("2026-03-02T02:00:01+01:00", 1000)],
)
def test_an_ended_conversation_tells_how_long_it_was(end, milliseconds):
    assert facts_of({"conversationStart": START, "conversationEnd": end}) == {
        "is_open": False,
        "duration_ms": milliseconds,
    }


@pytest.mark.parametrize("end", [None, ""])
def test_a_conversation_without_an_end_is_open_and_has_no_duration(end):
    assert facts_of({"conversationStart": START, "conversationEnd": end}) == {"is_open": True}


@pytest.mark.parametrize("end", ["yesterday", 1_772_413_200_000, "0001-01-01T00:00:00+01:00"])
def test_an_end_nobody_can_read_leaves_only_the_duration_untold(end):
    assert facts_of({"conversationStart": START, "conversationEnd": end}) == {"is_open": False}


# Odd trees


@pytest.mark.parametrize(
    "bare", [{}, {"participants": None}, {"participants": [{}]}, {"participants": [{"sessions": [{"segments": None}]}]}]
)
def test_what_a_conversation_does_not_hold_is_left_out(bare):
    assert facts_of(bare) == {"is_open": True}


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("", "agent", "acd", "tTalk", START)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                """participants sessions segments metrics name value purpose userId queueId wrapUpCode segmentStart
            segmentType mediaType direction originatingDirection conversationStart conversationEnd""".split()
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(("conversationStart", "conversationEnd", "originatingDirection")), ODD), ODD)
def test_no_tree_is_too_odd_and_every_fact_told_is_of_its_kind(top, participants):
    found = facts_of({**top, "participants": participants})
    assert found.keys() <= FACTS.keys()
    for name, value in found.items():
        if name.endswith("_ms"):
            assert type(value) is int
        elif name == "is_open":
            assert type(value) is bool
        elif name in ("media_types", "wrap_up_codes"):
            assert value and all(type(one) is str for one in value) and len(set(value)) == len(value)
        else:
            assert type(value) is str and value


@pytest.mark.parametrize(
    "around",
    [
        lambda odd: {"participants": odd},
        lambda odd: {"participants": [{"sessions": odd}]},
        lambda odd: {"participants": [{"sessions": [{"segments": odd, "metrics": odd}]}]},
    ],
    ids=["participants", "sessions", "segments and metrics"],
)
@pytest.mark.parametrize("odd", [None, 7, "text", {}, [None, 7, "text", ["list"]]])
def test_a_list_of_another_kind_is_passed_over(around, odd):
    assert facts_of(around(odd)) == {"is_open": True}


# Attributes


def test_attributes_of_customers_win_then_those_of_external_parties_then_the_first_of_the_others():
    tree = {
        "participants": [
            participant("agent", attributes={"a": "agent", "b": "agent", "c": "agent", "d": "agent"}),
            participant("ivr", attributes={"d": "ivr", "e": "ivr"}),
            participant("external", attributes={"a": "external", "b": "external"}),
            participant("customer", attributes={"a": "customer", "f": ""}),
            participant("customer", attributes={"a": "second customer", "f": "second customer"}),
        ]
    }
    assert merged_attributes(tree) == {
        "a": "customer",
        "f": "",
        "b": "external",
        "c": "agent",
        "d": "agent",
        "e": "ivr",
    }


@pytest.mark.parametrize("odd", [None, {}, [], "text", {"a": None}, 7])
def test_attributes_that_hold_nothing_give_none(odd):
    assert merged_attributes({"participants": [participant("customer", attributes=odd), odd]}) == {}
    assert merged_attributes({"participants": odd}) == {}


# The identities of the vendor's metrics


def centre_conversations() -> list[Tree]:
    centre = ContactCentre(seed=11, start=datetime(2026, 3, 2, tzinfo=UTC), days=2, conversations=400)
    return list(centre.whole_conversations())


def metrics_of(tree: Tree, *purposes: str) -> Counter[str]:
    """Each metric summed over the sessions of these purposes, or of all."""
    sums: Counter[str] = Counter()
    for one in tree["participants"]:
        if not purposes or one["purpose"] in purposes:
            for held in one["sessions"]:
                for metric in held["metrics"]:
                    sums[metric["name"]] += metric["value"]
    return sums


def test_handling_is_dialing_contacting_talk_hold_and_after_call_work():
    """Identity of the vendor's metrics: genesys reference, arithmetic of the aggregates, per session and summed."""
    handled = [(tree, found) for tree in centre_conversations() if "handle_ms" in (found := facts_of(tree))]
    assert len(handled) > 200
    for tree, found in handled:
        measured = metrics_of(tree, "agent", "user")
        before = measured["tContacting"] + measured["tDialing"]
        parts = before + sum(found.get(name, 0) for name in ("talk_ms", "hold_ms", "acw_ms"))
        assert found["handle_ms"] == parts, tree["conversationId"]


def test_waiting_ends_by_an_answer_an_abandon_or_the_flow():
    waited = [(tree, found) for tree in centre_conversations() if "wait_ms" in (found := facts_of(tree))]
    assert len(waited) > 200
    for tree, found in waited:
        measured = metrics_of(tree)
        assert found["wait_ms"] == measured["tAnswered"] + measured["tAbandon"] + measured["tFlowOut"]


def test_without_the_metrics_of_whole_sessions_and_waits_the_facts_are_the_same():
    for tree in centre_conversations():
        before = facts_of(tree)
        for one in tree["participants"]:
            for held in one["sessions"]:
                dropped = ("tTalkComplete", "tHeldComplete", "tWait")
                held["metrics"] = [metric for metric in held["metrics"] if metric["name"] not in dropped]
        assert facts_of(tree) == before


def test_every_fact_of_the_table_is_told_of_some_conversation_and_no_other():
    assert {name for tree in centre_conversations() for name in facts_of(tree)} == FACTS.keys()
