"""The keys of `source`: what is asked of Genesys Cloud."""

from connector.mapping.language.entries import REQUIRED, Entry, Example, Part
from connector.mapping.language.shapes import (
    CLAUSES,
    COUNT,
    DURATION,
    MAPPING,
    PATH,
    SOME_TEXT,
    list_of,
    names_among,
    one_of,
    ref,
)

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
            REQUIRED,
        ),
        Entry(
            "endpoint",
            "keys, see [endpoint](#endpoint)",
            "instead of `query`: a call described here",
            ref("endpoint"),
            (),
        ),
        Entry(
            "granularity",
            "an ISO duration such as `PT15M`, `PT1H`, `P1D`; a day must hold a whole number of it",
            "the length of the intervals",
            DURATION,
            (Example("source: {granularity: PT15M}", "aggregates"),),
            REQUIRED,
            "aggregates",
        ),
        Entry(
            "group_by",
            "a list of dimensions",
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
            "aggregates, summary",
        ),
        Entry(
            "filter",
            "a filter as the Genesys API spells it",
            "sent as written",
            MAPPING,
            (
                Example(
                    "source:\n  filter: {type: and, predicates: [{dimension: mediaType, value: voice}]}",
                    "aggregates",
                ),
            ),
            queries="aggregates",
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
            "a mapping, as the Genesys API spells it",
            "whose figures are asked for",
            MAPPING,
            (),
            queries="users",
        ),
        Entry(
            "views",
            "a list, as the Genesys API spells it",
            "metrics counted by ranges of their values, beside those asked for",
            CLAUSES,
            (),
            queries="aggregates",
        ),
        Entry(
            "via",
            "`auto`, `query` or `job`",
            "page by page, or by an asynchronous job, which alone gives participant `attributes`; `auto` chooses by "
            "age and size",
            one_of("auto", "query", "job"),
            (Example("source: {via: job}"),),
            "auto",
            "details",
        ),
        Entry(
            "page_size",
            "a number of at most 100",
            "records a page",
            COUNT,
            (Example("source: {page_size: 25}"),),
            100,
            "details, summary",
        ),
        Entry(
            "max_pages",
            "a number",
            "more pages than this are taken for a loop",
            COUNT,
            (Example("source: {max_pages: 500}"),),
            10_000,
            "details, summary",
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

_VALUES = "`${start}`, `${end}`, `${page}`, `${page_size}` and `${cursor}` stand for their values"

ENDPOINT = Part(
    "endpoint",
    "keys",
    f"A call of the Genesys Cloud API, described in place. {_VALUES}.",
    (
        Entry("method", "`GET` or `POST`", "how it is called", one_of("GET", "POST"), (), "GET"),
        Entry(
            "path",
            "a path such as `/api/v2/quality/surveys`",
            "where it is, on your region's API host; no other host can be named",
            SOME_TEXT,
            (),
            REQUIRED,
        ),
        Entry("body", "keys with values", "what a `POST` sends", MAPPING, ()),
        Entry("query", "name: value", "what stands behind the `?`", MAPPING, ()),
        Entry("records", "a path into the answer", "where the list of records stands", PATH, (), REQUIRED),
        Entry("key", "a list of paths", "what makes a record itself", list_of(PATH, minItems=1), (), REQUIRED),
        Entry("paging", "keys, see [paging](#paging)", "how the next page is asked for", ref("paging"), ()),
    ),
)

PAGING = Part(
    "paging",
    "keys",
    "How the pages of an endpoint are asked for: by `page` or by `cursor`.",
    (
        Entry("page", "where the number goes", "pages by number", SOME_TEXT, ()),
        Entry("cursor", "where the cursor goes", "pages by a cursor the service gives", SOME_TEXT, ()),
        Entry("next", "a path into the answer", "where the next cursor is read", PATH, ()),
        Entry("total", "a path into the answer", "how many records the service says there are", PATH, ()),
        Entry("page_count", "a path into the answer", "how many pages the service says there are", PATH, ()),
    ),
)
