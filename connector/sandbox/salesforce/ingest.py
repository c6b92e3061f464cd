"""Bulk API 2.0 ingest over HTTP: create, upload, start, ask, read results, abort, delete, list.

Source: Bulk API 2.0 guide, "Create a Job" to "Get Job Failed Record Results"; shapes from recorded answers.
"""

import json
from collections.abc import Sequence
from typing import Any

from werkzeug import Response
from werkzeug.routing import Rule

from connector.sandbox.faults import Rule as Fault
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.job_answers import brief, full, opened, result_file
from connector.sandbox.salesforce.jobs import Job, Jobs
from connector.sandbox.salesforce.rest import Call, json_answer, json_object
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.uploads import DELIMITERS, LINE_ENDINGS

__all__ = ["JOB_FAULTS", "Ingest"]

JOB_FAULTS = ("fail_job_halfway", "abort_job", "drop_results", "slow_job")
"""Fault names this service interprets; what they take is told at `Ingest.disturb`."""
_OPERATIONS = ("insert", "update", "upsert", "delete")
_MULTIPART_LIMIT = 100_000


class Ingest:
    """The endpoints under `jobs/ingest`. user: id of the connected user. list_page: jobs in one list answer."""

    def __init__(self, jobs: Jobs, setup: Setup, user: str, *, list_page: int) -> None:
        self._jobs, self._setup, self._user = jobs, setup, user
        self._list_page = list_page

    def rules(self) -> list[Rule]:
        """The paths, below `/services/data/vXX.0`."""
        results = "any(successfulResults,failedResults,unprocessedrecords,unprocessedRecords):kind"
        return [
            Rule("/jobs/ingest", endpoint=self.create, methods=["POST"]),
            Rule("/jobs/ingest", endpoint=self.all, methods=["GET"]),
            Rule("/jobs/ingest/<job_id>", endpoint=self.info, methods=["GET"]),
            Rule("/jobs/ingest/<job_id>", endpoint=self.change, methods=["PATCH"]),
            Rule("/jobs/ingest/<job_id>", endpoint=self.delete, methods=["DELETE"]),
            Rule("/jobs/ingest/<job_id>/batches", endpoint=self.upload, methods=["PUT"]),
            Rule(f"/jobs/ingest/<job_id>/<{results}>", endpoint=self.results, methods=["GET"]),
        ]

    def create(self, call: Call) -> Response:
        """POST: an Open job; with parts `job` and `content`, a job whose data is uploaded at once."""
        if call.request.mimetype != "multipart/form-data":
            return json_answer(opened(self._create(call, json_object(call.request)), self._user))
        parts = {**call.request.form, **{name: part.read().decode() for name, part in call.request.files.items()}}
        try:
            asked, content = json.loads(parts["job"]), parts["content"]
        except (KeyError, ValueError):
            raise RestError(400, "INVALIDJOB", "InvalidJob : parts job (JSON) and content (CSV) needed") from None
        if len(content) > _MULTIPART_LIMIT:
            message = f"InvalidJob : content of a multipart request is limited to {_MULTIPART_LIMIT} characters"
            raise RestError(400, "INVALIDJOB", message)
        job = self._create(call, asked)
        self._jobs.upload(job, content.encode())
        return json_answer(brief(self._jobs.start(job), self._user))

    def _create(self, call: Call, asked: dict[str, Any]) -> Job:
        wanted = str(asked.get("object", ""))
        found = self._setup.find(wanted)
        if found is None:
            raise RestError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {wanted}")
        for name, allowed, default in (
            ("operation", _OPERATIONS, ""),
            ("contentType", ("CSV",), "CSV"),
            ("lineEnding", tuple(LINE_ENDINGS), "LF"),
            ("columnDelimiter", tuple(DELIMITERS), "COMMA"),
        ):
            if asked.get(name, default) not in allowed:
                message = f"Invalid value: '{asked.get(name, default)}' supplied for property: '{name}'"
                raise RestError(400, "API_ERROR", message)
        key = asked.get("externalIdFieldName")
        if asked["operation"] == "upsert":
            key = self._key(found.name, str(key or ""))
        if not self._jobs.batches_left():
            raise RestError(400, "EXCEEDEDQUOTA", "ExceededQuota : ApiBatchItems Limit exceeded.")
        return self._jobs.create(
            object=found.name,
            operation=asked["operation"],
            external_id_field=key if asked["operation"] == "upsert" else None,
            line_ending=asked.get("lineEnding", "LF"),
            column_delimiter=asked.get("columnDelimiter", "COMMA"),
            api_version=call.version,
        )

    def _key(self, name: str, wanted: str) -> str:
        found = self._setup.column(name, wanted)
        if found is None or not found[0].is_key:
            message = (
                f"InvalidJob : Field name provided, {wanted} does not match an External ID, Salesforce Id, or "
                f"indexed field for {name}"
            )
            raise RestError(400, "INVALIDJOB", message)
        return found[0].name

    def upload(self, call: Call, job_id: str) -> Response:
        """PUT batches: the one upload a job takes."""
        job = self._job(job_id)
        if job.rows is not None:
            message = (
                f"Found multipe contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current "
                "Job then create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise RestError(400, "BULK_API_ERROR", message)
        if job.state != "Open":
            raise self._wrong_state(job, "upload data to")
        if call.request.mimetype != "text/csv":
            raise RestError(415, "UNSUPPORTED_MEDIA_TYPE", "The upload must be sent as text/csv")
        self._jobs.upload(job, call.request.get_data())
        return Response(status=201)

    def change(self, call: Call, job_id: str) -> Response:
        """PATCH: `UploadComplete` starts the job, `Aborted` ends it; the answer is a subset of the job's fields."""
        job = self._job(job_id)
        state = json_object(call.request).get("state")
        if state == "UploadComplete":
            if job.state != "Open" or job.rows is None:
                raise self._wrong_state(job, "start")
            job = self._jobs.start(job)
        elif state == "Aborted":
            if job.is_done:
                raise self._wrong_state(job, "abort")
            job = self._jobs.abort(job)
        else:
            raise RestError(400, "API_ERROR", f"Invalid value: '{state}' supplied for property: 'state'")
        return json_answer(brief(job, self._user))

    def info(self, call: Call, job_id: str) -> Response:
        """GET: the job's fields, with counters once it has started."""
        return json_answer(full(self._job(job_id), self._user))

    def delete(self, call: Call, job_id: str) -> Response:
        """DELETE: allowed in UploadComplete, JobComplete, Aborted and Failed."""
        job = self._job(job_id)
        if not job.is_done and job.state != "UploadComplete":
            raise self._wrong_state(job, "delete")
        self._jobs.remove(job)
        return Response(status=204)

    def all(self, call: Call) -> Response:
        """GET: jobs, a page at a time."""
        if call.request.args.get("jobType", "V2Ingest") != "V2Ingest":
            return json_answer({"done": True, "records": [], "nextRecordsUrl": None})
        last = call.request.args.get("queryLocator", 0, type=int)
        jobs = self._jobs.after(last, self._list_page + 1)
        page = jobs[: self._list_page]
        more = len(jobs) > len(page)
        following = f"{call.base}/jobs/ingest?queryLocator={page[-1].number}" if more else None
        records = [{**brief(job, self._user), "jobType": "V2Ingest"} for job in page]
        return json_answer({"done": not more, "records": records, "nextRecordsUrl": following})

    def results(self, call: Call, job_id: str, kind: str) -> Response:
        """GET a result file: CSV in the job's delimiter and line ending, as `text/csv` that names no charset."""
        job = self._job(job_id)
        if not job.is_done:
            raise self._wrong_state(job, "read results of")
        kind = "unprocessedrecords" if kind == "unprocessedRecords" else kind
        rows = self._jobs.results(job, kind)
        return Response(result_file(job, self._setup, kind, rows), content_type="text/csv")

    def disturb(self, faults: Sequence[Fault], job_id: str) -> None:
        """Let the named faults of the plan befall a job.

        `fail_job_halfway` {share: 0.5}: ends Failed after that share of its rows, the others are unprocessed.
        `abort_job` {share: 0.5}: the same, but Aborted, as if an admin had stopped it.
        `drop_results` {rows: 1, saved: false}: so many rows stand in no result file; saved or not.
        `slow_job` {seconds: 600}: takes that long.
        """
        job = self._jobs.find(job_id)
        for fault in faults if job else ():
            assert job is not None
            take = fault.arguments.get
            match fault.action:
                case "fail_job_halfway":
                    self._jobs.disturb(job, stop_share=float(take("share", 0.5)), stop_state="Failed")
                case "abort_job":
                    self._jobs.disturb(job, stop_share=float(take("share", 0.5)), stop_state="Aborted")
                case "drop_results":
                    self._jobs.disturb(job, dropped=int(take("rows", 1)), dropped_are_saved=int(take("saved", False)))
                case "slow_job":
                    self._jobs.disturb(job, seconds=float(take("seconds", 600)))

    def _job(self, job_id: str) -> Job:
        job = self._jobs.find(job_id)
        if job is None:
            raise RestError(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def _wrong_state(self, job: Job, verb: str) -> RestError:
        what = "Open and without data" if job.state == "Open" and job.rows is None else job.state
        return RestError(400, "INVALIDJOBSTATE", f"InvalidJobState : Cannot {verb} job {job.id}, it is {what}")
