"""Conversation details by query and by id."""

from datetime import timedelta

import pytest

from connector.sandbox.faults import FaultPlanError, Faults, Rule
from connector.sandbox.world import World


def ids(answer):
    return [one["conversationId"] for one in answer.json().get("conversations") or []]


def hours(monday, *numbers):
    return [monday + timedelta(hours=number) for number in numbers]


def test_interval_selects_what_started_on_the_utc_days_it_touches(serve, make, monday):
    starts = hours(monday, -1, 0, 9, 23.99, 24, 30, 48)
    client = serve([make(number, start) for number, start in enumerate(starts)])
    assert ids(client.details(interval="2026-03-02T10:00:00.000Z/2026-03-02T11:00:00.000Z")) == ["c001", "c002", "c003"]
    assert ids(client.details(interval="2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z")) == ["c001", "c002", "c003"]
    across = "2026-03-02T23:00:00.000Z/2026-03-03T00:00:00.001Z"
    assert ids(client.details(interval=across)) == ["c001", "c002", "c003", "c004", "c005"]
    with_offset = "2026-03-02T01:00:00+02:00/2026-03-02T02:00:00+02:00"
    assert ids(client.details(interval=with_offset)) == ["c000"]


def test_without_day_index_only_what_started_inside_is_given(serve, make, monday):
    client = serve([make(n, start) for n, start in enumerate(hours(monday, 9, 10, 11))], day_indexed=False)
    assert ids(client.details(interval="2026-03-02T10:00:00.000Z/2026-03-02T11:00:00.000Z")) == ["c001"]


@pytest.mark.parametrize(
    "interval",
    [
        None,
        "P7D",
        "2026-03-02/2026-03-03",
        "2026-03-02T00:00:00.000Z",
        "2026-03-02T00:00:00/2026-03-03T00:00:00",
        "2026-03-02T00:00:00Z/2026-03-02T00:00:00Z",
        "2026-02-30T00:00:00Z/2026-03-02T00:00:00Z",
        "2026-03-02T00:00:00Z/2026-03-09T00:00:00.001Z",
    ],
)
def test_interval_the_service_does_not_take_is_400(serve, interval):
    assert serve([]).details(interval=interval).status_code == 400


