"""The decisions of delivery, without any effect."""

import pytest

from connector.lanes import may_go_without, to_settle
from connector.salesforce.results import Outcome
from connector.state.settling import Settled

WHO, OTHER, CASE, MAIN = "Contact:Who.Phone_Key__c", "Lead:Who.Phone_Key__c", "Case__r.Key__c", "Main_Case__r.Key__c"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("Contact.Phone_Key__c",), (WHO,)),
        (("Case.Key__c",), (CASE, MAIN)),
        (("Phone_Key__c",), (WHO, OTHER)),
        (("Account.Ext__c",), ()),
        ((), (WHO, OTHER, CASE, MAIN)),
    ],
)
def test_a_row_goes_without_what_the_missing_parent_may_be_about(fields: tuple[str, ...], expected: tuple[str, ...]):
    assert may_go_without((WHO, OTHER, CASE, MAIN), fields) == expected


def test_only_a_missing_parent_lets_a_row_go_without_it():
    missing = Outcome("c1", "parent_missing", None, "INVALID_FIELD", "not found", ("Case.Key__c",))
    locked = Outcome("c1", "transient", None, "UNABLE_TO_LOCK_ROW", "", ("Case.Key__c",))
    told = ("INVALID_FIELD", "not found", "Case.Key__c")
    assert to_settle(missing, is_held=False, optional=[WHO, CASE]) == Settled("c1", "parent", *told, (CASE,))
    assert to_settle(missing, is_held=False) == Settled("c1", "parent", *told, ())
    assert to_settle(locked, is_held=False, optional=[CASE]).optional == ()
