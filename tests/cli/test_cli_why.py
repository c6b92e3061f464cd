"""connector why: one record's story."""

from collections.abc import Callable

import pytest
from cli_lab import Cli
from lab import at, conversation

from connector.salesforce.hints import hint_for
from connector.sandbox.faults import Rule

MakeCli = Callable[..., Cli]


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    made = make_cli()
    for number in range(3):
        made.lab.world.add(conversation(f"c{number}", at(9 + number)))
    return made


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and "──" not in line]


def test_a_record_that_was_created_and_changed_tells_when_and_by_what(cli: Cli) -> None:
    cli.lab.world.add(conversation("late", at(16)))
    cli("sync")
    cli.lab.clock.advance(3600)
    cli.lab.world.correct("late", conversation("late", at(16), minutes=9), cli.lab.clock.now())
    cli("sync")
    said = cli("why", "late")
    assert (said.code, lines(said.out)) == (
        0,
        [
            "Conversation__c late (stream conversations, 2026-03-02 16:00 UTC)",
            "- Salesforce has it as it was accepted last",
            "- its time was last read whole at 2026-03-02T21:00:00Z, by query",
            "answered (UTC) what read by sent by",
            "2026-03-02 20:00 created "
            "run 1, new pass of 2026-03-02T00:00:00Z/2026-03-02T19:45:00Z run 1, Collections call",
            "2026-03-02 21:00 updated: Ended__c, Duration_s__c "
            "run 2, new pass of 2026-03-02T13:45:00Z/2026-03-02T20:45:00Z run 2, Collections call",
        ],
    )


def test_a_record_in_trouble_tells_why_and_what_to_do(cli: Cli) -> None:
    is_refused = lambda record: record["Conversation_Id__c"] == "c1"  # noqa: E731
    cli.lab.salesforce.add_validation_rule("Conversation__c", is_refused, "no calls")
    cli("sync")
    said = cli("why", "c1")
    hint = hint_for("FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert (said.code, lines(said.out)) == (
        0,
        [
            "Conversation__c c1 (stream conversations, 2026-03-02 10:00 UTC)",
            "- what Salesforce has of it is not known: nothing was accepted, or it was deleted or forgotten since",
            "- set aside since 2026-03-02T20:00:00Z: FIELD_CUSTOM_VALIDATION_EXCEPTION: no calls",
            "- its time was last read whole at 2026-03-02T20:00:00Z, by query",
            "answered (UTC) what read by sent by",
            "2026-03-02 20:00 rejected FIELD_CUSTOM_VALIDATION_EXCEPTION "
            "run 1, new pass of 2026-03-02T00:00:00Z/2026-03-02T19:45:00Z run 1, Collections call",
            *" ".join(["FIELD_CUSTOM_VALIDATION_EXCEPTION ->", hint]).splitlines(),
        ],
    )


def test_a_row_on_its_way_tells_where_it_waits(cli: Cli) -> None:
    cli.lab.faults.change(Rule("status", {"code": 503}, service="salesforce", path="/composite/sobjects"))
    assert cli("sync").code == 4
    now = cli("why", "c1", "--json").json["rows"][0]["now"]
    assert now == [
        "a version is on its way: Collections call, ready",
        "what Salesforce has of it is not known: nothing was accepted, or it was deleted or forgotten since",
        "its time was not read whole yet",
    ]


def test_of_a_key_nobody_knows_it_says_what_may_be_and_ends_with_1(cli: Cli) -> None:
    said = cli("why", "c1")
    assert (said.code, lines(said.out)) == (
        1,
        ["no row of any stream has this external id, as far as the state knows; nothing was read yet"],
    )
    cli("sync")
    said = cli("why", "C1", "--json")
    assert (said.code, said.json["rows"]) == (1, [])
    assert said.json["message"] == (
        "no row of conversations has this external id, as far as the state knows. Either Genesys Cloud gave no such "
        "record since 2026-03-02T00:00:00Z, or `keep` and `skip` leave it out, or its key is written otherwise: "
        "capitals count, and parts stand in the order of the mapping's key"
    )
