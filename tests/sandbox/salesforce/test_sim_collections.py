"""sObject Collections: results in order, nulls clear, absent fields stay, every refusal in its own words."""

import pytest

QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"
START = "Interval_Start__c"


def failed(code, message, *fields):
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def test_records_are_created_then_updated_in_the_order_of_the_request(api):
    first = api.collect(QUEUE, KEY, {KEY: "b"}, {KEY: "a"}).json()
    second = api.collect(QUEUE, KEY, {KEY: "c"}, {KEY: "b"}).json()
    ids = {key: record["Id"] for key, record in api.sim.records(QUEUE).items()}
    assert first == [
        {"id": ids["b"], "success": True, "errors": [], "created": True},
        {"id": ids["a"], "success": True, "errors": [], "created": True},
    ]
    assert [(each["id"], each["created"]) for each in second] == [(ids["c"], True), (ids["b"], False)]
    assert api.sim.writes(QUEUE) == {"b": 2, "a": 1, "c": 1}


def test_null_clears_an_absent_field_stays_and_values_are_kept_as_the_platform_keeps_them(api):
    api.collect(QUEUE, KEY, {KEY: "k", "Queue_Name__c": "Sales", "Offered__c": 3, "Queue_Id__c": "q"})
    changes = {
        "Queue_Name__c": None,
        "Queue_Id__c": "",
        START: "2026-03-01T12:00:00.987+02:00",
        "Average_Handle_s__c": 12.99,
        "Service_Level__c": -7.999,
        "Answered__c": 41.9,
    }
    api.collect(QUEUE, KEY, {KEY: "k", **changes})
    assert api.sim.rows(QUEUE) == {
        "k": {
            KEY: "k",
            "Queue_Id__c": None,
            "Queue_Name__c": None,
            "Media_Type__c": None,
            START: "2026-03-01T10:00:00.000+0000",
            "Offered__c": 3.0,
            "Answered__c": 41.0,
            "Abandoned__c": None,
            "Average_Handle_s__c": 12.9,
            "Service_Level__c": -7.99,
        }
    }


def test_records_carry_id_name_and_dates(api, clock):
    api.collect(QUEUE, KEY, {KEY: "k"})
    clock.advance(3600)
    api.collect(QUEUE, KEY, {KEY: "k", "Offered__c": 1})
    record = api.sim.records(QUEUE)["k"]
    assert {name: record[name] for name in ("Name", "CreatedDate", "LastModifiedDate", "SystemModstamp")} == {
        "Name": "Q-000001",
        "CreatedDate": "2026-03-02T12:00:00.000+0000",
        "LastModifiedDate": "2026-03-02T13:00:00.000+0000",
        "SystemModstamp": "2026-03-02T13:00:00.000+0000",
    }
    assert (len(record["Id"]), record["Id"][:3]) == (18, "a00")


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (
            "Queue_Name__c",
            "x" * 81,
            failed(
                "STRING_TOO_LONG",
                f"Queue Name: data value too large: {'x' * 81} (max length=80)",
                "Queue_Name__c",
            ),
        ),
        (
            "Service_Level__c",
            1000,
            failed(
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Service Level: value outside of valid range on numeric field: 1000",
                "Service_Level__c",
            ),
        ),
        (
            "Offered__c",
            10**18,
            failed(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"Offered: value outside of valid range on numeric field: {10**18}",
                "Offered__c",
            ),
        ),
        (
            START,
            "2026-03-01 12:00:00Z",
            failed(
                "JSON_PARSER_ERROR",
                "Cannot deserialize instance of datetime from VALUE_STRING value 2026-03-01 12:00:00Z or request may "
                "be missing a required field",
                START,
            ),
        ),
        (
            "Offered__c",
            "5",
            failed(
                "JSON_PARSER_ERROR",
                "Cannot deserialize instance of double from VALUE_STRING value 5 or request may be missing a required "
                "field",
                "Offered__c",
            ),
        ),
        (
            "Queue_Id__c",
            5,
            failed(
                "JSON_PARSER_ERROR",
                "Cannot deserialize instance of string from VALUE_NUMBER_INT value 5 or request may be missing a "
                "required field",
                "Queue_Id__c",
            ),
        ),
        (
            "Name",
            "mine",
            failed(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: Name. Please check the security settings of this field and verify "
                "that it is read/write for your profile or permission set.",
                "Name",
            ),
        ),
        ("Nothing__c", 1, failed("INVALID_FIELD", f"No such column 'Nothing__c' on sobject of type {QUEUE}")),
    ],
)
def test_a_bad_value_fails_its_row_alone(api, field, value, error):
    answer = api.collect(QUEUE, KEY, {KEY: "good"}, {KEY: "bad", field: value}, {KEY: "fine"})
    assert (answer.status_code, answer.json()[1]) == (200, error)
    assert [each["success"] for each in answer.json()] == [True, False, True]
    assert set(api.sim.rows(QUEUE)) == {"good", "fine"}


