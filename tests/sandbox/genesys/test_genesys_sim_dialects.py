"""The dialects of listing conversations: each as its guide tells it, and in trouble."""

import re
from datetime import timedelta

import pytest

from connector.sandbox.conversations import milliseconds
from connector.sandbox.faults import FaultPlanError, Faults, Rule

DETAILS = "/dialects/{}/conversations/details/query"
SUMMARY = "/dialects/page-count-header/conversations/summary/queries"
FROM, TO = "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"
SPAN = {"dateFrom": FROM, "dateTo": TO}
ABSENT = "absent"


@pytest.fixture
def seven(make, monday):
    """Conversations c000 to c006, a minute apart, and one that begins when the day is over."""
    return [make(number, monday + timedelta(minutes=number)) for number in range(7)] + [
        make(9, monday + timedelta(days=1))
    ]


def page_body(client, number, size=3, **more):
    body = {"pageSize": size, "pageNumber": number, "timeRange": {"startDate": FROM, "endDate": TO}, **more}
    return client.post(DETAILS.format("page-body"), body)


def page_query(client, number, size=3, **more):
    body = {"interval": f"{FROM}/{TO}", "groupBy": ["conversationId"], **more}
    params = {"pageSize": size, "pageNumber": number}
    return client.call("POST", DETAILS.format("page-query"), json=body, params=params)


def next_page(client, token=None, size=3, **more):
    params = {"pageToken": token} if token else {}
    return client.call(
        "POST", DETAILS.format("next-page-header"), json={"pageSize": size, **SPAN, **more}, params=params
    )


def after(client, cursor=None, size=3, method="POST", **more):
    body = {**SPAN, **more, **({"after": cursor} if cursor else {})}
    return client.call(method, DETAILS.format("cursor-after"), json=body, params={"pageSize": size})


def chain(ask, read, client, **more):
    """Ids of each page of a chain, read to its end; the answers."""
    answers = [ask(client, **more)]
    while (cursor := read(answers[-1])) and len(answers) < 10:
        answers.append(ask(client, cursor, **more))
    return answers


def header(answer):
    return answer.headers.get("X-Genesys-Next-Page")


def body_cursor(answer):
    return answer.json().get("nextPage")


def ids(answer, rows, key="conversationId"):
    shown = answer.json().get(rows, ABSENT)
    return [row[key] for row in shown] if isinstance(shown, list) else shown


PAGES = [["c000", "c001", "c002"], ["c003", "c004", "c005"], ["c006"]]
ROW = {
    "conversationId": "c000",
    "conversationStart": "2026-03-02T00:00:00+00:00",
    "conversationEnd": "2026-03-02T00:01:00+00:00",
    "medium": "voice",
    "direction": "inbound",
    "divisionId": "d1",
    "queueId": "q1",
    "userId": "u1",
    "duration": 60_000,
    "talkTime": 60_000,
    "agents": 1,
    "segments": 1,
}


def test_page_body_asks_and_counts_in_the_body(serve, seven):
    client = serve(seven)
    answers = [page_body(client, number) for number in (1, 2, 3, 4)]
    assert [ids(answer, "entities") for answer in answers] == [*PAGES, []]
    assert [answer.json()["paging"] for answer in answers] == [
        {"pageSize": size, "pageNumber": number, "pageCount": 3} for number, size in ((1, 3), (2, 3), (3, 1), (4, 0))
    ]
    assert answers[0].json()["entities"][0] == ROW
    assert page_body(client, 1, 100).json()["paging"] == {"pageSize": 7, "pageNumber": 1, "pageCount": None}


def test_page_body_filters_by_the_dimensions_it_names(serve, make, monday):
    client = serve([make(1, monday), make(2, monday, media="chat"), make(3, monday, media="email")])
    chats = [{"dimension": "conversationType", "type": "equals", "value": ["chat", "email"]}]
    assert ids(page_body(client, 1, filter=chats), "entities") == ["c002", "c003"]
    assert ids(page_body(client, 1, filter=[*chats, {"dimension": "queueId", "value": ["q2"]}]), "entities") == []


