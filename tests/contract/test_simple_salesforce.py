"""simple-salesforce itself against the simulated organisation: an independent client agrees with the simulation."""

import csv
import io
from datetime import UTC, datetime

import pytest
import requests
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed, SalesforceMalformedRequest
from simple_salesforce.bulk2 import JobState
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceOperationError

from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.objects import OBJECTS
from connector.sandbox.proxy import SandboxProxy
from connector.sandbox.salesforce import SalesforceSim

QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"


@pytest.fixture
def plan():
    return ()


@pytest.fixture
def sim(plan):
    clock = SimulatedClock(datetime(2026, 3, 2, tzinfo=UTC))
    with SalesforceSim(":memory:", OBJECTS, clock, job_seconds=0, query_page=3, faults=Faults(plan)) as made:
        yield made


@pytest.fixture(params=["in process", "through the proxy"])
def session(sim, request, tmp_path):
    apps = dict.fromkeys(sim.hosts, sim).get
    with requests.Session() as made:
        made.trust_env = False
        if request.param == "in process":
            made.mount("https://", WsgiAdapter(apps))
            yield made
            return
        with SandboxProxy(apps, tmp_path) as proxy:
            made.proxies, made.verify = {"https": proxy.url}, str(proxy.ca_file)
            yield made


def login(session, secret) -> Salesforce:
    return Salesforce(
        consumer_key="sf-client", consumer_secret=secret, domain="acme.my", session=session, version="66.0"
    )


@pytest.fixture
def sf(session):
    return login(session, "sf-secret")


def upsert(sf, *records):
    (job,) = getattr(sf.bulk2, QUEUE).upsert(records=list(records), external_id_field=KEY, wait=0.01)
    return job


def test_client_credentials_log_in(session, sf):
    assert sf.sf_instance == "acme.my.salesforce.com"
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        login(session, secret="wrong")


def test_a_bulk_upsert_writes_and_tells_each_row(sf, sim):
    job = upsert(sf, {KEY: "a", "Offered__c": 3}, {KEY: "b", "Offered__c": "many"})
    assert {name: job[name] for name in job if name != "job_id"} == {
        "numberRecordsFailed": 1,
        "numberRecordsProcessed": 2,
        "numberRecordsTotal": 2,
    }
    assert {key: row["Offered__c"] for key, row in sim.rows(QUEUE).items()} == {"a": 3.0}
    handler = getattr(sf.bulk2, QUEUE)
    (saved,) = csv.DictReader(io.StringIO(handler.get_successful_records(job["job_id"])))
    found = sim.records(QUEUE)["a"]["Id"]
    assert saved == {"sf__Id": found, "sf__Created": "true", KEY: "a", "Offered__c": "3.0"}
    (failed,) = csv.DictReader(io.StringIO(handler.get_failed_records(job["job_id"])))
    assert (failed["sf__Id"], failed[KEY]) == ("", "b")
    assert failed["sf__Error"].startswith("INVALID_FIELD:Failed to deserialize field at col ")
    assert list(csv.DictReader(io.StringIO(handler.get_unprocessed_records(job["job_id"])))) == []


def test_an_empty_value_leaves_the_field_as_it_was(sf, sim):
    upsert(sf, {KEY: "a", "Offered__c": 3})
    upsert(sf, {KEY: "a", "Offered__c": None, "Queue_Name__c": "Sales"})
    assert (sim.rows(QUEUE)["a"]["Offered__c"], sim.rows(QUEUE)["a"]["Queue_Name__c"]) == (3.0, "Sales")
    assert sim.writes(QUEUE) == {"a": 2}


def test_a_failed_job_is_an_exception_with_its_message(sf):
    with pytest.raises(SalesforceOperationError, match="InvalidBatch : Field name not found : Nothing__c"):
        upsert(sf, {KEY: "a", "Nothing__c": 1})


def test_a_job_may_be_driven_step_by_step(sf, sim):
    client = getattr(sf.bulk2, QUEUE)._client
    job = client.create_job("upsert", external_id_field=KEY)["id"]
    client.upload_job_data(job, f"{KEY}\na\n")
    with pytest.raises(SalesforceMalformedRequest, match="BULK_API_ERROR"):
        client.upload_job_data(job, f"{KEY}\nb\n")
    assert client.abort_job(job, False)["state"] == JobState.aborted
    assert client.get_job(job, False)["state"] == JobState.aborted
    assert sim.rows(QUEUE) == {}


@pytest.mark.parametrize("plan", [(Rule("lose_answer", method="GET", path=r"/ingest/\w+$", nth=1),)])
def test_a_lost_answer_is_a_connection_error(sf, sim):
    with pytest.raises(requests.exceptions.ConnectionError):
        upsert(sf, {KEY: "a"})
    assert [job.state for job in sim.jobs()] == ["JobComplete"]


def test_describe_query_and_rest_calls_are_understood(sf, sim):
    assert KEY in [field["name"] for field in getattr(sf, QUEUE).describe()["fields"]]
    assert QUEUE in [found["name"] for found in sf.describe()["sobjects"]]
    records = [{"attributes": {"type": QUEUE}, KEY: f"k{number}"} for number in range(7)]
    results = sf.restful(f"composite/sobjects/{QUEUE}/{KEY}", method="PATCH", json={"records": records})
    assert [result["created"] for result in results] == [True] * 7
    found = sf.query_all(f"SELECT {KEY} FROM {QUEUE} ORDER BY {KEY}")
    assert [record[KEY] for record in found["records"]] == [f"k{number}" for number in range(7)]
    assert sf.query(f"SELECT COUNT() FROM {QUEUE}")["totalSize"] == 7
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    assert sf.api_usage["api-usage"].total == 100_000
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        sf.query("SELECT AccountNumer FROM Account")


def test_an_ended_session_is_renewed_by_rest_calls_and_not_by_bulk(sf, sim):
    sim.expire_tokens()
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    handler = getattr(sf.bulk2, QUEUE)
    sim.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        handler.upsert(records=[{KEY: "a"}], external_id_field=KEY, wait=0.01)
