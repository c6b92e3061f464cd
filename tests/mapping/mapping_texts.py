"""The parts every mapping needs, the records they read, and the schema they fit."""

from jsonschema import Draft202012Validator

from connector.mapping.schema import mapping_schema

SCHEMA = Draft202012Validator(mapping_schema())

QUEUES = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered, tHandle]}
window: {start: 2026-01-01}
target: {object: Queue_Interval__c, external_id: Key__c}
"""
CALLS = """
source: {query: conversations.details}
window: {start: 2026-01-01}
target: {object: Conversation__c, external_id: Key__c}
"""
SUMMARY = """
source: {query: conversations.summary, group_by: ["conversation:queue"], metrics: ["conversation:duration"]}
window: {start: 2026-01-01}
target: {object: Summary__c, external_id: Key__c}
"""
USERS = """
source: {query: users.aggregates, granularity: PT30M, metrics: [tSystemPresence]}
window: {start: 2026-01-01}
target: {object: User_Status__c, external_id: Key__c}
"""
_KEYS = {
    QUEUES: "[queueId, mediaType, start]",
    CALLS: "[conversationId]",
    USERS: "[userId, start, metric, qualifier]",
    SUMMARY: '[start, "conversation:queue"]',
}
QUEUE_RECORD = {"queueId": "q1", "mediaType": "voice", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
CALL_RECORD = {"conversationId": "c1", "conversationStart": "2026-01-01T00:00:00.500Z"}


def with_fields(head: str, *fields: str) -> str:
    """A whole mapping: the head, the key field its query needs, and the fields given, one line each."""
    return "\n".join([head, "fields:", f"  Key__c: {{key: {_KEYS[head]}}}", *(f"  {field}" for field in fields)])