def test_page_query_has_its_counts_at_the_root_and_columns_by_name(serve, seven):
    client = serve(seven)
    answers = [page_query(client, number) for number in (1, 2, 3, 4)]
    assert [ids(answer, "conversations") for answer in answers] == [*PAGES, []]
    assert {(answer.json()["pageCount"], answer.json()["total"]) for answer in answers} == {(3, 7)}
    columns = ["conversationId", "channel", "startTime", "endTime", "duration", "queueId", "agentId"]
    assert answers[0].json()["conversations"][0] == {
        "conversationId": "c000",
        "channel": "voice",
        "startTime": "2026-03-02T00:00:00+00:00",
        "endTime": "2026-03-02T00:01:00+00:00",
        "duration": 60_000,
        "queueId": "q1",
        "agentId": "u1",
    }
    assert list(page_query(client, 1, metrics=columns[:2]).json()["conversations"][0]) == columns[:2]
    by_queue = page_query(client, 1, 9, filters=[{"type": "queueId", "values": ["q1"]}])
    assert ids(by_queue, "conversations") == [*PAGES[0], *PAGES[1], *PAGES[2]]


def test_page_query_names_queues_agents_and_wrap_up_codes(serve, busy_world, centre):
    rows = page_query(serve(busy_world), 1, 1000).json()["conversations"]
    for kind, column in (("queues", "queue"), ("users", "agent")):
        names = {entity["id"]: entity["name"] for entity in getattr(centre.directory, kind)}
        assert {row.get(f"{column}Name") for row in rows} > {None}
        assert all(row.get(f"{column}Name") == names.get(row.get(f"{column}Id")) for row in rows)
    codes = {code["name"] for code in centre.directory.wrap_up_codes}
    assert {row.get("disposition") for row in rows} == {None, *codes}


def test_page_query_without_grouping_lists_a_conversation_once_for_each_agent(serve, make, monday):
    two = make(1, monday)
    two["participants"].append({**make(2, monday)["participants"][0], "userId": "u2"})
    client = serve([two])
    rows = page_query(client, 1, groupBy=[], metrics=["conversationId", "agentId"]).json()["conversations"]
    assert rows == [{"conversationId": "c001", "agentId": "u1"}, {"conversationId": "c001", "agentId": "u2"}]
    assert ids(page_query(client, 1, metrics=["agentId"]), "conversations", "agentId") == ["u2"]


def test_page_query_takes_a_period_that_ends_now(serve, seven):
    assert ids(page_query(serve(seven), 1, interval="P3D"), "conversations") == ["c009"]


def test_next_page_header_and_body_name_the_same_cursor_until_the_last_page(serve, seven):
    client = serve(seven)
    answers = chain(next_page, header, client)
    assert [ids(answer, "entities", "id") for answer in answers] == PAGES
    assert [body_cursor(answer) for answer in answers] == [*map(header, answers[:2]), None]
    assert re.fullmatch(r"[A-Za-z0-9+/]+=+", header(answers[0]))
    assert "X-Genesys-Next-Page" not in answers[2].headers
    asked = next_page(client, metrics=["talkTime", "holdTime"], groupings=["divisionId"])
    assert asked.json()["entities"][0] == {
        "id": "c000",
        "conversationStart": "2026-03-02T00:00:00+00:00",
        "conversationEnd": "2026-03-02T00:01:00+00:00",
        "divisionId": "d1",
        "talkTime": 60_000,
    }


def test_cursor_after_is_read_to_a_null_with_its_total(serve, seven):
    for method in ("GET", "POST"):
        answers = chain(after, body_cursor, serve(seven), method=method)
        assert [ids(answer, "records") for answer in answers] == PAGES
        assert {answer.json()["total"] for answer in answers} == {7}
        assert "nextPage" in answers[2].json()
    interaction = {"id": "c000", "startTime": "2026-03-02T00:00:00+00:00", "type": "voice"}
    assert answers[0].json()["records"][0] == {**ROW, "interaction": interaction}


