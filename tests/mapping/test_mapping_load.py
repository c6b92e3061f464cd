"""Mapping files are read strictly, and everything wrong with them is told at once."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from mapping_texts import CALLS, QUEUES, SUMMARY, with_fields

from connector.errors import MappingError
from connector.mapping import load_mapping, load_mappings, window_of
from connector.spans import DAY, Calendar, Period
from connector.windows import Window


def test_what_is_left_out_has_the_documented_default(read):
    mapping = read(with_fields(CALLS))
    source, window, (target,) = mapping.source, mapping.window, mapping.targets
    assert (mapping.stream, mapping.about, mapping.enabled, mapping.warnings) == ("stream", "", True, ())
    assert (source.page_size, source.max_pages, source.group_by, source.filter) == (100, 10_000, (), None)
    assert (window.size, window.lookback, window.recheck) == (DAY, Period(seconds=21_600), ())
    assert (window.settle, window.timezone) == (Period(seconds=900), ZoneInfo("UTC"))
    assert (target.object, target.external_id, target.deliver) == ("Conversation__c", "Key__c", "auto")
    assert (target.job_rows, target.reject_limit, target.when_vanished) == (150_000, 0.1, "leave")
    assert (target.keep, target.skip) == ((), ())


def test_every_problem_of_a_file_is_told_in_the_order_of_the_file(problems):
    text = """about: [a]
enabled: yes
sources: 1
source:
  query: conversations.aggregates
  granularity: PT1H
  group_by: [queueId, quueId, 5]
  metrics: [tHandel, tHandle]
window: {start: 2026-02-30, timezone: Europe/Berln}
target: {object: Queue Interval, external_id: Key_c, deliver: bulkk, reject_limit: 10}
fields:
  Key__c: {key: [queueId]}
  Handle_s__c: {from: tHandle.sun, divid: 1000}
  Queue__c: {from: queueId, divide: 1000}
