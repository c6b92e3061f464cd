"""Requests as data: `${start}` and the like inside a path, a query string or a body become the values of one call.

A value that is one placeholder and nothing else becomes the value itself, a number a number; its key is left out where
there is no value (the first page has no cursor). Inside other text a value is joined in as text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\$\{([^${}]*)(\}?)")
_ABSENT = object()

Template = Any
"""What JSON can hold, with placeholders in its texts."""


def placeholders(template: Template) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """Every placeholder with its place in the template, its name, and whether it is a key's whole value.

    One that is not closed has the name "".
    """
    match template:
        case dict():
            for key, value in template.items():
                for place, name, is_whole in placeholders(value):
                    yield (key, *place), name, is_whole
        case list():
            for index, value in enumerate(template):
                for place, name, _ in placeholders(value):
                    yield (index, *place), name, False
        case str():
            for found in _PLACEHOLDER.finditer(template):
                yield (), found[1] if found[2] else "", found[0] == template


def fill(template: Template, values: Mapping[str, Any]) -> Any:
    """The template with its placeholders replaced. Raises KeyError for a name that has no value here."""
    filled = _filled(template, values)
    return None if filled is _ABSENT else filled


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A path with its placeholders replaced by values that no longer hold `/`, `?` or the like."""
    return str(fill(template, {name: quote(str(value), safe="") for name, value in values.items()}))


def fill_params(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """A query string's names and texts with placeholders replaced; true and false as JSON writes them."""
    return {name: _text(value) for name, value in fill(dict(template), values).items()}


def moment_text(moment: datetime) -> str:
    """An instant with milliseconds in UTC, the one form the vendor documents for intervals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _filled(template: Template, values: Mapping[str, Any]) -> Any:
    match template:
        case dict():
            filled = ((key, _filled(value, values)) for key, value in template.items())
            return {key: value for key, value in filled if value is not _ABSENT}
        case list():
            return [_filled(value, values) for value in template]
        case str():
            if found := _PLACEHOLDER.fullmatch(template):
                value = values[found[1]]
                return _ABSENT if value is None else value
            return _PLACEHOLDER.sub(lambda found: _text(values[found[1]]), template)
        case _:
            return template


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
