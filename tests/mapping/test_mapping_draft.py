"""Drafts of mappings: every one loads, and each guess fits the field."""

import re
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_texts import SCHEMA

from connector.mapping import load_mapping
from connector.mapping.document import read_document
from connector.mapping.draft import QUERIES, Column, draft

DAY = date(2026, 3, 1)
KEY = Column("Key__c", "string", length=255, is_key=True)


def fields_of(query: str, *columns: Column) -> dict[str, str]:
    """The fields of a draft beside its key, as written."""
    text = draft("Call__c", [KEY, *columns], query, DAY).text
    found = re.findall(r"^  (\w+__c): (.*)$", text.partition("\nfields:\n")[2], re.MULTILINE)
    return dict(found[1:])


AGGREGATES = [
    (Column("Offered__c", "double"), "{from: nOffered.count, default: 0}"),
    (Column("Answered__c", "double"), "{from: tAnswered.count, default: 0}"),
    (Column("Answered_s__c", "double"), "{from: tAnswered.sum, divide: 1000, round: 1} # from milliseconds"),
    (Column("Talk_Minutes__c", "double"), "{from: tTalk.sum, divide: 60000, round: 1} # from milliseconds"),
    (Column("Talk_ms__c", "double"), "tTalk.sum"),
    (Column("Talk_Seconds__c", "int"), "{from: tTalk.sum, divide: 1000, round: 0} # from milliseconds"),
    (
        Column("Average_Talk_s__c", "double"),
        "{ratio: [tTalk.sum, tTalk.count], divide: 1000, round: 1} # from milliseconds",
    ),
    (Column("Longest_Wait_s__c", "double"), "{from: tWait.max, divide: 1000, round: 1} # from milliseconds"),
    (
        Column("Service_Level__c", "percent"),
        "{ratio: [oServiceLevel.numerator, oServiceLevel.denominator], multiply: 100, round: 2}",
    ),
    (Column("Agent_Id__c", "string", length=40), "userId"),
    (Column("Agent_Name__c", "string", length=40), "{from: userId, lookup: users.name, truncate: 40}"),
    (Column("Queue__c", "string", length=20), "{from: queueId, truncate: 20}"),
    (Column("Interval_Start__c", "datetime"), "start"),
]


@pytest.mark.parametrize(("column", "written"), AGGREGATES, ids=lambda one: getattr(one, "name", ""))
def test_a_field_is_guessed_by_its_name_and_made_to_fit_its_type(column, written):
    assert fields_of("conversations.aggregates", column) == {column.name: written}


@pytest.mark.parametrize(
    "column",
    [
        Column("Offered__c", "boolean"),
        Column("Service_Level__c", "string"),
        Column("Queue_Id__c", "reference", parents=("Queue__c",), relationship="Queue_Id__r"),
        Column("Favourite_Colour__c", "string"),
    ],
    ids=lambda one: f"{one.name} {one.type}",
)
def test_what_does_not_fit_is_left_to_the_admin(column):
    assert fields_of("conversations.aggregates", column) == {}


def test_no_two_fields_take_the_same():
    twice = (Column("Direction__c", "string"), Column("Directions__c", "string"))
    assert list(fields_of("conversations.details", *twice)) == ["Direction__c"]


def test_fields_that_were_not_found_stand_in_comments_with_type_and_label():
    columns = [
        Column("Note__c", "string", "A\nnote: of # all", 60, is_required=True),
        Column("Parent__c", "reference", "Parent", parents=("Account",), relationship="Parent__r"),
    ]
    made = draft("Call__c", [KEY, *columns], "conversations.details", DAY)
    assert made.text.endswith(
        "\n\n  # Not mapped, for nothing in the records has such a name: API name, type, label.\n"
        '  # Note__c: string(60), "A note: of # all", required\n'
        '  # Parent__c: reference, "Parent"; the parent\'s key: Parent__r.EXTERNAL_ID__c of Account\n'
    )
    assert made.left == ("Note__c is required on new records and not mapped",)


def test_the_choice_between_two_keys_is_told():
    other = Column("Other_Key__c", "string", is_key=True)
    assert draft("Call__c", [KEY, other], "conversations.details", DAY).left == (
        "Key__c was taken for the key; Other_Key__c could be it too",
    )


NAMES = st.builds(
    lambda words: "_".join(words) + "__c",
    st.lists(
        st.sampled_from("Queue Agent User Talk Time Handle Start Ended Direction Id Name s Count Wait Media".split()),
        min_size=1,
        max_size=4,
    ),
)
COLUMNS = st.lists(
    st.builds(
        Column,
        name=NAMES,
        type=st.sampled_from("string double int boolean datetime date picklist reference percent".split()),
        label=st.text(max_size=20),
        length=st.integers(0, 300),
        is_key=st.booleans(),
        is_required=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda column: column.name.lower(),
)


@settings(max_examples=60, deadline=None)
@given(columns=COLUMNS, query=st.sampled_from(QUERIES))
def test_every_draft_loads_without_a_warning_and_fits_the_schema(tmp_path_factory, columns, query):
    path = tmp_path_factory.mktemp("drafts") / "call.yml"
    path.write_text(draft("Call__c", columns, query, DAY).text, encoding="utf-8")
    assert load_mapping(path).warnings == ()
    assert list(SCHEMA.iter_errors(read_document(path).data)) == []


def test_the_fields_of_a_large_object_take_no_longer_than_a_breath():
    columns = [KEY, *(Column(f"Handle_Something_{number}__c", "double") for number in range(800))]
    before = time.process_time()
    draft("Call__c", columns, "conversations.aggregates", DAY)
    assert time.process_time() - before < 5
