"""Which rows Salesforce must refuse by what its describe says, told without a call.

Only what cannot pass is refused: where Salesforce may count, trim or round in another way, the row is sent and
Salesforce decides. Sources: SOAP API guide, describeSObjectResult and status codes; Bulk API 2.0 guide, prepare CSV
files.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.salesforce.describe import Description, Field
from connector.salesforce.results import Outcome

TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "combobox"})
"""Kinds of field whose `length` is the most characters a value may have."""

_DECIMALS = frozenset({"double", "currency", "percent"})
_LARGEST_INT = 2**31
_Refusal = tuple[str, str]
_Check = Callable[[Field, Any], _Refusal | None]


def refuser(description: Description, external_id: str) -> Callable[[Mapping[str, Any]], Outcome | None]:
    """A function from a row to its outcome when Salesforce must refuse it, else to None.

    The row: column -> text, number, bool or None; the outcome names code, field and reason as Salesforce would, without
    the value.
    """
    checks = {name: (field, check) for name, field in description.fields.items() if (check := _check_of(field))}

    def refused(values: Mapping[str, Any]) -> Outcome | None:
        for column, value in values.items():
            if value is None or column not in checks:
                continue
            field, check = checks[column]
            if refusal := check(field, value):
                code, reason = refusal
                message = f"{field.label or column}: {reason} (not sent)"
                return Outcome(str(values[external_id]), "rejected", code=code, message=message, fields=(column,))
        return None

    return refused


def _check_of(field: Field) -> _Check | None:
    if field.type in TEXTS and field.length and not field.is_rich:
        return _too_long
    if field.type in _DECIMALS or field.type == "int":
        return _out_of_range
    return _not_active if "picklist" in field.type and field.is_restricted else None


def _too_long(field: Field, value: Any) -> _Refusal | None:
    # Blanks around a text are trimmed, and whether an emoji counts once or twice is not told: the least counts here.
    if value.__class__ is str and len(value) > field.length and len(value.strip()) > field.length:
        return "STRING_TOO_LONG", f"data value too large (max length={field.length})"
    return None


def _out_of_range(field: Field, value: Any) -> _Refusal | None:
    if is_too_large(field, value):
        return "NUMBER_OUTSIDE_VALID_RANGE", "value outside of valid range on numeric field"
    return None


def _not_active(field: Field, value: Any) -> _Refusal | None:
    if retired(field, value):
        return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist field"
    return None


def is_too_large(field: Field, value: Any) -> bool:
    """Whether a number has more digits before the point than a field holds. What is no number is not too large."""
    if value.__class__ not in (int, float):
        return False
    if field.type == "int":
        return bool(abs(value) >= max(_LARGEST_INT, 10**field.digits))
    if field.type not in _DECIMALS or not field.precision:
        return False
    # Digits beyond the scale are cut, so they do not make a number too large.
    return bool(abs(value) >= 10 ** (field.precision - field.scale))


def retired(field: Field, value: Any) -> list[str]:
    """Of a value for a restricted picklist, the parts that are not active; nothing for any other field."""
    if not field.is_restricted or "picklist" not in field.type or value.__class__ is not str:
        return []
    if value in field.choices:
        return []
    # Capitals, blanks around it, and the label instead of the API name are given the benefit of the doubt.
    active = {one.strip().casefold() for one in (*field.choices, *field.labels)}
    parts = value.split(";") if field.type == "multipicklist" else [value]
    return [one for one in parts if one.strip() and one.strip().casefold() not in active]
