"""Values against the sizes of fields: what is known of a mapping, what one row holds, and what changed in an object."""

from dataclasses import replace

import pytest

from connector.mapping.extents import Extent
from connector.salesforce.changes import changes
from connector.salesforce.describe import Description, Field, problems, read_description
from connector.salesforce.fitting import size_problems, size_warnings
from connector.salesforce.packing import pack, unpack
from connector.salesforce.refusing import refuser


def writable(name, kind, **more):
    return Field(name, kind, is_createable=True, is_updateable=True, **more)


KEY = writable("Key__c", "string", length=20, is_external_id=True, is_unique=True)
FIELDS = (
    KEY,
    writable("Note__c", "string", length=10, label="Note"),
    writable("Html__c", "textarea", length=10, is_rich=True),
    writable("Talk__c", "double", precision=5, scale=2),
    writable("Count__c", "int", digits=8),
    writable("Free__c", "picklist", length=255, choices=("A",)),
    writable("Kind__c", "picklist", is_restricted=True, choices=("In", "out_bound"), labels=("In", "Outbound")),
    writable("Many__c", "multipicklist", is_restricted=True, choices=("Voice", "Chat")),
    writable("Parent__c", "reference", parents=("Account",), relationship="Parent__r"),
)


def described(*fields):
    return Description("Call__c", True, True, {one.name: one for one in fields or FIELDS})


# What is known of a mapping


