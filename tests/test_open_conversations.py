"""Records that end long after their span was read: followed by id until nothing more can come of them."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from lab import Lab, at, conversation

from connector.ledger import COUNTERS, Books
from connector.orders import Order, Result
from connector.report import status
from connector.sandbox.faults import Rule
from connector.spans import Span

MakeLab = Callable[..., Lab]
BY_ID = "/conversations/details$"
DAY_MINUTES = 24 * 60


def thread(name: str, start: float, end: float) -> Any:
    """An e-mail thread that ends at the hour `end`."""
    return conversation(name, at(start), (end - start) * 60, media="email")


def sync_at(lab: Lab, hours: float, order: Order | None = None) -> Result:
    lab.clock.set(at(hours))
    return lab.sync(order)


def listed(lab: Lab) -> list[str]:
    return [one["id"] for one in lab.table("open_records")]


def asked(lab: Lab) -> int:
    """Calls by id so far."""
    return sum(call.path.endswith("/conversations/details") for call in lab.genesys.calls)


def open_passes(lab: Lab) -> list[tuple[str, int, int]]:
    """State, records pulled and rows updated of each pass over open records; every pass must balance."""
    passes = lab.table("passes")
    for one in passes:
        Books(**{name: one[name] for name in COUNTERS}).check(str(one["id"]))
    return [(one["state"], one["pulled"], one["updated"]) for one in passes if one["kind"] == "open"]


def test_a_thread_that_ends_days_later_is_closed_in_salesforce_by_the_next_due_run(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 122))
    lab.world.add(conversation("call", at(9)))
    lab.sync()
    assert (lab.rows()["mail"]["Is_Open__c"], listed(lab)) == (True, ["mail"])
    for hours in (34.3, 58.3, 82.3, 106.3, 121.3):
        assert sync_at(lab, hours).error is None
    assert lab.rows()["mail"]["Is_Open__c"] is True
    result = sync_at(lab, 137)
    assert (result.error, result.books.updated) == (None, 1)
    assert (lab.rows(), listed(lab)) == (lab.truth(at(136)), [])
    assert lab.rows()["mail"]["Ended__c"] == "2026-03-07T02:00:00Z"


def test_what_is_listed_is_followed_until_it_was_read_the_lookback_after_its_end(make_lab: MakeLab) -> None:
    """Wrap-up comes after the end; the span it lies in has left the lookback by then."""
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 9.5))
    lab.sync()
    assert listed(lab) == ["mail"]
    assert open_passes(lab) == []
    sync_at(lab, 13)
    assert (listed(lab), open_passes(lab)) == (["mail"], [("settled", 1, 0)])
    lab.world.correct("mail", lambda one: {**one, "originatingDirection": "outbound"}, at(15))
    sync_at(lab, 15.6)
    assert (lab.rows(), listed(lab), open_passes(lab)) == (
        lab.truth(at(15)),
        [],
        [("settled", 1, 0), ("settled", 1, 1)],
    )
    sync_at(lab, 16.6)
    assert asked(lab) == 2


def test_what_the_lookback_reads_again_is_not_asked_for_by_id(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 10, 10.6))
    lab.sync()
    assert listed(lab) == ["mail"]
    for hours in range(11, 21):
        sync_at(lab, hours)
    assert (lab.rows(), listed(lab), asked(lab)) == (lab.truth(at(20)), [], 0)


def test_an_open_record_that_keep_leaves_out_comes_when_it_ends(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.change_mapping("fields:", "keep: {conversationEnd: {exists: true}}\nfields:")
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    assert (lab.rows(), listed(lab)) == ({}, ["mail"])
    sync_at(lab, 70)
    assert lab.rows() == lab.truth(at(70))


def test_a_resync_reads_its_span_and_follows_nothing(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    sync_at(lab, 30, Order("resync", resync=lambda horizon: Span(at(0), at(1))))
    assert (asked(lab), listed(lab)) == (0, ["mail"])


def test_a_resync_that_meets_the_end_takes_it_off_the_list(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    sync_at(lab, 70, Order("resync", resync=lambda horizon: Span(at(0), at(24))))
    assert (lab.rows(), asked(lab), listed(lab)) == (lab.truth(at(24)), 0, [])


def test_a_dry_run_reads_what_is_due_and_leaves_the_list_as_it_was(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    before = lab.table("open_records")
    result = sync_at(lab, 70, Order("sync --dry-run", rehearse=True))
    assert (result.error, result.books.pending, asked(lab)) == (None, 1, 1)
    assert lab.table("open_records") == before


# What the service does not answer


def test_an_id_that_is_not_answered_is_told_and_asked_for_until_it_is(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    lab.faults.change(Rule("status", {"code": 404, "json": {"code": "not.found"}}, path=BY_ID, times=1))
    result = sync_at(lab, 30)
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], lab.clock.now())
    assert (result.exit_code, found.open_records, found.unanswered, found.oldest_open) == (0, 1, 1, at(2))
    assert found.advice == (
        "conversations: 1 open record is not given by Genesys Cloud any more; asked for again for P90D after their "
        "start",
    )
    assert (lab.rows()["mail"]["Is_Open__c"], open_passes(lab)) == (True, [("settled", 0, 0)])
    sync_at(lab, 70)
    assert (lab.rows(), listed(lab)) == (lab.truth(at(69)), [])


def test_an_id_the_service_has_no_record_for_stays_listed(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.world.add(thread("chat", 3, 61))
    lab.sync()
    lab.world.hide("mail", at(20))
    sync_at(lab, 70)
    (left,) = lab.table("open_records")
    assert (left["id"], left["unanswered_since"], left["due"]) == (
        "mail",
        "2026-03-04T22:00:00Z",
        "2026-03-05T06:30:00Z",
    )
    assert lab.rows()["chat"] == lab.truth(at(69))["chat"]


def test_what_never_ends_is_given_up_after_its_time_and_the_run_says_so(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.change_mapping("about:", "open_give_up: P2D\nabout:")
    lab.world.add(thread("mail", 2, 9999))
    lab.world.add(thread("chat", 3, 9999))
    lab.sync()
    lab.world.hide("mail", at(20))
    assert (sync_at(lab, 49.9).story, listed(lab)) == ((), ["chat", "mail"])
    told = "1 open record was given up (open_give_up): Salesforce keeps what was read of them last"
    result = sync_at(lab, 50.5)
    assert (result.exit_code, result.story, listed(lab)) == (0, (told,), ["chat"])
    assert [one["message"] for one in lab.table("runs")][-1] == told
    assert (sync_at(lab, 51.5).story, listed(lab)) == ((told,), [])
    # Read again in its span, it is too old to be followed anew.
    sync_at(lab, 52, Order("resync", resync=lambda horizon: Span(at(0), at(24))))
    assert listed(lab) == []


def test_a_service_that_takes_fewer_ids_at_once_is_asked_for_fewer(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    for number in range(30):
        lab.world.add(thread(f"mail{number:02}", 1 + number / 60, 40))
    lab.sync()
    lab.faults.change(Rule("status", {"code": 400, "json": {"code": "bad.request"}}, path=BY_ID, times=2))
    result = sync_at(lab, 50)
    # 30 and 15 are refused, then 7, 7, 7, 7 and 2 are given.
    assert (result.error, asked(lab), open_passes(lab)) == (None, 7, [("settled", 30, 30)])
    assert lab.rows() == lab.truth(at(49))


def test_an_outage_of_the_call_ends_the_run_with_4_and_all_else_is_done(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.world.add(thread("mail", 2, 60))
    lab.sync()
    lab.world.add(conversation("call", at(65)))
    lab.faults.change(Rule("status", {"code": 503}, path=BY_ID, times=99))
    result = sync_at(lab, 70)
    assert (result.exit_code, result.complete_to, lab.rows()["call"]["Is_Open__c"]) == (4, at(69.75), False)
    lab.faults.change()
    assert (sync_at(lab, 70.1).exit_code, lab.rows()) == (0, lab.truth(at(69.75)))
    assert open_passes(lab) == [("settled", 1, 1)]


# Killed


def story(make_lab: MakeLab, seed: int) -> Lab:
    """Threads over three calls by id: some end, some stay open, one is not answered; the next run finds them due."""
    lab = make_lab(now=at(10.3), seed=seed)
    for number in range(120):
        lab.world.add(thread(f"mail{number:03}", 1 + number / 60, 40 if number % 3 else 999))
    lab.sync()
    lab.world.hide("mail001", at(20))
    lab.clock.set(at(50))
    return lab


def outcome(lab: Lab) -> Any:
    rows, waiting = lab.rows(), lab.table("outbox")
    followed = [(one["id"], one["ended"], one["unanswered_since"] is not None) for one in lab.table("open_records")]
    unended = [one for one in lab.table("passes") if one["ended"] is None]
    return rows, followed, waiting, unended


@pytest.mark.parametrize("mapping_changes", [False, True])
def test_killed_at_any_step_of_an_open_pass_the_next_run_ends_it_right(
    make_lab: MakeLab, mapping_changes: bool
) -> None:
    """Also when the mapping is changed in between: what was read last under the old one is read again."""

    def finish(lab: Lab) -> Any:
        if mapping_changes:
            lab.change_mapping("from: duration_ms, divide: 1000, round: 1", "from: duration_ms, divide: 1000, round: 0")
        lab.clock.advance(3600)
        assert lab.sync().error is None
        open_passes(lab)
        return outcome(lab)

    calm = story(make_lab, 0)
    steps = calm.killed_at(0)
    should = finish(calm)
    for step in Random(1 + mapping_changes).sample(range(1, steps + 1), 8):
        lab = story(make_lab, step)
        assert lab.killed_at(step) >= step
        assert finish(lab) == should, step
