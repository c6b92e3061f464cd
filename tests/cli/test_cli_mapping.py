"""Writing mappings: their schema, their examples, and a saved answer mapped offline."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_lab import Cli
from lab import MAPPING, at, conversation

from connector.mapping.schema import mapping_schema

MakeCli = Callable[..., Cli]


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    """A home without any settings: nothing here needs a login."""
    made = make_cli()
    made.environment.clear()
    return made


EXAMPLES = """
examples:
  - about: A call
    record: {conversationId: c1, conversationStart: 2026-03-02T09:00:00Z}
    row: {Started__c: 2026-03-02T09:00:00Z, Is_Open__c: true}
  - record: {conversationId: c1, conversationStart: 2026-03-02T09:00:00Z}
    row: {Is_Open__c: false, Ended__c: null}
"""


def test_the_schema_is_printed(cli: Cli) -> None:
    said = cli("mapping", "schema")
    assert (said.code, said.json) == (0, mapping_schema())


# mapping test


def test_examples_come_out_as_a_checklist_with_every_difference(cli: Cli) -> None:
    cli.lab.write_mapping(MAPPING + EXAMPLES)
    cli.lab.write_mapping(MAPPING.replace("Conversation__c", "Call__c"), "calls")
    said = cli("mapping", "test")
    assert (said.code, said.out.splitlines()) == (
        1,
        [
            "✓ conversations, example 1: A call",
            "✗ conversations, example 2",
            "    row 1, Conversation__c: Is_Open__c: expected false, came true",
            "- calls: no examples",
            "1 of 2 examples fit",
        ],
    )
    assert not (cli.home / "connector.db").exists()


def test_examples_that_fit_end_with_0(cli: Cli) -> None:
    cli.lab.write_mapping(MAPPING + EXAMPLES.replace("Is_Open__c: false", "Is_Open__c: true"))
    said = cli("mapping", "test", "conversations")
    assert (said.code, said.out.splitlines()[-1]) == (0, "2 of 2 examples fit")
    quiet = cli("mapping", "test", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_examples_as_json(cli: Cli) -> None:
    cli.lab.write_mapping(MAPPING + EXAMPLES)
    said = cli("mapping", "test", "--json")
    second = {
        "stream": "conversations",
        "number": 2,
        "about": "",
        "fits": False,
        "differences": ["row 1, Conversation__c: Is_Open__c: expected false, came true"],
    }
    assert (said.code, said.json["exit_code"], said.json["examples"][1]) == (1, 1, second)


def test_a_stream_that_does_not_exist_and_a_wrong_example_end_with_3(cli: Cli) -> None:
    assert cli("mapping", "test", "conversation").code == 3
    cli.lab.write_mapping(MAPPING + "examples: [{}]")
    said = cli("mapping", "test")
    assert (said.code, "examples[0]: 'record' is missing" in said.err) == (3, True)


def test_neither_examples_nor_samples_need_a_salt(cli: Cli, tmp_path: Path) -> None:
    hashed = "  Digest__c: {from: conversationId, hash: true, truncate: 4}\n"
    cli.lab.write_mapping(f"{MAPPING}{hashed}{EXAMPLES.replace('false', 'true')}")
    (tmp_path / "c1.json").write_text(json.dumps(conversation("c1", at(9))))
    assert cli("mapping", "test").code == 0
    assert cli("preview", "conversations", "--sample", str(tmp_path / "c1.json")).code == 0


# preview --sample


@pytest.fixture
def preview(cli: Cli, tmp_path: Path) -> Callable[..., object]:
    def shown(content: object, *options: str, stream: str = "conversations") -> object:
        file = tmp_path / "sample.json"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return cli("preview", stream, "--sample", str(file), *options)

    return shown


C1, C2 = conversation("c1", at(9)), conversation("c2", at(10))
SHAPES = {
    "an answer": {"conversations": [C1, C2], "totalHits": 2},
    "a list": [C1, C2],
    "with a byte order mark": b"\xef\xbb\xbf" + json.dumps([C1, C2]).encode(),
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_a_saved_answer_is_mapped_without_any_service(preview, cli, content) -> None:
    said = preview(content, "--json")
    rows = [one["rows"][0]["values"]["Conversation_Id__c"] for one in said.json["records"]]
    assert (said.code, rows, said.json["fates"]) == (0, ["c1", "c2"], {"mapped": 2})
    assert (cli.home / "connector.db").exists() is False


def test_one_conversation_is_mapped_with_its_facts(preview) -> None:
    said = preview(C1)
    assert said.code == 0
    assert said.out.startswith("conversations, sample.json: 1 mapped\n")
    facts = [line.split() for line in said.out.splitlines() if "Duration_s__c" in line]
    assert [words[-2:] for words in facts] == [["Duration_s__c", "300.0"]]


def test_what_preview_printed_is_a_sample_again(preview) -> None:
    first = preview(C1, "--json")
    again = preview(first.out.encode(), "--json")
    assert (again.code, again.json["records"]) == (0, first.json["records"])


AGGREGATES = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]}
window: {start: 2026-03-02}
target: {object: Queue_Interval__c, external_id: Key__c}
fields:
  Key__c: {key: [queueId, mediaType, start]}
  Name__c: {from: queueId, lookup: queues.name}
  Offered__c: nOffered.count
"""
GROUP = {
    "group": {"queueId": "q1", "mediaType": "voice"},
    "data": [
        {
            "interval": "2026-03-02T09:00:00.000Z/2026-03-02T10:00:00.000Z",
            "metrics": [{"metric": "nOffered", "stats": {"count": 3}}],
        }
    ],
}
FLAT = {"queueId": "q1", "mediaType": "voice", "start": "2026-03-02T09:00:00Z", "nOffered": {"count": 3}}


