"""What the loader takes today, read from the models themselves: the keys of each part of the language."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connector.mapping import arguments, fields, load
from connector.mapping.examples import WrittenExample
from connector.mapping.language import Entry, Part
from connector.mapping.model import Filters, Source, TargetRules, WindowRules

_MODELS: Mapping[str, type[BaseModel]] = {
    "source": Source,
    "filters": Filters,
    "window": WindowRules,
    "target": TargetRules,
    "examples": WrittenExample,
}


@cache
def known_keys() -> dict[str, frozenset[str]]:
    """Part of the language -> the keys the loader takes there."""
    beside = _names(fields.WrittenField) - arguments.SOURCES.keys() - arguments.STEPS.keys() - {"then"}
    return {
        "file": frozenset(load.KEYS),
        "targets": frozenset(load.TARGET_KEYS),
        **{part: frozenset(_names(model)) for part, model in _MODELS.items()},
        "sources": frozenset(arguments.SOURCES),
        "steps": frozenset({*arguments.STEPS, "then"}),
        "field": frozenset(beside),
    }


def later_keys() -> dict[str, frozenset[str]]:
    """Part of the language -> the keys the loader refuses as not supported yet."""
    return {"file": load.LATER, "source": load.LATER_IN_SOURCE}


def choices(part: str, key: str) -> tuple[str, ...] | None:
    """The words a key of a model takes, or None when it takes others than words of a list."""
    model = fields.WrittenField if part == "field" else _MODELS.get(part)
    found = _literal(model.model_fields[key]) if model is not None and key in model.model_fields else ()
    return found or None


def is_required(part: str, key: str) -> bool:
    """Whether the part must hold the key, whatever else stands there."""
    if part == "file":
        return key in load.REQUIRED
    model = _MODELS.get(part)
    return model is not None and model.model_fields[key].is_required()


def _names(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _literal(info: FieldInfo) -> tuple[str, ...]:
    annotation = info.annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


_PARENTS = {"endpoint": "source", "targets": "file", "examples": "file"}


def is_known(part: Part, entry: Entry) -> bool:
    """Whether the loader takes this word of the language."""
    known = known_keys()
    if part.name == "paging":
        return "endpoint" in known["source"]
    if part.name in _PARENTS:
        return part.name in known[_PARENTS[part.name]]
    return part.name not in known or entry.name in known[part.name]
