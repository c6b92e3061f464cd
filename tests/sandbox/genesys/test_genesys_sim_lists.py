"""The summary query, the look-ups, and the trouble a fault plan makes on their pages."""

from datetime import timedelta

import pytest
import requests

from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.faults import Faults, Rule

SUMMARY = "/analytics/conversations/summary/queries"
DAY = {"dateFrom": "2026-03-02T00:00:00Z", "dateTo": "2026-03-03T00:00:00Z"}
ABSENT = "absent"


def ids(answer):
    shown = answer.json().get("conversations", ABSENT)
    return [one["conversationId"] for one in shown] if isinstance(shown, list) else shown


def summary(client, **more):
    body = {"pageSize": 100, "pageNumber": 1, "metrics": ["conversation:duration"], **DAY, **more}
    return client.post(SUMMARY, body)


@pytest.fixture
def eight(make, monday):
    """Conversations c000 to c007, a minute apart."""
    return [make(number, monday + timedelta(minutes=number)) for number in range(8)]


def test_summary_counts_and_adds_up_by_its_groupings(serve, make, monday):
    world = [make(1, monday, 60), make(2, monday, 90), make(3, monday, 5, "chat"), make(4, monday + timedelta(days=1))]
    del world[2]["participants"][0]["userId"]
    answer = summary(
        serve(world),
        groupings=["conversation:medium", "conversation:agent", "conversation:queue", "conversation:direction"],
        metrics=["conversation:duration", "conversation:count"],
    )
    assert answer.json() == {
        "entities": [
            {
                "conversation:medium": "chat",
                "conversation:queue": "q1",
                "conversation:direction": "inbound",
                "conversation:duration": 5_000,
                "conversation:count": 1,
            },
            {
                "conversation:medium": "voice",
                "conversation:agent": "u1",
                "conversation:queue": "q1",
                "conversation:direction": "inbound",
                "conversation:duration": 150_000,
                "conversation:count": 2,
            },
        ],
        "pageSize": 100,
        "pageNumber": 1,
        "pageCount": 1,
        "total": 2,
    }
    assert answer.headers["X-Page-Count"] == "1"


def test_summary_duration_can_come_as_sum_and_count(serve, make, monday):
    client = serve([make(1, monday, 60), make(2, monday, 90), make(3, monday, 9e6)], summary_stats=True)
    assert summary(client, groupings=["conversation:medium"]).json()["entities"] == [
        {"conversation:medium": "voice", "conversation:duration": {"sum": 150_000, "count": 2}}
    ]


def test_summary_without_groupings_lists_conversations(serve, make, monday):
    assert summary(serve([make(1, monday)])).json()["entities"] == [
        {"id": "c001", "conversationStart": monday.isoformat(), "conversation:duration": 60_000}
    ]


def test_summary_pages_end_with_an_empty_list(serve, eight):
    client = serve(eight)
    pages = [summary(client, pageSize=5, pageNumber=number) for number in (1, 2, 3)]
    assert [len(page.json()["entities"]) for page in pages] == [5, 3, 0]
    assert [(page.json()["pageCount"], page.json()["total"], page.headers["X-Page-Count"]) for page in pages] == [
        (2, 8, "2")
    ] * 3


@pytest.mark.parametrize(
    "more",
    [
        {"pageSize": 101},
        {"pageNumber": 0},
        {"groupings": ["queue"]},
        {"metrics": "conversation:count"},
        {"dateFrom": "2026-03-02"},
        {"dateTo": "2026-03-02T00:00:00Z"},
        {"interval": "P1D"},
    ],
)
def test_summary_query_the_service_does_not_take_is_400(serve, more):
    assert summary(serve([]), **more).status_code == 400


def test_look_ups_list_every_entity_once_sorted_by_name(serve, busy_world, centre):
    client = serve(busy_world)
    directory = centre.directory
    for path, known in (
        ("/routing/queues", directory.queues),
        ("/routing/wrapupcodes", directory.wrap_up_codes),
        ("/authorization/divisions", directory.divisions),
    ):
        listed = []
        for number in range(1, 6):
            listed += client.get(path, pageSize=5, pageNumber=number).json()["entities"]
        assert listed == sorted(known, key=lambda one: (one["name"], one["id"]))


def test_look_up_page_has_the_classic_envelope(serve, busy_world, centre):
    client = serve(busy_world)
    first = client.get("/routing/queues", pageSize=5).json()
    names = sorted(centre.directory.queues, key=lambda one: (one["name"], one["id"]))
    uri = "/api/v2/routing/queues?pageSize=5&pageNumber="
    assert first == {
        "entities": names[:5],
        "pageSize": 5,
        "pageNumber": 1,
        "total": 12,
        "pageCount": 3,
        "firstUri": f"{uri}1",
        "lastUri": f"{uri}3",
        "selfUri": f"{uri}1",
        "nextUri": f"{uri}2",
    }
    last = client.get("/routing/queues", pageSize=5, pageNumber=3).json()
    assert "nextUri" not in last
    assert last["previousUri"] == f"{uri}2"