def test_interval_may_be_seven_days_bare_and_31_with_a_filter(serve):
    client = serve([])
    has_end = [{"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "exists"}]}]
    assert client.details(interval="2026-03-02T00:00:00Z/2026-03-09T00:00:00Z").status_code == 200
    month = "2026-03-02T00:00:00Z/2026-04-02T00:00:00Z"
    assert client.details(interval=month).status_code == 400
    assert client.details(interval=month, conversationFilters=has_end).status_code == 200
    assert client.details(interval=month.replace("04-02", "04-03"), conversationFilters=has_end).status_code == 400


def test_pages_hold_each_conversation_once_and_the_end_has_no_list(serve, make, monday):
    client = serve([make(number, monday + timedelta(minutes=number)) for number in range(7)])
    pages = [client.details_page(number, 3) for number in range(1, 6)]
    assert [ids(page) for page in pages] == [["c000", "c001", "c002"], ["c003", "c004", "c005"], ["c006"], [], []]
    assert [page.json()["totalHits"] for page in pages] == [7] * 5
    assert pages[3].json() == {"conversations": None, "totalHits": 7}
    assert pages[4].json() == {"totalHits": 7}


def test_page_size_is_25_unless_asked_and_100_at_most(serve, make, monday):
    client = serve([make(number, monday + timedelta(seconds=number)) for number in range(101)])
    assert len(ids(client.details())) == 25
    assert len(ids(client.details_page(1, 100))) == 100
    for paging in ({"pageSize": 101}, {"pageSize": 0}, {"pageNumber": 0}, {"pageNumber": "1"}, {"page": 1}):
        assert client.details(paging=paging).status_code == 400


def test_order_is_ascending_by_start_unless_asked(serve, make, monday):
    lengths = {0: 9000, 1: 60, 2: 600}
    client = serve([make(number, monday + timedelta(hours=number), lengths[number]) for number in (2, 0, 1)])
    assert ids(client.details()) == ["c000", "c001", "c002"]
    assert ids(client.details(order="desc")) == ["c002", "c001", "c000"]
    assert ids(client.details(orderBy="conversationEnd")) == ["c001", "c002", "c000"]
    assert ids(client.details(orderBy="segmentEnd", order="desc")) == ["c000", "c002", "c001"]
    assert client.details(order="random").status_code == 400
    assert client.details(orderBy="duration").status_code == 400


def test_the_order_asked_for_is_ignored_on_demand(serve, make, monday):
    two = [make(2, monday), make(1, monday + timedelta(hours=1))]
    wrong = [Rule("ignore_order"), Rule("ignore_order", {"order": "unordered"})]
    assert [ids(serve(two, faults=Faults([rule])).details(order="desc")) for rule in wrong] == [
        ["c002", "c001"],
        ["c001", "c002"],
    ]
    with pytest.raises(FaultPlanError, match="ignore_order needs order"):
        serve(two, faults=Faults([Rule("ignore_order", {"order": "up"})]))


def test_unordered_conversations_do_not_come_by_start(serve, make, monday):
    client = serve([make(2, monday), make(1, monday + timedelta(hours=1))])
    assert ids(client.details()) == ["c002", "c001"]
    assert ids(client.details(order="unordered")) == ["c001", "c002"]


def test_unknown_or_unserved_keys_are_400(serve):
    client = serve([])
    for more in ({"groupBy": []}, {"view": "x"}, {"aggregations": [{"type": "termFrequency"}]}):
        assert client.details(**more).status_code == 400
    assert client.details(aggregations=[], evaluationFilters=[]).status_code == 200


def predicate(name, **more):
    return {"type": "dimension", "dimension": name, **more}


def one_filter(*predicates, kind="and", clauses=()):
    return [{"type": kind, "predicates": list(predicates), "clauses": list(clauses)}]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"conversationFilters": one_filter(predicate("conversationEnd", operator="notExists"))}, ["c003"]),
        ({"conversationFilters": one_filter(predicate("conversationId", value="c001"))}, ["c001"]),
        (
            {"conversationFilters": one_filter(predicate("divisionId", operator="matches", value="d1"))},
            ["c000", "c001", "c002", "c003"],
        ),
        (
            {
                "conversationFilters": one_filter(
                    predicate("conversationStart", range={"gte": "2026-03-02T01:00:00Z", "lt": "2026-03-02T02:00:00Z"})
                )
            },
            ["c001"],
        ),
        (
            {"conversationFilters": one_filter(predicate("conversationEnd", range={"gt": "2026-03-02T02:00:30Z"}))},
            ["c002"],
        ),
        ({"segmentFilters": one_filter(predicate("mediaType", value="chat"))}, ["c001"]),
        (
            {
                "segmentFilters": one_filter(
                    predicate("mediaType", value="chat"), predicate("mediaType", value="email"), kind="or"
                )
            },
            ["c001", "c002"],
        ),
        ({"segmentFilters": one_filter(predicate("mediaType", value="chat"), predicate("userId", value="u9"))}, []),
        (
            {
                "segmentFilters": one_filter(
                    predicate("conference", value="false"), predicate("mediaType", value="chat")
                )
            },
            ["c001"],
        ),
        (
            {
                "segmentFilters": one_filter(
                    predicate("queueId", value="q1"),
                    clauses=one_filter(
                        predicate("mediaType", value="chat"), predicate("mediaType", value="fax"), kind="or"
                    ),
                )
            },
            ["c001"],
        ),
        ({"segmentFilters": one_filter({"type": "metric", "metric": "tTalk", "range": {"gte": 70000}})}, ["c002"]),
        (
            {
                "segmentFilters": one_filter(predicate("mediaType", value="voice")),
                "conversationFilters": one_filter(predicate("conversationEnd", operator="exists")),
            },
            ["c000"],
        ),
    ],
)
def test_filters_select_whole_conversations(serve, make, monday, clock, more, found):
    media = ("voice", "chat", "email", "voice")
    seconds = (60, 60, 80, 9e6)
    world = [make(n, monday + timedelta(hours=n), seconds[n], media[n]) for n in range(4)]
    answer = serve(world).details(**more)
    assert (ids(answer), answer.json()["totalHits"]) == (found, len(found))


