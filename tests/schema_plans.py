"""Plans of what small streams need in Salesforce."""

from pathlib import Path

from connector.mapping import compile_mapping, load_mapping
from connector.salesforce.schema.plan import Plan, plan_schema

EVERY_KIND = (
    "Text__c: direction",
    "Long__c: {from: direction, length: 4000}",
    "Area__c: {from: direction, type: TextArea}",
    "Number__c: {from: duration_ms, divide: 1000, round: 1}",
    "Percent__c: {from: duration_ms, type: Percent}",
    "Currency__c: {from: duration_ms, type: Currency}",
    "Checkbox__c: is_open",
    "Date__c: {from: conversationStart, date: UTC}",
    "DateTime__c: conversationStart",
    "Picklist__c: {from: direction, map: {inbound: In}, type: Picklist}",
    "Several__c: {from: direction, map: {inbound: In, outbound: Out}, type: MultiselectPicklist}",
    "Phone__c: {from: direction, type: Phone}",
    "Email__c: {from: direction, type: Email}",
    "Url__c: {from: direction, type: Url}",
    "Account__r.Ext__c: direction",
)
"""Fields of every type there is."""


def plan_of(path: Path, known: tuple[str, ...] = ()) -> Plan:
    """The plan of a mapping file."""
    return plan_schema(compile_mapping(load_mapping(path)), known)


def plan_of_fields(folder: Path, *fields: str, object: str = "Call__c", known: tuple[str, ...] = ()) -> Plan:
    """The plan of a stream `calls` of conversations with these fields besides its key, each a line of the mapping."""
    path = folder / "calls.yml"
    lines = "".join(f"  {field}\n" for field in ("Key__c: {key: [conversationId]}", *fields))
    path.write_text(
        "about: calls\nsource: {query: conversations.details}\nwindow: {start: 2026-01-01}\n"
        f"target: {{object: {object}, external_id: Key__c}}\nfields:\n{lines}"
    )
    return plan_of(path, known)