def test_an_organisation_may_refuse_the_whole_call_instead(api):
    api.sim.refuse_malformed_calls_whole()
    answer = api.collect(QUEUE, KEY, {KEY: "good"}, {KEY: "bad", "Offered__c": "5"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert api.sim.rows(QUEUE) == {}


def test_a_key_twice_in_one_call_fails_both_rows(api):
    results = api.collect(QUEUE, KEY, {KEY: "k"}, {KEY: "other"}, {KEY: "k"}).json()
    twice = failed("DUPLICATE_VALUE", "Duplicate external id specified: k", KEY)
    assert [results[0], results[1]["success"], results[2]] == [twice, True, twice]
    assert set(api.sim.rows(QUEUE)) == {"other"}


def test_keys_of_a_case_sensitive_field_differ_by_case(api):
    api.collect(QUEUE, KEY, {KEY: "k"}, {KEY: "K"})
    assert set(api.sim.rows(QUEUE)) == {"k", "K"}


def test_a_missing_key_fails_the_row(api):
    assert (
        api.collect(QUEUE, KEY, {"Offered__c": 1}, {KEY: None}).json()
        == [failed("MISSING_ARGUMENT", f"{KEY} not specified")] * 2
    )


def test_required_fields_and_choices_are_checked(api):
    api.collect("Account", "Ext__c", {"Ext__c": "there", "Name": "There"})
    results = api.collect("Account", "Ext__c", {"Ext__c": "new"}, {"Ext__c": "there", "Name": None}).json()
    assert results == [failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name")] * 2
    assert api.collect("Account", "Ext__c", {"Ext__c": "there", "Industry": "Unheard of"}).json()[0]["success"]
    results = api.collect("Contact", "Email", {"Email": "a@b.example", "LastName": "A", "Level__c": "No"}).json()
    assert results == [
        failed(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Level: bad value for restricted picklist field: No",
            "Level__c",
        )
    ]


def test_a_checkbox_is_false_unless_given_and_never_null(api):
    api.collect("Conversation__c", "Conversation_Id__c", {"Conversation_Id__c": "c"})
    assert api.sim.rows("Conversation__c")["c"]["Is_Open__c"] is False
    api.collect("Conversation__c", "Conversation_Id__c", {"Conversation_Id__c": "c", "Is_Open__c": True})
    results = api.collect(
        "Conversation__c", "Conversation_Id__c", {"Conversation_Id__c": "c", "Is_Open__c": None}
    ).json()
    assert results[0]["errors"][0]["statusCode"] == "INVALID_TYPE_ON_FIELD_IN_RECORD"
    assert api.sim.rows("Conversation__c")["c"]["Is_Open__c"] is True


def test_a_parent_is_found_by_its_external_id_or_the_row_fails(api):
    api.collect("Account", "Ext__c", {"Ext__c": "p-1", "Name": "Parent"})
    parent = api.sim.records("Account")["p-1"]["Id"]
    contact = {"LastName": "A", "Email": "a@b.example"}
    results = api.collect(
        "Contact",
        "Email",
        {**contact, "Account": {"Ext__c": "p-1"}},
        {**contact, "Email": "b@b.example", "Account": {"Ext__c": "p-2"}},
    ).json()
    assert results[1] == failed(
        "INVALID_FIELD", "Foreign key external ID: p-2 not found for field Ext__c in entity Account"
    )
    (record,) = api.sim.records("Contact").values()
    assert (record["Email"], record["AccountId"]) == ("a@b.example", parent)
    api.collect("Contact", "Email", {**contact, "Account": {"Ext__c": None}})
    assert [each["AccountId"] for each in api.sim.rows("Contact").values()] == [None]


def test_several_matches_of_a_field_that_is_not_unique_fail_the_row(api):
    for _ in range(2):
        api.load("LastName,Email\nA,a@b.example\n", name="Contact", key=None, operation="insert")
    assert len(api.sim.rows("Contact")) == 2
    (result,) = api.collect("Contact", "Email", {"Email": "A@b.example", "LastName": "B"}).json()
    assert result["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_all_or_none_rolls_everything_back(api):
    """Texts as recorded (amp-labs/connectors, salesforce/test/batch/create/contacts/partial-but-allOrNone.json)."""
    results = api.collect(
        "Contact", "Email", {"Email": "a@b.example"}, {"Email": "b@b.example", "LastName": "B"}, all_or_none=True
    ).json()
    assert results == [
        failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName"),
        failed(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        ),
    ]
    assert api.sim.rows("Contact") == {}


def test_what_has_no_room_is_refused_and_the_limits_say_how_much_is_left(connect):
    api = connect(storage_mb=1)
    for part in range(3):
        results = api.collect(QUEUE, KEY, *({KEY: f"{part} {number}"} for number in range(200))).json()
    assert (sum(each["success"] for each in results), len(api.sim.rows(QUEUE))) == (112, 512)
    assert results[-1] == failed("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
    assert api.get("limits").json()["DataStorageMB"] == {"Max": 1, "Remaining": 0}
    assert api.collect(QUEUE, KEY, {KEY: "0 0", "Offered__c": 1}).json()[0]["success"]


def test_a_multipicklist_takes_active_values_only(api):
    api.sim.change_field(QUEUE, "Media_Type__c", kind="multipicklist", choices=("voice", "chat"), restricted=True)
    results = api.collect(QUEUE, KEY, {KEY: "a", "Media_Type__c": "voice;chat"}, {KEY: "b", "Media_Type__c": "voice;x"})
    assert [each["success"] for each in results.json()] == [True, False]


def test_the_rules_of_an_admin_hold(api):
    api.collect(QUEUE, KEY, {KEY: "old"})
    api.sim.add_validation_rule(QUEUE, lambda record: (record["Offered__c"] or 0) < 0, "Offered must not be negative")
    api.sim.lock(QUEUE, "old", 1)
    api.sim.storage_full()
    results = api.collect(QUEUE, KEY, {KEY: "old"}, {KEY: "new"}).json()
    found = api.sim.records(QUEUE)["old"]["Id"]
    assert results == [
        failed("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {found}"),
        failed("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"),
    ]
    assert api.get("limits").json()["DataStorageMB"] == {"Max": 1024, "Remaining": 0}
    api.sim.storage_full(full=False)
    assert api.collect(QUEUE, KEY, {KEY: "old", "Offered__c": -1}, {KEY: "new"}).json() == [
        failed("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Offered must not be negative"),
        {"id": api.sim.records(QUEUE)["new"]["Id"], "success": True, "errors": [], "created": True},
    ]
    api.sim.hide_field(QUEUE, "Offered__c")
    assert api.collect(QUEUE, KEY, {KEY: "old", "Offered__c": 1}).json() == [
        failed("INVALID_FIELD", f"No such column 'Offered__c' on sobject of type {QUEUE}")
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"{QUEUE}/{KEY}", {"records": []}, 400, "REQUIRED_FIELD_MISSING"),
        (f"{QUEUE}/{KEY}", {"records": [{KEY: "a"}]}, 400, "INVALID_TYPE"),
        (f"{QUEUE}/{KEY}", {"records": [{"attributes": {"type": "Account"}, KEY: "a"}]}, 400, "INVALID_TYPE"),
        (f"{QUEUE}/{KEY}", {"records": [{"attributes": {"type": QUEUE}, "Id": "a"}]}, 400, "INVALID_FIELD"),
        (
            f"{QUEUE}/{KEY}",
            {"records": [{"attributes": {"type": QUEUE}, KEY: str(number)} for number in range(201)]},
            400,
            "EXCEEDED_MAX_SIZE_REQUEST",
        ),
        (f"{QUEUE}/Queue_Id__c", {"records": [{"attributes": {"type": QUEUE}}]}, 404, "NOT_FOUND"),
        (f"Nothing__c/{KEY}", {"records": [{"attributes": {"type": QUEUE}}]}, 404, "NOT_FOUND"),
        (f"{QUEUE}/{KEY}", [], 400, "JSON_PARSER_ERROR"),
    ],
)
def test_a_malformed_call_is_refused_whole(api, path, body, status, code):
    answer = api.patch(f"composite/sobjects/{path}", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)
    assert api.sim.rows(QUEUE) == {}


def test_records_are_deleted_by_id(api):
    api.collect(QUEUE, KEY, {KEY: "a"}, {KEY: "b"})
    found = api.sim.records(QUEUE)["a"]["Id"]
    answer = api.session.delete(
        "https://acme.my.salesforce.com/services/data/v66.0/composite/sobjects", params={"ids": f"{found},zzz"}
    )
    assert answer.json() == [
        {"id": found, "success": True, "errors": []},
        failed("MALFORMED_ID", "malformed id zzz"),
    ]
    assert set(api.sim.rows(QUEUE)) == {"b"}
    again = api.session.delete(
        "https://acme.my.salesforce.com/services/data/v66.0/composite/sobjects", params={"ids": found}
    )
    assert again.json() == [failed("ENTITY_IS_DELETED", "entity is deleted")]


def test_a_parent_of_several_types_is_named_with_its_type(api):
    api.collect("Contact", "Phone_Key__c", {"Phone_Key__c": "+4930", "LastName": "Known"})
    key = "Genesys_Conversation_Id__c"
    results = api.collect(
        "Task",
        key,
        {key: "t1", "Subject": "Call", "Who": {"attributes": {"type": "Contact"}, "Phone_Key__c": "+4930"}},
        {key: "t2", "Who": {"attributes": {"type": "Contact"}, "Phone_Key__c": "+4931"}},
        {key: "t3", "Who": {"attributes": {"type": "Lead"}, "Phone_Key__c": "+4930"}},
        {key: "t4", "Who": {"Phone_Key__c": "+4930"}},
    ).json()
    assert [error["message"] for each in results for error in each["errors"]] == [
        "Foreign key external ID: +4931 not found for field Phone_Key__c in entity Contact",
        "Foreign key external ID: +4930 not found for field Phone_Key__c in entity Lead",
        "No such column 'Who' on sobject of type Task",
    ]
    contact = api.sim.records("Contact")["+4930"]["Id"]
    (task,) = api.sim.rows("Task").values()
    told = ("WhoId", "Subject", "Status", "Priority", "TaskSubtype")
    assert [task[name] for name in told] == [contact, "Call", "Not Started", "Normal", "Task"]


def test_whole_numbers_and_what_is_set_once_are_checked(api):
    key = "Genesys_Conversation_Id__c"
    api.collect("Task", key, {key: "t1", "CallDurationInSeconds": 90, "CallType": "Inbound", "TaskSubtype": "Call"})
    results = api.collect(
        "Task",
        key,
        {key: "t1", "TaskSubtype": "Call"},
        {key: "t2", "CallDurationInSeconds": 1.5},
        {key: "t3", "CallDurationInSeconds": 2**31},
        {key: "t4", "CallType": "Callback"},
    ).json()
    assert [each["errors"][0]["statusCode"] for each in results] == [
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "JSON_PARSER_ERROR",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ]
    (task,) = api.sim.rows("Task").values()
    assert (task["CallDurationInSeconds"], task["CallType"], task["TaskSubtype"]) == (90, "Inbound", "Call")
