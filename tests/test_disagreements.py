"""What a service states and what it gives differ: every true row arrives, or a gap says that one may be missing.

`pytest -s` prints, for each disagreement, what one run delivered at how many calls.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from lab import DAY, MAPPING, Lab, at, conversation

from connector.sandbox.faults import Rule
from connector.spans import stamp

END = at(72)
BY_QUERY = MAPPING.replace("conversations.details}", "conversations.details, via: query, page_size: 10}")
BY_JOB = MAPPING.replace("conversations.details}", "conversations.details, via: job, page_size: 10}")
DOUBTED = BY_QUERY.replace("size: P1D", "size: P3D")
"""Spans of three days, which have halves to ask."""

SUMMARY = """
about: conversations for tests
source:
  query: conversations.summary
  group_by: ["conversation:queue"]
  metrics: ["conversation:count"]
  page_size: 2
window: {start: 2026-03-02, size: P1D, settle: PT15M, timezone: UTC}
target: {object: Conversation_Summary__c, external_id: Summary_Key__c}
fields:
  Summary_Key__c: {key: [start, "conversation:queue"]}
  Day__c: start
  Queue_Id__c: conversation:queue
  Conversations__c: conversation:count
"""


class Found(NamedTuple):
    """What a run made of a disagreement."""

    case: str
    source: str
    rows: int
    true: int
    calls: int
    exit_code: int
    gaps: int


def rule(action: str, path: str = "/details/query", arguments: dict[str, Any] | None = None, **where: Any) -> Rule:
    return Rule(action, arguments or {}, service="genesys", path=path, **where)


def total(value: Any, by: int = 3) -> Rule:
    return rule("total", arguments={"value": value, "by": by})


RESULTS = "/details/jobs/[^/]+/results"
COUNTS = "/summary/queries"


def summary_counts(value: Any, by: int = 1, *, body: bool = True) -> tuple[Rule, ...]:
    """Page counts of the body and the header, or of the header alone, with no total that could overrule them."""
    names = ("page_count", "header_page_count") if body else ("header_page_count",)
    return (
        rule("total", COUNTS, {"value": "missing"}),
        *(rule(name, COUNTS, {"value": value, "by": by}) for name in names),
    )


CASES: dict[str, tuple[str, tuple[Rule, ...], bool]] = {
    # mapping, rules, whether gaps are left; without any every row is there and the run ends with 0
    "a page is short": (BY_QUERY, (rule("short_page", arguments={"rows": 4}, page=2),), False),
    "a page is empty once": (BY_QUERY, (rule("empty_page", page=2, times=1),), False),
    "a page has no list once": (BY_QUERY, (rule("empty_missing_list", page=2, times=1),), False),
    "a page is empty for good": (BY_QUERY, (rule("empty_page", page=2),), True),
    "a page is empty for good, spans with halves": (DOUBTED, (rule("empty_page", page=2),), True),
    "the total is too low": (BY_QUERY, (total("stale_low"),), False),
    "the total is too high": (BY_QUERY, (total("stale_high"),), True),
    "the total is too high once": (
        BY_QUERY,
        (rule("total", arguments={"value": "stale_high", "by": 3}, nth=1),),
        False,
    ),
    "the total of three days is too high, of one right": (
        DOUBTED,
        (rule("total", arguments={"value": "stale_high", "by": 3}, times=8),),
        False,
    ),
    "the total is null": (BY_QUERY, (total(None),), False),
    "the total is missing": (BY_QUERY, (total("missing"),), False),
    "the total stays at 10, as if cut": (BY_QUERY, (total(10),), False),
    "the total moves while pages are read": (
        BY_QUERY,
        (rule("total", arguments={"value": "stale_high", "by": 2}, page=1), total("stale_low")),
        False,
    ),
    "a page comes twice": (BY_QUERY, (rule("repeat_previous_page", page=2, times=1),), False),
    "a page comes twice for good": (BY_QUERY, (rule("repeat_previous_page", page=2),), True),
    "rows shift down between pages": (BY_QUERY, (rule("shift", arguments={"rows": 2}, page=[2, 3, 4]),), False),
    "rows shift up between pages": (BY_QUERY, (rule("shift", arguments={"rows": -2}, page=[2, 3]),), True),
    "rows are left out of a page": (BY_QUERY, (rule("drop_rows", arguments={"rows": 1}, page=2),), True),
    "a cursor repeats once": (BY_JOB, (rule("repeat_cursor", RESULTS, nth=2),), False),
    "a cursor repeats for good": (BY_JOB, (rule("repeat_cursor", RESULTS),), True),
    "an empty page has a cursor": (BY_JOB, (rule("empty_page", RESULTS, nth=2),), False),
    "the last cursor is hidden once": (BY_JOB, (rule("hide_cursor", RESULTS, nth=2),), False),
    "page counts are too low": (SUMMARY, summary_counts("stale_low"), False),
    "page counts are too high": (SUMMARY, summary_counts("stale_high"), False),
    "page counts are null": (SUMMARY, summary_counts(None), False),
    "the header's page count is wrong": (SUMMARY, summary_counts("stale_low", body=False), False),
    "the page count says 1, a page is empty once": (
        SUMMARY,
        (*summary_counts(1), rule("empty_page", COUNTS, page=2, times=1)),
        False,
    ),
}


@pytest.fixture(scope="module")
def table() -> Iterator[list[Found]]:
    found: list[Found] = []
    yield found
    print(f"\n{'disagreement':52} {'read by':9} {'rows':>10} {'calls':>6} {'exit':>5} {'gaps':>5}")
    for one in found:
        rows = f"{one.rows} of {one.true}"
        print(f"{one.case:52} {one.source:9} {rows:>10} {one.calls:>6} {one.exit_code:>5} {one.gaps:>5}")


def delivered(lab: Lab, mapping: str) -> set[str]:
    return set(lab.salesforce.rows("Conversation_Summary__c" if mapping is SUMMARY else "Conversation__c"))


def truth(lab: Lab, mapping: str) -> set[str]:
    shown = lab.world.conversations_at(lab.clock.now(), DAY, END)
    if mapping is not SUMMARY:
        return {one["conversationId"] for one in shown}
    queues = {
        (one["participants"][1]["sessions"][0]["segments"][0]["queueId"], one["conversationStart"][:10])
        for one in shown
    }
    return {f"{day}T00:00:00Z|{queue}" for queue, day in queues}


@pytest.mark.parametrize("case", CASES)
def test_every_true_row_arrives_or_a_gap_says_that_one_may_be_missing(make_lab, table, case):
    mapping, rules, is_gap = CASES[case]
    lab: Lab = make_lab(now=at(72.25) if mapping is not BY_JOB else at(110), rules=rules)
    for number in range(75):
        lab.world.add(conversation(f"c{number:02}", at(0.4 + number * 0.95), queue=f"q{number % 7}"))
    lab.write_mapping(mapping)
    result = lab.sync()
    rows, true, open_gaps = delivered(lab, mapping), truth(lab, mapping), _open_gaps(lab)
    calls = sum(bool(re.search("/details/|/summary/", call.path)) for call in lab.genesys.calls)
    source = {BY_JOB: "job", SUMMARY: "summary"}.get(mapping, "query")
    table.append(Found(case, source, len(rows), len(true), calls, result.exit_code, open_gaps))
    assert (result.exit_code, open_gaps > 0) == (int(is_gap), is_gap)
    assert rows <= true if is_gap else rows == true
    lab.faults.change()
    lab.clock.advance(60)
    lab.sync()
    assert (delivered(lab, mapping), _open_gaps(lab)) == (true, 0)


def _open_gaps(lab: Lab) -> int:
    return sum(gap["closed"] is None for gap in lab.table("gaps"))


@pytest.mark.parametrize(
    ("rules", "open_after", "closed_by"),
    [
        ((total("stale_high"),), (1, 0, 0), "a day later the same records were all there were"),
        (
            (rule("empty_page", page=2),),
            (1, 1, 0),
            "a week later the same records were all there were, with a hole in their middle",
        ),
    ],
)
def test_a_count_that_stays_wrong_is_disbelieved_after_a_day_a_hole_after_a_week(
    make_lab, rules, open_after, closed_by
):
    lab: Lab = make_lab(now=at(24.25), rules=rules)
    for number in range(25):
        lab.world.add(conversation(f"c{number:02}", at(0.4 + number * 0.9)))
    lab.write_mapping(BY_QUERY)
    is_open = []
    for wait in (timedelta(), timedelta(hours=25), timedelta(days=6)):
        lab.clock.advance(wait.total_seconds())
        lab.sync()
        (gap,) = [one for one in lab.table("gaps") if one["start"] == stamp(DAY)]
        is_open.append(int(gap["closed"] is None))
    assert (tuple(is_open), gap["closed_by"]) == (open_after, closed_by)
