from decimal import Decimal

import orjson
import pytest

from connector.errors import DeliveryRefused, MalformedAnswer
from connector.salesforce.collections import upsert
from connector.salesforce.results import Outcome
from connector.sandbox.faults import Rule

PATH = "/services/data/v66.0/composite/sobjects/Call__c/Key__c"
WRONG_TYPE = (
    "Cannot deserialize instance of double from VALUE_STRING value *** or request may be missing a required field"
)


def test_rows_are_created_then_updated_in_the_order_given(world):
    made = world()
    org = made.org()
    first = upsert(org, "Call__c", "Key__c", [{"Key__c": "b", "Talk__c": 1.5}, {"Key__c": "a", "Note__c": "x"}])
    again = upsert(org, "Call__c", "Key__c", [{"Key__c": "a", "Note__c": "y"}, {"Key__c": "b"}])
    ids = {key: record["Id"] for key, record in made.sim.records("Call__c").items()}
    assert first == [Outcome("b", "created", ids["b"]), Outcome("a", "created", ids["a"])]
    assert again == [Outcome("a", "updated", ids["a"]), Outcome("b", "updated", ids["b"])]


def test_none_and_empty_text_clear_and_an_absent_field_is_left(world):
    made = world()
    org = made.org()
    full = {"Note__c": "x", "Talk__c": Decimal("2.5")}
    upsert(org, "Call__c", "Key__c", [{"Key__c": key, **full} for key in "abc"])
    changes = [{"Key__c": "a", "Note__c": None}, {"Key__c": "b", "Note__c": ""}, {"Key__c": "c", "Talk__c": None}]
    upsert(org, "Call__c", "Key__c", changes)
    rows = made.sim.rows("Call__c")
    assert [(rows[key]["Note__c"], rows[key]["Talk__c"]) for key in "abc"] == [(None, 2.5), (None, 2.5), ("x", None)]


def test_a_parent_is_found_by_its_external_id_cleared_by_none_and_told_when_missing(world):
    made = world()
    org = made.org()
    upsert(org, "Account", "Ext__c", [{"Ext__c": "p-1", "Name": "Acme"}])
    account = made.sim.records("Account")["p-1"]["Id"]
    rows = [{"Key__c": "a", "Parent__r.Ext__c": "p-1"}, {"Key__c": "b", "Parent__r.Ext__c": "p-2"}]
    outcomes = upsert(org, "Call__c", "Key__c", rows)
    assert made.sim.rows("Call__c")["a"]["Parent__c"] == account
    assert [outcome.verdict for outcome in outcomes] == ["created", "parent_missing"]
    assert outcomes[1].fields == ("Account.Ext__c",)
    upsert(org, "Call__c", "Key__c", [{"Key__c": "a", "Parent__r.Ext__c": None}])
    assert made.sim.rows("Call__c")["a"]["Parent__c"] is None


def test_what_is_sent_is_what_the_vendor_describes(scripted):
    org, script = scripted((200, [{"id": "a01", "success": True, "errors": [], "created": True}]))
    row = {
        "Key__c": "k",
        "Empty__c": "",
        "Lead:Who.Ext__c": "l",
        "Account.Ext__c": None,
        "Flag__c": False,
        "N__c": Decimal("0.1"),
    }
    upsert(org, "Call__c", "Key__c", [row])
    method, path, body = script.asked[0]
    record = {
        "attributes": {"type": "Call__c"},
        "Key__c": "k",
        "Empty__c": None,
        "Who": {"attributes": {"type": "Lead"}, "Ext__c": "l"},
        "AccountId": None,
        "Flag__c": False,
        "N__c": 0.1,
    }
    assert (method, path, orjson.loads(body)) == ("PATCH", PATH, {"allOrNone": False, "records": [record]})


def test_a_recorded_exchange_is_repeated_word_for_word(scripted, saved):
    recorded = saved("collections-upsert-exchange.json")
    org, script = scripted((recorded["status"], recorded["response"]))
    rows = [{name: row[name] for name in row if name != "attributes"} for row in recorded["request"]["records"]]
    outcomes = upsert(org, "Contact", "Email", rows)
    assert orjson.loads(script.asked[0][2]) == recorded["request"]
    assert [(outcome.verdict, outcome.record_id) for outcome in outcomes] == [
        ("updated", "0037e00001WZ310AAD"),
        ("updated", "0037e00001WZ312AAD"),
        ("updated", "0037e00001WZ30qAAD"),
        ("created", "0037e00001WZ316AAD"),
    ]


