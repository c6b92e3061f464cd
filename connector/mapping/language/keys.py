"""The keys of a mapping file: top level, window, target and targets, examples."""

from connector.mapping.language.entries import FILTERED, REQUIRED, Entry, Example, Part
from connector.mapping.language.shapes import (
    BOOL,
    COUNT,
    DURATION,
    MAPPING,
    PATH,
    SOME_TEXT,
    TEXT,
    list_of,
    one_of,
    ref,
)

_KEEP = Example("keep: {mediaType: [email, chat]}", "aggregates", FILTERED)
_SKIP = Example("skip: {originatingDirection: inbound, is_open: false}", "details", FILTERED)
_FIELDS = Example(
    "fields:\n  Key__c: {key: [queueId, mediaType, start]}\n  Queue__c: queueId", "aggregates", [{"Queue__c": "q-7"}]
)
_EACH_KEY = Entry(
    "each",
    'a path to a list, in quotes, such as `"participants[purpose=agent].sessions"`',
    "one row for each element of the list; paths of `fields`, `keep` and `skip` then begin at the element, `parent` is "
    "the element around it (may be repeated), `record` the whole record",
    PATH,
    (
        Example(
            'each: "participants[purpose=agent]"\n'
            "fields: {Key__c: {key: [record.conversationId, participantId]}, User__c: userId}",
            "details",
            [{"Key__c": "c-1|p-3", "User__c": "u-1"}, {"Key__c": "c-1|p-4", "User__c": "u-2"}],
        ),
        Example(
            "each: participants.sessions\n"
            "keep: {parent.purpose: agent}\n"
            "fields: {Key__c: {key: [record.conversationId, parent.participantId, sessionId]}, User__c: parent.userId}",
            "details",
            [{"Key__c": "c-1|p-3|s-3", "User__c": "u-1"}],
        ),
    ),
)
_KEEP_KEY = Entry(
    "keep",
    "conditions by path",
    "a record becomes a row only when all of them hold",
    ref("conditions"),
    (_KEEP,),
    default_words="all records",
)
_SKIP_KEY = Entry(
    "skip", "conditions by path", "a record for which all of them hold makes no row", ref("conditions"), (_SKIP,)
)
_FIELDS_KEY = Entry("fields", "Salesforce field: how it is made", "the row", ref("fields"), (_FIELDS,), REQUIRED)

