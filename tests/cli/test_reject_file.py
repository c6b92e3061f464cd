"""Rejects as a CSV file: whole or not at all, and nothing a spreadsheet would run."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.cli.reject_file import FACTS, write_rejects


def reject(key: str, values: dict[str, Any] | None) -> dict[str, Any]:
    payload = None if values is None else orjson.dumps(values)
    return {**dict.fromkeys(FACTS.values(), ""), "external_id": key, "tries": 1, "pass": 2, "payload": payload}


def test_texts_a_spreadsheet_would_run_are_quoted_and_numbers_are_not(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    rows = [reject("=1+1", {"A__c": '=HYPERLINK("x")', "B__c": -5.5}), reject("b", {"C__c": "+49", "B__c": None})]
    assert write_rejects(file, lambda: rows) == 2
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    assert head == ",".join([*FACTS, "A__c", "B__c", "C__c"])
    assert lines == [""",,'=1+1,,,,,,,1,2,"'=HYPERLINK(""x"")",-5.5,""", ",,b,,,,,,,1,2,,,'+49"]


def test_rejects_without_a_row_have_their_facts_only(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    write_rejects(file, lambda: [reject("a", None)])
    assert file.read_text().splitlines() == [",".join(FACTS), ",,a,,,,,,,1,2"]


def test_what_fails_halfway_leaves_the_file_that_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("before")

    def rows() -> Any:
        yield reject("a", {})
        raise OSError

    with pytest.raises(OSError):
        write_rejects(file, rows)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("r.csv", "before")]
