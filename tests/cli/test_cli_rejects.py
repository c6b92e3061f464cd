"""Rejects at the command line: groups, one of them, a file of all, and trying them again."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_lab import Cli, Said
from lab import at, conversation
from rich.console import Console

from connector.cli.rejects import shown_groups
from connector.triage import reject_groups

MakeCli = Callable[..., Cli]
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
LONG = "queue-" + "x" * 60


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    """The id of a queue is too long (c0, c1); a validation rule refuses c5 until it is mended."""
    made = make_cli()
    for number in range(6):
        queue = LONG[: 50 + number] if number < 2 else "q1"
        made.lab.world.add(conversation(f"c{number}", at(9 + number), queue=queue))
    made.lab.salesforce.add_validation_rule(
        "Conversation__c",
        lambda row: row["Conversation_Id__c"] == "c5" and not (made.home / "mended").exists(),
        "not today",
    )
    assert made("sync").code == 1
    made.lab.clock.advance(7200)
    return made


def mend(cli: Cli) -> None:
    (cli.home / "mended").touch()


def test_groups_tell_shape_age_hint_and_place_within_80_columns_and_no_value(cli: Cli) -> None:
    console = Console(file=io.StringIO(), width=80)
    with cli.lab.opened() as ready:
        for one in shown_groups(reject_groups(ready.store, None), cli.lab.clock.now()):
            console.print(one)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [  # type: ignore[attr-defined]
        "2 rows  STRING_TOO_LONG  Conversation__c.First_Queue_Id__c  conversations",
        "  text of 50 to 51 characters; first seen 2 h ago, last 2 h ago",
        "  First Queue Id: data value too large (max length=40) (not sent)",
        "  -> Add `truncate` with the field's length to the mapping, or make the field",
        "  longer in Setup.",
        "  -> Setup > Object Manager > Conversation__c > Fields & Relationships >",
        "  First_Queue_Id__c",
        "",
        f"1 row  {RULE}  Conversation__c  conversations",
        "  first seen 2 h ago, last 2 h ago",
        "  not today",
        "  -> A validation rule of the object refuses the row: mend the value, or except",
        "  the integration user from the rule.",
        "  -> Setup > Object Manager > Conversation__c > Validation Rules",
        "",
        "One of them: connector rejects show KEY. When mended: connector resync STREAM",
        "--rejects",
    ]


def test_keys_are_shown_only_when_asked_for_and_json_tells_the_same(cli: Cli) -> None:
    without, with_keys = cli("rejects"), cli("rejects", "conversations", "--show-keys")
    assert ("c5" in without.out, "     c5\n" in with_keys.out) == (False, True)
    assert [
        (one["code"], one["shape"], one["count"], one["keys"]) for one in cli("rejects", "--json").json["rejects"]
    ] == [
        ("STRING_TOO_LONG", "text of 50 to 51 characters", 2, []),
        (RULE, "", 1, []),
    ]
    assert cli("rejects", "--stream", "another").out == "no rows are set aside\n"


def test_one_reject_is_shown_with_everything_known_and_the_values_of_its_row(cli: Cli) -> None:
    said = cli("rejects", "show", "c5")
    assert said.code == 0
    assert (
        said.out.splitlines()
        == f"""Conversation__c c5
  stream     conversations
  time       2026-03-02 14:00 UTC
  code       {RULE}
  message    not today
  fields     none named
  first seen 2026-03-02 20:00 UTC, 2 h ago
  last seen  2026-03-02 20:00 UTC, 2 h ago
  tries      1, the last in pass 1 of run 1
  now        set aside
  -> A validation rule of the object refuses the row: mend the value, or except the integration user from the rule.
  -> Setup > Object Manager > Conversation__c > Validation Rules
  -> when mended: connector resync conversations --rejects --code {RULE}
  the row:
     Conversation_Id__c: c5
     Started__c: 2026-03-02T14:00:00Z
     Ended__c: 2026-03-02T14:05:00Z
     Direction__c: inbound
     Duration_s__c: 300.0
     Media_Types__c: voice
     First_Queue_Id__c: q1
     Is_Open__c: false
