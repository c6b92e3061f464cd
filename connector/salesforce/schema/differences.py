"""What an org lacks, or has otherwise, of what a stream needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from connector.errors import DeliveryRefused
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description, Field, fetch_description
from connector.salesforce.schema.fields import DESCRIBED, NewField
from connector.salesforce.schema.plan import Plan

_ALIKE = (
    frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"}),
    frozenset({"double", "percent", "currency"}),
)
"""Types that take each other's values."""

Kind = Literal["missing", "rights", "type", "flags", "size"]


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise. place: object or `Object.Field`; is_needed: the stream cannot work with it."""

    place: str
    kind: Kind
    text: str
    is_needed: bool


def fetch_present(org: Org, plan: Plan) -> dict[str, Description | None]:
    """Every object the plan names -> what it is in the org, None where it is not there or not seen.

    Raises what `Org.call` raises.
    """
    names = dict.fromkeys([*plan.targets, *(name.partition(".")[0] for name in plan.permissions.fields)])
    present: dict[str, Description | None] = {}
    for name in names:
        try:
            present[name] = fetch_description(org, name)
        except DeliveryRefused:
            present[name] = None
    return present


def left_to_do(plan: Plan, present: Mapping[str, Description | None]) -> Plan:
    """The plan without what the org has already: nothing that is there is changed by a deploy."""
    seen = {name: found for name, found in present.items() if found is not None}
    ungranted = {
        full_name
        for full_name in plan.permissions.fields
        if (field := _field(seen, full_name)) is not None and not field.is_permissionable
    }
    fields = {one.full_name for one in plan.fields if _field(seen, one.full_name) is not None}
    return plan.without(seen, fields, ungranted)


def differences(plan: Plan, present: Mapping[str, Description | None]) -> list[Difference]:
    """Everything that is otherwise in the org than the plan has it, in the plan's order."""
    return [*_differences(plan, present)]


def _differences(plan: Plan, present: Mapping[str, Description | None]) -> Iterator[Difference]:
    for name, found in present.items():
        if found is None:
            yield Difference(name, "missing", "there is no such object, or this user may not see it", True)
        elif name in plan.targets:
            may = {"create": found.is_createable, "edit": found.is_updateable, "delete": found.is_deletable}
            wanted = plan.permissions.objects.get(name, frozenset({"create", "edit"}))
            may = {right: is_granted for right, is_granted in may.items() if right in wanted}
            if lacking := [right for right, is_granted in may.items() if not is_granted]:
                yield Difference(name, "rights", f"this user may not {' or '.join(lacking)} records", True)
    new = {field.full_name: field for field in plan.fields}
    for full_name in dict.fromkeys([*new, *plan.permissions.fields]):
        object, _, name = full_name.partition(".")
        description = present.get(object)
        if description is None:
            continue
        field = description.field(name)
        if field is None:
            text = "there is no such field, or field-level security hides it from this user"
            yield Difference(full_name, "missing", text, True)
            continue
        if full_name in new:
            yield from _field_differences(new[full_name], field)
        if plan.permissions.fields.get(full_name) and not (field.is_createable and field.is_updateable):
            yield Difference(full_name, "rights", "this user may read it but not write it", True)


def _field_differences(wanted: NewField, field: Field) -> Iterator[Difference]:
    place, type = wanted.full_name, DESCRIBED[wanted.type]
    if field.type != type:
        fits = not wanted.is_key and any({field.type, type} <= group for group in _ALIKE)
        yield Difference(place, "type", f"is of type {field.type} instead of {type}", not fits)
        return
    if wanted.is_key:
        flags = {"External ID": field.is_external_id, "Unique": field.is_unique}
        if lacking := [flag for flag, is_set in flags.items() if not is_set]:
            yield Difference(place, "flags", f"is not flagged {' and '.join(lacking)}", True)
        if field.is_unique and not field.is_case_sensitive:
            yield Difference(place, "flags", "treats upper and lower case as the same", False)
    if wanted.parent and wanted.parent not in field.parents:
        points = " or ".join(field.parents) or "nothing"
        yield Difference(place, "type", f"points to {points} instead of {wanted.parent}", True)
    if field.length < wanted.length:
        yield Difference(place, "size", f"has {field.length} characters instead of {wanted.length}", False)
    if field.precision - field.scale < wanted.precision - wanted.scale or field.scale < wanted.scale:
        has, needs = ((one.precision, one.scale) for one in (field, wanted))
        yield Difference(
            place, "size", f"has {has[0]} digits, {has[1]} after the point, instead of {needs[0]} and {needs[1]}", False
        )


def _field(seen: Mapping[str, Description], full_name: str) -> Field | None:
    object, _, name = full_name.partition(".")
    return seen[object].field(name) if object in seen else None