def test_cursor_after_filters_and_sorts_by_its_own_names(serve, make, monday):
    client = serve([make(1, monday), make(2, monday + timedelta(minutes=1)), make(3, monday, media="chat")])
    voice = [{"type": "FIELD", "field": "interaction.type", "op": "EQ", "value": "voice"}]
    newest = [{"field": "interaction.startTime", "direction": "DESC"}]
    asked = {"filter": {"type": "AND", "clauses": voice}, "sort": newest}
    assert ids(after(client, **asked), "records") == ["c002", "c001"]
    both = [*voice, {"type": "FIELD", "field": "queue.id", "op": "EQ", "value": "q2"}]
    assert ids(after(client, filter={"type": "AND", "clauses": both}), "records") == []
    assert ids(after(client, filter={"type": "OR", "clauses": both}), "records") == ["c001", "c002"]


def test_chain_shows_what_was_there_when_it_began(serve, seven, make, monday, clock):
    client = serve(seven)
    first = after(client)
    clock.advance(60)
    client.sim.world.add(make(8, monday + timedelta(seconds=1)), visible_from=clock.now())
    assert ids(after(client, body_cursor(first)), "records") == PAGES[1]
    assert ids(after(client), "records") == ["c000", "c008", "c001"]


def test_cursor_is_good_for_its_own_query_only(serve, seven):
    client = serve(seven)
    cursor = body_cursor(after(client))
    for answer in (
        after(client, "bm90IG9uZQ=="),
        after(client, "?"),
        after(client, cursor, size=2),
        after(client, cursor, dateTo="2026-03-02T12:00:00Z"),
        next_page(client, cursor),
    ):
        assert answer.status_code == 400


def test_chain_that_is_cut_ends_before_its_total_and_smaller_spans_are_whole(serve, seven):
    client = serve(seven, faults=Faults([Rule("cut_chain", {"rows": 4}, path="cursor-after")]))
    answers = chain(after, body_cursor, client)
    assert [ids(answer, "records") for answer in answers] == [PAGES[0], ["c003"]]
    assert [(answer.json()["total"], answer.json()["nextPage"]) for answer in answers][1] == (7, None)
    first_half = chain(after, body_cursor, client, dateTo="2026-03-02T00:04:00Z")
    second_half = chain(after, body_cursor, client, dateFrom="2026-03-02T00:04:00Z")
    assert [ids(answer, "records") for answer in (*first_half, *second_half)] == [
        PAGES[0],
        ["c003"],
        ["c004", "c005", "c006"],
    ]


def test_cursors_can_be_repeated_hidden_and_cut_in_each_place(serve, seven):
    def first(*rules):
        answer = next_page(serve(seven, faults=Faults(rules)))
        return header(answer), answer.json().get("nextPage", ABSENT)

    sane = first()
    assert first(Rule("hide_cursor", {"where": "header"})) == (None, sane[1])
    assert first(Rule("hide_cursor", {"where": "body"})) == (sane[0], ABSENT)
    assert first(Rule("cut_chain")) == (None, None)
    stale = first(Rule("repeat_cursor", {"where": "body"}))
    assert stale[0] == sane[0] != stale[1]
    client = serve(seven, faults=Faults([Rule("repeat_cursor", path="dialects", nth=2)]))
    answers = [next_page(client)]
    for _ in range(3):
        answers.append(next_page(client, header(answers[-1])))
    assert header(answers[0]) == header(answers[1])
    assert [ids(answer, "entities", "id") for answer in answers] == [PAGES[0], PAGES[1], PAGES[1], PAGES[2]]


