"""`connector schema`: the folder, the comparison, and a deploy into an org that has nothing yet."""

import shutil
from pathlib import Path

import pytest
from cli_lab import Cli
from lab import at, conversation

from connector.mapping import load_mappings
from connector.mapping.relationships import streams_parents_first
from connector.sandbox.salesforce import SalesforceSim
from connector.sandbox.standard_objects import STANDARD_OBJECTS

SHIPPED = sorted((Path(__file__).parent.parent.parent / "mappings").glob("*.yml"))
OBJECT_FILE = "force-app/main/default/objects/Conversation__c/Conversation__c.object-meta.xml"


@pytest.fixture
def cli(make_cli) -> Cli:
    """Both services; the org has standard objects only."""
    made = make_cli()
    made.lab.salesforce.close()
    path = made.home / "empty-org.db"
    made.lab.salesforce = SalesforceSim(path, STANDARD_OBJECTS, made.lab.clock, faults=made.lab.faults, job_seconds=5)
    return made


def test_an_empty_org_becomes_one_that_check_finds_good_and_sync_fills(cli):
    cli.lab.world.add(conversation("c1", at(9)))
    assert cli("check", "conversations").code == 3
    done = cli("schema", "conversations", "--deploy")
    assert (done.code, done.err.splitlines()[1:]) == (
        0,
        [
            "deploy: Pending, 0 of 12 components",
            "deploy: InProgress, 0 of 12 components",
            "deploy: Succeeded, 12 of 12 components",
        ],
    )
    assert "permission set Connector_Conversations: given to this user" in done.out
    assert cli("check", "conversations").code == 0
    assert cli("sync", "conversations").code == 0
    assert {key: row["Duration_s__c"] for key, row in cli.lab.salesforce.rows("Conversation__c").items()} == {
        "c1": 300.0
    }


def test_every_shipped_mapping_is_accepted_by_an_org_that_has_nothing(cli):
    for path in SHIPPED:
        shutil.copy(path, cli.home / "mappings")
    mappings = list(load_mappings(cli.home / "mappings").values())
    for index in streams_parents_first(mappings):
        stream = mappings[index].stream
        assert cli("schema", stream, "--deploy", "--json").json["exit_code"] == 0
        assert cli("schema", stream, "--diff", "--json").json["differences"] == []
        checked = cli("check", stream, "--json").json["items"]
        assert [one["state"] for one in checked if one["name"] == f"{stream}: fields"] == ["good"]


def test_deployed_again_nothing_is_made_and_the_user_has_the_set_already(cli):
    cli("schema", "conversations", "--deploy")
    again = cli("schema", "conversations", "--deploy", "--json").json
    assert {key: again[key] for key in ("objects", "fields", "assigned")} == {
        "objects": [],
        "fields": [],
        "assigned": False,
    }


def test_what_is_there_and_otherwise_is_told_and_left(cli):
    cli("schema", "conversations", "--deploy")
    cli.lab.change_mapping("First_Queue_Id__c: first_queue_id", "First_Queue_Id__c: {value: 7}")
    done = cli("schema", "conversations", "--deploy")
    assert done.code == 0
    text = "! Conversation__c.First_Queue_Id__c: is of type string instead of double; it is left as it is"
    assert text in done.err
    compared = cli("schema", "conversations", "--diff")
    assert compared.code == 1
    assert "Conversation__c.First_Queue_Id__c: is of type string instead of double" in compared.out


def test_check_names_the_command_that_makes_a_missing_field(cli):
    cli("schema", "conversations", "--deploy")
    cli.lab.change_mapping("First_Queue_Id__c:", "Queue_Of_Arrival__c:")
    checked = cli("check", "conversations")
    assert checked.code == 3
    assert "connector schema conversations makes its fields and permission set" in checked.out
    assert cli("schema", "conversations", "--deploy", "--json").json["fields"] == [
        "Conversation__c.Queue_Of_Arrival__c"
    ]
    assert cli("check", "conversations").code == 0