@pytest.mark.parametrize("content", [{"results": [GROUP]}, [GROUP], [FLAT]], ids=["answer", "groups", "records"])
def test_groups_and_flat_records_of_aggregates_are_mapped_and_names_stay_unknown(preview, cli, content) -> None:
    cli.lab.write_mapping(AGGREGATES, "queues")
    said = preview(content, "--json", stream="queues")
    values = {"Key__c": "q1|voice|2026-03-02T09:00:00Z", "Name__c": "(unknown: q1)", "Offered__c": 3}
    assert (said.code, said.json["records"][0]["rows"][0]["values"]) == (0, values)
    assert "names are not looked up offline: they are shown as (unknown: the id)\n" in said.err


BAD = {
    "not JSON": (b"{'a': 1}", "not JSON: line 1, column 2"),
    "nothing": (b"", "not JSON: line 1, column 1"),
    "a number": (7, "neither an object nor a list"),
    "another answer": ({"results": []}, "no answer of conversations.details: it has no 'conversations'"),
    "an error": ({"message": "no"}, "no answer of conversations.details: it has no 'conversations'"),
    "no list": ({"conversations": {"a": 1}}, "'conversations' is no list of objects"),
    "no objects": ([1, 2], "'conversations' is no list of objects"),
    "no record": ({"conversations": []}, "holds no record"),
    "an empty list": ([], "holds no record"),
    "compressed": (gzip.compress(b"[]"), "is compressed"),
    "a broken tree": (
        {"conversations": [{"conversationId": "c1", "participants": ["x"]}]},
        "Genesys Cloud /api/v2/analytics/conversations/details/query: 'conversations' is no list of objects such as "
        "documented",
    ),
}


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD)
def test_a_sample_that_cannot_be_read_is_told_in_one_message(preview, tmp_path, content, problem) -> None:
    said = preview(content)
    first, hint = said.err.splitlines()[-2:]
    assert (said.code, said.out, first) == (2, "", f"✗ {tmp_path / 'sample.json'}: {problem}")
    assert hint.startswith("  -> ")


