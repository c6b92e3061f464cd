"""Gaps through whole runs: tried again by each, told once, read at once when asked for, whatever changes meanwhile."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from lab import MAPPING, Killed, Lab, at, conversation

from connector.assemble import load_streams
from connector.errors import PermissionMissing
from connector.gaps import closed_gaps, open_gaps
from connector.orders import Order, Result
from connector.report import status
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.faults import Rule
from connector.spans import Span, stamp

MakeLab = Callable[..., Lab]
DETAILS = "/details/query"
DAY_2 = Span(at(24), at(48))
GAPS = Order("resync --gaps", gaps=True)


def lab_with_a_gap(make_lab: MakeLab, count: int = 30, promised: int = 40) -> Lab:
    """Of the second day more is promised than given; the third has begun. The first run has told it."""
    lab = make_lab(now=at(48.5))
    for number in range(count):
        lab.world.add(conversation(f"c{number:05}", at(25 + number / 60)))
    promise(lab, promised)
    result = lab.sync()
    assert (result.exit_code, result.new["gaps"], spans(lab)) == (1, 1, [DAY_2])
    lab.clock.advance(3600)
    return lab


def promise(lab: Lab, total: int) -> None:
    """Every answer about the second day says that there are so many."""
    lab.faults.change(Rule("total", {"value": total}, path=DETAILS, body={"interval": DAY_2_ASKED}))


DAY_2_ASKED = "2026-03-03T00:00:00.000Z/2026-03-04T00:00:00.000Z"


def spans(lab: Lab) -> list[Span]:
    with lab.opened() as ready:
        return [one.span for one in ready.store.gaps.open()]


def history(lab: Lab) -> list[tuple[Any, ...]]:
    with lab.opened() as ready:
        return [(one.span, one.closed_by, one.closed_run) for one in closed_gaps(ready.store, None)]


def told(lab: Lab) -> tuple[Any, ...]:
    """Of the one open gap: promised, given, missing, tries, whether it is tried, what comes next."""
    with lab.opened() as ready:
        streams = load_streams(lab.config, also_off=True)
        (one,) = open_gaps(ready.store, streams, None, lab.clock.now())
        (known,) = [each.gaps for each in status(ready.store, streams, lab.clock.now())]
    assert known == 1
    return one.expected, one.received, one.missing, one.tries, one.is_tried, one.next


def outcome(result: Result) -> tuple[int, int]:
    return result.exit_code, result.new["gaps"]


def listen(lab: Lab) -> list[Any]:
    """The bodies of all questions for details from now on."""
    heard: list[Any] = []

    class Listening(WsgiAdapter):
        def send(self, request: Any, *arguments: Any, **more: Any) -> Any:
            if request.url.endswith(DETAILS):
                heard.append(json.loads(request.body))
            return super().send(request, *arguments, **more)

    lab.wrap_adapter = lambda adapter: Listening(lab.answering, lab.clock)
    return heard


TRIED = "tried by every run; from 2026-03-05T00:30:00Z on, one that gives just these records again closes it"


# What is new


def test_a_run_ends_with_1_only_for_a_gap_that_is_new_or_lacks_more_than_ever(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    outcomes = []
    for promised in (40, 38, 45, 45, 40, 45):
        promise(lab, promised)
        outcomes.append(outcome(lab.sync()))
        lab.clock.advance(600)
    assert outcomes == [(0, 0), (0, 0), (1, 1), (0, 0), (0, 0), (0, 0)]
    assert told(lab) == (45, 30, 15, 7, True, TRIED)


def test_what_a_killed_run_met_is_told_by_the_next_and_only_by_it(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    promise(lab, 50)

    def kill_once_it_is_met() -> None:
        if tries(lab) == 2:
            raise Killed

    lab.after_commit = kill_once_it_is_met
    with pytest.raises(Killed):
        lab.sync()
    lab.after_commit = lambda: None
    assert [outcome(lab.sync()) for _ in range(2)] == [(1, 1), (0, 0)]


def tries(lab: Lab) -> int:
    """Tries of the gap, read beside the run."""
    with sqlite3.connect(lab.config.state) as db:
        return int(db.execute("SELECT coalesce(max(tries), 0) FROM gaps").fetchone()[0])


# What closes it


def test_a_gap_heals_by_agreement_or_by_the_same_records_a_day_later_and_its_history_tells_which(
    make_lab: MakeLab,
) -> None:
    agreed, believed = lab_with_a_gap(make_lab), lab_with_a_gap(make_lab)
    agreed.faults.change()
    believed.clock.set(at(72.6))
    for lab in (agreed, believed):
        result = lab.sync()
        assert (outcome(result), spans(lab)) == ((0, 0), [])
        assert result.complete_to is not None and result.complete_to > DAY_2.end
    assert history(agreed) == [(DAY_2, "its witnesses agreed", 2)]
    assert history(believed) == [(DAY_2, "a day later the same records were all there were", 2)]


# resync --gaps


def test_gaps_are_read_at_once_when_asked_for_and_nothing_else_is(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    lab.world.add(conversation("later", at(48.6)))
    asked = listen(lab)
    assert outcome(lab.sync(GAPS)) == (0, 0)
    assert {body["interval"] for body in asked} == {DAY_2_ASKED}
    assert (told(lab)[3], lab.table("owed"), "later" in lab.rows()) == (2, [], False)
    lab.faults.change()
    assert (lab.sync(GAPS).exit_code, spans(lab)) == (0, [])
    assert lab.sync(GAPS).books.pulled == 0


def test_forced_all_rows_of_a_gap_are_sent_at_once_and_again_when_it_heals(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    sent = [lab.sync(Order("resync --gaps --force", gaps=True, forced=True)).books.updated]
    sent += [lab.sync().books.updated]
    lab.faults.change()
    sent += [lab.sync().books.updated for _ in range(3)]
    assert (sum(sent), sent[:2], sent[-1], spans(lab), lab.table("owed")) == (60, [30, 0], 0, [], [])


def test_a_dry_run_reads_gaps_and_changes_nothing(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    lab.faults.change()
    before = lab.table("gaps"), lab.table("owed"), lab.table("passes")
    result = lab.sync(Order("resync --gaps", gaps=True, rehearse=True))
    assert (result.error, result.books.pulled) == (None, 30)
    assert (lab.table("gaps"), lab.table("owed"), lab.table("passes")) == before


def test_killed_at_any_commit_the_next_run_reads_the_gaps_that_were_asked_for(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab, count=3, promised=4)
    lab.faults.change()
    state = lab.config.state.read_bytes()
    order = Order("resync --gaps --force", gaps=True, forced=True)
    step = 0
    is_killed = True
    while is_killed:
        step += 1
        lab.config.state.write_bytes(state)
        is_killed = lab.killed_at(step, order, calls=False) >= step
        was_owed = bool(lab.table("owed")) or any(one["forced"] for one in lab.table("passes"))
        result = lab.sync()
        assert (result.error, spans(lab), lab.table("owed"), lab.table("outbox")) == (None, [], [], []), step
        # Once it was written as owed, each of the three rows is sent once more.
        assert sum(one["updated"] for one in lab.table("passes")) == 3 * was_owed, step
    assert step > 10
    assert lab.rows() == lab.truth(at(48))


def test_a_resync_of_a_period_reads_the_gap_in_it_and_owes_what_it_lacks_no_longer(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    order = Order("resync", resync=lambda horizon: Span(at(30), horizon))
    assert (outcome(lab.sync(order)), told(lab)[3], lab.table("owed")) == ((0, 0), 2, [])


# What changes meanwhile


def test_the_gap_of_a_stream_that_is_off_or_gone_is_told_so_and_one_before_the_start_closes(make_lab: MakeLab) -> None:
    lab = lab_with_a_gap(make_lab)
    lab.change_mapping("about:", "enabled: false\nabout:")
    off = "not tried while the stream is off (enabled: false), except by: connector sync conversations"
    assert told(lab)[3:] == (1, False, off)
    text = lab.mapping.read_text()
    lab.mapping.unlink()
    lab.write_mapping(MAPPING.replace("start: 2026-03-02", "start: 2026-03-05"), "others")
    with lab.opened() as ready:
        (one,) = open_gaps(ready.store, load_streams(lab.config, also_off=True), None, lab.clock.now())
    assert (one.is_tried, one.next) == (False, "not tried any more: there is no mapping of this name")
    lab.mapping.unlink()
    lab.write_mapping(text.replace("enabled: false\n", "").replace("start: 2026-03-02", "start: 2026-03-04"))
    assert told(lab)[4:] == (
        False,
        "not tried any more: it lies before window.start, and the next run closes it",
    )
    result = lab.sync()
    assert (outcome(result), spans(lab), history(lab)) == ((0, 0), [], [(DAY_2, "it lies before window.start now", 2)])
    lab.change_mapping("start: 2026-03-04", "start: 2026-03-02")
    lab.faults.change()
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(49.25)))


def test_other_intervals_leave_no_gap_on_old_boundaries_and_read_all_time_anew(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(34.3))
    lab.mapping.unlink()
    lab.write_mapping(INTERVALS, "hours")
    for number in range(40):
        lab.world.add(conversation(f"c{number}", at(number), 5))
    lab.sync()
    with lab.opened() as ready, ready.store.db.transaction() as db:
        # The first five hours of the second day were read short.
        db.execute("UPDATE coverage SET start = '2026-03-03T05:00:00Z' WHERE start = '2026-03-03T00:00:00Z'")
        db.execute(
            """INSERT INTO gaps (stream, start, end, reason, received, digest, digest_since, first_seen, last_tried)
               VALUES ('hours', '2026-03-03T00:00:00Z', '2026-03-03T05:00:00Z', 'refused', 0, x'', ?, ?, ?)""",
            ["2026-03-03T10:18:00Z"] * 3,
        )
    lab.change_mapping("granularity: PT1H", "granularity: P1D")
    assert lab.sync().exit_code == 3
    result = lab.sync(Order("resync --full", resync=lambda horizon: Span(at(0), horizon), accept_new_keys=True))
    assert (result.error, result.complete_to, spans(lab)) == (None, at(24), [])
    assert history(lab) == [(Span(at(24), at(29)), "the mapping's keys changed", 3)]
    lab.clock.set(at(49))
    lab.sync()
    days = [(stamp(at(day)), stamp(at(day + 24))) for day in (0, 24)]
    assert [(one["start"], one["end"]) for one in lab.table("coverage")] == days
    assert {
        row["Offered__c"] for row in lab.salesforce.rows("Queue_Interval__c").values() if row["Offered__c"] > 1
    } == {
        16.0,
        24.0,
    }


INTERVALS = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]}
window: {start: 2026-03-02, size: P1D, lookback: PT6H}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Offered__c: nOffered.count
"""


