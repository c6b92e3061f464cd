"""Endpoints described in place: each dialect of listing conversations, in each trouble, gives every true row or a gap.

`pytest -s` prints what was delivered, at how many calls, for each dialect and trouble.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import DAY, Lab, at, conversation

from connector.sandbox.faults import Rule

FOLDER = Path(__file__).with_name("dialects")
DETAILS = ("page_body", "page_query", "next_page_header", "cursor_after")
CHAINS = ("next_page_header", "cursor_after")
DIALECTS = (*DETAILS, "page_count_header")
END = at(48)


def rule(action: str, arguments: dict[str, Any] | None = None, **where: Any) -> Rule:
    return Rule(action, arguments or {}, service="genesys", path="/dialects/", **where)


def counts(value: Any, by: int = 2) -> tuple[Rule, ...]:
    return tuple(rule(name, {"value": value, "by": by}) for name in ("page_count", "header_page_count"))


REFUSED = {"code": 400, "json": {"message": "the cursor is gone", "code": "invalid.value", "status": 400}}
GONE = {"code": 404, "json": {"message": "no such cursor", "code": "not.found", "status": 404}}
HEALED = {
    "none": (),
    "page counts too low": counts("stale_low"),
    "page counts too low, page 2 empty once": (*counts("stale_low"), rule("empty_page", nth=2)),
    "page counts too high": counts("stale_high"),
    "page counts null": counts(None),
    "page counts missing": counts("missing"),
    "page counts always 1": counts(1),
    "total too low": (rule("total", {"value": "stale_low", "by": 2}),),
    "total too high": (rule("total", {"value": "stale_high", "by": 2}),),
    "total null": (rule("total", {"value": None}),),
    "page 1 empty once": (rule("empty_page", nth=1),),
    "page 2 empty once": (rule("empty_page", nth=2),),
    "page 2 without its list once": (rule("empty_missing_list", nth=2),),
    "page 2 null once": (rule("null_list", nth=2),),
    "page 2 short": (rule("short_page", {"rows": 1}, nth=2),),
    "page 1 comes as page 2 once": (rule("repeat_previous_page", nth=2),),
    "page 2 without an answer once": (rule("status", {"code": 504}, nth=2),),
}
HEALED_BY_HALVES = {"page 2 refused once": (rule("status", REFUSED, nth=2),)}
HEALED_CHAINS = {
    "a cursor repeats once": (rule("repeat_cursor", nth=2),),
    "a cursor is hidden once": (rule("hide_cursor", nth=2),),
    "a cursor is unknown once": (rule("status", GONE, nth=3),),
    "every chain is cut after page 1": (rule("cut_chain", {"rows": 3}),),
}
HEALED_WITH_TOTAL = {
    "every chain is cut inside page 2": (rule("cut_chain", {"rows": 4}),),
}
LASTING = {
    "page_body": ("page 2 is empty", (rule("empty_page", page=2),)),
    "page_query": ("page 2 is empty", (rule("empty_page", page=2),)),
    "page_count_header": ("page 2 is empty", (rule("empty_page", page=2),)),
    "next_page_header": ("every cursor repeats", (rule("repeat_cursor"),)),
    "cursor_after": ("every chain is cut after page 1", (rule("cut_chain", {"rows": 3}),)),
}
CASES = [
    *((dialect, trouble) for dialect in DIALECTS for trouble in HEALED),
    *((dialect, trouble) for dialect in DETAILS for trouble in HEALED_BY_HALVES),
    *((dialect, trouble) for dialect in CHAINS for trouble in HEALED_CHAINS),
    ("cursor_after", "every chain is cut inside page 2"),
]


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str, int, int, int, int, int]]]:
    """Dialect, trouble, rows delivered, rows that are true, calls, exit code, open gaps."""
    found: list[tuple[str, str, int, int, int, int, int]] = []
    yield found
    print(f"\n{'dialect':18} {'trouble':40} {'rows':>9} {'calls':>6} {'exit':>5} {'gaps':>5}")
    for dialect, trouble, rows, true, calls, code, gaps in found:
        print(f"{dialect:18} {trouble:40} {rows:>4} of{true:>2} {calls:>6} {code:>5} {gaps:>5}")


def made(make_lab: Any, dialect: str, rules: tuple[Rule, ...]) -> Lab:
    """Two days of conversations and a stream that reads them in a dialect."""
    lab: Lab = make_lab(now=at(48.25), rules=rules)
    for number in range(15):
        media, queue = ("voice", "chat", "email")[number % 3], f"q{number % 4}"
        lab.world.add(conversation(f"c{number:02}", at(1 + number * 3.2), media=media, queue=queue))
    lab.write_mapping((FOLDER / f"{dialect}.yml").read_text(), dialect)
    return lab


def truth(lab: Lab, dialect: str) -> dict[str, tuple[Any, ...]]:
    shown = lab.world.conversations_at(lab.clock.now(), DAY, END)
    if dialect in DETAILS:
        return {
            one["conversationId"]: (_second(one["conversationStart"]), _second(one["conversationEnd"])) for one in shown
        }
    groups = Counter(
        (
            one["participants"][0]["sessions"][0]["mediaType"],
            one["participants"][1]["sessions"][0]["segments"][0]["queueId"],
            one["conversationStart"][:10],
        )
        for one in shown
    )
    return {
        f"{medium}|{queue}|{day}T00:00:00Z": (medium, queue, count) for (medium, queue, day), count in groups.items()
    }


def delivered(lab: Lab, dialect: str) -> dict[str, tuple[Any, ...]]:
    if dialect in DETAILS:
        return {key: (row["Started__c"], row["Ended__c"]) for key, row in lab.rows().items()}
    rows = lab.salesforce.rows("Conversation_Summary__c")
    return {key: (row["Medium__c"], row["Queue_Id__c"], row["Conversations__c"]) for key, row in rows.items()}


def _second(text: str) -> str:
    return f"{text[:19]}Z"


def run(lab: Lab, dialect: str, trouble: str, table: Any) -> tuple[int, dict[str, tuple[Any, ...]], list[str]]:
    """One run: exit code, rows in the org, reasons of open gaps."""
    result = lab.sync()
    rows = delivered(lab, dialect)
    gaps = [gap["reason"] for gap in lab.table("gaps") if gap["closed"] is None]
    calls = sum("/dialects/" in call.path for call in lab.genesys.calls)
    table.append((dialect, trouble, len(rows), len(truth(lab, dialect)), calls, result.exit_code, len(gaps)))
    return result.exit_code, rows, gaps


@pytest.mark.parametrize(("dialect", "trouble"), CASES)
def test_every_true_row_of_every_dialect_arrives_in_any_trouble_that_passes(make_lab, table, dialect, trouble):
    lab = made(make_lab, dialect, {**HEALED, **HEALED_CHAINS, **HEALED_BY_HALVES, **HEALED_WITH_TOTAL}[trouble])
    assert run(lab, dialect, trouble, table) == (0, truth(lab, dialect), [])
    assert lab.sync().books.created == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_dialect_never_gives_is_a_gap_and_exit_1(make_lab, table, dialect):
    """Seven conversations begin in one minute, which has no halves."""
    trouble, rules = LASTING[dialect]
    lab = made(make_lab, dialect, rules)
    for number in range(7):
        lab.world.add(
            conversation(f"b{number}", at(30.001), media=("voice", "chat", "email")[number % 3], queue=f"q{number}")
        )
    code, rows, gaps = run(lab, dialect, f"{trouble}, for ever", table)
    assert code == 1
    assert len(gaps) >= 1
    assert rows.items() < truth(lab, dialect).items()
    lab.faults.change()
    lab.clock.advance(60)
    assert (lab.sync().exit_code, delivered(lab, dialect)) == (0, truth(lab, dialect))


def test_a_refused_page_of_a_cell_is_a_gap_and_the_next_run_reads_it(make_lab, table):
    """A cell has no halves; that page 1 was taken shows that the query is right."""
    lab = made(make_lab, "page_count_header", HEALED_BY_HALVES["page 2 refused once"])
    code, _, gaps = run(lab, "page_count_header", "page 2 refused once", table)
    assert (code, gaps) == (1, ["page 2 is refused although page 1 is not"])
    assert (lab.sync().exit_code, delivered(lab, "page_count_header")) == (0, truth(lab, "page_count_header"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_lost_or_doubled_when_a_run_is_killed_after_any_commit(make_lab, dialect):
    """Each round kills one commit later, with the first cursor of the next run refused every other time."""
    for after in range(1, 40):
        lab = made(make_lab, dialect, ())
        was_killed = lab.killed_at(after, calls=False) >= after
        if was_killed and after % 2 and dialect in CHAINS:
            lab.faults.change(rule("status", REFUSED, nth=2))
        result = lab.sync()
        assert (result.exit_code, delivered(lab, dialect)) == (0, truth(lab, dialect)), after
        assert lab.table("outbox") == []
        assert {one["state"] for one in lab.table("passes")} <= {"settled", "split"}
        if not was_killed:
            return
    raise AssertionError("the run never came to its end")
