"""Gaps in the state: what makes them news, what closes them and how that is kept, and what their halves take over."""

from typing import Any

import pytest
from state.desk import PRINTS, STREAM, Desk, at, record, span

from connector.state.one_pass import Pass


def pulled_short(desk: Desk, one: Pass, given: int, promised: int | None, first: int = 0) -> None:
    """A pass that gives so many of the records promised."""
    for number in range(first, first + given):
        desk.page(one, record(f"c{number}", fate="filtered", hour=(one.span.start - at(0)).total_seconds() / 3600))
    desk.store.passes.pulled(one, f"{promised} promised", promised)


def short(desk: Desk, given: int, promised: int | None, first: int = 0, **options: Any) -> Pass:
    """Read short and closed."""
    one = desk.begin(**options)
    pulled_short(desk, one, given, promised, first)
    desk.close()
    return one


def told_anew(desk: Desk) -> int:
    """How many gaps a run tells that has told of everything before."""
    before = getattr(desk, "told", {"rejects": 0, "gaps": 0})
    desk.told = desk.store.newest(STREAM)  # type: ignore[attr-defined]
    return desk.store.opened_since(STREAM, before)["gaps"]


def closed(desk: Desk) -> list[tuple[Any, ...]]:
    """Span, what closed it, and the run and pass that did."""
    return [(one.span, one.closed_by, one.closed_run, one.closed_pass) for one in desk.store.gaps.closed(STREAM)]


# News


@pytest.mark.parametrize(
    ("given", "promised", "is_news"),
    [(5, 9, False), (6, 9, False), (5, 8, False), (5, 10, True), (4, 9, True), (4, 8, True), (5, None, False)],
)
def test_a_known_gap_is_news_only_when_it_lacks_more_or_gives_less_than_ever(
    desk: Desk, given: int, promised: int | None, is_news: bool
) -> None:
    short(desk, 5, 9)
    assert told_anew(desk) == 1
    short(desk, given, promised)
    assert (told_anew(desk), told_anew(desk)) == (int(is_news), 0)


def test_a_gap_that_goes_back_and_forth_is_news_once(desk: Desk) -> None:
    told = []
    for given in (5, 4, 5, 4, 3):
        short(desk, given, 9)
        told.append(told_anew(desk))
    assert told == [1, 1, 0, 0, 1]


def test_a_gap_that_closes_again_before_it_is_told_is_no_news(desk: Desk) -> None:
    short(desk, 5, 9)
    desk.read()
    desk.close()
    assert told_anew(desk) == 0


# What closes a gap


def test_history_tells_what_closed_a_gap_and_by_which_run_and_pass(desk: Desk) -> None:
    short(desk, 5, 9, start=0, end=12)
    short(desk, 5, 9, start=12, end=24)
    desk.now = at(54)
    desk.next_run()
    believed = short(desk, 5, 9, start=0, end=12)
    desk.next_run()
    agreed = desk.read(start=12, end=24)
    desk.close()
    short(desk, 5, 9, start=6, end=9)
    larger = desk.read(start=0, end=24)
    desk.close()
    assert desk.store.gaps.open(STREAM) == []
    assert closed(desk) == [
        (span(12, 24), "its witnesses agreed", 3, agreed.id),
        (span(6, 9), "a larger pass that holds it was read whole", 3, larger.id),
        (span(0, 12), "a day later the same records were all there were", 2, believed.id),
    ]


def test_a_data_lake_that_stood_still_for_a_day_proves_nothing(desk: Desk) -> None:
    def by_job(available: float) -> None:
        one = desk.store.passes.submitted(desk.begin(kind="gap"), "job", at(available))
        pulled_short(desk, one, 5, 9)
        desk.close()

    by_job(25)
    desk.now = at(60)
    by_job(25)
    assert [(one.tries, one.same_since) for one in desk.store.gaps.open(STREAM)] == [(2, at(25))]
    by_job(49)
    assert [one[1] for one in closed(desk)] == ["a day later the same records were all there were"]


