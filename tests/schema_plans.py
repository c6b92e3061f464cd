"""Plans of what small streams need in Salesforce."""

from pathlib import Path

from connector.mapping import compile_mapping, load_mapping
from connector.salesforce.schema.plan import Plan, plan_schema


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
