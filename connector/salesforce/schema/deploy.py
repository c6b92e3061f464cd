"""Bring a package to an org: a deploy request, polled to its end, and the permission set given to the running user.

Source: Metadata API guide, "Deploy Metadata with Apex Testing Using REST", "Check the Status of Your Deployment Using
REST Resources"; object reference, PermissionSetAssignment.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from connector.errors import DeliveryRefused, MalformedAnswer, PermissionMissing, Refused, ServiceUnavailable
from connector.salesforce.answers import parsed
from connector.salesforce.connect import Org

LONGEST_SECONDS = 1800.0
"""So long a deploy is waited for."""

_WAITS = (1.0, 2.0, 3.0, 5.0)
_LONGEST_WAIT = 10.0
_GOOD = "Succeeded"
_BAD = frozenset({"Failed", "SucceededPartial", "Canceled"})
_UNDER_WAY = frozenset({"Pending", "InProgress", "FinalizingDeploy", "Canceling"})
_RIGHT = (
    "The user needs 'Modify Metadata Through Metadata API Functions' (or 'Modify All Data') to deploy, and 'Assign "
    "Permission Sets' to be given one. Or write the files with connector schema and let an admin deploy them."
)
_IDENTITY = re.compile(r"/id/00D\w{12}(?:\w{3})?/(005\w{12}(?:\w{3})?)$")
_MENDS = (
    ("no CustomObject named", "the object it names does not exist in the org: deploy the stream that fills it first"),
    ("no CustomField named", "the field it names does not exist in the org: make it first, or compare its name"),
    (
        "does not resolve to a valid sObject",
        "the look-up's parent does not exist: deploy the stream that fills it first",
    ),
    ("required field", "the field is required: take it out of the permission set in the written files"),
    ("insufficient access", _RIGHT),
)


@dataclass(frozen=True)
class Deployed:
    """A deploy that succeeded. id: of the deploy, as in Setup > Deployment Status; components: how many."""

    id: str
    components: int


@dataclass(frozen=True)
class DeployProgress:
    """How far a deploy is. status: in Salesforce's word, such as InProgress."""

    status: str
    done: int
    total: int


def deploy(
    org: Org,
    package: bytes,
    *,
    check_only: bool,
    sleep: Callable[[float], None],
    tell: Callable[[DeployProgress], None] = lambda progress: None,
) -> Deployed:
    """Deploy a zip, all of it or nothing, and wait for the end. check_only: Salesforce tries it and keeps nothing.

    sleep: waits in seconds. Raises DeliveryRefused with every component that failed and why, PermissionMissing,
    ServiceUnavailable when it lasts too long, MalformedAnswer, and what `Org.call` raises.
    """
    # testLevel is left out: production refuses NoTestRun, and without Apex no test runs anyway.
    options = {"singlePackage": True, "rollbackOnError": True, "checkOnly": check_only}
    parts = {
        "json": (None, json.dumps({"deployOptions": options}), "application/json"),
        "file": ("deploy.zip", package, "application/zip"),
    }
    written = requests.Request("POST", "https://salesforce.invalid", files=parts).prepare()
    body, content_type = written.body, written.headers["Content-Type"]
    assert isinstance(body, bytes), "parts are given as bytes and text, not as files"
    try:
        # Sent again when its answer is lost: the same package twice changes nothing more.
        answer = org.call("POST", "metadata/deployRequest", data=body, headers={"Content-Type": content_type})
    except PermissionMissing as error:
        raise PermissionMissing(error.message, _RIGHT) from error
    id = _text(parsed(answer), "id")
    return _wait(org, id, sleep, tell)


def _wait(org: Org, id: str, sleep: Callable[[float], None], tell: Callable[[DeployProgress], None]) -> Deployed:
    waits = iter(_WAITS)
    waited = 0.0
    while True:
        told = parsed(org.call("GET", f"metadata/deployRequest/{id}", params={"includeDetails": "true"}))
        result: dict[str, Any] = (told.get("deployResult") if isinstance(told, dict) else None) or {}
        status = _text(result, "status")
        done, total = (int(result.get(f"numberComponents{word}") or 0) for word in ("Deployed", "Total"))
        tell(DeployProgress(status, done, total))
        if status == _GOOD:
            return Deployed(id, done)
        if status in _BAD:
            raise DeliveryRefused(*_refusal(id, status, result))
        if status not in _UNDER_WAY:
            raise MalformedAnswer(f"Salesforce tells a deploy status that is not known here: {status}")
        if waited >= LONGEST_SECONDS:
            raise ServiceUnavailable(
                f"the deploy {id} is {status} after {waited / 60:.0f} minutes",
                "It goes on in Salesforce: see Setup > Deployment Status, then run the same command again.",
            )
        wait = next(waits, _LONGEST_WAIT)
        sleep(wait)
        waited += wait


def _refusal(id: str, status: str, result: Mapping[str, Any]) -> tuple[str, str]:
    """What failed, a line each, and the mend."""
    details = result.get("details") or {}
    failures = details.get("componentFailures") or []
    if isinstance(failures, dict):
        failures = [failures]
    lines = [_failure(one) for one in failures]
    if told := result.get("errorMessage"):
        lines.append(str(told))
    mends = [mend for phrase, mend in _MENDS if any(phrase.lower() in line.lower() for line in lines)]
    hint = "; ".join(mends) or "mend `type`, `length` or `label` in the mapping, or the object in Setup"
    message = "\n".join([f"Salesforce did not take the deploy {id} ({status}); nothing was changed", *lines])
    return message, hint


def _failure(one: Mapping[str, Any]) -> str:
    """Such as `CustomField Call__c.Length__c: Must specify 'length' (objects/Call__c.object, line 12)`."""
    place = ", ".join(
        part for part in (one.get("fileName"), f"line {one['lineNumber']}" if one.get("lineNumber") else "") if part
    )
    name = " ".join(str(one[key]) for key in ("componentType", "fullName") if one.get(key))
    problem = " ".join(str(one.get("problem") or "no reason was told").split())
    return f"{name or 'package'}: {problem}{f' ({place})' if place else ''}"


def assign(org: Org, permission_set: str) -> bool:
    """Give the running user the permission set of that name; False when it has it already.

    Raises DeliveryRefused when there is no such permission set, PermissionMissing, and what `Org.call` raises.
    """
    soql = f"SELECT Id FROM PermissionSet WHERE Name = '{permission_set}'"  # noqa: S608
    found = parsed(org.call("GET", "query", params={"q": soql})).get("records") or []
    if not found:
        raise DeliveryRefused(f"Salesforce has no permission set {permission_set}", "deploy it first")
    wanted = {"AssigneeId": _user_id(org), "PermissionSetId": _text(found[0], "Id")}
    try:
        # A lost answer is asked for again: the second time the assignment is a duplicate.
        org.call("POST", "sobjects/PermissionSetAssignment", json=wanted)
    except PermissionMissing as error:
        raise PermissionMissing(error.message, _RIGHT) from error
    except Refused as error:
        if error.code == "DUPLICATE_VALUE":
            return False
        raise
    return True


def _user_id(org: Org) -> str:
    """The running user, whose identity URL stands in the list of resources. Source: REST API guide, "Resources by
    Version"."""
    found = _IDENTITY.search(_text(parsed(org.call("GET", "")), "identity"))
    if not found:
        raise MalformedAnswer("Salesforce's list of resources names no user in `identity`")
    return found[1]


def _text(answer: object, key: str) -> str:
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise MalformedAnswer(f"Salesforce's answer to a deploy tells no {key}")
    return value