# A permission taken away in the middle


def test_a_permission_taken_away_in_the_middle_leaves_the_pass_open_and_given_back_it_goes_on(
    make_lab: MakeLab,
) -> None:
    no = {
        "code": "missing.permissions",
        "status": 403,
        "message": "Unable to perform the requested action. You are missing the following permission(s): "
        "analytics:conversationDetail:view",
    }
    lab = make_lab(now=at(10.3), rules=(Rule("status", {"code": 403, "json": no}, path=DETAILS, page=2),))
    for number in range(150):
        lab.world.add(conversation(f"c{number:05}", at(0.5 + number / 60)))
    result = lab.sync()
    assert (result.exit_code, type(result.error), spans(lab)) == (3, PermissionMissing, [])
    assert "analytics:conversationDetail:view" in str(result.error)
    assert [(one["state"], one["distinct_keys"]) for one in lab.table("passes")] == [("pulling", 100)]
    lab.faults.change()
    asked = listen(lab)
    result = lab.sync()
    # The last stored page again, then those behind it and the empty one that ends the list.
    assert [body["paging"]["pageNumber"] for body in asked] == [1, 2, 3]
    assert (result.exit_code, lab.rows()) == (0, lab.truth(at(10.05)))
    assert {one["state"] for one in lab.table("passes")} == {"settled"}
