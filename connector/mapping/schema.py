"""The JSON Schema of a mapping file, made of the models' keys and the description's shapes, for editors.

It is as strict as one file alone can be: what the loader compares with the catalogue or between keys is left to it.
"""

import json
from collections.abc import Mapping
from typing import Any

from connector.genesys.queries import CATALOGUE, DIMENSIONS, METRICS, OBSERVATIONS, SUMMARY_GROUPINGS, SUMMARY_METRICS
from connector.mapping.arguments import SOURCES
from connector.mapping.known import choices, is_required
from connector.mapping.language import NOTHING, PART, REQUIRED, Entry, Part
from connector.mapping.language.shapes import CONSTANT, DEFINITIONS, NUMBER, PATH
from connector.mapping.lookup_names import LOOKUPS
from connector.mapping.page import without_links

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME = ".mapping.schema.json"
"""What the schema is called beside mappings; the loader passes hidden files over."""
EDITOR_LINE = f"# yaml-language-server: $schema={FILE_NAME}"
"""The first line of a mapping by which editors find the schema."""

_INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d"}
_BOUND = {"anyOf": [NUMBER, _INSTANT]}
_FIELD_NAME = r"^([A-Za-z][A-Za-z0-9_]*:)?[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$"


def mapping_schema() -> dict[str, Any]:
    """The whole schema as plain values."""
    file = _with_targets(_object(PART["file"]))
    return {
        "$schema": DIALECT,
        **file,
        "title": "A mapping of connector",
        "$defs": dict(sorted({**DEFINITIONS, **_definitions()}.items())),
    }


def schema_text() -> str:
    """The schema as the text of its file."""
    return json.dumps(mapping_schema(), indent=1, ensure_ascii=False) + "\n"


def _definitions() -> dict[str, Any]:
    lists = {name: {"type": "array", "minItems": 1, "items": _object(PART[name])} for name in ("targets", "examples")}
    return {
        **{name: _object(PART[name]) for name in _OBJECTS},
        "view": _object(PART["views"]),
        **lists,
        "query": {"enum": list(CATALOGUE)},
        "dimension": {"enum": sorted(DIMENSIONS | SUMMARY_GROUPINGS)},
        "metric": {"enum": sorted({*METRICS, *OBSERVATIONS, *SUMMARY_METRICS})},
        "lookup": {"enum": [f"{kind}.{name}" for kind, names in LOOKUPS.items() for name in names]},
        "expected": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            "properties": {"object": DEFINITIONS["object"]},
        },
        "fields": _by_name("field", _FIELD_NAME),
        "field": _field(),
        "steps": {"type": "object", "additionalProperties": False, "properties": _steps()},
        "conditions": {"type": "object", "additionalProperties": {"$ref": "#/$defs/condition"}},
        "condition": _condition(),
    }


_OBJECTS = ("source", "filters", "range", "endpoint", "paging", "window", "target")


def _object(part: Part) -> dict[str, Any]:
    """The keys the loader takes there, and no others."""
    entries = part.entries
    required = [entry.name for entry in entries if _is_required(part, entry)]
    return {
        "type": "object",
        "title": part.name,
        "description": without_links(part.about),
        "additionalProperties": False,
        "properties": {entry.name: _property(part, entry) for entry in entries},
        **({"required": required} if required else {}),
    }


def _is_required(part: Part, entry: Entry) -> bool:
    if part.name == "targets":
        return entry.default is REQUIRED
    return is_required(part.name, entry.name)


def _property(part: Part, entry: Entry) -> dict[str, Any]:
    offered = choices(part.name, entry.name)
    shape: Mapping[str, Any] = {"enum": list(offered)} if offered else entry.shape
    default = {} if entry.default in (REQUIRED, NOTHING) else {"default": entry.default}
    takes = f" Takes {without_links(entry.takes)}." if entry.takes else ""
    return {**shape, "description": f"{without_links(entry.does[0].upper() + entry.does[1:])}.{takes}", **default}


def _with_targets(file: dict[str, Any]) -> dict[str, Any]:
    """One target at the top, or a list of them."""
    alone = ("target", "each", "keep", "skip", "fields")
    return {
        **file,
        "required": [name for name in file["required"] if name not in alone],
        "oneOf": [
            {"required": ["target", "fields"], "not": {"required": ["targets"]}},
            {"required": ["targets"], "not": {"anyOf": [{"required": [name]} for name in alone]}},
        ],
    }


def _by_name(definition: str, pattern: str) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {"pattern": pattern},
        "additionalProperties": {"$ref": f"#/$defs/{definition}"},
    }


def _field() -> dict[str, Any]:
    """A path, or keys with exactly one source."""
    beside = {entry.name: _property(PART["field"], entry) for entry in PART["field"].entries}
    sources = {entry.name: _property(PART["sources"], entry) for entry in PART["sources"].entries}
    keys = {
        "type": "object",
        "additionalProperties": False,
        "properties": {**sources, **_steps(), **beside},
        "oneOf": [{"required": [name]} for name in SOURCES],
        "dependentRequired": {"with": ["join"], "else": ["map"]},
    }
    return {"anyOf": [PATH, keys]}


def _steps() -> dict[str, Any]:
    otherwise = {entry.name: _property(PART["field"], entry) for entry in PART["field"].entries if entry.name == "else"}
    return {**{entry.name: _property(PART["steps"], entry) for entry in PART["steps"].entries}, **otherwise}


def _condition() -> dict[str, Any]:
    return {
        "anyOf": [
            CONSTANT,
            {"type": "array", "minItems": 1, "items": CONSTANT},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["exists"],
                "properties": {"exists": {"type": "boolean"}},
            },
            {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "properties": dict.fromkeys(("gt", "gte", "lt", "lte"), _BOUND),
            },
        ]
    }
