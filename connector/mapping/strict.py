"""Reading one part of a document into a strict model: unknown keys and wrong types become problems with their place."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from connector.mapping.document import Document, Place
from connector.mapping.suggest import did_you_mean


class Strict(BaseModel):
    """A frozen model that converts nothing and refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], written: Any, document: Document, place: Place) -> Model | None:
    """The part of the document at `place` as a model, with every problem noted.

    What is wrong is left out of the model, so that the rest can be checked as well; None when nothing is left to check.
    """
    if not isinstance(written, dict):
        document.problem(place, f"must be keys with values, not {kind_of(written)}")
        return None
    try:
        return model.model_validate(written)
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        for one in error.errors(include_url=False):
            _note(one, known, document, place)
        return _salvaged(model, written, error)


def _salvaged(model: type[Model], written: dict[str, Any], error: ValidationError) -> Model | None:
    """The model without its wrong keys, and lists without their wrong items."""
    wrong = [one["loc"] for one in error.errors(include_url=False)]
    items = {loc[:2] for loc in wrong if len(loc) > 1 and isinstance(loc[1], int)}
    keys = {loc[0] for loc in wrong if loc[:2] not in items}
    kept = {
        key: [item for index, item in enumerate(value) if (key, index) not in items]
        if isinstance(value, list)
        else value
        for key, value in written.items()
        if key not in keys
    }
    try:
        return model.model_validate(kept)
    except ValidationError:
        return None


def kind_of(value: Any) -> str:
    """A YAML value's kind in an admin's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"text ({value[:40]!r})"
        case list():
            return "a list"
        case _:
            return "keys with values"


def _note(error: ErrorDetails, known: list[str], document: Document, place: Place) -> None:
    below = (*place, *error["loc"])
    match error["type"]:
        case "extra_forbidden":
            key = str(error["loc"][-1])
            names = known if len(error["loc"]) == 1 else []
            hint = did_you_mean(key, names) or (f"; known are {', '.join(names)}" if names else "")
            document.problem(below, f"unknown key '{key}'{hint}", at_key=True)
        case "missing":
            document.problem(below[:-1], f"'{error['loc'][-1]}' is missing")
        case "value_error":
            document.problem(below, str(error["ctx"]["error"]))
        case "literal_error":
            document.problem(below, _choices(error))
        case kind:
            wanted = _WANTED.get(kind)
            text = f"must be {wanted}, not {kind_of(error['input'])}" if wanted else _PLAINLY.get(kind, error["msg"])
            document.problem(below, text)


_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "dict_type": "keys with values",
    "tuple_type": "a list",
    "model_type": "keys with values",
}
_PLAINLY = {
    "greater_than_equal": "must be 1 or more",
    "less_than_equal": "must be 131072 or less, the longest text Salesforce holds",
    "string_too_short": "must not be empty text",
    "string_too_long": "must have 40 characters at most",
}


def _choices(error: ErrorDetails) -> str:
    expected = error["ctx"]["expected"]
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    if choices == ["True"]:
        return "takes no argument: write true, or leave the step out"
    written = error["input"]
    hint = did_you_mean(written, choices) if isinstance(written, str) else ""
    return f"must be {', '.join(choices)}, not {kind_of(written)}{hint}"
