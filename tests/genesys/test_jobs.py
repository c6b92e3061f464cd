"""Jobs as they are asked: what is sent, what an answer means."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.jobs import JobReader, JobState
from connector.genesys.queries import JOBS
from connector.mapping import Mapping as StreamMapping
from connector.mapping import load_mapping
from connector.spans import Span

PATH = "/api/v2/analytics/conversations/details/jobs"
DAY = Span(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TEXT = """
source: {query: conversations.details, via: VIA, filters: {segment: [{type: or, predicates: []}]}}
window: {start: 2026-03-02}
target: {object: Conversation__c, external_id: Key__c}
fields: {Key__c: {key: [conversationId]}}
"""


class Script:
    """Answers what it is told to; asked: every call."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        permission: str = "",
    ) -> Answer:
        assert permission == "analytics:conversationDetail:view"
        self.asked.append((method, path, body, params))
        return Answer(self.answers.pop(0), {}, 0)


@pytest.fixture
def mapping(tmp_path):
    def read(text: str) -> StreamMapping:
        (tmp_path / "calls.yml").write_text(text)
        return load_mapping(tmp_path / "calls.yml")

    return read


@pytest.fixture
def reader(mapping):
    def made(*answers: dict[str, Any], via: str = "job") -> tuple[JobReader, Script]:
        script = Script(*answers)
        return JobReader(script, mapping(TEXT.replace("VIA", via)), JOBS["conversations.details"], lambda: NOW), script

    return made


def test_a_job_is_submitted_over_the_span_oldest_first_without_what_began_on_days_before(reader):
    jobs, script = reader({"jobId": "j 1"})
    assert jobs.submit(DAY) == "j 1"
    body = {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
        "order": "asc",
        "orderBy": "conversationStart",
        "startOfDayIntervalMatching": True,
        "segmentFilters": [{"type": "or", "predicates": []}],
    }
    assert script.asked == [("POST", PATH, body, None)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"state": "QUEUED"}, JobState()),
        ({"state": "PENDING"}, JobState()),
        ({"state": "FULFILLED"}, JobState(is_ready=True)),
        ({"state": "FAILED", "errorMessage": "too much"}, JobState(lost="it is FAILED: too much")),
        ({"state": "FAILED"}, JobState(lost="it is FAILED")),
        ({"state": "CANCELLED"}, JobState(lost="it is CANCELLED")),
        ({"state": "EXPIRED"}, JobState(lost="it is EXPIRED")),
        ({"state": "outdated_sdk_version"}, JobState()),
        ({}, JobState()),
    ],
)
def test_a_state_nobody_knows_means_that_the_job_goes_on(reader, answer, state):
    jobs, script = reader(answer)
    assert jobs.state("j/1") == state
    assert script.asked == [("GET", f"{PATH}/j%2F1", None, None)]


def test_pages_are_asked_for_by_job_size_and_cursor_and_tell_the_date(reader):
    page = {"conversations": [{"conversationId": "c1", "conversationStart": "2026-03-02T01:00:00Z"}], "cursor": "a=="}
    jobs, script = reader(page | {"dataAvailabilityDate": "2026-03-04T04:10:03.5Z"}, {"dataAvailabilityDate": "soon"})
    first, last = jobs.fetch_page(DAY, 1, None, "j1"), jobs.fetch_page(DAY, 2, "a==", "j1")
    assert script.asked == [
        ("GET", f"{PATH}/j1/results", None, {"pageSize": "1000"}),
        ("GET", f"{PATH}/j1/results", None, {"pageSize": "1000", "cursor": "a=="}),
    ]
    assert (len(first.records), first.next, first.size) == (1, "a==", 1000)
    assert first.available == datetime(2026, 3, 4, 4, 10, 3, 500_000, tzinfo=UTC)
    assert (last.records, last.next, last.available) == ([], None, None)


def test_the_page_size_of_a_mapping_is_that_of_a_job_only_where_all_is_read_by_job(reader, mapping):
    assert [reader(via=f"{via}, page_size: 50")[0].page_size for via in ("job", "auto")] == [50, 1000]
    assert [reader(via=via)[0].page_size for via in ("job", "auto")] == [1000, 1000]


def test_the_availability_date_is_asked_once(reader):
    jobs, script = reader({"dataAvailabilityDate": "2026-03-04T04:10:03Z"})
    assert [jobs.available(), jobs.available()] == [datetime(2026, 3, 4, 4, 10, 3, tzinfo=UTC)] * 2
    assert script.asked == [("GET", f"{PATH}/availability", None, None)]


@pytest.mark.parametrize("answer", [{}, {"dataAvailabilityDate": None}, {"dataAvailabilityDate": "soon"}])
def test_an_unreadable_date_or_job_is_no_answer(reader, answer):
    with pytest.raises(MalformedAnswer, match="dataAvailabilityDate"):
        reader(answer)[0].available()
    with pytest.raises(MalformedAnswer, match="names no job"):
        reader({"jobId": ""})[0].submit(DAY)
