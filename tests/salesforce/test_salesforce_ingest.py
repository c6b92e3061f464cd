import gzip

import pytest

from connector.errors import DeliveryRefused, MalformedAnswer, QuotaSpent, Refused, ServiceUnavailable
from connector.salesforce import ingest
from connector.salesforce.csv_file import write_csv
from connector.salesforce.ingest import JobState
from connector.salesforce.results import Outcome, job_failure, read_failed, read_successful, read_unprocessed
from connector.sandbox.faults import Rule
from connector.transport import AnswerLost

JOBS = "/services/data/v66.0/jobs/ingest"


@pytest.fixture
def file(tmp_path):
    """A file of three rows, one of them refused by the org for its length."""
    path = tmp_path / "rows.csv"
    rows = [{"Key__c": "a", "Note__c": "ü,\n"}, {"Key__c": "b", "Note__c": "n" * 61}, {"Key__c": "c", "Note__c": None}]
    with path.open("wb") as out:
        write_csv(out, ["Key__c", "Note__c"], rows, limit_bytes=10_000)
    return path


def finish(made, org, job_id):
    """Poll as a delivery would; returns the last state and the waits."""
    waits = []
    while not (found := ingest.state(org, job_id)).is_finished:
        waits.append(ingest.poll_wait(len(waits)))
        made.clock.sleep(waits[-1])
    return found, waits


def test_a_job_goes_step_by_step_to_one_outcome_per_row(world, file, tmp_path):
    made = world()
    org = made.org()
    job_id = ingest.create(org, "Call__c", "Key__c")
    assert ingest.state(org, job_id) == JobState("Open")
    ingest.upload(org, job_id, file)
    assert ingest.start(org, job_id) == JobState("UploadComplete")
    found, waits = finish(made, org, job_id)
    assert found == JobState("JobComplete", processed=3, failed=1)
    assert waits[:2] == [1.0, 1.5]
    for kind in ("successful", "failed", "unprocessed"):
        ingest.fetch_results(org, job_id, kind, tmp_path / kind)
    ids = {key: record["Id"] for key, record in made.sim.records("Call__c").items()}
    assert sorted(read_successful(tmp_path / "successful", "Key__c"), key=lambda one: one.external_id) == [
        Outcome("a", "created", ids["a"]),
        Outcome("c", "created", ids["c"]),
    ]
    message = "Note: data value too large: *** (max length=60)"
    refused = Outcome("b", "rejected", None, "STRING_TOO_LONG", message, ("Note__c",))
    assert list(read_failed(tmp_path / "failed", "Key__c")) == [refused]
    assert list(read_unprocessed(tmp_path / "unprocessed", "Key__c")) == []
    assert made.sim.rows("Call__c")["a"]["Note__c"] == "ü,\n"


def test_the_upload_is_the_file_byte_for_byte_with_its_length(scripted, file):
    org, script = scripted((201, b""))
    ingest.upload(org, "750ak", file)
    assert script.asked == [("PUT", f"{JOBS}/750ak/batches", file.read_bytes())]
    sent = script.headers[0]
    assert (sent["Content-Type"], sent["Content-Length"]) == ("text/csv", str(file.stat().st_size))


def test_a_session_that_ends_before_the_upload_does_not_shorten_it(world, file):
    made = world()
    org = made.org()
    job_id = ingest.create(org, "Call__c", "Key__c")
    made.sim.expire_tokens()
    ingest.upload(org, job_id, file)
    ingest.start(org, job_id)
    assert finish(made, org, job_id)[0] == JobState("JobComplete", processed=3, failed=1)


def test_an_empty_file_is_never_uploaded(scripted, tmp_path):
    org, script = scripted()
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match="empty file"):
        ingest.upload(org, "750ak", tmp_path / "empty.csv")
    assert script.asked == []


@pytest.mark.parametrize("action", ["lose_answer", "cut_body"])
def test_a_create_whose_answer_is_lost_is_not_repeated(world, action):
    made = world(Rule(action, method="POST", path="/jobs/ingest"))
    with pytest.raises(AnswerLost):
        ingest.create(made.org(), "Call__c", "Key__c")
    assert len(made.sim.jobs()) == 1


def test_a_create_that_tells_no_id_is_a_lost_answer(scripted):
    org, _ = scripted((200, {"state": "Open"}))
    with pytest.raises(AnswerLost):
        ingest.create(org, "Call__c", "Key__c")


