"""The records the examples are worked out from, and the rest of the files the examples stand in."""

from collections.abc import Mapping
from typing import Any

RECORDS: Mapping[str, Mapping[str, Any]] = {
    "aggregates": {
        "queueId": "q-7",
        "mediaType": "voice",
        "start": "2026-03-02T09:00:00Z",
        "end": "2026-03-02T10:00:00Z",
        "nOffered": {"count": 12},
        "tHandle": {"max": 600000, "min": 5000, "count": 10, "sum": 2405000},
        "oServiceLevel": {"ratio": 0.75, "numerator": 9, "denominator": 12, "target": 0.8},
    },
    "details": {
        "conversationId": "c-1",
        "conversationStart": "2026-03-02T09:12:44.120Z",
        "conversationEnd": "2026-03-02T09:20:01.004Z",
        "originatingDirection": "inbound",
        "externalTag": "A|17",
        "divisionIds": ["d-2", "d-1"],
        "is_open": False,
        "duration_ms": 436884,
        "media_types": ["voice", "callback"],
        "first_queue_id": "q-7",
        "participants": [
            {
                "participantId": "p-1",
                "purpose": "customer",
                "sessions": [{"sessionId": "s-1", "mediaType": "voice", "ani": "tel:+4930123"}],
            },
            {
                "participantId": "p-2",
                "purpose": "acd",
                "sessions": [{"sessionId": "s-2", "segments": [{"queueId": "q-7"}]}],
            },
            {
                "participantId": "p-3",
                "purpose": "agent",
                "userId": "u-1",
                "sessions": [
                    {
                        "sessionId": "s-3",
                        "metrics": [{"name": "tTalk", "value": 380000}, {"name": "tAcw", "value": 29514}],
                    }
                ],
            },
            {"participantId": "p-4", "purpose": "agent", "userId": "u-2", "sessions": []},
        ],
    },
    "job": {
        "conversationId": "c-1",
        "conversationStart": "2026-03-02T09:12:44.120Z",
        "attributes": {"Order No": "A-17"},
    },
    "endpoint": {"id": "e-1", "assignedDate": "2026-03-02T09:00:00Z", "agent": {"name": "Kim"}},
}
"""Record by name, as flattening yields it."""

_WINDOW = {"start": "2026-01-01"}

FILES: Mapping[str, Mapping[str, Any]] = {
    "aggregates": {
        "source": {
            "query": "conversations.aggregates",
            "granularity": "PT1H",
            "group_by": ["queueId"],
            "metrics": ["nOffered", "tHandle", "tAbandon", "oServiceLevel"],
        },
        "window": _WINDOW,
        "target": {"object": "Queue_Interval__c", "external_id": "Key__c"},
        "fields": {"Key__c": {"key": ["queueId", "mediaType", "start"]}},
    },
    "details": {
        "source": {"query": "conversations.details"},
        "window": _WINDOW,
        "target": {"object": "Conversation__c", "external_id": "Key__c"},
        "fields": {"Key__c": {"key": ["conversationId"]}},
    },
    "job": {
        "source": {"query": "conversations.details", "via": "job"},
        "window": _WINDOW,
        "target": {"object": "Conversation__c", "external_id": "Key__c"},
        "fields": {"Key__c": {"key": ["conversationId"]}},
    },
    "endpoint": {
        "source": {},
        "window": _WINDOW,
        "target": {"object": "Evaluation__c", "external_id": "Key__c"},
        "fields": {},
    },
}
"""A whole file for each kind of record, to which an example adds a field, or in which it puts its keys over others."""
