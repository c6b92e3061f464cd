"""`source.endpoint`: a call described in place becomes a query; whatever it could not mean is told with its place."""

from typing import Any

import pytest

from connector.genesys.queries import CursorPaging, NumberedPaging, Query
from connector.genesys.templates import fill, fill_params, fill_path, placeholders
from connector.mapping import compile_mapping, fingerprints, window_of

TARGET = """
window: {start: 2026-01-01}
target: {object: Thing__c, external_id: Key__c}
fields: {Key__c: {key: [id]}}
"""
PAGES = """
source:
  page_size: 50
  endpoint:
    path: /api/v2/things
    query: {from: "${start}", to: "${end}"}
    body: {size: "${page_size}", sort: [{by: start}]}
    records: data.items
    key: [id]
    time: meta.begun
    paging: {page: body.paging.number, total: [total, "header:X-Total"], page_count: paging.pageCount}
"""
CELLS = """
source:
  endpoint: {method: GET, path: "/api/v2/sums/${start}/${end}", records: rows, key: [kind, team.id]}
window: {start: 2026-01-01, size: PT6H}
target: {object: Sum__c, external_id: Key__c}
fields: {Key__c: {key: [team.id, kind, start]}, Count__c: count, Label__c: {from: label, upper: true}, To__c: end}
"""


def test_an_endpoint_is_a_query_like_those_of_the_catalogue(read):
    assert read(PAGES + TARGET).query == Query(
        name="POST /api/v2/things",
        shape="endpoint",
        method="POST",
        path="/api/v2/things",
        params={"from": "${start}", "to": "${end}"},
        body={"size": "${page_size}", "sort": [{"by": "start"}], "paging": {"number": "${page}"}},
        records="data.items",
        record_key=("id",),
        time="meta.begun",
        halves="minute",
        paging=NumberedPaging(("total", "header:X-Total"), ("paging.pageCount",), 100, False),
        permission="",
        is_cell=False,
    )


def test_a_cursor_goes_where_paging_says_and_its_place_may_be_written_out(read):
    by_place = PAGES.replace("page: body.paging.number", "cursor: query.token, next: [header:X-Next, next]")
    by_place = by_place.replace(", page_count: paging.pageCount", "")
    written = by_place.replace('to: "${end}"', 'to: "${end}", token: "${cursor}"')
    query = read(by_place + TARGET).query
    assert (query.params["token"], query.paging) == (
        "${cursor}",
        CursorPaging(("header:X-Next", "next"), ("total", "header:X-Total"), 100, False),
    )
    assert read(written + TARGET).query == query


def test_records_without_a_time_of_their_own_are_read_in_whole_cells_and_keyed_by_their_start(read):
    mapping = read(CELLS)
    query, window = mapping.query, window_of(mapping)
    assert (query.record_key, query.time, query.halves, query.is_cell) == (
        ("kind", "team.id", "start"),
        "start",
        "none",
        True,
    )
    assert (window.grain, mapping.warnings) == (window.size, ())
    record = {
        "kind": "a",
        "team": {"id": 7},
        "start": "2026-01-01T06:00:00Z",
        "end": "2026-01-01T12:00:00Z",
        "count": 3,
    }
    (row,) = compile_mapping(mapping).map(record)
    assert (row.external_id, row.at, row.values) == (
        "7|a|2026-01-01T06:00:00Z",
        "2026-01-01T06:00:00Z",
        {
            "Key__c": "7|a|2026-01-01T06:00:00Z",
            "Count__c": 3,
            "Label__c": None,
            "To__c": "2026-01-01T12:00:00Z",
        },
    )


