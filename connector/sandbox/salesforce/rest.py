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

__all__ = ["VERSIONS", "Call", "Endpoint", "json_answer", "json_object", "plain_refusal", "version_of"]

VERSIONS = range(31, 68)
"""API versions the organisation knows: 66 is 66.0."""


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


def plain_refusal(error: HTTPException) -> Response:
    """What Werkzeug refuses (no such path, wrong method, body too large or cut off), in the shape of REST errors."""
    status = error.code or 400
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_ENTITY_TOO_LARGE"}.get(status, "BAD_REQUEST")
    message = "The requested resource does not exist" if status == 404 else str(error.description)
    return json_answer(RestError(status, code, message).body(), status)


def version_of(path: str) -> tuple[float, str]:
    """(66.0, "/services/data/v66.0") of a path below it. Raises RestError 404 or 410."""
    parts = path.split("/")
    number = parts[3][1:-2] if len(parts) > 3 and parts[3][:1] == "v" and parts[3].endswith(".0") else ""
    if parts[:3] != ["", "services", "data"] or not number.isdigit() or int(number) > VERSIONS[-1]:
        raise RestError(404, "NOT_FOUND", "The requested resource does not exist")
    if int(number) < VERSIONS[0]:
        message = f"API version {number}.0 is retired; use {VERSIONS[0]}.0 or later"
        raise RestError(410, "UNSUPPORTED_API_VERSION", message)
    return float(number), "/".join(parts[:4])
