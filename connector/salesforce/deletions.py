"""Delete records by their external ids: look up their record ids, then delete up to 200 in one call.

Source: REST API guide, "Delete Multiple Records with sObject Collections".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.errors import DeliveryRefused, MalformedAnswer, Refused
from connector.salesforce import soql
from connector.salesforce.collections import MOST_ROWS
from connector.salesforce.connect import Org
from connector.salesforce.results import Outcome, RowError, refused

_GONE = frozenset(("ENTITY_IS_DELETED", "NOT_FOUND"))


def delete(org: Org, object: str, external_id: str, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Delete the records of `rows` by their key field `external_id` and return the outcomes in the same order.

    rows: at most 200, each with its own key; other fields do not matter. A record that is not there counts as deleted,
    so the call may be repeated when its answer was lost. Only a record with exactly this key is deleted, also where
    Salesforce finds keys whatever their case.
    Raises ValueError for more rows; MalformedAnswer when an answer is no such answer; DeliveryRefused when Salesforce
    knows no such object or field; else what `Org.call` raises.
    """
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} rows in one Collections call; Salesforce takes {MOST_ROWS}")
    keys = [str(row[external_id]) for row in rows]
    found: dict[str, list[str]] = {key: [] for key in keys}
    for part in soql.parts(keys):
        for key, record_id in _records(org, object, external_id, part):
            if key in found:
                found[key].append(record_id)
    single = {key: ids[0] for key, ids in found.items() if len(ids) == 1}
    results = _delete(org, object, list(single.values()))
    answers = dict(zip(single, results, strict=True))
    return [
        Outcome(key, "deleted")
        if not found[key]
        else _outcome(key, answers[key], external_id)
        if key in answers
        else _ambiguous(key, external_id, len(found[key]))
        for key in keys
    ]


def _records(org: Org, object: str, external_id: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Key and record id of the records Salesforce finds by these keys."""
    listed = ",".join(map(soql.text, keys))
    query = f"SELECT Id, {external_id} FROM {object} WHERE {external_id} IN ({listed})"  # noqa: S608
    for records in soql.pages(org, query, f"{object}.{external_id}"):
        for record in records:
            if not isinstance(record.get("Id"), str):
                raise MalformedAnswer("Salesforce answered a query with a record that has no Id")
            yield str(record.get(external_id)), record["Id"]


def _delete(org: Org, object: str, ids: Sequence[str]) -> list[Any]:
    if not ids:
        return []
    try:
        answer = org.call("DELETE", "composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "false"}).json()
    except Refused as error:
        if error.status in (400, 404):
            raise DeliveryRefused(f"{object}: {error.message}", error.hint) from error
        raise
    except ValueError as error:
        raise MalformedAnswer("Salesforce answered a Collections call with a body that is no JSON") from error
    if not isinstance(answer, list) or len(answer) != len(ids):
        told = f"{len(answer)} results" if isinstance(answer, list) else "no list"
        raise MalformedAnswer(f"Salesforce answered the deletion of {len(ids)} records of {object} with {told}")
    return answer


def _outcome(key: str, result: Any, external_id: str) -> Outcome:
    match result:
        case {"success": True}:
            return Outcome(key, "deleted")
        case {"success": False, "errors": [dict() as error, *_]}:
            code, message = str(error.get("statusCode", "UNKNOWN")), str(error.get("message", ""))
            if code in _GONE:
                return Outcome(key, "deleted")
            fields = tuple(str(name) for name in error.get("fields") or ())
            return refused(key, RowError(code, message, fields), external_id, result.get("id"))
        case {"success": False}:
            return Outcome(key, "transient", code="UNKNOWN", message="Salesforce gave no reason")
        case _:
            raise MalformedAnswer("a result of a Collections call does not say whether the record was deleted")


def _ambiguous(key: str, external_id: str, many: int) -> Outcome:
    message = f"{many} records have this external id, so none of them was deleted"
    return Outcome(key, "rejected", code="DUPLICATE_EXTERNAL_ID", message=message, fields=(external_id,))
