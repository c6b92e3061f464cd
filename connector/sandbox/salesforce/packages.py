"""A package of metadata as it is uploaded: its components read from the zip, and what is wrong with each.

Sources: Metadata API guide, "Deploying and Retrieving Metadata with the Zip File", CustomObject, CustomField,
PermissionSet. Where the guide tells no text for a problem, it is this simulation's own.
"""

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TYPES", "Component", "Failure", "Package", "PackageRefused", "read_package"]

_NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"

TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Percent": "percent",
    "Currency": "currency",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Phone": "phone",
    "Email": "email",
    "Url": "url",
    "Lookup": "reference",
}
"""Type of a CustomField -> type in describe."""

_FIELD_ELEMENTS = frozenset(
    "fullName label type length precision scale required externalId unique caseSensitive defaultValue visibleLines "
    "valueSet deleteConstraint referenceTo relationshipLabel relationshipName description inlineHelpText".split()
)
_NEEDED = {
    "Text": ("length",),
    "LongTextArea": ("length", "visibleLines"),
    "Number": ("precision", "scale"),
    "Percent": ("precision", "scale"),
    "Currency": ("precision", "scale"),
    "Checkbox": ("defaultValue",),
    "Picklist": ("valueSet",),
    "MultiselectPicklist": ("valueSet", "visibleLines"),
    "Lookup": ("referenceTo", "relationshipName"),
}
_NEEDED_OF_OBJECT = ("label", "pluralLabel", "nameField", "deploymentStatus", "sharingModel")
_KEYS = ("Text", "Number", "Email")
_FOLDERS = {
    "objects": ("CustomObject", ".object"),
    "permissionsets": ("PermissionSet", ".permissionset"),
    "tabs": ("CustomTab", ".tab"),
    "reportTypes": ("ReportType", ".reportType"),
}
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_LONGEST_NAME = 43
_LONGEST_TEXT = 255
_LONG_TEXTS = range(256, 131_073)


class PackageRefused(Exception):
    """The zip as a whole cannot be used; the text is the deploy's errorMessage."""


@dataclass(frozen=True)
class Component:
    """One file of the zip. values: element -> text, mapping, or, where it may be repeated, a list."""

    kind: str
    name: str
    path: str
    values: Mapping[str, Any]

    def many(self, element: str) -> list[Any]:
        """What stands in an element that may be repeated."""
        found = self.values.get(element, [])
        return found if isinstance(found, list) else [found]


@dataclass(frozen=True)
class Failure:
    """Why one component was refused."""

    kind: str
    name: str
    path: str
    problem: str

    def as_json(self) -> dict[str, Any]:
        """An entry of `componentFailures`."""
        return {
            "componentType": self.kind,
            "fullName": self.name,
            "fileName": self.path,
            "problem": self.problem,
            "problemType": "Error",
            "success": False,
            "changed": False,
            "created": False,
            "deleted": False,
        }


@dataclass
class Package:
    """A package that could be read. named: type -> members of package.xml; failures: what reading it alone found."""

    named: dict[str, list[str]]
    components: list[Component] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def of(self, kind: str) -> list[Component]:
        """The components of one type."""
        return [one for one in self.components if one.kind == kind]

    def fields(self) -> Iterator[tuple[Component, dict[str, Any]]]:
        """Every custom field with the object file it stands in."""
        for one in self.of("CustomObject"):
            for values in one.many("fields"):
                yield one, values


