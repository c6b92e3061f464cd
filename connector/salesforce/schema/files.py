"""A plan laid out in files: a project folder for `sf project deploy`, or a package as the Metadata API takes it.

Source: Salesforce DX developer guide, "Salesforce DX Project Structure and Source Format"; Metadata API guide,
"Deploying and Retrieving Metadata with the Zip File".
"""

import io
import json
import zipfile
from collections.abc import Mapping

from connector.salesforce.schema.components import (
    Value,
    as_xml,
    field_values,
    list_values,
    manifest_values,
    object_values,
    permission_values,
    report_name,
    report_values,
    tab_values,
)
from connector.salesforce.schema.fields import NewField
from connector.salesforce.schema.plan import Plan

_ROOT = "force-app/main/default"
# Tasks and events share their custom fields.
_HOLDERS = {"Task": "Activity", "Event": "Activity"}
_TIME = (1980, 1, 1, 0, 0, 0)


def project_files(plan: Plan, version: str) -> dict[str, str]:
    """Path inside the folder -> text, for a project in source format. version: of the API, such as 66.0."""
    files = {
        "sfdx-project.json": _project(plan, version),
        "manifest/package.xml": as_xml("Package", manifest_values(_members(plan), version)),
    }
    for made in plan.objects:
        folder = f"{_ROOT}/objects/{made.name}"
        files[f"{folder}/{made.name}.object-meta.xml"] = as_xml("CustomObject", object_values(made))
        files[f"{folder}/listViews/All.listView-meta.xml"] = as_xml("ListView", list_values(_of(plan, made.name)))
        files[f"{_ROOT}/tabs/{made.name}.tab-meta.xml"] = as_xml("CustomTab", tab_values())
        files[f"{_ROOT}/reportTypes/{report_name(made)}.reportType-meta.xml"] = as_xml(
            "ReportType", report_values(made, _of(plan, made.name))
        )
    for field in plan.fields:
        path = f"{_ROOT}/objects/{_holder(field.object)}/fields/{field.name}.field-meta.xml"
        files[path] = as_xml("CustomField", field_values(field))
    path = f"{_ROOT}/permissionsets/{plan.permissions.name}.permissionset-meta.xml"
    files[path] = as_xml("PermissionSet", _permissions(plan))
    return dict(sorted(files.items()))


def package_files(plan: Plan, version: str) -> dict[str, str]:
    """Path inside the zip -> text, for a deploy of a single package."""
    files = {"package.xml": as_xml("Package", manifest_values(_members(plan), version))}
    new = {made.name: made for made in plan.objects}
    for name in dict.fromkeys([*new, *(_holder(field.object) for field in plan.fields)]):
        fields = [field for field in plan.fields if _holder(field.object) == name]
        values: dict[str, Value] = {"fields": [field_values(field) for field in fields]}
        if made := new.get(name):
            values |= {**object_values(made), "listViews": [list_values(fields)]}
            files[f"tabs/{name}.tab"] = as_xml("CustomTab", tab_values())
            files[f"reportTypes/{report_name(made)}.reportType"] = as_xml("ReportType", report_values(made, fields))
        files[f"objects/{name}.object"] = as_xml("CustomObject", values)
    files[f"permissionsets/{plan.permissions.name}.permissionset"] = as_xml("PermissionSet", _permissions(plan))
    return dict(sorted(files.items()))


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip of these files, the same bytes for the same files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), text, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _holder(object: str) -> str:
    return _HOLDERS.get(object, object)


def _of(plan: Plan, object: str) -> list[NewField]:
    return [field for field in plan.fields if field.object == object]


def _permissions(plan: Plan) -> dict[str, Value]:
    return permission_values(plan.permissions, [made.name for made in plan.objects])


def _members(plan: Plan) -> dict[str, list[str]]:
    """Type of component -> full names. Fields of new objects go with these; all others are named one by one."""
    new = [made.name for made in plan.objects]
    return {
        "CustomObject": new,
        "CustomField": sorted(
            {f"{_holder(field.object)}.{field.name}" for field in plan.fields if field.object not in new}
        ),
        "CustomTab": new,
        "ReportType": [report_name(made) for made in plan.objects],
        "PermissionSet": [plan.permissions.name],
    }


def _project(plan: Plan, version: str) -> str:
    document = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "name": plan.stream,
        "namespace": "",
        "sfdcLoginUrl": "https://login.salesforce.com",
        "sourceApiVersion": version,
    }
    return f"{json.dumps(document, indent=2)}\n"
