import csv
import hashlib
import io
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.salesforce.csv_file import Written, write_csv

COLUMNS = ["Key__c", "Note__c", "Talk__c"]


def written(rows, columns=COLUMNS, limit=10_000):
    file = io.BytesIO()
    told = write_csv(file, columns, rows, limit_bytes=limit)
    return told, file.getvalue()


def test_each_value_has_one_way_to_be_written():
    row = {
        "Key__c": "k,1",
        "Text": 'say "hi"\nü',
        "Lone": "a\rb",
        "Blank": " x",
        "Trail": "x\t",
        "Plain": "O'Neil|x;y",
        "Clear": None,
        "Empty": "",
        "Yes": True,
        "No": False,
        "Whole": 10**20,
        "Small": 1e-07,
        "Big": 1e22,
        "Dec": Decimal("1E+3"),
        "Exact": Decimal("0.10"),
        "When": "2026-03-01T12:00:00Z",
        "Parent__r.Ext__c": "p-1",
    }
    columns = [*row, "Absent"]
    told, content = written([row], columns)
    line = (
        '"k,1","say ""hi""\nü","a\rb"," x","x\t",O\'Neil|x;y,#N/A,#N/A,true,false,100000000000000000000,'
        "0.0000001,10000000000000000000000,1000,0.10,2026-03-01T12:00:00Z,p-1,"
    )
    assert content == (",".join(columns) + "\n" + line + "\n").encode()
    assert told == Written(1, len(content), hashlib.sha256(content).hexdigest())


def test_the_file_ends_before_the_row_that_would_pass_the_limit():
    rows = [{"Key__c": f"ü{number}"} for number in range(5)]
    _, whole = written(rows)
    head = len(b"Key__c,Note__c,Talk__c\n")
    line = len("ü0,,\n".encode())
    for limit, fitting in ((head + line, 1), (head + 3 * line - 1, 2), (head + 3 * line, 3), (10_000, 5)):
        told, content = written(rows, limit=limit)
        assert content == whole[: head + fitting * line]
        assert told == Written(fitting, len(content), hashlib.sha256(content).hexdigest())


def test_the_limit_and_the_sum_hold_over_many_pieces():
    rows = [{"Key__c": str(number), "Note__c": "n" * 500} for number in range(3000)]
    told, content = written(rows, limit=1_000_000)
    assert told == Written(content.count(b"\n") - 1, len(content), hashlib.sha256(content).hexdigest())
    assert 1_000_000 - 600 < len(content) <= 1_000_000


def test_no_rows_give_a_header_alone():
    assert written([])[1] == b"Key__c,Note__c,Talk__c\n"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"Talk__c": float("nan")}, "Talk__c: nan is no number"),
        ({"Talk__c": float("inf")}, "Talk__c: inf is no number"),
        ({"Talk__c": Decimal("NaN")}, "Talk__c: NaN is no number"),
        ({"Talk__c": datetime(2026, 1, 1)}, "Talk__c: a datetime cannot be written"),
        ({"Talk__c": [1]}, "Talk__c: a list cannot be written"),
        ({"Note__c": "#N/A"}, "Note__c: the text #N/A would clear the field"),
        ({"Other__c": 1}, "no column for Other__c"),
        ({"Note__c": "\ud83d"}, "half a surrogate pair"),
        ({"Note__c": "n" * 20_000}, "does not fit"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused(row, problem):
    with pytest.raises(ValueError, match=problem):
        written([row])


def test_a_refused_text_is_not_told():
    with pytest.raises(ValueError) as caught:
        written([{"Note__c": "Bob \ud83d"}])
    assert "Bob" not in str(caught.value)


def test_bad_headers_are_refused():
    with pytest.raises(ValueError, match="twice"):
        written([], ["A", "A"])
    with pytest.raises(ValueError, match="32000"):
        written([], [f"Field_{number:05}__c" for number in range(3000)])


@given(st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: text not in ("", "#N/A")), min_size=1))
def test_a_strict_reader_reads_back_every_text(texts):
    _, content = written([{"T": text} for text in texts], ["T"], limit=1_000_000)
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    assert [row[0] if row else "" for row in reader] == ["T", *texts]
