"""Whole runs: what they count of late changes, whatever interrupts them, and what a status makes of it."""

from collections.abc import Callable
from datetime import timedelta

from lab import Lab, at, conversation

from connector.lateness import Cell, Count, Lateness, as_window
from connector.orders import Order
from connector.report import status
from connector.sandbox.contact_centre import ContactCentre, continue_world, rewrite_at_night
from connector.spans import Span

MakeLab = Callable[..., Lab]


def counted(lab: Lab) -> dict[Cell, Count]:
    with lab.opened() as ready:
        found: dict[Cell, Count] = ready.store.lateness.counts("conversations")[0]
    return found


def turned(one: dict[str, object]) -> dict[str, object]:
    return {**one, "originatingDirection": "outbound"}


def a_day_with_changes(lab: Lab) -> None:
    """Read at ten; by eleven a row in five has changed, and one has come late."""
    lab.change_mapping("conversations.details}", "conversations.details, page_size: 20}")
    for number in range(50):
        lab.world.add(conversation(f"c{number:03}", at(5 + number / 12)))
    lab.sync()
    for number in range(0, 50, 5):
        lab.world.correct(f"c{number:03}", turned, at(10.5))
    lab.world.add(conversation("late", at(7)), at(10.5))
    lab.clock.set(at(11.3))


def test_a_kill_between_any_two_commits_neither_loses_nor_doubles_a_change(make_lab: MakeLab):
    whole = make_lab(now=at(10.3))
    a_day_with_changes(whole)
    commits = whole.killed_at(0, calls=False)
    expected = counted(whole)
    assert (sum(one.changed for one in expected.values()), sum(one.came for one in expected.values())) == (10, 1)
    for last in range(2, commits, 6):
        lab = make_lab(now=at(10.3))
        a_day_with_changes(lab)
        lab.killed_at(last, calls=False)
        lab.sync()
        found = counted(lab)
        changes = {cell: one[1:] for cell, one in found.items() if any(one[1:])}
        assert changes == {cell: one[1:] for cell, one in expected.items() if any(one[1:])}, last


def test_what_an_open_conversation_becomes_counts_by_its_end_only(make_lab: MakeLab):
    """The reads by id meet it whatever the lookback is."""
    lab = make_lab(now=at(10.3))
    lab.world.add(conversation("long", at(9), minutes=150))
    lab.sync()
    lab.clock.set(at(11.3))
    lab.world.correct("long", turned, at(11))
    lab.sync()
    assert counted(lab) == {Cell("first"): Count(1), Cell("lookback", 1, 2): Count(1)}
    lab.clock.set(at(12.3))
    lab.sync()
    lab.world.correct("long", turned, at(12.5))
    lab.world.correct("long", lambda one: {**one, "originatingDirection": "inbound"}, at(13.5))
    lab.clock.set(at(13.6))
    lab.sync()
    # It ended at half past eleven and was read before at 12:18, now at 13:36.
    assert counted(lab)[Cell("lookback", 0, 2)] == Count(0, 1)


def test_some_days_of_a_contact_centre_tell_how_late_its_values_change(make_lab: MakeLab):
    """Corrections come within a day, and the service rewrites some values two nights later."""
    lab = make_lab(now=at(6))
    lab.change_mapping("lookback: PT6H", "lookback: PT8H, recheck: [P1D]")
    lab.change_mapping(
        "  Is_Open__c: is_open\n", '  Is_Open__c: is_open\n  Wrap_Up_Code_Ids__c: {join: wrap_up_codes, with: ";"}\n'
    )
    centre = ContactCentre(seed=4, start=at(0), days=1, agents=8, queues=3, conversations=48)
    for one in centre.whole_conversations():
        lab.world.add(one)
    for run in range(1, 10):
        since = at(24 + (run - 1) * 8)
        continue_world(lab.world, centre, since, 8)
        if run % 3 == 0:
            rewrite_at_night(lab.world, centre, since + timedelta(hours=8))
        lab.clock.set(since + timedelta(hours=8, minutes=20))
        assert lab.sync().error is None
    lab.clock.advance(600)
    lab.sync(Order("resync", resync=lambda horizon: Span(at(0), horizon)))
    found = counted(lab)
    assert {cell.way for cell, one in found.items() if one.changed} >= {"lookback", "recheck", "other"}
    with lab.opened() as ready:
        (shown,) = status(ready.store, [lab.stream], lab.clock.now())
    assert isinstance(shown.lateness, Lateness)
    assert (shown.lateness.verdict, shown.lateness.days) == ("too few", 2)
    assert as_window(shown.lateness)
