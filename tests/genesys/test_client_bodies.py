"""Bodies of answers: large ones are read as a stream, malformed ones leave their shape behind."""

import gzip
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from test_client import PATH, SETTINGS, Genesys, Said, error

from connector.bodies import IN_MEMORY_BYTES
from connector.errors import MalformedAnswer, PermissionMissing, StateError
from connector.genesys.client import GenesysClient
from connector.genesys.kept_answers import KeptAnswers, kept_files
from connector.genesys.large import LongList


class Large(Genesys):
    """A client with folders of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.spool = folder / "spool"
        self.answers = folder / "answers"
        kept = KeptAnswers(self.answers, self.clock.now)
        self.client = GenesysClient(SETTINGS, self.transport, self.pace, folder=self.spool, kept=kept)

    def kept(self) -> dict[str, Any]:
        """The one answer that was kept."""
        [file] = kept_files(self.answers)
        found: dict[str, Any] = orjson.loads(file.read_bytes())
        return found


@pytest.fixture
def genesys(tmp_path: Path) -> Large:
    return Large(tmp_path)


CONVERSATIONS = [{"conversationId": f"c{number}", "note": "ä" * 30_000, "value": 0.1} for number in range(80)]
TEXT = orjson.dumps({"conversations": CONVERSATIONS, "totalHits": 80})
assert len(TEXT) > IN_MEMORY_BYTES


def read(genesys: Large) -> tuple[Any, ...]:
    """The kind of its list, and the body with the list read."""
    answer = genesys.call()
    return type(answer.body["conversations"]), {**answer.body, "conversations": list(answer.body["conversations"])}


WHOLE = {"conversations": CONVERSATIONS, "totalHits": 80}


def test_an_answer_above_four_megabytes_stays_in_a_file_that_nobody_sees(genesys: Large) -> None:
    genesys.script.answers = [Said(200, TEXT, Content_Length=str(len(TEXT)))]
    assert read(genesys) == (LongList, WHOLE)
    assert (list(genesys.spool.iterdir()), genesys.call().size) == ([], len(TEXT))


def test_up_to_four_megabytes_nothing_is_written(genesys: Large) -> None:
    body = {"conversations": CONVERSATIONS[:60], "totalHits": 60}
    genesys.script.answers = [Said(200, body)]
    assert read(genesys) == (list, body)
    assert not genesys.spool.exists()


def test_the_size_of_a_compressed_answer_is_that_of_what_it_holds(genesys: Large) -> None:
    packed = gzip.compress(TEXT)
    assert len(packed) < IN_MEMORY_BYTES
    genesys.script.answers = [Said(200, packed, Content_Encoding="gzip", Content_Length=str(len(packed)))]
    assert read(genesys) == (LongList, WHOLE)
    assert genesys.call().size == len(TEXT)


@pytest.mark.parametrize(
    "said",
    [
        Said(200, TEXT[:-3], Content_Length=str(len(TEXT))),
        Said(200, TEXT[:-3]),
        Said(200, TEXT[:4_500_000]),
        Said(200, gzip.compress(TEXT)[:-50], Content_Encoding="gzip"),
        Said(200, TEXT.replace(b'"c40"', b'"\\ud800"')),
        Said(200, b"<html>" + b" " * IN_MEMORY_BYTES),
        Said(503, error(503, "busy").body[:-5], Content_Length="500"),
    ],
    ids=["short of its length", "cut", "cut in a record", "gzip cut", "lone surrogate", "web page", "cut error"],
)
def test_a_large_answer_that_is_not_whole_is_asked_again(genesys: Large, said: Said) -> None:
    genesys.script.answers = [said, Said(200, TEXT)]
    assert read(genesys) == (LongList, WHOLE)
    assert not genesys.answers.exists()


def test_a_refusal_that_is_cut_is_asked_again(genesys: Large) -> None:
    whole = error(403, "missing.permission")
    genesys.script.answers = [Said(403, whole.body[:-5], Content_Length=str(len(whole.body))), whole]
    genesys.end(PermissionMissing)
    assert not genesys.answers.exists()


def test_an_answer_without_room_on_the_disk_is_told_and_not_asked_again(genesys: Large) -> None:
    genesys.spool.write_bytes(b"in the way")
    genesys.script.answers = [Said(200, TEXT)]
    assert str(genesys.spool) in genesys.end(StateError).message
    assert sum(request.url.endswith(PATH) for request in genesys.script.asked) == 1


@pytest.mark.parametrize(
    ("said", "problem", "body"),
    [
        (
            Said(200, b"<html><title>Anna Schmidt</title>", ININ_Correlation_Id="5f0e1d2c-0000", Set_Cookie="s3cret"),
            "its body is a web page",
            {"kind": "web page or XML", "tags": ["html", "title"]},
        ),
        (Said(200, b""), "its body is empty", {"kind": "empty"}),
        (
            Said(200, [{"name": "Anna"}]),
            "its body is no JSON object",
            {
                "kind": "JSON",
                "places": {"(top)": "list of 1 elements", "[]": "object", "[].name": "text of 4 characters"},
            },
        ),
        (
            Said(200, TEXT[:4_500_000]),
            "its body is not whole JSON",
            {
                "kind": "broken JSON",
                "breaks_at": 4_500_000,
                "breaks_inside": "conversations[].note",
                "places": {
                    "(top)": "object",
                    "conversations": "list",
                    "conversations[]": "object ×75",
                    "conversations[].conversationId": "text of 2 to 3 characters ×75",
                    "conversations[].note": "text of 30000 characters ×74",
                    "conversations[].value": "number ×74",
                },
            },
        ),
        (
            Said(403, b"<html><p>Anna Schmidt is not allowed"),
            "status 403 in no form of the service",
            {"kind": "web page or XML", "tags": ["html", "p"]},
        ),
    ],
    ids=["web page", "empty", "list", "cut", "refused by a proxy"],
)
def test_what_a_malformed_answer_looks_like_is_kept_and_named(
    genesys: Large, said: Said, problem: str, body: dict[str, Any]
) -> None:
    genesys.script.answers = [said]
    caught = genesys.end(MalformedAnswer)
    [file] = kept_files(genesys.answers)
    assert caught.message.endswith(f"; what it looks like, without values, is kept in {file}")
    safe = {name: said.headers[name] for name in ("ININ-Correlation-Id",) if name in said.headers}
    kept = genesys.kept()
    assert re.fullmatch(r"2026-03-05T12:\d\d:\d\dZ", kept.pop("kept"))
    assert kept == {
        "problem": problem,
        "request": {"method": "POST", "path": PATH, "parameters": []},
        "answer": {"status": said.status, "headers": safe, "bytes": len(said.body)},
        "body": body,
    }
    assert "Anna" not in file.read_text() + str(caught) and "s3cret" not in file.read_text()


def test_of_an_answer_that_a_reader_cannot_use_the_shape_is_kept(genesys: Large) -> None:
    genesys.script.answers = [Said(200, {"conversations": {"c1": "Anna"}})]
    problem = genesys.call().malformed("Genesys Cloud /x: 'conversations' is no list", "a mend")
    [file] = kept_files(genesys.answers)
    assert problem.message == (
        f"Genesys Cloud /x: 'conversations' is no list; what it looks like, without values, is kept in {file}"
    )
    assert problem.hint == "a mend"
    assert genesys.kept()["body"]["places"] == {
        "(top)": "object",
        "conversations": "object",
        "conversations.c1": "text of 4 characters",
    }


def test_good_answers_and_plain_refusals_leave_nothing(genesys: Large) -> None:
    genesys.script.answers = [Said(200, {"conversations": []})]
    genesys.call()
    genesys.script.answers = [error(403, "missing.permission")]
    genesys.end(PermissionMissing)
    assert not genesys.answers.exists()
