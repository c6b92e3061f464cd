"""Bad input: one clear message with the mend, the right exit code, nothing half-written, no traceback."""

import json
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_lab import Cli, Said
from lab import at, conversation

from connector.sandbox.faults import Rule

MakeCli = Callable[..., Cli]


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    made = make_cli()
    made.lab.world.add(conversation("c1", at(9)))
    return made


def _files(cli: Cli) -> set[str]:
    made = {"salesforce.db", "salesforce.db-wal", "salesforce.db-shm", "budget", "budget.lock"}
    return {path.name for path in cli.home.rglob("*") if path.is_file()} - made


def _told(said: Said) -> str:
    """The complaint alone; fails unless it looks like one: what happened, then the mend."""
    text = said.err[said.err.index("✗") :]
    assert "Traceback" not in said.err
    return text


# Settings


def test_missing_secret_names_the_setting_and_where_it_was_looked_for(cli: Cli) -> None:
    del cli.environment["GENESYS_CLIENT_SECRET"]
    said = cli("sync")
    assert (said.code, said.out) == (3, "")
    assert "GENESYS_CLIENT_SECRET: not set; looked in the environment, GENESYS_CLIENT_SECRET_FILE and" in _told(said)
    assert _files(cli) == {"conversations.yml"}


def test_all_problems_of_the_settings_come_together(cli: Cli) -> None:
    cli.environment.update(GENESYS_REGION="mypurecloud.xx", SALESFORCE_DOMAIN="login", GENESYS_CLIENT_ID="")
    said = cli("sync")
    lines = _told(said).splitlines()
    assert said.code == 3
    assert [line.split(":")[0].strip(" ✗") for line in lines] == [
        "3 settings are missing or wrong",
        "GENESYS_REGION",
        "SALESFORCE_DOMAIN",
        "GENESYS_CLIENT_ID",
    ]


def test_wrong_genesys_secret_is_exit_3_and_never_shown(cli: Cli) -> None:
    cli.environment["GENESYS_CLIENT_SECRET"] = "mistyped-secret-1234"
    said = cli("sync", "--debug")
    assert said.code == 3
    assert "-> GENESYS_CLIENT_SECRET does not fit GENESYS_CLIENT_ID" in said.err
    assert "mistyped-secret-1234" not in said.out + said.err


def test_wrong_salesforce_secret_is_exit_3_and_never_shown(cli: Cli) -> None:
    cli.environment["SALESFORCE_CLIENT_SECRET"] = "mistyped-secret-1234"
    said = cli("sync")
    assert said.code == 3
    assert "-> SALESFORCE_CLIENT_SECRET is wrong: copy the consumer secret" in _told(said)
    assert "mistyped-secret-1234" not in said.out + said.err


def test_region_of_another_organisation_is_told_with_the_setting(cli: Cli) -> None:
    cli.environment["GENESYS_REGION"] = "mypurecloud.jp"
    said = cli("sync")
    assert said.code == 4
    assert "login.mypurecloud.jp" in _told(said)


def test_wrong_my_domain_is_told_with_the_setting(cli: Cli) -> None:
    cli.environment["SALESFORCE_DOMAIN"] = "acmee.my"
    said = cli("sync")
    assert said.code == 4
    assert "acmee.my.salesforce.com" in _told(said)


def test_without_a_network_nothing_is_lost_and_the_exit_code_is_4(cli: Cli) -> None:
    cli.lab.faults.change(Rule("refuse"))
    said = cli("sync")
    assert said.code == 4
    assert "dropped the connection" in _told(said)


def test_home_that_is_no_folder(cli: Cli, tmp_path: Path) -> None:
    said = cli("sync", home=tmp_path / "nowhere")
    assert said == (
        3,
        "",
        f"✗ {tmp_path}/nowhere is not a folder\n  -> name the home by --home or CONNECTOR_HOME, or make the folder\n",
    )


# Mappings


def test_unknown_stream_suggests_the_nearest(cli: Cli) -> None:
    said = cli("sync", "conversatons")
    assert (said.code, _told(said)) == (
        3,
        "✗ there is no stream 'conversatons'; did you mean 'conversations'?\n"
        f"  -> streams of {cli.home}/mappings: conversations\n",
    )