def test_look_up_filters_by_id_and_name(serve, busy_world, centre):
    client = serve(busy_world)
    one, other = centre.directory.queues[:2]
    by_id = client.get("/routing/queues", id=[one["id"], other["id"]]).json()
    assert {queue["id"] for queue in by_id["entities"]} == {one["id"], other["id"]}
    assert client.get("/routing/queues", name=one["name"].upper()).json()["entities"] == [one]
    gone = centre.directory.queue_ids[-1]
    assert client.get("/routing/queues", id=gone).json()["entities"] == []


LOOK_UPS = {
    "/routing/queues": ("queues", "queue_ids"),
    "/routing/wrapupcodes": ("wrap_up_codes", "wrap_up_ids"),
    "/users": ("users", "user_ids"),
    "/authorization/divisions": ("divisions", None),
}


@pytest.mark.parametrize("path", LOOK_UPS)
def test_every_look_up_gives_the_ids_asked_for_and_leaves_out_what_is_deleted(serve, busy_world, centre, path):
    client = serve(busy_world)
    listed, known = LOOK_UPS[path]
    wanted = sorted(getattr(centre.directory, listed)[:3], key=lambda one: (one["name"], one["id"]))
    gone = getattr(centre.directory, known)[-1] if known else "00000000-0000-4000-a000-000000000000"
    asked = [*(entity["id"] for entity in wanted), gone]
    answers = [client.get(path, id=asked), client.get(path, id=",".join(asked))]
    assert [(answer.json()["entities"], answer.json()["total"]) for answer in answers] == [(wanted, 3)] * 2


@pytest.mark.parametrize("path", LOOK_UPS)
def test_look_up_page_holds_25_unless_asked_for_up_to_500(serve, monday, path):
    client = serve(ContactCentre(3, monday, 1, queues=30, agents=30, conversations=1).world())
    default, most = client.get(path).json(), client.get(path, pageSize=500)
    assert (default["pageSize"], len(default["entities"])) == (25, min(25, default["total"]))
    assert (most.status_code, len(most.json()["entities"])) == (200, default["total"])
    assert client.get(path, pageSize=501).status_code == 400


@pytest.mark.parametrize("path", sorted(set(LOOK_UPS) - {"/authorization/divisions"}))
def test_every_entity_names_its_division(serve, busy_world, centre, path):
    divisions = {division["id"]: division["name"] for division in centre.directory.divisions}
    entities = serve(busy_world).get(path, pageSize=500).json()["entities"]
    assert {one["division"]["id"]: one["division"]["name"] for one in entities}.items() <= divisions.items()


@pytest.mark.parametrize("path", LOOK_UPS)
def test_pages_of_every_look_up_can_be_troubled(serve, busy_world, path):
    rules = [Rule("empty_page", path=path, nth=1), Rule("total", {"value": 1}, path=path, nth=2)]
    client = serve(busy_world, faults=Faults(rules))
    answers = [client.get(path).json() for _ in range(3)]
    assert (answers[0]["entities"], answers[1]["total"]) == ([], 1)
    assert {**answers[1], "total": answers[2]["total"]} == answers[2]


def test_queues_and_wrap_up_codes_need_their_permission_users_and_divisions_none(serve, busy_world):
    client = serve(busy_world)
    client.sim.withdraw("routing:queue:view")
    client.sim.withdraw("routing:wrapupCode:view")
    assert {path: client.get(path).status_code for path in LOOK_UPS} == {
        "/routing/queues": 403,
        "/routing/wrapupcodes": 403,
        "/users": 200,
        "/authorization/divisions": 200,
    }


def test_former_agents_are_listed_only_when_asked_for(serve, busy_world):
    client = serve(busy_world)
    totals = {
        state: client.get("/users", **({"state": state} if state else {}), pageSize=500).json()["total"]
        for state in ("", "any", "inactive")
    }
    assert totals == {"": 56, "any": 60, "inactive": 4}
    assert client.get("/users", state="gone").status_code == 400
    many = client.get("/users", id=",".join(str(number) for number in range(101)))
    assert (many.status_code, many.json()["code"]) == (400, "max.user.ids")
    assert client.get("/users", pageSize=501).status_code == 400
    assert client.get("/users", pageSize="x").status_code == 400


def test_directory_can_have_more_queues_than_names(monday):
    queues = ContactCentre(1, monday, 1, queues=40).directory.queues
    assert len({queue["name"] for queue in queues}) == 40