FILE = Part(
    "file",
    "keys",
    "Keys of the file.",
    (
        Entry("about", "text for people", "what the stream is for", TEXT, (Example("about: Every call."),), ""),
        Entry(
            "enabled",
            "`true` or `false`",
            "a stream that is off runs only when it is named",
            BOOL,
            (Example("enabled: false"),),
            True,
        ),
        Entry(
            "source",
            "keys, see [source](#source)",
            "what is asked of Genesys Cloud",
            ref("source"),
            (Example("source: {query: conversations.details, page_size: 50}"),),
            REQUIRED,
        ),
        Entry(
            "window",
            "keys, see [window](#window)",
            "which time, and how often it is read again",
            ref("window"),
            (Example("window: {start: 2026-03-01, size: PT6H}"),),
            REQUIRED,
        ),
        Entry(
            "target",
            "keys, see [target](#target)",
            "the Salesforce object and how rows go there",
            ref("target"),
            (Example("target: {object: Call__c, external_id: Key__c, deliver: bulk}"),),
            REQUIRED,
        ),
        Entry(
            "targets",
            "a list of entries, parents first, see [targets](#targets)",
            "instead of `target`, `each`, `keep`, `skip` and `fields`: several objects from one pull",
            ref("targets"),
            (
                Example(
                    "targets:\n"
                    "  - target: {object: Conversation__c, external_id: Key__c}\n"
                    "    fields: {Key__c: {key: [conversationId]}}\n"
                    "  - target: {object: Agent_Part__c, external_id: Key__c}\n"
                    '    each: "participants[purpose=agent]"\n'
                    "    fields:\n"
                    "      Key__c: {key: [record.conversationId, participantId]}\n"
                    "      Conversation__r.Key__c: record.conversationId",
                    "details",
                    [
                        {"Key__c": "c-1"},
                        {"Key__c": "c-1|p-3", "Conversation__r.Key__c": "c-1"},
                        {"Key__c": "c-1|p-4", "Conversation__r.Key__c": "c-1"},
                    ],
                ),
            ),
        ),
        _EACH_KEY,
        _KEEP_KEY,
        _SKIP_KEY,
        _FIELDS_KEY,
        Entry(
            "freshness",
            "a duration",
            'how far "complete to" may lag behind before a run tells it as something that needs a person',
            DURATION,
            (Example("freshness: PT3H"),),
        ),
        Entry(
            "open_give_up",
            "a duration",
            "how long a conversation that does not end is followed by its id, from its start",
            DURATION,
            (Example("open_give_up: P30D"),),
            "P90D",
            "details",
        ),
        Entry(
            "lookup_age",
            "a duration",
            "how old a name may be before Genesys Cloud is asked for it again",
            DURATION,
            (Example("lookup_age: PT12H"),),
            "P1D",
        ),
        Entry(
            "keep_hashes",
            "a duration",
            "how old a row is when it is forgotten what Salesforce confirmed of it; at least 31 days and what "
            "`lookback`, `recheck` and `open_give_up` read again",
            DURATION,
            (Example("keep_hashes: P800D"),),
            "P400D",
        ),
        Entry(
            "examples",
            "a list of records with the rows they become, see [examples](#examples)",
            "what `connector mapping test` works out and compares; it has no effect on a run",
            ref("examples"),
            (
                Example(
                    "examples:\n"
                    "  - about: An hour of a queue\n"
                    "    record: {queueId: q-7, mediaType: voice, start: 2026-03-02T09:00:00Z}\n"
                    '    row: {Key__c: "q-7|voice|2026-03-02T09:00:00Z"}',
                    "aggregates",
                ),
            ),
        ),
    ),
)

