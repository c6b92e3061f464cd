"""Deletes by external id: exactly these records, as often as it takes."""

from urllib.parse import parse_qs, urlsplit

import pytest

from connector.errors import DeliveryRefused, MalformedAnswer
from connector.salesforce.collections import upsert
from connector.salesforce.deletions import delete
from connector.salesforce.results import Outcome
from connector.sandbox.faults import Rule

COLLECTIONS = "/services/data/v66.0/composite/sobjects"
QUERY = "/services/data/v66.0/query"
AWKWARD = ["it's", "back\\slash", "a|b", "100 %", "a+b & c=d", "ümlaut ⅜", "two\nlines", "tab\there"]


def rows(*keys):
    return [{"Key__c": key} for key in keys]


def test_the_named_records_are_deleted_and_no_other(world):
    made = world()
    org = made.org()
    upsert(org, "Call__c", "Key__c", rows("a", "b", "c"))
    outcomes = delete(org, "Call__c", "Key__c", rows("c", "a"))
    assert outcomes == [Outcome("c", "deleted"), Outcome("a", "deleted")]
    assert set(made.sim.rows("Call__c")) == {"b"}


def test_a_record_that_is_not_there_counts_as_deleted(world):
    made = world()
    org = made.org()
    upsert(org, "Call__c", "Key__c", rows("a"))
    asked = rows("a", "never")
    assert delete(org, "Call__c", "Key__c", asked) == delete(org, "Call__c", "Key__c", asked)
    assert delete(org, "Call__c", "Key__c", asked) == [Outcome("a", "deleted"), Outcome("never", "deleted")]


@pytest.mark.parametrize("key", AWKWARD)
def test_a_key_of_any_characters_is_found(world, key):
    made = world()
    org = made.org()
    upsert(org, "Call__c", "Key__c", rows(key, "other"))
    assert delete(org, "Call__c", "Key__c", rows(key)) == [Outcome(key, "deleted")]
    assert set(made.sim.rows("Call__c")) == {"other"}


def test_a_record_whose_key_differs_only_in_case_is_another(scripted):
    found = {"done": True, "totalSize": 1, "records": [{"attributes": {}, "Id": "a01000000000001AAA", "Key__c": "A"}]}
    org, script = scripted((200, found))
    assert delete(org, "Call__c", "Key__c", rows("a")) == [Outcome("a", "deleted")]
    assert [method for method, _, _ in script.asked] == ["GET"]


def test_what_is_sent_is_what_the_vendor_describes(scripted):
    found = {
        "done": True,
        "totalSize": 2,
        "records": [
            {"attributes": {}, "Id": "a01000000000002AAA", "Key__c": "b"},
            {"attributes": {}, "Id": "a01000000000001AAA", "Key__c": "it's"},
        ],
    }
    said = [{"id": one["Id"], "success": True, "errors": []} for one in found["records"]]
    org, script = scripted((200, found), (200, said))
    assert delete(org, "Call__c", "Key__c", rows("it's", "b")) == [Outcome("it's", "deleted"), Outcome("b", "deleted")]
    asked = [(method, urlsplit(url).path, parse_qs(urlsplit(url).query), body) for method, url, body in script.asked]
    assert asked == [
        ("GET", QUERY, {"q": [r"SELECT Id, Key__c FROM Call__c WHERE Key__c IN ('it\'s','b')"]}, b""),
        ("DELETE", COLLECTIONS, {"ids": ["a01000000000001AAA,a01000000000002AAA"], "allOrNone": ["false"]}, b""),
    ]


def test_two_hundred_of_the_longest_keys_are_asked_for_in_parts_an_address_can_hold(world):
    made = world()
    org = made.org()
    keys = [f"{number:03}|{'ü' * 251}" for number in range(200)]
    upsert(org, "Call__c", "Key__c", rows(*keys))
    assert {one.verdict for one in delete(org, "Call__c", "Key__c", rows(*keys))} == {"deleted"}
    assert made.sim.rows("Call__c") == {}
    assert {status for _, _, status in made.asked()} == {200}


