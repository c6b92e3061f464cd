import pytest

from connector.salesforce.hints import discreet, hint_for
from connector.salesforce.setup_paths import setup_path


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


ROW_CODES = """UNABLE_TO_LOCK_ROW TOO_MANY_APEX_REQUESTS REQUEST_RUNNING_TOO_LONG SERVER_UNAVAILABLE
    INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE TXN_SECURITY_METERING_ERROR UNKNOWN_EXCEPTION
    CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY CANNOT_EXECUTE_FLOW_TRIGGER DUPLICATE_VALUE INVALID_FIELD
    STORAGE_LIMIT_EXCEEDED LIMIT_EXCEEDED TRIAL_EXPIRED ORG_LOCKED REQUIRED_FIELD_MISSING
    INVALID_FIELD_FOR_INSERT_UPDATE STRING_TOO_LONG NUMBER_OUTSIDE_VALID_RANGE
    INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST INVALID_CROSS_REFERENCE_KEY MALFORMED_ID INVALID_EMAIL_ADDRESS
    FIELD_CUSTOM_VALIDATION_EXCEPTION FIELD_INTEGRITY_EXCEPTION DUPLICATES_DETECTED DUPLICATE_EXTERNAL_ID
    INSUFFICIENT_ACCESS_OR_READONLY INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY ENTITY_IS_DELETED ENTITY_IS_LOCKED
    INACTIVE_OWNER_OR_USER ALL_OR_NONE_OPERATION_ROLLED_BACK""".split()
JOB_CODES = """InvalidBatch ClientInputError InvalidJob InvalidJobState ExceededQuota TooManyLockFailure Timeout
    FeatureNotEnabled InvalidUser INVALIDENTITY""".split()
CALL_CODES = """INVALIDJOB INVALID_TYPE EXCEEDEDQUOTA INVALID_SESSION_ID REQUEST_LIMIT_EXCEEDED INSUFFICIENT_ACCESS
    API_CURRENTLY_DISABLED NOT_FOUND""".split()


@pytest.mark.parametrize("code", [*ROW_CODES, *JOB_CODES, *CALL_CODES])
def test_every_code_salesforce_documents_for_rows_jobs_and_calls_has_a_hint(code: str):
    assert hint_for(code).endswith(".")
    assert "{" not in setup_path(code, "Call__c", "") + setup_path(code, "Call__c", "Note__c")


def test_a_missing_parent_has_a_hint_of_its_own():
    said = "Foreign key external ID: *** not found for field Ext__c in entity Account"
    assert hint_for("INVALID_FIELD", said).startswith("The parent record is not in Salesforce")
    assert hint_for("INVALID_FIELD", "No such column 'X__c'").startswith("The field does not exist")


@pytest.mark.parametrize(
    ("code", "fields", "path"),
    [
        (
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Note__c",
            "Setup > Object Manager > Call__c > Fields & Relationships > Note__c > Set Field-Level Security",
        ),
        ("STRING_TOO_LONG", "A__c, B__c", "Setup > Object Manager > Call__c > Fields & Relationships > A__c"),
        ("REQUIRED_FIELD_MISSING", "", "Setup > Object Manager > Call__c > Fields & Relationships"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Note__c", "Setup > Object Manager > Call__c > Validation Rules"),
        ("DUPLICATES_DETECTED", "", "Setup > Duplicate Rules"),
        (
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "",
            "Setup > Permission Sets > the integration user's > Object Settings > Call__c",
        ),
        ("NEVER_HEARD_OF", "Note__c", ""),
    ],
)
def test_a_code_leads_to_its_place_in_setup(code: str, fields: str, path: str):
    assert setup_path(code, "Call__c", fields) == path
