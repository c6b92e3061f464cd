import csv

import pytest

from connector.errors import DeliveryRefused, MalformedAnswer, QuotaSpent
from connector.salesforce.results import (
    Outcome,
    RowError,
    classify,
    job_failure,
    parse_error,
    read_failed,
    read_successful,
    read_unprocessed,
)

KEY = "Genesys_Key__c"


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        (
            "UNABLE_TO_LOCK_ROW TOO_MANY_APEX_REQUESTS REQUEST_RUNNING_TOO_LONG SERVER_UNAVAILABLE UNKNOWN_EXCEPTION "
            "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE TXN_SECURITY_METERING_ERROR",
            "transient",
        ),
        ("STORAGE_LIMIT_EXCEEDED LIMIT_EXCEEDED TRIAL_EXPIRED ORG_LOCKED", "quota"),
        (
            "REQUIRED_FIELD_MISSING INVALID_FIELD INVALID_FIELD_FOR_INSERT_UPDATE STRING_TOO_LONG "
            "NUMBER_OUTSIDE_VALID_RANGE INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST INVALID_CROSS_REFERENCE_KEY "
            "MALFORMED_ID INVALID_EMAIL_ADDRESS FIELD_CUSTOM_VALIDATION_EXCEPTION FIELD_INTEGRITY_EXCEPTION "
            "DUPLICATES_DETECTED DUPLICATE_EXTERNAL_ID INSUFFICIENT_ACCESS_OR_READONLY ENTITY_IS_DELETED "
            "ENTITY_IS_LOCKED INACTIVE_OWNER_OR_USER SOMETHING_NEW UNKNOWN",
            "rejected",
        ),
    ],
)
def test_every_documented_code_has_its_class(codes, verdict):
    assert {code: classify(code, "because", KEY) for code in codes.split()} == dict.fromkeys(codes.split(), verdict)


def test_a_lock_failure_wrapped_by_a_trigger_or_flow_is_transient():
    wrapped = "MyTrigger: execution of AfterInsert caused by: System.DmlException: first error: UNABLE_TO_LOCK_ROW, x"
    assert classify("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", wrapped, KEY) == "transient"
    assert classify("CANNOT_EXECUTE_FLOW_TRIGGER", wrapped, KEY) == "transient"
    assert classify("CANNOT_EXECUTE_FLOW_TRIGGER", "a flow failed", KEY) == "rejected"


def test_a_doubled_value_is_a_race_only_for_the_key_on_a_saved_record():
    held = "duplicate value found: {} duplicates value on record with id: a00ak0000000001"
    assert classify("DUPLICATE_VALUE", held.format("Genesys_Key__c"), KEY) == "race"
    assert classify("DUPLICATE_VALUE", held.format("<unknown>"), KEY) == "race"
    assert classify("DUPLICATE_VALUE", held.format("Other_Unique__c"), KEY) == "rejected"
    assert classify("DUPLICATE_VALUE", "Duplicate external id specified: abc", KEY) == "rejected"


def test_a_missing_parent_is_told_from_a_wrong_field():
    missing = "Foreign key external ID: p: 1 not found for field Ext__c in entity Account"
    assert classify("INVALID_FIELD", missing, KEY) == "parent_missing"
    assert classify("INVALID_FIELD", "No such column 'X__c' on sobject of type Call__c", KEY) == "rejected"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            RowError("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ("Name",)),
        ),
        (
            "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: A__c, B__c.:A__c,B__c --",
            RowError(
                "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: A__c, B__c.", ("A__c", "B__c")
            ),
        ),
        (
            "INVALID_FIELD:Foreign key external ID: x not found for field E__c in entity P__c:--",
            RowError("INVALID_FIELD", "Foreign key external ID: x not found for field E__c in entity P__c", ()),
        ),
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION:at 12:30 --",
            RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "at 12:30", ()),
        ),
        ("UNABLE_TO_LOCK_ROW:no lock", RowError("UNABLE_TO_LOCK_ROW", "no lock", ())),
        ("Something odd happened", RowError("UNKNOWN", "Something odd happened", ())),
        ("", RowError("UNKNOWN", "", ())),
    ],
)
def test_an_error_cell_is_split_at_its_first_and_last_colon(text, error):
    assert parse_error(text) == error


