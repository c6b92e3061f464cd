"""Whether Salesforce holds what was written: values compared as Salesforce keeps them. Pure.

Salesforce keeps whole seconds, cuts numbers to the scale of their field, takes blanks off both ends of a text, holds
nothing for an empty text and false for an empty checkbox, and puts the choices of a multi-select picklist into an order
of its own. Sources: SOAP API guide, "Primitive Data Types" and "Field Types"; Bulk API 2.0 guide, "Prepare CSV Files".
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connector.mapping.values import as_text, tidy
from connector.spans import instant, stamp

UNREADABLE = frozenset({"encryptedstring", "base64", "address", "location"})
"""Types of fields whose values are not given back as they were written."""

_NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})
_TRUE = frozenset({"true", "1"})
_RECORD_ID = 15
"""Characters of a record id that tell; three more only repeat which of them are capitals."""


def agrees(type: str, scale: int, written: Any, held: Any) -> bool:
    """Whether a field holds what was written to it.

    type, scale: of the field, as describe tells them; `parent` for a parent named by a key. written: a mapped value;
    held: what a query gives, JSON.
    """
    if type == "boolean":
        return _is_true(written) == _is_true(held)
    written, held = _or_nothing(written), _or_nothing(held)
    if written is None or held is None:
        return written is held
    if type in _NUMBERS:
        return _same_number(scale, written, held)
    if type == "datetime":
        return _same(_second, written, held)
    if type == "date":
        return _same(_day, written, held)
    one, other = as_text(written).strip(), as_text(held).strip()
    if type == "multipicklist":
        return set(one.split(";")) == set(other.split(";"))
    if type in ("reference", "id"):
        return one[:_RECORD_ID] == other[:_RECORD_ID]
    if type == "parent":
        # A parent is found by its key whatever the case.
        return one.casefold() == other.casefold()
    return one == other


def _or_nothing(value: Any) -> Any:
    """Text with LF line ends; None for a text of nothing but blanks."""
    if not isinstance(value, str):
        return value
    return tidy(value) if value.strip() else None


def _is_true(value: Any) -> bool:
    return value is not None and as_text(value).strip().lower() in _TRUE


def _same(form: Any, written: Any, held: Any) -> bool:
    """Whether both have the same form; what has none is compared as text."""
    try:
        return bool(form(written) == form(held))
    except (ValueError, TypeError, OverflowError):
        return as_text(written).strip() == as_text(held).strip()


def _second(value: Any) -> str:
    return stamp(instant(value))


def _day(value: Any) -> str:
    return instant(value).date().isoformat()


def _same_number(scale: int, written: Any, held: Any) -> bool:
    """The guide says that digits beyond the scale are cut; an org that rounds, or keeps them, is believed too."""
    try:
        number, there = Decimal(as_text(written)), Decimal(as_text(held))
        unit = Decimal(1).scaleb(-scale)
        forms = (number, number.quantize(unit, ROUND_DOWN), number.quantize(unit, ROUND_HALF_UP))
    except InvalidOperation:
        return as_text(written).strip() == as_text(held).strip()
    # Salesforce keeps numbers as doubles, which cannot tell more apart.
    return any(float(one) == float(there) for one in forms)
