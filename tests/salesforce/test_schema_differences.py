"""What an org has otherwise, and that a deploy leaves alone what is there."""

from pathlib import Path
from typing import Any

import pytest
from schema_plans import plan_of, plan_of_fields

from connector.salesforce.describe import Description, Field
from connector.salesforce.schema.differences import Difference, differences, fetch_present, left_to_do

FIELDS = (
    "Length__c: {from: conversationId, truncate: 80}",
    "Talk__c: {from: duration_ms, divide: 1000, round: 1}",
    "Account__r.Ext__c: first_queue_id",
    "Is_Open__c: is_open",
)
KEY = {"length": 255, "is_external_id": True, "is_unique": True, "is_case_sensitive": True}
GOOD: dict[str, dict[str, Any]] = {
    "Key__c": {"type": "string", **KEY},
    "Length__c": {"type": "string", "length": 80},
    "Talk__c": {"type": "double", "precision": 18, "scale": 1},
    "Account__c": {"type": "reference", "length": 18, "parents": ("Account",)},
    "Is_Open__c": {"type": "boolean"},
}
ACCOUNT = Description("Account", True, True, {"Ext__c": Field("Ext__c", "string")})


def present(create: bool = True, edit: bool = True, **changes: dict[str, Any] | None) -> dict[str, Description | None]:
    """An org that has everything, with these fields otherwise; None for a field that is not seen."""
    fields = {
        name: Field(
            **{"name": name, "is_createable": True, "is_updateable": True, **usual, **(changes.get(name) or {})}
        )
        for name, usual in GOOD.items()
        if changes.get(name, {}) is not None
    }
    return {"Call__c": Description("Call__c", create, edit, fields), "Account": ACCOUNT}


@pytest.fixture
def plan(tmp_path: Path):
    return plan_of_fields(tmp_path, *FIELDS)


def test_an_org_that_has_everything_differs_in_nothing(plan):
    assert differences(plan, present()) == []


@pytest.mark.parametrize(
    ("field", "change", "kind", "text", "is_needed"),
    [
        ("Length__c", None, "missing", "there is no such field, or field-level security hides it from this user", True),
        ("Length__c", {"type": "textarea"}, "type", "is of type textarea instead of string", False),
        ("Length__c", {"type": "double"}, "type", "is of type double instead of string", True),
        ("Length__c", {"length": 40}, "size", "has 40 characters instead of 80", False),
        ("Length__c", {"is_updateable": False}, "rights", "this user may read it but not write it", True),
        ("Talk__c", {"type": "percent"}, "type", "is of type percent instead of double", False),
        ("Talk__c", {"type": "int"}, "type", "is of type int instead of double", True),
        (
            "Talk__c",
            {"precision": 5, "scale": 1},
            "size",
            "has 5 digits, 1 after the point, instead of 18 and 1",
            False,
        ),
        ("Account__c", {"parents": ("Contact",)}, "type", "points to Contact instead of Account", True),
        ("Key__c", {"is_external_id": False}, "flags", "is not flagged External ID", True),
        ("Key__c", {"is_case_sensitive": False}, "flags", "treats upper and lower case as the same", False),
        ("Key__c", {"type": "email"}, "type", "is of type email instead of string", True),
    ],
)
def test_each_difference_is_told_and_weighed(plan, field, change, kind, text, is_needed):
    assert differences(plan, present(**{field: change})) == [Difference(f"Call__c.{field}", kind, text, is_needed)]


def test_longer_and_wider_than_needed_is_no_difference(plan):
    assert differences(plan, present(Length__c={"length": 255})) == []


def test_a_missing_object_and_missing_rights_are_told_once(plan):
    gone = {"Call__c": None, "Account": ACCOUNT}
    text = "there is no such object, or this user may not see it"
    assert differences(plan, gone) == [Difference("Call__c", "missing", text, True)]
    text = "this user may not create or edit records"
    assert differences(plan, present(create=False, edit=False)) == [Difference("Call__c", "rights", text, True)]


def test_a_stream_that_deletes_misses_the_right_to(tmp_path):
    plan_of_fields(tmp_path, *FIELDS)
    path = tmp_path / "calls.yml"
    path.write_text(path.read_text().replace("external_id: Key__c", "external_id: Key__c, when_vanished: delete"))
    found = differences(plan_of(path), present())
    assert found == [Difference("Call__c", "rights", "this user may not delete records", True)]


def test_a_parents_hidden_key_is_missed(plan):
    found = differences(plan, {**present(), "Account": Description("Account", True, True, {})})
    assert [(one.place, one.kind, one.is_needed) for one in found] == [("Account.Ext__c", "missing", True)]


def test_a_deploy_leaves_alone_what_is_there(plan):
    left = left_to_do(plan, present(Length__c=None, Is_Open__c={"is_permissionable": False}))
    assert (left.objects, [field.name for field in left.fields]) == ((), ["Length__c"])
    assert plan.permissions.fields.keys() - left.permissions.fields.keys() == {"Call__c.Is_Open__c"}


def test_every_object_the_plan_names_is_asked_for(world, plan):
    asked = world()
    found = fetch_present(asked.org(), plan)
    assert (list(found), found["Call__c"] is None) == (["Call__c", "Account"], False)