def test_a_sample_that_is_missing_huge_or_a_folder_is_told(cli: Cli, tmp_path: Path) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(50_000_001)
    for path, problem in (
        (tmp_path / "none.json", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (huge, "50 MB; a sample holds at most 50 MB"),
    ):
        said = cli("preview", "conversations", "--sample", str(path))
        assert (said.code, said.err.splitlines()[-2]) == (2, f"✗ {path}: {problem}")


# mapping new

DRAFT = """\
# yaml-language-server: $schema=.mapping.schema.json
# Drafted from conversations.details and the fields of Conversation__c, by their names: look through every line.
# `connector help mapping` explains each word; `connector preview STREAM` shows records beside rows.
about: One Salesforce record per conversation.

source:
  query: conversations.details

window:
  start: 2026-01-31 # the first day to bring over; set it to yours before the first run
  lookback: PT6H # so long everything is read again, for it changes
  recheck: [P1D, P4D] # and each day once more at these ages, for what came late

target:
  object: Conversation__c
  external_id: Conversation_Id__c

fields:
  Conversation_Id__c: {key: [conversationId]}
  Started__c: conversationStart
  Ended__c: conversationEnd
  Is_Open__c: is_open
  Direction__c: direction
  Media_Types__c: {join: media_types}
  First_Queue_Id__c: first_queue_id
  First_Queue_Name__c: {from: first_queue_id, lookup: queues.name, truncate: 80}
  Last_Queue_Id__c: last_queue_id
  Last_Queue_Name__c: {from: last_queue_id, lookup: queues.name, truncate: 80}
  First_Agent_Id__c: first_agent_id
  First_Agent_Name__c: {from: first_agent_id, lookup: users.name, truncate: 80}
  Last_Agent_Id__c: last_agent_id
  Last_Agent_Name__c: {from: last_agent_id, lookup: users.name, truncate: 80}
  Wrap_Up_Code_Ids__c: {join: wrap_up_codes}
  Duration_s__c: {from: duration_ms, divide: 1000, round: 1} # from milliseconds
  Wait_s__c: {from: wait_ms, divide: 1000, round: 1} # from milliseconds
  Talk_s__c: {from: talk_ms, divide: 1000, round: 1} # from milliseconds
  Hold_s__c: {from: hold_ms, divide: 1000, round: 1} # from milliseconds
  Handle_s__c: {from: handle_ms, divide: 1000, round: 1} # from milliseconds

  # Not mapped, for nothing in the records has such a name: API name, type, label.
  # Last_Wrap_Up_Code__c: string(80), "Last Wrap-up Code"
  # After_Call_Work_s__c: double, "After-Call Work (s)"
  # Case__c: reference(18), "Case"; the parent's key: Case__r.EXTERNAL_ID__c of Case
"""


@pytest.fixture
def org(make_cli: MakeCli) -> Cli:
    """A home with a Salesforce login and none for Genesys Cloud."""
    made = make_cli()
    made.environment = {name: value for name, value in made.environment.items() if not name.startswith("GENESYS_")}
    return made


def test_a_draft_is_written_from_the_fields_of_the_object_and_passes_the_check(org: Cli, make_cli: MakeCli) -> None:
    said = org("mapping", "new", "Conversation__c", "--stream", "calls")
    path = org.home / "mappings" / "calls.yml"
    assert (said.code, path.read_text(encoding="utf-8")) == (0, DRAFT)
    assert said.out.splitlines() == [
        f"✓ {path}: conversations.details, 19 of 23 fields found by their names",
        "look through it, then: connector check calls, connector preview calls",
    ]
    assert json.loads((path.parent / ".mapping.schema.json").read_text(encoding="utf-8")) == mapping_schema()
    org.lab.mapping.unlink()
    org.environment.update(make_cli().environment)
    assert org("check", "calls").code == 0


def test_the_query_is_the_one_that_fits_or_the_one_named(org: Cli) -> None:
    said = org("mapping", "new", "Queue_Interval__c", "--json")
    path = org.home / "mappings" / "queue-interval.yml"
    document = {
        "file": str(path),
        "query": "conversations.aggregates",
        "guessed": 9,
        "left_to_do": [],
        "exit_code": 0,
    }
    assert (said.code, said.json) == (0, document)
    text = path.read_text(encoding="utf-8")
    assert "  group_by: [queueId]\n  metrics: [nOffered, tAnswered, tAbandon, tHandle, oServiceLevel]\n" in text
    assert "  Answered__c: {from: tAnswered.count, default: 0}\n" in text
    assert "  Queue_Name__c: {from: queueId, lookup: queues.name, truncate: 80}\n" in text
    said = org("mapping", "new", "Queue_Interval__c", "--query", "conversations.details", "--stream", "b", "--json")
    assert (said.json["query"], said.json["guessed"]) == ("conversations.details", 2)
    listed = (org.home / "mappings" / "b.yml").read_text(encoding="utf-8")
    assert '  # Service_Level__c: double, "Service Level"\n' in listed


def test_nothing_is_ever_written_over_a_mapping(org: Cli) -> None:
    before = org.lab.mapping.read_text()
    said = org("mapping", "new", "Conversation__c", "--stream", "conversations")
    assert (said.code, org.lab.mapping.read_text()) == (3, before)
    assert "is there already, and nothing is written over it" in said.err


def test_what_is_left_to_do_is_said(org: Cli) -> None:
    org.lab.salesforce.hide_field("Contact", "Phone_Key__c")
    said = org("mapping", "new", "Contact", "--json")
    assert said.code == 0
    first, *rest = said.json["left_to_do"]
    assert first.startswith("Contact has no text field that is External ID and Unique")
    assert [one for one in rest if "LastName is required on new records and not mapped" in one] != []


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("Call__c",), 3, "Salesforce has no object Call__c"),
        (("Contact", "--query", "conversations.detail"), 2, "did you mean 'conversations.details'?"),
        (("Contact", "--stream", "../x"), 2, "'../x' names no stream"),
    ],
)
def test_what_cannot_be_drafted_gets_a_message_and_no_file(org: Cli, arguments, code, problem) -> None:
    before = sorted(org.lab.mapping.parent.iterdir())
    said = org("mapping", "new", *arguments)
    assert (said.code, problem in said.err, sorted(org.lab.mapping.parent.iterdir())) == (code, True, before)


def test_without_a_salesforce_login_only_its_settings_are_asked_for(org: Cli) -> None:
    org.environment.clear()
    said = org("mapping", "new", "Contact")
    assert (said.code, "SALESFORCE_DOMAIN" in said.err, "GENESYS" in said.err) == (3, True, False)


def test_a_saved_answer_of_an_endpoint_is_mapped_wherever_its_list_stands(cli, tmp_path):
    cli.lab.write_mapping(
        "source: {endpoint: {path: '/x/${start}/${end}', records: data.items, key: [id], time: at}}\n"
        "window: {start: 2026-03-02}\n"
        "target: {object: Thing__c, external_id: Key__c}\n"
        "fields: {Key__c: {key: [id]}, Name__c: agent.name}\n",
        "things",
    )
    sample = tmp_path / "answer.json"
    sample.write_text('{"data": {"items": [{"id": 7, "at": "2026-03-02T09:00:00Z", "agent": {"name": "Kim"}}]}}')
    told = cli("preview", "things", "--sample", str(sample), "--json")
    assert told.code == 0
    assert told.json["records"][0]["rows"][0]["values"] == {"Key__c": "7", "Name__c": "Kim"}