def test_a_record_without_its_only_key_is_refused_not_merged_with_others(read):
    compiled = compile_mapping(read(PAGES + TARGET))
    with pytest.raises(Exception, match="'id' is missing"):
        compiled.map({"meta": {"begun": "2026-01-01T06:00:00Z"}})


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("path: /api/v2/things", "path: https://evil.example/api", "path: must be a path of the API host"),
        ("path: /api/v2/things", "path: //evil.example/api", "path: '//', '/./' and '/../' cannot stand in it"),
        ("path: /api/v2/things", "path: /api/../../oauth", "path: '//', '/./' and '/../' cannot stand in it"),
        ("path: /api/v2/things", "path: /@evil.example", "path: '@' cannot stand in it"),
        ("path: /api/v2/things", 'path: "/api\\\\x"', "path: '\\\\' cannot stand in it"),
        ("path: /api/v2/things", 'path: "/api\\nx"', "path: '\\n' cannot stand in it"),
        ("path: /api/v2/things", "path: /api/%2e%2e/x", "path: '%' cannot stand in it"),
        ("path: /api/v2/things", "path: /api/things?x=1", "path: what follows '?' is written under 'query'"),
        ("path: /api/v2/things", "path: /api/things#x", "path: '#' cannot stand in it"),
        ("records: data.items", "", "'records' is missing"),
        ("records: data.items", 'records: "items[0]"', "records: path 'items[0]': only names joined by dots"),
        ("key: [id]", "key: []", "key: must be a list of paths to what makes a record itself"),
        ("key: [id]", "key: [id, id]", "key: 'id' stands twice"),
        ("key: [id]", "keys: [id]", "keys: unknown key 'keys'; did you mean 'key'?"),
        ("time: meta.begun", "tyme: meta.begun", "tyme: unknown key 'tyme'; did you mean 'time'?"),
        ("time: meta.begun", "method: PUT", "method: must be GET, POST, not text ('PUT')"),
        ("${page_size}", "${page_sizes}", "body.size: unknown placeholder '${page_sizes}'; did you mean 'page_size'?"),
        ("${page_size}", "${pages", "body.size: '${' begins a placeholder that is not closed"),
        ("${page_size}", "${cursor}", "body.size: '${cursor}' is for paging by 'cursor'"),
        ("${start}", "x", "${start} stands nowhere in path, query or body"),
        ("page: body.paging.number", "pge: body.paging.number", "paging.pge: unknown key 'pge'; did you mean 'page'?"),
        ("page: body.paging.number, ", "", "paging: 'page' or 'cursor' is missing"),
        ("page: body.paging.number", "page: boddy.number", "paging.page: must be where it goes"),
        ("page: body.paging.number", "page: body.size", "paging.page: 'body.size' holds something else; write ${page}"),
        ("page: body.paging.number", "page: body.size.x", "paging.page: 'body.size' holds text"),
        ("page: body.paging.number", "page: path", "paging.page: write ${page} where it goes in 'path'"),
        ("page: body.paging.number", "page: query.n, next: n", "paging.next: 'next' is for pages asked for by"),
        ("total: [total", "total: ['to[0]'", "paging.total: path 'to[0]': only names joined by dots stand here"),
        ("header:X-Total", "header:", "paging.total: 'header:': a header is named as in header:X-Page-Count"),
    ],
)  # fmt: skip
def test_what_an_endpoint_cannot_mean_is_told_with_its_place(problems, old, new, problem):
    told = problems(PAGES.replace(old, new) + TARGET)
    starts = tuple(f"source.endpoint{sign}{problem}" for sign in (".", ": "))
    assert any(one.split(": ", 1)[1].startswith(starts) for one in told), told


@pytest.mark.parametrize(
    ("paging", "told"),
    [
        ("cursor: query.c", ["paging: 'next' is missing"]),
        ("cursor: path, next: n", ["paging.cursor: cannot go into the path, for the first page has no cursor"]),
        ("cursor: query.c, next: n, page_count: p", ["paging.page_count: 'page_count' is for pages asked for"]),
        ("page: query.p, cursor: query.c, next: n", ["paging.cursor: 'page' and 'cursor' exclude each other"]),
    ],
)  # fmt: skip
def test_pages_have_numbers_or_cursors_and_never_half_of_either(problems, paging, told):
    text = PAGES.replace("page: body.paging.number, ", "").replace(", page_count: paging.pageCount", "")
    found = problems(text.replace("paging: {", f"paging: {{{paging}, ") + TARGET)
    assert [one.split("endpoint.", 1)[1][: len(two)] for one, two in zip(found, told, strict=True)] == told


