"""A call described in place, and views: what stands below `source` besides plain keys."""

from typing import Any

from connector.mapping.language.entries import NOTHING, REQUIRED, Entry, Example, Part, Shape
from connector.mapping.language.shapes import MAPPING, PATH, SOME_TEXT, list_of, one_of, ref

_PLACES = {"anyOf": [SOME_TEXT, list_of(SOME_TEXT, minItems=1)]}
_GOES = {"type": "string", "pattern": "^(path|(body|query)\\..+)$"}
_BOUND = {"type": "number", "minimum": 0}

ENDPOINT_EXAMPLE = Example(
    "source:\n"
    "  endpoint:\n"
    "    path: /api/v2/example/evaluations/query\n"
    '    body: {interval: "${start}/${end}", pageSize: "${page_size}"}\n'
    "    records: entities\n"
    "    key: [id]\n"
    "    time: assignedDate\n"
    "    paging: {page: body.pageNumber, total: total}\n"
    "fields:\n"
    "  Key__c: {key: [id]}\n"
    "  Agent_Name__c: agent.name",
    "endpoint",
    [{"Key__c": "e-1", "Agent_Name__c": "Kim"}],
)
VIEWS_EXAMPLE = Example(
    "source:\n  views: [{target: tHandle, name: long_calls, function: rangeBound, range: {gte: 600000}}]",
    "aggregates",
)

_INTRO = """\
A call that lists records and is not in the catalogue needs no code: `source.endpoint` says how it is asked and where
its answer holds what. Everything else of a stream stays the same: login, call rate, retries, the judging of pages,
gaps, mapping, delivery.

```yaml
about: Evaluations of a service of our own organisation.
source:
  page_size: 200
  endpoint:
    method: POST
    path: /api/v2/example/evaluations/query
    query: {expand: agent}
    body:
      dateFrom: ${start}
      dateTo: ${end}
      pageSize: ${page_size}
    records: entities
    key: [id]
    time: assignedDate
    paging:
      cursor: query.pageToken
      next: ["header:X-Next-Page", nextPage]
      total: total
window: {start: 2026-01-01, recheck: [P4D]}
target: {object: Evaluation__c, external_id: Evaluation_Id__c}
fields:
  Evaluation_Id__c: {key: [id]}
  Assigned__c: assignedDate
  Agent_Name__c: agent.name
```
""".strip()

_AFTER = """\
A place in the answer is a path such as `paging.pageCount`, or `header:X-Page-Count`. A list of places may be given.
For `total` and `page_count` each place is a witness, and the largest count they state is the promise.

**Time.** With `time`, a record belongs to the span in which that instant lies; others in the answer are counted as
`outside`, so a service that gives a little more than was asked does no harm. Spans are halved on minutes when a list
does not come whole. Without `time`, each record gets the `start` and `end` of the asked span, the stream is read in
whole cells of `window.size`, the external id must hold `start`, and there are no halves: what does not come whole is a
gap.

**Records** are taken as they are, flat or nested. Nobody knows their names beforehand, so a wrong name in `fields`
brings no warning: look at `connector preview` before the first sync. It also shows whether `records` is right.

**What cannot be noticed.** Where a service states no count at all, a chain that ends too early on a page that is not
full looks like every other end. A list without a `total` is only as whole as the service says.
""".strip()


def _key(name: str, takes: str, does: str, shape: Shape, default: Any = NOTHING) -> Entry:
    return Entry(name, takes, does, shape, (ENDPOINT_EXAMPLE,), default)


ENDPOINT = Part(
    "endpoint",
    "keys",
    _INTRO,
    (
        _key(
            "method",
            "`POST` or `GET`, with or without a body",
            "how it is called. A call may be repeated at any time, so it must only read",
            one_of("GET", "POST"),
            "POST",
        ),
        _key(
            "path", "a path of the region's API host", "what is called. No other host can be named", SOME_TEXT, REQUIRED
        ),
        _key(
            "query",
            "names with texts, numbers, `true` or `false`",
            "the query string",
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        ),
        _key("body", "keys with values", "what is sent as JSON", MAPPING),
        _key(
            "records",
            "a path into the answer",
            "where the list stands. Missing or null is read as an empty page",
            PATH,
            REQUIRED,
        ),
        _key(
            "key",
            "a list of paths",
            "what makes a record itself. The external id must hold them",
            list_of(PATH, minItems=1),
            REQUIRED,
        ),
        _key("time", "a path", "the record's own instant, which never changes", PATH),
        _key(
            "paging",
            "keys, see [paging](#paging)",
            "how pages follow each other. Without it one answer holds all",
            ref("paging"),
        ),
    ),
    title="An endpoint described in place",
)

