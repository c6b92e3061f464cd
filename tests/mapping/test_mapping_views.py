"""Views of aggregates: metrics the service works out from another, within bounds."""

import pytest
from mapping_texts import QUEUE_RECORD, QUEUES, with_fields

from connector.mapping import Row, compile_mapping
from connector.mapping.fingerprints import fingerprints

LONG = "{target: tHandle, name: long_calls, function: rangeBound, range: {gte: 600000}}"


def with_views(*views: str, field: str = "") -> str:
    text = with_fields(QUEUES, *([field] if field else []))
    return text.replace("tHandle]", f"tHandle], views: [{', '.join(views)}]")


def test_a_view_is_mapped_like_a_metric(read):
    mapping = read(with_views(LONG, field="Long__c: {from: long_calls.count, default: 0}"))
    assert mapping.warnings == ()
    found = [compile_mapping(mapping).map({**QUEUE_RECORD, **record}) for record in ({"long_calls": {"count": 3}}, {})]
    rows = [row for (row,) in found]
    assert [row.values["Long__c"] for row in rows if isinstance(row, Row)] == [3, 0]


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        (LONG.replace("tHandle", "tHandel"), "[0].target: 'tHandel' is not among the metrics; did you mean 'tHandle'?"),
        (LONG.replace("tHandle", "tAcw"), "[0].target: 'tAcw' is not among the metrics; add it to source.metrics"),
        (LONG.replace("tHandle", "nOffered"),
         "[0].target: 'nOffered' is no timer; views take metrics that begin with 't'"),
        (LONG.replace("long_calls", "tAcw"), "[0].name: 'tAcw' is a name the records have already; give another"),
        (LONG.replace("long_calls", "queueId"), "[0].name: 'queueId' is a name the records have already; give another"),
        (LONG.replace("long_calls", "start"), "[0].name: 'start' is a name the records have already; give another"),
        (LONG.replace("long_calls", "long.calls"),
         "[0].name: must be a name of letters, digits, '_' and '-', such as long_calls"),
        (f"{LONG}, {LONG}", "[1].name: two views are named 'long_calls'; give another"),
        (LONG.replace("rangeBound", "rangebound"),
         "[0].function: must be rangeBound, not text ('rangebound'); did you mean 'rangeBound'?"),
        (LONG.replace("gte: 600000", ""), "[0].range: needs a bound: gte, lt or both, in milliseconds"),
        (LONG.replace("gte: 600000", "gte: 5, lt: 5"), "[0].range: holds nothing: 'gte' (5) must be below 'lt' (5)"),
        (LONG.replace("600000", "PT10M"), "[0].range.gte: must be a number of milliseconds, such as 600000"),
        (LONG.replace("600000", "true"), "[0].range.gte: must be a number of milliseconds, such as 600000"),
        (LONG.replace("600000", "-1"), "[0].range.gte: must be a number of milliseconds, such as 600000"),
        (LONG.replace("gte", "gt"), "[0].range.gt: unknown key 'gt'"),
        (LONG.replace(", range: {gte: 600000}", ""), "[0]: 'range' is missing"),
        ("long_calls", "[0]: must be keys with values, not text ('long_calls')"),
        (", ".join(LONG.replace("long", f"long{number}") for number in range(11)),
         ": holds 11 views, and a query takes at most 10"),
    ],
)  # fmt: skip
def test_a_wrong_view_is_told(problems, view, problem):
    (found,) = problems(with_views(view))
    assert found.split(": ", 1)[1] == f"source.views{problem}"


def test_a_view_is_not_named_like_a_dimension_only_the_service_knows(problems):
    text = with_views(LONG.replace("long_calls", "weather")).replace("queueId", "weather")
    (found,) = problems(text)
    assert found.endswith("source.views[0].name: 'weather' is a name the records have already; give another")


def test_everything_wrong_with_a_view_is_told_at_once(problems):
    view = "{target: tHandel, name: start, function: rangeBound, range: {gte: 9, lt: 1}}"
    assert len(problems(with_views(view, LONG.replace("600000", "never")))) == 4


def test_ten_views_are_allowed_and_a_bound_may_be_a_fraction(read):
    views = [LONG.replace("long", f"long{number}").replace("600000", "0.5") for number in range(10)]
    assert len(read(with_views(*views)).source.views) == 10


@pytest.mark.parametrize("field", ["Long__c: long_calls", "Long__c: long_cals.count", "Long__c: long_calls.cuont"])
def test_a_path_to_a_view_is_checked_like_one_to_a_metric(problems, field):
    told = {
        "Long__c: long_calls": "'long_calls' holds statistics; name one: long_calls.max, long_calls.min, "
        "long_calls.count, long_calls.sum",
        "Long__c: long_cals.count": "unknown metric 'long_cals'; did you mean 'long_calls'?",
        "Long__c: long_calls.cuont": "unknown statistic 'cuont' of long_calls; did you mean 'count'?",
    }
    (found,) = problems(with_views(LONG, field=field))
    assert found.endswith(told[field])


@pytest.mark.parametrize("query", ["conversations.details", "conversations.summary", "users.aggregates"])
def test_other_queries_take_no_views(problems, query):
    found = problems(with_views(LONG).replace("conversations.aggregates", query))
    told = [one.split(": ", 1)[1] for one in found if "views" in one]
    assert told == [f"source.views: 'views' is not for {query}"]


def test_views_are_part_of_what_is_read_and_their_order_is_not(read):
    short = LONG.replace("long_calls", "short_calls").replace("gte", "lt")
    bare, one, both, turned = (
        fingerprints(read(text))
        for text in (with_fields(QUEUES), with_views(LONG), with_views(LONG, short), with_views(short, LONG))
    )
    assert both == turned
    assert len({bare.source, one.source, both.source}) == 3
    assert (bare.fields, bare.keys) == (both.fields, both.keys)