@pytest.mark.parametrize(
    ("rule", "pages"),
    [
        (Rule("empty_page", path="dialects", nth=2, times=1), [PAGES[0], [], PAGES[2]]),
        (Rule("null_list", path="dialects", nth=2), [PAGES[0], None, PAGES[2]]),
        (Rule("empty_missing_list", path="dialects", nth=2), [PAGES[0], ABSENT, PAGES[2]]),
        (Rule("repeat_previous_page", path="dialects", nth=2), [PAGES[0], PAGES[0], PAGES[2]]),
        (Rule("drop_rows", {"rows": 2}, path="dialects", nth=2), [PAGES[0], ["c005"], PAGES[2]]),
        (Rule("shift", {"rows": 1}, path="dialects", nth=2), [PAGES[0], ["c002", "c003", "c004"], PAGES[2]]),
        (Rule("short_page", {"rows": 2}, path="dialects", nth=2), [PAGES[0], ["c003", "c004"], ["c005", "c006"]]),
    ],
)
def test_second_page_of_every_dialect_can_be_troubled(serve, seven, rule, pages):
    numbered = [(page_body, "entities"), (page_query, "conversations")]
    for ask, rows in numbered:
        client = serve(seven, faults=Faults([rule]))
        assert [ids(ask(client, number), rows) for number in (1, 2, 3)] == pages
    for ask, read, rows, key in (
        (next_page, header, "entities", "id"),
        (after, body_cursor, "records", "conversationId"),
    ):
        client = serve(seven, faults=Faults([rule]))
        assert [ids(answer, rows, key) for answer in chain(ask, read, client)] == pages


@pytest.mark.parametrize(
    ("value", "pages", "total"),
    [("stale_low", 2, 6), ("stale_high", 4, 8), (None, None, None), ("missing", ABSENT, ABSENT), (1, 1, 1)],
)
def test_counts_of_every_dialect_can_be_wrong(serve, seven, value, pages, total):
    rules = [Rule(action, {"value": value}) for action in ("page_count", "total", "header_page_count")]
    client = serve(seven, faults=Faults(rules))
    assert page_body(client, 1).json()["paging"].get("pageCount", ABSENT) == pages
    root = page_query(client, 1).json()
    assert (root.get("pageCount", ABSENT), root.get("total", ABSENT)) == (pages, total)
    assert after(client).json().get("total", ABSENT) == total
    counted = client.get(SUMMARY, page=1, pageSize=3, **SPAN)
    assert counted.json().get("pageCount", ABSENT) == pages
    stated = {None: "", ABSENT: ABSENT}.get(pages, str(pages))
    assert counted.headers.get("X-Page-Count", ABSENT) == stated


def test_page_count_header_is_asked_anywhere_and_counts_before_it_groups(serve, seven):
    client = serve([*seven, {**seven[0], "conversationId": "c008", "originatingDirection": "outbound"}])
    asked = {
        **SPAN,
        "groupings": ["conversation:medium", "conversation:direction"],
        "metrics": ["conversation:duration"],
    }
    in_string = {**asked, "groupings": ",".join(asked["groupings"]), "metrics": "conversation:duration"}
    answers = [
        client.get(SUMMARY, page=1, pageSize=3, **in_string),
        client.get(SUMMARY, pageNumber=1, pageSize=3, **in_string),
        client.post(SUMMARY, {"pageNumber": 1, "pageSize": 3, **asked}),
        client.call("POST", SUMMARY, json={"pageNumber": 9, **asked}, params={"page": 1, "pageSize": 3}),
    ]
    row = {"conversation:medium": "voice", "conversation:direction": "inbound", "conversation:duration": 420_000}
    other = {"conversation:medium": "voice", "conversation:direction": "outbound", "conversation:duration": 60_000}
    for answer in answers:
        expected = {"entities": [row, other], "pageSize": 3, "pageNumber": 1, "pageCount": 3}
        assert (answer.json(), answer.headers["X-Page-Count"]) == (expected, "3")
    assert client.get(SUMMARY, page=2, pageSize=3, **in_string).json()["entities"] == []
    listed = [ids(client.get(SUMMARY, page=number, pageSize=5, **SPAN), "entities", "id") for number in (1, 2, 3)]
    assert listed == [["c000", "c008", "c001", "c002", "c003"], ["c004", "c005", "c006"], []]


def test_rules_find_the_page_of_a_query_string(serve, seven):
    client = serve(seven, faults=Faults([Rule("empty_page", page=2)]))
    assert ids(page_query(client, 2), "conversations") == []
    assert ids(client.get(SUMMARY, page=2, pageSize=3, **SPAN), "entities", "id") == []
    assert ids(client.get(SUMMARY, page=3, pageSize=3, **SPAN), "entities", "id") == PAGES[2]