def test_a_recorded_failed_row_is_read_without_its_value(answers):
    assert list(read_failed(answers / "bulk2-failedResults.csv", "external_id__c")) == [
        Outcome(
            "external-id-3",
            "rejected",
            None,
            "INVALID_FIELD",
            "Failed to deserialize field at col 3. Due to, *** is not a valid value for the type xsd:date",
            ("CloseDate",),
        )
    ]


def test_a_missing_parent_names_object_and_field_it_was_looked_for_by(tmp_path):
    file = tmp_path / "failed.csv"
    file.write_text(
        '"sf__Id","sf__Error",Key__c\n'
        '"","INVALID_FIELD:Foreign key external ID: bob not found for field Ext__c in entity Account:--","a"\n'
    )
    message = "Foreign key external ID: *** not found for field Ext__c in entity Account"
    wanted = Outcome("a", "parent_missing", None, "INVALID_FIELD", message, ("Account.Ext__c",))
    assert list(read_failed(file, "Key__c")) == [wanted]


def test_successful_rows_tell_id_and_whether_they_were_created(tmp_path):
    file = tmp_path / "ok.csv"
    file.write_bytes(
        '\ufeff"sf__Id","sf__Created",Note__c,Key__c\n"a01","true","x\r\n""y"" ü","k|1"\n"a02","false","","k2"'.encode()
    )
    assert list(read_successful(file, "Key__c")) == [Outcome("k|1", "created", "a01"), Outcome("k2", "updated", "a02")]


def test_a_field_longer_than_pythons_limit_is_read(tmp_path):
    file = tmp_path / "ok.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([["sf__Id", "sf__Created", "Note__c", "Key__c"], ["a01", "true", "x" * 200_000, "k"]])
    assert list(read_successful(file, "Key__c")) == [Outcome("k", "created", "a01")]


def test_an_empty_result_file_holds_no_rows(tmp_path):
    file = tmp_path / "empty.csv"
    file.write_bytes(b"")
    assert [list(read(file, KEY)) for read in (read_successful, read_failed, read_unprocessed)] == [[], [], []]


@pytest.mark.parametrize(
    "content",
    [
        b'"sf__Id","sf__Created",Other__c\n"a01","true","k"\n',
        b'"sf__Id","sf__Created",Key__c\n"a01","true"\n',
        b'"sf__Id","sf__Created",Key__c\n"a01","true","k',
        b'"sf__Id","sf__Created",Key__c\n"a01","true","\xff"\n',
    ],
)
def test_a_damaged_result_file_is_refused_not_half_believed(tmp_path, content):
    file = tmp_path / "ok.csv"
    file.write_bytes(content)
    with pytest.raises(MalformedAnswer):
        list(read_successful(file, "Key__c"))


def test_unreadable_unprocessed_rows_are_passed_over(tmp_path):
    file = tmp_path / "unprocessed.csv"
    file.write_bytes(b'Key__c,Note__c\n"a","x"\nb\n"","y"\n"c","\xff, "z" d"\n"e",1,2\n"f","g')
    assert [outcome.external_id for outcome in read_unprocessed(file, "Key__c")] == ["a", "c", "f"]
    file.write_bytes(b"<html>sorry</html>")
    assert list(read_unprocessed(file, "Key__c")) == []


def test_a_failed_job_names_the_field_and_the_mend(saved):
    error = job_failure(saved("bulk2-job-6-failed-bad-header.json")["errorMessage"])
    assert isinstance(error, DeliveryRefused)
    assert "StageName_invalid_field_on_purpose" in error.message
    assert "field-level security" in error.hint


def test_job_failures_are_told_apart():
    line_ending = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
    found = {
        message: type(job_failure(message))
        for message in (
            line_ending,
            "InvalidJob : x",
            "FeatureNotEnabled : x",
            "ExceededQuota : ApiBatchItems Limit exceeded.",
            "TooManyLockFailure : x",
            "Timeout : x",
            "InternalServerError : x",
            "",
        )
    }
    assert list(found.values()) == [DeliveryRefused] * 3 + [QuotaSpent] + [type(None)] * 4