def test_other_keys_make_all_time_owed_and_leave_no_gap_of_the_old_boundaries(desk: Desk) -> None:
    short(desk, 5, 9)
    cause = "the mapping's keys changed"
    desk.store.adopt(STREAM, PRINTS, [span(0, 48)], cause, desk.run, desk.now, closes_gaps=True)
    assert closed(desk) == [(span(0, 24), "the mapping's keys changed", desk.run, None)]
    assert (desk.store.passes.known(STREAM).gaps, desk.store.passes.known(STREAM).owed) == ([], [(span(0, 48), False)])


def test_other_fields_leave_a_gap_open(desk: Desk) -> None:
    short(desk, 5, 9)
    desk.store.adopt(STREAM, PRINTS, [], "the mapping's fields changed", desk.run, desk.now)
    assert [one.span for one in desk.store.gaps.open(STREAM)] == [span(0, 24)]


def test_a_gap_before_a_later_start_closes_and_its_time_is_new_should_the_start_move_back(desk: Desk) -> None:
    desk.read(start=-24, end=48)
    desk.close()
    short(desk, 5, 9, start=0, end=12)
    short(desk, 5, 9, start=12, end=24)
    desk.store.gaps.leave_before(STREAM, at(18), desk.run, desk.now)
    assert closed(desk) == [(span(0, 12), "it lies before window.start now", desk.run, None)]
    assert [one.span for one in desk.store.gaps.open(STREAM)] == [span(12, 24)]
    assert desk.store.passes.known(STREAM).covered == [span(-24, 0), span(12, 48)]


# Halves of a gap


def halves_of_a_gap(desk: Desk) -> tuple[Pass, Pass, Pass]:
    """A gap of a day, four of nine missing and told, read again in halves six hours later."""
    short(desk, 5, 9)
    told_anew(desk)
    desk.now = at(36)
    desk.next_run()
    whole = desk.begin(kind="gap")
    left, right = desk.store.passes.split(whole, (span(0, 12), span(12, 24)), "9", True, desk.run, desk.now)
    return whole, left, right


def test_a_gap_whose_halves_agree_closes(desk: Desk) -> None:
    whole, left, right = halves_of_a_gap(desk)
    for half in (left, right):
        assert desk.store.gaps.closed(STREAM) == []
        desk.store.passes.pulled(half)
        desk.close()
    assert closed(desk) == [(span(0, 24), "its halves were read whole", 2, whole.id)]


def test_a_half_that_stays_short_takes_the_gap_over_and_is_no_news(desk: Desk) -> None:
    whole, left, right = halves_of_a_gap(desk)
    desk.store.passes.pulled(left)
    pulled_short(desk, right, 1, 5, first=5)
    desk.close()
    assert closed(desk) == [(span(0, 24), "its halves are read in its place", 2, whole.id)]
    (half,) = desk.store.gaps.open(STREAM)
    assert (half.span, half.first_seen, told_anew(desk)) == (span(12, 24), at(30), 0)
    assert desk.store.passes.known(STREAM).covered == [span(0, 12)]


def test_halves_that_lack_more_than_the_whole_are_news(desk: Desk) -> None:
    _, left, right = halves_of_a_gap(desk)
    pulled_short(desk, left, 1, 3)
    pulled_short(desk, right, 1, 5, first=5)
    desk.close()
    assert told_anew(desk) == 2


def test_a_gap_with_a_half_that_was_given_up_stays(desk: Desk) -> None:
    _, left, right = halves_of_a_gap(desk)
    desk.store.passes.pulled(left)
    desk.close()
    desk.store.passes.fail(right, "the mapping's fields changed", desk.run, desk.now)
    assert [one.span for one in desk.store.gaps.open(STREAM)] == [span(0, 24)]


# Sent unchanged


def test_a_forced_resync_sends_the_rows_of_a_gap_once_and_not_by_every_run(desk: Desk) -> None:
    short(desk, 5, 9)
    assert desk.store.passes.known(STREAM).to_force == []
    desk.store.passes.owe(STREAM, [span(0, 24)], "resync --gaps --force", True)
    assert desk.store.passes.known(STREAM).to_force == [span(0, 24)]
    short(desk, 4, 9, kind="gap", force=True)
    assert desk.store.passes.known(STREAM).to_force == []
    desk.store.passes.owe(STREAM, [span(0, 24)], "resync --gaps --force", True)
    assert desk.store.passes.known(STREAM).to_force == [span(0, 24)]