@pytest.mark.parametrize("command", ["sync", "status", "plan", "check"])
def test_unknown_stream_is_exit_3_everywhere(cli: Cli, command: str) -> None:
    said = cli(command, "nope")
    assert said.code == 3
    assert "there is no stream 'nope'" in said.out + said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "conversations.yml"),
        ("source:\n\tquery: conversations.details\n", "tab"),
        ("about: a\nabout: b\n", "about"),
        (b"about: \xff\xfe\n", "UTF-8"),
    ],
    ids=["empty", "tab", "twice", "not text"],
)
def test_mapping_that_cannot_be_read_is_told_with_its_place(cli: Cli, text: str | bytes, told: str) -> None:
    cli.lab.mapping.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = cli("sync")
    assert (said.code, _files(cli)) == (3, {"conversations.yml"})
    assert str(cli.lab.mapping) in _told(said)
    assert told in _told(said)
    assert "-> mend the lines named above; nothing was read or sent" in _told(said)


def test_mappings_folder_without_files(cli: Cli) -> None:
    cli.lab.mapping.unlink()
    said = cli("sync")
    assert (said.code, "holds no mapping" in _told(said)) == (3, True)


def test_unknown_metric_suggests_the_known_one(cli: Cli) -> None:
    cli.lab.write_mapping(
        """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [tHandel]}
window: {start: 2026-03-02}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Average_Handle_s__c: tHandel.sum
""",
        "queues",
    )
    said = cli("sync")
    assert said.code == 3
    assert "tHandle" in _told(said)


# Salesforce


def test_field_missing_in_salesforce_sends_nothing(cli: Cli) -> None:
    cli.lab.salesforce.hide_field("Conversation__c", "Is_Open__c")
    said = cli("sync")
    assert (said.code, cli.lab.rows()) == (3, {})
    assert "Conversation__c.Is_Open__c" in _told(said)
    assert "-> nothing was sent; mend the object or the mapping, then run connector check" in _told(said)


def test_key_field_that_is_no_external_id(cli: Cli) -> None:
    cli.lab.change_mapping("external_id: Conversation_Id__c", "external_id: Direction__c")
    cli.lab.change_mapping("Direction__c: direction", "Direction__c: {key: [conversationId]}")
    said = cli("sync")
    assert (said.code, cli.lab.rows()) == (3, {})
    assert "Conversation__c.Direction__c: the key field is not flagged External ID and Unique" in _told(said)


# Options


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from", "2026-03-05", "--to", "2026-03-02"], "--from 2026-03-05 is not before --to 2026-03-02"),
        (["--from", "2026-02-30"], "--from '2026-02-30' is no date (day is out of range for month)"),
        (["--from", "yesterday"], "--from 'yesterday' is no date"),
        (["--from", "2026-03-02", "--full"], "say which period"),
        ([], "say which period"),
        (["--to", "2026-03-02"], "--to needs --from"),
        (["--last", "seven"], "--last 'seven' is no length of time"),
        (["--last", "0d"], "--last '0d' is no length of time"),
        (["--last", "1d", "--accept-new-keys"], "--accept-new-keys needs --full"),
    ],
)
def test_period_that_makes_no_sense_is_a_usage_error(cli: Cli, options: list[str], told: str) -> None:
    said = cli("resync", "conversations", *options)
    assert (said.code, said.out) == (2, "")
    assert _told(said).startswith(f"✗ {told}")
    assert _files(cli) == {"conversations.yml"}


def test_period_before_the_stream_begins_is_told_with_its_bounds(cli: Cli) -> None:
    said = cli("resync", "conversations", "--from", "2026-01-01", "--to", "2026-02-01")
    assert said.code == 3
    assert "the stream begins at 2026-03-02 00:00 UTC and is settled up to 2026-03-02 19:45 UTC" in _told(said)


def test_period_after_the_time_the_services_tell_is_not_owed(cli: Cli) -> None:
    cli("sync")
    cli.lab.clock_error = timedelta(hours=3)
    said = cli("resync", "conversations", "--last", "1h")
    assert (said.code, cli.lab.table("owed")) == (3, [])
    assert "settled up to 2026-03-02 19:45 UTC" in _told(said)


@pytest.mark.parametrize("arguments", [["--nope"], ["sync", "--max-minutes", "soon"], ["preview"], ["snyc"]])
def test_usage_error_is_exit_2_with_the_way_to_the_help(cli: Cli, arguments: list[str]) -> None:
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert _told(said).splitlines()[-1].startswith("  -> see connector")


def test_no_command_shows_the_help(cli: Cli) -> None:
    said = cli()
    assert said.code == 2
    assert "Usage: connector" in said.out + said.err