PLACEHOLDERS = Part(
    "placeholders",
    "forms",
    "They may stand anywhere in `path`, `query` and `body`. A value that is nothing but a placeholder becomes the "
    "value itself, a number a number.",
    tuple(
        Entry(written, "", does, {}, (ENDPOINT_EXAMPLE,))
        for written, does in (
            (
                "`${start}`, `${end}`",
                "the span that is read, in UTC, as `2026-03-02T00:00:00.000Z`. `${end}` is the first instant after the "
                "span, never 23:59:59. Both must be there. Written together: `${start}/${end}`",
            ),
            ("`${page}`", "the number of the page, from 1"),
            (
                "`${page_size}`",
                "`source.page_size`. Where it stands nowhere, nobody knows what a full page is, and ends are looked at "
                "twice",
            ),
            (
                "`${cursor}`",
                "the cursor the page before gave. It must be the whole value of a key, for on the first page the key "
                "is left out",
            ),
        )
    ),
)

PAGING = Part(
    "paging",
    "keys",
    "How the pages of an endpoint are asked for.",
    (
        _key(
            "page",
            "a place in the request: `body.paging.pageNumber`, `query.page` or `path`",
            "pages by number. It is put there, or `${page}` stands there already",
            _GOES,
        ),
        _key(
            "cursor",
            "a place in the request: `query.pageToken`, `body.cursor`",
            "pages by cursor. It is put there, or `${cursor}` stands there already",
            _GOES,
        ),
        _key(
            "next",
            "with `cursor`: a place in the answer, or a list of them",
            "where the cursor of the page that follows stands. Of several the first that holds one counts. The last "
            "page has none",
            _PLACES,
        ),
        _key(
            "total",
            "a place in the answer, or a list of them",
            "how many records there are. Name it if there is one: it is what shows that a list was cut short",
            _PLACES,
        ),
        _key(
            "page_count",
            "with `page`: a place in the answer, or a list of them",
            "how many pages there are",
            _PLACES,
        ),
    ),
    more=_AFTER,
)

VIEWS = Part(
    "views",
    "keys",
    "One entry for each metric more; the records hold it under its name, with `count`.",
    (
        Entry(
            "target",
            "a metric of `metrics` that begins with `t`",
            "whose values are counted",
            SOME_TEXT,
            (VIEWS_EXAMPLE,),
            REQUIRED,
        ),
        Entry(
            "name",
            "a name of letters, digits, `_` and `-`",
            "what the new metric is called",
            {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,79}$"},
            (VIEWS_EXAMPLE,),
            REQUIRED,
        ),
        Entry(
            "function",
            "`rangeBound`",
            "how it is worked out; there is only this",
            one_of("rangeBound"),
            (VIEWS_EXAMPLE,),
            REQUIRED,
        ),
        Entry(
            "range",
            "`gte`, `lt` or both, in milliseconds, see [range](#range)",
            "which values count",
            ref("range"),
            (VIEWS_EXAMPLE,),
            REQUIRED,
        ),
    ),
)

RANGE = Part(
    "range",
    "keys",
    "The bounds of a view.",
    (
        Entry("gte", "milliseconds", "at least so much", _BOUND, (VIEWS_EXAMPLE,)),
        Entry(
            "lt",
            "milliseconds",
            "less than that",
            _BOUND,
            (
                Example(
                    "source:\n"
                    "  views: [{target: tHandle, name: short_calls, function: rangeBound, range: {lt: 60000}}]",
                    "aggregates",
                ),
            ),
        ),
    ),
)
