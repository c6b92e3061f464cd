"""The objects of the simulated Salesforce organisation, as data.

`Field` and `SObject` describe what an admin would have set up; the simulated organisation reads nothing else. Field
kinds are the `type` names of Salesforce's describe (Salesforce reference, describeSObjectResult).
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["OBJECTS", "Field", "SObject", "checkbox", "date_time", "external_id", "number", "text"]


@dataclass(frozen=True)
class Field:
    """One field of an object.

    kind: string, textarea, email, phone, picklist, reference, id, double, boolean, datetime or date.
    length: most characters of a text kind. precision, scale: digits in all and after the point, of a double.
    choices: values of a picklist; `restricted` refuses others.
    parent, relationship: for a reference, the object it points to and the name used in `Relationship.Field` columns.
    idlookup: a field that is not flagged External ID but may still serve as the key of an upsert (Contact.Email).
    writable: False for what the platform sets itself (formula, auto number, system fields).
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
    restricted: bool = False
    parent: str = ""
    relationship: str = ""

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
        name = (Field("Name", f"{self.label} Name", "string", length=80, writable=False),)
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


def external_id(name: str, label: str) -> Field:
    """A Text(255) field flagged External ID, Unique and case sensitive: the key of an upsert."""
    return Field(name, label, "string", length=255, external_id=True, unique=True, case_sensitive=True)


OBJECTS: tuple[SObject, ...] = (
    SObject(
        "Account",
        "Account",
        "Accounts",
        "001",
        (
            Field("Name", "Account Name", "string", length=255, required=True),
            Field("Phone", "Account Phone", "phone", length=40),
            Field("Industry", "Industry", "picklist", length=255, choices=("Banking", "Energy", "Retail")),
            Field("Description", "Account Description", "textarea", length=32_000),
            external_id("Ext__c", "Ext"),
        ),
    ),
    SObject(
        "Contact",
        "Contact",
        "Contacts",
        "003",
        (
            Field("LastName", "Last Name", "string", length=80, required=True),
            Field("FirstName", "First Name", "string", length=40),
            Field("Email", "Email", "email", length=80, idlookup=True),
            Field("Phone", "Business Phone", "phone", length=40),
            Field("Birthdate", "Birthdate", "date"),
            Field("AccountId", "Account ID", "reference", length=18, parent="Account", relationship="Account"),
            Field(
                "Level__c",
                "Level",
                "picklist",
                length=255,
                choices=("Primary", "Secondary", "Tertiary"),
                restricted=True,
            ),
        ),
    ),
    SObject(
        "Queue_Interval__c",
        "Queue Interval",
        "Queue Intervals",
        "a00",
        (
            external_id("Genesys_Key__c", "Genesys Key"),
            text("Queue_Id__c", "Queue Id", 40),
            text("Queue_Name__c", "Queue Name", 80),
            text("Media_Type__c", "Media Type", 40),
            date_time("Interval_Start__c", "Interval Start"),
            number("Offered__c", "Offered", 18, 0),
            number("Answered__c", "Answered", 18, 0),
            number("Abandoned__c", "Abandoned", 18, 0),
            number("Average_Handle_s__c", "Average Handle (s)", 16, 1),
            number("Service_Level__c", "Service Level", 5, 2),
        ),
    ),
    SObject(
        "Conversation__c",
        "Conversation",
        "Conversations",
        "a01",
        (
            external_id("Conversation_Id__c", "Conversation Id"),
            date_time("Started__c", "Started"),
            date_time("Ended__c", "Ended"),
            text("Direction__c", "Direction", 40),
            number("Duration_s__c", "Duration (s)", 16, 1),
            text("Media_Types__c", "Media Types", 255),
            text("First_Queue_Id__c", "First Queue Id", 40),
            checkbox("Is_Open__c", "Is Open"),
        ),
    ),
    SObject(
        "Conversation_Summary__c",
        "Conversation Summary",
        "Conversation Summaries",
        "a02",
        (
            external_id("Summary_Key__c", "Summary Key"),
            date_time("Day__c", "Day"),
            text("Medium__c", "Medium", 40),
            text("Queue_Id__c", "Queue Id", 40),
            text("Agent_Id__c", "Agent Id", 40),
            number("Duration_s__c", "Duration (s)", 18, 1),
            number("Conversations__c", "Conversations", 18, 0),
        ),
    ),
)
