"""The report: the numbers people, programs and pages are shown."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

import pytest
from lab import Lab, at, conversation

from connector.errors import ConfigError, QuotaSpent
from connector.forecast import PlannedKind, stream_plan
from connector.ledger import Books
from connector.orders import Order, Result
from connector.report import (
    BooksLine,
    StreamStatus,
    as_data,
    books_lines,
    status,
    trouble,
    window_of_resync,
)
from connector.spans import Span
from connector.triage import reject_groups

MakeLab = Callable[..., Lab]


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    made = make_lab(now=at(20))
    made.world.add(conversation("c1", at(9)))
    made.world.add(conversation("c2", at(10)))
    return made


def _status(lab: Lab) -> StreamStatus:
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], lab.clock.now())
    return found


# Status


def test_stream_that_never_ran_is_behind_since_its_window_began(lab: Lab) -> None:
    assert _status(lab) == StreamStatus(
        stream="conversations",
        is_mapped=True,
        is_enabled=True,
        complete_to=None,
        read_to=None,
        lag_seconds=20 * 3600,
        last_run=None,
        waiting=0,
        held=0,
        rejects=0,
        gaps=0,
        unfinished=0,
        owed=0,
        outdated=0,
        advice=(),
    )


def test_status_says_what_the_run_said(lab: Lab) -> None:
    result = lab.sync()
    lab.clock.set(at(21))
    found = _status(lab)
    assert (found.complete_to, found.read_to) == (result.complete_to, result.read_to) == (at(19.75), at(19.75))
    assert (found.lag_seconds, found.last_run and found.last_run.exit_code, found.advice) == (75 * 60, 0, ())


def test_spans_of_an_earlier_mapping_are_counted_and_a_full_resync_is_offered(lab: Lab) -> None:
    lab.sync()
    lab.change_mapping("  Is_Open__c: is_open\n", "")
    found = _status(lab)
    assert (found.outdated, found.advice) == (
        1,
        (
            "conversations: 1 span was mapped by an earlier version of the mapping; "
            "to map all anew: connector resync conversations --full",
        ),
    )


def test_stream_whose_mapping_is_gone_is_still_told(lab: Lab) -> None:
    lab.sync()
    with lab.opened() as ready:
        (found,) = status(ready.store, [], lab.clock.now())
    assert (found.stream, found.is_mapped, found.complete_to, found.read_to) == (
        "conversations",
        False,
        None,
        at(19.75),
    )
    assert found.advice == ("conversations: there is no mapping of this name any more; its state is kept",)


# Rejects


def test_rejects_of_one_reason_are_one_group_with_keys_only_when_asked(lab: Lab) -> None:
    lab.salesforce.add_validation_rule("Conversation__c", lambda record: True, "not today")
    lab.sync()
    with lab.opened() as ready:
        (without,) = reject_groups(ready.store, None)
        (with_keys,) = reject_groups(ready.store, "conversations", with_keys=True)
        none = reject_groups(ready.store, "another")
    assert (without.stream, without.object, without.code, without.count, without.keys, none) == (
        "conversations",
        "Conversation__c",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        2,
        (),
        (),
    )
    assert without.hint.startswith("A validation rule of the object refuses the row")
    assert with_keys == replace(without, keys=("c2", "c1"))


def test_rejects_that_were_mended_are_told_no_more(lab: Lab) -> None:
    bad = [True]
    lab.salesforce.add_validation_rule("Conversation__c", lambda record: bad[0], "not today")
    lab.sync()
    bad[0] = False
    lab.sync(Order(resync=lambda horizon: Span(at(0), horizon), forced=True))
    with lab.opened() as ready:
        assert reject_groups(ready.store, None) == ()


# Plans


def test_plan_of_a_new_stream_is_a_pass_for_each_cell_and_its_calls_a_guess(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(50))
    with lab.opened() as ready:
        found = stream_plan(ready.store, lab.stream, lab.clock.now(), 60)
    assert [(kind.kind, kind.passes, kind.first, kind.last) for kind in found.kinds] == [("new", 3, at(0), at(49.75))]
    assert (found.calls, found.seconds, found.is_guess) == (3, 3.0, True)


def test_plan_tells_what_is_owed(lab: Lab) -> None:
    lab.sync()
    with lab.opened() as ready:
        ready.store.passes.owe("conversations", [Span(at(8), at(9))], "resync", False)
        found = stream_plan(ready.store, lab.stream, lab.clock.now(), 60)
    assert ("resync", 1, at(8), at(9)) in [(kind.kind, kind.passes, kind.first, kind.last) for kind in found.kinds]


def test_plan_tells_of_open_records_that_are_due_and_their_calls(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10))
    for number in range(51):
        lab.world.add(conversation(f"mail{number:02}", at(1 + number / 60), 5000))
    lab.sync()
    kinds = {}
    for hours in (10.1, 20):
        with lab.opened() as ready:
            found = stream_plan(ready.store, lab.stream, at(hours), 60)
        kinds[hours] = [kind for kind in found.kinds if kind.kind == "open"]
    assert kinds == {10.1: [], 20: [PlannedKind("open", 1, at(1), at(1 + 50 / 60), calls=2, is_guess=False)]}
    lab.clock.set(at(20))
    lab.sync()
    with lab.opened() as ready:
        assert stream_plan(ready.store, lab.stream, at(21), 60).is_guess is False


# Books


def test_terms_that_are_zero_everywhere_are_left_out_and_sums_stay() -> None:
    first = Books(pulled=5, mapped=3, filtered=2, made=3, created=3)
    second = Books(pulled=1, mapped=1, made=1, unchanged=1)
    assert books_lines([first, second]) == (
        BooksLine("records pulled", (5, 1), is_sum=True),
        BooksLine("mapped", (3, 1)),
        BooksLine("filtered out", (2, 0)),
        BooksLine("rows made", (3, 1), is_sum=True),
        BooksLine("unchanged", (0, 1)),
        BooksLine("created", (3, 0)),
    )


def test_every_term_of_the_balances_has_a_line() -> None:
    every = Books(*range(1, len(fields(Books)) + 1))
    assert sorted(line.values[0] for line in books_lines([every])) == list(range(1, len(fields(Books)) + 1))


def test_trouble_is_what_a_run_newly_met() -> None:
    assert trouble(Result("calls", 0, new={"rejects": 0, "gaps": 0})) == ()
    assert trouble(Result("calls", 1, new={"rejects": 1, "gaps": 2})) == (
        "calls: 1 row was newly set aside: connector rejects calls",
        "calls: 2 spans were not read whole: connector gaps calls",
    )


# Re-sync


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        (None, None, Span(at(0), at(19.75))),
        (at(8.001), at(9.001), Span(at(8), at(9 + 1 / 60))),
        (at(-48), at(1), Span(at(0), at(1))),
        (at(19), at(30), Span(at(19), at(19.75))),
        (at(20), None, None),
        (at(-48), at(-24), None),
    ],
)
def test_resync_is_rounded_outward_and_stays_inside_what_can_be_read(
    lab: Lab, start: datetime | None, end: datetime | None, span: Span | None
) -> None:
    assert window_of_resync(lab.stream.window, start, end, at(20)) == span


# JSON


def test_values_become_plain_data() -> None:
    error = QuotaSpent("spent", "come back", come_back_seconds=5.0)
    result = Result("calls", 4, complete_to=at(1), new={"gaps": 1}, error=error)
    assert as_data({"span": Span(at(0), at(1)), "at": Path("/home"), "result": result, "why": ConfigError("no")}) == {
        "span": {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T01:00:00Z"},
        "at": "/home",
        "why": {"kind": "ConfigError", "message": "no", "hint": ""},
        "result": {
            "stream": "calls",
            "exit_code": 4,
            "books": vars(Books()),
            "complete_to": "2026-03-02T01:00:00Z",
            "read_to": None,
            "new": {"gaps": 1},
            "vanished": 0,
            "calls": {},
            "error": {"kind": "QuotaSpent", "message": "spent", "hint": "come back"},
            "story": [],
            "hidden": [],
        },
    }


def test_dry_run_counts_what_would_be_sent(lab: Lab) -> None:
    result = lab.sync(Order(rehearse=True))
    assert books_lines([result.books])[-1] == BooksLine("waiting", (2,))


def test_plan_tells_which_time_is_read_by_job_and_what_jobs_cost(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(100))
    lab.change_mapping("conversations.details}", "conversations.details, via: auto}")
    for number in range(3000):
        lab.world.add(conversation(f"c{number}", at(number / 100)))
    with lab.opened() as ready:
        before = stream_plan(ready.store, lab.stream, lab.clock.now(), 60).kinds
    assert [(one.path, one.why, one.passes, one.calls, one.is_guess) for one in before] == [
        ("job", "older than 48 hours", 2, 8, True),
        ("query", "younger than 48 hours", 3, 3, True),
    ]
    lab.sync()
    with lab.opened() as ready:
        ready.store.passes.owe("conversations", [Span(at(0), at(24))], "asked", False)
        after = stream_plan(ready.store, lab.stream, lab.clock.now(), 60).kinds
    assert [(one.path, one.why, one.is_guess) for one in after if one.kind == "resync"] == [
        ("query", "asked for as it is now", False)
    ]
