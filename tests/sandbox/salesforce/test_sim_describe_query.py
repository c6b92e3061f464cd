"""Describe tells what the user may see; queries read it."""

import pytest

QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"


def fields(api, name=QUEUE):
    return {each["name"]: each for each in api.get(f"sobjects/{name}/describe").json()["fields"]}


def test_a_describe_names_every_field_with_its_type(api):
    described = {
        name: (each["type"], each["length"], each["precision"], each["scale"]) for name, each in fields(api).items()
    }
    assert described == {
        "Id": ("id", 18, 0, 0),
        "Name": ("string", 80, 0, 0),
        "Genesys_Key__c": ("string", 255, 0, 0),
        "Queue_Id__c": ("string", 40, 0, 0),
        "Queue_Name__c": ("string", 80, 0, 0),
        "Media_Type__c": ("string", 40, 0, 0),
        "Interval_Start__c": ("datetime", 0, 0, 0),
        "Offered__c": ("double", 0, 18, 0),
        "Answered__c": ("double", 0, 18, 0),
        "Abandoned__c": ("double", 0, 18, 0),
        "Average_Handle_s__c": ("double", 0, 16, 1),
        "Service_Level__c": ("double", 0, 5, 2),
        "CreatedDate": ("datetime", 0, 0, 0),
        "LastModifiedDate": ("datetime", 0, 0, 0),
        "SystemModstamp": ("datetime", 0, 0, 0),
    }


def test_a_describe_tells_keys_rights_parents_and_choices(api):
    key = fields(api)[KEY]
    flags = ("externalId", "idLookup", "unique", "caseSensitive", "createable", "updateable", "nillable", "byteLength")
    assert [key[flag] for flag in flags] == [True, True, True, True, True, True, True, 765]
    assert [fields(api)["Name"][flag] for flag in ("autoNumber", "createable", "updateable")] == [True, False, False]
    contact = fields(api, "Contact")
    assert (contact["AccountId"]["referenceTo"], contact["AccountId"]["relationshipName"]) == (["Account"], "Account")
    assert (contact["LastName"]["nillable"], contact["LastName"]["permissionable"]) == (False, False)
    assert contact["Level__c"]["restrictedPicklist"] is True
    assert [each["value"] for each in contact["Level__c"]["picklistValues"]] == ["Primary", "Secondary", "Tertiary"]
    is_open = fields(api, "Conversation__c")["Is_Open__c"]
    assert (is_open["type"], is_open["nillable"], is_open["defaultedOnCreate"]) == ("boolean", False, True)


def test_a_field_may_change_and_a_choice_be_retired_while_clients_work(api, clock):
    asked = api.get("sobjects/Task/describe")
    since = {"If-Modified-Since": asked.headers["Last-Modified"]}
    assert api.get("sobjects/Task/describe", headers=since).status_code == 304
    clock.advance(60)
    api.sim.retire_choice("Task", "CallType", "Internal")
    api.sim.change_field("Task", "CallObject", length=40)
    assert api.get("sobjects/Task/describe", headers=since).status_code == 200
    told = fields(api, "Task")
    assert told["CallObject"]["length"] == 40
    assert [(each["value"], each["active"]) for each in told["CallType"]["picklistValues"]] == [
        ("Inbound", True),
        ("Outbound", True),
        ("Internal", False),
    ]


def test_a_task_tells_whom_it_may_point_to_and_what_is_set_once(api):
    task = fields(api, "Task")
    told = ("type", "relationshipName", "referenceTo", "polymorphicForeignKey", "namePointing")
    assert [task["WhoId"][each] for each in told] == ["reference", "Who", ["Contact", "Lead"], True, True]
    assert [task["WhatId"][each] for each in told] == ["reference", "What", ["Account", "Case"], True, True]
    seconds = task["CallDurationInSeconds"]
    assert [seconds[each] for each in ("type", "soapType", "digits", "precision")] == ["int", "xsd:int", 8, 0]
    subtype = task["TaskSubtype"]
    assert [subtype[each] for each in ("createable", "updateable", "restrictedPicklist")] == [True, False, True]
    assert [task["Status"][each] for each in ("type", "defaultedOnCreate")] == ["picklist", True]


