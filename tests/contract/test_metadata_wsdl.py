"""Generated metadata against the WSDL of the Metadata API, Salesforce's own words, as simple-salesforce has it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import simple_salesforce
from schema_plans import EVERY_KIND, plan_of, plan_of_fields

from connector.mapping.rules import FieldType
from connector.salesforce.schema.files import package_files, project_files

XSD = "{http://www.w3.org/2001/XMLSchema}"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
WSDL = Path(simple_salesforce.__file__).parent / "metadata.wsdl"
SHIPPED = sorted((Path(__file__).parent.parent.parent / "mappings").glob("*.yml"))


class Member(NamedTuple):
    """An element of a type: its place in the sequence, its own type, whether it must be there."""

    place: int
    type: str
    is_needed: bool


class Description:
    """The types of the WSDL."""

    def __init__(self) -> None:
        root = ET.parse(WSDL).getroot()  # noqa: S314 - part of an installed package
        self._complex = {one.get("name", ""): one for one in root.iter(f"{XSD}complexType")}
        self._choices = {
            one.get("name", ""): {value.get("value") for value in one.iter(f"{XSD}enumeration")}
            for one in root.iter(f"{XSD}simpleType")
        }

    def members(self, name: str) -> dict[str, Member]:
        """The elements of a type, those of its base first."""
        described = self._complex[name]
        base = described.find(f".//{XSD}extension")
        inherited = self.members(base.get("base", "").partition(":")[2]) if base is not None else {}
        own = {
            one.get("name", ""): Member(place, one.get("type", ""), one.get("minOccurs") != "0")
            for place, one in enumerate(described.iter(f"{XSD}element"), len(inherited))
        }
        return inherited | own

    def problems(self, element: ET.Element, type: str, place: str = "") -> Iterator[str]:
        """Everything in the element that the WSDL does not allow."""
        prefix, _, name = type.rpartition(":")
        text = element.text or ""
        if prefix == "xsd":
            is_right = {"boolean": text in ("true", "false"), "int": text.isdigit(), "double": True}.get(
                name, bool(text)
            )
            if not is_right:
                yield f"{place}: {text!r} is no {name}"
        elif name in self._choices:
            if text not in self._choices[name]:
                yield f"{place}: {text!r} is none of {name}"
        else:
            members = self.members(name)
            met = [child.tag.removeprefix(NAMESPACE) for child in element]
            yield from (f"{place}: {one} is no element of {name}" for one in met if one not in members)
            yield from (
                f"{place}: {one} is missing" for one, member in members.items() if member.is_needed and one not in met
            )
            places = [members[one].place for one in met if one in members]
            if places != sorted(places):
                yield f"{place}: elements out of order"
            for child, one in zip(element, met, strict=True):
                if one in members:
                    yield from self.problems(child, members[one].type, f"{place}/{one}")


@pytest.fixture(scope="module")
def wsdl() -> Description:
    return Description()


def found(wsdl: Description, files: dict[str, str]) -> list[str]:
    problems = []
    for path, text in files.items():
        if not path.endswith(".json"):
            root = ET.fromstring(text)  # noqa: S314 - generated here
            problems += wsdl.problems(root, f"tns:{root.tag.removeprefix(NAMESPACE)}", path)
    return problems


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("layout", [project_files, package_files])
def test_the_metadata_of_every_shipped_mapping_is_what_the_wsdl_describes(wsdl, path, layout):
    assert found(wsdl, layout(plan_of(path), "66.0")) == []


@pytest.mark.parametrize("object", ["Call__c", "Contact", "Task"])
@pytest.mark.parametrize("layout", [project_files, package_files])
def test_fields_of_every_type_are_what_the_wsdl_describes(wsdl, tmp_path, object, layout):
    plan = plan_of_fields(tmp_path, *EVERY_KIND, object=object)
    assert {field.type for field in plan.fields} == {*FieldType.__args__, "Lookup"}
    assert found(wsdl, layout(plan, "66.0")) == []


def test_the_wsdl_finds_what_is_wrong(wsdl):
    text = (
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><type>Txt</type><length>x</length>'
        "<colour>red</colour></CustomField>"
    )
    assert found(wsdl, {"f": text}) == [
        "f: colour is no element of CustomField",
        "f: elements out of order",
        "f/type: 'Txt' is none of FieldType",
        "f/length: 'x' is no int",
    ]
