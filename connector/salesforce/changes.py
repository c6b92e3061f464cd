"""What has become otherwise in an object since it was described last, as far as a mapping writes to it."""

from collections.abc import Iterable, Iterator

from connector.salesforce.describe import Description, Field


def changes(old: Description, new: Description, columns: Iterable[str]) -> list[str]:
    """One sentence for each field the columns write that is gone or is otherwise, and for each that became required.

    columns: `Field__c`, `Parent__r.Ext__c` or `Type:Parent__r.Ext__c`.
    """
    written = dict.fromkeys(name for column in columns if (name := _field_of(old, column)))
    told = [
        f"{old.name}.{name}: {' and '.join(found)}"
        for name in written
        if (before := old.field(name)) is not None and (found := list(_otherwise(before, new.field(name))))
    ]
    required = [
        f"{old.name}.{name}: became required"
        for name, field in new.fields.items()
        if field.is_required and name not in written and not ((before := old.field(name)) and before.is_required)
    ]
    return told + required


def _field_of(description: Description, column: str) -> str | None:
    """The field a column sets; None where there is none."""
    relationship, dot, _ = column.partition(".")
    if not dot:
        return column
    field = description.lookup(relationship.rpartition(":")[2])
    return field.name if field else None


def _otherwise(old: Field, new: Field | None) -> Iterator[str]:
    if new is None:
        yield f"is gone, or hidden from the integration user (it was {_kind(old)})"
        return
    if old.type != new.type:
        yield f"was {_kind(old)}, is {_kind(new)}"
    elif (old.length, old.precision, old.scale, old.digits) != (new.length, new.precision, new.scale, new.digits):
        yield f"held {_size(old)}, holds {_size(new)}"
    if old.parents != new.parents:
        yield f"pointed to {', '.join(old.parents)}, points to {', '.join(new.parents) or 'nothing'}"
    if lost := [
        what
        for what, before, now in (
            ("created", old.is_createable, new.is_createable),
            ("updated", old.is_updateable, new.is_updateable),
        )
        if before and not now
    ]:
        yield f"can no longer be {' or '.join(lost)} by the integration user"
    flags = {
        "External ID": (old.is_external_id, new.is_external_id),
        "Unique": (old.is_unique, new.is_unique),
    }
    if lost := [flag for flag, (before, now) in flags.items() if before and not now]:
        yield f"is no longer flagged {' and '.join(lost)}"
    yield from _picklist(old, new)


def _picklist(old: Field, new: Field) -> Iterator[str]:
    if new.is_restricted and not old.is_restricted:
        yield "became a restricted picklist"
    if new.is_restricted and (lost := [one for one in old.choices if one not in new.choices]):
        named = ", ".join(map(repr, lost[:8])) + (", ..." if len(lost) > 8 else "")
        yield f"{named} {'is no active value' if len(lost) == 1 else 'are no active values'} any more"


def _kind(field: Field) -> str:
    size = _size(field)
    return f"{field.type} of {size}" if size else field.type


def _size(field: Field) -> str:
    if field.precision:
        return f"{field.precision} digits, {field.scale} of them after the point"
    if field.digits:
        return f"{field.digits} digits"
    return f"{field.length} characters" if field.length else ""
