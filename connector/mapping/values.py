"""Plain values: what a record may hold at the end of a path, and the one way each is written as text."""

from datetime import date
from functools import lru_cache
from math import isfinite
from typing import Any

from connector.spans import instant, stamp

LONGEST_KEY = 255
"""Characters of a Salesforce text field that can be an external id (Metadata API, CustomField)."""

_PLAIN = frozenset((int, float, bool, type(None)))


class Refusal(Exception):
    """A value that cannot become what its field needs. The message never holds the value itself."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def plain(value: Any) -> Any:
    """The value a field starts from: empty text is missing (None), CR and CRLF become LF.

    Raises Refusal for a list or a mapping.
    """
    kind = value.__class__
    if kind is str:
        return tidy(value) if "\r" in value else value or None
    if kind is float and not isfinite(value):
        raise Refusal("NOT_A_NUMBER", "not a finite number")
    if kind in _PLAIN:
        return value
    if kind is list:
        raise Refusal("LIST", "the path gives a list; use first, last, count, sum or join")
    raise Refusal("NOT_A_VALUE", "the path gives a mapping, not a value; name a key below it")


def tidy(text: str) -> str:
    """The text with LF line ends, as Salesforce's bulk files carry them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def as_text(value: Any) -> str:
    """The one text of a plain value: true and false, whole numbers without a point, so that 5 and 5.0 are the same."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if kind is int:
        return str(value)
    raise Refusal("NOT_A_VALUE", "a list or a mapping cannot be written as text")


@lru_cache(maxsize=4096)
def whole_seconds(text: str) -> str:
    """An instant as `YYYY-MM-DDThh:mm:ssZ`; Salesforce keeps whole seconds only. Raises Refusal for anything else."""
    try:
        # A date alone parses as an instant, but nobody can tell which midnight it means.
        if len(text) > len("2026-01-01"):
            return stamp(instant(text))
    except (ValueError, OverflowError):
        pass
    raise Refusal("NOT_AN_INSTANT", "not an instant such as 2026-01-01T00:00:00Z")


def as_instant(value: Any) -> Any:
    """A known instant at whole seconds; None stays None. Raises Refusal for anything else."""
    if value is None:
        return None
    if value.__class__ is str:
        return whole_seconds(value)
    raise Refusal("NOT_AN_INSTANT", "not an instant such as 2026-01-01T00:00:00Z")


def as_date(text: str) -> str | None:
    """The text when it is a date without a time, else None. Raises ValueError for an impossible date."""
    if len(text) != len("2026-01-01"):
        return None
    return date.fromisoformat(text).isoformat()


def salesforce_length(text: str) -> int:
    """Characters as Salesforce counts them: UTF-16 units, so that most emoji count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
