"""What is asked for a page of each query, and what its answer is read as."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.judge import Page, Witnesses
from connector.genesys.pages import PageReader
from connector.mapping import load_mapping
from connector.spans import Span, instant

DETAILS = """
source: {{query: conversations.details{more}}}
window: {{start: 2026-03-02, size: P1D}}
target: {{object: Conversation__c, external_id: Conversation_Id__c}}
fields: {{Conversation_Id__c: {{key: [conversationId]}}}}
"""
AGGREGATES = """
source: {{query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]{more}}}
window: {{start: 2026-03-02, timezone: Europe/Berlin}}
target: {{object: Queue_Interval__c, external_id: Genesys_Key__c}}
fields: {{Genesys_Key__c: {{key: [queueId, mediaType, start]}}}}
"""
SUMMARY = """
source: {{query: conversations.summary, group_by: ["conversation:medium"], metrics: ["conversation:count"]{more}}}
window: {{start: 2026-03-02, size: P1D}}
target: {{object: Conversation_Summary__c, external_id: Summary_Key__c}}
fields: {{Summary_Key__c: {{key: ["conversation:medium", start]}}}}
"""
ENDPOINT = """
source:
  page_size: 2
  endpoint:
    method: GET
    path: /api/v2/things/${{start}}
    query: {{to: "${{end}}", size: "${{page_size}}"}}
    records: data.items
    key: [id, meta.no]
    time: meta.begun
    paging: {{cursor: query.token, next: ["header:X-Next", next], total: [total, "header:X-Total"]}}