def test_every_problem_is_told_at_once_with_line_and_column(problems):
    text = PAGES.replace("/api/v2/things", "/a/../b").replace("${end}", "${ende}").replace("page: body", "page: bdy")
    assert [one.split(": ")[:2] for one in problems(text + TARGET)] == [
        ["5:5", "source.endpoint"],
        ["5:11", "source.endpoint.path"],
        ["6:35", "source.endpoint.query.to"],
        ["11:20", "source.endpoint.paging.page"],
    ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{query: conversations.details, endpoint: {path: /x}}", "query: 'query' and 'endpoint' exclude each other"),
        ("{}", "'query' or 'endpoint' is missing"),
        ("{endpoint: 7}", "endpoint: must be keys with values, not a number"),
        ("{endpoint: {path: '/x/${start}/${end}', records: r, key: [k]}, page_size: 5}", "page_size: 'page_size' "),
        ("{endpoint: {path: '/x/${start}/${end}', records: r, key: [k]}, granularity: PT1H}", "granularity: "),
        (
            "{endpoint: {path: '/x/${start}/${end}', records: r, key: [k], paging: {page: query.p}}, page_size: 5}",
            "page_size: goes nowhere: write ${page_size} in the endpoint's query or body",
        ),
        (
            "{endpoint: {path: '/x/${start}/${end}/${page}', records: r, key: [k]}}",
            "endpoint.path: '${page}' needs paging: {page: path}",
        ),
        (
            "{endpoint: {path: '/x/${start}/${end}', query: {c: 'x${cursor}'}, records: r, key: [k], "
            "paging: {cursor: query.d, next: n}}}",
            "endpoint.query.c: '${cursor}' must be the whole value of a key",
        ),
    ],
)  # fmt: skip
def test_a_source_is_one_query_or_one_endpoint_and_nothing_that_is_not_for_it(problems, source, told):
    found = problems(f"source: {source}" + TARGET.replace("[id]", "[k, start]"))
    assert any(one.split("source", 1)[-1].lstrip(".: ").startswith(told) for one in found), found


def test_the_external_id_holds_the_key_of_the_endpoint_and_the_start_of_the_cell(problems):
    found = problems(CELLS.replace("[team.id, kind, start]", "[kind, label]"))
    assert [one.split(": ", 2)[2] for one in found] == [
        "must also hold team.id, start: without it two records become one",
        "'label' may change from one read to the next, and the record would stand twice in Salesforce; take it out",
    ]


def test_any_name_may_stand_in_records_nobody_described(read):
    fields = TARGET.replace("Key__c: {key: [id]}", "Key__c: {key: [id]}, A__c: a.b.c, B__c: {first: 'x[k=v].y'}")
    assert read(PAGES + fields).warnings == ()


def test_an_endpoint_that_asks_something_else_is_another_source_and_another_key_other_rows(read):
    def prints(old: str, new: str, key: str = "[id]") -> Any:
        return fingerprints(read(PAGES.replace(old, new) + TARGET.replace("[id]", key)))

    one = prints("", "")
    asked, keyed = prints("by: start", "by: end"), prints("key: [id]", "key: [id, no]", "[id, no]")
    assert (asked.source != one.source, asked.keys == one.keys, asked.fields == one.fields) == (True, True, True)
    assert (keyed.source != one.source, keyed.keys != one.keys) == (True, True)
    assert prints("page: body.paging.number", "page: body.paging.number") == one


# Requests as data


def test_placeholders_become_the_values_they_stand_for_and_keys_without_a_value_are_left_out():
    template = {"a": "${n}", "b": ["${n}", "x${n}y"], "c": "${none}", "d": {"e": "${none}", "f": None}, "g": True}
    assert fill(template, {"n": 7, "none": None}) == {"a": 7, "b": [7, "x7y"], "d": {"f": None}, "g": True}


def test_a_value_in_a_path_leads_nowhere_else():
    assert fill_path("/a/${v}/b", {"v": "../x?y=1/2"}) == "/a/..%2Fx%3Fy%3D1%2F2/b"


def test_a_query_string_is_text():
    template = {"n": "${n}", "is": True, "what": "1/${n}", "cursor": "${cursor}"}
    assert fill_params(template, {"n": 2, "cursor": None}) == {"n": "2", "is": "true", "what": "1/2"}


def test_placeholders_are_found_wherever_they_stand():
    assert list(placeholders({"a": ["${x}"], "b": "${x}-${y", "c": "${z}"})) == [
        (("a", 0), "x", False),
        (("b",), "x", False),
        (("b",), "", False),
        (("c",), "z", True),
    ]
