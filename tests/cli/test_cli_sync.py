"""`connector sync` and `connector resync`: what people and programs are told, and how runs end."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from cli_lab import Cli
from lab import at, conversation

from connector.sandbox.faults import Rule
from connector.state.database import Database
from connector.state.store import Store, StreamLock

MakeCli = Callable[..., Cli]

SECOND = """
about: the same conversations as another object
source: {query: conversations.details}
window: {start: 2026-03-02, size: P1D, lookback: PT6H, settle: PT15M, timezone: UTC}
target: {object: Conversation_Summary__c, external_id: Summary_Key__c}
fields:
  Summary_Key__c: {key: [conversationId]}
  Medium__c: direction
"""

LEGS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Conversation_Leg__c, external_id: Leg_Key__c}
fields:
  Leg_Key__c: {key: [conversationId]}
  Conversation__r.Conversation_Id__c: conversationId
"""

CREATED_TWO = {
    "pulled": 2,
    "duplicate": 0,
    "outside": 0,
    "filtered": 0,
    "unmappable": 0,
    "mapped": 2,
    "made": 2,
    "requeued": 0,
    "vanished": 0,
    "row_duplicate": 0,
    "unchanged": 0,
    "created": 2,
    "updated": 0,
    "deleted": 0,
    "rejected": 0,
    "superseded": 0,
    "pending": 0,
    "without_parent": 0,
}


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    """A command line over two conversations."""
    made = make_cli()
    made.lab.world.add(conversation("c1", at(9)))
    made.lab.world.add(conversation("c2", at(10)))
    return made


def test_first_sync_shows_home_new_state_and_both_balances(cli: Cli) -> None:
    said = cli("sync")
    assert (said.code, said.err.splitlines()) == (
        0,
        [
            f"home {cli.home}",
            f"new state file {cli.home}/connector.db",
            "conversations: pulling 2026-03-02 00:00, 1 pass left, 2 records",
        ],
    )
    words = [line.split() for line in said.out.splitlines() if line.strip() and "─" not in line]
    assert words == [
        ["conversations"],
        ["records", "pulled", "2"],
        ["mapped", "2"],
        ["rows", "made", "2"],
        ["created", "2"],
        ["Genesys", "Cloud", "calls", "3"],
        ["Salesforce", "calls", "3"],
        ["complete", "to", "(UTC)", "2026-03-02", "19:45"],
    ]


def test_json_is_one_document_and_nothing_else(cli: Cli) -> None:
    said = cli("sync", "--json")
    assert said.json == {
        "home": str(cli.home),
        "state": str(cli.home / "connector.db"),
        "is_new_state": True,
        "is_dry_run": False,
        "streams": [
            {
                "stream": "conversations",
                "exit_code": 0,
                "books": CREATED_TWO,
                "complete_to": "2026-03-02T19:45:00Z",
                "read_to": "2026-03-02T19:45:00Z",
                "new": {"rejects": 0, "gaps": 0},
                "vanished": 0,
                "calls": {"Genesys Cloud": 3, "Salesforce": 3},
                "error": None,
                "story": [],
                "hidden": [],
            }
        ],
        "exit_code": 0,
    }


def test_quiet_run_without_trouble_says_nothing(cli: Cli) -> None:
    cli("sync")
    assert cli("sync", "--quiet") == (0, "", "")


def test_quiet_run_still_tells_that_a_state_file_is_new(cli: Cli) -> None:
    assert cli("sync", "--quiet") == (0, "", f"new state file {cli.home}/connector.db\n")


def test_quiet_run_tells_new_rejects_and_only_new_ones(cli: Cli) -> None:
    cli("sync")
    cli.lab.salesforce.add_validation_rule(
        "Conversation__c", lambda record: record["Conversation_Id__c"] == "c3", "bad direction"
    )
    cli.lab.world.add(conversation("c3", at(19)))
    first = cli("sync", "--quiet")
    again = cli("sync", "--quiet")
    assert (first, again) == (
        (1, "", "! conversations: 1 row was newly set aside: connector rejects conversations\n"),
        (0, "", ""),
    )


