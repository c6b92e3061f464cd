"""Ask the org by SOQL: texts in quotes, keys in parts an address can hold, answers page by page.

Sources: REST API guide, "Query"; SOQL reference, "Quoted String Escape Sequences"; limits of a URI: REST API guide,
status codes 414 and 431.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from connector.errors import DeliveryRefused, MalformedAnswer, Refused
from connector.salesforce.connect import Org

LONGEST_LIST = 8_000
"""Characters of the keys in one query, as they are written in its address; an address may have 16,384 bytes."""

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"},
)


def text(value: str) -> str:
    """A text of SOQL, in its quotes."""
    return f"'{value.translate(_ESCAPES)}'"


def parts(keys: Sequence[str], longest: int = LONGEST_LIST) -> Iterator[list[str]]:
    """The keys in parts short enough for the address of a query. longest: characters of a part, as written there."""
    part: list[str] = []
    length = 0
    for key in keys:
        written = len(quote(text(key))) + len(quote(","))
        if part and length + written > longest:
            yield part
            part, length = [], 0
        part.append(key)
        length += written
    if part:
        yield part


def pages(
    org: Org, query: str, about: str, before: Callable[[], None] = lambda: None
) -> Iterator[list[dict[str, Any]]]:
    """The records a query finds, an answer at a time.

    about: the object or field, for messages; before: called ahead of each call, may raise.
    Raises DeliveryRefused when Salesforce knows no such object or field; MalformedAnswer when an answer is no list of
    records; else what `Org.call` raises.
    """
    path: str | None = "query"
    params: dict[str, str] | None = {"q": query}
    while path is not None:
        before()
        try:
            answer = org.call("GET", path, params=params).json()
        except Refused as error:
            if error.status in (400, 404):
                raise DeliveryRefused(f"{about}: {error.message}", error.hint) from error
            raise
        except ValueError as error:
            raise MalformedAnswer("Salesforce answered a query with a body that is no JSON") from error
        match answer:
            case {"records": list() as records, "done": bool() as is_done}:
                if not all(isinstance(record, dict) for record in records):
                    raise MalformedAnswer("Salesforce answered a query with something else than records")
                yield records
                path, params = (None if is_done else answer.get("nextRecordsUrl")), None
                if path is None and not is_done:
                    raise MalformedAnswer("Salesforce says that a query found more, and not where it goes on")
            case _:
                raise MalformedAnswer("Salesforce answered a query with something else than records")
