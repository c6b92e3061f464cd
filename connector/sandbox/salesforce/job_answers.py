"""How an ingest job is shown: its JSON at each step, and its result files.

Shapes from recorded answers of a real organisation (launch, update, in progress, success, partial, failed).
Source: Bulk API 2.0 guide, "Get Job Info", "Get Job Successful / Failed / Unprocessed Record Results".
"""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.salesforce.jobs import Job
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.uploads import DELIMITERS, LINE_ENDINGS, Columns
from connector.sandbox.salesforce.values import echo_number, stamp

__all__ = ["brief", "full", "opened", "result_file"]

_LEADING = {"successfulResults": ("sf__Id", "sf__Created"), "failedResults": ("sf__Id", "sf__Error")}


def brief(job: Job, user: str) -> dict[str, Any]:
    """The fields a PATCH answers."""
    key = {"externalIdFieldName": job.external_id_field} if job.external_id_field else {}
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": user,
        "createdDate": _moment(job.created),
        "systemModstamp": _moment(job.modified),
        "state": job.state,
        **key,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.api_version,
    }


def opened(job: Job, user: str) -> dict[str, Any]:
    """The fields the request that made the job answers."""
    return {
        **brief(job, user),
        "contentUrl": f"services/data/v{job.api_version:.1f}/jobs/ingest/{job.id}/batches",
        "lineEnding": job.line_ending,
        "columnDelimiter": job.column_delimiter,
    }


def full(job: Job, user: str) -> dict[str, Any]:
    """The fields a GET answers: counters and times (ms) only once the job has begun, contentUrl only while Open."""
    info = {**brief(job, user), "jobType": "V2Ingest"}
    if job.state == "Open":
        return {**opened(job, user), "jobType": "V2Ingest"}
    info |= {"lineEnding": job.line_ending, "columnDelimiter": job.column_delimiter}
    if job.state != "UploadComplete":
        info |= {
            "numberRecordsProcessed": job.processed,
            "numberRecordsFailed": job.failed,
            "retries": 0,
            "totalProcessingTime": job.processed if job.is_done else 0,
            "apiActiveProcessingTime": job.processed,
            "apexProcessingTime": 0,
        }
    if job.error_message and job.is_done:
        info["errorMessage"] = job.error_message
    return info


def result_file(job: Job, setup: Setup, kind: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """One result file as text, from rows (cells, record id, created, error).

    The columns `sf__..` and every value are quoted, the other names are not; successful and failed results repeat
    only the columns whose names were written exactly; numbers come back re-formatted in successful results.
    """
    header: list[str] = json.loads(job.header or "[]")
    leading = _LEADING.get(kind, ())
    echoed, numbers = list(range(len(header))), set[int]()
    if leading and rows:
        columns = Columns(setup, job.object, header)
        echoed = columns.echoed
        numbers = columns.numbers() if kind == "successfulResults" else numbers
    mark, end = DELIMITERS[job.column_delimiter], LINE_ENDINGS[job.line_ending]
    out = io.StringIO(newline="")
    out.write(mark.join([*(f'"{each}"' for each in leading), *(header[at] for at in echoed)]) + end)
    writer = csv.writer(out, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL)
    for cells, found, created, error in rows:
        if kind == "successfulResults":
            lead = [found, "true" if created else "false"]
        else:
            lead = [found or "", error] if leading else []
        writer.writerow([*lead, *(_echo(cells, at, numbers) for at in echoed)])
    return out.getvalue()


def _echo(cells: Sequence[str], at: int, numbers: set[int]) -> str:
    cell = cells[at] if at < len(cells) else ""
    return echo_number(cell) if at in numbers and cell not in ("", "#N/A") else cell


def _moment(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))
