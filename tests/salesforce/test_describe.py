from dataclasses import replace

import pytest

from connector.errors import DeliveryRefused, MalformedAnswer
from connector.salesforce.describe import (
    Description,
    Field,
    fetch_description,
    fetch_if_changed,
    problems,
    read_description,
)

COLUMNS = {"Key__c": "text", "Note__c": "text", "Talk__c": "number", "Parent__r.Ext__c": "text"}


def made(*fields, **changes):
    """Call__c with a good key field and `fields`."""
    key = {"is_external_id": True, "is_unique": True, "is_createable": True, "is_updateable": True, **changes}
    return Description("Call__c", True, True, {f.name: f for f in (Field("Key__c", "string", 255, **key), *fields)})


def writable(name, kind, **more):
    return Field(name, kind, is_createable=True, is_updateable=True, **more)


def test_a_mapping_that_fits_has_no_problems(world):
    description = fetch_description(world().org(), "Call__c")
    assert (description.name, description.is_createable, description.is_updateable) == ("Call__c", True, True)
    assert description.field("Note__c") == writable("Note__c", "string", length=60, label="Note")
    assert description.field("note__c") is None
    assert problems(description, "Key__c", COLUMNS) == []


def test_an_object_is_described_again_only_if_it_changed(world):
    made = world()
    made.clock.advance(1)
    org = made.org()
    first = fetch_if_changed(org, "Call__c", "")
    assert fetch_if_changed(org, "Call__c", first.modified) is None
    made.clock.advance(1)
    made.sim.change_field("Call__c", "Note__c", length=61)
    again = fetch_if_changed(org, "Call__c", first.modified)
    assert read_description(again.answer).field("Note__c").length == 61
    # Answered in the second of the change: one that follows in the same second must not be missed.
    assert (first.modified, again.modified) == ("Sun, 01 Mar 2026 12:00:00 GMT", "")


def test_an_object_that_is_missing_or_hidden_is_refused_with_a_mend(world):
    with pytest.raises(DeliveryRefused, match="no object Nothing__c, or the integration user may not see it"):
        fetch_description(world().org(), "Nothing__c")


def test_a_hidden_field_looks_like_a_missing_one_and_says_so(world):
    org_world = world()
    org_world.sim.hide_field("Call__c", "Note__c")
    description = fetch_description(org_world.org(), "Call__c")
    assert problems(description, "Key__c", COLUMNS) == [
        "Call__c.Note__c: the field does not exist or is hidden from the integration user by field-level security"
    ]


def test_what_is_not_a_describe_is_malformed(scripted):
    for answer in ({}, {"name": "X", "createable": True, "updateable": True, "fields": [{}]}, []):
        with pytest.raises(MalformedAnswer):
            read_description(answer)
    org, _ = scripted((200, b"x"))
    with pytest.raises(MalformedAnswer):
        fetch_description(org, "Call__c")


def found(description, columns, key="Key__c"):
    return [problem.removeprefix("Call__c") for problem in problems(description, key, {"Key__c": "text", **columns})]


def test_every_problem_is_told_at_once():
    description = made(
        Field("Sum__c", "double", is_calculated=True),
        Field("Old__c", "string", is_createable=True),
        writable("Must__c", "string", is_nillable=False),
        writable("Home__c", "address"),
    )
    columns = {
        "Summ__c": "number",
        "Sum__c": "number",
        "Old__c": "text",
        "OLD__C": "text",
        "Home__c": "text",
        "Id": "text",
    }
    assert found(description, columns) == [
        ".Summ__c: the field does not exist or is hidden from the integration user by field-level security; "
        "did you mean Sum__c?",
        ".Sum__c: is a formula, roll-up or auto number and cannot be written; take it out of the mapping",
        ".Old__c: cannot be updated by the integration user; grant edit access (field-level security), or take it out "
        "of the mapping when it is read only by nature",
        ".OLD__C: the field does not exist or is hidden from the integration user by field-level security; "
        "did you mean Old__c?",
        ".Home__c: is a compound address; map its parts instead",
        ".Id: a row is found by its external id and must not carry an Id as well",
        ".Must__c: is required on new records but not mapped; map it or give it a default in Setup",
    ]


def test_a_formula_and_an_auto_number_are_both_read_only():
    told = {"type": "string", "createable": True, "updateable": True}
    fields = [
        {**told, "name": "A", "calculated": True},
        {**told, "name": "B", "autoNumber": True},
        {**told, "name": "C"},
    ]
    description = read_description({"name": "X", "createable": True, "updateable": True, "fields": fields})
    assert [description.fields[name].is_calculated for name in "ABC"] == [True, True, False]


def test_the_key_field_must_be_text_external_id_and_unique():
    assert found(made(is_unique=False), {}) == [
        ".Key__c: the key field is not flagged Unique; tick it in Setup > Object Manager"
    ]
    assert found(made(is_external_id=False, is_unique=False), {}) == [
        ".Key__c: the key field is not flagged External ID and Unique; tick it in Setup > Object Manager"
    ]
    number = made(writable("Number__c", "double", is_external_id=True, is_unique=True))
    assert found(number, {"Number__c": "number"}, "Number__c") == [
        ".Number__c: the key field is of type double; it must be a Text field"
    ]
    assert found(made(), {}, "Kex__c") == [
        ".Kex__c: the key field is not among the mapped fields; map it with `key`",
        ".Kex__c: the field does not exist or is hidden from the integration user by field-level security; "
        "did you mean Key__c?",
    ]