""".splitlines()
    )
    mend(cli)
    cli("resync", "conversations", "--rejects")
    (found,) = cli("rejects", "show", "c5", "--json").json["rejects"]
    assert (found["closed_by"], found["values"]["Direction__c"]) == ("a later version was created", "inbound")


def test_a_key_nobody_knows_is_one_sentence_that_does_not_repeat_it(cli: Cli) -> None:
    said = cli("rejects", "show", "+49 171 5551234")
    assert (said.code, "with that key was ever set aside" in said.err, "5551234" in said.err) == (2, True, False)


def test_export_writes_every_reject_and_its_row_to_a_private_file_once(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "rejects.csv"
    said = cli("rejects", "export", "--out", str(file))
    assert (said.code, said.out) == (0, f"3 rows written to {file}\n")
    assert oct(file.stat().st_mode)[-3:] == "600"
    with file.open(encoding="utf-8", newline="") as opened:
        first, *_ = rows = list(csv.DictReader(opened))
    assert sorted((one["key"], one["code"]) for one in rows) == [
        ("c0", "STRING_TOO_LONG"),
        ("c1", "STRING_TOO_LONG"),
        ("c5", RULE),
    ]
    assert {"stream", "object", "message", "fields", "time", "first_seen", "last_seen", "tries"} <= set(first)
    assert next(one for one in rows if one["key"] == "c1")["First_Queue_Id__c"] == LONG[:51]
    again = cli("rejects", "export", "conversations", "--code", RULE.lower(), "--out", str(file))
    assert (again.code, "is there already" in again.err) == (2, True)
    forced = cli("rejects", "export", "conversations", "--code", RULE.lower(), "--out", str(file), "--force", "--json")
    assert forced.json == {"home": str(cli.home), "file": str(file), "rows": 1}
    assert [one.name for one in tmp_path.iterdir() if "rejects.csv" in one.name] == ["rejects.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rejects", "show"], "show needs the key"),
        (["rejects", "export"], "export needs a file"),
        (["rejects", "a", "b"], "takes one stream"),
        (["rejects", "--code", "X"], "--code does not go with a list of groups"),
        (["rejects", "show", "c5", "--force"], "--force does not go with show"),
        (["rejects", "export", "--out", "x.csv", "--code", "NONE"], f"STRING_TOO_LONG (2), {RULE} (1)"),
        (["resync", "conversations", "--rejects", "--code", "NONE"], f"STRING_TOO_LONG (2), {RULE} (1)"),
        (["resync", "conversations", "--code", RULE, "--full"], "--code needs --rejects"),
        (["resync", "conversations", "--rejects", "--full"], "say which period"),
        (["resync", "conversations", "--rejects", "--force"], "--rejects goes with neither"),
    ],
)
def test_words_that_make_no_sense_together_are_told_and_codes_there_are_listed(
    cli: Cli, words: list[str], told: str
) -> None:
    said = cli(*words)
    assert (said.code, told in said.err) == (2, True), said.err


def test_a_replay_tells_what_became_of_the_rejects_and_a_dry_run_writes_nothing(cli: Cli) -> None:
    mend(cli)
    before = cli("rejects", "--json").json
    dry = cli("resync", "conversations", "--rejects", "--dry-run")
    assert (dry.code, "conversations: 3 rejects replayed: 3 put back; rows: 3 waiting" in dry.err) == (0, True)
    assert cli("rejects", "--json").json == before
    one = cli("resync", "conversations", "--rejects", "--code", RULE.lower())
    assert _lines(one, "put back", "created") == ["put back 1", "created 1"]
    assert "conversations: 1 reject replayed: 1 put back; rows: 1 accepted" in one.err
    rest = cli("resync", "conversations", "--rejects", "--json")
    (stream,) = rest.json["streams"]
    assert (rest.code, stream["books"]["requeued"], stream["books"]["rejected"], stream["new"]["rejects"]) == (
        0,
        2,
        2,
        0,
    )
    assert stream["story"] == ["2 rejects replayed: 2 put back; rows: 2 refused again"]
    assert [run["command"] for run in cli("runs", "--json").json["runs"]][:2] == [
        "resync --rejects",
        f"resync --rejects --code {RULE.lower()}",
    ]


def test_without_rejects_there_is_nothing_to_replay(make_cli: MakeCli) -> None:
    cli = make_cli()
    cli("sync")
    assert cli("resync", "conversations", "--rejects")[:2] == (0, "conversations: no rows are set aside\n")


def _lines(said: Said, *labels: str) -> list[str]:
    lines = (" ".join(line.split()) for line in said.out.splitlines())
    return [line for line in lines if line.startswith(labels)]
