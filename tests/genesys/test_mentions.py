"""Which ids the records of a page name: of conversations and of flat records, whatever shape they come in."""

from typing import Any

from connector.genesys.mentions import Mentions, mentions_of


def conversation(*divisions: Any, queues: tuple[Any, ...] = (), user: Any = None) -> dict[str, Any]:
    segments = [{"queueId": queue} for queue in queues]
    participant = {"userId": user, "sessions": [{"segments": segments}]}
    return {"divisionIds": list(divisions), "participants": [participant]}


def test_a_conversation_names_its_divisions_its_queues_and_who_took_part():
    found = mentions_of([conversation("d1", "d2", queues=("q1", "q2"), user="u1"), conversation("d1")], [7, 8])
    assert found == Mentions(
        {
            ("division", "d1"): {7, 8},
            ("division", "d2"): {7},
            ("queue", "q1"): {7},
            ("queue", "q2"): {7},
            ("user", "u1"): {7},
        },
        {},
    )


def test_a_flat_record_names_the_keys_of_its_group():
    group = {"queueId": "q1", "userId": "u1", "divisionId": "d1", "start": "2026-03-02T09:00:00Z"}
    found = mentions_of([group, {"mediaType": "voice"}], [7, 7])
    assert found == Mentions({("queue", "q1"): {7}, ("user", "u1"): {7}, ("division", "d1"): {7}}, {"q1": "d1"})


def test_the_division_of_a_queue_is_told_only_where_a_page_names_one():
    def told(*records: dict[str, Any]) -> dict[str, str]:
        return mentions_of(records, [7] * len(records)).divisions

    assert told(conversation("d1", queues=("q1", "q2"))) == {"q1": "d1", "q2": "d1"}
    assert told(conversation("d1", queues=("q1",)), conversation("d2", queues=("q1",))) == {}
    assert told(conversation("d1", "d2", queues=("q1",))) == {}


def test_what_is_not_as_documented_or_has_no_time_names_nothing():
    odd = [
        {"divisionIds": "d1", "participants": None, "queueId": None},
        {"divisionIds": [None, 3, ""], "participants": [None, {"sessions": [3, {"segments": ["x", {"queueId": 5}]}]}]},
        conversation("d1", queues=("q1",)),
    ]
    assert mentions_of(odd, [7, 7, None]) == Mentions({}, {})
