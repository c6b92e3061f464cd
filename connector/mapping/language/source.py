"""The keys of `source`: what is asked of Genesys Cloud."""

from connector.mapping.language.calls import ENDPOINT_EXAMPLE, VIEWS_EXAMPLE
from connector.mapping.language.entries import REQUIRED, Entry, Example, Part
from connector.mapping.language.shapes import CLAUSES, COUNT, DURATION, MAPPING, list_of, names_among, one_of, ref

SOURCE = Part(
    "source",
    "keys",
    "What is asked of Genesys Cloud.",
    (
        Entry(
            "query",
            "a name of the catalogue, see [records.md](records.md)",
            "which call is made, and what its records hold",
            ref("query"),
            (Example("source: {query: conversations.details}"),),
            default_words="this or `endpoint`",
        ),
        Entry(
            "endpoint",
            "keys, see [an endpoint described in place](#an-endpoint-described-in-place)",
            "instead of `query`: a call described here",
            ref("endpoint"),
            (ENDPOINT_EXAMPLE,),
        ),
        Entry(
            "granularity",
            "an ISO duration such as `PT15M`, `PT1H`, `P1D`; a day must hold a whole number of it",
            "the length of the intervals; of observations one "
            "[snapshot](records.md#queuesobservations) is taken in each",
            DURATION,
            (Example("source: {granularity: PT15M}", "aggregates"),),
            REQUIRED,
            "aggregates, observations",
        ),
        Entry(
            "group_by",
            "a list of dimensions; of users.aggregates always `[userId]`",
            "one record per group",
            names_among("dimension"),
            (
                Example(
                    "source: {group_by: [queueId, userId]}\n"
                    "fields: {Key__c: {key: [queueId, userId, mediaType, start]}}",
                    "aggregates",
                ),
            ),
            [],
            "aggregates, summary",
        ),
        Entry(
            "metrics",
            "a list of metrics",
            "what is counted and measured",
            names_among("metric"),
            (Example("source: {metrics: [nOffered, tTalk]}", "aggregates"),),
            REQUIRED,
            "aggregates, summary, observations",
        ),
        Entry(
            "filter",
            "a filter as the Genesys API spells it",
            "sent as written; a list of more than 100 users or queues in several calls; observations without one are "
            "asked for all queues",
            MAPPING,
            (
                Example(
                    "source:\n  filter: {type: and, predicates: [{dimension: mediaType, value: voice}]}",
                    "aggregates",
                ),
            ),
            queries="aggregates, observations",
        ),
        Entry(
            "filters",
            "`conversation: [...]` and `segment: [...]`, as the API spells them",
            "sent as written",
            ref("filters"),
            (
                Example(
                    "source:\n  filters:\n    segment: [{type: or, predicates: [{dimension: mediaType, value: voice}]}]"
                ),
            ),
            queries="details",
        ),
        Entry(
            "subject",
            "a word such as `flows`, see [records.md](records.md#aggregates-of-other-subjects)",
            "what `query: aggregates` is about",
            {"type": "string", "pattern": "^[a-z]{1,40}$"},
            (
                Example(
                    "source: {query: aggregates, subject: flows, group_by: [flowId], metrics: [nFlow]}\n"
                    "fields: {Key__c: {key: [flowId, mediaType, start]}}",
                    "aggregates",
                ),
            ),
            queries="aggregates of other subjects",
            default_words="required there",
        ),
        Entry(
            "views",
            "a list of at most 10, see [views](#views) and [records.md](records.md#views)",
            "metrics more: how many values of a timer lie within bounds",
            list_of(ref("view"), maxItems=10),
            (VIEWS_EXAMPLE,),
            [],
            "aggregates but not of users",
        ),
        Entry(
            "via",
            "`auto`, `query` or `job`",
            "by query, or by [asynchronous jobs](records.md#by-query-or-by-job), which alone give participant "
            "`attributes`; `auto` chooses details by age, and by job what attributes are mapped of; it reads "
            "[aggregates](records.md#aggregates-by-job) by query",
            one_of("auto", "query", "job"),
            (Example("source: {via: job}"),),
            "auto",
            "details, aggregates",
        ),
        Entry(
            "page_size",
            "a number; of queries at most 100, with `via: job` at most 10,000",
            "records a page; by job 1,000 where it is left out",
            COUNT,
            (Example("source: {page_size: 25}"),),
            100,
            "details, summary, endpoint, aggregates by job",
        ),
        Entry(
            "max_pages",
            "a number",
            "more pages than this are taken for a loop",
            COUNT,
            (Example("source: {max_pages: 500}"),),
            10_000,
            "details, summary, endpoint, aggregates by job",
        ),
    ),
)

FILTERS = Part(
    "filters",
    "keys",
    "Filters of the details query.",
    (
        Entry(
            "conversation",
            "a list of filters",
            "conversations that fit all of them",
            CLAUSES,
            (
                Example(
                    "source:\n"
                    "  filters:\n"
                    "    conversation: [{type: and, predicates: [{dimension: conversationEnd, operator: exists}]}]"
                ),
            ),
            [],
        ),
        Entry(
            "segment",
            "a list of filters",
            "conversations with a segment that fits all of them",
            CLAUSES,
            (
                Example(
                    "source:\n  filters:\n    segment: [{type: or, predicates: [{dimension: queueId, value: q-7}]}]"
                ),
            ),
            [],
        ),
    ),
)
