"""Deploys in the simulated org: as the Metadata API takes and refuses them."""

import io
import json
import zipfile

import pytest
import requests

NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OPTIONS = {"singlePackage": True, "rollbackOnError": True, "checkOnly": False}
TEXT = "<type>Text</type><length>80</length>"
KEY = "<type>Text</type><length>255</length><externalId>true</externalId><unique>true</unique>"
OBJECT = (
    "<label>Call</label><pluralLabel>Calls</pluralLabel><deploymentStatus>Deployed</deploymentStatus>"
    "<sharingModel>ReadWrite</sharingModel><nameField><label>Number</label><type>AutoNumber</type>"
    "<displayFormat>C-{0}</displayFormat></nameField>"
)


def document(kind: str, inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} {NAMESPACE}>{inside}</{kind}>'


def field(name: str, inside: str, label: str = "L") -> str:
    return f"<fields><fullName>{name}</fullName><label>{label}</label>{inside}</fields>"


def grants(object: str = "Call__c", field: str = "Call__c.Key__c", *, edit: str = "true", more: str = "") -> str:
    rights = "".join(
        f"<{name}>{value}</{name}>"
        for name, value in {
            "allowCreate": "true",
            "allowDelete": "false",
            "allowEdit": "true",
            "allowRead": "true",
            "modifyAllRecords": "false",
            "object": object,
            "viewAllRecords": "false",
        }.items()
    )
    granted = f"<editable>{edit}</editable><field>{field}</field><readable>true</readable>"
    return (
        f"<label>Loader</label><objectPermissions>{rights}</objectPermissions>"
        f"<fieldPermissions>{granted}</fieldPermissions>{more}"
    )


def package(fields: str = "", *, inside: str = OBJECT, set: str = "", members: str = "Call__c", **more: str) -> bytes:
    types = [("CustomObject", members)] + ([("PermissionSet", "Loader")] if set else [])
    manifest = "".join(f"<types><members>{member}</members><name>{kind}</name></types>" for kind, member in types)
    files = {"package.xml": document("Package", manifest + "<version>66.0</version>")}
    files["objects/Call__c.object"] = document("CustomObject", inside + fields)
    if set:
        files["permissionsets/Loader.permissionset"] = document("PermissionSet", set)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path, text in {**files, **more}.items():
            archive.writestr(path, text)
    return written.getvalue()


@pytest.fixture
def deploy(api):
    """Deploys a zip, waits, and gives the result."""

    def run(data: bytes, part: str = "json", **options: bool) -> dict:
        answer = post(api, data, part, **options)
        assert answer.status_code == 201, answer.text
        api.clock.advance(3)
        return result(api, answer.json()["id"])

    return run


def post(api, data: bytes, part: str = "json", **options: bool) -> requests.Response:
    url = "https://acme.my.salesforce.com/services/data/v66.0/metadata/deployRequest"
    written = json.dumps({"deployOptions": {**OPTIONS, **options}})
    parts = {part: (None, written, "application/json"), "file": ("deploy.zip", data, "application/zip")}
    return api.session.post(url, files=parts)


def result(api, deploy_id: str) -> dict:
    answer = api.get(f"metadata/deployRequest/{deploy_id}", params={"includeDetails": "true"})
    return dict(answer.json()["deployResult"])


def problems(told: dict) -> list[tuple[str, str]]:
    return [(one["fullName"], one["problem"]) for one in told["details"]["componentFailures"]]


def assign(api) -> requests.Response:
    (found,) = api.query("SELECT Id FROM PermissionSet WHERE Name = 'Loader'").json()["records"]
    user = api.get("").json()["identity"].rpartition("/")[2]
    url = "https://acme.my.salesforce.com/services/data/v66.0/sobjects/PermissionSetAssignment"
    return api.session.post(url, json={"AssigneeId": user, "PermissionSetId": found["Id"]})


@pytest.mark.parametrize("part", ["json", "entity_content"])
def test_a_deploy_goes_from_pending_to_succeeded(api, part):
    answer = post(api, package(field("Key__c", KEY)), part)
    deploy_id = answer.json()["id"]
    statuses = [answer.json()["deployResult"]["status"]]
    for seconds in (1, 2):
        api.clock.advance(seconds)
        statuses.append(result(api, deploy_id)["status"])
    assert (answer.status_code, statuses) == (201, ["Pending", "InProgress", "Succeeded"])