@pytest.mark.parametrize(
    "given",
    [
        "x",
        [{}],
        [{"type": "not", "predicates": [predicate("mediaType", value="voice")]}],
        one_filter(predicate("mediaTyp", value="voice")),
        one_filter(predicate("conversationEnd", operator="exists")),
        one_filter(predicate("mediaType", operator="equals", value="voice")),
        one_filter(predicate("mediaType")),
        one_filter(predicate("segmentStart", range={"from": "2026-03-02T00:00:00Z"})),
        one_filter(predicate("segmentStart", range={"gte": "yesterday"})),
        one_filter({"type": "property", "property": "x", "value": "y"}),
        [{"type": "and", "predicates": [predicate("mediaType", value="voice")], "values": []}],
    ],
)
def test_filter_the_service_does_not_know_is_400(serve, given):
    assert serve([]).details(segmentFilters=given).status_code == 400


def test_attributes_are_never_shown(serve, make, monday):
    conversation = make(1, monday)
    conversation["participants"][0]["attributes"] = {"Order No": "A-1"}
    client = serve([conversation])
    bare = make(1, monday)
    assert client.details().json()["conversations"] == [bare]
    assert client.get("/analytics/conversations/c001/details").json() == bare
    assert client.get("/analytics/conversations/details", id="c001").json() == {"conversations": [bare]}


def test_by_id_gives_what_is_there_and_404_for_a_single_unknown(serve, make, monday):
    client = serve([make(1, monday), make(2, monday)])
    assert ids(client.get("/analytics/conversations/details", id="c002,none,c001")) == ["c002", "c001"]
    assert client.get("/analytics/conversations/details", id="none").json() == {}
    assert client.get("/analytics/conversations/none/details").json()["code"] == "not.found"
    assert client.get("/analytics/conversations/details", id=",".join("x" * 101)).status_code == 400


def test_ongoing_conversation_shows_without_its_future(serve, make, monday, clock):
    clock.set(monday + timedelta(seconds=30))
    client = serve([make(1, monday), make(2, monday + timedelta(seconds=31))])
    seen = make(1, monday)
    del seen["conversationEnd"]
    del seen["participants"][0]["sessions"][0]["segments"][0]["segmentEnd"]
    seen["participants"][0]["sessions"][0]["metrics"] = []
    assert client.details().json() == {"conversations": [seen], "totalHits": 1}
    clock.advance(30)
    assert client.details().json()["conversations"][0] == make(1, monday)
    assert client.details().json()["totalHits"] == 2


def test_late_and_corrected_conversations_show_from_their_time_on(serve, make, monday, clock):
    world = World([make(1, monday)])
    world.add(make(2, monday), visible_from=clock.now() + timedelta(hours=1))
    world.correct("c001", {"externalTag": "changed"}, clock.now() + timedelta(hours=2))
    client = serve(world)
    assert client.details().json()["conversations"] == [make(1, monday)]
    clock.advance(3600)
    assert ids(client.details()) == ["c001", "c002"]
    clock.advance(3600)
    assert client.details().json()["conversations"][0] == {**make(1, monday), "externalTag": "changed"}


def test_reading_all_pages_gives_what_the_world_holds(serve, busy_world, monday, clock):
    client = serve(busy_world)
    found = []
    for day in range(3):
        begins = monday + timedelta(days=day)
        interval = f"{begins.isoformat()}/{(begins + timedelta(days=1)).isoformat()}"
        for number in range(1, 100):
            page = client.details_page(number, 100, interval=interval)
            if not ids(page):
                break
            found += page.json()["conversations"]
    truth = busy_world.conversations_at(clock.now(), monday, monday + timedelta(days=3))
    for conversation in truth:
        for participant in conversation["participants"]:
            participant.pop("attributes", None)
    assert found == truth
