"""Jobs befallen by faults, restarts of the sandbox, several threads at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from connector.sandbox.faults import FaultPlanError, Faults, Rule

QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"


def keys(count, start=0):
    return f"{KEY}\n" + "".join(f"k{number}\n" for number in range(start, start + count))


def befall(action, **arguments):
    return Faults([Rule(action, arguments, service="salesforce", path=r"/jobs/ingest", method="POST", nth=1)])


def counts(api, job):
    kinds = ("successfulResults", "failedResults", "unprocessedrecords")
    return [len(api.results(job, kind)) - 1 for kind in kinds]


@pytest.mark.parametrize(("action", "state"), [("fail_job_halfway", "Failed"), ("abort_job", "Aborted")])
def test_a_job_ends_halfway_with_the_rest_unprocessed_and_the_next_one_works(connect, action, state):
    api = connect(faults=befall(action))
    job = api.load(keys(501))
    info = api.info(job)
    assert (info["state"], info["numberRecordsProcessed"]) == (state, 250)
    assert ("errorMessage" in info) == (state == "Failed")
    assert counts(api, job) == [250, 0, 251]
    assert set(api.sim.rows(QUEUE)) == {f"k{number}" for number in range(250)}
    again = api.load(keys(501))
    assert (api.info(again)["state"], len(api.sim.rows(QUEUE))) == ("JobComplete", 501)


def test_a_fault_may_befall_the_job_of_any_request(connect):
    plan = [Rule("abort_job", {"share": 0}, method="PATCH", path="/jobs/ingest/", nth=2)]
    api = connect(faults=Faults(plan))
    jobs = [api.load(keys(3, start)) for start in (0, 3)]
    assert [api.info(job)["state"] for job in jobs] == ["JobComplete", "Aborted"]
    assert set(api.sim.rows(QUEUE)) == {"k0", "k1", "k2"}


@pytest.mark.parametrize(("saved", "there"), [(False, 297), (True, 300)])
def test_dropped_results_stand_in_no_file(connect, saved, there):
    api = connect(faults=befall("drop_results", rows=3, saved=saved))
    job = api.load(keys(300))
    assert api.info(job)["state"] == "JobComplete"
    assert counts(api, job) == [297, 0, 0]
    assert len(api.sim.rows(QUEUE)) == there


def test_a_slow_job_takes_as_long_as_the_plan_says(connect, clock):
    api = connect(faults=befall("slow_job", seconds=600))
    job = api.load(keys(1), wait=599)
    assert api.info(job)["state"] == "InProgress"
    clock.advance(1)
    assert api.info(job)["state"] == "JobComplete"


def test_a_lost_answer_leaves_its_deed_done(connect):
    lost = [
        Rule("lose_answer", path="/jobs/ingest$", method="POST", nth=1),
        Rule("lose_answer", path="/batches$", nth=1),
        Rule("lose_answer", method="PATCH", path="/composite/", nth=1),
    ]
    api = connect(faults=Faults(lost))
    with pytest.raises(requests.exceptions.ConnectionError):
        api.create()
    job = api.create()
    with pytest.raises(requests.exceptions.ConnectionError):
        api.put(job, keys(1))
    with pytest.raises(requests.exceptions.ConnectionError):
        api.collect(QUEUE, KEY, {KEY: "c"})
    assert [(seen.state, seen.is_uploaded) for seen in api.sim.jobs()] == [("Open", False), ("Open", True)]
    assert set(api.sim.rows(QUEUE)) == {"c"}
    assert [call.status for call in api.sim.calls] == [0, 200, 0, 0]


def test_a_refused_connection_leaves_nothing(connect):
    api = connect(faults=Faults([Rule("refuse", path="/composite/")]))
    with pytest.raises(requests.exceptions.ConnectionError):
        api.collect(QUEUE, KEY, {KEY: "c"})
    assert api.sim.rows(QUEUE) == {}


def test_a_stated_answer_still_carries_the_clocks_date(connect):
    api = connect(faults=Faults([Rule("status", {"code": 503, "headers": {"Retry-After": 7}})]))
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert answer.headers["Date"] == "Mon, 02 Mar 2026 12:00:00 GMT"


def test_an_unknown_fault_is_refused_at_once(connect):
    with pytest.raises(FaultPlanError, match="eat_rows"):
        connect(faults=befall("eat_rows"))


def test_a_restarted_sandbox_goes_on_with_records_jobs_and_results(connect, clock, tmp_path):
    path = tmp_path / "org.sqlite"
    before = connect(path)
    before.collect(QUEUE, KEY, {KEY: "c", "Offered__c": 1})
    done = before.load(keys(3))
    running = before.load(keys(1000, start=10), wait=12)
    before.info(running)
    before.sim.close()
    after = connect(path)
    assert after.info(running)["numberRecordsProcessed"] == 400
    clock.advance(8)
    assert after.info(running)["state"] == "JobComplete"
    assert counts(after, done) == [3, 0, 0]
    assert len(after.sim.rows(QUEUE)) == 1004
    assert set(after.sim.writes(QUEUE).values()) == {1}
    assert after.sim.count_uploads() == 2
    (created,) = after.collect(QUEUE, KEY, {KEY: "new"}).json()
    assert created["id"] not in {record["Id"] for key, record in after.sim.records(QUEUE).items() if key != "new"}


def test_a_sandbox_that_dies_within_a_chunk_has_saved_none_of_it(connect, tmp_path):
    path = tmp_path / "org.sqlite"
    dying = connect(path)

    def die(record):
        if record[KEY] == "k250":
            raise KeyboardInterrupt
        return False

    dying.sim.add_validation_rule(QUEUE, die, "never told")
    job = dying.load(keys(300))
    with pytest.raises(KeyboardInterrupt):
        dying.info(job)
    dying.sim.close()
    with sqlite3.connect(path) as db:
        (saved,) = db.execute(f'SELECT COUNT(*) FROM "{QUEUE}"').fetchone()
        (told,) = db.execute("SELECT COUNT(*) FROM _job_rows WHERE outcome IS NOT NULL").fetchone()
    db.close()
    assert (saved, told) == (200, 200)
    after = connect(path)
    assert counts(after, job) == [300, 0, 0]
    assert set(after.sim.writes(QUEUE).values()) == {1}


def test_people_can_read_the_file(connect, tmp_path):
    path = tmp_path / "org.sqlite"
    api = connect(path)
    api.load(f"{KEY},Offered__c\nk,5\n")
    api.sim.rows(QUEUE)
    with sqlite3.connect(path) as db:
        rows = db.execute(f'SELECT Genesys_Key__c, Offered__c, _Writes FROM "{QUEUE}"').fetchall()
        jobs = db.execute("SELECT id, state, processed FROM _jobs").fetchall()
    db.close()
    assert rows == [("k", 5.0, 1)]
    assert jobs == [(api.sim.jobs()[0].id, "JobComplete", 1)]


def test_a_result_files_order_depends_on_the_seed_alone(connect):
    def first_lines(seed):
        api = connect(seed=seed)
        return api.get(f"jobs/ingest/{api.load(keys(50))}/successfulResults").content

    assert first_lines(1) == first_lines(1) != first_lines(2)


def test_many_threads_lose_no_write(connect, clock):
    api = connect()
    token = {"Authorization": f"Bearer {api.sim.issue_token()}"}

    def write(number):
        records = [{"attributes": {"type": QUEUE}, KEY: f"{number}-{index}"} for index in range(20)]
        path = f"https://acme.my.salesforce.com/services/data/v66.0/composite/sobjects/{QUEUE}/{KEY}"
        return api.session.patch(path, json={"records": records}, headers=token).status_code

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(write, range(40))) == [200] * 40
    assert set(api.sim.writes(QUEUE).values()) == {1}
    assert len(api.sim.rows(QUEUE)) == 800
    assert len({record["Id"] for record in api.sim.records(QUEUE).values()}) == 800
