"""What a person sees of a malformed answer."""

from collections.abc import Callable

import orjson
import pytest
from cli_lab import Cli
from lab import at, conversation

from connector.genesys.kept_answers import kept_files
from connector.sandbox.faults import Rule


@pytest.mark.parametrize("words", [("sync",), ("sync", "--dry-run")])
def test_a_malformed_answer_names_the_file_of_its_outline_and_check_the_latest(
    make_cli: Callable[..., Cli], words: tuple[str, ...]
) -> None:
    """The pass stays open, and the next run reads it."""
    cli = make_cli()
    cli.lab.world.add(conversation("c1", at(2)))
    cli.lab.faults.change(Rule("cut_body", {"keep": 0.5}, path="details/query"))
    said = cli(*words)
    [file] = kept_files(cli.home / "answers")
    assert said.code == 4
    assert f"is kept in {file}" in "".join((said.out + said.err).split("\n"))
    outline = orjson.loads(file.read_bytes())
    assert (outline["problem"], outline["body"]["kind"]) == ("its body is not whole JSON", "broken JSON")
    assert "q1" not in file.read_text()
    cli.lab.faults.change()
    line = f"✓ malformed answers: 1 came; outlines of them are kept, the latest in {file}"
    assert line in cli("check").out.splitlines()
    assert (cli(*words).code, kept_files(cli.home / "answers")) == (0, [file])
