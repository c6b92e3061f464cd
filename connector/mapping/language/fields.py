"""How a field is made: its sources, its steps, and what else it says."""

from connector.mapping.language.entries import ABSENT, MISSING, Entry, Example, Part, Rejected, Shape
from connector.mapping.language.shapes import (
    BARE,
    CONSTANT,
    COUNT,
    NUMBER,
    OUTCOME,
    PATH,
    PATHS,
    SOME_TEXT,
    TEXT,
    list_of,
    one_of,
    ref,
)

_SUPPORT = {"queues": {"q-7": {"name": "Support", "division": "Home"}}}


def _of_hour(field: str, gives: object) -> Example:
    return Example(field, "aggregates", gives)


def _of_call(field: str, gives: object) -> Example:
    return Example(field, "details", gives)


def _source(name: str, takes: str, does: str, shape: Shape, *examples: Example) -> Entry:
    return Entry(name, takes, does, shape, examples)


def _step(name: str, takes: str, does: str, shape: Shape, *examples: Example) -> Entry:
    return Entry(name, takes, does, shape, examples)


SOURCES = Part(
    "sources",
    "sources",
    "Where a field's value comes from. A field has exactly one.",
    (
        _source(
            "from",
            "a path",
            "the value there. A field that is just a path means the same",
            PATH,
            _of_hour("Queue_Id__c: queueId", "q-7"),
            _of_hour("Offered__c: {from: nOffered.count}", 12),
        ),
        _source(
            "jmespath",
            "an expression in [JMESPath](https://jmespath.org)",
            "what it finds in the record, for what paths cannot say",
            SOME_TEXT,
            _of_call("Agents__c: {jmespath: \"length(participants[?purpose=='agent'])\"}", 2),
        ),
        _source(
            "value",
            "text, a number, `true`, `false`",
            "that constant",
            CONSTANT,
            _of_hour("Channel__c: {value: Genesys}", "Genesys"),
        ),
        _source(
            "template",
            "text with paths in braces; `{{` is a brace",
            "the text; missing when a part is missing",
            SOME_TEXT,
            _of_hour('Label__c: {template: "{queueId} at {start}"}', "q-7 at 2026-03-02T09:00:00Z"),
            _of_hour('Limit__c: {template: "{queueId} {tAbandon.max}"}', MISSING),
        ),
        _source(
            "key",
            "a list of paths",
            "the external id, see [the key](#the-key)",
            list_of(PATH, minItems=1),
            _of_hour("Key__c: {key: [queueId, mediaType, start]}", "q-7|voice|2026-03-02T09:00:00Z"),
        ),
        _source(
            "ratio",
            "two paths",
            "the first divided by the second; missing when one is missing or the second is 0",
            list_of(PATH, minItems=2, maxItems=2),
            _of_hour("Handle__c: {ratio: [tHandle.sum, tHandle.count]}", 240500.0),
            _of_hour("Handle_s__c: {ratio: [tHandle.sum, tHandle.count], divide: 1000, round: 1}", 240.5),
        ),
        _source(
            "sum",
            "a path or a list of paths",
            "everything found, added up; missing when nothing is found",
            PATHS,
            _of_hour("Offered_And_Handled__c: {sum: [nOffered.count, tHandle.count]}", 22),
            _of_call("Measured_s__c: {sum: participants.sessions.metrics.value, divide: 1000, round: 0}", 410),
            _of_call('Talk_s__c: {sum: "participants.sessions.metrics[name=tTalk].value", divide: 1000}', 380.0),
        ),
        _source(
            "first",
            "a path or a list of paths",
            "the first of everything found; missing when nothing is found",
            PATHS,
            _of_call('First_Agent_Id__c: {first: "participants[purpose=agent,user].userId"}', "u-1"),
        ),
        _source(
            "last",
            "a path or a list of paths",
            "the last of everything found; missing when nothing is found",
            PATHS,
            _of_call('Last_Agent_Id__c: {last: "participants[purpose=agent,user].userId"}', "u-2"),
        ),
        _source(
            "count",
            "a path or a list of paths",
            "how many were found; 0 for none",
            PATHS,
            _of_call('Agents__c: {count: "participants[purpose=agent]"}', 2),
            _of_call("Surveys__c: {count: surveys}", 0),
        ),
        _source(
            "join",
            'a path; beside it `with: ", "`',
            "the texts found, joined",
            PATH,
            _of_call('Media__c: {join: media_types, with: ", "}', "voice, callback"),
        ),
        _source(
            "metric",
            "the name of a metric, such as `tTalk`",
            "its values in all `metrics` below the record, or below the element of `each`, added up; missing when "
            "there is none",
            SOME_TEXT,
            _of_call("Talk_s__c: {metric: tTalk, divide: 1000}", 380.0),
        ),
    ),
)

