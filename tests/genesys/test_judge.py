"""What the pages of a pass mean, told on lists served by honest and by lying services."""

from collections.abc import Callable, Iterable

from connector.genesys.judge import (
    AskAgain,
    Complete,
    Disagree,
    GoOn,
    LookAhead,
    Page,
    Seen,
    Step,
    Witnesses,
    judge,
)

SIZE = 10
Serve = Callable[[int, int], tuple[Iterable[int], Witnesses]]
"""Page number and how often it was asked before -> record keys and what the answer states."""


def read(serve: Serve, max_pages: int = 50) -> tuple[Step, set[int], int]:
    """Read a list to the judge's last word: the word, the distinct keys kept, the calls made."""
    seen, number, kept, calls, asked = Seen(), 1, set[int](), 0, dict[int, int]()
    while calls < 200:
        keys, witnesses = serve(number, asked.get(number, 0))
        asked[number] = asked.get(number, 0) + 1
        calls += 1
        keys = list(keys)
        page = Page(number, [{"id": key} for key in keys], str(keys), SIZE, witnesses)
        step, seen = judge(seen, page, len(kept | set(keys)), max_pages)
        if not isinstance(step, AskAgain):
            kept |= set(keys)
        match step:
            case GoOn(following) | LookAhead(following) | AskAgain(following, _):
                number = following
            case _:
                return step, kept, calls
    raise AssertionError("the judge never came to an end")


def rows(number: int, of: int) -> range:
    return range(min((number - 1) * SIZE, of), min(number * SIZE, of))


def test_a_list_whose_total_is_reached_is_complete_after_its_empty_page():
    outcome = read(lambda number, _: (rows(number, 25), Witnesses(total=25)))
    assert outcome == (Complete(), set(range(25)), 4)


def test_an_empty_list_that_says_so_is_complete_at_once():
    assert read(lambda number, _: ((), Witnesses(total=0))) == (Complete(), set(), 1)


def test_a_page_empty_once_in_the_middle_loses_nothing():
    def serve(number, asked):
        return (() if number == 2 and asked == 0 else rows(number, 45)), Witnesses(total=45)

    assert read(serve) == (Complete(), set(range(45)), 7)


def test_a_page_empty_once_loses_nothing_even_where_nothing_is_counted():
    def serve(number, asked):
        return (() if number == 2 and asked == 0 else rows(number, 45)), Witnesses()

    assert read(serve)[:2] == (Complete(), set(range(45)))


def test_a_page_empty_for_good_is_looked_past_and_told():
    def serve(number, _):
        return (() if number == 2 else rows(number, 45)), Witnesses(total=45)

    step, kept, _ = read(serve)
    assert (step, kept) == (
        Disagree("45 records promised, 35 given", 45, at_end=True),
        set(range(45)) - set(range(10, 20)),
    )


def test_a_page_empty_for_good_is_told_even_where_nothing_is_counted():
    def serve(number, _):
        return (() if number == 2 else rows(number, 45)), Witnesses()

    assert read(serve)[0] == Disagree("nothing on page 2, yet records on later pages", at_end=True)


def test_a_short_page_in_the_middle_is_only_a_hint():
    """Page 2 holds half of what it should; page 3 goes on where it left."""

    def serve(number, _):
        keys = list(range(45))
        pages = [keys[:10], keys[10:15], keys[15:25], keys[25:35], keys[35:45]]
        return (pages[number - 1] if number <= 5 else ()), Witnesses(total=45)

    assert read(serve)[:2] == (Complete(), set(range(45)))


def test_a_total_that_is_too_low_ends_nothing():
    assert read(lambda number, _: (rows(number, 45), Witnesses(total=20)))[:2] == (Complete(), set(range(45)))


def test_a_total_proven_too_low_says_nothing_about_an_empty_page():
    def serve(number, asked):
        return (() if number == 4 and asked == 0 else rows(number, 50)), Witnesses(total=20)

    assert read(serve)[:2] == (Complete(), set(range(50)))