def test_every_dialect_lists_the_same_conversations_of_a_contact_centre(serve, busy_world, clock, monday):
    client = serve(busy_world, calls_per_minute=1_000)
    day = timedelta(days=1)
    truth = {
        one["conversationId"]: (
            one["conversationStart"],
            milliseconds(one["conversationEnd"]) - milliseconds(one["conversationStart"])
            if "conversationEnd" in one
            else None,
        )
        for one in busy_world.conversations_at(clock.now(), monday, monday + day)
    }
    pages = range(1, 9)

    def rows(answers, name, key, start="conversationStart", length="duration"):
        return {row[key]: (row[start], row.get(length)) for answer in answers for row in answer.json()[name]}

    assert len(truth) > 400
    assert rows([page_body(client, number, 100) for number in pages], "entities", "conversationId") == truth
    found = [page_query(client, number, 100) for number in pages]
    assert rows(found, "conversations", "conversationId", "startTime") == truth
    assert rows(chain(after, body_cursor, client, size=100), "records", "conversationId") == truth
    starts = {identity: (start, None) for identity, (start, _) in truth.items()}
    assert rows(chain(next_page, header, client, size=100), "entities", "id") == starts
    listed = [client.get(SUMMARY, page=number, pageSize=100, **SPAN) for number in pages]
    assert rows(listed, "entities", "id") == starts


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: page_body(client, 1, 1001),
        lambda client: page_body(client, 0),
        lambda client: page_body(client, 1, timeRange=None),
        lambda client: page_body(client, 1, timeRange={"startDate": TO, "endDate": FROM}),
        lambda client: page_body(client, 1, interval="1m"),
        lambda client: page_body(client, 1, paging={"pageNumber": 1}),
        lambda client: page_body(client, 1, filter=[{"dimension": "x", "value": ["y"]}]),
        lambda client: page_body(client, 1, filter=[{"dimension": "queueId", "type": "like", "value": ["y"]}]),
        lambda client: page_query(client, 1, 1001),
        lambda client: page_query(client, 1, metrics=["tHandle"]),
        lambda client: page_query(client, 1, view="all"),
        lambda client: page_query(client, 1, interval="7 days"),
        lambda client: next_page(client, size=201),
        lambda client: next_page(client, metrics=["tTalk"]),
        lambda client: next_page(client, dateFrom="2024-01-01T00:00:00Z"),
        lambda client: next_page(client, interval=f"{FROM}/{TO}"),
        lambda client: after(client, size=2001),
        lambda client: after(client, pageNumber=2),
        lambda client: after(client, sort=[{"field": "duration"}]),
        lambda client: after(client, filter={"type": "AND", "clauses": [{"field": "queueId", "value": "q1"}]}),
        lambda client: client.get(SUMMARY, pageSize=251, **SPAN),
        lambda client: client.get(SUMMARY, dateFrom=FROM),
        lambda client: client.get(SUMMARY, groupings="queue", **SPAN),
    ],
)
def test_query_a_dialect_does_not_take_is_400(serve, seven, ask):
    assert ask(serve(seven)).status_code == 400


def test_cursor_after_calls_more_than_a_month_too_complex(serve):
    answer = after(serve([]), dateFrom="2026-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["code"]) == (400, "QUERY_TOO_COMPLEX")


def test_dialects_need_the_same_login_and_permissions(serve, seven):
    client = serve(seven)
    client.sim.withdraw("analytics:conversationDetail:view")
    asked = (page_body(client, 1), page_query(client, 1), next_page(client), after(client))
    assert [answer.status_code for answer in asked] == [403] * 4
    client.sim.withdraw("analytics:conversationAggregate:view")
    assert client.get(SUMMARY, **SPAN).status_code == 403
    client.sim.revoke_tokens()
    assert page_body(client, 1).status_code == 401


@pytest.mark.parametrize(
    "rule",
    [Rule("cut_chain", {"rows": "4"}), Rule("repeat_cursor", {"where": "url"}), Rule("hide_cursor", {"where": None})],
)
def test_plan_with_senseless_arguments_for_cursors_is_refused(serve, rule):
    with pytest.raises(FaultPlanError, match=rule.action):
        serve([], faults=Faults([rule]))