STEPS = Part(
    "steps",
    "steps",
    "What happens to the value, in the order written.",
    (
        _step(
            "lookup",
            "a kind and a property, such as `queues.name`",
            "the name behind an id, asked of Genesys Cloud once and remembered; missing when no such id is known",
            ref("lookup"),
            Example(
                "Queue_Name__c: {from: queueId, lookup: queues.name, truncate: 80}", "aggregates", "Support", _SUPPORT
            ),
        ),
        _step(
            "map",
            "pairs of a value and what it becomes; beside it `else`",
            "replaces a value; without `else` an unknown value becomes missing",
            {"type": "object", "minProperties": 1, "additionalProperties": OUTCOME},
            _of_hour("Medium__c: {from: mediaType, map: {voice: Phone, email: E-mail}, else: Other}", "Phone"),
            _of_hour("Medium_Or_Not__c: {from: mediaType, map: {email: E-mail}}", MISSING),
            _of_call("Is_Open_Text__c: {from: is_open, map: {true: open, false: over}}", "over"),
        ),
        _step(
            "replace",
            "`[regex, text]`",
            "a regular expression ([RE2](https://github.com/google/re2/wiki/Syntax)), every match",
            list_of(TEXT, minItems=2, maxItems=2),
            _of_hour('Queue_Number__c: {from: queueId, replace: ["^q-", ""], integer: true}', 7),
        ),
        _step(
            "divide",
            "a number",
            "divides, exactly as on paper",
            {"type": "number", "not": {"const": 0}},
            _of_call("Duration_s__c: {from: duration_ms, divide: 1000, round: 1}", 436.9),
        ),
        _step(
            "multiply",
            "a number",
            "multiplies, exactly as on paper",
            NUMBER,
            _of_hour("Offered__c: {from: nOffered.count, multiply: 100, divide: 7, round: 2}", 171.43),
        ),
        _step(
            "round",
            "a number of decimals, 0 to 15",
            "half away from zero",
            {"type": "integer", "minimum": 0, "maximum": 15},
            _of_hour("Share__c: {from: oServiceLevel.ratio, multiply: 50, round: 0}", 38),
        ),
        _step(
            "truncate",
            "a number of characters",
            "at most so many characters, as Salesforce counts them",
            COUNT,
            _of_hour("Code__c: {from: queueId, upper: true, truncate: 2}", "Q-"),
        ),
        _step(
            "date",
            "a time zone such as `Europe/Berlin`",
            "the day of an instant there",
            ref("timezone"),
            _of_hour("Day__c: {from: start, date: Pacific/Auckland}", "2026-03-02"),
        ),
        _step(
            "datetime",
            "`true`",
            "text that is an instant, to whole seconds",
            BARE,
            _of_hour("Until__c: {from: end, datetime: true}", "2026-03-02T10:00:00Z"),
        ),
        _step(
            "bool",
            "`true`",
            "`true yes y on 1` and `false no n off 0`, in any case, as true and false",
            BARE,
            _of_call("Is_Open__c: {from: is_open, map: {true: Y, false: N}, bool: true}", False),
        ),
        _step(
            "number",
            "`true`",
            "digits with at most one point as a number",
            BARE,
            _of_hour('Queue_Number__c: {from: queueId, replace: ["^q-", "0."], number: true}', 0.7),
        ),
        _step(
            "integer",
            "`true`",
            "a whole number; another number is refused",
            BARE,
            _of_hour('Queue_Number__c: {from: queueId, replace: ["^q-", ""], integer: true}', 7),
        ),
        _step(
            "text",
            "`true`",
            "the value as text",
            BARE,
            _of_hour(
                "Share__c: {from: oServiceLevel.ratio, multiply: 100, text: true, replace: ['(.+)', '\\1 %']}",
                "75 %",
            ),
        ),
        _step(
            "upper", "`true`", "capital letters", BARE, _of_hour("Medium__c: {from: mediaType, upper: true}", "VOICE")
        ),
        _step(
            "lower", "`true`", "small letters", BARE, _of_hour('Id__c: {template: "Q {queueId}", lower: true}', "q q-7")
        ),
        _step(
            "hash",
            "`true`",
            "a SHA-256 digest with the salt of the settings (`CONNECTOR_HASH_SALT`): one value gives one text, "
            "and the value cannot be read from it",
            BARE,
            _of_call(
                'Caller__c: {first: "participants[purpose=customer].sessions.ani", hash: true, truncate: 12}',
                "70903b52833c",
            ),
        ),
        _step(
            "default",
            "text, a number, `true`, `false`",
            "what a missing value becomes",
            CONSTANT,
            _of_hour("Given_Up_ms__c: {from: tAbandon.sum, default: 0}", 0),
        ),
        _step(
            "then",
            "steps",
            "further steps, among them such as stand in the field already",
            ref("steps"),
            _of_hour("Code__c: {from: queueId, upper: true, truncate: 2, then: {truncate: 1}}", "Q"),
        ),
    ),
)

