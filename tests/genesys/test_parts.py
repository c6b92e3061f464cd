"""Filters too long for one call: cut into parts that select the same, or refused."""

from typing import Any

import pytest

from connector.genesys.judge import AskAgain, Complete, GoOn, Page, Seen, Witnesses
from connector.genesys.parts import filter_of_all, judge_part, parts_of, split_filter
from connector.genesys.queries import InParts
from connector.spans import instant

RULE = InParts("userId", 3)
NOW = instant("2026-03-02T10:00:04Z")


def one_of(*ids: str, **more: Any) -> dict[str, Any]:
    """A list of ids joined by `or`."""
    predicates = [{"type": "dimension", "dimension": "userId", "operator": "matches", "value": one} for one in ids]
    return {"type": "or", "predicates": predicates, **more}


def short(*ids: str) -> dict[str, Any]:
    return {"type": "or", "predicates": [{"dimension": "userId", "value": one} for one in ids]}


@pytest.mark.parametrize("written", [one_of("a", "b", "c"), {"type": "and", "clauses": [short("a"), short("a", "b")]}])
def test_what_one_call_takes_is_sent_as_written(written):
    assert split_filter(written, RULE) == [written]


@pytest.mark.parametrize("kind", ["and", "or"])
def test_a_long_list_is_cut_where_it_stands(kind):
    assert split_filter(short(*"abcdefg"), RULE) == [short(*"abc"), short(*"def"), short("g")]
    inside = {"type": kind, "clauses": [one_of(*"abcd")]}
    assert split_filter(inside, RULE) == [
        {"type": kind, "clauses": [one_of(*"abc")]},
        {"type": kind, "clauses": [one_of("d")]},
    ]


def test_an_id_that_stands_twice_is_asked_for_once():
    assert split_filter(one_of(*"abcab"), RULE) == [one_of(*"abc")]


@pytest.mark.parametrize(
    "written",
    [
        {**one_of(*"abcd"), "type": "and"},
        {"type": "and", "clauses": [one_of(*"abcd"), one_of("a")]},
        {"type": "and", "clauses": [one_of(*"abcd")], "predicates": [{"dimension": "userId", "value": "a"}]},
        {"type": "or", "clauses": [{**one_of(*"abcd"), "type": "and"}]},
        one_of(*"abcd", clauses=[one_of("a")]),
        {"type": "or", "predicates": [*short(*"abc")["predicates"], {"dimension": "userId", "operator": "exists"}]},
        {"type": "or", "predicates": [*short(*"abcd")["predicates"], {"dimension": "mediaType", "value": "voice"}]},
        {"type": "or", "predicates": [*short(*"abcd")["predicates"], {"metric": "tTalk", "range": {"gt": 1}}]},
        {"type": "or", "predicates": {"one": short(*"abcd")["predicates"]}},
    ],
)
def test_a_long_filter_of_another_form_is_refused_with_the_form_that_works(written):
    with pytest.raises(ValueError, match=r"names \d times userId.*at most 3.*type: or, predicates"):
        split_filter(written, RULE)


def test_only_the_queries_of_the_catalogue_that_need_it_are_asked_in_parts():
    long = short(*(f"u{number}" for number in range(250)))
    assert [len(part["predicates"]) for part in parts_of(long, "users.aggregates") if part] == [100, 100, 50]
    assert parts_of(long, "conversations.aggregates") == [long]
    assert parts_of(None, "users.aggregates") == parts_of({}, "users.aggregates") == [None]


def test_the_filter_of_all_names_each_once():
    assert filter_of_all(["a", "b", "c", "d"], RULE) == [one_of("a", "b", "c"), one_of("d")]
    assert filter_of_all([], RULE) == []


def page(number: int, parts: int | None, records: int = 1, **more: Any) -> Page:
    return Page(number, [{}] * records, f"d{number}", 0, Witnesses(page_count=parts), **more)


def test_a_pass_is_whole_when_its_last_part_is_answered_be_it_empty():
    assert judge_part(Seen(), page(1, None)) == (Complete(), Seen())
    step, seen = judge_part(Seen(), page(1, 3))
    assert (step, seen) == (GoOn(2), Seen(Witnesses(page_count=3), last_number=1, last_digest="d1"))
    assert judge_part(seen, page(2, 3, records=0))[0] == GoOn(3)
    assert judge_part(seen, page(3, 3, records=0))[0] == Complete()


def test_nothing_at_all_about_now_is_asked_again_three_times_and_then_believed():
    steps, seen = [], Seen()
    for _ in range(4):
        step, seen = judge_part(seen, page(1, 2, records=0, taken=NOW))
        steps.append(step)
    assert steps == [AskAgain(1, 2.0), AskAgain(1, 5.0), AskAgain(1, 12.0), GoOn(2)]
    assert judge_part(seen, page(2, 2, records=0, taken=NOW))[0] == AskAgain(2, 2.0)