def test_what_was_guessed_is_told(cli):
    cli.lab.change_mapping("First_Queue_Id__c:", "Case__r.Case_Key__c:")
    note = (
        "fields.Case__r.Case_Key__c: the look-up Case__c is taken to point to Case, told by its name; "
        "see `referenceTo` in its file"
    )
    assert cli("schema", "conversations").err.splitlines()[1:] == [f"! {note}"]
    assert cli("schema", "conversations", "--json").json["notes"] == [note]
    assert cli("schema", "conversations", "--quiet").err == ""


def test_a_deploy_that_is_only_checked_changes_nothing(cli):
    done = cli("schema", "conversations", "--deploy", "--check-only", "--json").json
    assert (done["check_only"], done["assigned"], len(done["fields"])) == (True, None, 8)
    assert cli("schema", "conversations", "--diff").code == 1


def test_an_org_that_lacks_the_object_differs_and_says_so(cli):
    compared = cli("schema", "conversations", "--diff", "--json")
    assert compared.code == 1
    assert compared.json == {
        "org": cli.lab.salesforce.org_id,
        "stream": "conversations",
        "differences": [
            {
                "place": "Conversation__c",
                "kind": "missing",
                "text": "there is no such object, or this user may not see it",
                "is_needed": True,
            }
        ],
        "notes": [],
        "exit_code": 1,
    }


def test_a_user_who_may_not_deploy_is_told_whom_to_ask(cli):
    cli.lab.salesforce.forbid_deploys()
    refused = cli("schema", "conversations", "--deploy")
    assert refused.code == 3
    assert "Or write the files with connector schema and let an admin deploy them." in refused.err


def test_the_folder_is_written_without_any_login_and_says_what_it_holds(cli, tmp_path):
    cli.environment.clear()
    out = tmp_path / "project"
    written = cli("schema", "conversations", "--out", str(out), "--json")
    assert written.code == 0
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert (written.json["written"], written.json["unchanged"]) == (files, [])
    assert OBJECT_FILE in files
    again = cli("schema", "conversations", "--out", str(out), "--json").json
    assert (again["written"], again["unchanged"]) == ([], files)
    assert "0 files written, 15 as they were" in cli("schema", "conversations", "--out", str(out)).out


def test_a_file_changed_by_hand_is_not_written_over_unless_forced(cli):
    cli("schema", "conversations")
    changed = cli.home / "salesforce" / "conversations" / OBJECT_FILE
    whole = changed.read_text()
    changed.write_text("mine")
    lost = changed.parent / "fields" / "Direction__c.field-meta.xml"
    lost.unlink()
    refused = cli("schema", "conversations")
    assert (refused.code, changed.read_text(), lost.exists()) == (3, "mine", False)
    assert str(changed) in refused.err and "--force writes over them" in refused.err
    assert cli("schema", "conversations", "--force").code == 0
    assert (changed.read_text(), lost.exists()) == (whole, True)


@pytest.mark.parametrize(
    "options",
    [("--diff", "--deploy"), ("--check-only",), ("--deploy", "--force"), ("--diff", "--out", "there")],
)
def test_options_that_contradict_each_other_are_a_usage_error(cli, options):
    assert cli("schema", "conversations", *options).code == 2


def test_what_salesforce_would_refuse_is_told_before_the_org_is_asked(cli):
    cli.lab.change_mapping("First_Queue_Id__c: first_queue_id", "First_Queue_Id__c: {from: direction, type: Picklist}")
    refused = cli("schema", "conversations", "--deploy")
    assert refused.code == 3
    assert "conversations: fields.First_Queue_Id__c: the values of a Picklist are not known" in refused.err
    assert cli.lab.salesforce.calls == []


def test_quiet_says_nothing_when_all_is_well(cli):
    done = cli("schema", "conversations", "--deploy", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert cli("schema", "conversations", "--diff", "--quiet")[:2] == (0, "")
