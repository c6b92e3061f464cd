"""The description of the language says what the loader and the compiler do, and all of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.errors import MappingError
from connector.mapping import BadRow, Mapping, compile_mapping, load_mapping
from connector.mapping.document import read_document
from connector.mapping.known import choices, known_keys
from connector.mapping.language import (
    ABSENT,
    FILES,
    FILTERED,
    MISSING,
    NOTHING,
    PART,
    PARTS,
    RECORDS,
    REQUIRED,
    Entry,
    Example,
    Rejected,
)

KNOWN = known_keys()


def of_model(part: str) -> bool:
    """Whether the loader has a list of keys for the part."""
    return part in KNOWN


def every_example() -> Iterator[Any]:
    for part in PARTS:
        for entry in part.entries:
            for number, example in enumerate(entry.examples):
                yield pytest.param(part.name, entry, example, id=f"{part.name}.{entry.name}-{number}")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """The values of a YAML text, as mappings are read."""

    def read(text: str) -> dict[str, Any]:
        path = tmp_path / "part.yml"
        path.write_text(text, encoding="utf-8")
        document = read_document(path)
        assert document.problems == []
        return document.data

    return read


@pytest.fixture
def load(tmp_path: Path) -> Callable[[dict[str, Any]], Mapping]:
    def load_values(values: dict[str, Any]) -> Mapping:
        path = tmp_path / "stream.yml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return load_mapping(path)

    return load_values


def whole(example: Example, written: dict[str, Any]) -> dict[str, Any]:
    """The file of the example's record with the example in it."""
    file = dict(FILES[example.record or "details"])
    if example.is_field:
        return {**file, "fields": {**file["fields"], **written}}
    if "targets" in written:
        file = {"source": file["source"], "window": file["window"]}
    for key, value in written.items():
        is_part = isinstance(value, dict) and key not in ("keep", "skip", "fields") and key in file
        file[key] = {**file[key], **value} if is_part else value
    return file


@pytest.mark.parametrize(("part", "entry", "example"), list(every_example()))
def test_every_example_gives_what_the_description_says(
    part: str,
    entry: Entry,
    example: Example,
    written: Callable[[str], dict[str, Any]],
    load: Callable[[dict[str, Any]], Mapping],
) -> None:
    values = written(example.yaml)
    file = whole(example, values)
    mapping = load(file)
    # Metrics of subjects other than conversations are the service's to know.
    unmeant = [line for line in mapping.warnings if not line.endswith("the service decides whether it exists")]
    assert example.record == "job" or unmeant == []
    if example.gives is None:
        return

    def find(kind: str, identity: str) -> Any:
        return example.lookups[kind].get(identity)

    rows = compile_mapping(mapping, find, "salt").map(RECORDS[example.record])
    match example.gives:
        case _ if example.gives is FILTERED:
            assert rows == []
        case Rejected(code):
            assert [row.code for row in rows if isinstance(row, BadRow)] == [code]
        case list(expected) if not example.is_field:
            made = [row.values for row in rows]
            assert [
                {name: row.get(name) for name in want} for row, want in zip(made, expected, strict=True)
            ] == expected
        case expected:
            (name,) = values
            (row,) = rows
            value = row.values.get(name, ABSENT)
            wanted = None if expected is MISSING else expected
            assert (value, type(value)) == (wanted, type(wanted))


def test_the_description_and_the_loader_know_the_same_words() -> None:
    described = {name: {entry.name for entry in PART[name].entries} for name in KNOWN}
    beside = {name: described[name] - KNOWN[name] for name in KNOWN}
    missing = {name: KNOWN[name] - described[name] for name in KNOWN}
    nothing = {name: set[str]() for name in KNOWN}
    assert (missing, beside) == (nothing, nothing)


def test_the_choices_described_are_those_of_the_loader() -> None:
    offered = {
        (name, entry.name): set(found) - set(entry.shape.get("enum", found))
        for name in KNOWN
        for entry in PART[name].entries
        if (found := choices(name, entry.name))
    }
    assert offered == {key: set() for key in offered}
    assert {("target", "deliver"), ("field", "when_missing")} <= offered.keys()


def test_no_word_is_described_twice_in_one_part() -> None:
    twice = [part.name for part in PARTS if len({entry.name for entry in part.entries}) != len(part.entries)]
    assert twice == []


def entries_with_default() -> Iterator[Any]:
    for name in KNOWN:
        for entry in PART[name].entries:
            if entry.default not in (REQUIRED, NOTHING) and entry.name in KNOWN[name]:
                yield pytest.param(name, entry, id=f"{name}.{entry.name}")


@pytest.mark.parametrize(("part", "entry"), list(entries_with_default()))
def test_a_default_written_out_means_what_leaving_it_out_means(
    part: str,
    entry: Entry,
    written: Callable[[str], dict[str, Any]],
    load: Callable[[dict[str, Any]], Mapping],
) -> None:
    record = "aggregates" if entry.queries.startswith("aggregates") else "details"
    file = dict(FILES[record])
    if part == "field":
        name, rule = "A__c", {"join": "media_types"}
        if entry.name == "when_parent_missing":
            name, rule = "Queue__r.Ext__c", {"from": "first_queue_id"}
        fields = file["fields"]
        bare, spelled = (
            {**file, "fields": {**fields, name: one}} for one in (rule, {**rule, entry.name: entry.default})
        )
    elif part == "filters":
        bare, spelled = (
            {**file, "source": {**file["source"], "filters": one}} for one in ({}, {entry.name: entry.default})
        )
    elif part == "examples":
        example = {"record": {}, "row": {"Key__c": "c-1"}}
        bare, spelled = ({**file, "examples": [one]} for one in (example, {**example, entry.name: entry.default}))
    elif part == "endpoint":
        file = whole(entry.examples[0], written(entry.examples[0].yaml))
        below = {key: value for key, value in file["source"]["endpoint"].items() if key != entry.name}
        bare, spelled = ({**file, "source": {"endpoint": one}} for one in (below, {**below, entry.name: entry.default}))
    elif part == "file":
        bare, spelled = file, {**file, entry.name: entry.default}
    else:
        base = {key: value for key, value in file[part].items() if key != entry.name}
        bare, spelled = {**file, part: base}, {**file, part: {**base, entry.name: entry.default}}
        if entry.name == "group_by":
            bare["fields"] = spelled["fields"] = {"Key__c": {"key": ["mediaType", "start"]}}
    assert load(bare) == load(spelled)


@pytest.mark.parametrize("part", [name for name in KNOWN if name in ("source", "window", "target")])
def test_what_is_said_to_be_required_is_missed(part: str, load: Callable[[dict[str, Any]], Mapping]) -> None:
    file = FILES["aggregates"]
    for entry in PART[part].entries:
        if entry.default is REQUIRED:
            without = {key: value for key, value in file[part].items() if key != entry.name}
            with pytest.raises(MappingError, match=f"'{entry.name}' is missing"):
                load({**file, part: without})