def test_an_object_or_key_no_job_can_load_is_named(world, scripted):
    with pytest.raises(DeliveryRefused, match=r"Call__c\.Note__c: .* does not match an External ID"):
        ingest.create(world().org(), "Call__c", "Note__c")
    org, _ = scripted((400, [{"errorCode": "INVALIDENTITY", "message": "CallCenter is not supported by the Bulk API"}]))
    with pytest.raises(DeliveryRefused) as caught:
        ingest.create(org, "CallCenter", "Key__c")
    assert "deliver: collections" in caught.value.hint


def test_a_spent_batch_allowance_is_a_quota_not_a_fault(world):
    with pytest.raises(QuotaSpent):
        ingest.create(world(daily_batches=0).org(), "Call__c", "Key__c")


def test_an_upload_whose_answer_is_lost_is_not_repeated(world, file):
    made = world(Rule("lose_answer", method="PUT", nth=1))
    org = made.org()
    job_id = ingest.create(org, "Call__c", "Key__c")
    with pytest.raises(AnswerLost):
        ingest.upload(org, job_id, file)
    assert made.sim.count_uploads() == 1
    assert ingest.state(org, job_id) == JobState("Open")
    with pytest.raises(Refused, match="BULK_API_ERROR"):
        ingest.upload(org, job_id, file)


def test_a_start_whose_answer_is_lost_is_seen_by_the_state(world, file):
    made = world(Rule("lose_answer", method="PATCH", nth=1))
    org = made.org()
    job_id = ingest.create(org, "Call__c", "Key__c")
    ingest.upload(org, job_id, file)
    assert ingest.start(org, job_id).state in ("UploadComplete", "InProgress")
    assert ingest.start(org, job_id).state in ("UploadComplete", "InProgress")


def test_a_job_that_cannot_start_stays_a_refusal(world):
    org = world().org()
    job_id = ingest.create(org, "Call__c", "Key__c")
    with pytest.raises(Refused, match="INVALIDJOBSTATE"):
        ingest.start(org, job_id)


def test_an_abort_tells_where_the_job_ended(world, file):
    made = world()
    org = made.org()
    aborted = ingest.create(org, "Call__c", "Key__c")
    assert (ingest.abort(org, aborted), ingest.abort(org, aborted)) == (JobState("Aborted"), JobState("Aborted"))
    assert ingest.start(org, aborted) == JobState("Aborted")
    done = ingest.create(org, "Call__c", "Key__c")
    ingest.upload(org, done, file)
    ingest.start(org, done)
    finish(made, org, done)
    assert ingest.abort(org, done) == JobState("JobComplete", processed=3, failed=1)


def test_a_job_nobody_knows_is_none_not_an_error(world, tmp_path):
    org = world().org()
    assert [step(org, "750none") for step in (ingest.state, ingest.abort, ingest.start)] == [None, None, None]
    with pytest.raises(Refused) as caught:
        ingest.fetch_results(org, "750none", "failed", tmp_path / "failed")
    assert caught.value.status == 404


def test_recorded_job_answers_are_read(scripted, saved):
    org, _ = scripted(
        (200, saved("bulk2-job-1-open.json")),
        (200, saved("bulk2-job-3-inprogress.json")),
        (200, saved("bulk2-job-5-complete-partial.json")),
        (200, saved("bulk2-job-6-failed-bad-header.json")),
    )
    message = "InvalidBatch : Field name not found : StageName_invalid_field_on_purpose"
    assert [ingest.state(org, "750ak") for _ in range(4)] == [
        JobState("Open"),
        JobState("InProgress", processed=2000),
        JobState("JobComplete", processed=8, failed=1),
        JobState("Failed", message=message),
    ]


def failed_rows(made, org, file, count):
    """The id of a finished job of which every row failed."""
    rows = [{"Key__c": f"k{number}", "Note__c": "n" * 61} for number in range(count)]
    with file.open("wb") as out:
        write_csv(out, ["Key__c", "Note__c"], rows, limit_bytes=100_000)
    job_id = ingest.create(org, "Call__c", "Key__c")
    ingest.upload(org, job_id, file)
    ingest.start(org, job_id)
    finish(made, org, job_id)
    return job_id


def test_compressed_results_that_break_off_are_fetched_again(world, file, tmp_path):
    """The cut body carries a Content-Length that fits the cut: only the compression tells."""
    made = world(Rule("cut_body", {"keep": 0.6}, path="/failedResults", nth=1))
    org = made.org()
    ingest.fetch_results(org, failed_rows(made, org, file, 100), "failed", tmp_path / "failed")
    assert len(list(read_failed(tmp_path / "failed", "Key__c"))) == 100
    assert len(made.asked("/failedResults")) == 2


