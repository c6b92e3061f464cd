"""What keys take, as JSON Schema. Names in `$defs` of the whole schema are given by `DEFINITIONS`."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.language.entries import Shape

TEXT: Shape = {"type": "string"}
SOME_TEXT: Shape = {"type": "string", "minLength": 1}
BOOL: Shape = {"type": "boolean"}
BARE: Shape = {"const": True}
COUNT: Shape = {"type": "integer", "minimum": 1}
NUMBER: Shape = {"type": "number"}
NAMES: Shape = {"type": "array", "items": TEXT}
CLAUSES: Shape = {"type": "array", "items": {"type": "object"}}
MAPPING: Shape = {"type": "object"}

_DEFINED: dict[str, Any] = {
    "path": {"type": "string", "minLength": 1, "description": "A path into the record, such as tHandle.sum."},
    "paths": {"anyOf": [{"$ref": "#/$defs/path"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/path"}}]},
    "duration": {
        "type": "string",
        # ISO 8601 in whole units, and not of nothing.
        "pattern": r"^P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$",
        "description": "An ISO duration, such as P1D, PT6H or PT30M.",
    },
    "constant": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"type": "boolean"}]},
    "outcome": {"type": ["string", "number", "boolean", "null"]},
    "timezone": {"type": "string", "minLength": 1, "description": "An IANA name, such as Europe/Berlin."},
    "object": {
        "type": "string",
        "pattern": "^[A-Za-z](_?[A-Za-z0-9])*(__[A-Za-z]{1,3})?$",
        "description": "API name of a Salesforce object.",
    },
}
DEFINITIONS: Mapping[str, Any] = _DEFINED
"""Shapes by name; the others stand beside the parts they are made of."""


def ref(name: str) -> Shape:
    """What stands under `$defs` by that name."""
    return {"$ref": f"#/$defs/{name}"}


def one_of(*values: str) -> Shape:
    """One of some words."""
    return {"enum": list(values)}


def names_among(known: str) -> Shape:
    """A list of names of which some are known (`$defs`), so that an editor can offer them, and others are allowed."""
    return {"type": "array", "items": {"anyOf": [ref(known), TEXT]}, "uniqueItems": True}


def list_of(shape: Shape, **more: int) -> Shape:
    return {"type": "array", "items": shape, **more}


PATH = ref("path")
PATHS = ref("paths")
DURATION = ref("duration")
CONSTANT = ref("constant")
OUTCOME = ref("outcome")
