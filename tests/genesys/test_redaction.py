"""What is kept of a malformed answer tells its shape and none of its values."""

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.bodies import Body
from connector.genesys.kept_answers import MOST_FILES, KeptAnswers, kept_files
from connector.genesys.redaction import MOST_PLACES, body_shape, header_shape, path_shape
from connector.sandbox.contact_centre import ContactCentre

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
ANSWER = {
    "conversations": [
        {
            "conversationId": "5f0e1d2c-0000-4000-8000-000000000001",
            "participants": [
                {
                    "participantName": "Anna Schmidt",
                    "purpose": "customer",
                    "attributes": {"Kundennummer": "K-4711", "note": {"text": "calls back"}},
                    "sessions": [{"ani": "tel:+4915112345678", "metrics": [{"value": 4711}, {"value": 0.5}, None]}],
                }
            ],
        },
        "odd one",
    ],
    "totalHits": 2,
    "+49 151 12345678": True,
    "anna.schmidt@example.com": 1,
    "Anna": {"age": 51},
    "c4711": [],
}


def shape(text: bytes) -> dict[str, Any]:
    return body_shape(lambda start, end: text[start:end], len(text))


def test_an_outline_names_fields_kinds_and_lengths() -> None:
    assert shape(orjson.dumps(ANSWER)) == {
        "kind": "JSON",
        "places": {
            "(top)": "object",
            "conversations": "list of 2 elements",
            "conversations[]": "object; text of 7 characters",
            "conversations[].conversationId": "text of 36 characters",
            "conversations[].participants": "list of 1 elements",
            "conversations[].participants[]": "object",
            "conversations[].participants[].participantName": "text of 12 characters",
            "conversations[].participants[].purpose": "text of 8 characters",
            "conversations[].participants[].attributes": "object",
            "conversations[].participants[].attributes.(hidden)": "text of 6 characters; object",
            "conversations[].participants[].attributes.(hidden).(hidden)": "text of 10 characters",
            "conversations[].participants[].sessions": "list of 1 elements",
            "conversations[].participants[].sessions[]": "object",
            "conversations[].participants[].sessions[].ani": "text of 18 characters",
            "conversations[].participants[].sessions[].metrics": "list of 3 elements",
            "conversations[].participants[].sessions[].metrics[]": "object ×2; null",
            "conversations[].participants[].sessions[].metrics[].value": "number ×2",
            "totalHits": "number",
            "(hidden)": "true or false; number; object; list of 0 elements",
            "(hidden).age": "number",
        },
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {"kind": "empty"}),
        (b" \n", {"kind": "white space"}),
        (b"Access denied for anna", {"kind": "text"}),
        (b"null", {"kind": "JSON", "places": {"(top)": "null"}}),
        (b"[]", {"kind": "JSON", "places": {"(top)": "list of 0 elements"}}),
        (b"\x1f\x8b\x08\x00anna", {"kind": "compressed (gzip)"}),
        ('{"anna": 1}'.encode("utf-16"), {"kind": "text that is not in UTF-8"}),
        (
            b'\xef\xbb\xbf{"id": 1}',
            {
                "kind": "JSON",
                "places": {"(top)": "object", "id": "number"},
                "begins_with": "byte order mark of UTF-8",
            },
        ),
        (
            b"<!DOCTYPE html><HTML><head><title>Anna</title></head><anna-s/><anna><p class='anna'>4711</p></html>",
            {"kind": "web page or XML", "tags": ["html", "head", "title", "(other)", "p"]},
        ),
        (
            b'{"list": [{"id": "anna"}, {"id": "an',
            {
                "kind": "broken JSON",
                "breaks_at": 36,
                "breaks_inside": "list[].id",
                "places": {
                    "(top)": "object",
                    "list": "list",
                    "list[]": "object ×2",
                    "list[].id": "text of 4 characters",
                },
            },
        ),
        (
            b'{"name": "M\xfcller", "id": 1}',
            {"kind": "broken JSON", "breaks_at": 11, "breaks_inside": "name", "places": {"(top)": "object"}},
        ),
    ],
)
def test_every_kind_of_body_is_told(text: bytes, found: dict[str, Any]) -> None:
    assert shape(text) == found


def test_a_break_far_behind_is_told_to_the_byte() -> None:
    text = b'{"list": [' + b'{"id": "0123456789"}, ' * 5000
    found = shape(text + b'{"id": x')
    assert (found["breaks_at"], found["breaks_inside"]) == (len(text) + 7, "list[].id")
    assert found["places"]["list[].id"] == "text of 10 characters ×5000"


