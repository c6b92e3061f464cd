"""A division taken from the OAuth client: Genesys Cloud gives less and says nothing, so the connector does."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from lab import Killed, Lab, at, conversation

from connector.errors import TooManyVanished
from connector.orders import Order
from connector.report import status, trouble
from connector.spans import Span

MakeLab = Callable[..., Lab]
QUEUES = {"q1": "d1", "q2": "d1", "q3": "d2", "q4": "d2"}
DAYS = 20
TAKEN = 12 * 24 + 13
"""The hour at which division d2 is taken away."""
SAID = (
    "conversations: division d2: 2 queues gave records until 2026-03-14 and none since; was the division taken from "
    "the roles of the OAuth client (Genesys Cloud: Admin > Integrations > OAuth > the client > Roles)? Once it gives "
    "records again, the time from 2026-03-14 is read again"
)


def lab_of(make_lab: MakeLab) -> Lab:
    """Every queue gives a conversation a day, at nine. Noon of the thirteenth day: all is read."""
    lab = make_lab(now=at(12 * 24 + 12))
    for day in range(DAYS):
        for queue, division in QUEUES.items():
            one = conversation(f"{queue}-{day}", at(day * 24 + 9), queue=queue)
            lab.world.add({**one, "divisionIds": [division]})
    assert lab.sync().exit_code == 0
    return lab


def take_away(lab: Lab) -> None:
    lab.world.take_division("d2", at(TAKEN))


def run_on(lab: Lab, *days: int) -> list[tuple[int, tuple[str, ...]]]:
    """Exit code and trouble of a run at noon of each day."""
    told = []
    for day in days:
        lab.clock.set(at(day * 24 + 12))
        result = lab.sync()
        told.append((result.exit_code, trouble(result)))
    return told


def findings(lab: Lab) -> list[tuple[str, str, str | None]]:
    return [(one["scope"], one["division"], one["closed_by"]) for one in lab.table("silences")]


def advice(lab: Lab) -> tuple[str, ...]:
    with lab.opened() as ready:
        (one,) = status(ready.store, [lab.stream], lab.clock.now())
    return one.advice


def test_a_division_taken_away_is_told_once_and_stays_in_status(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab)
    take_away(lab)
    assert run_on(lab, 13, 15) == [(0, ()), (0, ())]
    assert run_on(lab, 16, 17) == [(1, (SAID,)), (0, ())]
    assert (findings(lab), advice(lab)) == ([("division", "d2", None)], (SAID,))
    assert lab.table("gaps") == []


def test_given_back_it_is_closed_and_what_was_hidden_is_read_again(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab)
    take_away(lab)
    run_on(lab, 16)
    hidden = {f"{queue}-{day}" for queue in ("q3", "q4") for day in (13, 14, 15, 16)}
    assert lab.rows().keys().isdisjoint(hidden)
    lab.world.give_division("d2", lab.clock.now() + timedelta(minutes=1))
    assert run_on(lab, 17, 18) == [(0, ()), (0, ())]
    assert (findings(lab), advice(lab)) == ([("division", "d2", "given again")], ())
    assert lab.rows() == lab.truth(at(18 * 24 + 11))
    assert lab.table("owed") == []


def test_a_run_killed_anywhere_changes_nothing_of_what_is_told(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab)
    take_away(lab)
    run_on(lab, 14)
    lab.clock.set(at(16 * 24 + 12))
    for step in range(1, 200):
        left = step

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        lab.after_commit = count
        try:
            result = lab.sync()
        except Killed:
            continue
        break
    lab.after_commit = lambda: None
    if result.exit_code == 0:
        # Killed behind its last commit, the run before had told everything.
        runs = [one["counts"] for one in lab.table("runs") if one["finished"]]
        assert '"silences": 1' in runs[-2]
    else:
        assert (result.exit_code, trouble(result)) == (1, (SAID,))
    assert findings(lab) == [("division", "d2", None)]
    heard = [(one["id"], one["first_day"], one["last_day"]) for one in lab.table("heard") if one["kind"] == "queue"]
    assert heard == [
        *((queue, "2026-03-02", "2026-03-18") for queue in ("q1", "q2")),
        *((queue, "2026-03-02", "2026-03-14") for queue in ("q3", "q4")),
    ]


def test_while_too_much_has_vanished_only_that_is_told(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(12 * 24 + 12))
    target = "target: {object: Conversation__c, external_id: Conversation_Id__c"
    lab.change_mapping(target, f"{target}, when_vanished: delete")
    for day in range(DAYS):
        for number in range(12 if day in (12, 17) else 1):
            for queue, division in QUEUES.items():
                one = conversation(f"{queue}-{day}-{number}", at(day * 24 + 9), queue=queue)
                lab.world.add({**one, "divisionIds": [division]})
    assert lab.sync().exit_code == 0
    take_away(lab)
    lab.clock.set(at(12 * 24 + 14))
    told = [str(type(lab.sync().error).__name__)]
    lab.clock.set(at(16 * 24 + 12))
    result = lab.sync()
    told.append(str(type(result.error).__name__))
    assert (told, result.new.get("silences"), trouble(result)) == (["TooManyVanished", "TooManyVanished"], None, ())
    assert SAID in advice(lab)
    start, end = at(12 * 24), at(13 * 24)
    accepted = Order("resync", resync=lambda horizon: Span(start, end), accept_vanished=True)
    result = lab.sync(accepted)
    assert (result.exit_code, trouble(result)) == (1, (SAID,))
    # What was told stays told when something else vanishes.
    assert run_on(lab, 17) == [(0, ())]
    names = [f"q1-17-{number}" for number in range(12)]
    for name in names:
        lab.world.hide(name, lab.clock.now())
    lab.clock.advance(600)
    assert isinstance(lab.sync().error, TooManyVanished)
    for name in names:
        lab.world.show(name, lab.clock.now())
    result = lab.sync()
    assert (result.exit_code, trouble(result)) == (0, ())


def test_a_changed_source_is_no_silence(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab)
    segment = "segment: [{type: or, predicates: [{dimension: queueId, value: q1}]}]"
    lab.change_mapping("{query: conversations.details}", f"{{query: conversations.details, filters: {{{segment}}}}}")
    assert run_on(lab, 16, 17) == [(0, ()), (0, ())]
    assert {one["id"] for one in lab.table("heard") if one["kind"] == "queue"} == {"q1"}


@pytest.mark.parametrize("path", ["query", "job"])
def test_the_simulated_service_hides_a_division_without_a_word(make_lab: MakeLab, path: str) -> None:
    lab = make_lab(now=at(30))
    lab.change_mapping("{query: conversations.details}", f"{{query: conversations.details, via: {path}}}")
    for queue, division in QUEUES.items():
        lab.world.add({**conversation(queue, at(3), queue=queue), "divisionIds": [division]})
    lab.world.add({**conversation("both", at(3)), "divisionIds": ["d1", "d2"]})
    lab.world.take_division("d2", at(29))
    result = lab.sync()
    assert (result.exit_code, {*lab.rows()}) == (0, {"q1", "q2", "both"})
