"""Describe: what a client may learn about objects and fields.

Source: SOAP API guide, "describeSObjectResult"; keys and values follow recorded describes of Contact and Event.
"""

from datetime import UTC
from typing import Any

from werkzeug import Response
from werkzeug.http import http_date, parse_date
from werkzeug.routing import Rule

from connector.sandbox.objects import Field, SObject
from connector.sandbox.salesforce.rest import Call, json_answer
from connector.sandbox.salesforce.setup import Setup

__all__ = ["Describe"]

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "double": "xsd:double",
    "int": "xsd:int",
    "boolean": "xsd:boolean",
    "datetime": "xsd:dateTime",
    "date": "xsd:date",
}


class Describe:
    """The endpoints `sobjects` and `sobjects/X/describe`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def rules(self) -> list[Rule]:
        """The paths, below `/services/data/vXX.0`."""
        return [
            Rule("/sobjects", endpoint=self.all, methods=["GET"]),
            Rule("/sobjects/<name>", endpoint=self.basic, methods=["GET"]),
            Rule("/sobjects/<name>/describe", endpoint=self.one, methods=["GET"]),
        ]

    def all(self, call: Call) -> Response:
        """GET: every object, without its fields."""
        objects = [
            self._object(each, call.base) for each in self._setup.objects.values() if self._setup.sees(each.name)
        ]
        return json_answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})

    def basic(self, call: Call, name: str) -> Response:
        """GET: one object without its fields, and no recent items."""
        return json_answer({"objectDescribe": self._object(self._setup.object(name), call.base), "recentItems": []})

    def one(self, call: Call, name: str) -> Response:
        """GET: the object and the fields this user may see; 304 when nothing changed since If-Modified-Since."""
        described = self._setup.object(name)
        changed = self._setup.changed.astimezone(UTC).replace(microsecond=0)
        since = parse_date(call.request.headers.get("If-Modified-Since"))
        if since is not None and since >= changed:
            return Response(status=304)
        fields = [_field(each) for each in self._setup.fields(described.name).values()]
        answer = json_answer({**self._object(described, call.base), "fields": fields, "recordTypeInfos": []})
        answer.headers["Last-Modified"] = http_date(changed)
        return answer

    def _object(self, described: SObject, base: str) -> dict[str, Any]:
        path = f"{base}/sobjects/{described.name}"
        return {
            "createable": self._setup.may(described.name, "Create"),
            "custom": described.is_custom,
            "customSetting": False,
            "deletable": self._setup.may(described.name, "Delete"),
            "keyPrefix": described.key_prefix,
            "label": described.label,
            "labelPlural": described.plural,
            "name": described.name,
            "queryable": True,
            "updateable": self._setup.may(described.name, "Edit"),
            "urls": {"describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}", "sobject": path},
        }


def _field(field: Field) -> dict[str, Any]:
    is_text = field.length > 0
    is_system = field.kind == "id" or (not field.writable and field.kind == "datetime")
    choices = [
        {"active": active, "defaultValue": False, "label": each, "validFor": None, "value": each}
        for active, values in ((True, field.choices), (False, field.retired))
        for each in values
    ]
    return {
        "aggregatable": field.kind != "textarea",
        "autoNumber": field.numbered,
        "byteLength": field.length if field.kind in ("id", "reference") else field.length * 3,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": field.writable,
        "custom": field.is_custom,
        "defaultValue": False if field.kind == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.kind == "boolean" or field.default is not None or not field.writable,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if field.kind == "int" else 0,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if field.kind == "textarea" else None,
        "filterable": field.kind != "textarea",
        "groupable": is_text and field.kind != "textarea",
        "htmlFormatted": False,
        "idLookup": field.is_key,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == "Name",
        "namePointing": len(field.points_to) > 1,
        "nillable": not (field.required or field.kind == "boolean" or not field.writable),
        "permissionable": not (field.required or is_system),
        "picklistValues": choices,
        "polymorphicForeignKey": len(field.points_to) > 1,
        "precision": field.precision,
        "referenceTo": list(field.points_to),
        "relationshipName": field.relationship or None,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "soapType": _SOAP_TYPES.get(field.kind, "xsd:string"),
        "sortable": field.kind != "textarea",
        "type": field.kind,
        "unique": field.unique,
        "updateable": field.writable and not field.create_only,
    }