def read_package(data: bytes) -> Package:
    """Read a zip whose package.xml stands at its root. Raises PackageRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        raise PackageRefused("The zip file could not be opened") from None
    if "package.xml" not in files:
        raise PackageRefused("No package.xml found")
    manifest = _read("package.xml", files.pop("package.xml"), "Package")
    types = manifest.get("types", [])
    package = Package(
        {one["name"]: _list(one.get("members", [])) for one in (types if isinstance(types, list) else [types])}
    )
    for path, text in sorted(files.items()):
        kind, ending = _FOLDERS.get(path.partition("/")[0], ("", ""))
        if not kind or not path.endswith(ending):
            package.failures.append(Failure("", path, path, "Unknown file in the zip"))
            continue
        name = path.partition("/")[2].removesuffix(ending)
        try:
            package.components.append(Component(kind, name, path, _read(path, text, kind)))
        except PackageRefused as problem:
            package.failures.append(Failure(kind, name, path, str(problem)))
    package.failures += [*_unfound(package), *_unnamed(package), *_bad_fields(package)]
    return package


def _read(path: str, text: bytes, kind: str) -> dict[str, Any]:
    if b"<!DOCTYPE" in text:
        raise PackageRefused(f"Error parsing file {path}: a document type is not allowed")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities need the document type refused above
    except ET.ParseError as error:
        raise PackageRefused(f"Error parsing file {path}: {error}") from None
    if root.tag != f"{_NAMESPACE}{kind}":
        raise PackageRefused(f"Error parsing file {path}: the root must be {kind} of the metadata namespace")
    values = _values(root)
    return values if isinstance(values, dict) else {}


def _values(element: ET.Element) -> Any:
    if len(element) == 0:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        name = child.tag.removeprefix(_NAMESPACE)
        value = _values(child)
        if name in found:
            found[name] = [*_list(found[name]), value]
        else:
            found[name] = value
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unfound(package: Package) -> Iterator[Failure]:
    there = {(one.kind, one.name) for one in package.components}
    there |= {("CustomField", f"{holder.name}.{values.get('fullName')}") for holder, values in package.fields()}
    for kind, members in package.named.items():
        for member in members:
            if (kind, member) not in there:
                text = f"An object '{member}' of type {kind} was named in package.xml"
                text += ", but was not found in zipped directory"
                yield Failure(kind, member, "package.xml", text)


def _unnamed(package: Package) -> Iterator[Failure]:
    """What package.xml does not name is not deployed; a package that holds such a thing was made wrongly."""
    text = "is in the zip but not named in package.xml"
    for one in package.components:
        if one.kind != "CustomObject" and one.name not in package.named.get(one.kind, []):
            yield Failure(one.kind, one.name, one.path, text)
    for holder, values in package.fields():
        name = f"{holder.name}.{values.get('fullName')}"
        is_named = holder.name in package.named.get("CustomObject", []) or name in package.named.get("CustomField", [])
        if not is_named:
            yield Failure("CustomField", name, holder.path, text)


def _bad_fields(package: Package) -> Iterator[Failure]:
    met: set[str] = set()
    for holder, values in package.fields():
        name = f"{holder.name}.{values.get('fullName', '')}"
        problems = [*_field_problems(values)]
        if name in met:
            problems.append(f"Duplicate name in the file: {values.get('fullName')}")
        met.add(name)
        yield from (Failure("CustomField", name, holder.path, problem) for problem in problems)
    for one in package.of("CustomObject"):
        if one.name in package.named.get("CustomObject", []) and one.name.endswith("__c"):
            for element in _NEEDED_OF_OBJECT:
                if not one.values.get(element):
                    text = f"Must specify a non-empty {element} for the CustomObject"
                    yield Failure(one.kind, one.name, one.path, text)


def _field_problems(values: Mapping[str, Any]) -> Iterator[str]:
    kind = str(values.get("type", ""))
    for element in values:
        if element not in _FIELD_ELEMENTS:
            yield f"Element {_NAMESPACE}{element} invalid at this location in type CustomField"
    name = str(values.get("fullName", ""))
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield f"The field name '{name}' is not valid: letters, digits and single underscores, at most 40 before __c"
    if not values.get("label"):
        yield "Must specify a non-empty label for the CustomField"
    elif len(str(values["label"])) > _LONGEST_NAME - 3:
        yield "Value too long for field: MasterLabel maximum length is:40"
    if kind not in TYPES:
        yield f"'{kind}' is not a valid value for the enum 'FieldType'"
        return
    for element in _NEEDED.get(kind, ()):
        if not values.get(element):
            yield f"Must specify '{element}' for a CustomField of type {kind}"
    if kind == "Checkbox" and "required" in values:
        yield "FIELD_INTEGRITY_EXCEPTION: Can not specify 'required' for a CustomField of type Checkbox"
    if _is(values, "externalId") and kind not in _KEYS:
        yield f"Can not specify 'externalId' for a CustomField of type {kind}"
    for check in (_length_problem, _digits_problem):
        if problem := check(kind, values):
            yield problem


def _length_problem(kind: str, values: Mapping[str, Any]) -> str:
    length = str(values.get("length", ""))
    if not length:
        return ""
    if not length.isdigit():
        return f"'{length}' is not a valid value for the type xsd:int"
    if kind == "Text" and not 1 <= int(length) <= _LONGEST_TEXT:
        return f"Length of a text field must be between 1 and {_LONGEST_TEXT}"
    if kind == "LongTextArea" and int(length) not in _LONG_TEXTS:
        return f"Length of a long text area must be between {_LONG_TEXTS[0]} and {_LONG_TEXTS[-1]}"
    return "" if kind in ("Text", "LongTextArea") else f"Can not specify 'length' for a CustomField of type {kind}"


def _digits_problem(kind: str, values: Mapping[str, Any]) -> str:
    given = [str(values[each]) for each in ("precision", "scale") if values.get(each)]
    if not given:
        return ""
    if kind not in ("Number", "Percent", "Currency"):
        return f"Can not specify 'precision' for a CustomField of type {kind}"
    if not all(each.isdigit() for each in given):
        return "precision and scale must be whole numbers"
    precision, scale = int(given[0]), int(given[-1])
    return "" if scale <= precision <= 18 else "precision must be at most 18 and not smaller than scale"


def _is(values: Mapping[str, Any], element: str) -> bool:
    return values.get(element) == "true"
