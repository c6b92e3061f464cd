"""The written project and package: every file, whole."""

import io
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from schema_plans import plan_of, plan_of_fields

from connector.salesforce.schema.components import as_xml
from connector.salesforce.schema.files import package_files, project_files, zipped

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted((ROOT / "mappings").glob("*.yml"))
EXPECTED = Path(__file__).parent / "schema"
SOURCE = "force-app/main/default"


@pytest.fixture
def written(tmp_path: Path):
    """Project and package of a stream with these fields."""

    def make(*fields: str, **more: str) -> tuple[dict[str, str], dict[str, str]]:
        plan = plan_of_fields(tmp_path, *fields, **more)
        return project_files(plan, "66.0"), package_files(plan, "66.0")

    return make


def elements(text: str, path: str) -> list[str | None]:
    spaces = {"m": "http://soap.sforce.com/2006/04/metadata"}
    root = ET.fromstring(text)  # noqa: S314 - written by this very test
    return [one.text for one in root.findall("/".join(f"m:{name}" for name in path.split("/")), spaces)]


def test_the_project_of_queue_intervals_is_exactly_this():
    folder = EXPECTED / "queue-intervals"
    expected = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert project_files(plan_of(ROOT / "mappings" / "queue-intervals.yml"), "66.0") == expected


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_file_of_every_shipped_mapping_is_well_formed_and_named_as_its_content(path):
    for name, text in project_files(plan_of(path), "66.0").items():
        if name.endswith(".xml"):
            assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n'), name
            for full_name in elements(text, "fullName"):
                assert Path(name).name.partition(".")[0] == full_name


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_project_and_package_hold_the_same_components(path):
    plan = plan_of(path)
    project, package = project_files(plan, "66.0"), package_files(plan, "66.0")
    assert project["manifest/package.xml"] == package["package.xml"]
    for made in plan.objects:
        fields = [
            Path(name).name.partition(".")[0]
            for name in project
            if name.startswith(f"{SOURCE}/objects/{made.name}/fields/")
        ]
        assert sorted(elements(package[f"objects/{made.name}.object"], "fields/fullName")) == fields


def test_a_zip_is_the_same_for_the_same_files():
    files = package_files(plan_of(SHIPPED[0]), "66.0")
    assert zipped(files) == zipped(dict(files))
    with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files


def test_fields_of_a_task_are_fields_of_activity_and_the_object_is_never_made(written):
    project, package = written("Subject: conversationId", object="Task")
    assert [name for name in project if name.startswith(SOURCE)] == [
        f"{SOURCE}/objects/Activity/fields/Key__c.field-meta.xml",
        f"{SOURCE}/permissionsets/Connector_Calls.permissionset-meta.xml",
    ]
    assert [name for name in package] == [
        "objects/Activity.object",
        "package.xml",
        "permissionsets/Connector_Calls.permissionset",
    ]
    assert elements(package["package.xml"], "types/members") == ["Activity.Key__c", "Connector_Calls"]
    assert elements(package["permissionsets/Connector_Calls.permissionset"], "fieldPermissions/field") == [
        "Task.Key__c",
        "Task.Subject",
    ]


def test_a_look_up_a_checkbox_and_a_picklist_are_written_as_the_metadata_api_wants_them(written):
    project, _ = written(
        "Account__r.Ext__c: first_queue_id",
        "Is_Open__c: is_open",
        "Direction__c: {from: direction, map: {inbound: In & out}, type: Picklist}",
    )
    fields = f"{SOURCE}/objects/Call__c/fields"
    assert (
        project[f"{fields}/Account__c.field-meta.xml"]
        == """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Account__c</fullName>
    <deleteConstraint>SetNull</deleteConstraint>
    <label>Account</label>
    <referenceTo>Account</referenceTo>
    <relationshipLabel>Calls</relationshipLabel>
    <relationshipName>Call_Account</relationshipName>
    <required>false</required>
    <type>Lookup</type>
</CustomField>
"""
    )
    assert (
        project[f"{fields}/Is_Open__c.field-meta.xml"]
        == """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Is_Open__c</fullName>
    <defaultValue>false</defaultValue>
    <label>Is Open</label>
    <type>Checkbox</type>
</CustomField>
"""
    )
    assert (
        project[f"{fields}/Direction__c.field-meta.xml"]
        == """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Direction__c</fullName>
    <label>Direction</label>
    <required>false</required>
    <type>Picklist</type>
    <valueSet>
        <restricted>false</restricted>
        <valueSetDefinition>
            <sorted>false</sorted>
            <value>
                <fullName>In &amp; out</fullName>
                <default>false</default>
                <label>In &amp; out</label>
            </value>
        </valueSetDefinition>
    </valueSet>
</CustomField>
"""
    )


def test_elements_stand_in_one_order_whatever_order_they_are_given_in():
    given = {"label": "L", "fullName": "F__c", "columns": ["b", "a"], "externalId": True}
    assert as_xml("X", given) == as_xml("X", dict(reversed(given.items())))
