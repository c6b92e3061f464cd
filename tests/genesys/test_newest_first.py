"""Part of a day read newest first: told whole only when it was, whatever the list does while it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import DAY

from connector.genesys.judge import AskAgain, Complete, GoOn, Page, Seen, Step, Witnesses
from connector.genesys.newest_first import Begun, Doubt, is_worth_it, judge_newest, pages_left
from connector.spans import Span, stamp

SIZE = 10
START, END = 100, 160
"""The span, in minutes of the day."""


def at(minute: float) -> str:
    return stamp(DAY + timedelta(minutes=minute))


@dataclass
class Answer:
    """One page as served: minutes at which records began, each a record of its own, and the total stated."""

    begun: Sequence[float]
    total: int | None


Meddle = Callable[[int, int, Answer], Answer]
"""Page number, how often it was asked before, and the honest answer -> what is answered."""


def honest(number: int, asked: int, answer: Answer) -> Answer:
    return answer


Move = Callable[[int], int]
"""Calls made -> how many records begin before the next one; -1: the newest leaves the list instead."""


def still(calls: int) -> int:
    return 0


def read(minutes: Sequence[float], meddle: Meddle = honest, move: Move = still) -> tuple[Step | Doubt, set[float], int]:
    """Read a list newest first to the last word: the word, the records kept, the calls made."""
    listed = sorted(minutes, reverse=True)
    seen, number, kept, calls, asked = Seen(lowest=""), 1, set[float](), 0, dict[int, int]()
    while calls < 200:
        honest_page = Answer(listed[(number - 1) * SIZE : number * SIZE], len(listed))
        answer = meddle(number, asked.get(number, 0), honest_page)
        asked[number] = asked.get(number, 0) + 1
        calls += 1
        page = Page(
            number,
            [{"began": minute} for minute in answer.begun],
            str(list(answer.begun)),
            SIZE,
            Witnesses(answer.total),
        )
        begun = [Begun(at(minute), minute in kept) for minute in answer.begun]
        distinct = len(kept | set(answer.begun))
        step, seen = judge_newest(seen, page, begun, at(START), distinct, 50)
        if not isinstance(step, AskAgain | Doubt):
            kept |= set(answer.begun)
        match step:
            case GoOn(following) | AskAgain(following, _):
                number = following
            case _:
                return step, kept, calls
        moved = move(calls)
        newest = max(*listed, 180.0) if listed else 180.0
        listed = listed[1:] if moved < 0 else [newest + one + 1 for one in range(moved)][::-1] + listed
    raise AssertionError("it never came to an end")


DAYLONG = [float(minute) for minute in range(0, 180)]
"""One a minute: 20 behind the span, 60 in it, 100 before it."""
PAGE_3 = DAYLONG[-21:-31:-1]


def inside(minutes: Sequence[float]) -> set[float]:
    return {minute for minute in minutes if START <= minute < END}


def test_it_stops_at_the_first_page_that_passes_the_start():
    assert read(DAYLONG) == (Complete(), {float(minute) for minute in range(90, 180)}, 9)


def test_a_span_whose_last_record_ends_a_page_asks_for_one_page_more():
    assert read(DAYLONG[10:])[::2] == (Complete(), 9)
    assert read([*DAYLONG[:100], *DAYLONG[101:]])[::2] == (Complete(), 8)


@pytest.mark.parametrize("growth", [1, 3, 6])
def test_conversations_that_begin_meanwhile_shift_the_list_and_nothing_is_missed(growth: int):
    word, kept, _ = read(DAYLONG, move=lambda calls: growth)
    assert (word, inside(DAYLONG) - kept) == (Complete(), set())


@pytest.mark.parametrize("growth", [0, 1, 3])
def test_a_list_that_ends_before_the_start_is_passed_is_weighed_by_its_first_total(growth: int):
    """The first conversation of a working day: what is counted later began meanwhile."""
    word, kept, _ = read(DAYLONG[110:], move=lambda calls: growth)
    assert (word, inside(DAYLONG[110:]) - kept) == (Complete(), set())


def test_days_without_records_are_whole_at_once():
    assert read([]) == (Complete(), set(), 1)


def altered(page: int, times: int, change: Callable[[Answer], Answer]) -> Meddle:
    return lambda number, asked, answer: change(answer) if number == page and asked < times else answer


def test_a_page_empty_once_is_asked_again():
    word, kept, calls = read(DAYLONG, altered(4, 1, lambda answer: Answer((), answer.total)))
    assert (word, inside(DAYLONG) - kept, calls) == (Complete(), set(), 10)


def test_a_page_given_twice_once_is_asked_again():
    word, kept, calls = read(DAYLONG, altered(4, 1, lambda answer: Answer(PAGE_3, answer.total)))
    assert (word, inside(DAYLONG) - kept, calls) == (Complete(), set(), 10)


ALWAYS = 99
DOUBTS: dict[str, tuple[Meddle, str]] = {
    "oldest first": (
        lambda number, _, answer: Answer(DAYLONG[(number - 1) * SIZE : number * SIZE], 180),
        "page 1 is not newest first",
    ),
    "an order that breaks inside a page": (
        altered(5, ALWAYS, lambda answer: Answer([*answer.begun[1:], answer.begun[0]], answer.total)),
        "page 5 is not newest first",
    ),
    "a page that goes back": (
        altered(5, ALWAYS, lambda answer: Answer([minute + 15.5 for minute in answer.begun], answer.total)),
        "page 5 goes back behind what the pages before gave",
    ),
    "a page empty for good": (
        altered(4, ALWAYS, lambda answer: Answer((), answer.total)),
        "page 4 stays empty",
    ),
    "a page that lacks records": (
        altered(4, ALWAYS, lambda answer: Answer(answer.begun[2:], answer.total)),
        "38 records up to page 4, where 40 have their places",
    ),
    "a page twice for good": (
        altered(4, ALWAYS, lambda answer: Answer(PAGE_3, answer.total)),
        "30 records up to page 4, where 40 have their places",
    ),
    "one page for ever": (
        lambda number, _, answer: Answer(DAYLONG[:-11:-1], answer.total),
        "10 records up to page 2, where 20 have their places",
    ),
    "a count that is missing": (
        altered(4, ALWAYS, lambda answer: Answer(answer.begun, None)),
        "page 4 does not say how many records there are",
    ),
}


@pytest.mark.parametrize("trouble", sorted(DOUBTS))
def test_what_looks_wrong_is_a_doubt(trouble: str):
    meddle, reason = DOUBTS[trouble]
    assert read(DAYLONG, meddle)[0] == Doubt(reason)


def test_a_page_answered_out_of_turn_is_asked_again():
    """As the list was before two conversations began, which page 3 showed already."""
    word, kept, calls = read(
        DAYLONG,
        altered(4, 1, lambda answer: Answer(DAYLONG[-31:-41:-1], 180)),
        lambda calls: 2 if calls == 2 else 0,
    )
    assert (word, inside(DAYLONG) - kept, calls) == (Complete(), set(), 10)


def test_what_leaves_the_list_draws_others_past_so_a_total_that_falls_is_a_doubt():
    moves = {1: 3, 3: -1}
    word, *_ = read(DAYLONG, move=lambda calls: moves.get(calls, 0))
    assert word == Doubt("the total fell from 183 to 182")


def test_pages_that_lag_behind_and_then_catch_up_pass_over_what_only_the_sum_shows():
    """Pages 3 to 5 show the page before, which has changed meanwhile, so that none equals another; page 6 does not."""

    def lag(number: int, asked: int, answer: Answer) -> Answer:
        newest_first = sorted({*DAYLONG, *answer.begun}, reverse=True)
        here = newest_first.index(answer.begun[0]) - SIZE
        return Answer(newest_first[here : here + SIZE], answer.total) if number in (3, 4, 5) else answer

    word, *_ = read(DAYLONG, lag, lambda calls: int(calls == 3))
    assert word == Doubt("20 records up to page 3, where 29 have their places")


def test_more_pages_than_allowed_are_a_doubt():
    word, _, calls = read([START + minute / 100 for minute in range(600)])
    assert (word, calls) == (Doubt("more than 50 pages (max_pages)"), 50)


def test_records_that_do_not_say_when_they_began_are_a_doubt():
    page = Page(1, [{}], "x", SIZE, Witnesses(1))
    step, _ = judge_newest(Seen(lowest=""), page, [Begun("", False)], at(START), 1, 50)
    assert step == Doubt("page 1 holds a record that does not say when it began")


def test_records_of_one_second_show_no_order():
    """A service that ignores it would give just such a page first."""
    page = Page(1, [{}] * SIZE, "x", SIZE, Witnesses(90))
    step, _ = judge_newest(Seen(lowest=""), page, [Begun(at(3), False)] * SIZE, at(START), SIZE, 50)
    assert step == GoOn(2)


TROUBLES = ("fine", "empty", "missing rows", "page before", "asc", "unordered", "total low", "no total")


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(data=st.data(), minutes=st.sets(st.integers(0, 180), max_size=120))
def test_whatever_happens_it_is_told_whole_only_when_nothing_of_the_span_is_missing(
    data: st.DataObject, minutes: set[int]
):
    """Troubles meet some pages, at their first asking or always; between calls records begin, or one leaves."""
    listed = sorted(map(float, minutes), reverse=True)
    trouble = data.draw(st.sampled_from(TROUBLES))
    pages = data.draw(st.sets(st.integers(1, 6)))
    times = data.draw(st.sampled_from([1, 2, ALWAYS]))
    # What leaves is told by the total alone.
    leaving = [] if "total" in trouble else [-1]
    moves = data.draw(st.lists(st.sampled_from([0, 0, 1, 4, 12, *leaving]), max_size=12))

    def meddle(number: int, asked: int, answer: Answer) -> Answer:
        here = slice((number - 1) * SIZE, number * SIZE)
        if trouble == "asc":
            return Answer(listed[::-1][here], len(listed))
        if trouble == "unordered":
            return Answer(sorted(listed, key=lambda minute: (minute * 7) % 11)[here], len(listed))
        if trouble == "no total":
            return Answer(answer.begun, None)
        if number not in pages or asked >= times:
            return answer
        match trouble:
            case "empty":
                return Answer((), answer.total)
            case "missing rows":
                return Answer(answer.begun[data.draw(st.integers(0, 3)) :], answer.total)
            case "page before" if number > 1:
                return Answer(listed[(number - 2) * SIZE : (number - 1) * SIZE], answer.total)
            case "total low":
                return Answer(answer.begun, max(0, (answer.total or 0) - 7))
        return answer

    word, kept, _ = read(listed, meddle, lambda calls: moves[calls - 1] if calls <= len(moves) else 0)
    if isinstance(word, Complete):
        assert inside(listed) - kept == set()
    else:
        assert isinstance(word, Doubt)
        assert trouble != "fine" or -1 in moves or 12 in moves


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "hours", "page_size", "expected"),
    [
        (7, 6, 100, True),
        (23, 2, 100, True),
        (0, 6, 100, False),
        (24, 1, 100, False),
        (7, 24, 100, False),
        (7, 6, 9, False),
        (7, 6, 0, False),
    ],
)
def test_parts_of_days_that_begin_inside_of_one_are_read_so(start: float, hours: float, page_size: int, expected: bool):
    assert is_worth_it(Span(DAY + start * HOUR, DAY + (start + hours) * HOUR), page_size) is expected


def test_pages_are_read_ahead_about_to_the_start_of_the_span():
    start = DAY + 7 * HOUR
    assert [
        pages_left(DAY + first * HOUR, DAY + last * HOUR, start)
        for first, last in [(13, 12), (13, 9.5), (9, 8), (8, 7), (7.5, 6.9), (13, 13)]
    ] == [5, 1, 1, 1, 0, 21600]
