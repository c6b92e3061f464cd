"""What every REST endpoint of the simulated organisation shares: the call it gets and the answers it gives."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from connector.sandbox.salesforce.errors import RestError

__all__ = ["Call", "Endpoint", "json_answer", "json_object"]


@dataclass(frozen=True)
class Call:
    """One authenticated request under `/services/data/vXX.0/`. version: 66.0; base: `/services/data/v66.0`."""

    request: Request
    version: float
    base: str


Endpoint = Callable[..., Response]
"""Takes a Call, then the parts of its path by name; raises RestError."""


def json_answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, content_type="application/json;charset=UTF-8")


def json_object(request: Request) -> dict[str, Any]:
    """The body of a request as a JSON object, its fractions as Decimal. Raises RestError 400 JSON_PARSER_ERROR."""
    try:
        value = json.loads(request.get_data(), parse_float=Decimal)
    except HTTPException:
        raise
    except ValueError as error:
        raise RestError(400, "JSON_PARSER_ERROR", f"Unexpected content: {error}") from None
    if not isinstance(value, dict):
        raise RestError(400, "JSON_PARSER_ERROR", "The request body must be a JSON object")
    return value
