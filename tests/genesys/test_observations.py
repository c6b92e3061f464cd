"""What queues.observations answers: one record a group, with when it was true, status by status and as a whole."""

from typing import Any

import pytest

from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.flatten import flatten_observations, truncated_metrics
from connector.genesys.judge import Witnesses
from connector.genesys.pages import PageReader
from connector.mapping import load_mapping
from connector.spans import Span, instant

TAKEN = instant("2026-03-02T10:00:04.900Z")
SPAN = Span(instant("2026-03-02T10:00:00Z"), instant("2026-03-02T11:00:00Z"))
TIMES = {"start": "2026-03-02T10:00:00Z", "end": "2026-03-02T11:00:00Z", "taken": "2026-03-02T10:00:04Z"}

MAPPING = """
source: {query: queues.observations, granularity: PT1H, metrics: [oWaiting]}
window: {start: 2026-03-02}
target: {object: Queue_Snapshot__c, external_id: Genesys_Key__c}
fields: {Genesys_Key__c: {key: [queueId, mediaType, start]}}
"""


def told(metric: str, count: int, qualifier: str | None = None, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "stats": {"count": count}, **({"qualifier": qualifier} if qualifier else {}), **more}


def flat(*data: dict[str, Any], **group: str) -> dict[str, Any]:
    (record,) = flatten_observations([{"group": group, "data": list(data)}], SPAN, TAKEN)
    return record


def test_each_group_is_a_record_of_its_interval_and_moment_with_zeros():
    results = [
        {"group": {"queueId": "q1"}, "data": [told("oMemberUsers", 4)]},
        {"group": {"queueId": "q1", "mediaType": "voice"}, "data": [told("oWaiting", 0), told("oInteracting", 2)]},
        {"group": {"queueId": "q2"}},
    ]
    assert list(flatten_observations(results, SPAN, TAKEN)) == [
        {"queueId": "q1", **TIMES, "oMemberUsers": {"count": 4}},
        {"queueId": "q1", "mediaType": "voice", **TIMES, "oWaiting": {"count": 0}, "oInteracting": {"count": 2}},
        {"queueId": "q2", **TIMES},
    ]


def test_statuses_stand_under_their_names_beside_the_sum_over_them():
    record = flat(told("oOnQueueUsers", 2, "IDLE"), told("oOnQueueUsers", 5, "INTERACTING"), queueId="q1")
    assert record == {
        "queueId": "q1",
        **TIMES,
        "oOnQueueUsers": {"count": 7, "IDLE": {"count": 2}, "INTERACTING": {"count": 5}},
    }


def test_a_total_the_service_gives_itself_is_not_added_to():
    record = flat(told("oOnQueueUsers", 8), told("oOnQueueUsers", 2, "IDLE"), queueId="q1")
    assert record["oOnQueueUsers"] == {"count": 8, "IDLE": {"count": 2}}


def test_what_is_told_twice_is_added_up():
    assert flat(told("oWaiting", 1), told("oWaiting", 2), queueId="q1")["oWaiting"] == {"count": 3}
    twice = flat(told("oUserPresences", 1, "p1"), told("oUserPresences", 2, "p1"), queueId="q1")
    assert twice["oUserPresences"] == {"count": 3, "p1": {"count": 3}}


def test_what_the_service_cut_off_is_told_in_its_record():
    record = flat(told("oWaiting", 1, truncated=True), told("oInteracting", 2, truncated=False), queueId="q1")
    assert record["truncated"] == ["oWaiting"]
    assert truncated_metrics([{"data": [told("oWaiting", 1, truncated=True)]}, {}]) == ("oWaiting",)


class Service:
    """Lists queues a hundred a page and answers every observation the same. bodies: of the observations asked for."""

    def __init__(self, queues: int, total: int | None = None, answer: Any = None) -> None:
        self.queues = [f"q{number:03}" for number in range(queues)]
        self.total = queues if total is None else total
        self.answer = answer
        self.bodies: list[Any] = []

    def call(self, method: str, path: str, *, body: Any = None, params: Any = None, permission: str = "") -> Answer:
        if path == "/api/v2/routing/queues":
            first = (int(params["pageNumber"]) - 1) * 100
            listed = [{"id": one, "name": one} for one in self.queues[first : first + 100]]
            return Answer({"entities": listed, "total": self.total}, {}, 0)
        assert (method, path) == ("POST", "/api/v2/analytics/queues/observations/query")
        assert permission == "analytics:queueObservation:view"
        self.bodies.append(body)
        return Answer(self.answer or {"results": []}, {}, 0)


@pytest.fixture
def reading(tmp_path):
    """A reader of the mapping, with more in its source."""

    def made(service: Service, more: str = "") -> PageReader:
        file = tmp_path / "snapshots.yml"
        file.write_text(MAPPING.replace("[oWaiting]", "[oWaiting]" + more))
        return PageReader(service, load_mapping(file), now=lambda: TAKEN)

    return made


def asked(service: Service) -> list[list[str]]:
    return [[one["value"] for one in body["filter"]["predicates"]] for body in service.bodies]


def test_without_a_filter_every_queue_there_is_now_is_asked_for_a_hundred_a_call(reading):
    service = Service(250)
    reader = reading(service)
    pages = [reader.fetch_page(SPAN, number) for number in (1, 2, 3)]
    assert [one.witnesses for one in pages] == [Witnesses(page_count=3)] * 3
    assert [one.taken for one in pages] == [TAKEN] * 3
    assert asked(service) == [service.queues[:100], service.queues[100:200], service.queues[200:]]
    assert service.bodies[0].keys() == {"filter", "metrics"}
    service.queues.append("q900")
    service.total += 1
    reader.fetch_page(SPAN, 1)
    reader.fetch_page(SPAN, 3)
    assert asked(service)[-1][-1] == "q900"


def test_with_a_filter_no_queue_is_listed(reading):
    service = Service(0, total=9)
    page = reading(service, ", filter: {type: or, predicates: [{dimension: queueId, value: q7}]}").fetch_page(SPAN, 1)
    assert (page.witnesses, service.bodies[0]["filter"]) == (
        Witnesses(),
        {"type": "or", "predicates": [{"dimension": "queueId", "value": "q7"}]},
    )


def test_an_organisation_without_queues_is_asked_nothing(reading):
    service = Service(0)
    page = reading(service).fetch_page(SPAN, 1)
    assert (page.records, page.taken, service.bodies) == ([], TAKEN, [])


def test_a_list_of_queues_that_ends_too_early_is_no_list_of_all(reading):
    service = Service(150, total=151)
    with pytest.raises(MalformedAnswer, match="told of 151 and gave 150"):
        reading(service).fetch_page(SPAN, 1)
    assert service.bodies == []


def test_a_count_of_queues_that_is_proven_wrong_holds_nothing_up(reading):
    service = Service(150, total=7)
    reader = reading(service)
    assert reader.fetch_page(SPAN, 1).witnesses == Witnesses(page_count=2)


@pytest.mark.parametrize("result", [7, {"group": 7}, {"data": 7}, {"data": [{"stats": {}}]}, {"data": [{"metric": 1}]}])
def test_what_is_no_list_of_groups_is_refused_as_malformed(reading, result):
    with pytest.raises(MalformedAnswer, match="queues/observations"):
        reading(Service(1, answer={"results": [result]})).fetch_page(SPAN, 1)
