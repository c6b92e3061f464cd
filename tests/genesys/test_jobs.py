"""Jobs as they are asked: what is sent, what an answer means, what is deleted."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import MalformedAnswer, PermissionMissing, QueryRefused, RefusedSpan, ServiceUnavailable, Stopped
from connector.genesys.chain import judge_chain
from connector.genesys.client import Answer
from connector.genesys.job_queries import JOBS
from connector.genesys.jobs import JobReader, JobState
from connector.genesys.judge import Complete, Disagree, Seen
from connector.mapping import Mapping as StreamMapping
from connector.mapping import load_mapping
from connector.mapping.via import job_query
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


QUEUES = """
source: {query: aggregates, subject: SUBJECT, via: job, granularity: PT1H, group_by: [queueId], metrics: [tTalk]SIZE}
window: {start: 2026-03-02}
target: {object: Queue_Interval__c, external_id: Key__c}
fields: {Key__c: {key: [queueId, mediaType, start]}}
"""


class Script:
    """Answers what it is told to; asked: every call."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: BaseException = QueryRefused("gone")

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        permission: str = "",
    ) -> Answer:
        assert permission in ("analytics:conversationDetail:view", "analytics:conversationAggregate:view")
        self.asked.append((method, path, body, params))
        return Answer(self.answers.pop(0), {}, 0)

    def delete(self, path: str, *, permission: str = "") -> None:
        assert permission == "analytics:conversationDetail:view"
        self.asked.append(("DELETE", path))
        raise self.refusal


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


@pytest.mark.parametrize("refusal", [QueryRefused, RefusedSpan, ServiceUnavailable, PermissionMissing])
def test_that_a_job_cannot_be_deleted_is_no_matter(reader, refusal):
    jobs, script = reader()
    script.refusal = refusal("no")
    jobs.delete("j/1")
    assert script.asked == [("DELETE", f"{PATH}/j%2F1")]


def test_a_deletion_does_not_hold_back_a_stop(reader):
    jobs, script = reader()
    script.refusal = Stopped(15)
    with pytest.raises(Stopped):
        jobs.delete("j1")


# Aggregates


@pytest.fixture
def aggregates(mapping):
    def made(*answers: dict[str, Any], subject: str = "conversations", size: str = "") -> tuple[JobReader, Script]:
        script = Script(*answers)
        read = mapping(QUEUES.replace("SUBJECT", subject).replace("SIZE", size))
        job = job_query(read.source)
        assert job is not None
        return JobReader(script, read, job, lambda: NOW), script

    return made


@pytest.mark.parametrize(("written", "size"), [("", 1_000), (", page_size: 250", 250)])
def test_the_page_size_of_aggregates_stands_in_the_submission(aggregates, written, size):
    path = "/api/v2/analytics/conversations/aggregates/jobs"
    jobs, script = aggregates({"jobId": "j1"}, {"cursor": "a="}, {}, size=written)
    assert (jobs.submit(DAY), jobs.page_size) == ("j1", size)
    jobs.fetch_page(DAY, 1, None, "j1")
    jobs.fetch_page(DAY, 2, "a=", "j1")
    body = {
        "interval": "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
        "granularity": "PT1H",
        "timeZone": "UTC",
        "groupBy": ["queueId"],
        "metrics": ["tTalk"],
        "pageSize": size,
    }
    assert script.asked == [
        ("POST", path, body, None),
        ("GET", f"{path}/j1/results", None, None),
        ("GET", f"{path}/j1/results", None, {"cursor": "a="}),
    ]


def test_nobody_tells_up_to_when_aggregates_are_whole_and_nobody_is_asked(aggregates):
    jobs, script = aggregates()
    assert (jobs.available(), script.asked) == (NOW - timedelta(hours=48), [])
    jobs.delete("j1")
    assert script.asked == []


def answer(groups: int, hours: int) -> dict[str, Any]:
    def data(hour: int) -> Any:
        interval = f"2026-03-02T{hour:02}:00:00.000Z/2026-03-02T{hour + 1:02}:00:00.000Z"
        return {"interval": interval, "metrics": [{"metric": "tTalk", "stats": {"count": 1}}]}

    return {
        "results": [
            {"group": {"queueId": f"q{one}", "mediaType": "voice"}, "data": [data(hour) for hour in range(hours)]}
            for one in range(groups)
        ]
    }


@pytest.mark.parametrize(
    ("groups", "hours", "holds", "step"),
    [
        (3, 3, 9, Complete()),  # short, whatever is counted
        (2, 5, 10, Disagree("page 1 is full and the last, and nothing is counted", at_end=True, is_hint=True)),
        (3, 4, 3, Complete()),  # more intervals than the size: groups are counted, and there are few
        (10, 2, 10, Disagree("page 1 is full and the last, and nothing is counted", at_end=True, is_hint=True)),
    ],
)
def test_a_last_page_of_aggregates_is_full_by_its_intervals_or_by_its_groups(aggregates, groups, hours, holds, step):
    jobs, _ = aggregates(answer(groups, hours), size=", page_size: 10")
    page = jobs.fetch_page(DAY, 1, None, "j1")
    assert (len(page.records), page.holds) == (groups * hours, holds)
    again = Seen(asked_again=int(isinstance(step, Disagree)))
    assert judge_chain(again, page, len(page.records), 100, is_known_cursor=False)[0] == step


def test_aggregates_of_any_subject_have_a_job_but_those_that_are_asked_by_query_only(mapping):
    def path(subject: str, via: str) -> str | None:
        written = QUEUES.replace("SUBJECT", subject).replace("SIZE", "").replace("via: job", f"via: {via}")
        job = job_query(mapping(written).source)
        return job and job.path

    assert path("flows", "job") == "/api/v2/analytics/flows/aggregates/jobs"
    assert (path("flows", "auto"), path("flows", "query")) == (None, None)
