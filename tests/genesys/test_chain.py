"""What the pages of a chain mean, told on lists served by honest and by lying services."""

from collections.abc import Callable, Iterable

import pytest

from connector.genesys.chain import judge_chain
from connector.genesys.judge import AskAgain, Complete, Disagree, GoOn, Page, Seen, Step, Witnesses

SIZE = 10
Serve = Callable[[int, int], tuple[Iterable[int], int | None, int | None]]
"""Page its cursor leads to and how often it was asked before -> record keys, page the next cursor leads to, total."""


def read(serve: Serve, max_pages: int = 50, size: int = SIZE) -> tuple[Step, set[int], int]:
    """Read a chain to the judge's last word: the word, the distinct keys kept, the calls made."""
    seen, number, at, kept, calls, asked, known = Seen(), 1, 1, set[int](), 0, dict[int, int](), set[int]()
    while calls < 300:
        keys, following, total = serve(at, asked.get(at, 0))
        asked[at] = asked.get(at, 0) + 1
        calls += 1
        keys = list(keys)
        page = Page(
            number, [{"id": key} for key in keys], str(keys), size, Witnesses(total), next=following and str(following)
        )
        is_known = following in known or (number > 1 and following == at)
        step, seen = judge_chain(seen, page, len(kept | set(keys)), max_pages, is_known_cursor=is_known)
        if isinstance(step, AskAgain):
            continue
        kept |= set(keys)
        if number > 1:
            known.add(at)
        if not isinstance(step, GoOn):
            return step, kept, calls
        assert following is not None
        number, at = step.number, following
    raise AssertionError("the judge never came to an end")


def rows(page: int, of: int) -> range:
    return range(min((page - 1) * SIZE, of), min(page * SIZE, of))


def following(page: int, of: int) -> int | None:
    return page + 1 if page * SIZE < of else None


def honest(of: int, total: int | None = None) -> Serve:
    return lambda page, asked: (rows(page, of), following(page, of), total)


@pytest.mark.parametrize(("of", "total", "calls"), [(25, 25, 3), (25, None, 3), (20, 20, 2), (0, 0, 1), (25, 20, 3)])
def test_a_chain_ends_where_its_cursor_is_missing(of, total, calls):
    assert read(honest(of, total)) == (Complete(), set(range(of)), calls)


def test_an_empty_chain_without_a_count_is_asked_twice():
    assert read(honest(0)) == (Complete(), set(), 2)


def test_a_full_last_page_without_a_count_is_a_hint_that_something_is_missing():
    step, kept, calls = read(honest(20))
    reason = "page 2 is full and the last, and nothing is counted"
    assert (step, kept, calls) == (Disagree(reason, at_end=True, is_hint=True), set(range(20)), 3)


def test_where_nobody_knows_what_a_full_page_is_the_end_is_asked_for_twice():
    assert read(honest(25), size=0) == (Complete(), set(range(25)), 4)


def test_an_empty_page_with_a_cursor_goes_on():
    """Sparse filters: nothing on pages 2 to 5."""

    def serve(page, asked):
        return (() if 2 <= page <= 5 else rows(page, 65)), following(page, 65), 25

    assert read(serve) == (Complete(), set(range(10)) | set(range(50, 65)), 8)


def test_a_page_empty_once_loses_nothing_with_or_without_its_cursor():
    for lost in (2, 3):
        for keeps_cursor in (True, False):

            def serve(page, asked, lost=lost, keeps_cursor=keeps_cursor):
                if page == lost and not asked:
                    return (), following(page, 25) if keeps_cursor else None, None
                return rows(page, 25), following(page, 25), None

            assert read(serve) == (Complete(), set(range(25)), 4)


def test_a_total_never_reached_is_a_disagreement_after_a_second_look():
    step = Disagree("60 records promised, 25 given", 60, at_end=True)
    assert read(honest(25, 60)) == (step, set(range(25)), 4)


def test_a_cursor_lost_once_is_found_again():
    def serve(page, asked):
        return rows(page, 45), None if page == 2 and not asked else following(page, 45), 45

    assert read(serve) == (Complete(), set(range(45)), 6)


def test_a_cursor_met_before_is_a_loop_after_a_second_look():
    for back_to in (2, 3):
        step, kept, calls = read(lambda page, asked, to=back_to: (rows(page, 45), to if page == 3 else page + 1, 45))
        reason = "page 3 leads back to a cursor met before"
        assert (step, kept, calls) == (Disagree(reason, 45, is_loop=True), set(range(30)), 4)


def test_a_cursor_repeated_once_costs_one_call():
    def serve(page, asked):
        return rows(page, 45), page if page == 3 and not asked else following(page, 45), 45

    assert read(serve) == (Complete(), set(range(45)), 6)


def test_a_page_given_for_another_once_is_asked_again():
    def serve(page, asked):
        return rows(2 if page == 3 and not asked else page, 45), following(page, 45), None

    assert read(serve) == (Complete(), set(range(45)), 6)


def test_three_equal_pages_in_a_row_are_a_loop():
    step, kept, calls = read(lambda page, asked: (range(10), page + 1, 45))
    reason = "page 3 is the third in a row with the same records"
    assert (step, kept, calls) == (Disagree(reason, is_loop=True), set(range(10)), 4)


def test_a_chain_that_never_ends_is_a_loop():
    step, _, _ = read(lambda page, asked: (range(page * SIZE, page * SIZE + SIZE), page + 1, None), max_pages=5)
    assert step == Disagree("more than 5 pages (max_pages)", None, is_loop=True)


def test_the_last_kept_page_read_again_leads_on_and_is_no_equal_page():
    first = Page(1, [{"id": 1}], "d", 1, Witnesses(2), next="c2")
    step, seen = judge_chain(Seen(), first, 1, 50, is_known_cursor=False)
    assert judge_chain(seen, first, 1, 50, is_known_cursor=False) == (step, seen)