WINDOW = Part(
    "window",
    "keys",
    "Which time, and how often it is read again.",
    (
        Entry(
            "start",
            "a day (`2026-01-01`, midnight in `timezone`) or an instant (`2026-01-01T06:00:00Z`)",
            "the beginning of what is brought over",
            {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([T ].*)?$"},
            (Example("window: {start: 2026-03-01T06:00:00Z}"),),
            REQUIRED,
        ),
        Entry(
            "size",
            "a duration",
            "how much time one pass reads; must hold whole intervals; not for observations",
            DURATION,
            (Example("window: {size: PT6H}"),),
            "P1D",
        ),
        Entry(
            "lookback",
            "a duration",
            "each span is read again until it was read once at least so long after it ended; not for observations",
            DURATION,
            (Example("window: {lookback: PT12H}"),),
            "PT6H",
        ),
        Entry(
            "recheck",
            "a list of durations",
            "ages at which whole cells of `size` are read once more; not for observations",
            list_of(DURATION),
            (Example("window: {recheck: [P1D, P4D]}"),),
            [],
        ),
        Entry(
            "settle",
            "a duration",
            "how old data must be before it is read at all; not for observations",
            DURATION,
            (Example("window: {settle: PT30M}"),),
            "PT15M",
        ),
        Entry(
            "timezone",
            "an IANA name such as `Europe/Berlin`",
            "where days begin, for `start`, `size` and intervals",
            ref("timezone"),
            (Example("window: {timezone: Europe/Berlin}"),),
            "UTC",
        ),
    ),
)

TARGET = Part(
    "target",
    "keys",
    "The Salesforce object and how rows go there.",
    (
        Entry(
            "object",
            "an API name",
            "the object rows are written to",
            ref("object"),
            (Example("target: {object: Call__c}"),),
            REQUIRED,
        ),
        Entry(
            "external_id",
            "an API name",
            "the key field; it must stand under `fields` as a `key`",
            SOME_TEXT,
            (
                Example(
                    "target: {external_id: Id__c}\nfields: {Id__c: {key: [conversationId]}}",
                    "details",
                    [{"Id__c": "c-1"}],
                ),
            ),
            REQUIRED,
        ),
        Entry(
            "deliver",
            "`auto`, `bulk` or `collections`",
            "by which call rows go: `auto` takes Collections for few rows and ingest jobs for many",
            one_of("auto", "bulk", "collections"),
            (Example("target: {deliver: collections}"),),
            "auto",
        ),
        Entry(
            "job_rows",
            "a number",
            "most rows in one ingest job",
            COUNT,
            (Example("target: {job_rows: 50000}"),),
            150_000,
        ),
        Entry(
            "reject_limit",
            "a share such as `10 %`",
            "how much of a delivery may fail for good before the rest is held",
            {"type": "string", "pattern": r"^(100(\.0+)?|\d{1,2}(\.\d+)?) ?%$"},
            (Example("target: {reject_limit: 2.5 %}"),),
            "10 %",
        ),
        Entry(
            "when_vanished",
            "`leave`, `clear` or `delete`",
            "what becomes of a record in Salesforce that Genesys Cloud no longer gives: it stays, its mapped fields "
            "are emptied, or it is deleted",
            one_of("leave", "clear", "delete"),
            (Example("target: {when_vanished: clear}"),),
            "leave",
        ),
    ),
)

TARGETS = Part(
    "targets",
    "keys",
    "One entry for each object, parents first; each has keys of its own.",
    (
        Entry(
            "target",
            "keys, see [target](#target)",
            "the object of this entry",
            ref("target"),
            (
                Example(
                    "targets:\n"
                    "  - target: {object: Call__c, external_id: Key__c}\n"
                    "    fields: {Key__c: {key: [conversationId]}}",
                    "details",
                    [{"Key__c": "c-1"}],
                ),
            ),
            REQUIRED,
        ),
        _EACH_KEY,
        _KEEP_KEY,
        _SKIP_KEY,
        _FIELDS_KEY,
    ),
)

_RECORD = "record: {conversationId: c-1, conversationStart: 2026-03-02T09:12:44.120Z, originatingDirection: inbound}"


def _example(*lines: str) -> tuple[Example, ...]:
    return (Example("\n".join(["examples:", f"  - {_RECORD}", *(f"    {line}" for line in lines)])),)


EXAMPLES = Part(
    "examples",
    "keys",
    "One entry for each record: what it is, and one of `row`, `rows`, `filtered` and `rejected`.",
    (
        Entry(
            "about",
            "text for people",
            "names the example in the checklist",
            TEXT,
            _example("about: A call", "row: {Key__c: c-1}"),
            "",
        ),
        Entry(
            "record",
            "keys with values",
            "the record, as `connector preview --json` shows it",
            MAPPING,
            _example("row: {Key__c: c-1}"),
            REQUIRED,
        ),
        Entry(
            "row",
            "field: value",
            "the one row the record becomes. Only the fields named are compared; `null` is a field that is cleared",
            ref("expected"),
            _example("row: {Key__c: c-1}"),
        ),
        Entry(
            "rows",
            "a list of rows; an entry may name its `object`",
            "all rows the record becomes, over all targets, in their order",
            list_of(ref("expected")),
            _example("rows: [{object: Conversation__c, Key__c: c-1}]"),
        ),
        Entry(
            "filtered",
            "`true`",
            "the record becomes no row",
            {"const": True},
            _example("filtered: true"),
        ),
        Entry(
            "rejected",
            "a code such as `MISSING_VALUE`",
            "the record, or a row of it, is set aside with that code",
            SOME_TEXT,
            _example("rejected: KEY_TOO_LONG"),
        ),
        Entry(
            "only",
            "`true`",
            "the rows hold the fields named and no others",
            {"const": True},
            _example("row: {Key__c: c-1}", "only: true"),
        ),
        Entry(
            "lookups",
            "kind, id, and the properties of what has that id",
            "the names `lookup` finds; every other id is one nobody knows",
            {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "object"}}},
            _example("row: {Key__c: c-1}", "lookups: {queues: {q-7: {name: Support}}}"),
            {},
        ),
    ),
)