def test_a_cut_no_http_header_tells_of_is_found_by_the_reader(world, file, tmp_path):
    made = world(Rule("cut_body", {"keep": 0.6}, path="/failedResults"))
    org = made.org()
    ingest.fetch_results(org, failed_rows(made, org, file, 1), "failed", tmp_path / "failed")
    with pytest.raises(MalformedAnswer):
        list(read_failed(tmp_path / "failed", "Key__c"))


def test_a_job_that_fails_halfway_still_accounts_for_every_row(world, file, tmp_path):
    made = world(Rule("fail_job_halfway", method="POST", path="/jobs/ingest$"))
    org = made.org()
    with file.open("wb") as out:
        write_csv(out, ["Key__c"], [{"Key__c": f"k{number:03}"} for number in range(400)], limit_bytes=10_000)
    job_id = ingest.create(org, "Call__c", "Key__c")
    ingest.upload(org, job_id, file)
    ingest.start(org, job_id)
    found, _ = finish(made, org, job_id)
    assert (found.state, found.processed, job_failure(found.message)) == ("Failed", 200, None)
    for kind in ("successful", "unprocessed"):
        ingest.fetch_results(org, job_id, kind, tmp_path / kind)
    saved = {outcome.external_id for outcome in read_successful(tmp_path / "successful", "Key__c")}
    waiting = {outcome.external_id for outcome in read_unprocessed(tmp_path / "unprocessed", "Key__c")}
    assert saved == set(made.sim.rows("Call__c"))
    assert (len(saved), len(waiting), len(saved | waiting)) == (200, 200, 400)


def test_a_job_that_lives_on_after_an_abort_is_a_refusal(scripted):
    refusal = (400, [{"errorCode": "INVALIDJOBSTATE", "message": "cannot abort"}])
    org, _ = scripted(refusal, (200, {"state": "InProgress"}))
    with pytest.raises(Refused, match="cannot abort"):
        ingest.abort(org, "750ak")


def test_why_a_job_failed_is_told_without_values(scripted):
    org, _ = scripted((200, {"state": "Failed", "errorMessage": "ClientInputError : bad 'Bob Smith'"}))
    assert ingest.state(org, "750ak") == JobState("Failed", message="ClientInputError : bad ***")


CONTENT = 'sf__Id,sf__Error,Key__c\n"","X:ü:--","a"\n'.encode()


@pytest.mark.parametrize(
    "answer",
    [
        (200, CONTENT[:20], {"Content-Length": str(len(CONTENT))}),
        (200, gzip.compress(CONTENT)[:-9], {"Content-Encoding": "gzip"}),
        (200, b"", {"Content-Encoding": "gzip"}),
        (200, b"garbage", {"Content-Encoding": "gzip", "Content-Length": "7"}),
        (200, CONTENT, {}),
    ],
)
def test_a_cut_file_is_never_taken_for_whole(scripted, tmp_path, answer):
    to = tmp_path / "failed"
    org, script = scripted(answer, answer, answer)
    with pytest.raises(ServiceUnavailable, match=r"failed results of job 750ak .*3 times"):
        ingest.fetch_results(org, "750ak", "failed", to)
    assert (len(script.asked), list(tmp_path.iterdir())) == (3, [])
    whole = (200, CONTENT, {"Content-Length": str(len(CONTENT)), "Content-Type": "text/csv;charset=ISO-8859-1"})
    org, _ = scripted(answer, whole)
    ingest.fetch_results(org, "750ak", "failed", to)
    assert to.read_bytes() == CONTENT


def test_a_compressed_stream_proves_its_own_end(scripted, tmp_path):
    org, _ = scripted((200, gzip.compress(CONTENT), {"Content-Encoding": "gzip"}))
    ingest.fetch_results(org, "750ak", "failed", tmp_path / "failed")
    assert (tmp_path / "failed").read_bytes() == CONTENT


def test_no_content_is_an_empty_file(scripted, tmp_path):
    for answer in ((204, b""), (200, b"", {"Content-Length": "0"})):
        org, _ = scripted(answer)
        ingest.fetch_results(org, "750ak", "unprocessed", tmp_path / "none")
        assert (tmp_path / "none").read_bytes() == b""


def test_waits_between_polls_grow_to_half_a_minute():
    waits = [ingest.poll_wait(polls) for polls in (0, 1, 2, 8, 9, 100_000)]
    assert waits == [1.0, 1.5, 2.25, 25.62890625, 30.0, 30.0]
