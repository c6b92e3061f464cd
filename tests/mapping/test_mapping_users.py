"""The status of users: what may be asked, what a record holds, what makes it itself."""

import pytest
from mapping_texts import USERS, with_fields

from connector.mapping import Row, compile_mapping

RECORD = {
    "userId": "u1",
    "start": "2026-01-01T00:00:00Z",
    "end": "2026-01-01T00:30:00Z",
    "metric": "tSystemPresence",
    "qualifier": "AVAILABLE",
    "sum": 5_000,
}


def with_source(more: str) -> str:
    return with_fields(USERS).replace("metrics: [tSystemPresence]", more)


def user_filter(*users: str, dimension: str = "userId", more: str = "") -> str:
    predicates = ", ".join(f"{{dimension: {dimension}, value: {user}}}" for user in users)
    clauses = f"{{type: or, predicates: [{predicates}]}}{more}"
    return f"metrics: [tSystemPresence], filter: {{type: or, clauses: [{clauses}]}}"


def test_a_status_becomes_one_row_of_its_user_interval_and_status(read):
    mapping = read(
        with_fields(
            USERS,
            "User__c: userId",
            "Status__c: {template: '{metric} {qualifier}'}",
            "Length_s__c: {from: sum, divide: 1000}",
        )
    )
    key = "u1|2026-01-01T00:00:00Z|tSystemPresence|AVAILABLE"
    values = {"Key__c": key, "User__c": "u1", "Status__c": "tSystemPresence AVAILABLE", "Length_s__c": 5.0}
    assert mapping.warnings == ()
    assert compile_mapping(mapping).map(RECORD) == [Row(0, key, "2026-01-01T00:00:00Z", values)]


@pytest.mark.parametrize("written", ["", ", group_by: [userId]"])
def test_it_is_grouped_by_user_whether_written_or_not(read, written):
    assert read(with_source("metrics: [tSystemPresence]" + written)).source.group_by == ("userId",)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("metrics: []", "source: 'metrics' is missing; users.aggregates needs it"),
        ("metrics: [tHandle]",
         "source.metrics[0]: users.aggregates has no metric 'tHandle'; there are tAgentRoutingStatus, "
         "tOrganizationPresence, tSystemPresence"),
        ("metrics: [tSystemPresense]",
         "source.metrics[0]: users.aggregates has no metric 'tSystemPresense'; did you mean 'tSystemPresence'?"),
        ("metrics: [tSystemPresence], group_by: [queueId]",
         "source.group_by[0]: users.aggregates has no dimension 'queueId'; there are userId"),
        ("metrics: [tSystemPresence], filters: {}", "source.filters: 'filters' is not for users.aggregates"),
        ("metrics: [tSystemPresence], page_size: 5",
         "source.page_size: 'page_size' is not for users.aggregates: its answers by query have no pages"),
        (user_filter("q1", dimension="queueId"),
         "source.filter: users.aggregates filters by userId only, not by 'queueId'"),
        (user_filter(*(f"u{number}" for number in range(101)), more=", {type: and, predicates: []}"),
         "source.filter: names 101 times userId, and one call takes at most 100; only one plain list can be asked in "
         "several calls: {type: or, predicates: [{dimension: userId, value: ...}, ...]}"),
    ],
)  # fmt: skip
def test_what_the_service_would_refuse_is_told_before_it_is_asked(problems, source, problem):
    (found,) = problems(with_source(source))
    assert found.split(": ", 1)[1] == problem


@pytest.mark.parametrize("count", [100, 101, 1_000])
def test_any_number_of_users_may_be_named_in_one_list(read, count):
    assert read(with_source(user_filter(*(f"u{number}" for number in range(count))))).source.filter


def test_without_granularity_it_is_refused(problems):
    (found,) = problems(with_fields(USERS).replace("granularity: PT30M, ", ""))
    assert found.endswith("'granularity' is missing; users.aggregates needs it")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("[userId, start, metric]", "must also hold qualifier: without it two records become one"),
        ("[userId, start, metric, qualifier, sum]",
         "'sum' may change from one read to the next, and the record would stand twice in Salesforce; take it out"),
    ],
)  # fmt: skip
def test_the_key_holds_user_start_metric_and_qualifier(problems, key, problem):
    (found,) = problems(f"{USERS}\nfields:\n  Key__c: {{key: {key}}}\n")
    assert found.endswith(problem)


def test_other_names_are_refused_for_the_records_hold_no_others(problems):
    (found,) = problems(with_fields(USERS, "Queue__c: queueId"))
    assert found.endswith("unknown name 'queueId'; the records hold start, end, userId, metric, qualifier, sum")


def test_a_filter_that_needs_several_calls_is_not_for_a_job(problems):
    filtered = user_filter(*(f"u{number}" for number in range(101)))
    (found,) = problems(with_source(f"{filtered}, via: job"))
    assert found.split(": ", 1)[1] == (
        "source.filter: needs 2 calls, and a job is submitted by one; read it by query, or all without a filter and "
        "choose by 'keep'"
    )