"""
    assert problems(text) == [
        "1:8: about: must be text, not a list",
        "2:10: enabled: must be true or false, not text ('yes')",
        "3:1: sources: unknown key 'sources'; did you mean 'source'?",
        "7:23: source.group_by[1]: unknown dimension 'quueId'; did you mean 'queueId'?",
        "7:31: source.group_by[2]: must be text, not a number",
        "8:13: source.metrics[0]: unknown metric 'tHandel'; did you mean 'tHandle'?",
        "9:17: window.start: '2026-02-30' is no date (day is out of range for month); write a date such as 2026-01-01, "
        "or an instant such as 2026-01-01T06:00:00Z",
        "9:39: window.timezone: 'Europe/Berln' is no time zone such as UTC or Europe/Berlin",
        "10:18: target.object: must be the API name of a Salesforce object, such as Queue_Interval__c",
        "10:47: target.external_id: 'Key_c' is not among the fields; did you mean 'Key__c'?",
        "10:63: target.deliver: must be auto, bulk, collections, not text ('bulkk'); did you mean 'bulk'?",
        "10:84: target.reject_limit: must be a share such as 10 %",
        "13:23: fields.Handle_s__c: unknown statistic 'sun' of tHandle; did you mean 'sum'?",
        "13:36: fields.Handle_s__c.divid: unknown key 'divid'; did you mean 'divide'?",
        "14:37: fields.Queue__c.divide: 'divide' takes a number, and this is text; 'number: true' before it makes one "
        "of text",
    ]


def test_an_empty_mapping_is_told_what_it_needs(problems):
    assert problems("about: nothing yet\n") == [
        "1:1: 'fields' is missing",
        "1:1: 'source' is missing",
        "1:1: 'target' is missing",
        "1:1: 'window' is missing",
    ]


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("tHandel.sum", "fields.F__c: unknown metric 'tHandel'; did you mean 'tHandle'?"),
        ("tAcw.sum", "fields.F__c: metric 'tAcw' is not asked for; add it to source.metrics"),
        ("userId", "fields.F__c: dimension 'userId' is not asked for; add it to source.group_by"),
        ("strat", "fields.F__c: unknown name 'strat'; did you mean 'start'?"),
        ("tHandle", "fields.F__c: 'tHandle' holds statistics; name one: tHandle.max, tHandle.min, tHandle.count, "
                    "tHandle.sum"),
        ("queueId.name", "fields.F__c: 'queueId.name' goes too deep: 'queueId' holds one value"),
        ("'queueId[0]'", "fields.F__c: 'queueId[0]' goes too deep: 'queueId' holds one value"),
        ("5", "fields.F__c: must be a path or keys with values, not a number; a constant is {value: x}"),
        ("{upper: true}", "fields.F__c: has no source; a field has exactly one of from, jmespath, value, template, "
                          "key, ratio, sum, first, last, count, join, metric"),
        ("{from: queueId, value: 1}", "fields.F__c: has from and value; a field has exactly one of from, jmespath, "
                                      "value, template, key, ratio, sum, first, last, count, join, metric"),
        ("{from: queueId, upper: false}", "fields.F__c.upper: takes no argument: write true, or leave the step out"),
        ("{from: queueId, else: x}", "fields.F__c.else: 'else' belongs to 'map'"),
        ("{from: queueId, with: x}", "fields.F__c.with: 'with' belongs to 'join'"),
        ("{from: queueId, when_missing: clera}", "fields.F__c.when_missing: must be clear, leave, reject, not text "
                                                 "('clera'); did you mean 'clear'?"),
        ("{from: queueId, default: ''}", "fields.F__c.default: must not be empty text, which counts as missing"),
        ("{from: 5}", "fields.F__c: must be a path, such as queueId or tHandle.sum"),
        ("{value: [1]}", "fields.F__c.value: must be text, a number, true or false"),
        ("{template: 5}", "fields.F__c.template: must be text with paths in braces, such as '{queueId} {start}'"),
        ("{from: tHandle.sum, divide: true}", "fields.F__c.divide: must be a number"),
        ("{from: tHandle.sum, round: 16}", "fields.F__c.round: must be a number of decimals from 0 to 15"),
        ("{from: tHandle.sum, round: true}", "fields.F__c.round: must be a number of decimals from 0 to 15"),
        ("{from: queueId, map: {}}", "fields.F__c.map: must be pairs of a value and what it becomes, such as {voice: "
                                     "Phone}"),
        ("{from: queueId, map: {a: [b]}}", "fields.F__c.map: must be text, a number, true or false"),
        ("{count: zebra}", "fields.F__c.count: unknown name 'zebra'; the records hold start, end, mediaType, queueId, "
                           "nOffered, tHandle"),
        ("{from: queueId, truncate: 0}", "fields.F__c.truncate: must be a number of characters, 1 or more"),
        ("{from: queueId, then: {uper: true}}", "fields.F__c.then.uper: unknown key 'uper'; did you mean 'upper'?"),
        ("{from: queueId, then: upper}", "fields.F__c.then: must be keys with values, not text ('upper')"),
        ("{from: queueId, replace: ['(', x]}", "fields.F__c.replace: is no regular expression (RE2 syntax): missing "
                                               "): ("),
        ("{from: queueId, replace: [a, '\\1']}", "fields.F__c.replace: the replacement names group 1; the expression "
                                                 "has none"),
        ("{from: start, default: never}", "fields.F__c.default: 'default' must be an instant such as "
                                          "2026-01-01T00:00:00Z here"),
        ("{from: tHandle.sum, divide: 0}", "fields.F__c.divide: must not be zero"),
        ("{from: tHandle.sum, date: UTC}", "fields.F__c.date: 'date' takes an instant, and this is a number"),
        ("{from: tHandle.sum, date: Mars}", "fields.F__c.date: 'Mars' is no time zone such as UTC or Europe/Berlin"),
        ("{ratio: [tHandle.sum]}", "fields.F__c.ratio: must be a list of two paths: what is divided, and by what"),
        ("{template: '{queueId'}", "fields.F__c.template: a lone brace at character 1; one that is meant as text "
                                   "stands twice"),
        ("{from: queueId, lookup: queue.name}", "fields.F__c.lookup: must be a kind and a property, such as "
                                                "queues.name, not 'queue.name'; did you mean 'queues'?"),
        ("{from: queueId, lookup: queues.nmae}", "fields.F__c.lookup: unknown property 'nmae' of queues; did you "
                                                 "mean 'name'?"),
        ("{from: tHandle.sum, lookup: queues.name}", "fields.F__c.lookup: 'lookup' takes an id, and this is a number"),
        ("{jmespath: 'a['}", "fields.F__c.jmespath: is no JMESPath expression: Invalid jmespath expression: Incomplete "
                             "expression:"),
        ("{metric: tHandle}", "fields.F__c.metric: 'metric' sums the metrics of a conversation; name a path such as "
                              "tHandle.sum here"),
        ("{from: queueId, type: Nubmer}", "fields.F__c.type: must be Text, TextArea, LongTextArea, Number, Percent, "
         "Currency, Checkbox, Date, DateTime, Picklist, MultiselectPicklist, Phone, Email, Url, not text ('Nubmer'); "
         "did you mean 'Number'?"),
        ("{from: queueId, type: Number}", "fields.F__c.type: a field of type Number does not take text"),
        ("{from: tHandle.sum, type: Number, length: 5}", "fields.F__c.length: only text has a length"),
        ("{from: queueId, length: 0}", "fields.F__c.length: must be 1 or more"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_with_what_to_write(problems, field, problem):
    (found,) = problems(with_fields(QUEUES, f"F__c: {field}"))
    assert found.split(": ", 1)[1] == problem


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("divisionIds", "'divisionIds' gives a list; choose by first, last, count, sum or join"),
        ("participants.userId", "'participants.userId' gives a list; choose by first, last, count, sum or join"),
        ("{template: '{media_types}'}", "'media_types' gives a list; choose by first, last, count, sum or join"),
        ("{first: participants}", "'participants' leads to whole participants; name a key below them"),
        ("attributes", "'attributes' leads to a whole attribute; name a key below 'attributes'"),
        (
            "{first: participants.attributes}",
            "'participants.attributes' leads to a whole attribute; name a key below 'attributes'",
        ),
        ("conversationStrat", "unknown name 'conversationStrat'; did you mean 'conversationStart'?"),
    ],
)
def test_a_list_reaches_a_field_only_by_a_choice(problems, field, problem):
    (found,) = problems(with_fields(CALLS, f"F__c: {field}"))
    assert found.endswith(problem)


@pytest.mark.parametrize("statistic", ["p95", "countNegative", "calculatedMetricValue"])
def test_a_statistic_any_metric_may_carry_is_taken_without_a_word(read, statistic):
    assert read(with_fields(QUEUES, f"F__c: tHandle.{statistic}")).warnings == ()


def test_a_statistic_nobody_knows_is_a_warning(read):
    (warning,) = read(with_fields(QUEUES, "F__c: tHandle.median")).warnings
    assert warning.endswith("unknown statistic 'median' of tHandle; known are max, min, count, sum")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Bad Name", "fields.Bad Name: is no API name of a Salesforce field, such as Offered__c"),
        ("Id", "fields.Id: Salesforce gives the Id itself; rows are matched by the external id"),
        ("Queue__c.Key__c", "fields.Queue__c.Key__c: a relationship is written with __r: Queue__r.Key__c"),
        ("KEY__c", "fields.KEY__c: is the same field as Key__c to Salesforce"),
    ],
)
def test_a_wrong_field_name_is_told(problems, name, problem):
    (found,) = problems(with_fields(QUEUES, f"{name}: queueId"))
    assert found.split(": ", 1)[1] == problem


_CHANGES = "may change from one read to the next, and the record would stand twice in Salesforce; take it out"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("{key: [queueId, start]}", "must also hold mediaType: without it two records become one"),
        ("{key: [start]}", "must also hold queueId, mediaType: without it two records become one"),
        ("{key: [queueId, mediaType, start, tHandle.sum]}", f"'tHandle.sum' {_CHANGES}"),
        ("{key: [queueId, mediaType, start], lower: true}",
         "the external id takes no steps and no when_missing: two records could become one"),
        ("{key: [queueId, mediaType, start], when_missing: leave}",
         "the external id takes no steps and no when_missing: two records could become one"),
        ("queueId", "the external id must be a key: {key: [queueId, start, mediaType]}"),
        ("{key: queueId}", "must be a list of paths in [ ]"),
    ],
)  # fmt: skip
def test_the_external_id_holds_all_that_makes_a_record_and_nothing_that_changes(problems, key, problem):
    (found,) = problems(f"{QUEUES}\nfields:\n  Key__c: {key}\n")
    assert found.split(": ", 2)[2] == problem


def test_the_key_of_a_summary_holds_groupings_or_id_and_always_start(problems, read):
    head = f"{SUMMARY}\nfields:\n  Key__c: "
    assert read(head + "{key: [id, start]}").targets[0].key.paths[0].text == "id"
    (found,) = problems(head + "{key: [id]}")
    assert found.endswith("must also hold start: without it two records become one")
    (found,) = problems(head + "{key: [start]}")
    assert found.endswith("must also hold conversation:queue: without it two records become one")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{query: conversations.detail}", "query: unknown query 'conversations.detail'; did you mean "
                                          "'conversations.details'?"),
        ("{query: calls}", "query: unknown query 'calls'; known are conversations.details, conversations.aggregates, "
                           "aggregates, users.aggregates, queues.observations, conversations.summary"),
        ("{query: conversations.details, metrics: [tHandle]}", "metrics: 'metrics' is not for conversations.details"),
        ("{query: conversations.details, page_size: 200}", "page_size: conversations.details gives at most 100 "
                                                           "records a page"),
        ("{query: conversations.details, page_size: 0}", "page_size: must be 1 or more"),
        ("{query: conversations.details, max_pages: 1.5}", "max_pages: must be a whole number, not a number"),
        ("{query: conversations.details, via: bulk}", "via: must be auto, query, job, not text ('bulk')"),
        ("{query: conversations.details, via: job, page_size: 10001}", "page_size: conversations.details gives at "
                                                                      "most 10000 records a page by job"),
        ("{query: conversations.details, filters: {segments: []}}", "filters.segments: unknown key 'segments'"),
        ("{query: conversations.details, filters: {segment: [x]}}", "filters.segment[0]: must be keys with values, "
                                                                    "not text ('x')"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_told(problems, source, problem):
    text = with_fields(CALLS).replace("{query: conversations.details}", source)
    assert [found.split(": ", 1)[1] for found in problems(text)] == [f"source.{problem}"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("granularity: PT7H, ", "source.granularity: a day must hold a whole number of it, such as PT15M, PT1H or "
                                "PT6H"),
        ("granularity: P1DT1H, ", "source.granularity: must be of one unit: months, days, or a time within a day"),
        ("granularity: P7D, ", "window.size: must hold a whole number of source.granularity"),
        ("granularity: P1M, ", "window.size: must hold a whole number of source.granularity"),
        ("granularity: hourly, ", "source.granularity: 'hourly' is not a duration such as P1D, PT6H or PT30M"),
        ("", "source: 'granularity' is missing; conversations.aggregates needs it"),
        ("granularity: PT1H, page_size: 5, ",
         "source.page_size: 'page_size' is not for conversations.aggregates: its answers by query have no pages"),
    ],
)  # fmt: skip
def test_a_wrong_granularity_is_told(problems, source, problem):
    (found,) = problems(with_fields(QUEUES).replace("granularity: PT1H, ", source))
    assert found.split(": ", 1)[1] == problem


@pytest.mark.parametrize(
    ("granularity", "size", "fits"),
    [
        ("PT1H", "PT6H", True),
        ("PT1H", "P1M", True),
        ("PT6H", "PT6H", True),
        ("PT6H", "PT1H", False),
        ("PT8H", "PT12H", False),
        ("P1D", "P1D", True),
        ("P1D", "P1M", True),
        ("P1D", "PT12H", False),
        ("P7D", "P14D", True),
        ("P7D", "P10D", False),
        ("P1M", "P3M", True),
        ("P2M", "P3M", False),
        ("P1M", "P30D", False),
    ],
)
def test_a_span_holds_whole_intervals(read, granularity, size, fits):
    text = with_fields(QUEUES).replace("PT1H", granularity).replace("-01}", f"-01, size: {size}}}")
    if fits:
        assert read(text).window.size == Period.parse(size)
    else:
        with pytest.raises(MappingError, match=r"must hold a whole number of source\.granularity"):
            read(text)


@pytest.mark.parametrize(
    ("limit", "share"), [("0 %", 0.0), ("2.5%", 0.025), ("100 %", 1.0), ("101 %", None), ("0.1", None), ("-1 %", None)]
)
def test_a_reject_limit_is_a_share_in_per_cent(read, problems, limit, share):
    text = with_fields(CALLS).replace("id: Key__c", f"id: Key__c, reject_limit: {limit}")
    if share is None:
        assert problems(text)[0].endswith("target.reject_limit: must be a share such as 10 %")
    else:
        assert read(text).targets[0].reject_limit == share


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("quueId: x", "keep.quueId: unknown name 'quueId'; did you mean 'queueId'?"),
        ("zebra: x", "keep.zebra: unknown name 'zebra'; the records hold start, end, mediaType, queueId, nOffered, "
                     "tHandle"),
        ("'queueId[': x", "keep.queueId[: path 'queueId[': '[' at character 8 begins neither [0] nor "
                          "[key=value,value]"),
        ("queueId: []", "keep.queueId: must be a value, a list of values, {exists: true} or {exists: false}, or "
                        "bounds"),
        ("queueId: null", "keep.queueId: must be a value, a list of values, {exists: true} or {exists: false}, or "
                          "bounds"),
        ("queueId: {}", "keep.queueId: must be {exists: true or false}, or any of gt, gte, lt, lte"),
        ("queueId: {exists: true, gt: 1}", "keep.queueId: must be {exists: true or false}, or any of gt, gte, lt, "
                                           "lte"),
        ("queueId: {exist: true}", "keep.queueId.exist: unknown key 'exist'; did you mean 'exists'?"),
        ("queueId: {exists: yes}", "keep.queueId.exists: must be true or false, not text ('yes')"),
        ("start: {gt: 5, lt: 2026-01-02}", "keep.start: bounds are all numbers or all instants"),
        ("start: {gt: soon}", "keep.start.gt: 'soon' is neither a number nor an instant such as "
                              "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_told(problems, condition, problem):
    (found,) = problems(f"{with_fields(QUEUES)}\nkeep: {{{condition}}}\n")
    assert found.split(": ", 1)[1] == problem


@pytest.mark.parametrize(
    ("window", "problem"),
    [
        ("size: P8D", "window.size: conversations.details reads at most 7 days at once without filters, 31 with"),
        ("size: P1M", "window.size: conversations.details reads at most 7 days at once without filters, 31 with"),
        ("size: PT5H", "window.size: a day must hold a whole number of it, such as PT15M, PT1H or PT6H"),
        ("size: PT0S", "window.size: 'PT0S' is a duration of nothing"),
        ("size: 5", "window.size: must be a duration such as P1D, PT6H or PT30M"),
        ("recheck: [P4D, 4]", "window.recheck[1]: must be a duration such as P1D, PT6H or PT30M"),
        ("recheck: P4D", "window.recheck: must be a list, not text ('P4D')"),
        ("timezone: Europe", "window.timezone: 'Europe' is no time zone such as UTC or Europe/Berlin"),
        ("timezone: ../UTC", "window.timezone: '../UTC' is no time zone such as UTC or Europe/Berlin"),
        ("sice: P1D", "window.sice: unknown key 'sice'; did you mean 'size'?"),
    ],
)
def test_a_wrong_window_is_told(problems, window, problem):
    (found,) = problems(with_fields(CALLS).replace("{start: 2026-01-01}", f"{{start: 2026-01-01, {window}}}"))
    assert found.split(": ", 1)[1] == problem


_HOW = "write a date such as 2026-01-01, or an instant such as 2026-01-01T06:00:00Z"


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        ("2026-13-01", f"'2026-13-01' is no date (month must be in 1..12); {_HOW}"),
        ("20260101", f"must be a date; {_HOW}"),
        ("2026-01-01T00:00:00", f"'2026-01-01T00:00:00' is no date (a time of day without Z or an offset); {_HOW}"),
        ("0226-01-01", "'0226-01-01': Genesys Cloud holds nothing of the year 226"),
        ("1999-12-31", "'1999-12-31': Genesys Cloud holds nothing of the year 1999"),
    ],
)
def test_a_wrong_start_is_told(problems, start, problem):
    (found,) = problems(with_fields(CALLS).replace("2026-01-01", start))
    assert found.split(": ", 2)[2] == problem


def test_filters_allow_spans_up_to_31_days(read, problems):
    filtered = with_fields(CALLS).replace("details}", "details, filters: {segment: [{type: and}]}}")
    assert read(filtered.replace("-01}", "-01, size: P1M}")).window.size == Period(months=1)
    (found,) = problems(filtered.replace("-01}", "-01, size: P32D}"))
    assert found.endswith("conversations.details reads at most 31 days at once")


def test_names_the_catalogue_does_not_know_are_only_warned_of(read, tmp_path):
    text = with_fields(QUEUES).replace("tHandle]", "tBrandNew]").replace("[queueId]", "[queueId, moonPhase]")
    text = text.replace("{key: [queueId,", "{key: [queueId, moonPhase,") + "\n  A__c: tBrandNew.p95"
    assert read(text).warnings == (
        f"{tmp_path / 'stream.yml'}:2:82: source.group_by[1]: unknown dimension 'moonPhase'; "
        "the service decides whether it exists",
        f"{tmp_path / 'stream.yml'}:2:114: source.metrics[1]: unknown metric 'tBrandNew'; "
        "the service decides whether it exists",
    )


def test_spans_lie_on_the_granularity_a_whole_cell_or_minutes(read):
    berlin, utc = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
    hours = read(with_fields(QUEUES).replace("-01}", "-01, timezone: Europe/Berlin, lookback: P1D, settle: PT1M}"))
    assert window_of(hours) == Window(
        start=datetime(2025, 12, 31, 23, tzinfo=UTC),
        size=Calendar(DAY, berlin),
        grain=Calendar(Period(seconds=3600), berlin),
        lookback=timedelta(days=1),
        settle=timedelta(minutes=1),
    )
    calls = read(with_fields(CALLS).replace("2026-01-01", "2026-01-01T06:00:00+02:00"))
    assert window_of(calls).start == datetime(2026, 1, 1, 4, tzinfo=UTC)
    assert window_of(calls).grain == Calendar(Period(seconds=60), utc)
    cells = read(with_fields(SUMMARY).replace("-01}", "-01, size: P7D}"))
    assert window_of(cells).grain == Calendar(Period(days=7), utc)


def test_a_folder_gives_its_streams_in_order_of_their_names(tmp_path):
    (tmp_path / "b.yaml").write_text(with_fields(CALLS))
    (tmp_path / "a.yml").write_text(with_fields(QUEUES))
    (tmp_path / ".hidden.yml").write_text("broken: [")
    (tmp_path / "notes.txt").write_text("no mapping")
    mappings = load_mappings(tmp_path)
    assert [(name, mapping.query.name) for name, mapping in mappings.items()] == [
        ("a", "conversations.aggregates"),
        ("b", "conversations.details"),
    ]


def test_the_problems_of_all_files_come_in_one_error(tmp_path):
    (tmp_path / "a.yml").write_text("")
    (tmp_path / "b.yml").write_text(with_fields(CALLS))
    (tmp_path / "b.yaml").write_text(with_fields(CALLS))
    (tmp_path / "c d.yml").write_text(with_fields(CALLS))
    with pytest.raises(MappingError) as caught:
        load_mappings(tmp_path)
    assert caught.value.problems == (
        f"{tmp_path}/a.yml:1:1: the file is empty",
        f"{tmp_path}/b.yml:1:1: describes the same stream as b.yaml; rename one of them",
        f"{tmp_path}/c d.yml:1:1: the file's name names the stream: letters, digits, '-', '_' and '.' only, 80 at most",
    )


def test_a_folder_without_mappings_says_what_to_put_there(tmp_path):
    for folder, problem in (
        (tmp_path, f"{tmp_path}: holds no mapping"),
        (tmp_path / "none", f"{tmp_path / 'none'}: cannot be read: No such file or directory"),
    ):
        with pytest.raises(MappingError) as caught:
            load_mappings(folder)
        assert caught.value.problems == (problem,)
        assert caught.value.hint


def test_a_missing_file_is_a_mapping_error(tmp_path):
    with pytest.raises(MappingError, match="cannot be read: No such file"):
        load_mapping(tmp_path / "none.yml")
