"""`connector schema`: the folder, the comparison, and a deploy into an org that has nothing yet."""

from pathlib import Path

import pytest
from cli_lab import Cli
from lab import at, conversation

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
