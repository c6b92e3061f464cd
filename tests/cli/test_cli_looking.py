"""Commands that only look: check, preview, plan, status, runs, gaps."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cli_lab import Cli
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from lab import at, conversation

from connector.login_choice import PASSWORD_ENDS
from connector.sandbox.faults import Rule

MakeCli = Callable[..., Cli]


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    made = make_cli()
    for number in range(3):
        made.lab.world.add(conversation(f"c{number}", at(9 + number)))
    return made


def words(text: str) -> list[list[str]]:
    """The words of each line that holds any, without rules of tables."""
    return [line.split() for line in text.splitlines() if line.strip() and "──" not in line]


# check


def test_check_goes_through_everything_and_writes_nothing(cli: Cli) -> None:
    said = cli("check")
    assert (said.code, said.out.splitlines()) == (
        0,
        [
            f"✓ settings: home {cli.home}",
            "✓ mappings: conversations",
            f"✓ state file: {cli.home}/connector.db will be made by the first run",
            f"✓ Genesys Cloud login: organisation {cli.lab.world.directory.organization['id']}",
            "✓ conversations: query: conversations.details answers",
            "✓ conversations: jobs: the data lake is filled until 2026-03-02T16:00:00Z",
            "✓ Salesforce login: org 00Dak000000SbOxEAK, login by client id and secret",
            "✓ Salesforce allowance: 99,999 of 100,000 calls left today, 15,000 batches, "
            "storage 1,024 of 1,024 MB free",
            "✓ conversations: fields: 8 fields of Conversation__c fit",
            "✓ state and organisations: they belong together",
        ],
    )
    assert not (cli.home / "connector.db").exists()


@pytest.mark.parametrize(
    ("settings", "way", "warnings"),
    [
        ({"CLIENT_ID": "sf-client", "PRIVATE_KEY_FILE": "salesforce.key"}, "private key (JWT bearer)", []),
        (
            {"PASSWORD": "sf-password", "SECURITY_TOKEN": "sfToken"},
            "user name and password (SOAP, ends in 2027)",
            [PASSWORD_ENDS],
        ),
    ],
)
def test_check_names_the_way_of_login_and_when_it_ends(
    make_cli: MakeCli, settings: dict[str, str], way: str, warnings: list[str]
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    cli = make_cli(certificates={"sf-client": public})
    file = cli.home / "salesforce.key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    for name in ("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"):
        del cli.environment[name]
    given = {"USERNAME": "integration@acme.example", **settings}
    cli.environment.update({f"SALESFORCE_{name}": value for name, value in given.items()})
    said = cli("check", "--json")
    items = {item["name"]: item for item in said.json["items"]}
    assert (said.code, items["Salesforce login"]["text"], items["settings"]["warnings"]) == (
        0,
        f"org 00Dak000000SbOxEAK, login by {way}",
        warnings,
    )


def test_check_without_settings_still_checks_the_mappings(cli: Cli) -> None:
    cli.environment.clear()
    said = cli("check", "--json")
    assert said.code == 3
    assert [(item["name"], item["state"]) for item in said.json["items"]] == [
        ("settings", "failed"),
        ("mappings", "good"),
        ("state file", "good"),
        ("Genesys Cloud, Salesforce", "skipped"),
    ]


def test_check_goes_on_after_a_failed_login(cli: Cli) -> None:
    cli.environment["GENESYS_CLIENT_SECRET"] = "wrong"
    said = cli("check", "--json")
    assert (said.code, [(item["name"], item["state"]) for item in said.json["items"]]) == (
        3,
        [
            ("settings", "good"),
            ("mappings", "good"),
            ("state file", "good"),
            ("Genesys Cloud login", "failed"),
            ("conversations: query", "skipped"),
            ("conversations: jobs", "skipped"),
            ("Salesforce login", "good"),
            ("Salesforce allowance", "good"),
            ("conversations: fields", "good"),
        ],
    )


def test_check_names_the_missing_permission_and_every_field_problem(cli: Cli) -> None:
    cli.lab.genesys.withdraw("analytics:conversationDetail:view")
    cli.lab.salesforce.hide_field("Conversation__c", "Is_Open__c")
    cli.lab.salesforce.hide_field("Conversation__c", "Ended__c")
    said = cli("check")
    assert said.code == 3
    assert "    -> give the OAuth client a role with analytics:conversationDetail:view" in said.out
    assert "Conversation__c.Ended__c" in said.out
    assert "Conversation__c.Is_Open__c" in said.out


def test_check_asks_for_the_availability_date_and_names_the_permission_where_attributes_need_it(cli: Cli) -> None:
    body = {"code": "missing.permissions", "message": "No.", "status": 403}
    cli.lab.faults.change(Rule("status", {"code": 403, "json": body}, service="genesys", path="/availability$"))
    said = cli("check")
    assert (said.code, "conversations: jobs: not available: everything is read by query" in said.out) == (0, True)
    cli.lab.change_mapping("  Direction__c: direction", "  Direction__c: attributes.way")
    said = cli("check")
    assert said.code == 3
    assert "    -> give the OAuth client a role with analytics:conversationDetail:view" in said.out


def test_check_is_exit_4_when_a_service_is_only_unavailable(cli: Cli) -> None:
    cli.lab.faults.change(Rule("status", {"code": 503}, service="salesforce"))
    said = cli("check", "--quiet")
    assert (said.code, said.out) == (4, "")
    assert said.err.startswith("✗ Salesforce login: ")


def test_check_tells_when_the_state_is_of_another_organisation(cli: Cli, make_cli: MakeCli) -> None:
    cli("sync")
    other = make_cli(org_id="00Dak000000OtHeEAK")
    other.environment["CONNECTOR_STATE"] = str(cli.home / "connector.db")
    said = other("check")
    assert said.code == 3
    assert "✗ state and organisations: conversations: the state in" in said.out


def look_names_up(cli: Cli) -> None:
    cli.lab.change_mapping("First_Queue_Id__c: first_queue_id", NAMED)
    queues = ({"id": "q1", "name": "Support", "division": {"id": "d1", "name": "Home"}},)
    cli.lab.world.directory = replace(cli.lab.world.directory, queues=queues)


NAMED = """First_Queue_Id__c: {from: first_queue_id, lookup: queues.name}
  Direction__c: {from: first_queue_id, lookup: wrap_up_codes.name}"""


def test_check_asks_for_one_name_of_each_kind_and_tells_every_missing_permission(cli: Cli) -> None:
    cli.lab.change_mapping("  Direction__c: direction\n", "")
    look_names_up(cli)
    assert "✓ look-ups: queues, wrap_up_codes can be looked up" in cli("check").out.splitlines()
    cli.lab.genesys.withdraw("routing:queue:view")
    cli.lab.genesys.withdraw("routing:wrapupCode:view")
    said = cli("check")
    assert said.code == 3
    assert "✗ look-ups: " in said.out
    (mend,) = [line for line in said.out.splitlines() if "routing:queue:view" in line and "->" in line]
    assert "routing:wrapupCode:view" in mend
    assert not (cli.home / "connector.db").exists()


# preview


def test_preview_shows_names_and_keeps_none(cli: Cli) -> None:
    cli.lab.change_mapping("  Direction__c: direction\n", "")
    look_names_up(cli)
    said = cli("preview", "conversations", "--records", "1")
    assert said.code == 0
    assert "First_Queue_Id__c Support" in " ".join(said.out.split())
    assert not (cli.home / "connector.db").exists()


def test_preview_shows_records_beside_rows_and_writes_nothing(cli: Cli) -> None:
    said = cli("preview", "conversations", "--records", "1")
    assert said.code == 0
    assert said.out.startswith("conversations, first page of 2026-03-02 00:00 to 2026-03-02 19:45 UTC: 3 mapped\n")
    assert ["conversationId", "c0", "Conversation_Id__c", "c0"] in words(said.out)
    assert ["participants", "(3", "of", "them)", "Media_Types__c", "voice"] in words(said.out)
    assert (cli.lab.rows(), (cli.home / "connector.db").exists()) == ({}, False)


def test_preview_shows_a_record_once_beside_the_first_of_its_rows(cli: Cli) -> None:
    cli.lab.change_mapping("fields:", "each: participants\nfields:")
    cli.lab.change_mapping("[conversationId]", "[record.conversationId, participantId]")
    text = cli.lab.mapping.read_text()
    cli.lab.mapping.write_text(text[: text.index("  Started__c")])
    said = cli("preview", "conversations", "--records", "1")
    assert said.code == 0
    keys = [line for line in words(said.out) if "Conversation_Id__c" in line]
    first = ["conversationId", "c0", "Conversation_Id__c", "c0|c0-customer"]
    assert keys == [first, ["Conversation_Id__c", "c0|c0-acd"], ["Conversation_Id__c", "c0|c0-agent"]]


def test_preview_goes_back_to_the_newest_day_that_holds_records(make_cli: MakeCli) -> None:
    cli = make_cli(now=at(70))
    cli.lab.world.add(conversation("c1", at(9)))
    said = cli("preview", "conversations", "--json")
    assert said.json["span"] == {"start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z"}
    assert [one["rows"][0]["values"]["Conversation_Id__c"] for one in said.json["records"]] == ["c1"]


def test_preview_tells_what_is_filtered_out(cli: Cli) -> None:
    cli.lab.change_mapping("fields:", "skip: {direction: inbound}\nfields:")
    said = cli("preview", "conversations")
    assert said.code == 0
    assert ": 3 filtered out" in said.out


# plan


def test_plan_counts_passes_and_calls_without_a_login(make_cli: MakeCli) -> None:
    cli = make_cli(now=at(50))
    cli.environment.clear()
    said = cli("plan", "--json")
    assert (said.code, said.json["streams"]) == (
        0,
        [
            {
                "stream": "conversations",
                "kinds": [
                    {
                        "kind": "new",
                        "passes": 3,
                        "first": "2026-03-02T00:00:00Z",
                        "last": "2026-03-04T01:45:00Z",
                        "calls": 3,
                        "is_guess": True,
                        "path": "query",
                        "why": "younger than 48 hours",
                    }
                ],
                "calls": 3,
                "seconds": 0.6,
                "is_guess": True,
                "salesforce": None,
            }
        ],
    )
    assert list(cli.home.glob("connector.db*")) == []


def test_plan_learns_the_calls_from_what_was_read(cli: Cli) -> None:
    cli("sync")
    cli.lab.clock.advance(86_400)
    (stream,) = cli("plan", "--json").json["streams"]
    assert (stream["is_guess"], [(one["kind"], one["passes"]) for one in stream["kinds"]]) == (False, [("new", 2)])


def test_plan_forecasts_what_arrives_in_salesforce(cli: Cli) -> None:
    assert "How many rows a stream sends to Salesforce is known once some were read." in cli("plan").out
    cli("sync")
    cli.lab.clock.advance(86_400)
    (stream,) = cli("plan", "--json").json["streams"]
    # Two conversations in 19.75 hours; the two passes read 43.75.
    assert stream["salesforce"] == {"rows": 5, "records": 5, "calls": 2, "batches": 0, "storage_mb": 0.0}
    told = "Salesforce, estimated: 5 rows, 2 calls, 0 batches, 0.0 MB of storage (2 KB a record)"
    assert told in cli("plan").out


def test_check_warns_when_the_next_run_takes_more_than_the_org_has_left(cli: Cli) -> None:
    cli("sync")
    cli.lab.clock.advance(86_400)
    cli.lab.salesforce.daily_calls = 3
    (item,) = (one for one in cli("check", "--json").json["items"] if one["name"] == "Salesforce allowance")
    assert (item["state"], item["warnings"]) == (
        "good",
        [
            "the next run is expected to take 2 calls, and 1 are free for it (20% are kept for others): what does not "
            "go waits for a later run"
        ],
    )


def test_check_goes_on_where_the_user_may_not_see_the_allowances(cli: Cli) -> None:
    cli.lab.salesforce.forbid_limits()
    said = cli("check")
    assert "✓ Salesforce allowance: not told" in said.out.splitlines()
    assert "View Setup and Configuration" in said.out


# status and runs


def test_status_before_the_first_run_makes_no_state(cli: Cli) -> None:
    said = cli("status")
    assert said.code == 0
    assert "no run yet: connector plan shows what the first one reads, connector sync begins it" in said.out
    assert not (cli.home / "connector.db").exists()


def test_status_shows_the_same_numbers_as_the_run(cli: Cli) -> None:
    cli("sync")
    said = cli("status")
    assert words(said.out) == [
        ["stream", "complete", "to", "(UTC)", "behind", "read", "to", "(UTC)", "last", "run", "exit"],
        ["conversations", *"2026-03-02 19:45 15 min 2026-03-02 19:45 2026-03-02 20:00 0".split()],
    ]


def test_status_names_what_needs_a_person(cli: Cli) -> None:
    cli.lab.salesforce.add_validation_rule(
        "Conversation__c", lambda record: record["Conversation_Id__c"] == "c1", "no such direction"
    )
    cli("sync")
    cli.lab.change_mapping("  Is_Open__c: is_open\n", "")
    said = cli("status")
    assert [line for line in said.out.splitlines() if line.startswith("conversations: ")] == [
        "conversations: 1 row was set aside: connector rejects conversations",
        "conversations: 1 span was mapped by an earlier version of the mapping; to map all anew: "
        "connector resync conversations --full",
    ]


def test_runs_are_listed_newest_first(cli: Cli) -> None:
    cli("sync")
    cli("resync", "conversations", "--full")
    said = cli("runs", "--json")
    assert [(run["id"], run["command"], run["exit_code"]) for run in said.json["runs"]] == [
        (2, "resync --full", 0),
        (1, "sync", 0),
    ]
    assert words(cli("runs", "--last", "1").out)[1][:4] == ["2", "conversations", "resync", "--full"]


# gaps, and nothing to list


def test_gap_is_listed_with_what_was_promised_and_given(cli: Cli) -> None:
    cli.lab.faults.change(Rule("total", {"value": 8}, service="genesys", path="details/query"))
    code = cli("sync").code
    said = cli("gaps", "--json")
    (gap,) = said.json["gaps"]
    assert (code, gap["span"], gap["expected"], gap["received"], gap["tries"]) == (
        1,
        {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T19:45:00Z"},
        8,
        3,
        1,
    )
    assert "conversations" in cli("gaps").out


@pytest.mark.parametrize(("command", "told"), [("rejects", "no rows are set aside"), ("gaps", "no gaps")])
def test_nothing_to_list_is_said(cli: Cli, command: str, told: str) -> None:
    assert cli(command).out == f"{told}\n"


def test_status_and_plan_show_open_records(cli: Cli) -> None:
    cli.lab.world.add(conversation("mail", at(2), 5000, media="email"))
    cli("sync")
    cli.lab.clock.set(at(30))
    shown = words(cli("status").out)
    assert shown[0][-3:] == ["open", "oldest", "open"]
    assert shown[1][-3:] == ["1", "2026-03-02", "02:00"]
    assert [
        "conversations",
        "open",
        "1",
        "2026-03-02",
        "02:00",
        "2026-03-02",
        "02:00",
        "1",
        "0",
        "s",
        "query",
    ] in words(cli("plan").out)


def test_a_run_tells_what_it_gave_up(cli: Cli) -> None:
    cli.lab.change_mapping("about:", "open_give_up: P1D\nabout:")
    cli.lab.world.add(conversation("mail", at(2), 5000, media="email"))
    cli("sync")
    cli.lab.clock.set(at(30))
    story = "1 open record was given up (open_give_up): Salesforce keeps what was read of them last"
    assert f"conversations: {story}" in cli("sync").err
    assert [run["message"] for run in cli("runs", "--json").json["runs"]] == [story, ""]
