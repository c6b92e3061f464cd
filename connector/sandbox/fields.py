"""What a field and an object of the simulated Salesforce organisation are.

`Field` and `SObject` describe what an admin would have set up; the simulated organisation reads nothing else. Field
kinds are the `type` names of Salesforce's describe (Salesforce reference, describeSObjectResult).
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Field", "SObject", "checkbox", "date_time", "external_id", "lookup", "number", "text"]


@dataclass(frozen=True)
class Field:
    """One field of an object.

    kind: string, textarea, email, phone, picklist, multipicklist, combobox, reference, id, double, int, boolean,
    datetime or date.
    length: most characters of a text kind. precision, scale: digits in all and after the point, of a double.
    choices: active values of a picklist, retired: those that are so no more; `restricted` refuses all but the active.
    parent, relationship: for a reference, the object it points to and the name used in `Relationship.Field` columns.
    parents: instead of `parent` the objects a polymorphic reference may point to, named as `Object:Relationship.Field`.
    default: what a new record gets that is given nothing.
    idlookup: a field that is not flagged External ID but may still serve as the key of an upsert (Contact.Email).
    writable: False for what the platform sets itself (formula, auto number, system fields); create_only: may be set
    on a new record only; numbered: an auto number.
    """

    name: str
    label: str
    kind: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    idlookup: bool = False
    required: bool = False
    writable: bool = True
    choices: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    restricted: bool = False
    parent: str = ""
    relationship: str = ""
    parents: tuple[str, ...] = ()
    default: str | None = None
    create_only: bool = False
    numbered: bool = False

    @property
    def points_to(self) -> tuple[str, ...]:
        """The objects a reference may point to."""
        return self.parents or ((self.parent,) if self.parent else ())

    @property
    def is_key(self) -> bool:
        """Whether an upsert may match records by this field."""
        return self.external_id or self.idlookup

    @property
    def is_custom(self) -> bool:
        return self.name.endswith("__c")


@dataclass(frozen=True)
class SObject:
    """One object: its API name, labels, the three letters its record ids begin with, and its own fields.

    The fields every record has (`Id`, `Name` of a custom object, `CreatedDate`, `LastModifiedDate`,
    `SystemModstamp`) are added by `all_fields`.
    """

    name: str
    label: str
    plural: str
    key_prefix: str
    fields: tuple[Field, ...]

    @property
    def is_custom(self) -> bool:
        return self.name.endswith("__c")

    def all_fields(self) -> Sequence[Field]:
        """Every field in the order describe lists them: Id, the name, the object's own, the system's dates."""
        name = (Field("Name", f"{self.label} Name", "string", length=80, writable=False, numbered=True),)
        return (
            Field("Id", f"{self.label} ID", "id", length=18, idlookup=True, writable=False),
            *(name if self.is_custom else ()),
            *self.fields,
            Field("CreatedDate", "Created Date", "datetime", writable=False),
            Field("LastModifiedDate", "Last Modified Date", "datetime", writable=False),
            Field("SystemModstamp", "System Modstamp", "datetime", writable=False),
        )


def text(name: str, label: str, length: int) -> Field:
    """A Text field."""
    return Field(name, label, "string", length=length)


def number(name: str, label: str, precision: int, scale: int) -> Field:
    """A Number field: `precision` digits in all, `scale` of them after the point."""
    return Field(name, label, "double", precision=precision, scale=scale)


def date_time(name: str, label: str) -> Field:
    """A Date/Time field."""
    return Field(name, label, "datetime")


def checkbox(name: str, label: str) -> Field:
    """A Checkbox field: never null, false when nothing is given."""
    return Field(name, label, "boolean")


def external_id(name: str, label: str, length: int = 255) -> Field:
    """A Text field flagged External ID, Unique and case sensitive: the key of an upsert."""
    return Field(name, label, "string", length=length, external_id=True, unique=True, case_sensitive=True)


def lookup(name: str, label: str, parent: str) -> Field:
    """A custom look-up to one object; its relationship is `X__r` for the field `X__c`."""
    return Field(name, label, "reference", length=18, parent=parent, relationship=f"{name[:-1]}r")