# State


def test_state_of_a_newer_version(cli: Cli) -> None:
    cli("sync")
    with sqlite3.connect(cli.home / "connector.db") as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('connector', '0099_new', '')"
        )
    said = cli("sync")
    assert said.code == 3
    assert "written by a newer version of connector (it knows 0099_new)" in _told(said)


def test_state_that_is_no_state_file(cli: Cli) -> None:
    (cli.home / "connector.db").write_text("this is no database, but long enough to look at" * 100)
    said = cli("status")
    assert said.code == 3
    assert "-> the file is damaged or no state file" in _told(said)


@pytest.mark.parametrize("command", ["sync", "check"])
def test_state_in_a_place_that_cannot_be_written(cli: Cli, command: str) -> None:
    cli.environment["CONNECTOR_STATE"] = str(cli.lab.mapping / "connector.db")
    said = cli(command)
    assert said.code == 3
    assert "writable by this user" in said.out + said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(cli: Cli) -> None:
    (cli.home / "connector.db").symlink_to("/dev/full")
    said = cli("sync")
    assert said.code == 3
    assert "-> the disk is full: free some space and run again; nothing is lost" in _told(said)


# Faults nobody foresaw


def _broken(progress: Any) -> None:
    raise RuntimeError("a text with +49 170 1234567")


def test_bug_is_one_line_without_its_text(cli: Cli) -> None:
    cli.changed_seams["tell"] = _broken
    said = cli("sync")
    assert said.code == 1
    assert re.fullmatch(
        r"✗ conversations: this is a bug in connector: RuntimeError \(session.py, line \d+\)\n"
        "  -> run the same command with --debug to see the traceback, and report it; what was done so far is safe\n",
        _told(said),
    )


def test_debug_shows_the_traceback(cli: Cli) -> None:
    cli.changed_seams["tell"] = _broken
    said = cli("sync", "--debug")
    assert (said.code, "Traceback (most recent call last)" in said.err) == (1, True)


def test_full_disk_while_a_file_is_written_is_no_bug(cli: Cli) -> None:
    def full(progress: Any) -> None:
        raise OSError(28, os.strerror(28), "/somewhere/batch-1.csv")

    cli.changed_seams["tell"] = full
    said = cli("sync")
    assert (said.code, _told(said)) == (
        3,
        "✗ conversations: /somewhere/batch-1.csv: No space left on device\n"
        "  -> the disk is full: free some space and run again; nothing is lost\n",
    )


# Programs


def test_json_holds_the_error_and_the_exit_code(cli: Cli) -> None:
    said = cli("status", "nope", "--json")
    assert (said.code, said.json) == (
        3,
        {
            "error": {
                "kind": "ConfigError",
                "message": "there is no stream 'nope'",
                "hint": f"streams of {cli.home}/mappings: conversations",
            },
            "exit_code": 3,
        },
    )


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_log_lines_are_json_where_the_settings_say_so(cli: Cli, place: str) -> None:
    if place == ".env":
        (cli.home / ".env").write_text("CONNECTOR_LOG=json\n")
        (cli.home / ".env").chmod(0o600)
    else:
        cli.environment["CONNECTOR_LOG"] = "json"
    cli.environment["GENESYS_CLIENT_SECRET"] = "wrong"
    said = cli("sync", "--quiet")
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert said.code == 3
    assert [(line["level"], line["logger"], line.get("result", {}).get("exit_code")) for line in lines] == [
        ("info", "connector.cli.sync", 3),
        ("error", "connector.cli.session", None),
    ]
    assert lines[1]["hint"].startswith("GENESYS_CLIENT_SECRET does not fit")


def test_brackets_in_messages_are_shown_as_they_are(cli: Cli) -> None:
    cli.lab.salesforce.add_validation_rule("Conversation__c", lambda record: True, "see [rule] [/one]")
    assert cli("sync").code == 1
    assert "\n  see [rule] [/one]\n" in cli("rejects").out


def test_the_same_refused_login_is_told_once_for_all_streams(cli: Cli) -> None:
    again = cli.lab.mapping.read_text().replace("object: Conversation__c", "object: Queue_Interval__c")
    (cli.lab.mapping.parent / "others.yml").write_text(again)
    cli.environment["GENESYS_CLIENT_SECRET"] = "wrong"
    said = cli("sync")
    assert (said.code, said.err.count("✗ "), "✗ conversations, others: " in said.err) == (3, 1, True)
