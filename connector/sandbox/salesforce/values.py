"""Field values: read from a CSV cell or from JSON, checked against the field, written as Salesforce writes them.

A value is text, Decimal (double, int), bool, date text `YYYY-MM-DD`, date-time text `YYYY-MM-DDThh:mm:ss.000+0000`
(UTC, whole seconds), a `ParentKey`, or None (clear the field).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation, localcontext
from typing import Any

from connector.sandbox.objects import Field
from connector.sandbox.salesforce.errors import RowRefused

__all__ = ["NULL_CELL", "ParentKey", "Row", "Value", "check", "echo_number", "from_csv", "from_json", "stamp"]

NULL_CELL = "#N/A"
"""The cell that clears a field (Bulk API 2.0 guide, Prepare CSV Files)."""

_TEXT_KINDS = frozenset(
    {"string", "textarea", "email", "phone", "picklist", "multipicklist", "combobox", "reference", "id"}
)
_XSD = {
    "double": "xsd:double",
    "int": "xsd:int",
    "boolean": "xsd:boolean",
    "datetime": "xsd:dateTime",
    "date": "xsd:date",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class ParentKey:
    """A parent named by one of its external ids instead of its record id."""

    parent: str
    field: str
    value: str


Value = str | Decimal | bool | ParentKey | None
Row = Mapping[str, Value]
"""Field name to value; None clears, an absent name leaves the field as it is."""


def stamp(moment: datetime) -> str:
    """A date-time as the platform writes it: UTC, whole seconds, `.000+0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def from_csv(field: Field, cell: str, column: int) -> Value:
    """Read a cell that is not empty. Raises RowRefused with the text of Bulk API 2.0, `column` counted from 0."""
    if cell == NULL_CELL:
        return None
    if field.kind in _TEXT_KINDS:
        return cell
    try:
        return _parse(field.kind, cell)
    except ValueError:
        message = (
            f"Failed to deserialize field at col {column}. Due to, '{cell}' is not a valid value for the type "
            f"{_XSD[field.kind]}"
        )
        raise RowRefused("INVALID_FIELD", message, field.name) from None


def from_json(field: Field, value: Any) -> Value:
    """Read a JSON value; empty text is null. Raises RowRefused with the text of the REST API's JSON reader."""
    if value is None or (value == "" and field.kind in _TEXT_KINDS):
        return None
    if field.kind in _TEXT_KINDS and isinstance(value, str):
        return value
    if field.kind == "boolean" and isinstance(value, bool):
        return value
    if field.kind == "double" and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if field.kind == "int" and type(value) is int:
        return Decimal(value)
    if field.kind in ("date", "datetime") and isinstance(value, str):
        try:
            return _parse(field.kind, value)
        except ValueError:
            pass
    kind, shown = _json_token(value)
    target = "string" if field.kind in _TEXT_KINDS else field.kind
    message = (
        f"Cannot deserialize instance of {target} from {kind} value {shown} or request may be missing a required field"
    )
    raise RowRefused("JSON_PARSER_ERROR", message, field.name)


def _json_token(value: Any) -> tuple[str, str]:
    match value:
        case bool():
            return f"VALUE_{str(value).upper()}", str(value).lower()
        case int():
            return "VALUE_NUMBER_INT", str(value)
        case Decimal():
            return "VALUE_NUMBER_FLOAT", str(value)
        case str():
            return "VALUE_STRING", value
        case list():
            return "START_ARRAY", "["
        case _:
            return "START_OBJECT", "{"


def _parse(kind: str, text: str) -> Value:
    """Raises ValueError when `text` is not of that kind."""
    if kind == "double" and _NUMBER.fullmatch(text):
        return Decimal(text)
    if kind == "int" and re.fullmatch(r"[+-]?\d+", text):
        return Decimal(text)
    if kind == "boolean" and text in ("true", "false", "1", "0"):
        return text in ("true", "1")
    if kind == "date" and _DATE.fullmatch(text):
        return date.fromisoformat(text).isoformat()
    if kind == "datetime" and (found := _DATE_TIME.fullmatch(text)):
        # Fractions of a second are lost: the platform keeps whole seconds.
        return stamp(datetime.fromisoformat(found[1] + found[3]))
    raise ValueError(text)


def check(field: Field, value: Value) -> str | float | bool | None:
    """Return what is stored for a value of the right kind, or raise RowRefused.

    Digits beyond the scale are cut silently; too many integer digits, too long a text and an unknown choice of a
    restricted picklist are refused (Bulk API 2.0 guide, Prepare CSV Files; SOAP API guide, status codes).
    """
    if isinstance(value, Decimal):
        return _fit(field, value)
    if value is None:
        if field.kind == "boolean":
            message = f"{field.label}: value not of required type: "
            raise RowRefused("INVALID_TYPE_ON_FIELD_IN_RECORD", message, field.name)
        return None
    if isinstance(value, str) and field.length and len(value) > field.length:
        message = f"{field.label}: data value too large: {value} (max length={field.length})"
        raise RowRefused("STRING_TOO_LONG", message, field.name)
    chosen = str(value).split(";") if field.kind == "multipicklist" else [value]
    if field.restricted and not all(each in field.choices for each in chosen):
        message = f"{field.label}: bad value for restricted picklist field: {value}"
        raise RowRefused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
    assert not isinstance(value, ParentKey), "parents are resolved before values are checked"
    return value


def _fit(field: Field, value: Decimal) -> float:
    too_large = RowRefused(
        "NUMBER_OUTSIDE_VALID_RANGE",
        f"{field.label}: value outside of valid range on numeric field: {value}",
        field.name,
    )
    if field.kind == "int":
        if abs(value) >= 2**31:
            raise too_large
        return int(value)
    with localcontext() as context:
        context.prec = 60
        try:
            cut = value.quantize(Decimal(1).scaleb(-field.scale), rounding=ROUND_DOWN)
        except InvalidOperation:
            raise too_large from None
    if abs(cut) >= Decimal(10) ** (field.precision - field.scale):
        raise too_large
    return float(cut)


def echo_number(cell: str) -> str:
    """A number cell as result files give it back: `912260031` becomes `9.12260031E8`, `5` becomes `5.0`.

    Source: Bulk API 2.0 guide, successful results; the form is that of Java's doubles.
    """
    number = float(cell)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    digits, exponent = f"{Decimal(repr(number)):E}".split("E")
    mantissa = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{mantissa}{'' if '.' in mantissa else '.0'}E{int(exponent)}"
