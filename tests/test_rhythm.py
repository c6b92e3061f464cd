"""What falls silent, judged by its own rhythm on days that were read whole; and what falls silent together."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.rhythm import Finding, Heard, Judgement, Silence, is_same, silence, speaks_again, whole_days
from connector.spans import Span

MONDAY = date(2026, 3, 2).toordinal()
"""Day 0 of every test."""


def days(*numbers: int, of: Iterable[int] = ()) -> list[int]:
    return sorted(MONDAY + one for one in (*numbers, *of))


def weekdays(until: int) -> list[int]:
    return [day for day in range(until) if day % 7 < 5]


def mondays(until: int) -> list[int]:
    return list(range(0, until, 7))


def missed(on: Sequence[int], counted: Collection[int]) -> tuple[int, int] | None:
    """Day numbers of a silence: since, missed from."""
    found = silence(days(of=on), days(of=counted))
    return (found.since - MONDAY, found.missed_from - MONDAY) if found else None


DAILY = list(range(28))
WEEKDAYS, WEEKS = weekdays(28), mondays(56)


@pytest.mark.parametrize(
    ("on", "read_until", "expected"),
    [
        pytest.param(DAILY, 30, None, id="two days of a daily one are too few"),
        pytest.param(DAILY, 31, (27, 28), id="the third day missed is silence"),
        pytest.param(DAILY[:9], 20, None, id="too new to have a rhythm"),
        pytest.param(DAILY[:10], 13, (9, 10), id="ten days are a rhythm"),
        pytest.param(WEEKDAYS, 28, None, id="a week end is no silence of weekdays"),
        pytest.param(WEEKDAYS, 30, None, id="nor are a week end and two days"),
        pytest.param(WEEKDAYS, 31, (25, 28), id="three weekdays are"),
        pytest.param(WEEKS, 49 + 21, None, id="of Mondays two have passed"),
        pytest.param(WEEKS, 49 + 22, (49, 56), id="silent once the third Monday passed"),
        pytest.param(WEEKS[:5], 28 + 28, None, id="five weeks are too few for Mondays"),
        pytest.param([day for day in DAILY if day not in (9, 10, 11)], 28 + 6, None, id="twice its longest pause"),
        pytest.param([day for day in DAILY if day not in (9, 10, 11)], 28 + 7, (27, 28), id="more than twice"),
        pytest.param(DAILY[::3], 32, None, id="one busy every third day may be missed for four"),
        pytest.param(DAILY[::3], 33, (27, 28), id="and not for five"),
        pytest.param(DAILY, 28 + 28, (27, 28), id="told for four weeks"),
        pytest.param(DAILY, 28 + 29, None, id="then it is taken for closed"),
    ],
)
def test_silence_is_measured_by_the_ids_own_rhythm(
    on: Sequence[int], read_until: int, expected: tuple[int, int] | None
) -> None:
    assert missed(on, range(read_until)) == expected


def test_days_that_were_not_read_whole_are_no_silence() -> None:
    assert missed(DAILY, [*range(29), *range(40, 42)]) == (27, 28)
    assert missed(DAILY, [*range(28), *range(40, 42)]) is None


def test_days_not_read_before_are_no_pause() -> None:
    """A hole of ten days in the coverage does not make a pause of ten days."""
    on = [*range(10), *range(20, 28)]
    assert missed(on, [*range(10), *range(20, 31)]) == (27, 28)


def test_order_in_which_days_are_heard_of_does_not_matter() -> None:
    """A backfill reads the newest day first, and old periods are read again."""
    one = Heard.of("queue", "q", [MONDAY + 20], MONDAY + 30)
    for day in (19, 3, 20, 80, 5, 70):
        one = one.joined(Heard.of("queue", "q", [MONDAY + day], MONDAY + 30))
    expected = Heard.of("queue", "q", days(3, 5, 19, 20, 70, 80), MONDAY + 30)
    assert one == Heard("queue", "q", MONDAY + 3, MONDAY + 80, expected.days, MONDAY + 30)
    assert one.on == days(3, 5, 19, 20, 70, 80)
    assert one.joined(Heard.of("queue", "q", [MONDAY + 125], MONDAY)).on == days(19, 20, 70, 80, 125)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Heard.of("queue", "q", days(3, 20), MONDAY + 30, "d1"), True),
        (Heard.of("queue", "q", days(3), MONDAY + 29), True),
        (Heard.of("queue", "q", days(4), MONDAY + 30), False),
        (Heard.of("queue", "q", days(21), MONDAY + 30), False),
        (Heard.of("queue", "q", days(-200), MONDAY + 30), False),
        (Heard.of("queue", "q", days(3), MONDAY + 31), False),
        (Heard.of("queue", "q", days(3), MONDAY + 30, "d2"), False),
    ],
)
def test_what_holds_everything_said_is_not_changed_by_it(said: Heard, expected: bool) -> None:
    known = Heard.of("queue", "q", days(3, 5, 20), MONDAY + 30, "d1")
    assert (known.holds(said), known.joined(said) == known) == (expected, expected)


def test_days_are_those_of_the_zone_and_only_whole_ones() -> None:
    berlin, start = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 27, 23, tzinfo=UTC)
    spans = [Span(start, start + timedelta(hours=60)), Span(start + timedelta(hours=80), start + timedelta(hours=130))]
    assert [str(date.fromordinal(day)) for day in whole_days(spans, berlin)] == [
        "2026-03-28",
        "2026-03-29",  # 23 hours
        "2026-04-01",
    ]
    assert whole_days([], berlin) == []


# Several ids together

NORTH = {f"n{number}": "North" for number in range(6)}
SOUTH = {f"s{number}": "South" for number in range(6)}
DIVISIONS = {**NORTH, **SOUTH, "dn": "North", "ds": "South", "e0": "East"}


def heard(name: str, on: Collection[int], given: int | None = None) -> Heard:
    kind = "division" if name.startswith("d") else "user" if name.startswith("u") else "queue"
    read = MONDAY + (max(on) if given is None else given)
    return Heard.of(kind, name, days(of=on), read)  # type: ignore[arg-type]


def division_of(one: Heard) -> str:
    return DIVISIONS.get(one.id, "")


def judged(ids: Sequence[Heard], read_until: int) -> Judgement:
    return Judgement(ids, days(of=range(read_until)), division_of)


def summary(found: Iterable[Finding]) -> list[tuple[str, str, int, list[str], int]]:
    return [(one.scope, one.division, one.since - MONDAY, [name for _, name in one.members], one.of) for one in found]


def test_a_whole_division_is_one_finding() -> None:
    ids = [*(heard(name, range(28)) for name in NORTH), *(heard(name, range(31)) for name in SOUTH)]
    assert summary(judged(ids, 30).findings()) == []
    assert summary(judged(ids, 31).findings()) == [("division", "North", 27, [*NORTH], 0)]
    assert judged(ids, 31).quiet_queues(judged(ids, 31).findings()) == []


def test_a_division_that_records_name_speaks_for_itself() -> None:
    """A queue of it may still be heard of through another division."""
    ids = [heard("dn", range(28)), heard("ds", range(31)), heard("n0", range(28)), heard("n1", range(31))]
    assert summary(judged(ids, 31).findings()) == [("division", "North", 27, ["n0"], 0)]


def test_one_queue_of_a_division_is_a_note_of_its_own() -> None:
    ids = [heard("n0", range(28)), *(heard(name, range(31)) for name in (*NORTH, *SOUTH) if name != "n0")]
    found = judged(ids, 31).findings()
    assert (summary(found), [one.id for one in judged(ids, 31).quiet_queues(found)]) == ([], ["n0"])


def test_one_queue_alone_in_its_division_is_a_note_too() -> None:
    ids = [heard("e0", range(28)), *(heard(name, range(31)) for name in SOUTH)]
    assert summary(judged(ids, 31).findings()) == []


def test_a_division_is_silent_when_half_of_its_regular_queues_are_and_none_speaks() -> None:
    """Those of Mondays need weeks to fall silent by themselves."""

    def found(mondays_only: int) -> list[str]:
        seldom = [heard(f"n{number + 2}", [*mondays(50)]) for number in range(mondays_only)]
        ids = [*(heard(name, range(51)) for name in ("n0", "n1")), *seldom]
        others = [heard(name, range(54)) for name in SOUTH]
        return [one.division for one in judged([*ids, *others], 54).findings()]

    assert (found(2), found(3)) == (["North"], [])


def test_a_division_where_one_seldom_heard_of_spoke_since_is_not_hidden() -> None:
    ids = [*(heard(name, range(28)) for name in ("n0", "n1", "n2")), heard("n3", [3, 29])]
    others = [heard(name, range(31)) for name in SOUTH]
    assert summary(judged([*ids, *others], 31).findings()) == []


def test_what_a_read_gave_after_it_fell_silent_is_not_hidden() -> None:
    """As in a first backfill after a site was closed: its old records are given."""
    ids = [*(heard(name, range(28), given=30) for name in NORTH), *(heard(name, range(31)) for name in SOUTH)]
    found = judged(ids, 31).findings()
    assert (summary(found), [one.id for one in judged(ids, 31).quiet_queues(found)]) == ([], [*NORTH])


def test_many_that_fall_silent_together_are_one_finding_where_divisions_are_unknown() -> None:
    queues = [heard(f"q{number}", range(28 if number < 5 else 31)) for number in range(16)]
    assert summary(judged(queues, 31).findings()) == [("share", "", 27, ["q0", "q1", "q2", "q3", "q4"], 16)]
    assert summary(judged([*queues, heard("q99", range(31))], 31).findings()) == []
    closed_long_ago = [heard(f"q{number}", range(20)) for number in range(100, 104)]
    assert [one.of for one in judged([*queues, *closed_long_ago], 31).findings()] == [16]


def test_holidays_of_all_are_no_silence_of_any() -> None:
    """Days on which nothing at all was heard do not count, until they are too many."""
    ids = [heard(name, [*range(28)]) for name in (*NORTH, *SOUTH, "dn", "ds")]
    assert summary(judged(ids, 34).findings()) == []
    assert summary(judged(ids, 35).findings()) == [("everything", "", 27, [], 0)]
    after = [*range(28), *range(32, 40)]
    assert summary(judged([heard(name, after) for name in (*NORTH, "dn")], 40).findings()) == []


def test_users_count_only_where_no_queue_is_known() -> None:
    users = [heard(f"u{number}", range(28 if number < 9 else 31)) for number in range(12)]
    assert [one.scope for one in judged(users, 31).findings()] == ["share"]
    assert summary(judged([*users, heard("q1", range(31))], 31).findings()) == []


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([heard("n0", range(28))], False, id="nothing since"),
        pytest.param([heard("n0", [*range(28), 33])], True, id="a record of later"),
        pytest.param([heard("n0", range(28), given=33)], True, id="a record of earlier, given later"),
        pytest.param([heard("n3", [33])], True, id="another queue of the division"),
        pytest.param([heard("s1", [33]), heard("n0", range(28))], False, id="another division"),
        pytest.param([heard("dn", range(28)), heard("n0", [33])], False, id="the division counts where it is known"),
    ],
)
def test_a_division_is_given_again_when_it_is_heard_of(ids: Sequence[Heard], expected: bool) -> None:
    finding = Finding("division", "North", MONDAY + 27, MONDAY + 28, (("queue", "n0"), ("queue", "n1")))
    assert speaks_again(finding, ids, division_of) is expected


def test_a_share_is_given_again_when_half_of_it_is_heard_of() -> None:
    members = tuple(("queue", f"q{number}") for number in range(6))
    finding = Finding("share", "", MONDAY + 27, MONDAY + 28, members, 10)  # type: ignore[arg-type]

    def speaking(many: int) -> bool:
        ids = [heard(f"q{number}", [*range(28), *([33] if number < many else [])]) for number in range(6)]
        return speaks_again(finding, ids, division_of)

    assert [speaking(many) for many in range(5)] == [False, False, False, True, True]


def test_a_finding_that_grows_stays_the_same() -> None:
    def share(since: int) -> Finding:
        return Finding("share", "", MONDAY + since, MONDAY + since + 1, ())

    assert [is_same(share(27), share(day)) for day in (24, 30, 31)] == [True, True, False]
    assert not is_same(share(27), Finding("division", "North", MONDAY + 27, MONDAY + 28, ()))


def test_a_finding_says_what_and_until_when_and_what_to_do() -> None:
    queues = tuple(("queue", f"q{number}") for number in range(14))
    role = "roles of the OAuth client (Genesys Cloud: Admin > Integrations > OAuth > the client > Roles)"
    again = "Once it gives records again, the time from 2026-03-12 is read again"
    since = MONDAY + 10
    said = [
        Finding("division", "North", since, since + 1, queues).in_words(),  # type: ignore[arg-type]
        Finding("division", "North", since, since + 1, (("division", "d-1"),)).in_words(),
        Finding("share", "", since, since + 1, queues, 30).in_words(),  # type: ignore[arg-type]
        Finding("everything", "", since, since + 1, ()).in_words(),
    ]
    until = "gave records until 2026-03-12 and none since"
    assert said == [
        f"division North: 14 queues {until}; was the division taken from the {role}? {again}",
        f"division North {until}; was it taken from the {role}? {again}",
        f"14 queues of 30 {until}; was a division taken from the {role}? {again}",
        f"every queue, user and division {until}; was a role or division taken from the {role}? {again}",
    ]


def test_silence_names_the_first_day_records_were_to_be_expected() -> None:
    assert silence(days(of=WEEKDAYS), days(of=range(31))) == Silence(MONDAY + 25, MONDAY + 28)
