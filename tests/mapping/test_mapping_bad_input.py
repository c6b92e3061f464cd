"""Files that mean harm, or were never meant to be mappings: a message each, soon, and nothing is run."""

import time

import pytest
from mapping_texts import CALL_RECORD, CALLS, QUEUES, with_fields

from connector.errors import MappingError
from connector.mapping import BadRow, compile_mapping, load_mapping
from connector.mapping.document import MOST_PROBLEMS

SOON_SECONDS = 20
"""Far more than any of these needs on a slow machine, far less than for ever."""


@pytest.fixture(autouse=True)
def soon():
    begun = time.process_time()
    yield
    assert time.process_time() - begun < SOON_SECONDS


def test_an_expression_that_would_run_for_ever_elsewhere_takes_time_in_proportion(row_of):
    text = with_fields(CALLS, "A__c: {from: externalTag, replace: ['(a+)+$', x]}")
    row = row_of(text, {**CALL_RECORD, "externalTag": "a" * 100_000 + "b"})
    assert row.values["A__c"] == "a" * 100_000 + "b"


@pytest.mark.parametrize("pattern", ["(?=a)", "(a)\\\\1", "((a{100}){100}){100}", "[", "(" * 5000])
def test_an_expression_beyond_re2_is_refused(problems, pattern):
    (found,) = problems(with_fields(CALLS, f'A__c: {{from: externalTag, replace: ["{pattern}", x]}}'))
    assert "fields.A__c.replace: is no regular expression (RE2 syntax): " in found


def test_a_template_is_text_and_paths_and_never_read_twice(row_of):
    text = with_fields(CALLS, "A__c: {template: '{externalTag}{externalTag}'}")
    row = row_of(text, {**CALL_RECORD, "externalTag": "{externalTag}{conversationId.__class__}"})
    assert row.values["A__c"] == "{externalTag}{conversationId.__class__}" * 2


@pytest.mark.parametrize(
    "name", ["__class__", "a'); import os; os.system('x", "a\\nb", "{r}", "%s", "\u2028", "v1", "return"]
)
def test_a_name_is_a_name_and_never_code(row_of, name):
    text = with_fields(CALLS, f'A__c: {{from: "\\"{name}\\""}}', f'B__c: {{count: "a.\\"{name}\\""}}')
    real = name.replace("\\n", "\n")
    row = row_of(text, {**CALL_RECORD, real: "there"})
    assert not isinstance(row, BadRow)
    assert row.values["B__c"] == 0


def test_a_constant_is_written_as_it_is_and_never_run(row_of):
    odd = "'); raise SystemExit('"
    text = with_fields(CALLS, f'A__c: {{value: "{odd}"}}', f'B__c: {{from: nothing, default: "{odd}"}}')
    assert list(row_of(text, CALL_RECORD).values.values())[1:] == [odd, odd]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("qu\u0435ueId", "unknown name 'qu\u0435ueId'; did you mean 'queueId'? (it holds CYRILLIC SMALL LETTER IE)"),
        ("queueId\u200b", None),
        ("tHandle\uff0esum", None),
    ],
)
def test_letters_that_only_look_like_others_are_named(problems, name, told):
    found = problems(with_fields(QUEUES, f"A__c: {name}"))
    assert len(found) == 1
    assert told is None or found[0].endswith(told)


def test_a_field_name_with_a_letter_that_only_looks_like_another_is_told(problems):
    (found,) = problems(with_fields(QUEUES, "Off\u0435red__c: queueId"))
    assert found.endswith(
        "is no API name of a Salesforce field, such as Offered__c (it holds CYRILLIC SMALL LETTER IE)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "\n".join(f"k{index}: v" for index in range(60_000)),
        with_fields(CALLS) + "\n" + "\n".join(f"  F{index}__c: nothnig{index}" for index in range(20_000)),
        with_fields(CALLS, f"A__c: {'a.' * 5000}a"),
        with_fields(CALLS, f"A__c: {{jmespath: '{'(' * 1900}'}}"),
        with_fields(CALLS, f"A__c: {{jmespath: '{'a' * 3000}'}}"),
        with_fields(CALLS, "A__c: {template: '" + "{a}" * 50_000 + "'}"),
        with_fields(CALLS, "A__c: " + "{then: " * 30 + "x" + "}" * 30),
        "? [a, b]\n: c\n",
        "&a [*a]",
        "!!python/object/apply:os.system ['true']",
        "source: !!binary aGVsbG8=",
        "<<: {a: b}",
        "\x00",
        "\ufeff",
    ],
    ids=range(15),
)
def test_what_is_no_mapping_gets_a_message(tmp_path, text):
    path = tmp_path / "stream.yml"
    path.write_bytes(text.encode())
    try:
        compile_mapping(load_mapping(path))
    except MappingError as error:
        assert 0 < len(error.problems) <= MOST_PROBLEMS + 1
        assert all(problem.startswith(f"{path}:") for problem in error.problems)