def test_what_is_deployed_is_seen_by_nobody_before_a_permission_set_is_assigned(api, deploy):
    assert deploy(package(field("Key__c", KEY) + field("Note__c", TEXT), set=grants()))["status"] == "Succeeded"
    assert api.get("sobjects/Call__c/describe").status_code == 404
    assert assign(api).status_code == 201
    described = {one["name"]: one for one in api.get("sobjects/Call__c/describe").json()["fields"]}
    assert described.keys() == {"Id", "Name", "Key__c", "CreatedDate", "LastModifiedDate", "SystemModstamp"}
    flags = ("type", "length", "externalId", "unique", "createable", "updateable")
    assert [described["Key__c"][flag] for flag in flags] == ["string", 255, True, True, True, True]
    (made,) = api.collect("Call__c", "Key__c", {"Key__c": "k1"}).json()
    assert (made["success"], made["created"]) == (True, True)


def test_a_field_that_may_be_read_only_cannot_be_written(api, deploy):
    deploy(package(field("Key__c", KEY), set=grants(edit="false")))
    assign(api)
    described = {one["name"]: one for one in api.get("sobjects/Call__c/describe").json()["fields"]}
    assert (described["Key__c"]["createable"], described["Key__c"]["updateable"]) == (False, False)


def test_a_set_assigned_twice_is_a_duplicate_and_one_deployed_again_grants_at_once(api, deploy):
    deploy(package(field("Key__c", KEY), set=grants()))
    assign(api)
    again = assign(api)
    assert (again.status_code, again.json()[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    more = field("Key__c", KEY) + field("Note__c", TEXT)
    assert deploy(package(more, set=grants(field="Call__c.Note__c")))["status"] == "Succeeded"
    assert "Note__c" in {one["name"] for one in api.get("sobjects/Call__c/describe").json()["fields"]}


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<type>Txt</type>", "'Txt' is not a valid value for the enum 'FieldType'"),
        ("<type>Text</type>", "Must specify 'length' for a CustomField of type Text"),
        ("<type>Text</type><length>256</length>", "Length of a text field must be between 1 and 255"),
        (
            "<type>LongTextArea</type><length>255</length><visibleLines>3</visibleLines>",
            "Length of a long text area must be between 256 and 131072",
        ),
        ("<type>Number</type><precision>18</precision>", "Must specify 'scale' for a CustomField of type Number"),
        (
            "<type>Number</type><precision>19</precision><scale>1</scale>",
            "precision must be at most 18 and not smaller than scale",
        ),
        (
            "<type>Checkbox</type><defaultValue>false</defaultValue><required>false</required>",
            "FIELD_INTEGRITY_EXCEPTION: Can not specify 'required' for a CustomField of type Checkbox",
        ),
        ("<type>Checkbox</type>", "Must specify 'defaultValue' for a CustomField of type Checkbox"),
        (
            "<type>Date</type><externalId>true</externalId>",
            "Can not specify 'externalId' for a CustomField of type Date",
        ),
        ("<type>Picklist</type>", "Must specify 'valueSet' for a CustomField of type Picklist"),
        (
            "<type>Lookup</type><referenceTo>Nothing__c</referenceTo><relationshipName>Calls</relationshipName>",
            "referenceTo value of 'Nothing__c' does not resolve to a valid sObject type",
        ),
        (
            "<type>Date</type><colour>red</colour>",
            "Element {http://soap.sforce.com/2006/04/metadata}colour invalid at this location in type CustomField",
        ),
    ],
)
def test_a_field_that_cannot_be_is_refused_and_nothing_of_the_package_is_kept(api, deploy, inside, problem):
    told = deploy(package(field("Key__c", KEY) + field("Bad__c", inside)))
    assert (told["status"], told["done"], told["success"]) == ("Failed", True, False)
    assert problems(told) == [("Call__c.Bad__c", problem)]
    assert deploy(package(field("Key__c", KEY)))["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("name", "label", "problem"),
    [
        ("Bad__x", "L", "The field name 'Bad__x' is not valid"),
        ("Bad__Name__c", "L", "The field name 'Bad__Name__c' is not valid"),
        ("Bad__c", "", "Must specify a non-empty label for the CustomField"),
        ("Bad__c", "L" * 41, "Value too long for field: MasterLabel maximum length is:40"),
        ("Key__c", "L", "Duplicate name in the file: Key__c"),
    ],
)
def test_bad_names_labels_and_duplicates_are_refused(deploy, name, label, problem):
    ((_, told),) = problems(deploy(package(field("Key__c", KEY) + field(name, TEXT, label))))
    assert told.startswith(problem)


