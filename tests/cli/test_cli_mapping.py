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