FIELD = Part(
    "field",
    "keys",
    "What else stands beside a source and its steps.",
    (
        Entry(
            "with",
            "text",
            "what stands between the texts of `join`",
            TEXT,
            (_of_call('Media__c: {join: media_types, with: " and "}', "voice and callback"),),
            ";",
        ),
        Entry(
            "else",
            "text, a number, `true`, `false`, or `null`",
            "what `map` makes of a value it does not name",
            OUTCOME,
            (_of_hour("Medium__c: {from: mediaType, map: {email: E-mail}, else: Other}", "Other"),),
            default_words="missing",
        ),
        Entry(
            "when_missing",
            "`clear`, `leave` or `reject`, see [missing values](#missing-values)",
            "what becomes of the field when there is no value",
            one_of("clear", "leave", "reject"),
            (
                _of_hour("Longest__c: {from: tAbandon.max, when_missing: leave}", ABSENT),
                _of_hour("Longest__c: {from: tAbandon.max, when_missing: reject}", Rejected("MISSING_VALUE")),
            ),
            default_words="see there",
        ),
        Entry(
            "when_parent_missing",
            "`wait` or `leave`",
            "of a relationship: what happens when the parent it names does not exist. The row waits for it, or goes "
            "without",
            one_of("wait", "leave"),
            (_of_call("Queue__r.Ext__c: {from: first_queue_id, when_parent_missing: leave}", "q-7"),),
            "wait",
        ),
        Entry(
            "type",
            "a type of Salesforce field, such as `Text`, `Number`, `Checkbox`, `DateTime`",
            "the type of the field `connector schema` makes; else it follows from the value",
            SOME_TEXT,
            (_of_hour("Queue_Id__c: {from: queueId, type: Text}", "q-7"),),
        ),
        Entry(
            "label",
            "text",
            "the label of the field `connector schema` makes; else it follows from the name",
            {"type": "string", "minLength": 1, "maxLength": 40},
            (_of_hour("Queue_Id__c: {from: queueId, label: Queue}", "q-7"),),
        ),
        Entry(
            "length",
            "a number of characters",
            "the length of the text field `connector schema` makes",
            {"type": "integer", "minimum": 1, "maximum": 131_072},
            (_of_hour("Queue_Id__c: {from: queueId, length: 36}", "q-7"),),
        ),
    ),
)

WHEN_MISSING = Part(
    "when_missing",
    "forms",
    "What is sent for a field without a value.",
    (
        Entry(
            "clear",
            "",
            "the field is emptied: Salesforce mirrors Genesys Cloud. A checkbox, which cannot be empty, becomes false. "
            "So it is for fields with a path",
            {},
            (_of_hour("Longest__c: tAbandon.max", MISSING),),
        ),
        Entry(
            "leave",
            "",
            "nothing: the field stays as it is. So it is for constants, and for relationships such as `Account.Ext__c`",
            {},
            (_of_hour("Queue__r.Ext__c: tAbandon.max", ABSENT),),
        ),
        Entry(
            "reject",
            "",
            "the row is set aside with code `MISSING_VALUE`",
            {},
            (_of_hour("Longest__c: {from: tAbandon.max, when_missing: reject}", Rejected("MISSING_VALUE")),),
        ),
    ),
)
