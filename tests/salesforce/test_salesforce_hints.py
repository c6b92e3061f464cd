import pytest

from connector.salesforce.hints import discreet, hint_for


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "Failed to deserialize field at col 3. Due to, 'call 'Bob' up' is not a valid value for the type xsd:date",
            "Failed to deserialize field at col 3. Due to, *** is not a valid value for the type xsd:date",
        ),
        ("Note: data value too large: Dear Bob,\nsee (max length=9) x (max length=255)", None),
        (
            "Level: bad value for restricted picklist field: Top customer",
            "Level: bad value for restricted picklist field: ***",
        ),
        ("Note: data value too large: Bob (max length=255)", "Note: data value too large: *** (max length=255)"),
        ("Email: invalid email address: bob.smith", "Email: invalid email address: ***"),
        (
            "Talk: value outside of valid range on numeric field: 99",
            "Talk: value outside of valid range on numeric field: ***",
        ),
        (
            "Foreign key external ID: Bob Smith not found for field Ext__c in entity Account",
            "Foreign key external ID: *** not found for field Ext__c in entity Account",
        ),
        ("Duplicate external id specified: Bob|Smith", "Duplicate external id specified: ***"),
        (
            "Cannot read int from VALUE_STRING value Bob or request may be missing a required field",
            "Cannot read int from VALUE_STRING value *** or request may be missing a required field",
        ),
        ("ask bob@example.com or +49 171 5551234 about order 8812", "ask *** or *** about order ***"),
        ("value \"Bob Smith\" and 'Ann's note' refused", "value *** and *** refused"),
        ("Required fields are missing: [LastName]", "Required fields are missing: [LastName]"),
        (
            "No such column 'AccountNumer' on sobject of type Account",
            "No such column 'AccountNumer' on sobject of type Account",
        ),
        ("rule on Region_2024__c and 'Size__c'", "rule on Region_2024__c and 'Size__c'"),
    ],
)
def test_messages_lose_customer_values_and_keep_names(said, kept):
    if kept is None:
        assert "Bob" not in discreet(said)
        assert "see" not in discreet(said)
    else:
        assert discreet(said) == kept


def test_a_message_is_one_short_line():
    said = discreet("word\n" * 300)
    assert (len(said), said[:10], said[-1], "\n" in said) == (200, "word word ", "…", False)


def test_common_codes_have_a_hint_and_unknown_ones_none():
    assert hint_for("STRING_TOO_LONG").startswith("Add `truncate`")
    assert hint_for("INSUFFICIENT_ACCESS_SOMEWHERE") == hint_for("INSUFFICIENT_ACCESS")
    assert hint_for("NEVER_HEARD_OF") == ""