def test_an_object_nobody_may_write_is_told():
    description = Description("Call__c", False, False, made().fields)
    assert found(description, {}) == [
        ": the integration user may not create or edit records; grant it in its permission set"
    ]


def test_an_object_nobody_may_delete_from_is_told_to_a_mapping_that_deletes(world):
    described = fetch_description(world().org(), "Call__c")
    assert problems(described, "Key__c", COLUMNS, deletes=True) == []
    bare = replace(described, is_deletable=False)
    assert problems(bare, "Key__c", COLUMNS) == []
    assert problems(bare, "Key__c", COLUMNS, deletes=True) == [
        "Call__c: the integration user may not delete records; grant it in its permission set"
    ]


@pytest.mark.parametrize(
    ("kind", "type", "step"),
    [
        ("text", "double", "number: true"),
        ("text", "boolean", "bool: true"),
        ("text", "datetime", "datetime: true"),
        ("number", "string", "text: true"),
        ("number", "int", "integer: true"),
        ("boolean", "string", "text: true"),
        ("date", "datetime", "datetime: true"),
        ("datetime", "date", "date: UTC"),
        ("integer", "boolean", "bool: true"),
    ],
)
def test_an_obviously_wrong_type_names_the_step_that_mends_it(kind, type, step):
    assert found(made(writable("X__c", type)), {"X__c": kind}) == [
        f".X__c: a {kind} does not fit a field of type {type}; add `{step}` to the mapping"
    ]


def test_types_that_fit_or_cannot_be_known_pass():
    fits = {
        "text": ["string", "textarea", "picklist", "reference", "email"],
        "number": ["double", "currency", "percent"],
        "integer": ["int", "double"],
        "boolean": ["boolean"],
        "datetime": ["datetime", "string"],
        "date": ["date", "string"],
        "any": ["double", "boolean", "string", "date"],
    }
    assert [
        problem
        for kind, types in fits.items()
        for type in types
        for problem in found(made(writable("X__c", type)), {"X__c": kind})
    ] == []


def test_recorded_describes_tell_parents_of_one_type_from_those_of_several(saved):
    event = read_description(saved("describe-event-selected.json"))
    contact = read_description(saved("describe-contact-selected.json"))
    assert problems(event, "Who", {"Who.Email": "text", "Contact:Owner.Email": "text"})[2:] == [
        "Event.Who.Email: the parent may be of several types; name one of them, for example Contact:Who.Email, "
        "Lead:Who.Email",
        "Event.Contact:Owner.Email: the parent may be of several types; name one of them, for example "
        "Calendar:Owner.Email, User:Owner.Email",
    ]
    columns = {
        "Email": "text",
        "LastName": "text",
        "ReportsTo.Email": "text",
        "User:Owner.Email": "text",
        "Acount.Ext__c": "text",
        "Account.Owner.Email": "text",
        "AccountId": "text",
        "Account.Ext__c": "datetime",
    }
    assert problems(contact, "Email", columns) == [
        "Contact.Email: the key field is of type email; it must be a Text field",
        "Contact.Email: the key field is not flagged External ID and Unique; tick it in Setup > Object Manager",
        "Contact.User:Owner.Email: the parent is always a User; write Owner.Email",
        "Contact.Acount.Ext__c: there is no relationship Acount, or is hidden from the integration user by "
        "field-level security; did you mean Account?",
        "Contact.Account.Owner.Email: write a parent as Relationship__r.Key__c: one level, no more",
        "Contact.Account.Ext__c: a datetime cannot be a parent's key",
        "Contact.AccountId: is mapped twice, by itself and by Account; keep one of them",
    ]


def test_a_required_field_is_covered_by_its_column_or_its_relationship(saved):
    contact = read_description(saved("describe-contact-selected.json"))
    missing = "Contact.LastName: is required on new records but not mapped; map it or give it a default in Setup"
    assert missing in problems(contact, "Email", {"Email": "text"})
    assert missing not in problems(contact, "Email", {"Email": "text", "LastName": "text"})
    master = made(writable("Master__c", "reference", is_nillable=False, relationship="Master__r", parents=("P__c",)))
    assert [len(found(master, columns)) for columns in ({}, {"Master__r.Ext__c": "text"}, {"Master__c": "text"})] == [
        1,
        0,
        0,
    ]


def test_a_recorded_describe_tells_the_objects_a_relationship_column_points_to(saved):
    contact = read_description(saved("describe-contact-selected.json"))
    columns = ("ReportsTo.Email", "Account.Ext__c", "Lead:Who.Email", "Nothing__r.Ext__c", "Email")
    assert [contact.parents(column) for column in columns] == [("Contact",), ("Account",), ("Lead",), (), ()]