def test_a_case_is_numbered_by_the_platform_and_may_have_a_case_as_parent(api):
    case = fields(api, "Case")
    assert [case["CaseNumber"][each] for each in ("autoNumber", "createable", "updateable")] == [True, False, False]
    told = ("relationshipName", "referenceTo", "polymorphicForeignKey")
    assert [case["ParentId"][each] for each in told] == ["Parent", ["Case"], False]
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k1"})
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k2", "Parent": {"Case_Key__c": "k1"}})
    first, second = api.sim.records("Case").values()
    assert (first["CaseNumber"], first["Status"], first["Priority"]) == ("00000001", "New", "Medium")
    assert (second["CaseNumber"], second["ParentId"]) == ("00000002", first["Id"])


def test_a_hidden_field_is_absent_and_a_required_one_says_so(api):
    api.sim.hide_field(QUEUE, "Offered__c")
    api.sim.set_required(QUEUE, "Queue_Id__c")
    assert "Offered__c" not in fields(api)
    assert fields(api)["Queue_Id__c"]["nillable"] is False
    api.sim.hide_field(QUEUE, "Offered__c", hidden=False)
    assert "Offered__c" in fields(api)


def test_a_rule_for_a_field_that_does_not_exist_is_a_mistake_of_the_test(api):
    with pytest.raises(KeyError, match=r"no field Queue_Interval__c\.Offred__c"):
        api.sim.hide_field(QUEUE, "Offred__c")


def test_describe_answers_304_until_something_changes(api, clock):
    clock.advance(3600)
    since = {"If-Modified-Since": api.get(f"sobjects/{QUEUE}/describe").headers["Last-Modified"]}
    unchanged = api.get(f"sobjects/{QUEUE}/describe", headers=since)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    api.sim.hide_field(QUEUE, "Offered__c")
    assert api.get(f"sobjects/{QUEUE}/describe", headers=since).status_code == 200


def test_the_list_holds_every_object(api):
    assert [each["name"] for each in api.get("sobjects").json()["sobjects"]] == [
        *("Account", "Contact", "Lead", "Case", "Task"),
        *("Queue_Interval__c", "Conversation__c", "Conversation_Summary__c", "Conversation_Leg__c"),
        *("Agent_Interval__c", "Agent_Status__c", "Wrap_Up_Count__c", "Queue_Snapshot__c"),
        *("PermissionSet", "PermissionSetAssignment"),
    ]


ROWS = [
    {KEY: "a|1", "Offered__c": 5, "Interval_Start__c": "2026-03-01T10:00:00Z", "Queue_Name__c": "O'Brien"},
    {KEY: "b|1", "Offered__c": 7, "Interval_Start__c": "2026-03-01T11:00:00Z"},
    {KEY: "c|1", "Offered__c": None, "Interval_Start__c": "2026-03-01T12:00:00+02:00"},
]


@pytest.fixture
def filled(api):
    api.collect(QUEUE, KEY, *ROWS)
    return api