def test_a_total_that_is_too_high_is_a_disagreement():
    assert read(lambda number, _: (rows(number, 45), Witnesses(total=60)))[0] == Disagree(
        "60 records promised, 45 given", 60, at_end=True
    )


def test_records_that_arrive_while_the_end_is_read_are_looked_for_where_they_stand():
    """A total that has grown since the last, short page was read: what is new stands on that page."""
    present = 43

    def serve(number, asked):
        nonlocal present
        if number == 6:
            present = 45 if asked == 0 else present
        return rows(number, present), Witnesses(total=present)

    assert read(serve) == (Complete(), set(range(45)), 8)


def test_a_last_page_that_is_never_the_same_is_not_read_for_ever():
    def serve(number, asked):
        keys = list(rows(number, 45))
        return (keys[asked:] + keys[:asked] if number == 5 else keys), Witnesses(total=60)

    step, kept, calls = read(serve)
    assert (step, kept) == (Disagree("60 records promised, 45 given", 60, at_end=True), set(range(45)))
    assert calls < 20


def test_the_last_total_stated_counts():
    def serve(number, _):
        return rows(number, 45), Witnesses(total=60 if number < 3 else 45)

    assert read(serve)[:2] == (Complete(), set(range(45)))


def test_a_page_count_that_is_too_low_ends_nothing():
    assert read(lambda number, _: (rows(number, 45), Witnesses(page_count=3)))[:2] == (Complete(), set(range(45)))


def test_a_page_count_never_reached_is_only_a_hint():
    step = Disagree("9 pages promised, 5 given", at_end=True, is_hint=True)
    assert read(lambda number, _: (rows(number, 45), Witnesses(page_count=9)))[:2] == (step, set(range(45)))


def test_a_page_count_that_agrees_with_an_empty_page_is_believed_when_the_page_is_empty_twice():
    def serve(number, asked):
        return (() if number == 2 and asked == 0 else rows(number, 40)), Witnesses(page_count=1)

    assert read(serve)[:2] == (Complete(), set(range(40)))


def test_a_page_served_twice_is_asked_once_more():
    def serve(number, asked):
        return rows(2 if number == 3 and asked == 0 else number, 45), Witnesses(total=45)

    assert read(serve) == (Complete(), set(range(45)), 7)


def test_a_page_that_stays_equal_to_the_one_before_is_taken_as_duplicates():
    def serve(number, _):
        keys = list(range(45))
        pages = [keys[:10], keys[10:20], keys[10:20], keys[20:30], keys[30:40], keys[40:45]]
        return (pages[number - 1] if number <= 6 else ()), Witnesses(total=45)

    assert read(serve)[:2] == (Complete(), set(range(45)))


def test_three_equal_pages_in_a_row_are_a_loop():
    step, kept, calls = read(lambda number, _: (range(10), Witnesses(total=45)))
    assert (step, kept, calls) == (
        Disagree("page 3 is the third in a row with the same records", is_loop=True),
        set(range(10)),
        4,
    )


def test_more_pages_than_allowed_are_a_loop():
    step, _, _ = read(lambda number, _: (range(number * SIZE, number * SIZE + SIZE), Witnesses()), max_pages=5)
    assert step == Disagree("more than 5 pages (max_pages)", None, is_loop=True)


def test_an_empty_page_after_a_full_one_needs_a_second_witness():
    """Nothing is counted and the page before was full: asked again with growing waits, then looked ahead."""
    outcome = read(lambda number, _: (rows(number, 20), Witnesses()))
    assert outcome == (Complete(), set(range(20)), 2 + 4 + 3)


def test_waits_before_an_empty_page_is_asked_again_grow():
    seen, waits = Seen(last_length=SIZE), []
    page = Page(2, [], "", SIZE, Witnesses(total=45))
    for _ in range(3):
        step, seen = judge(seen, page, 10, 50)
        assert isinstance(step, AskAgain)
        waits.append(step.seconds)
    assert waits == sorted(set(waits))
    assert judge(seen, page, 10, 50)[0] == LookAhead(3)