@pytest.mark.parametrize(
    ("action", "arguments", "pages"),
    [
        ("empty_page", {}, [["c000", "c001", "c002"], [], ["c006", "c007"], None]),
        ("empty_missing_list", {}, [["c000", "c001", "c002"], ABSENT, ["c006", "c007"], None]),
        ("null_list", {}, [["c000", "c001", "c002"], None, ["c006", "c007"], None]),
        ("repeat_previous_page", {}, [["c000", "c001", "c002"], ["c000", "c001", "c002"], ["c006", "c007"], None]),
        ("short_page", {"rows": 1}, [["c000", "c001", "c002"], ["c003"], ["c004", "c005", "c006"], ["c007"]]),
        ("shift", {"rows": 1}, [["c000", "c001", "c002"], ["c002", "c003", "c004"], ["c006", "c007"], None]),
        ("shift", {"rows": -1}, [["c000", "c001", "c002"], ["c004", "c005", "c006"], ["c006", "c007"], None]),
        ("drop_rows", {"rows": 2}, [["c000", "c001", "c002"], ["c005"], ["c006", "c007"], None]),
    ],
)
def test_second_page_can_be_troubled(serve, eight, action, arguments, pages):
    rule = Rule(action, arguments, service="genesys", path="/details/query$", page=2)
    client = serve(eight, faults=Faults([rule]))
    answers = [client.details_page(number, 3) for number in (1, 2, 3, 4)]
    assert [ids(answer) for answer in answers] == pages
    assert {answer.json()["totalHits"] for answer in answers} == {8}


def test_rows_a_short_page_kept_back_come_at_their_old_place_once_it_is_whole_again(serve, eight):
    rule = Rule("short_page", {"rows": 1}, page=1, times=1)
    client = serve(eight, faults=Faults([rule]))
    assert [ids(client.details_page(number, 3)) for number in (1, 2)] == [["c000"], ["c001", "c002", "c003"]]
    assert [ids(client.details_page(number, 3)) for number in (1, 2)] == [
        ["c000", "c001", "c002"],
        ["c003", "c004", "c005"],
    ]


@pytest.mark.parametrize(
    ("value", "more", "stated"),
    [
        (3, {}, 3),
        (None, {}, None),
        ("missing", {}, ABSENT),
        ("stale_low", {}, 7),
        ("stale_high", {"by": 5}, 13),
    ],
)
def test_stated_total_can_be_wrong_or_absent(serve, eight, value, more, stated):
    client = serve(eight, faults=Faults([Rule("total", {"value": value, **more})]))
    assert client.details().json().get("totalHits", ABSENT) == stated
    assert summary(client).json().get("total", ABSENT) == stated


def test_stated_page_counts_can_be_wrong_each_for_itself(serve, eight):
    rules = [Rule("page_count", {"value": 9}, path="summary"), Rule("header_page_count", {"value": 1}, path="summary")]
    client = serve(eight, faults=Faults(rules))
    answer = summary(client, pageSize=3)
    assert (answer.json()["pageCount"], answer.headers["X-Page-Count"], answer.json()["total"]) == (9, "1", 8)
    silent = serve(
        eight,
        faults=Faults([Rule("page_count", {"value": "missing"}), Rule("header_page_count", {"value": "missing"})]),
    )
    answer = summary(silent)
    assert "pageCount" not in answer.json()
    assert "X-Page-Count" not in answer.headers


def test_aggregates_can_lose_their_list_too(serve, eight):
    rules = [Rule("null_list", path="aggregates", nth=1), Rule("empty_page", path="aggregates", nth=2)]
    client = serve(eight, faults=Faults(rules))
    body = {"interval": "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z", "metrics": ["tTalk"]}
    answers = [client.post("/analytics/conversations/aggregates/query", body).json() for _ in range(3)]
    assert answers[:2] == [{"results": None}, {"results": []}]
    assert len(answers[2]["results"]) == 1


def test_troubles_common_to_all_services_reach_the_client(serve, eight):
    rules = [
        Rule("status", {"code": 504, "html": "<h1>Gateway"}, path="/details/query", nth=1),
        Rule("lose_answer", path="/details/query", nth=2),
        Rule("cut_body", path="/details/query", nth=3),
        Rule(
            "status",
            {"code": 429, "json": {"code": "too.many.requests"}, "headers": {"Retry-After": 3}},
            nth=5,
            path="details",
        ),
    ]
    client = serve(eight, faults=Faults(rules))
    assert client.details().text == "<h1>Gateway"
    with pytest.raises(requests.exceptions.ConnectionError):
        client.details()
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.details().json()
    assert len(ids(client.details())) == 8
    limited = client.details()
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