def test_streams_are_independent_and_the_worst_exit_code_counts(cli: Cli) -> None:
    broken = SECOND.replace("Medium__c", "Nowhere__c")
    cli.lab.write_mapping(broken, "broken")
    said = cli("sync", "--json")
    assert said.code == 3
    assert [(one["stream"], one["exit_code"], one["books"]["created"]) for one in said.json["streams"]] == [
        ("broken", 3, 0),
        ("conversations", 0, 2),
    ]
    assert "Conversation_Summary__c.Nowhere__c" in said.err


def test_named_streams_run_alone_and_once(cli: Cli) -> None:
    cli.lab.write_mapping(SECOND, "second")
    said = cli("sync", "conversations", "conversations", "--json")
    assert [one["stream"] for one in said.json["streams"]] == ["conversations"]


def test_dry_run_tells_what_would_be_sent_and_writes_nothing(cli: Cli) -> None:
    before = sorted(path.name for path in cli.home.rglob("*"))
    said = cli("sync", "--dry-run")
    assert (said.code, said.err.splitlines()[-1]) == (0, "dry run: nothing was sent and nothing written")
    assert ["would", "be", "sent", "2"] in [line.split() for line in said.out.splitlines()]
    assert (cli.lab.rows(), sorted(path.name for path in cli.home.rglob("*"))) == (
        {},
        sorted([*before, "budget", "budget.lock"]),
    )


def test_service_that_is_down_is_exit_4_and_the_next_run_goes_on(cli: Cli) -> None:
    cli.lab.faults.change(Rule("status", {"code": 503}, service="genesys", path="details/query"))
    said = cli("sync", "--json")
    cli.lab.faults.change()
    assert (said.code, said.json["streams"][0]["error"]["kind"]) == (4, "ServiceUnavailable")
    assert "\n✗ Genesys Cloud: POST /api/v2/analytics/conversations/details/query answered 503\n  -> " in said.err
    assert (cli("sync").code, sorted(cli.lab.rows())) == (0, ["c1", "c2"])


def test_second_run_is_told_who_works_on_the_stream(cli: Cli) -> None:
    cli("sync")
    lock = StreamLock(cli.home / ".connector", "conversations")
    db = Database(cli.home / "connector.db")
    store = Store(db)
    lock.take(store)
    store.begin_run("conversations", "sync", at(20))
    try:
        said = cli("sync", "--json")
    finally:
        lock.release()
        db.close()
    assert (said.code, said.json["streams"][0]["error"]["kind"]) == (5, "AlreadyRunning")
    assert "works on it since 2026-03-02T20:00:00Z (sync)" in said.err


def test_wait_waits_for_the_other_run(cli: Cli) -> None:
    cli("sync")
    lock = StreamLock(cli.home / ".connector", "conversations")
    lock.try_take()
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        lock.release()
        cli.lab.clock.sleep(seconds)

    cli.changed_seams["sleep"] = nap
    said = cli("sync", "--wait")
    assert (said.code, naps[0] > 0) == (0, True)
    assert "conversations: another process works on it; waiting for it" in said.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_cleanly_and_the_next_run_goes_on(cli: Cli, number: signal.Signals, code: int) -> None:
    cli.lab.write_mapping(SECOND, "second")
    before = signal.getsignal(number)
    stopped: list[float] = []

    def interrupted(progress: Any) -> None:
        if not stopped:
            stopped.append(1)
            os.kill(os.getpid(), number)

    cli.changed_seams = {"tell": interrupted, "schedule": None}
    said = cli("sync", "--json")
    assert (said.code, [one["exit_code"] for one in said.json["streams"]]) == (code, [code, code])
    assert "stopping at the next safe point; once more ends at once" in said.err
    assert "stopped: conversations, second; nothing is lost, the next run goes on from here" in said.err
    assert signal.getsignal(number) is before
    cli.changed_seams = {}
    assert (cli("sync").code, sorted(cli.lab.rows())) == (0, ["c1", "c2"])


def test_time_that_is_over_is_no_trouble(cli: Cli) -> None:
    said = cli("sync", "--max-minutes", "0.0000001")
    assert said.code == 0
    assert "the time given is over: conversations; nothing is lost, the next run goes on from here" in said.err


def test_run_of_another_organisation_is_refused_until_it_is_adopted(cli: Cli, make_cli: MakeCli) -> None:
    cli("sync")
    other = make_cli(org_id="00Dak000000OtHeEAK")
    other.lab.world.add(conversation("c9", at(9)))
    (other.home / "connector.db").write_bytes(_closed(cli.home / "connector.db"))
    refused = other("sync")
    adopted = other("sync", "--adopt-org")
    assert (refused.code, adopted.code, sorted(other.lab.rows())) == (3, 0, ["c9"])
    assert "-> keep each organisation in a home of its own (--home)" in refused.err