def test_an_answer_in_several_pages_is_read_to_its_end(world):
    made = world(query_page=2)
    org = made.org()
    upsert(org, "Call__c", "Key__c", rows(*"abcde"))
    delete(org, "Call__c", "Key__c", rows(*"abcde"))
    assert made.sim.rows("Call__c") == {}


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "NOT_FOUND"])
def test_a_record_that_went_meanwhile_counts_as_deleted(scripted, code):
    found = {"done": True, "records": [{"Id": "a01000000000001AAA", "Key__c": "a"}]}
    said = [{"success": False, "errors": [{"statusCode": code, "message": "entity is deleted", "fields": []}]}]
    org, _ = scripted((200, found), (200, said))
    assert delete(org, "Call__c", "Key__c", rows("a")) == [Outcome("a", "deleted")]


def test_a_lost_answer_is_made_good_by_repeating(world):
    made = world(Rule("lose_answer", path="/composite/sobjects$", method="DELETE", nth=1))
    org = made.org()
    upsert(org, "Call__c", "Key__c", rows("a", "b"))
    assert {one.verdict for one in delete(org, "Call__c", "Key__c", rows("a", "b"))} == {"deleted"}
    assert made.sim.rows("Call__c") == {}
    assert len([call for call in made.asked("/composite/sobjects") if call[0] == "DELETE"]) == 2


def test_each_record_has_its_own_answer(scripted):
    ids = [f"a0100000000000{number}AAA" for number in range(3)]
    found = {"done": True, "records": [{"Id": one, "Key__c": key} for one, key in zip(ids, "abc", strict=True)]}
    said = [
        {"id": ids[0], "success": True, "errors": []},
        {"id": ids[1], "success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy"}]},
        {
            "id": ids[2],
            "success": False,
            "errors": [{"statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "no", "fields": []}],
        },
    ]
    org, _ = scripted((200, found), (200, said))
    verdicts = [(one.external_id, one.verdict, one.code) for one in delete(org, "Call__c", "Key__c", rows(*"abc"))]
    assert verdicts == [
        ("a", "deleted", ""),
        ("b", "transient", "UNABLE_TO_LOCK_ROW"),
        ("c", "rejected", "INSUFFICIENT_ACCESS_OR_READONLY"),
    ]


def test_when_several_records_have_the_key_none_is_deleted(scripted):
    found = {"done": True, "records": [{"Id": f"a0100000000000{n}AAA", "Key__c": "a"} for n in range(2)]}
    org, script = scripted((200, found))
    (outcome,) = delete(org, "Call__c", "Key__c", rows("a"))
    assert (outcome.verdict, outcome.code, len(script.asked)) == ("rejected", "DUPLICATE_EXTERNAL_ID", 1)


def test_an_object_or_field_nobody_knows_stops_with_its_name(world):
    org = world().org()
    with pytest.raises(DeliveryRefused, match="Nothing__c"):
        delete(org, "Nothing__c", "Key__c", rows("a"))
    with pytest.raises(DeliveryRefused, match="Other__c"):
        delete(org, "Call__c", "Other__c", [{"Other__c": "a"}])


@pytest.mark.parametrize("answer", [[], {"records": []}, {"done": True, "records": [{"Key__c": "a"}]}])
def test_a_query_answered_by_something_else_is_no_answer(scripted, answer):
    org, _ = scripted((200, answer))
    with pytest.raises(MalformedAnswer):
        delete(org, "Call__c", "Key__c", rows("a"))


def test_more_or_fewer_results_than_records_are_no_answer(scripted):
    org, _ = scripted((200, {"done": True, "records": [{"Id": "a01000000000001AAA", "Key__c": "a"}]}), (200, []))
    with pytest.raises(MalformedAnswer, match="0 results"):
        delete(org, "Call__c", "Key__c", rows("a"))


def test_more_than_one_call_takes_is_a_fault_of_the_caller(world):
    with pytest.raises(ValueError, match="201 rows"):
        delete(world().org(), "Call__c", "Key__c", rows(*map(str, range(201))))