window: {{start: 2026-03-02}}
target: {{object: Thing__c, external_id: Key__c}}
fields: {{Key__c: {{key: [id, meta.no]}}}}
"""
CELLS = """
source: {{endpoint: {{path: "/x/${{start}}/${{end}}", body: {{}}, records: rows, key: [kind]}}}}
window: {{start: 2026-03-02}}
target: {{object: Thing__c, external_id: Key__c}}
fields: {{Key__c: {{key: [kind, start]}}}}
"""


USERS = """
source: {{query: users.aggregates, granularity: PT30M, metrics: [tSystemPresence, tAgentRoutingStatus]{more}}}
window: {{start: 2026-03-02, timezone: Europe/Berlin}}
target: {{object: User_Status__c, external_id: Status_Key__c}}
fields: {{Status_Key__c: {{key: [userId, start, metric, qualifier]}}}}
"""


class Service:
    """Answers every call alike and remembers what was asked."""

    def __init__(self, body: dict[str, Any], **headers: str) -> None:
        self.answer = Answer(body, {name.replace("_", "-"): value for name, value in headers.items()}, 0)
        self.asked: list[tuple[str, str, Any, str]] = []
        self.params: list[Mapping[str, str] | None] = []

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        permission: str = "",
    ) -> Answer:
        self.asked.append((method, path, body, permission))
        self.params.append(params)
        return self.answer


@pytest.fixture
def make_reader(tmp_path: Path):
    def make(text: str, service: Service, more: str = "") -> PageReader:
        path = tmp_path / "stream.yml"
        path.write_text(text.format(more=more))
        return PageReader(service, load_mapping(path))

    return make


def span(start: str, end: str) -> Span:
    return Span(instant(start), instant(end))


DAY = span("2026-03-02", "2026-03-03")


def page(make_reader, text: str, body: dict[str, Any], number: int = 1, **headers: str) -> Page:
    return make_reader(text, Service(body, **headers)).fetch_page(DAY, number)


# What is asked


def test_details_are_asked_page_by_page_oldest_first(make_reader):
    service = Service({})
    filters = ", filters: {conversation: [{type: and}], segment: [{type: or}]}, page_size: 50"
    make_reader(DETAILS, service, filters).fetch_page(DAY, 3)
    body = {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
        "order": "asc",
        "orderBy": "conversationStart",
        "conversationFilters": [{"type": "and"}],
        "segmentFilters": [{"type": "or"}],
        "paging": {"pageSize": 50, "pageNumber": 3},
    }
    path = "/api/v2/analytics/conversations/details/query"
    assert service.asked == [("POST", path, body, "analytics:conversationDetail:view")]


def test_details_are_asked_newest_first_where_that_spares_pages(make_reader):
    service = Service({})
    make_reader(DETAILS, service, "").fetch_page(DAY, 1, newest_first=True)
    assert [body["order"] for _, _, body, _ in service.asked] == ["desc"]


def test_aggregates_are_asked_whole_in_the_time_zone_of_the_window(make_reader):
    service = Service({})
    make_reader(AGGREGATES, service, ", filter: {type: and}").fetch_page(DAY, 1)
    assert service.asked[0][2] == {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
        "granularity": "PT1H",
        "timeZone": "Europe/Berlin",
        "groupBy": ["queueId"],
        "metrics": ["nOffered"],
        "filter": {"type": "and"},
    }


def test_views_are_sent_as_written_with_the_bounds_they_have(make_reader):
    service = Service({})
    text = AGGREGATES.replace("metrics: [nOffered]", "metrics: [nOffered, tHandle]")
    views = """, views: [
      {{target: tHandle, name: long_calls, function: rangeBound, range: {{gte: 600000}}}},
      {{target: tHandle, name: short-calls, function: rangeBound, range: {{gte: 0, lt: 10000.5}}}}]"""
    make_reader(text.replace("{more}", views), service).fetch_page(DAY, 1)
    assert service.asked[0][2]["views"] == [
        {"target": "tHandle", "name": "long_calls", "function": "rangeBound", "range": {"gte": 600000}},
        {"target": "tHandle", "name": "short-calls", "function": "rangeBound", "range": {"gte": 0, "lt": 10000.5}},
    ]


def test_aggregates_of_another_subject_are_asked_at_its_path(make_reader):
    service = Service({"results": [{"group": {}, "data": [{"interval": "2026-03-02T08:00Z/2026-03-02T09:00Z"}]}]})
    text = AGGREGATES.replace("query: conversations.aggregates", "query: aggregates, subject: flows")
    found = make_reader(text, service).fetch_page(DAY, 1)
    (method, path, body, permission) = service.asked[0]
    assert (method, path) == ("POST", "/api/v2/analytics/flows/aggregates/query")
    assert (body["groupBy"], body["metrics"], permission) == (["queueId"], ["nOffered"], "analytics:flowAggregate:view")
    assert found.records == [{"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T09:00:00Z"}]


def test_users_are_asked_whole_and_grouped_by_user_though_the_mapping_does_not_say_so(make_reader):
    service = Service({})
    make_reader(USERS, service, ", filter: {type: or, predicates: [{dimension: userId, value: u1}]}").fetch_page(DAY, 1)
    body = {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
        "granularity": "PT30M",
        "timeZone": "Europe/Berlin",
        "groupBy": ["userId"],
        "metrics": ["tSystemPresence", "tAgentRoutingStatus"],
        "filter": {"type": "or", "predicates": [{"dimension": "userId", "value": "u1"}]},
    }
    path = "/api/v2/analytics/users/aggregates/query"
    assert service.asked == [("POST", path, body, "analytics:userAggregate:view")]


def test_summaries_are_asked_with_dates_groupings_and_a_flat_page_number(make_reader):
    service = Service({})
    make_reader(SUMMARY, service).fetch_page(DAY, 2)
    assert service.asked[0][2] == {
        "dateFrom": "2026-03-02T00:00:00.000Z",
        "dateTo": "2026-03-03T00:00:00.000Z",
        "groupings": ["conversation:medium"],
        "metrics": ["conversation:count"],
        "pageSize": 100,
        "pageNumber": 2,
    }


def test_an_endpoint_is_asked_as_it_is_described_the_first_page_without_a_cursor(make_reader):
    service = Service({})
    reader = make_reader(ENDPOINT, service)
    reader.fetch_page(DAY, 1)
    reader.fetch_page(DAY, 2, "a/b=")
    assert service.asked == [("GET", "/api/v2/things/2026-03-02T00%3A00%3A00.000Z", None, "")] * 2
    first = {"to": "2026-03-03T00:00:00.000Z", "size": "2"}
    assert service.params == [first, {**first, "token": "a/b="}]


# What is read


@pytest.mark.parametrize("body", [{}, {"conversations": None}, {"conversations": []}])
def test_a_list_that_is_missing_null_or_empty_is_an_empty_page(make_reader, body):
    assert page(make_reader, DETAILS, body).records == []


@pytest.mark.parametrize("listed", [{}, "none", 7, [None], ["c1"], [{"participants": ["p1"]}], [{"participants": 7}]])
def test_what_is_no_list_of_conversations_is_refused_as_malformed(make_reader, listed):
    with pytest.raises(MalformedAnswer, match="details/query"):
        page(make_reader, DETAILS, {"conversations": listed})


@pytest.mark.parametrize(
    "result", [7, {"group": ["queueId"], "data": [{}]}, {"data": [7]}, {"data": [{"interval": 7}]}]
)
def test_what_is_no_list_of_groups_is_refused_as_malformed(make_reader, result):
    with pytest.raises(MalformedAnswer):
        page(make_reader, AGGREGATES, {"results": [result]})


def test_the_answer_for_users_is_read_and_the_presences_of_the_organisation_beside_it_are_left(make_reader):
    presence = {"metric": "tSystemPresence", "qualifier": "BUSY", "stats": {"sum": 9}}
    data = [{"interval": "2026-03-02T08:00:00.000Z/2026-03-02T08:30:00.000Z", "metrics": [presence]}]
    body = {
        "systemToOrganizationMappings": {"BUSY": ["p1"]},
        "results": [{"group": {"userId": "u1"}, "data": data}],
    }
    times = {"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T08:30:00Z"}
    assert page(make_reader, USERS, body).records == [
        {"userId": "u1", **times, "metric": "tSystemPresence", "qualifier": "BUSY", "sum": 9}
    ]


def test_equal_keys_in_equal_order_give_equal_digests(make_reader):
    def digest(*names: str) -> str:
        body = {"conversations": [{"conversationId": name, "more": len(names)} for name in names]}
        return page(make_reader, DETAILS, body, 4).digest

    assert digest("c1", "c2") == digest("c1", "c2")
    assert len({digest("c1", "c2"), digest("c2", "c1"), digest("c1"), digest()}) == 4


def test_of_several_places_in_an_answer_the_largest_count_is_a_witness(make_reader):
    found = page(make_reader, SUMMARY, {"entities": [], "total": 7, "pageCount": "2"}, X_Page_Count="3")
    assert (found.size, found.witnesses) == (100, Witnesses(total=7, page_count=3))


@pytest.mark.parametrize("stated", [None, "", "many", -1, [], {}, "1e3"])
def test_what_is_no_count_states_nothing(make_reader, stated):
    found = page(make_reader, SUMMARY, {"entities": [], "total": stated, "pageCount": stated}, X_Page_Count=str(stated))
    assert found.witnesses == Witnesses()


def test_aggregates_have_one_page_that_states_nothing(make_reader):
    assert page(make_reader, AGGREGATES, {"results": [], "total": 9}).witnesses == Witnesses()


@pytest.mark.parametrize(
    ("text", "record", "key"),
    [
        (DETAILS, {"conversationId": "c1", "id": "x"}, ["c1"]),
        (AGGREGATES, {"start": "s", "mediaType": "voice", "queueId": "q1"}, ["s", "voice", "q1"]),
        (AGGREGATES, {"start": "s", "mediaType": "voice"}, ["s", "voice", None]),
        (USERS, {"userId": "u1", "start": "s", "metric": "m", "qualifier": "q", "sum": 1}, ["u1", "s", "m", "q"]),
        (SUMMARY, {"id": "e1", "start": "s", "conversation:medium": "voice"}, ["e1"]),
        (SUMMARY, {"start": "s", "conversation:medium": "voice"}, ["s", "voice"]),
    ],
)
def test_the_key_of_a_record_holds_its_id_or_all_of_its_dimensions(make_reader, text, record, key):
    assert make_reader(text, Service({})).key_of(record) == key


@pytest.mark.parametrize(
    ("body", "headers", "following"),
    [
        ({"next": "b"}, {"X_Next": "h"}, "h"),
        ({"next": "b"}, {"X_Next": ""}, "b"),
        ({"next": "b"}, {}, "b"),
        ({"next": 7}, {}, "7"),
        ({"next": None}, {}, None),
        ({"next": ""}, {}, None),
        ({"next": {}}, {}, None),
        ({"next": False}, {}, None),
    ],
)
def test_the_first_place_that_holds_a_cursor_leads_on(make_reader, body, headers, following):
    assert make_reader(ENDPOINT, Service(body, **headers)).fetch_page(DAY, 2, "c").next == following


def test_of_several_totals_the_largest_is_the_promise(make_reader):
    found = make_reader(ENDPOINT, Service({"total": 3}, X_Total="4")).fetch_page(DAY, 1)
    assert found.witnesses == Witnesses(total=4)


def test_records_of_an_endpoint_stay_as_they_are_given(make_reader):
    record = {"id": 1, "meta": {"no": 2, "begun": "2026-03-02T01:00:00.5Z"}, "start": "own", "participants": 7}
    reader = make_reader(ENDPOINT, Service({"data": {"items": [record]}}))
    found = reader.fetch_page(DAY, 1)
    assert (found.records, reader.key_of(record), reader.time_of(record)) == (
        [record],
        [1, 2],
        "2026-03-02T01:00:00.5Z",
    )


def test_records_without_a_time_get_that_of_their_cell(make_reader):
    reader = make_reader(CELLS, Service({"rows": [{"kind": "a", "count": 3}]}))
    (record,) = reader.fetch_page(DAY, 1).records
    assert record == {"kind": "a", "count": 3, "start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z"}
    assert (reader.key_of(record), reader.bounds(DAY)) == (["a", "2026-03-02T00:00:00Z"], [])


@pytest.mark.parametrize("body", [{"rows": [7]}, {"rows": {}}, {"rows": "x"}])
def test_what_is_no_list_of_objects_at_an_endpoint_is_refused_as_malformed(make_reader, body):
    with pytest.raises(MalformedAnswer, match="'rows' is no list of objects"):
        make_reader(CELLS, Service(body)).fetch_page(DAY, 1)


def test_a_list_of_nearly_the_right_name_is_not_read_as_nothing(make_reader):
    with pytest.raises(MalformedAnswer, match="no list 'rows'; did you mean 'row'"):
        make_reader(CELLS, Service({"row": []})).fetch_page(DAY, 1)


# Where a span may be halved


def test_records_of_an_endpoint_that_have_a_time_are_halved_on_minutes(make_reader):
    morning = span("2026-03-02T00:00:00Z", "2026-03-02T00:03:00Z")
    bounds = [instant("2026-03-02T00:01:00Z"), instant("2026-03-02T00:02:00Z")]
    assert make_reader(ENDPOINT, Service({})).bounds(morning) == bounds


def test_details_are_halved_on_utc_days_whatever_the_time_zone(make_reader):
    week = span("2026-03-01T23:00:00Z", "2026-03-04T23:00:00Z")
    assert make_reader(DETAILS, Service({})).bounds(week) == [
        instant("2026-03-02"),
        instant("2026-03-03"),
        instant("2026-03-04"),
    ]


@pytest.mark.parametrize(("text", "minutes"), [(AGGREGATES, 60), (USERS, 30)])
def test_aggregates_are_halved_on_their_granularity(make_reader, text, minutes):
    start, step = instant("2026-03-02T00:00:00Z"), timedelta(minutes=minutes)
    assert make_reader(text, Service({})).bounds(Span(start, start + 3 * step)) == [start + step, start + 2 * step]


def test_summaries_have_no_halves(make_reader):
    assert make_reader(SUMMARY, Service({})).bounds(DAY) == []