def test_an_object_without_what_an_object_needs_is_refused(deploy):
    told = problems(deploy(package(field("Key__c", KEY), inside="<label>Call</label>")))
    missing = ("pluralLabel", "nameField", "deploymentStatus", "sharingModel")
    assert told == [("Call__c", f"Must specify a non-empty {each} for the CustomObject") for each in missing]


@pytest.mark.parametrize(
    ("set", "problem"),
    [
        (grants(field="Call__c.No__c"), "In field: field - no CustomField named Call__c.No__c found"),
        (grants(object="No__c"), "In field: object - no CustomObject named No__c found"),
        (grants(object="Contact"), "Permission Read Contact depends on permission(s): Read Account"),
        (grants(field="Contact.LastName"), "You cannot deploy to a required field: Contact.LastName"),
        (
            grants(more="<userPermissions><enabled>true</enabled><name>Fly</name></userPermissions>"),
            "Unknown user permission: Fly",
        ),
        (
            grants(more="<tabSettings><tab>Call__c</tab><visibility>Visible</visibility></tabSettings>"),
            "In field: tab - no CustomTab named Call__c found",
        ),
        (
            "<hasActivationRequired>false</hasActivationRequired>",
            "Must specify a non-empty label for the PermissionSet",
        ),
    ],
)
def test_a_permission_set_that_names_what_is_not_there_is_refused(deploy, set, problem):
    assert problems(deploy(package(field("Key__c", KEY), set=set))) == [("Loader", problem)]


def test_manifest_and_zip_must_agree(deploy):
    told = dict(problems(deploy(package(field("Key__c", KEY), members="Other__c"))))
    assert told["Other__c"].startswith(
        "An object 'Other__c' of type CustomObject was named in package.xml, but was not"
    )
    assert told["Call__c.Key__c"] == "is in the zip but not named in package.xml"


def test_the_type_of_a_field_is_not_changed_by_a_deploy(deploy):
    deploy(package(field("Key__c", KEY)))
    told = problems(deploy(package(field("Key__c", "<type>DateTime</type>"))))
    assert told == [("Call__c.Key__c", "Cannot change the type of the field from string to DateTime")]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"no zip", "The zip file could not be opened"), (package(**{"package.xml": "<Package"}), "Error parsing file")],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_package_that_cannot_be_read_fails_as_a_whole(deploy, data, message):
    told = deploy(data)
    assert (told["status"], told["details"]["componentFailures"]) == ("Failed", [])
    assert told["errorMessage"].startswith(message)


def test_a_check_keeps_nothing(api, deploy):
    told = deploy(package(field("Key__c", KEY), set=grants()), checkOnly=True)
    assert (told["status"], told["checkOnly"]) == ("Succeeded", True)
    assert api.query("SELECT COUNT() FROM PermissionSet").json()["totalSize"] == 0


def test_a_user_without_the_right_is_refused(api):
    api.sim.forbid_deploys()
    answer = post(api, package(field("Key__c", KEY)))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")


def test_what_was_deployed_and_granted_outlives_a_restart(connect, tmp_path):
    before = connect(tmp_path / "org.db")
    post(before, package(field("Key__c", KEY), set=grants()))
    before.clock.advance(3)
    assign(before)
    before.collect("Call__c", "Key__c", {"Key__c": "k1"})
    before.sim.close()
    after = connect(tmp_path / "org.db")
    assert after.query("SELECT Key__c FROM Call__c").json()["records"][0]["Key__c"] == "k1"
