"""What the loader takes today, read from the models themselves: the keys of each part of the language."""

from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connector.mapping import arguments, fields, load
from connector.mapping.examples import WrittenExample
from connector.mapping.model import Source, TargetRules, WindowRules

_BELOW = {
    "filters": ("source", "filters"),
    "endpoint": ("source", "endpoint"),
    "paging": ("endpoint", "paging"),
    "views": ("source", "views"),
    "range": ("views", "range"),
}
"""Part -> the part and the key it stands below."""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model an annotation speaks of, alone, in a list, or as a choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)


@cache
def _models() -> dict[str, type[BaseModel]]:
    models: dict[str, type[BaseModel]] = {
        "source": Source,
        "window": WindowRules,
        "target": TargetRules,
        "examples": WrittenExample,
    }
    for part, (parent, key) in _BELOW.items():
        if parent in models and key in models[parent].model_fields:
            found = _model_in(models[parent].model_fields[key].annotation)
            if found is not None:
                models[part] = found
    return models


@cache
def known_keys() -> dict[str, frozenset[str]]:
    """Part of the language -> the keys the loader takes there."""
    beside = _names(fields.WrittenField) - arguments.SOURCES.keys() - arguments.STEPS.keys() - {"then"}
    return {
        "file": frozenset(load.KEYS),
        "targets": frozenset(load.TARGET_KEYS),
        **{part: frozenset(_names(model)) for part, model in _models().items()},
        "sources": frozenset(arguments.SOURCES),
        "steps": frozenset({*arguments.STEPS, "then"}),
        "field": frozenset(beside),
    }


def choices(part: str, key: str) -> tuple[str, ...] | None:
    """The words a key of a model takes, or None when it takes others than words of a list."""
    model = fields.WrittenField if part == "field" else _models().get(part)
    found = _literal(model.model_fields[key]) if model is not None and key in model.model_fields else ()
    return found or None


def is_required(part: str, key: str) -> bool:
    """Whether the part must hold the key, whatever else stands there."""
    if part == "file":
        return key in load.REQUIRED
    model = _models().get(part)
    return model is not None and model.model_fields[key].is_required()


def _names(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _literal(info: FieldInfo) -> tuple[str, ...]:
    annotation = info.annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()
