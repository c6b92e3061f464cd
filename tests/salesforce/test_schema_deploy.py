"""A deploy to its end, with every refusal told so that it can be mended."""

from pathlib import Path

import pytest
from schema_plans import EVERY_KIND, plan_of_fields

from connector.errors import DeliveryRefused, MalformedAnswer, PermissionMissing, ServiceUnavailable
from connector.salesforce.schema.deploy import Deployed, DeployProgress, assign, deploy
from connector.salesforce.schema.differences import differences, fetch_present
from connector.salesforce.schema.files import package_files, zipped

DEPLOY = "0Afak0000000001AAA"


@pytest.fixture
def plan(tmp_path: Path):
    return plan_of_fields(tmp_path, "Direction__c: direction", object="Survey__c")


@pytest.fixture
def package(plan):
    return zipped(package_files(plan, "66.0"))


def result(status: str, **more):
    return 200, {"id": DEPLOY, "deployResult": {"id": DEPLOY, "status": status, **more}}


def test_a_deploy_is_followed_to_its_end_and_its_fields_show_once_the_set_is_assigned(world, plan, package):
    place, told = world(), []
    org = place.org()
    done = deploy(org, package, check_only=False, sleep=place.clock.sleep, tell=told.append)
    assert done == Deployed(done.id, 6)
    assert told == [
        DeployProgress("Pending", 0, 6),
        DeployProgress("InProgress", 0, 6),
        DeployProgress("Succeeded", 6, 6),
    ]
    assert [one.place for one in differences(plan, fetch_present(org, plan))] == ["Survey__c"]
    assert (assign(org, "Connector_Calls"), assign(org, "Connector_Calls")) == (True, False)
    assert differences(plan, fetch_present(org, plan)) == []


@pytest.mark.parametrize("object", ["Survey__c", "Contact", "Task"])
def test_fields_of_every_type_are_taken_and_are_then_as_planned(world, tmp_path, object):
    place, plan = world(), plan_of_fields(tmp_path, *EVERY_KIND, object=object)
    deploy(place.org(), zipped(package_files(plan, "66.0")), check_only=False, sleep=place.clock.sleep)
    assign(place.org(), "Connector_Calls")
    assert differences(plan, fetch_present(place.org(), plan)) == []


def test_a_deploy_that_only_checks_leaves_nothing(world, plan, package):
    place = world()
    deploy(place.org(), package, check_only=True, sleep=place.clock.sleep)
    with pytest.raises(DeliveryRefused, match="has no permission set Connector_Calls"):
        assign(place.org(), "Connector_Calls")


def test_every_component_that_failed_is_told_with_its_place(world, tmp_path):
    files = package_files(plan_of_fields(tmp_path, "Account__r.Ext__c: direction", object="Survey__c"), "66.0")
    broken = {
        path: text.replace("<referenceTo>Account<", "<referenceTo>Nothing__c<").replace(
            "Account.Ext__c", "Account.No__c"
        )
        for path, text in files.items()
    }
    place = world()
    with pytest.raises(DeliveryRefused) as refused:
        deploy(place.org(), zipped(broken), check_only=False, sleep=place.clock.sleep)
    first, *lines = refused.value.message.splitlines()
    assert first.endswith("(Failed); nothing was changed")
    assert lines == [
        "CustomField Survey__c.Account__c: referenceTo value of 'Nothing__c' does not resolve to a valid sObject type "
        "(objects/Survey__c.object)",
        "PermissionSet Connector_Calls: In field: field - no CustomField named Account.No__c found "
        "(permissionsets/Connector_Calls.permissionset)",
    ]
    assert refused.value.hint == (
        "the field it names does not exist in the org: make it first, or compare its name; "
        "the look-up's parent does not exist: deploy the stream that fills it first"
    )


def test_a_user_who_may_not_deploy_learns_which_right_is_missing(world, package):
    place = world()
    place.sim.forbid_deploys()
    with pytest.raises(PermissionMissing) as refused:
        deploy(place.org(), package, check_only=False, sleep=place.clock.sleep)
    assert "Modify Metadata Through Metadata API Functions" in refused.value.hint


def test_a_deploy_that_lasts_too_long_is_left_to_salesforce(scripted, package):
    naps = []
    org, _ = scripted((201, {"id": DEPLOY}), *(result("InProgress") for _ in range(400)))
    with pytest.raises(ServiceUnavailable, match=f"the deploy {DEPLOY} is InProgress after 30 minutes") as late:
        deploy(org, package, check_only=False, sleep=naps.append)
    assert naps[:5] == [1.0, 2.0, 3.0, 5.0, 10.0]
    assert "Setup > Deployment Status" in late.value.hint


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((200, {"id": DEPLOY}), "tells no status"),
        (result("Sleeping"), "not known here: Sleeping"),
    ],
)
def test_an_answer_nobody_knows_is_no_success(scripted, package, answer, text):
    org, _ = scripted((201, {"id": DEPLOY}), answer)
    with pytest.raises(MalformedAnswer, match=text):
        deploy(org, package, check_only=False, sleep=lambda seconds: None)


def test_what_is_sent_is_the_zip_and_its_options_and_no_test_level(scripted, package):
    org, script = scripted((201, {"id": DEPLOY}), result("Succeeded", numberComponentsDeployed=6))
    assert deploy(org, package, check_only=True, sleep=lambda seconds: None) == Deployed(DEPLOY, 6)
    method, path, body = script.asked[0]
    assert (method, path) == ("POST", "/services/data/v66.0/metadata/deployRequest")
    assert package in body
    options = b'{"deployOptions": {"singlePackage": true, "rollbackOnError": true, "checkOnly": true}}'
    assert options in body
    assert script.headers[0]["Content-Type"].startswith("multipart/form-data; boundary=")


def test_a_failure_without_details_is_told_by_its_message(scripted, package):
    org, _ = scripted((201, {"id": DEPLOY}), result("Failed", errorMessage="UNKNOWN_EXCEPTION: try later"))
    with pytest.raises(DeliveryRefused, match="UNKNOWN_EXCEPTION: try later"):
        deploy(org, package, check_only=False, sleep=lambda seconds: None)
