"""One Bulk API 2.0 ingest job, step by step; every step may be the last before a crash.

    Open -> UploadComplete -> InProgress -> JobComplete | Failed; Aborted at any live point

A job takes exactly one upload. Neither `create` nor `upload` is repeated when the answer is lost: the caller, who
keeps the journal, asks `state` and decides. Source: Bulk API 2.0 guide, job states, upload job data.
"""

import gzip
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from connector.errors import DeliveryRefused, MalformedAnswer, Refused, ServiceUnavailable
from connector.salesforce.connect import Org
from connector.salesforce.hints import discreet
from connector.transport import AnswerLost

Stage = Literal["Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]
Kind = Literal["successful", "failed", "unprocessed"]

_RESULT_PATHS: dict[Kind, str] = {
    "successful": "successfulResults",
    "failed": "failedResults",
    "unprocessed": "unprocessedrecords",
}
_FETCH_TRIES = 3
_PIECE_BYTES = 1 << 16
_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_WAIT_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a job stands. processed: rows tried, failed ones among them. message: why the job failed, or "".

    `JobComplete` says nothing about rows: look at `failed`. A `Failed` job may have saved rows.
    """

    state: Stage
    processed: int = 0
    failed: int = 0
    message: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether Salesforce will do nothing more with the job."""
        return self.state in ("JobComplete", "Failed", "Aborted")


def create(org: Org, object: str, external_id: str) -> str:
    """Create an empty upsert job and return its id. The call is made once: a lost answer is `transport.AnswerLost`.

    Raises DeliveryRefused when the object, or the field as its key, cannot be loaded so; else what `Org.call` raises.
    """
    body = {
        "object": object,
        "operation": "upsert",
        "externalIdFieldName": external_id,
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    try:
        answer = org.call("POST", "jobs/ingest", json=body, repeat=False)
    except Refused as error:
        if error.status in (400, 404):
            raise DeliveryRefused(f"{object}.{external_id}: {error.message}", error.hint) from error
        raise
    job_id = _info(answer).get("id")
    if not isinstance(job_id, str) or not job_id.isalnum():
        raise AnswerLost("Salesforce created an ingest job without telling its id")
    return job_id


def upload(org: Org, job_id: str, path: Path) -> None:
    """Send the file, streamed from disk, once: a second upload into one job is refused.

    After `transport.AnswerLost` a job that is still Open may or may not hold the file: abort it and make another.
    Raises Refused (404: no such job) and what else `Org.call` raises.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise ValueError("an empty file cannot be uploaded; it needs at least a header")
        org.call("PUT", f"{_path(job_id)}/batches", data=file, headers={"Content-Type": "text/csv"}, repeat=False)


def start(org: Org, job_id: str) -> JobState | None:
    """Tell Salesforce that the upload is complete; returns the job's state after that, None when there is no such job.

    Safe to repeat: when Salesforce refuses because the job is past that step (an earlier answer was lost, or someone
    aborted it), its state is returned as it is. Raises Refused when it is still Open, else what `Org.call` raises.
    """
    try:
        return _job_state(org.call("PATCH", _path(job_id), json={"state": "UploadComplete"}))
    except Refused:
        found = state(org, job_id)
        if found and found.state == "Open":
            raise
        return found


def abort(org: Org, job_id: str) -> JobState | None:
    """End a job; returns its state, another than Aborted when it had finished before, None when there is no such job.

    Raises Refused when Salesforce lets the job live, else what `Org.call` raises.
    """
    try:
        return _job_state(org.call("PATCH", _path(job_id), json={"state": "Aborted"}))
    except Refused:
        found = state(org, job_id)
        if found and not found.is_finished:
            raise
        return found


def state(org: Org, job_id: str) -> JobState | None:
    """Where the job stands; None when Salesforce does not know it (any more): deleted, or finished over 7 days ago."""
    try:
        return _job_state(org.call("GET", _path(job_id)))
    except Refused as error:
        if error.status == 404:
            return None
        raise


def fetch_results(org: Org, job_id: str, kind: Kind, to: Path) -> None:
    """Write one result file of a finished job to `to`, as UTF-8 bytes; no rows give an empty file.

    `to` appears only when the whole body has come; a body that breaks off is fetched again, three times in all.
    Raises ServiceUnavailable when it never came whole; Refused with status 404 when the results are gone, then the
    rows are to be sent again; else what `Org.call` raises.
    """
    part = to.with_name(to.name + ".part")
    part.touch(mode=0o600)
    trouble = ""
    try:
        for _ in range(_FETCH_TRIES):
            trouble = _fetch_once(org, f"{_path(job_id)}/{_RESULT_PATHS[kind]}", part)
            if not trouble:
                part.replace(to)
                return
    finally:
        part.unlink(missing_ok=True)
    raise ServiceUnavailable(
        f"the {kind} results of job {job_id} {trouble}, {_FETCH_TRIES} times",
        "The next run fetches them again; results stay at Salesforce for seven days.",
    )


def poll_wait(polls: int) -> float:
    """Seconds to wait before asking for the state again, after so many polls: from 1 s, growing, up to 30 s."""
    # The exponent is capped because a float overflows long before a job's day is over.
    return min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * _WAIT_GROWTH ** min(polls, 20))


def _path(job_id: str) -> str:
    return f"jobs/ingest/{job_id}"


def _fetch_once(org: Org, path: str, part: Path) -> str:
    """Write the body to `part`; returns what was wrong with it, or ""."""
    headers = {"Accept": "text/csv", "Accept-Encoding": "gzip"}
    with org.call("GET", path, headers=headers, stream=True) as answer, part.open("wb") as file:
        try:
            if _is_gzip(answer):
                # Read here, not by requests, which takes a gzip stream that breaks off for whole.
                with gzip.GzipFile(fileobj=answer.raw) as body:
                    shutil.copyfileobj(body, file, _PIECE_BYTES)
            else:
                for piece in answer.iter_content(_PIECE_BYTES):
                    file.write(piece)
        except (RequestException, HTTPError, EOFError, gzip.BadGzipFile, zlib.error):
            return "broke off"
        return _cut(answer)


def _cut(answer: requests.Response) -> str:
    """Whether the body was shorter than announced: not every HTTP library version checks it."""
    announced = answer.headers.get("Content-Length")
    received = answer.raw.tell()
    if announced is not None:
        return "" if received == int(announced) else "broke off"
    is_chunked = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
    # A gzip stream that was read to its end has proved itself by its checksum.
    has_end = is_chunked or answer.status_code == 204 or (_is_gzip(answer) and received > 0)
    return "" if has_end else "came without a mark of their end"


def _is_gzip(answer: requests.Response) -> bool:
    return answer.headers.get("Content-Encoding", "").lower() == "gzip"


def _info(answer: requests.Response) -> dict[str, Any]:
    try:
        info = answer.json()
    except ValueError as error:
        raise MalformedAnswer("Salesforce answered an ingest job call with a body that is no JSON") from error
    if not isinstance(info, dict):
        raise MalformedAnswer("Salesforce answered an ingest job call with no job")
    return info


def _job_state(answer: requests.Response) -> JobState:
    info = _info(answer)
    if info.get("state") not in get_args(Stage):
        raise MalformedAnswer("Salesforce told no known state of an ingest job")
    return JobState(
        state=info["state"],
        processed=int(info.get("numberRecordsProcessed") or 0),
        failed=int(info.get("numberRecordsFailed") or 0),
        message=discreet(str(info.get("errorMessage") or "")),
    )
