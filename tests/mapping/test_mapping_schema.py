"""The JSON Schema: it takes what the loader takes, and refuses what an editor can see is wrong."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mapping_texts import CALLS, QUEUES, SCHEMA, with_fields

from connector.mapping import load_mapping
from connector.mapping.document import read_document
from connector.mapping.known import known_keys
from connector.mapping.schema import EDITOR_LINE, FILE_NAME, mapping_schema

SHIPPED = Path(__file__).parents[2] / "mappings"


def test_it_is_a_schema():
    Draft202012Validator.check_schema(mapping_schema())


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yml")), ids=lambda path: path.stem)
def test_shipped_mappings_fit_it_and_lead_editors_to_it(path):
    assert list(SCHEMA.iter_errors(read_document(path).data)) == []
    assert path.read_text(encoding="utf-8").startswith(f"{EDITOR_LINE}\n")
    assert json.loads((path.parent / FILE_NAME).read_text(encoding="utf-8")) == mapping_schema()


def test_it_knows_exactly_the_keys_the_loader_knows():
    schema, known = mapping_schema(), known_keys()
    held = {name: set(schema["$defs"][name]["properties"]) for name in ("source", "filters", "window", "target")}
    held["file"] = set(schema["properties"])
    assert held == {name: set(known[name]) for name in held}
    _path, keys = schema["$defs"]["field"]["anyOf"]
    assert set(keys["properties"]) == {*known["sources"], *known["steps"], *known["field"]}
    assert set(schema["$defs"]["steps"]["properties"]) == {*known["steps"], "else"}


def test_every_object_with_keys_of_its_own_allows_no_others():
    def loose(part, where):
        if isinstance(part, dict):
            if "properties" in part and part.get("additionalProperties", True) is True:
                yield where
            for key, value in part.items():
                yield from loose(value, f"{where}/{key}")
        elif isinstance(part, list):
            for index, value in enumerate(part):
                yield from loose(value, f"{where}/{index}")

    assert list(loose(mapping_schema(), "")) == []


def test_every_reference_leads_somewhere():
    text = json.dumps(mapping_schema())
    assert set(re.findall(r"#/\$defs/(\w+)", text)) <= mapping_schema()["$defs"].keys()


BROKEN = {
    "an unknown key": f"{with_fields(CALLS)}\nwindows: {{}}",
    "an unknown key of the source": with_fields(CALLS).replace("{query:", "{pages: 1, query:"),
    "an unknown query": with_fields(CALLS).replace("conversations.details", "conversations.detail"),
    "no window": with_fields(CALLS).replace("window: {start: 2026-01-01}", ""),
    "no start": with_fields(CALLS).replace("{start: 2026-01-01}", "{size: P1D}"),
    "no date": with_fields(CALLS).replace("2026-01-01", "yesterday"),
    "no duration": with_fields(CALLS).replace("{start: 2026-01-01}", "{start: 2026-01-01, size: 1 day}"),
    "a duration of nothing": with_fields(CALLS).replace("{start: 2026-01-01}", "{start: 2026-01-01, size: P}"),
    "no such choice": with_fields(CALLS).replace("Key__c}", "Key__c, deliver: fax}"),
    "a share without a sign": with_fields(CALLS).replace("Key__c}", "Key__c, reject_limit: 10}"),
    "more than all": with_fields(CALLS).replace("Key__c}", "Key__c, reject_limit: 200 %}"),
    "no object name": with_fields(CALLS).replace("Conversation__c", "My Object"),
    "a page size of nothing": with_fields(CALLS).replace("{query:", "{page_size: 0, query:"),
    "two sources": with_fields(QUEUES, "A__c: {from: queueId, value: x}"),
    "no source": with_fields(QUEUES, "A__c: {upper: true}"),
    "a step nobody knows": with_fields(QUEUES, "A__c: {from: queueId, shout: true}"),
    "a step switched off": with_fields(QUEUES, "A__c: {from: queueId, upper: false}"),
    "else without map": with_fields(QUEUES, "A__c: {from: queueId, else: x}"),
    "with without join": with_fields(QUEUES, "A__c: {from: queueId, with: x}"),
    "a ratio of one": with_fields(QUEUES, "A__c: {ratio: [tHandle.sum]}"),
    "a division by zero": with_fields(QUEUES, "A__c: {from: tHandle.sum, divide: 0}"),
    "a key that is no list": with_fields(QUEUES, "A__c: {key: queueId}"),
    "a list for a field": with_fields(QUEUES, "A__c: [queueId]"),
    "a name that is no field": with_fields(QUEUES, "A c: queueId"),
    "a test of nothing": f"{with_fields(QUEUES)}\nkeep: {{queueId: {{}}}}",
    "two tests in one": f"{with_fields(QUEUES)}\nkeep: {{queueId: {{exists: true, gt: 1}}}}",
    "a list of nothing": f"{with_fields(QUEUES)}\nkeep: {{queueId: []}}",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_refused_by_the_schema_and_by_the_loader(text, problems, tmp_path):
    assert problems(text)
    assert list(SCHEMA.iter_errors(read_document(tmp_path / "stream.yml").data)) != []


def test_a_file_hidden_beside_mappings_is_no_mapping(tmp_path):
    from connector.mapping import load_mappings

    (tmp_path / FILE_NAME).write_text("{}")
    (tmp_path / "calls.yml").write_text(with_fields(CALLS))
    assert load_mappings(tmp_path) == {"calls": load_mapping(tmp_path / "calls.yml")}