def test_recorded_row_errors_are_classed(scripted, saved):
    org, _ = scripted((200, saved("collections-allornone-rolled-back.json")))
    refused, innocent = upsert(org, "Contact", "Ext__c", [{"Ext__c": "a"}, {"Ext__c": "b"}])
    message = "Required fields are missing: [LastName]"
    assert refused == Outcome("a", "rejected", None, "REQUIRED_FIELD_MISSING", message, ("LastName",))
    assert innocent.verdict == "transient"


def test_of_several_errors_the_permanent_one_decides(scripted):
    errors = [{"statusCode": code, "message": "m", "fields": []} for code in ("UNABLE_TO_LOCK_ROW", "STRING_TOO_LONG")]
    org, _ = scripted((200, [{"success": False, "errors": errors}, {"success": False, "errors": []}]))
    outcomes = upsert(org, "Call__c", "Key__c", [{"Key__c": "a"}, {"Key__c": "b"}])
    assert [(one.verdict, one.code) for one in outcomes] == [("rejected", "STRING_TOO_LONG"), ("transient", "UNKNOWN")]


def test_a_lost_answer_is_asked_for_again_with_the_same_rows(world):
    made = world(Rule("lose_answer", method="PATCH", nth=1))
    outcomes = upsert(made.org(), "Call__c", "Key__c", [{"Key__c": "a"}])
    assert [outcome.verdict for outcome in outcomes] == ["updated"]
    assert [status for *_, status in made.asked(PATH)] == [0, 200]


@pytest.mark.parametrize("answer", [[], [{"success": True, "id": "a"}] * 2, {"oops": 1}, [{"id": "a"}], [7], b"", b"{"])
def test_an_answer_that_does_not_account_for_each_row_is_malformed(scripted, answer):
    org, _ = scripted((200, answer))
    with pytest.raises(MalformedAnswer):
        upsert(org, "Call__c", "Key__c", [{"Key__c": "a"}])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"Key__c": str(number)} for number in range(201)], "201 rows"),
        ([{"Key__c": "a"}, {"Key__c": "a"}], "stands twice"),
        ([{"Key__c": ""}], "no Key__c"),
        ([{"Note__c": "x"}], "no Key__c"),
        ([{"Key__c": "a", "Talk__c": float("nan")}], "Talk__c: the value is no finite number"),
        ([{"Key__c": "a", "Talk__c": {}}], "Talk__c: the value is a dict"),
    ],
)
def test_rows_a_call_cannot_take_are_refused_before_it(scripted, rows, problem):
    org, script = scripted()
    with pytest.raises(ValueError, match=problem):
        upsert(org, "Call__c", "Key__c", rows)
    assert script.asked == []


def test_no_rows_make_no_call(scripted):
    org, script = scripted()
    assert (upsert(org, "Call__c", "Key__c", []), script.asked) == ([], [])


def test_a_refused_object_or_key_field_is_named(world):
    org = world().org()
    for object, key in (("Nothing__c", "Key__c"), ("Call__c", "Note__c")):
        with pytest.raises(DeliveryRefused, match=rf"{object}\.{key}: "):
            upsert(org, object, key, [{key: "a"}])


def test_one_unreadable_value_rejects_its_row_alone(world):
    made = world()
    made.sim.refuse_malformed_calls_whole()
    rows = [{"Key__c": str(number), "Talk__c": "Bob" if number in (3, 150) else 1} for number in range(200)]
    outcomes = upsert(made.org(), "Call__c", "Key__c", rows)
    rejected = [outcome for outcome in outcomes if outcome.verdict == "rejected"]
    assert [outcome.external_id for outcome in outcomes] == [row["Key__c"] for row in rows]
    assert rejected == [
        Outcome(key, "rejected", None, "JSON_PARSER_ERROR", WRONG_TYPE, ("Talk__c",)) for key in ("3", "150")
    ]
    assert len(made.sim.rows("Call__c")) == 198


def test_many_unreadable_rows_are_a_fault_of_the_mapping(world):
    made = world()
    made.sim.refuse_malformed_calls_whole()
    rows = [{"Key__c": str(number), "Talk__c": "Bob"} for number in range(200)]
    with pytest.raises(DeliveryRefused, match="20 rows of one call") as caught:
        upsert(made.org(), "Call__c", "Key__c", rows)
    assert "Bob" not in str(caught.value)
    assert len(made.asked(PATH)) < 60
