"""Aggregates about other subjects than conversations: the same form, names the catalogue does not know."""

import pytest

from connector.genesys.queries import CATALOGUE
from connector.mapping.fingerprints import fingerprints

FLOWS = """
source: {query: aggregates, subject: flows, granularity: PT1H, group_by: [flowId], metrics: [nFlow]}
window: {start: 2026-01-01}
target: {object: Flow_Interval__c, external_id: Key__c}
fields:
  Key__c: {key: [flowId, mediaType, start]}
  Entered__c: nFlow.count
"""


def about(subject: str, text: str = FLOWS) -> str:
    return text.replace("subject: flows", subject)


@pytest.mark.parametrize(
    ("subject", "permission"),
    [
        ("flows", "analytics:flowAggregate:view"),
        ("conversations", "analytics:conversationAggregate:view"),
        ("transcripts", "analytics:speechAndTextAnalyticsAggregates:view"),
        ("knowledge", ""),
    ],
)
def test_the_call_and_its_permission_follow_the_subject(read, subject, permission):
    query = read(about(f"subject: {subject}")).query
    assert (query.path, query.permission) == (f"/api/v2/analytics/{subject}/aggregates/query", permission)
    assert (query.shape, query.record_key) == ("aggregates", ("start", "mediaType"))


def test_about_conversations_it_is_the_query_of_that_name(read):
    asked, named = read(about("subject: conversations")).query, CATALOGUE["conversations.aggregates"]
    assert (asked.path, asked.permission, asked.record_key) == (named.path, named.permission, named.record_key)


def test_names_the_catalogue_does_not_know_are_warnings_even_near_a_known_one(read):
    warnings = read(about("subject: flows", FLOWS.replace("[nFlow]", "[nFlow, nOfferd]"))).warnings
    assert [warning.split(": ", 1)[1] for warning in warnings] == [
        "source.metrics[0]: unknown metric 'nFlow'; the service decides whether it exists",
        "source.metrics[1]: unknown metric 'nOfferd'; did you mean 'nOffered'? the service decides whether it exists",
    ]


def test_a_name_near_a_known_one_is_an_error_about_conversations(problems):
    (found,) = problems(about("subject: conversations", FLOWS.replace("[nFlow]", "[nFlow, nOfferd]")))
    assert found.endswith("unknown metric 'nOfferd'; did you mean 'nOffered'?")


def test_a_subject_nobody_knows_is_left_to_the_service(read):
    mapping = read(about("subject: weather"))
    assert mapping.query.path == "/api/v2/analytics/weather/aggregates/query"
    assert mapping.warnings[0].endswith(
        "source.subject: unknown subject 'weather'; the service decides whether it exists"
    )


@pytest.mark.parametrize(
    ("subject", "problem"),
    [
        ("subject: flow", "source.subject: unknown subject 'flow'; did you mean 'flows'?"),
        ("subject: users",
         "source.subject: the status of users has records of another form; write 'query: users.aggregates'"),
        ("subject: ../routing", "source.subject: must be one word in small letters, such as flows or evaluations"),
        ("subject: [flows]", "source.subject: must be one word in small letters, such as flows or evaluations"),
        ("subject: ratelimits, via: job", "source.via: aggregates of ratelimits are read by query only"),
        ("max_pages: 10", "source.max_pages: 'max_pages' is not for aggregates: its answers by query have no pages"),
    ],
)  # fmt: skip
def test_a_wrong_subject_is_told(problems, subject, problem):
    found = problems(about(f"subject: flows, {subject}" if subject.startswith("max") else subject))
    assert [one.split(": ", 1)[1] for one in found] == [problem]


def test_aggregates_without_a_subject_are_told_what_they_can_be_about(problems):
    (found,) = problems(FLOWS.replace("subject: flows, ", ""))
    assert "source: 'subject' is missing; aggregates are about one of actions, agentcopilots, bots," in found


def test_other_queries_take_no_subject(problems):
    (found,) = problems(FLOWS.replace("query: aggregates", "query: conversations.aggregates"))
    assert found.endswith("source.subject: 'subject' is not for conversations.aggregates, only for 'query: aggregates'")


def test_another_subject_is_another_source(read):
    flows, bots = (fingerprints(read(about(f"subject: {one}"))) for one in ("flows", "bots"))
    assert flows.source != bots.source
    assert (flows.fields, flows.keys) == (bots.fields, bots.keys)
