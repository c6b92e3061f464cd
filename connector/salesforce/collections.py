"""Upsert up to 200 rows in one call, each row with its own answer (REST API guide, sObject Collections)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any
from urllib.parse import quote

from connector.errors import DeliveryRefused, MalformedAnswer, Refused
from connector.salesforce.connect import Org
from connector.salesforce.results import Outcome, RowError, refused

MOST_ROWS = 200
"""Rows one call takes."""

_UNREADABLE = "JSON_PARSER_ERROR"
_MOST_UNREADABLE = 20


def upsert(org: Org, object: str, external_id: str, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Upsert `rows` by the key field `external_id` and return their outcomes in the same order.

    rows: field -> text, number, bool or None, at most 200, each with its own key; None and empty text clear the field,
    an absent field is left alone, `Parent__r.Ext__c` points to a parent by its external id (`Lead:Who.Ext__c` where
    the parent may be of several types). A call whose answer is lost is repeated unchanged: same keys, same records.
    A value of the wrong type may make Salesforce refuse the whole call (JSON_PARSER_ERROR): then its row is found by
    halves and rejected alone.
    Raises ValueError for rows the call cannot take; MalformedAnswer when the answer does not hold one result per row;
    DeliveryRefused when Salesforce refuses object or key field, or 20 rows as unreadable; else what `Org.call` raises.
    """
    if not rows:
        return []
    keys = [_key(row, external_id) for row in rows]
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} rows in one Collections call; Salesforce takes {MOST_ROWS}")
    if len(set(keys)) != len(keys):
        raise ValueError("an external id stands twice in one Collections call; Salesforce would refuse both rows")
    return _upsert(org, object, external_id, dict(zip(keys, rows, strict=True)), unreadable=[])


def _upsert(
    org: Org, object: str, external_id: str, rows: Mapping[str, Mapping[str, Any]], unreadable: list[str]
) -> list[Outcome]:
    """Upsert rows, by key; `unreadable` collects the keys of rows Salesforce's JSON reader refused."""
    body = {"allOrNone": False, "records": [_record(object, row) for row in rows.values()]}
    path = f"composite/sobjects/{quote(object, safe='')}/{quote(external_id, safe='')}"
    try:
        answer = org.call("PATCH", path, json=body).json()
    except Refused as error:
        if error.code == _UNREADABLE:
            return _upsert_apart(org, object, external_id, rows, unreadable, error)
        if error.status in (400, 404):
            raise DeliveryRefused(f"{object}.{external_id}: {error.message}", error.hint) from error
        raise
    except ValueError as error:
        raise MalformedAnswer("Salesforce answered a Collections call with a body that is no JSON") from error
    if not isinstance(answer, list) or len(answer) != len(rows):
        found = f"{len(answer)} results" if isinstance(answer, list) else "no list"
        raise MalformedAnswer(f"Salesforce answered {len(rows)} rows of {object} with {found}")
    return [_outcome(key, result, external_id) for key, result in zip(rows, answer, strict=True)]


def _upsert_apart(
    org: Org,
    object: str,
    external_id: str,
    rows: Mapping[str, Mapping[str, Any]],
    unreadable: list[str],
    error: Refused,
) -> list[Outcome]:
    """Find the rows whose values refuse the whole call, by halves, so that one bad value stops no other row."""
    if len(rows) == 1:
        unreadable += rows
        if len(unreadable) >= _MOST_UNREADABLE:
            raise DeliveryRefused(f"{object}: {len(unreadable)} rows of one call: {error.message}", error.hint)
        told = error.answer[0] if isinstance(error.answer, list) and isinstance(error.answer[0], dict) else {}
        return [refused(key, _error({**told, "statusCode": error.code}), external_id) for key in rows]
    parts = list(rows.items())
    middle = len(parts) // 2
    return [
        outcome
        for half in (parts[:middle], parts[middle:])
        for outcome in _upsert(org, object, external_id, dict(half), unreadable)
    ]


def _key(row: Mapping[str, Any], external_id: str) -> str:
    key = row.get(external_id)
    if key is None or key == "":
        raise ValueError(f"a row has no {external_id}")
    return str(key)


def _record(object: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as the call wants it."""
    record: dict[str, Any] = {"attributes": {"type": object}}
    for column, value in row.items():
        value = _value(column, value)
        parent, dot, field = column.partition(".")
        if not dot:
            record[column] = value
            continue
        kind, colon, relationship = parent.rpartition(":")
        if value is None:
            record[lookup_field(relationship)] = None
        else:
            record[relationship] = {**({"attributes": {"type": kind}} if colon else {}), field: value}
    return record


def lookup_field(relationship: str) -> str:
    """The look-up field behind a relationship name: `Parent__r` -> `Parent__c`, `Account` -> `AccountId`."""
    return relationship[:-1] + "c" if relationship.endswith("__r") else relationship + "Id"


def _value(column: str, value: Any) -> Any:
    """The value as JSON can say it; what an ingest file would refuse is refused here too."""
    if value is None or value == "":
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal) and isfinite(value):
        return float(value)
    reason = "is no finite number" if isinstance(value, float | Decimal) else f"is a {type(value).__name__}"
    raise ValueError(f"{column}: the value {reason} and cannot be written to Salesforce")


def _outcome(key: str, result: Any, external_id: str) -> Outcome:
    match result:
        case {"success": True, "created": True}:
            return Outcome(key, "created", result.get("id"))
        case {"success": True}:
            return Outcome(key, "updated", result.get("id"))
        case {"success": False, "errors": [_, *_] as errors}:
            outcomes = [refused(key, _error(error), external_id, result.get("id")) for error in errors]
            # One permanent error decides: the row cannot pass however the others end.
            return next((outcome for outcome in outcomes if outcome.verdict == "rejected"), outcomes[0])
        case {"success": False}:
            return Outcome(key, "transient", code="UNKNOWN", message="Salesforce gave no reason")
        case _:
            raise MalformedAnswer("a result of a Collections call does not say whether the row was saved")


def _error(error: Any) -> RowError:
    if not isinstance(error, dict):
        raise MalformedAnswer("an error of a Collections call is no object")
    fields = tuple(str(name) for name in error.get("fields") or ())
    return RowError(str(error.get("statusCode", "UNKNOWN")), str(error.get("message", "")), fields)
