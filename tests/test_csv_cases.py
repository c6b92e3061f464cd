"""Hard values all the way: out of a record into a row, into the bytes of an ingest file, into the simulated org.

`pytest -s` prints, for each value, what stands in the file, which way it went and what Salesforce holds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
import requests
from lab import at
from test_delivery import Before, Dock

from connector.genesys.judge import Seen
from connector.mapping import compile_mapping, load_mapping
from connector.sandbox.objects import Field, SObject, checkbox, date_time, external_id, number, text
from connector.sandbox.salesforce import SalesforceSim
from connector.spans import Span
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry
from connector.windows import Planned

MAPPING = """
source: {endpoint: {path: "/api/v2/proofs/${start}/${end}", records: rows, key: [id]}}
window: {start: 2026-03-02, size: PT6H}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields:
  Conversation_Id__c: {key: [id, start]}
  Text__c: text
  Number__c: number
  Scaled__c: {from: scaled, multiply: 1000}
  Whole__c: {from: whole, integer: true}
  Flag__c: {from: flag, when_missing: leave}
  Day__c: {from: day, date: UTC}
  Moment__c: {from: moment, datetime: true}
"""
KEY = "Conversation_Id__c"
START = "2026-03-02T00:00:00Z"
LONGEST = 131_072
OBJECT = SObject(
    "Conversation__c",
    "Conversation",
    "Conversations",
    "a01",
    (
        external_id(KEY, "Key"),
        text("Text__c", "Text", LONGEST),
        number("Number__c", "Number", 18, 8),
        number("Scaled__c", "Scaled", 18, 0),
        number("Whole__c", "Whole", 18, 0),
        checkbox("Flag__c", "Flag"),
        Field("Day__c", "Day", "date"),
        date_time("Moment__c", "Moment"),
    ),
)


class Case(NamedTuple):
    """A value of a record and what is to become of it.

    cell: its bytes in the file, None when it goes into none; found: what Salesforce holds then, or the code of the
    reject.
    """

    name: str
    field: str
    said: Any
    cell: str | None
    found: Any


def same(name: str, said: str) -> Case:
    """A text that is written as it is."""
    return Case(name, "text", said, said, said)


def quoted(name: str, said: str) -> Case:
    return Case(name, "text", said, f'"{said}"', said)


CASES = [
    same("plain", "O'Neil|x;y\tz"),
    Case("quotes", "text", 'say "hi"', '"say ""hi"""', 'say "hi"'),
    Case("one quote", "text", '"', '""""', '"'),
    quoted("commas", "a,b,"),
    quoted("LF", "a\nb"),
    Case("CR becomes LF", "text", "a\rb", '"a\nb"', "a\nb"),
    Case("CRLF becomes LF", "text", "a\r\nb\r\n", '"a\nb\n"', "a\nb\n"),
    Case("quote, comma and line", "text", '",\n"', '""",\n"""', '",\n"'),
    same("emoji", "☎️👩‍💻"),
    same("U+2028 and U+0085", "a\u2028b\u0085c"),
    quoted("U+2028 at the end", "a\u2028"),
    same("byte order mark", "\ufeffa"),
    same("U+0000", "a\x00b"),
    same("other control characters", "a\x01\x1f\x7fb"),
    quoted("blanks around", "  a\t"),
    quoted("only a blank", " "),
    quoted("no-break space first", "\u00a0a"),
    Case("empty text clears", "text", "", "#N/A", None),
    Case("null clears", "text", None, "#N/A", None),
    Case("the text #N/A", "text", "#N/A", None, "#N/A"),
    same("#N/A in a text", "#N/A!"),
    quoted("#N/A with a blank", "#N/A "),
    same("leading =", "=1+1"),
    same("leading @", "@SUM(A1)"),
    same("backslash", "a\\nb\\"),
    same("a text of digits", "0001E5"),
    same("longest text", "x" * LONGEST),
    quoted("longest text, quoted", "y," * (LONGEST // 2)),
    Case("one character more", "text", "x" * (LONGEST + 1), "x" * (LONGEST + 1), "STRING_TOO_LONG"),
    Case("half a surrogate pair", "text", "a\ud83d", None, "NOT_TEXT"),
    Case("1e-7", "number", 1e-7, "0.0000001", 1e-7),
    Case("below the scale", "number", 1e-9, "0.000000001", 0.0),
    Case("0.1 + 0.2", "number", 0.1 + 0.2, "0.30000000000000004", 0.3),
    Case("-0.0", "number", -0.0, "-0.0", 0.0),
    Case("true in a number field", "number", True, "true", "INVALID_FIELD"),
    Case("1e21", "number", 1e21, "1000000000000000000000", "NUMBER_OUTSIDE_VALID_RANGE"),
    Case("18 digits", "whole", 10**18 - 1, "999999999999999999", float(10**18 - 1)),
    Case("2**63", "whole", 2**63, "9223372036854775808", "NUMBER_OUTSIDE_VALID_RANGE"),
    Case("2**64 - 1", "whole", 2**64 - 1, "18446744073709551615", "NUMBER_OUTSIDE_VALID_RANGE"),
    Case("1e21 made whole", "whole", 1e21, None, "NUMBER_TOO_LARGE"),
    Case("2**63 times 1000", "scaled", 2**63, None, "NUMBER_TOO_LARGE"),
    Case("infinity", "number", float("inf"), None, "NOT_A_NUMBER"),
    Case("true", "flag", True, "true", 1),
    Case("false", "flag", False, "false", 0),
    Case("date", "day", "2026-02-28", "2026-02-28", "2026-02-28"),
    Case("date of an instant", "day", "2026-03-01T00:30:00+01:00", "2026-02-28", "2026-02-28"),
    Case("instant", "moment", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000+0000"),
    Case("fraction", "moment", "2026-03-01T12:00:00.999Z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000+0000"),
    Case("offset", "moment", "2026-03-01T12:00:00+05:30", "2026-03-01T06:30:00Z", "2026-03-01T06:30:00.000+0000"),
    Case("a date for an instant", "moment", "2026-03-01", None, "NOT_AN_INSTANT"),
]
"""All but the keys are told by one column; every other one is cleared, and the flag left as it is."""

KEYS = ["plain", "a\x00b", 'a "key"', "a,b", "a\nb", " a ", "é☎️", "\u2028", "1E5", "=1"]
"""Record ids whose rows must be found in the result files again."""


def line(key: str, case: Case) -> str:
    cells = {"text": "#N/A", "number": "#N/A", "scaled": "#N/A", "whole": "#N/A", "flag": "", "day": "#N/A"}
    cells |= {"moment": "#N/A", case.field: case.cell}
    return ",".join([key, *map(str, cells.values())]) + "\n"


def short(value: Any) -> str:
    shown = ascii(value)
    return shown if len(shown) < 40 else f"{shown[:12]}... {len(value):,} characters"


@pytest.fixture
def dock(make_lab) -> Iterator[Dock]:
    """A dock over an organisation with one object for all kinds of values; `uploads` are the files it was sent."""
    lab = make_lab(now=at(30))
    lab.salesforce.close()
    lab.salesforce = SalesforceSim(lab.folder / "proofs.db", [OBJECT], lab.clock, job_seconds=5)
    uploads: list[bytes] = []

    def keep(request: requests.PreparedRequest) -> None:
        if request.method == "PUT":
            uploads.append(request.body.read())  # type: ignore[union-attr]
            request.body.seek(0)  # type: ignore[union-attr]

    lab.wrap_adapter = lambda adapter: Before(adapter, keep)
    with lab.opened() as ready:
        dock = Dock(lab, ready)
        dock.by, dock.uploads = "bulk", uploads  # type: ignore[attr-defined]
        dock.prove()
        yield dock


def deliver(dock: Dock, records: list[dict[str, Any]]) -> tuple[str, ...]:
    """Map the records, let their rows wait and send them; returns the columns of the file."""
    dock.lab.write_mapping(MAPPING)
    compiled = compile_mapping(load_mapping(dock.lab.mapping))
    now = dock.lab.clock.now()
    one = dock.store.passes.begin("calls", Planned("new", Span(at(0), at(24))), ("fields-1", "source-1"), dock.run, now)
    entries = [
        Entry(digest(str(place)), digest(str(place)), START, "mapped", compiled.map({"start": START, **record}))
        for place, record in enumerate(records)
    ]
    dock.store.outbox.store_page(one, entries, [OBJECT.name], Checkpoint(1, "", Seen()), len(entries), now)
    dock.store.passes.pulled(one)
    dock.deliver(columns=compiled.columns[0], reject_limit=1.0)
    return compiled.columns[0]


def held(dock: Dock) -> dict[str, dict[str, Any]]:
    """What the organisation's own file says, by key."""
    with closing(sqlite3.connect(dock.lab.folder / "proofs.db")) as db:
        db.row_factory = sqlite3.Row
        return {row[KEY]: dict(row) for row in db.execute("SELECT * FROM Conversation__c")}


def test_every_value_reaches_salesforce_right_to_the_byte_or_is_set_aside(dock):
    keys = [f"{place:02}|{START}" for place in range(len(CASES))]
    columns = deliver(dock, [{"id": f"{place:02}", case.field: case.said} for place, case in enumerate(CASES)])
    rows = held(dock)
    codes = {row["external_id"]: row["code"] for row in dock.store.db.rows("SELECT external_id, code FROM rejects")}
    print(f"\n{'value':26} {'in the record':39} {'in the file':39} in Salesforce")
    found = []
    for key, case in zip(keys, CASES, strict=True):
        arrived = rows[key][f"{case.field.title()}__c"] if key in rows else codes[key]
        found.append(arrived)
        cell = "-" if case.cell is None else short(case.cell)
        print(f"{case.name:26} {short(case.said):39} {cell:39} {short(arrived)}")
    (upload,) = dock.uploads
    written = [line(key, case) for key, case in zip(keys, CASES, strict=True) if case.cell is not None]
    assert upload.decode() == ",".join(columns) + "\n" + "".join(written)
    assert found == [case.found for case in CASES]
    assert (len(rows), len(codes)) == (len(CASES) - 10, 10)
    assert dock.books() == {"created": len(rows), "rejected": len(CASES) - len(rows)}
    assert dock.batches() == [("bulk", "ended", len(written)), ("collections", "ended", 1)]


def test_rows_with_hard_keys_are_found_in_the_result_files(dock):
    deliver(dock, [{"id": key, "text": "x"} for key in KEYS])
    assert held(dock).keys() == {f"{key}|{START}" for key in KEYS}
    assert (dock.books(), len(dock.uploads)) == ({"created": len(KEYS)}, 1)


def test_a_row_whose_key_is_no_text_is_set_aside_under_the_name_of_its_record(dock):
    deliver(dock, [{"id": "a\ud83d"}, {"id": "b"}])
    (reject,) = dock.store.db.rows("SELECT external_id, code, message FROM rejects")
    assert (reject["external_id"][:8], reject["code"]) == ("(record ", "NOT_TEXT")
    assert reject["message"].startswith(f"fields.{KEY}: ")
    assert dock.books() == {"created": 1, "rejected": 1}
