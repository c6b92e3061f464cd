"""Deploys, and the permission sets they bring: the simulated org changes its own set-up.

A deployed package is kept and read again when the org is opened anew. Sources: Metadata API guide, "Deploy Metadata
with Apex Testing Using REST", DeployResult, PermissionSet; object reference, PermissionSetAssignment.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from werkzeug import Response
from werkzeug.routing import Rule

from connector.sandbox.clock import Clock
from connector.sandbox.objects import Field, SObject
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.org import Org, record_id
from connector.sandbox.salesforce.packages import TYPES, Component, Failure, Package, PackageRefused, read_package
from connector.sandbox.salesforce.rest import Call, json_answer, json_object
from connector.sandbox.salesforce.setup import RIGHTS, Setup

__all__ = ["PERMISSION_OBJECTS", "Metadata"]

PERMISSION_OBJECTS = (
    SObject(
        "PermissionSet",
        "Permission Set",
        "Permission Sets",
        "0PS",
        (Field("Name", "Name", "string", length=80), Field("Label", "Label", "string", length=80)),
    ),
    SObject(
        "PermissionSetAssignment",
        "Permission Set Assignment",
        "Permission Set Assignments",
        "0Pa",
        (
            Field("AssigneeId", "Assignee ID", "string", length=18),
            Field("PermissionSetId", "PermissionSet ID", "string", length=18),
        ),
    ),
)

_ACTIVITIES = ("Task", "Event")
_USER_PERMISSIONS = frozenset({"ApiEnabled", "EditTask", "EditEvent"})
_OBJECT_PERMISSIONS = (
    "allowCreate",
    "allowDelete",
    "allowEdit",
    "allowRead",
    "modifyAllRecords",
    "object",
    "viewAllRecords",
)
_NEEDS = {"Contact": ("Account",), "Opportunity": ("Account",), "Case": ("Account", "Contact")}
_STANDARD_COLUMNS = frozenset({"NAME", "CREATED_DATE", "OWNER.ALIAS", "LAST_UPDATE"})


@dataclass
class _Deploy:
    """One deploy. failures: what was refused; None when the package as a whole was not read."""

    id: str
    options: Mapping[str, Any]
    data: bytes
    begun: datetime
    package: Package | None
    failures: list[Failure] = field(default_factory=list)
    message: str = ""
    is_over: bool = False

    @property
    def is_good(self) -> bool:
        return self.package is not None and not self.failures


class Metadata:
    """The endpoints `metadata/deployRequest` and `sobjects/PermissionSetAssignment`. seconds: a deploy lasts."""

    def __init__(
        self,
        db: sqlite3.Connection,
        org: Org,
        setup: Setup,
        clock: Clock,
        *,
        user_id: str,
        identity: str,
        seconds: float,
    ) -> None:
        self._db, self._org, self._setup, self._clock = db, org, setup, clock
        self._user_id, self._identity = user_id, identity
        self._seconds = seconds
        self._deploys: dict[str, _Deploy] = {}
        self._tabs: set[str] = set()
        self._sets: dict[str, Component] = {}
        self.may_deploy = True
        db.execute("CREATE TABLE IF NOT EXISTS _Packages (number INTEGER PRIMARY KEY, Package BLOB NOT NULL)")
        for (data,) in db.execute("SELECT Package FROM _Packages ORDER BY number").fetchall():
            self._apply(read_package(data))

    def rules(self) -> list[Rule]:
        """The paths, below `/services/data/vXX.0`."""
        return [
            Rule("/", endpoint=self.resources, methods=["GET"]),
            Rule("/metadata/deployRequest", endpoint=self.begin, methods=["POST"]),
            Rule("/metadata/deployRequest/<deploy_id>", endpoint=self.look, methods=["GET"]),
            Rule("/sobjects/PermissionSetAssignment", endpoint=self.assign, methods=["POST"]),
        ]

    def resources(self, call: Call) -> Response:
        """GET: what there is, and who asks."""
        names = ("sobjects", "query", "limits", "metadata", "composite", "jobs")
        return json_answer({**{name: f"{call.base}/{name}" for name in names}, "identity": self._identity})

    def begin(self, call: Call) -> Response:
        """POST a zip and its options."""
        if not self.may_deploy:
            message = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
            raise RestError(403, "INSUFFICIENT_ACCESS", message)
        written = call.request.form.get("json") or call.request.form.get("entity_content")
        upload = call.request.files.get("file")
        if written is None or upload is None:
            raise RestError(400, "INVALID_MULTIPART_REQUEST", "a JSON part and a zip part named 'file' are needed")
        options = json.loads(written)["deployOptions"]
        if not options.get("singlePackage"):
            raise RestError(400, "INVALID_OPTION", "this simulation takes a single package only")
        data = upload.read()
        deploy = _Deploy(record_id("0Af", len(self._deploys) + 1), options, data, self._clock.now(), None)
        try:
            deploy.package = read_package(data)
            deploy.failures = [*deploy.package.failures, *self._failures(deploy.package)]
        except PackageRefused as refusal:
            deploy.message = str(refusal)
        self._deploys[deploy.id] = deploy
        answer = {"id": deploy.id, "validatedDeployRequestId": None, "deployOptions": options}
        return json_answer({**answer, "deployResult": self._result(deploy, details=False)}, 201)

    def look(self, call: Call, deploy_id: str) -> Response:
        """GET: how far a deploy is."""
        deploy = self._deploys.get(deploy_id)
        if deploy is None:
            raise RestError(404, "NOT_FOUND", "The requested resource does not exist")
        details = call.request.args.get("includeDetails") == "true"
        answer = {"id": deploy.id, "url": call.request.url, "deployOptions": deploy.options}
        return json_answer({**answer, "deployResult": self._result(deploy, details=details)})

    def assign(self, call: Call) -> Response:
        """POST: give a user a permission set."""
        asked = json_object(call.request)
        wanted = str(asked.get("PermissionSetId", ""))
        found = {each["Id"]: each["Name"] for each in self._org.select("PermissionSet")}
        if asked.get("AssigneeId") != self._user_id or wanted not in found:
            raise RestError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        for each in self._org.select("PermissionSetAssignment"):
            if each["PermissionSetId"] == wanted:
                message = f"duplicate value found: PermissionSetId duplicates value on record with id: {each['Id']}"
                raise RestError(400, "DUPLICATE_VALUE", message)
        row = {"AssigneeId": self._user_id, "PermissionSetId": wanted}
        (outcome,) = self._org.write("PermissionSetAssignment", "insert", "Id", [row])
        self._grant(self._sets[found[wanted]])
        return json_answer({"id": outcome.id, "success": True, "errors": []}, 201)

    def advance(self) -> None:
        """Finish what is due."""
        for deploy in self._deploys.values():
            if not deploy.is_over and self._clock.now() >= deploy.begun + timedelta(seconds=self._seconds):
                deploy.is_over = True
                if deploy.is_good and deploy.package and not deploy.options.get("checkOnly"):
                    self._apply(deploy.package)
                    self._db.execute("INSERT INTO _Packages (Package) VALUES (?)", [deploy.data])

    def _result(self, deploy: _Deploy, *, details: bool) -> dict[str, Any]:
        if deploy.is_over:
            status = "Succeeded" if deploy.is_good else "Failed"
        else:
            status = "Pending" if self._clock.now() == deploy.begun else "InProgress"
        package = deploy.package
        total = len(package.components) + len([*package.fields()]) if package else 0
        bad = len({(each.kind, each.name) for each in deploy.failures})
        result: dict[str, Any] = {
            "id": deploy.id,
            "status": status,
            "done": deploy.is_over,
            "success": deploy.is_over and deploy.is_good,
            "checkOnly": bool(deploy.options.get("checkOnly")),
            "rollbackOnError": bool(deploy.options.get("rollbackOnError")),
            "numberComponentsTotal": total,
            "numberComponentsDeployed": max(total - bad, 0) if deploy.is_over else 0,
            "numberComponentErrors": bad if deploy.is_over else 0,
            "errorMessage": deploy.message if deploy.is_over and deploy.message else None,
        }
        if details:
            failures = [each.as_json() for each in deploy.failures] if deploy.is_over else []
            result["details"] = {"componentFailures": failures, "componentSuccesses": []}
        return result

    # --- whether a package fits this organisation ----------------------------------------------------------------

    def _failures(self, package: Package) -> Iterator[Failure]:
        new = {one.name for one in package.of("CustomObject") if one.values.get("label")}
        objects = new | self._setup.objects.keys()
        fields = {
            f"{name}.{values.get('fullName')}"
            for holder, values in package.fields()
            for name in self._holders(holder.name)
        } | {f"{name}.{each.name}" for name, made in self._setup.objects.items() for each in made.all_fields()}
        for holder, values in package.fields():
            for name in self._holders(holder.name):
                for problem in self._field_problems(name, values, objects):
                    yield Failure("CustomField", f"{name}.{values.get('fullName')}", holder.path, problem)
        for one in package.of("CustomObject"):
            own = {name.partition(".")[2] for name in fields if name.startswith(f"{one.name}.")}
            for view in one.many("listViews"):
                columns = view.get("columns", [])
                for column in [columns] if isinstance(columns, str) else columns:
                    if column not in own | _STANDARD_COLUMNS:
                        text = f"Could not resolve list view column: {column}"
                        yield Failure("ListView", f"{one.name}.{view.get('fullName')}", one.path, text)
        for one in package.of("CustomTab"):
            if one.name not in objects:
                yield Failure(one.kind, one.name, one.path, f"no CustomObject named {one.name} found")
        for one in package.of("ReportType"):
            yield from _report_failures(one, objects, fields)
        tabs = self._tabs | {one.name for one in package.of("CustomTab")}
        required = self._required() | {
            f"{holder.name}.{values.get('fullName')}"
            for holder, values in package.fields()
            if values.get("required") == "true"
        }
        for one in package.of("PermissionSet"):
            for problem in _set_problems(one, objects, fields, required, tabs):
                yield Failure(one.kind, one.name, one.path, problem)

    def _field_problems(self, name: str, values: Mapping[str, Any], objects: set[str]) -> Iterator[str]:
        if name not in objects:
            yield f"Entity {name} cannot be found"
            return
        if values.get("type") == "Lookup" and values.get("referenceTo") not in objects:
            yield f"referenceTo value of '{values.get('referenceTo')}' does not resolve to a valid sObject type"
        there = self._setup.objects.get(name)
        found = next((each for each in there.fields if each.name == values.get("fullName")), None) if there else None
        if found is not None and found.kind != TYPES.get(str(values.get("type"))):
            yield f"Cannot change the type of the field from {found.kind} to {values.get('type')}"

    def _required(self) -> set[str]:
        return {
            f"{name}.{each.name}"
            for name, made in self._setup.objects.items()
            for each in made.all_fields()
            if each.required or (each.kind == "id" or each.name in ("Name", "Status", "Priority"))
        }

    def _holders(self, name: str) -> list[str]:
        """The objects whose fields stand in a file: tasks and events share one."""
        if name != "Activity":
            return [name]
        return [each for each in _ACTIVITIES if each in self._setup.objects]

    # --- applying it -----------------------------------------------------------------------------------------------

    def _apply(self, package: Package) -> None:
        now = self._clock.now()
        for one in package.of("CustomObject"):
            if one.name not in self._setup.objects and one.values.get("label"):
                label, plural = str(one.values["label"]), str(one.values["pluralLabel"])
                self._setup.add_object(SObject(one.name, label, plural, self._setup.free_prefix(), ()), now)
            for holder in self._holders(one.name):
                for values in one.many("fields"):
                    self._setup.put_field(holder, _field(values), now)
                self._org.prepare(holder)
        self._tabs |= {one.name for one in package.of("CustomTab")}
        known = {each["Name"]: each["Id"] for each in self._org.select("PermissionSet")}
        assigned = {each["PermissionSetId"] for each in self._org.select("PermissionSetAssignment")}
        for one in package.of("PermissionSet"):
            self._sets[one.name] = one
            if one.name not in known:
                row = {"Name": one.name, "Label": str(one.values["label"])}
                self._org.write("PermissionSet", "insert", "Id", [row])
            elif known[one.name] in assigned:
                self._grant(one)

    def _grant(self, one: Component) -> None:
        """Let the user see and do what a permission set says."""
        now = self._clock.now()
        for each in one.many("objectPermissions"):
            self._setup.allow(each["object"], {right for right in RIGHTS if each[f"allow{right}"] == "true"}, now)
        for each in one.many("fieldPermissions"):
            if each["readable"] == "true":
                name, _, column = each["field"].partition(".")
                self._setup.show(name, column, now, editable=each["editable"] == "true")


def _report_failures(one: Component, objects: set[str], fields: set[str]) -> Iterator[Failure]:
    base = str(one.values.get("baseObject"))
    if base not in objects:
        yield Failure(one.kind, one.name, one.path, f"no CustomObject named {base} found")
        return
    known = {name.partition(".")[2] for name in fields if name.startswith(f"{base}.")} | {"Name", "CreatedDate"}
    for section in one.many("sections"):
        columns = section.get("columns", [])
        for column in [columns] if isinstance(columns, dict) else columns:
            if column["field"] not in known:
                yield Failure(one.kind, one.name, one.path, f"no CustomField named {base}.{column['field']} found")


def _set_problems(
    one: Component, objects: set[str], fields: set[str], required: set[str], tabs: set[str]
) -> Iterator[str]:
    readable = set()
    if not one.values.get("label"):
        yield "Must specify a non-empty label for the PermissionSet"
    for each in one.many("objectPermissions"):
        missing = [element for element in _OBJECT_PERMISSIONS if not each.get(element)]
        if missing:
            yield f"Required field is missing: {', '.join(missing)}"
        elif each["object"] not in objects or each["object"] in _ACTIVITIES:
            yield f"In field: object - no CustomObject named {each['object']} found"
        elif each["allowRead"] == "true":
            readable.add(each["object"])
    for name in sorted(readable):
        for needed in _NEEDS.get(name, ()):
            if needed not in readable:
                yield f"Permission Read {name} depends on permission(s): Read {needed}"
    for each in one.many("fieldPermissions"):
        if each["field"] not in fields:
            yield f"In field: field - no CustomField named {each['field']} found"
        elif each["field"] in required:
            yield f"You cannot deploy to a required field: {each['field']}"
    for each in one.many("userPermissions"):
        if each["name"] not in _USER_PERMISSIONS:
            yield f"Unknown user permission: {each['name']}"
    for each in one.many("tabSettings"):
        if each["tab"] not in tabs:
            yield f"In field: tab - no CustomTab named {each['tab']} found"


def _field(values: Mapping[str, Any]) -> Field:
    kind = str(values["type"])
    name = str(values["fullName"])
    choices = (values.get("valueSet") or {}).get("valueSetDefinition", {}).get("value", [])
    lengths = {"Email": 80, "Phone": 40, "Url": 255, "TextArea": 255, "Lookup": 18, "Picklist": 255}
    return Field(
        name,
        str(values["label"]),
        TYPES[kind],
        length=int(values.get("length") or lengths.get(kind, 4099 if kind == "MultiselectPicklist" else 0)),
        precision=int(values.get("precision") or 0),
        scale=int(values.get("scale") or 0),
        external_id=values.get("externalId") == "true",
        unique=values.get("unique") == "true",
        case_sensitive=values.get("caseSensitive") == "true",
        required=values.get("required") == "true",
        choices=tuple(each["fullName"] for each in ([choices] if isinstance(choices, dict) else choices)),
        parent=str(values.get("referenceTo") or ""),
        relationship=f"{name[:-1]}r" if kind == "Lookup" else "",
    )