def test_an_outline_has_an_end() -> None:
    found = shape(orjson.dumps({f"field_{'x' * one}"[:40] + f"_{'y' * (one // 30)}": one for one in range(1000)}))
    assert len(found["places"]) <= MOST_PLACES
    deep = shape(b"[" * 3000)
    assert (deep["kind"], len(deep["breaks_inside"]) < 400) == ("broken JSON", True)


def test_ids_in_a_path_are_told_by_their_length_and_odd_headers_not_at_all() -> None:
    assert path_shape("/api/v2/users/5f0e1d2c-0000-4000-8000-000000000001/queues/Anna") == (
        "/api/v2/users/(36 characters)/queues/(4 characters)"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "ININ-Correlation-Id": "5f0e1d2c-0000-4000-8000-000000000001",
        "Content-Length": "anna@example.com",
        "Set-Cookie": "secret",
        "Authorization": "secret",
        "X-User": "anna",
    }
    assert header_shape(headers) == {
        "Content-Type": "text/html; charset=utf-8",
        "ININ-Correlation-Id": "5f0e1d2c-0000-4000-8000-000000000001",
    }


def values(answer: Any) -> Iterator[str]:
    """Every text and number of an answer."""
    if isinstance(answer, dict):
        for one in answer.values():
            yield from values(one)
    elif isinstance(answer, list):
        for one in answer:
            yield from values(one)
    elif isinstance(answer, str) or (isinstance(answer, int | float) and not isinstance(answer, bool)):
        yield str(answer)


class Kept:
    """A folder of answers and its clock."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "answers"
        self.moment = NOON
        self.answers = KeptAnswers(self.folder, lambda: self.moment)

    def keep(self, text: bytes = b"[]") -> Path:
        request = ("POST", "/api/v2/analytics/conversations/details/query", ("pageSize", "q 4711"))
        path = self.answers.keep("its body is no JSON object", request, 200, {}, Body(len(text), text))
        assert path is not None
        return path


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_no_value_of_an_answer_stands_in_its_file(kept: Kept) -> None:
    """Conversations as the simulated service gives them, and the same broken off, as a list, and as a web page."""
    world = ContactCentre(seed=3, start=NOON - timedelta(days=2), days=2, conversations=40).world()
    shown = world.conversations_at(NOON, NOON - timedelta(days=2), NOON)
    assert shown
    answer = {**ANSWER, "conversations": [*ANSWER["conversations"], *shown]}  # type: ignore[misc]
    text = orjson.dumps(answer)
    secrets = {one for one in values(answer) if len(one) > 3}
    page = b"<html><title>" + b"</title><p>".join(one.encode() for one in secrets) + b"</p></html>"
    for body in (text, text[:-7], orjson.dumps([answer]), text.replace(b'"purpose"', b'"purpose"x', 1), page):
        written = kept.keep(body).read_text()
        words = set(re.findall(r"[\w.:+@-]+", written))
        # Words of the form itself, which are also values of the API.
        assert {one for one in secrets if one in words or (" " in one and one in written)} <= {"true", "text", "null"}
        assert not {"Anna", "Kundennummer", "K-4711", "4711", "c4711", "anna.schmidt@example.com"} & words


def test_a_file_tells_request_status_and_shape(kept: Kept) -> None:
    path = kept.keep()
    assert orjson.loads(path.read_bytes()) == {
        "kept": "2026-03-05T12:00:00Z",
        "problem": "its body is no JSON object",
        "request": {
            "method": "POST",
            "path": "/api/v2/analytics/conversations/details/query",
            "parameters": ["pageSize", "(hidden)"],
        },
        "answer": {"status": 200, "headers": {}, "bytes": 2},
        "body": {"kind": "JSON", "places": {"(top)": "list of 0 elements"}},
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


def test_the_last_files_are_kept_and_what_a_kill_left_goes(kept: Kept) -> None:
    kept.folder.mkdir()
    (kept.folder / "mine.json").write_text("a note")
    (kept.folder / ".20260305T110000Z-abc.json").write_text("half")
    (kept.folder / ".20260305T121500Z-abc.json").write_text("being written by another process")
    made = []
    for _ in range(MOST_FILES + 5):
        kept.moment += timedelta(minutes=1)
        made.append(kept.keep())
    assert kept_files(kept.folder) == made[5:]
    assert {one.name for one in kept.folder.iterdir()} == {
        *(one.name for one in made[5:]),
        "mine.json",
        ".20260305T121500Z-abc.json",
    }


def test_a_folder_that_cannot_be_written_is_logged_and_hides_nothing(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.folder.write_text("a file is in the way")
    body = Body(2, b"[]")
    assert kept.answers.keep("wrong", ("GET", "/", ()), 200, {}, body) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"{kept.folder}: the shape of an answer cannot be kept: {os.strerror(17)}"
    ]