@pytest.mark.parametrize(
    ("soql", "keys"),
    [
        (f"SELECT {KEY} FROM {QUEUE}", ["a|1", "b|1", "c|1"]),
        (f"select {KEY} from {QUEUE} where {KEY} = 'b|1'", ["b|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE {KEY} IN ('c|1', 'a|1', 'z')", ["a|1", "c|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE {KEY} NOT IN ('c|1')", ["a|1", "b|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE Interval_Start__c >= 2026-03-01T11:00:00Z", ["b|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE Interval_Start__c < 2026-03-01T12:00:00+01:00 AND Offered__c = 5", ["a|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE Offered__c = null", ["c|1"]),
        (f"SELECT {KEY} FROM {QUEUE} WHERE Queue_Name__c = 'O\\'Brien'", ["a|1"]),
        (f"SELECT {KEY} FROM {QUEUE} ORDER BY Offered__c DESC NULLS LAST LIMIT 2", ["b|1", "a|1"]),
        (f"SELECT {KEY} FROM {QUEUE} ORDER BY Offered__c DESC", ["c|1", "b|1", "a|1"]),
        (f"SELECT {KEY} FROM {QUEUE} ORDER BY Offered__c", ["c|1", "a|1", "b|1"]),
    ],
)
def test_a_query_gives_what_it_asks_for(filled, soql, keys):
    assert [each[KEY] for each in filled.query(soql).json()["records"]] == keys


def test_a_query_answers_values_as_json_and_where_each_record_is(filled):
    answer = filled.query(f"SELECT Id, Offered__c, Interval_Start__c FROM {QUEUE} LIMIT 1").json()
    found = filled.sim.records(QUEUE)["a|1"]["Id"]
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": QUEUE, "url": f"/services/data/v66.0/sobjects/{QUEUE}/{found}"},
                "Id": found,
                "Offered__c": 5.0,
                "Interval_Start__c": "2026-03-01T10:00:00.000+0000",
            }
        ],
    }


def test_a_count_has_no_records(filled):
    assert filled.query(f"SELECT COUNT() FROM {QUEUE} WHERE Offered__c > 0").json() == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_a_long_answer_comes_in_pages(connect):
    api = connect(query_page=2)
    api.collect(QUEUE, KEY, *({KEY: f"k{number}"} for number in range(5)))
    pages = [api.query(f"SELECT {KEY} FROM {QUEUE} ORDER BY {KEY}").json()]
    while "nextRecordsUrl" in pages[-1]:
        pages.append(api.session.get(f"https://acme.my.salesforce.com{pages[-1]['nextRecordsUrl']}").json())
    assert [[each[KEY] for each in page["records"]] for page in pages] == [["k0", "k1"], ["k2", "k3"], ["k4"]]
    assert [(page["totalSize"], page["done"]) for page in pages] == [(5, False), (5, False), (5, True)]
    assert api.get("query/01gnone-2").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_an_unknown_or_hidden_column_is_refused_as_recorded(api):
    """The body was recorded from a real organisation (amp-labs/connectors, salesforce/test/unknown-field.json)."""
    answer = api.query("SELECT AccountNumer FROM Account")
    recorded = [{"message": "No such column 'AccountNumer' on sobject of type Account", "errorCode": "INVALID_FIELD"}]
    assert (answer.status_code, answer.json()) == (400, recorded)
    api.sim.hide_field(QUEUE, "Offered__c")
    assert api.query(f"SELECT Id FROM {QUEUE} WHERE Offered__c = 1").json()[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM Nothing__c", "INVALID_TYPE"),
        ("SELECT Id Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026'", "INVALID_FIELD"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_a_query_beyond_what_is_known_is_refused(api, soql, code):
    answer = api.query(soql)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_field_of_the_parent_is_read_through_the_relationship(api):
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k1"})
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k2", "Parent": {"Case_Key__c": "k1"}})
    answer = api.query("SELECT Case_Key__c, Parent.Case_Key__c FROM Case").json()
    first, second = answer["records"]
    parent = api.sim.records("Case")
    url = f"/sobjects/Case/{next(iter(parent.values()))['Id']}"
    assert first["Parent"] is None
    assert (second["Parent"]["Case_Key__c"], second["Parent"]["attributes"]["type"]) == ("k1", "Case")
    assert second["Parent"]["attributes"]["url"].endswith(url)


def test_records_are_found_by_a_field_of_their_parent(api):
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k1"})
    api.collect("Case", "Case_Key__c", {"Case_Key__c": "k2", "Parent": {"Case_Key__c": "k1"}})
    query = "SELECT Case_Key__c FROM Case WHERE Parent.Case_Key__c IN ('k1', 'k2') AND Case_Key__c != null"
    assert [one["Case_Key__c"] for one in api.query(query).json()["records"]] == ["k2"]


@pytest.mark.parametrize("path", ["Who.Email", "Nobody__r.Name", "Account.Nothing__c"])
def test_a_path_through_no_or_several_kinds_of_parent_is_refused(api, path):
    answer = api.query(f"SELECT Id, {path} FROM Task")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
