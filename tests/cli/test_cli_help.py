"""`connector help`: topics, commands, and the mapping language word by word."""

import json

import pytest

from connector.cli import main
from connector.cli.session import Surroundings
from connector.mapping.language import PARTS


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]):
    def tell(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["help", *arguments], Surroundings({}))
        return code, *capsys.readouterr()

    return tell


def test_help_alone_lists_topics_and_every_command(told):
    code, out, _ = told("--json")
    listed = json.loads(out)
    assert (code, [one["name"] for one in listed["topics"]]) == (0, ["mapping"])
    assert {"demo", "check", "sync", "preview", "help", "mapping"} <= {one["name"] for one in listed["commands"]}
    _, shown, _ = told()
    assert "connector help mapping" in shown and "connector sync" in shown


def test_help_on_a_command_is_its_own_help(told):
    code, out, _ = told("plan")
    assert code == 0
    assert "Usage: connector plan" in out


@pytest.mark.parametrize("word", ["truncate", "TRUNCATE", "steps.truncate"])
def test_a_word_is_explained_with_its_example_and_the_record_behind_it(told, word):
    code, out, _ = told("mapping", word)
    assert code == 0
    assert "Takes a number of characters." in out
    assert 'Code__c: {from: queueId, upper: true, truncate: 2}  # -> "Q-"' in out
    assert '{"queueId": "q-7",' in out


def test_a_word_of_several_parts_is_explained_for_each(told):
    code, out, _ = told("mapping", "key", "--json")
    assert (code, [one["part"] for one in json.loads(out)]) == (0, ["endpoint", "sources"])


def test_every_word_of_the_language_has_its_help(told):
    for part in PARTS:
        for entry in part.entries:
            assert told("mapping", f"{part.name}.{entry.name}")[0] == 0
        assert told("mapping", part.name)[0] == 0


def test_the_whole_language_is_one_page(told):
    code, out, _ = told("mapping")
    assert code == 0
    assert "A whole file" in out and "](" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mapping", "trunkate"), "✗ the mapping language has no word 'trunkate'; did you mean 'truncate'?"),
        (("mapping", "xyzzyx"), "✗ the mapping language has no word 'xyzzyx'"),
        (("maping",), "✗ there is no help on 'maping'; did you mean 'mapping'?"),
        (("sync", "now"), "✗ there is no help on 'sync now'"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_names_the_nearest(told, arguments, message):
    code, out, err = told(*arguments)
    assert (code, out, err.splitlines()[0]) == (2, "", message)