def _closed(path: Any) -> Any:
    """A state file with all its content in the one file."""
    db = Database(path)
    db.value("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path.read_bytes()


def test_resync_reads_a_settled_period_again(cli: Cli) -> None:
    cli("sync")
    said = cli("resync", "conversations", "--from", "2026-03-02T08:00", "--to", "2026-03-02T09:30", "--json")
    books = said.json["streams"][0]["books"]
    assert (said.code, books["mapped"], books["unchanged"]) == (0, 1, 1)
    runs = cli("runs", "--json").json["runs"]
    assert runs[0]["command"] == "resync --from 2026-03-02T08:00 --to 2026-03-02T09:30"


def test_forced_resync_sends_unchanged_rows_too(cli: Cli) -> None:
    cli("sync")
    said = cli("resync", "conversations", "--last", "1d", "--force", "--json")
    books = said.json["streams"][0]["books"]
    assert (said.code, books["updated"], cli.lab.salesforce.writes("Conversation__c")) == (0, 2, {"c1": 2, "c2": 2})


def test_vanished_rows_are_shown_held_and_deleted_on_a_person_s_word(cli: Cli) -> None:
    cli.lab.change_mapping("Conversation_Id__c}", "Conversation_Id__c, when_vanished: delete}")
    for number in range(20):
        cli.lab.world.add(conversation(f"d{number}", at(18)))
    cli("sync")
    for number in range(20):
        cli.lab.world.hide(f"d{number}", at(20))
    said = cli("sync", "--quiet")
    assert (said.code, said.out) == (1, "")
    assert "20 of 20 rows between" in said.err
    assert "--from 2026-03-02T13:45:00Z --to 2026-03-02T19:45:00Z --accept-vanished" in said.err
    shown = cli("status", "--json").json["streams"][0]
    assert (shown["vanished"], shown["vanished_held"]) == (0, 20)
    dry = cli("resync", "conversations", "--full", "--accept-vanished", "--dry-run", "--json").json["streams"][0]
    assert (dry["books"]["vanished"], dry["books"]["pending"], len(cli.lab.rows())) == (20, 20, 22)
    done = cli("resync", "conversations", "--full", "--accept-vanished", "--json").json
    assert (done["streams"][0]["books"]["deleted"], done["exit_code"], len(cli.lab.rows())) == (20, 0, 2)
    assert cli("runs", "--json").json["runs"][0]["command"] == "resync --full --accept-vanished"


def test_rows_given_no_more_and_left_have_a_line_and_a_column(cli: Cli) -> None:
    cli.lab.world.add(conversation("c3", at(18)))
    cli("sync")
    cli.lab.world.hide("c3", at(20))
    cli.lab.clock.advance(600)
    said = cli("sync")
    assert (said.code, " ".join(said.out.split()).count("given no more, left 1")) == (0, 1)
    status = cli("status").out.split()
    assert "vanished" in status


def test_resync_as_a_dry_run_owes_nothing(cli: Cli) -> None:
    cli("sync")
    said = cli("resync", "conversations", "--full", "--force", "--dry-run", "--json")
    assert (said.code, said.json["streams"][0]["books"]["pending"]) == (0, 2)
    assert cli.lab.table("owed") == []


def test_new_keys_are_refused_until_a_person_accepts_them(cli: Cli) -> None:
    cli("sync")
    cli.lab.change_mapping("timezone: UTC", "timezone: Europe/Berlin")
    refused = cli("sync")
    accepted = cli("resync", "conversations", "--full", "--accept-new-keys")
    assert (refused.code, accepted.code, cli("sync").code) == (3, 0, 0)
    assert "connector resync conversations --full --accept-new-keys" in refused.err


def test_a_stream_of_parents_runs_before_that_of_their_children_whatever_their_names(cli: Cli) -> None:
    (cli.home / "mappings" / "a-legs.yml").write_text(LEGS)
    said = cli("sync", "a-legs", "conversations", "--json").json
    assert [(one["stream"], one["books"]["created"]) for one in said["streams"]] == [
        ("conversations", 2),
        ("a-legs", 2),
    ]
