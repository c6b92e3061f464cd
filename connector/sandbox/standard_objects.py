"""Standard objects of the simulated Salesforce organisation, each with the external id an admin adds to link by.

Names, kinds and rights: Salesforce object reference (Account, Contact, Lead, Case, Task) and recorded describes of
Contact and Event. A small part of each object's fields.
"""

from connector.sandbox.fields import Field, SObject, external_id

__all__ = ["STANDARD_OBJECTS"]


def _picklist(name: str, label: str, *choices: str, length: int = 255, **more: bool | str) -> Field:
    return Field(name, label, "picklist", length=length, choices=choices, **more)  # type: ignore[arg-type]


_DESCRIPTION = Field("Description", "Description", "textarea", length=32_000)

STANDARD_OBJECTS: tuple[SObject, ...] = (
    SObject(
        "Account",
        "Account",
        "Accounts",
        "001",
        (
            Field("Name", "Account Name", "string", length=255, required=True),
            Field("Phone", "Account Phone", "phone", length=40),
            _picklist("Industry", "Industry", "Banking", "Energy", "Retail"),
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
            _picklist("Level__c", "Level", "Primary", "Secondary", "Tertiary", restricted=True),
            external_id("Phone_Key__c", "Phone Key", 40),
        ),
    ),
    SObject(
        "Lead",
        "Lead",
        "Leads",
        "00Q",
        (
            Field("LastName", "Last Name", "string", length=80, required=True),
            Field("Company", "Company", "string", length=255, required=True),
            Field("Email", "Email", "email", length=80, idlookup=True),
            Field("Phone", "Phone", "phone", length=40),
            external_id("Phone_Key__c", "Phone Key", 40),
        ),
    ),
    SObject(
        "Case",
        "Case",
        "Cases",
        "500",
        (
            # Salesforce numbers cases itself, so nobody can upsert by the number.
            Field("CaseNumber", "Case Number", "string", length=30, idlookup=True, writable=False, numbered=True),
            Field("Subject", "Subject", "string", length=255),
            _picklist("Status", "Status", "New", "Working", "Escalated", "Closed", default="New"),
            _picklist("Origin", "Case Origin", "Phone", "Email", "Web"),
            _picklist("Priority", "Priority", "High", "Medium", "Low", default="Medium"),
            _DESCRIPTION,
            Field("ContactId", "Contact ID", "reference", length=18, parent="Contact", relationship="Contact"),
            Field("AccountId", "Account ID", "reference", length=18, parent="Account", relationship="Account"),
            Field("ParentId", "Parent Case ID", "reference", length=18, parent="Case", relationship="Parent"),
            external_id("Case_Key__c", "Case Key"),
        ),
    ),
    SObject(
        "Task",
        "Task",
        "Tasks",
        "00T",
        (
            Field("WhoId", "Name ID", "reference", length=18, parents=("Contact", "Lead"), relationship="Who"),
            Field("WhatId", "Related To ID", "reference", length=18, parents=("Account", "Case"), relationship="What"),
            Field("Subject", "Subject", "combobox", length=255, choices=("Call", "Email", "Other")),
            Field("ActivityDate", "Due Date Only", "date"),
            _picklist("Status", "Status", "Not Started", "In Progress", "Completed", default="Not Started"),
            _picklist("Priority", "Priority", "High", "Normal", "Low", default="Normal"),
            _DESCRIPTION,
            Field("CallDurationInSeconds", "Call Duration", "int"),
            _picklist("CallType", "Call Type", "Internal", "Inbound", "Outbound", length=40, restricted=True),
            Field("CallDisposition", "Call Result", "string", length=255),
            Field("CallObject", "Call Object Identifier", "string", length=255),
            _picklist(
                "TaskSubtype",
                "Task Subtype",
                "Task",
                "Email",
                "ListEmail",
                "Cadence",
                "Call",
                length=40,
                restricted=True,
                create_only=True,
                default="Task",
            ),
            external_id("Genesys_Conversation_Id__c", "Genesys Conversation Id"),
        ),
    ),
)