@pytest.mark.parametrize(
    ("column", "extent", "told"),
    [
        (
            "Note__c",
            Extent(longest=80, cut=80),
            "`truncate: 80` lets more through than the 10 characters the field holds; write `truncate: 10`, or make "
            "the field longer in Setup",
        ),
        ("Note__c", Extent(longest=10, cut=10), None),
        ("Note__c", Extent(), None),
        (
            "Key__c",
            Extent(longest=255),
            "a text of up to 255 characters does not fit the 20 the field holds; make the field longer in Setup",
        ),
        (
            "Note__c",
            Extent(longest=12, values=("short", "twelve chars")),
            "the value 'twelve chars' has 12 characters, the field holds 10",
        ),
        ("Talk__c", Extent(values=(999.99, -999)), None),
        ("Talk__c", Extent(values=(1000,)), "the number 1000 is too large for the field, which holds 3 digits before "
         "the point"),
        ("Count__c", Extent(values=(2**31,)), "the number 2147483648 is too large for the field, which holds 8 digits"),
        ("Free__c", Extent(values=("B",)), None),
        ("Kind__c", Extent(values=("In", "Outbound", "OUT_BOUND")), None),
        (
            "Kind__c",
            Extent(values=("In", "Other")),
            "'Other' is no active value of the restricted picklist; active are 'In', 'out_bound'",
        ),
        (
            "Many__c",
            Extent(values=("Voice;Mail;Chat",)),
            "'Mail' is no active value of the restricted picklist; active are 'Voice', 'Chat'",
        ),
        ("Gone__c", Extent(longest=999), None),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_told_before_any_row_is_made(column, extent, told):
    assert size_problems(described(), {column: extent}) == ([f"Call__c.{column}: {told}"] if told else [])


def test_decimals_that_salesforce_cuts_are_a_warning():
    known = {"Talk__c": Extent(decimals=3), "Note__c": Extent(decimals=9)}
    assert (size_problems(described(), known), size_warnings(described(), known)) == (
        [],
        [
            "Call__c.Talk__c: rounded to 3 decimals and cut by Salesforce to the 2 of the field; write `round: 2`",
        ],
    )
    assert size_warnings(described(), {"Talk__c": Extent(decimals=2)}) == []


def test_a_compound_field_names_its_parts():
    fields = (
        KEY,
        writable("Home", "address"),
        writable("HomeStreet", "textarea", compound="Home"),
        writable("HomeCity", "string", compound="Home"),
        Field("Name", "string", compound="Name"),
        writable("LastName", "string", compound="Name"),
    )
    assert problems(described(*fields), "Key__c", {"Key__c": "text", "Home": "text", "Name": "text"}) == [
        "Call__c.Home: is a compound address; map its parts instead: HomeStreet, HomeCity",
        "Call__c.Name: is a compound string; map its parts instead: LastName",
    ]
    assert problems(described(*fields), "Key__c", {"Key__c": "text", "HomeCity": "text"}) == []


# What one row holds


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("Note__c", "x" * 11, "STRING_TOO_LONG"),
        ("Note__c", "x" * 10, None),
        # Trimmed by Salesforce; and nobody tells whether it counts an emoji once or twice.
        ("Note__c", f" {'x' * 10} ", None),
        ("Note__c", "\U0001f600" * 10, None),
        ("Note__c", None, None),
        # Markup is cleaned before it is measured.
        ("Html__c", "x" * 99, None),
        ("Talk__c", 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Talk__c", -1000.0, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Talk__c", 999.999, None),
        ("Count__c", 2**31, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Count__c", 123_456_789, None),
        ("Kind__c", "Other", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Kind__c", "outbound", None),
        ("Kind__c", "", None),
        ("Free__c", "Other", None),
        ("Many__c", "Chat;Mail", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Many__c", "Chat;Voice", None),
        ("Parent__r.Ext__c", "x" * 999, None),
        ("Unknown__c", "x" * 999, None),
    ],
)
def test_only_a_row_that_cannot_pass_is_refused(column, value, code):
    outcome = refuser(described(), "Key__c")({"Key__c": "k1", column: value})
    assert (outcome and (outcome.external_id, outcome.verdict, outcome.code, outcome.fields)) == (
        code and ("k1", "rejected", code, (column,))
    )


def test_a_refusal_holds_no_value():
    outcome = refuser(described(), "Key__c")({"Key__c": "k1", "Note__c": "Mrs Smith, 0123"})
    assert outcome.message == "Note: data value too large (max length=10) (not sent)"


# What changed


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("Note__c", {"length": 5}, "held 10 characters, holds 5 characters"),
        ("Note__c", {"label": "Remark"}, None),
        ("Note__c", {"type": "double", "precision": 5}, "was string of 10 characters, is double of 5 digits, 0 of them "
         "after the point"),
        ("Talk__c", {"precision": 4, "scale": 0}, "held 5 digits, 2 of them after the point, holds 4 digits, 0 of them "
         "after the point"),
        ("Note__c", {"is_updateable": False}, "can no longer be updated by the integration user"),
        ("Key__c", {"is_unique": False}, "is no longer flagged Unique"),
        ("Kind__c", {"choices": ("In",)}, "'out_bound' is no active value any more"),
        ("Kind__c", {"choices": ("In", "out_bound", "New")}, None),
        ("Free__c", {"choices": ()}, None),
        ("Free__c", {"is_restricted": True}, "became a restricted picklist"),
        ("Parent__c", {"parents": ("Contact",)}, "pointed to Account, points to Contact"),
    ],
)  # fmt: skip
def test_a_field_that_is_otherwise_is_named_with_how(name, change, told):
    now = described(*(replace(one, **change) if one.name == name else one for one in FIELDS))
    columns = [one.name for one in FIELDS if one.type != "reference"] + ["Parent__r.Ext__c"]
    assert changes(described(), now, columns) == ([f"Call__c.{name}: {told}"] if told else [])


def test_a_field_that_is_gone_and_one_that_became_required_are_named():
    now = described(KEY, writable("Must__c", "string", is_nillable=False))
    assert changes(described(), now, ["Key__c", "Note__c"]) == [
        "Call__c.Note__c: is gone, or hidden from the integration user (it was string of 10 characters)",
        "Call__c.Must__c: became required",
    ]
    assert changes(described(), described(KEY), ["Key__c"]) == []


def test_a_description_is_kept_whole_and_one_of_another_version_is_not_believed():
    assert unpack(pack(described())) == described()
    assert unpack(pack(described()).replace(b'"compound"', b'"other"')) is None


def test_a_describe_tells_sizes_and_active_choices(world):
    task = world().org().call("GET", "sobjects/Task/describe").json()
    field = read_description(task).field("CallType")
    assert (field.is_restricted, field.choices, field.labels) == (
        True,
        ("Internal", "Inbound", "Outbound"),
        ("Internal", "Inbound", "Outbound"),
    )
    assert read_description(task).field("CallDurationInSeconds").digits == 8
