"""The forms of paths and conditions, and the rules of the key."""

from connector.mapping.language.entries import FILTERED, Entry, Example, Part

_WANTED = [{"Key__c": "q-7|voice|2026-03-02T09:00:00Z"}]
_WANTED_CALL = [{"Key__c": "c-1"}]


def _form(written: str, means: str, *examples: Example) -> Entry:
    return Entry(written, "", means, {}, examples)


PATHS = Part(
    "paths",
    "forms",
    "Where a value stands in the record.",
    (
        _form("`tHandle.sum`", "a key below a key", Example("Longest__c: tHandle.max", "aggregates", 600000)),
        _form(
            "`participants[0].purpose`, `participants[-1].purpose`",
            "the first or last element of a list",
            Example("Caller_Purpose__c: participants[0].purpose", "details", "customer"),
            Example('Last_Purpose__c: "participants[-1].purpose"', "details", "agent"),
        ),
        _form(
            "`participants[purpose=agent,user].userId`",
            "elements whose key is any of the values",
            Example('Agents__c: {join: "participants[purpose=agent,user].userId"}', "details", "u-1;u-2"),
        ),
        _form(
            "`participants.sessions.mediaType`",
            "crosses lists: the flat list of all it finds, in order",
            Example("Purposes__c: {join: participants.purpose}", "details", "customer;acd;agent;agent"),
            Example("Offered_By__c: {first: participants.sessions.segments.queueId}", "details", "q-7"),
        ),
        _form(
            '`attributes."Order No"`',
            "a name with other characters than letters, digits, `_`, `-` and `:` stands in quotes",
            Example("Order__c: 'attributes.\"Order No\"'", "job", "A-17"),
        ),
        _form(
            "`parent.userId`, `record.conversationId`",
            "with `each`: the element around the current one (`parent.parent` the one around that), the whole record",
            Example(
                "each: participants.sessions\n"
                "keep: {parent.purpose: agent}\n"
                "fields: {Key__c: {key: [record.conversationId, parent.participantId, sessionId]}}",
                "details",
                [{"Key__c": "c-1|p-3|s-3"}],
            ),
        ),
    ),
)

CONDITIONS = Part(
    "conditions",
    "forms",
    "What is tested at a path of `keep` or `skip`.",
    (
        _form(
            "`mediaType: voice`",
            "the value, as text, is that",
            Example("keep: {mediaType: voice}", "aggregates", _WANTED),
        ),
        _form(
            "`mediaType: [voice, callback]`",
            "it is one of them",
            Example("keep: {mediaType: [email, callback]}", "aggregates", FILTERED),
        ),
        _form(
            "`queueId: {exists: true}`, `{exists: false}`",
            "there is a value, or there is none",
            Example("keep: {queueId: {exists: false}}", "aggregates", FILTERED),
        ),
        _form(
            "`nOffered.count: {gt: 0}`",
            "the number lies within `gt`, `gte`, `lt`, `lte`",
            Example("keep: {nOffered.count: {gt: 0, lt: 100}}", "aggregates", _WANTED),
        ),
        _form(
            "`conversationStart: {gte: 2026-01-01T00:00:00Z}`",
            "the instant does",
            Example("skip: {conversationStart: {lt: 2026-03-02T00:00:00Z}}", "details", _WANTED_CALL),
        ),
    ),
)

KEY = Part(
    "the key",
    "forms",
    "How the parts of `key` become one text.",
    (
        _form(
            "parts",
            "joined by `|`; instants are `YYYY-MM-DDThh:mm:ssZ`",
            Example("Key__c: {key: [queueId, mediaType, start]}", "aggregates", "q-7|voice|2026-03-02T09:00:00Z"),
        ),
        _form(
            "absent parts",
            "are `-`; a part that is just `-` is written `\\-`",
            Example("Other__c: {key: [queueId, tAbandon.max, start]}", "aggregates", "q-7|-|2026-03-02T09:00:00Z"),
        ),
        _form(
            "lists",
            "are sorted, so that their order does not matter",
            Example("Other__c: {key: [conversationId, divisionIds]}", "details", "c-1|d-1,d-2"),
        ),
        _form(
            "escapes",
            "`|` and `\\` inside a part stand behind a `\\`",
            Example("Other__c: {key: [conversationId, externalTag]}", "details", "c-1|A\\|17"),
        ),
    ),
)
