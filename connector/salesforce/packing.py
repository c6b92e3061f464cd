"""A description as bytes to keep, and back."""

from dataclasses import asdict, fields
from typing import Any

import orjson

from connector.salesforce.describe import Description, Field

_NAMES = frozenset(one.name for one in fields(Field))


def pack(description: Description) -> bytes:
    """All of it as JSON."""
    return orjson.dumps({**asdict(description), "fields": [asdict(one) for one in description.fields.values()]})


def unpack(packed: bytes) -> Description | None:
    """What `pack` made; None when a version made it that told other things about a field."""
    told = orjson.loads(packed)
    if any(one.keys() != _NAMES for one in told["fields"]):
        return None
    return Description(**{**told, "fields": {one["name"]: _field(one) for one in told["fields"]}})


def _field(told: dict[str, Any]) -> Field:
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
    return Field(**values)
