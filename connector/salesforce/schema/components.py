"""Objects, fields, permission sets and the rest as the Metadata API spells them, and the XML they are written in.

Source: Metadata API guide, CustomObject, CustomField, ListView, CustomTab, ReportType, PermissionSet, package.xml.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence

from connector.salesforce.schema.fields import NewField, label_of
from connector.salesforce.schema.plan import NewObject, Permissions, plural_of

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"

Value = str | int | bool | Mapping[str, "Value"] | Sequence["Value"]
"""What an element holds; a sequence is the element repeated."""

_LISTED = 10
"""Columns of a list view."""

# A long text cannot stand in a list.
_NOT_LISTED = frozenset({"LongTextArea", "TextArea", "MultiselectPicklist"})


def as_xml(kind: str, values: Mapping[str, Value]) -> str:
    """A whole file: `fullName` first, then the elements by name, as Salesforce's own tools write them."""
    root = ET.Element(f"{{{NAMESPACE}}}{kind}")
    _fill(root, values)
    ET.indent(root, "    ")
    body = ET.tostring(root, encoding="unicode", default_namespace=NAMESPACE)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _fill(parent: ET.Element, values: Mapping[str, Value]) -> None:
    for name in sorted(values, key=lambda name: (name != "fullName", name)):
        value = values[name]
        for one in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
            child = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
            if isinstance(one, Mapping):
                _fill(child, one)
            else:
                child.text = str(one).lower() if isinstance(one, bool) else str(one)


def object_values(made: NewObject) -> dict[str, Value]:
    """A CustomObject without its fields."""
    initials = "".join(word[0] for word in made.label.split()).upper()[:10]
    name: dict[str, Value] = {"label": "Name" if made.named else f"{made.label[:33].strip()} Number"}
    name |= {"type": "Text"} if made.named else {"displayFormat": f"{initials}-{{00000000}}", "type": "AutoNumber"}
    return {
        "deploymentStatus": "Deployed",
        **({"description": made.about[:1000]} if made.about else {}),
        "enableBulkApi": True,
        "enableReports": True,
        "enableSearch": True,
        "enableSharing": True,
        "enableStreamingApi": True,
        "label": made.label,
        "nameField": name,
        "pluralLabel": made.plural,
        "sharingModel": "ReadWrite",
    }


def field_values(field: NewField) -> dict[str, Value]:
    """A CustomField."""
    values: dict[str, Value] = {"fullName": field.name, "label": field.label, "type": field.type}
    match field.type:
        case "Text":
            flags: dict[str, Value] = {"externalId": field.is_key, "unique": field.is_key}
            values |= {"length": field.length, "required": False, **flags}
            if field.is_key:
                values["caseSensitive"] = True
        case "Number":
            values |= {"externalId": False, "required": False, "unique": False}
            values |= {"precision": field.precision, "scale": field.scale}
        case "Percent" | "Currency":
            values |= {"precision": field.precision, "required": False, "scale": field.scale}
        case "Checkbox":
            # A Checkbox must not carry `required`.
            values["defaultValue"] = False
        case "LongTextArea":
            values |= {"length": field.length, "visibleLines": 3}
        case "Lookup":
            # The name must be unique among all children of the parent.
            name = f"{field.object.removesuffix('__c')}_{field.name.removesuffix('__c')}"
            values |= {
                "deleteConstraint": "SetNull",
                "referenceTo": field.parent,
                "relationshipLabel": plural_of(label_of(field.object)),
                "relationshipName": re.sub(r"_+", "_", name)[:80].strip("_"),
                "required": False,
            }
        case "Picklist" | "MultiselectPicklist":
            choices: list[Value] = [{"default": False, "fullName": one, "label": one} for one in field.choices]
            values |= {
                "required": False,
                "valueSet": {"restricted": False, "valueSetDefinition": {"sorted": False, "value": choices}},
            }
            if field.type == "MultiselectPicklist":
                values["visibleLines"] = 4
        case _:
            values["required"] = False
    return values


def list_values(fields: Iterable[NewField]) -> dict[str, Value]:
    """The list view of all records."""
    columns = [field.name for field in fields if field.type not in _NOT_LISTED]
    return {"fullName": "All", "columns": ["NAME", *columns[:_LISTED]], "filterScope": "Everything", "label": "All"}


def tab_values() -> dict[str, Value]:
    """The tab of a custom object; its name is the file's."""
    return {"customObject": True, "motif": "Custom67: Gears"}


def report_values(made: NewObject, fields: Iterable[NewField]) -> dict[str, Value]:
    """A report type over all records of an object."""
    names = ["Name", *(field.name for field in fields if field.type != "LongTextArea"), "CreatedDate"]
    columns: list[Value] = [
        {"checkedByDefault": at < _LISTED, "field": name, "table": made.name} for at, name in enumerate(names)
    ]
    return {
        "baseObject": made.name,
        "category": "other",
        "deployed": True,
        "description": (made.about or f"All {made.plural}")[:255],
        "label": f"{made.plural} (Connector)",
        "sections": [{"columns": columns, "masterLabel": made.plural}],
    }


def report_name(made: NewObject) -> str:
    """`Connector_Queue_Interval` for Queue_Interval__c."""
    return f"Connector_{made.name.removesuffix('__c')}"[:40].strip("_")


def permission_values(permissions: Permissions, tabs: Iterable[str] = ()) -> dict[str, Value]:
    """A PermissionSet, without a licence, so that it can go to integration users too. tabs: objects with a tab."""
    return {
        "description": permissions.about[:255],
        "fieldPermissions": [
            {"editable": may_edit, "field": name, "readable": True} for name, may_edit in permissions.fields.items()
        ],
        "hasActivationRequired": False,
        "label": permissions.label,
        "objectPermissions": [
            {
                "allowCreate": "create" in rights,
                "allowDelete": "delete" in rights,
                "allowEdit": "edit" in rights,
                "allowRead": True,
                "modifyAllRecords": False,
                "object": name,
                "viewAllRecords": False,
            }
            for name, rights in permissions.objects.items()
        ],
        "tabSettings": [{"tab": name, "visibility": "Visible"} for name in tabs],
        "userPermissions": [{"enabled": True, "name": name} for name in permissions.user],
    }


def manifest_values(members: Mapping[str, Sequence[str]], version: str) -> dict[str, Value]:
    """package.xml. members: type of component -> full names."""
    types = [{"members": sorted(members[name]), "name": name} for name in sorted(members) if members[name]]
    return {"types": types, "version": version}
