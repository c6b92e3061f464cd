"""What an answer with an error status says, in the forms of both services."""

from typing import NamedTuple

import orjson
import requests
from requests import exceptions as faults
from urllib3 import exceptions as raw_faults

from connector.masking import mask, shortened


class Said(NamedTuple):
    """What an error answer says. code: "" when it names none. body: parsed, None when it is in no known form."""

    code: str
    message: str
    body: object


def read_error(answer: requests.Response) -> Said:
    """What an error answer says; ("", "", None) when it is no JSON.

    Genesys: {"code", "message"}; Salesforce: [{"errorCode", "message"}, ...]; OAuth: {"error",
    "error_description" or "description"}.
    """
    try:
        body: object = orjson.loads(answer.content)
    except (ValueError, faults.RequestException, raw_faults.HTTPError):
        return Said("", "", None)
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return Said("", "", body)
    code = first.get("errorCode") or first.get("code") or first.get("error") or ""
    said = first.get("message") or first.get("error_description") or first.get("description") or ""
    return Said(shortened(mask(str(code))), str(said), body)
