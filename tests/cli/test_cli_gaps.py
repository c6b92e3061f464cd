"""`connector gaps` and `connector resync --gaps`."""

from collections.abc import Callable

import pytest
from cli_lab import Cli
from lab import at, conversation

from connector.sandbox.faults import Rule

MakeCli = Callable[..., Cli]


def promised(total: int) -> Rule:
    """Of the span of the first run, and of no other."""
    interval = {"interval": "2026-03-02T00:00:00.000Z/2026-03-02T19:45:00.000Z"}
    return Rule("total", {"value": total}, service="genesys", path="details/query", body=interval)


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    """A day with a gap that a first run has told, an hour ago."""
    made = make_cli()
    for number in range(3):
        made.lab.world.add(conversation(f"c{number}", at(9 + number)))
    made.lab.faults.change(promised(8))
    assert made("sync").code == 1
    made.lab.clock.set(at(21))
    return made


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_an_open_gap_is_told_with_its_numbers_and_what_comes_next(cli: Cli) -> None:
    assert lines(cli("gaps").out) == [
        "conversations  2026-03-02 00:00 to 2026-03-02 19:45 UTC",
        "  given  3 of 8 records promised",
        "  why    8 records promised, 3 given",
        "  seen   first 2026-03-02 20:00, last tried 2026-03-02 20:00, 1 try",
        "  next   tried by every run; from 2026-03-03T20:00:00Z on, one that gives just these records again closes it",
        "To try them now: connector resync conversations --gaps",
    ]
    (told,) = cli("gaps", "--json").json["gaps"]
    assert told == {
        "stream": "conversations",
        "span": {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T19:45:00Z"},
        "reason": "8 records promised, 3 given",
        "expected": 8,
        "received": 3,
        "missing": 5,
        "tries": 1,
        "first_seen": told["first_seen"],
        "last_tried": told["last_tried"],
        "same_since": told["same_since"],
        "believed_from": told["believed_from"],
        "is_tried": True,
        "next": told["next"],
    }


def test_history_tells_when_and_by_what_a_gap_was_closed(cli: Cli) -> None:
    cli.lab.faults.change()
    assert cli("resync", "conversations", "--gaps").code == 0
    assert cli("gaps").out == "no gaps\n"
    assert lines(cli("gaps", "--all").out) == [
        "no open gaps",
        "",
        "closed",
        "conversations  2026-03-02 00:00 to 2026-03-02 19:45 UTC",
        "  given   last short read: 3 of 8 records promised",
        "  closed  2026-03-02 21:00 by run 2: its witnesses agreed",
        "  open    60 min, since 2026-03-02 20:00, 1 try",
    ]
    document = cli("gaps", "--all", "--json").json
    (one,) = document["closed"]
    assert (document["gaps"], one["closed_by"], one["closed_run"], one["closed_pass"], one["tries"]) == (
        *([], "its witnesses agreed", 2, 2, 1),
    )


def test_without_gaps_nothing_is_asked_and_that_is_said(make_cli: MakeCli) -> None:
    cli = make_cli()
    cli.lab.world.add(conversation("c1", at(9)))
    cli("sync")
    cli.lab.genesys.calls.clear()
    said = cli("resync", "conversations", "--gaps")
    assert (said.code, said.out) == (0, "conversations: no gaps, so there is nothing to read again\n")
    document = cli("resync", "conversations", "--gaps", "--json").json
    assert (document["streams"], document["exit_code"]) == ([], 0)
    assert cli.lab.genesys.calls == []
    assert len(cli("runs", "--json").json["runs"]) == 1


@pytest.mark.parametrize("period", [["--full"], ["--last", "7d"], ["--from", "2026-03-02"], ["--to", "2026-03-02"]])
def test_gaps_and_a_period_together_are_a_usage_error(cli: Cli, period: list[str]) -> None:
    said = cli("resync", "conversations", "--gaps", *period)
    assert (said.code, said.err.splitlines()[-2:]) == (
        2,
        [
            "✗ --gaps reads the open gaps, whatever their time: it takes no --from, --to, --last or --full",
            "  -> a re-sync of a period reads the gaps it touches too",
        ],
    )


def test_runs_tell_what_was_new_and_agree_with_gaps_and_status(cli: Cli) -> None:
    cli("sync")
    cli.lab.faults.change(promised(9))
    assert cli("resync", "conversations", "--gaps").code == 1
    runs = [line.split() for line in cli("runs").out.splitlines() if "conversations" in line]
    assert [line[-6:] for line in runs if "read" in line] == [["1", "span", "was", "not", "read", "whole"]] * 2
    assert [one["counts"]["new"]["gaps"] for one in cli("runs", "--json").json["runs"]] == [1, 0, 1]
    assert [one["gaps"] for one in cli("status", "--json").json["streams"]] == [1]
    assert [one["missing"] for one in cli("gaps", "--json").json["gaps"]] == [6]


def test_status_and_gaps_of_a_stream_that_is_off_say_so(cli: Cli) -> None:
    cli.lab.change_mapping("about:", "enabled: false\nabout:")
    cli.lab.write_mapping(cli.lab.mapping.read_text().replace("_Id__c", "_Key__c"), "never-ran")
    (stream,) = cli("status", "--json").json["streams"]
    assert (stream["stream"], stream["is_mapped"], stream["is_enabled"], stream["advice"]) == (
        *("conversations", True, False),
        ["conversations: 1 span was not read whole: connector gaps conversations"],
    )
    said = cli("gaps").out
    assert "not tried while the stream is off (enabled: false), except by: connector sync conversations" in said
    assert "resync" not in said


def test_a_name_that_is_no_stream_is_told_and_one_only_the_state_knows_is_shown(cli: Cli) -> None:
    assert (cli("gaps", "conversation").code, cli("gaps", "conversations").code) == (3, 0)
    assert "there is no stream 'conversation'" in cli("gaps", "conversation").err
    cli.lab.mapping.rename(cli.lab.mapping.with_name("others.yml"))
    said = cli("gaps", "conversations")
    assert (said.code, "not tried any more: there is no mapping of this name" in said.out) == (0, True)
