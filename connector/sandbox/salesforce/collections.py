"""sObject Collections: upsert up to 200 records in one call, delete by record id.

Source: REST API guide, "Upsert Records Using sObject Collections"; shapes from recorded exchanges.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug import Response
from werkzeug.routing import Rule

from connector.sandbox.salesforce.errors import RestError, RowError, RowRefused
from connector.sandbox.salesforce.org import Org, Outcome
from connector.sandbox.salesforce.rest import Call, json_answer, json_object
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.values import ParentKey, Row, Value, from_json

__all__ = ["Collections"]

_MOST = 200


class Collections:
    """The endpoints under `composite/sobjects`.

    refuses_whole_call: a value the JSON reader cannot take, or an unknown field, refuses the call with HTTP 400
    instead of failing its row. Which of the two an organisation does is not documented, so clients face both.
    """

    def __init__(self, org: Org, setup: Setup) -> None:
        self._org, self._setup = org, setup
        self.refuses_whole_call = False

    def rules(self) -> list[Rule]:
        """The paths, below `/services/data/vXX.0`."""
        return [
            Rule("/composite/sobjects/<name>/<key>", endpoint=self.upsert, methods=["PATCH"]),
            Rule("/composite/sobjects", endpoint=self.delete, methods=["DELETE"]),
        ]

    def upsert(self, call: Call, name: str, key: str) -> Response:
        """PATCH: one result per record, in the order of the request; 200 even when every record fails."""
        found = self._setup.object(name)
        field = self._setup.column(found.name, key)
        if call.version < 46 or field is None or not field[0].is_key:
            message = f"Provided external ID field does not exist or is not accessible: {key}"
            raise RestError(404, "NOT_FOUND", message)
        asked = json_object(call.request)
        records = asked.get("records")
        if not isinstance(records, list) or not records:
            raise RestError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        if len(records) > _MOST:
            message = f"record limit reached. cannot submit more than {_MOST} records into this call"
            raise RestError(400, "EXCEEDED_MAX_SIZE_REQUEST", message)
        rows = [self._row(found.name, field[0].name, record) for record in records]
        with self._org.transaction():
            outcomes = self._org.write(
                found.name, "upsert", field[0].name, rows, all_or_none=asked.get("allOrNone") is True
            )
        return json_answer([_result(each, with_created=True) for each in outcomes])

    def delete(self, call: Call) -> Response:
        """DELETE `?ids=a,b`: up to 200 records by record id."""
        ids = [each for each in call.request.args.get("ids", "").split(",") if each]
        if not ids:
            raise RestError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        if len(ids) > _MOST:
            message = f"record limit reached. cannot submit more than {_MOST} records into this call"
            raise RestError(400, "EXCEEDED_MAX_SIZE_REQUEST", message)
        outcomes: list[Outcome] = []
        with self._org.transaction():
            for each in ids:
                owner = next((one for one in self._setup.objects.values() if each[:3] == one.key_prefix), None)
                if owner is None:
                    outcomes.append(Outcome(error=RowError("MALFORMED_ID", f"malformed id {each}")))
                else:
                    outcomes += self._org.write(owner.name, "delete", "Id", [{"Id": each}])
        return json_answer([_result(each, with_created=False) for each in outcomes])

    def _row(self, name: str, key: str, record: Any) -> Row | RowError:
        attributes = record.get("attributes") if isinstance(record, dict) else None
        if not isinstance(attributes, Mapping) or attributes.get("type") != name:
            raise RestError(400, "INVALID_TYPE", f"Each record needs attributes with type {name}")
        if key != "Id" and any(each.lower() == "id" for each in record):
            raise RestError(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
        row: dict[str, Value] = {}
        try:
            for column, value in record.items():
                if column != "attributes":
                    row |= self._value(name, column, value)
        except RowRefused as refusal:
            if self.refuses_whole_call:
                raise RestError(400, refusal.error.code, refusal.error.message, refusal.error.fields) from None
            return refusal.error
        return row

    def _value(self, name: str, column: str, value: Any) -> Row:
        """One member of a record as field and value; `Parent__r: {Ext__c: ..}` names a parent by its key.

        Where the parent may be of several objects, `attributes` inside it name the one.
        """
        if isinstance(value, dict):
            kind = value["attributes"].get("type") if isinstance(value.get("attributes"), dict) else None
            inner = {each: text for each, text in value.items() if each != "attributes"}
            if len(inner) == 1:
                (parent_field, text), *_ = inner.items()
                found = self._setup.column(name, f"{column}.{parent_field}") or (
                    self._setup.column(name, f"{kind}:{column}.{parent_field}") if kind else None
                )
                if found is not None and found.key is not None:
                    return {found.field.name: None if text is None else ParentKey(found.parent, found.key.name, text)}
        found = self._setup.column(name, column)
        if found is None or "." in column:
            raise RowRefused("INVALID_FIELD", f"No such column '{column}' on sobject of type {name}")
        return {found.field.name: from_json(found.field, value)}


def _result(outcome: Outcome, *, with_created: bool) -> dict[str, Any]:
    if outcome.error:
        return {"success": False, "errors": _errors([outcome.error])}
    result: dict[str, Any] = {"id": outcome.id, "success": True, "errors": []}
    return {**result, "created": outcome.created} if with_created else result


def _errors(errors: Sequence[RowError]) -> list[dict[str, Any]]:
    return [each.as_json() for each in errors]
