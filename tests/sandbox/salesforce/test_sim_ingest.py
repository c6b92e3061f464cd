"""Ingest jobs: states over time, one upload, result files, whole-job failures."""

import re

import pytest
import requests

QUEUE, KEY = "Queue_Interval__c", "Genesys_Key__c"
INGEST = "https://acme.my.salesforce.com/services/data/v66.0/jobs/ingest"


def keys(count, start=0):
    return f"{KEY}\n" + "".join(f"k{number}\n" for number in range(start, start + count))


def refused(answer):
    return answer.status_code, answer.json()[0]["errorCode"]


def brief(api, job, state, modified="2026-03-02T12:00:00.000+0000"):
    return {
        "id": job,
        "operation": "upsert",
        "object": QUEUE,
        "createdById": api.sim.user_id,
        "createdDate": "2026-03-02T12:00:00.000+0000",
        "systemModstamp": modified,
        "state": state,
        "externalIdFieldName": KEY,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
    }


def test_a_job_passes_its_states_as_time_passes(api, clock):
    """Shapes as recorded (amp-labs/connectors, salesforce/test/bulk)."""
    asked = {"object": QUEUE, "operation": "upsert", "externalIdFieldName": KEY, "contentType": "CSV"}
    created = api.session.post(INGEST, json=asked).json()
    job = created["id"]
    ends = {"lineEnding": "LF", "columnDelimiter": "COMMA"}
    assert created == {
        **brief(api, job, "Open"),
        "contentUrl": f"services/data/v66.0/jobs/ingest/{job}/batches",
        **ends,
    }
    assert api.info(job) == {**created, "jobType": "V2Ingest"}
    uploaded = api.put(job, keys(1000))
    assert (uploaded.status_code, uploaded.content) == (201, b"")
    assert api.start(job).json() == brief(api, job, "UploadComplete")
    clock.advance(4)
    assert api.info(job) == {**brief(api, job, "UploadComplete"), "jobType": "V2Ingest", **ends}
    clock.advance(8)
    running = {"numberRecordsProcessed": 400, "numberRecordsFailed": 0, "retries": 0}
    times = {"totalProcessingTime": 0, "apiActiveProcessingTime": 400, "apexProcessingTime": 0}
    assert api.info(job) == {
        **brief(api, job, "InProgress", "2026-03-02T12:00:12.000+0000"),
        "jobType": "V2Ingest",
        **ends,
        **running,
        **times,
    }
    clock.advance(8)
    assert api.info(job) == {
        **brief(api, job, "JobComplete", "2026-03-02T12:00:20.000+0000"),
        "jobType": "V2Ingest",
        **ends,
        **running,
        "numberRecordsProcessed": 1000,
        "totalProcessingTime": 1000,
        "apiActiveProcessingTime": 1000,
        "apexProcessingTime": 0,
    }
    assert len(api.sim.rows(QUEUE)) == 1000


def test_the_three_result_files_hold_every_row_once_and_not_in_the_files_order(api):
    data = f"{KEY},Offered__c,Queue_Name__c\n" + "".join(
        f'k{number},{number if number % 10 else "many"},"Say ""hi"", {number}"\n' for number in range(50)
    )
    job = api.load(data)
    answer = api.get(f"jobs/ingest/{job}/successfulResults")
    assert answer.headers["Content-Type"] == "text/csv"
    header, *saved = answer.content.decode().splitlines()
    assert header == f'"sf__Id","sf__Created",{KEY},Offered__c,Queue_Name__c'
    ids = {key: record["Id"] for key, record in api.sim.records(QUEUE).items()}
    expected = [
        f'"{ids[f"k{number}"]}","true","k{number}","{number}.0","Say ""hi"", {number}"'
        for number in range(50)
        if number % 10
    ]
    assert sorted(saved) == sorted(expected)
    assert saved != expected
    failed = api.results(job, "failedResults")
    message = (
        "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'many' is not a valid value for the type "
        "xsd:double:Offered__c --"
    )
    assert failed == [
        f'"sf__Id","sf__Error",{KEY},Offered__c,Queue_Name__c',
        *sorted(f'"","{message}","k{number}","many","Say ""hi"", {number}"' for number in range(0, 50, 10)),
    ]
    for spelling in ("unprocessedrecords", "unprocessedRecords"):
        assert api.results(job, spelling) == [f"{KEY},Offered__c,Queue_Name__c"]
    assert (api.info(job)["numberRecordsProcessed"], api.info(job)["numberRecordsFailed"]) == (50, 5)


def test_an_empty_cell_leaves_and_the_null_mark_clears(api):
    api.load(f"{KEY},Offered__c,Queue_Name__c,Queue_Id__c\nk,5,Sales,q\n")
    job = api.load(f"{KEY},Offered__c,Queue_Name__c,Queue_Id__c\nk,,#N/A,#N/A\n")
    row = api.sim.rows(QUEUE)["k"]
    assert (row["Offered__c"], row["Queue_Name__c"], row["Queue_Id__c"]) == (5.0, None, None)
    assert api.results(job, "successfulResults")[1].split(",")[1] == '"false"'


@pytest.mark.parametrize(
    ("header", "cells", "error"),
    [
        ("Interval_Start__c", "2026-03-01 10:00:00Z", "xsd:dateTime:Interval_Start__c --"),
        ("Interval_Start__c", "2026-03-01T10:00:00", "xsd:dateTime:Interval_Start__c --"),
        ("Offered__c", "nan", "xsd:double:Offered__c --"),
        ("Offered__c", '"1,5"', "xsd:double:Offered__c --"),
        ("Service_Level__c", "1e3", "NUMBER_OUTSIDE_VALID_RANGE:"),
        ("Queue_Name__c", "x" * 81, "STRING_TOO_LONG:Queue Name: data value too large: "),
        ("Name", "mine", "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Name."),
        ("Offered__c", ' "5"', "INVALID_FIELD:Failed to parse the row as CSV:--"),
        ("Offered__c", "5,6", "it has 3 cells where the header has 2:--"),
    ],
)
def test_a_bad_cell_fails_its_row_alone(api, header, cells, error):
    job = api.load(f"{KEY},{header}\ngood,\nbad,{cells}\n")
    (failed,) = api.results(job, "failedResults")[1:]
    assert error in failed
    assert set(api.sim.rows(QUEUE)) == {"good"}
    assert api.info(job)["state"] == "JobComplete"


@pytest.mark.parametrize("key", ["", "#N/A"])
def test_a_row_without_its_key_fails(api, key):
    job = api.load(f"{KEY},Offered__c\n{key},1\n")
    assert api.results(job, "failedResults")[1] == f'"","MISSING_ARGUMENT:{KEY} not specified:--","{key}","1"'


def test_good_values_are_read_in_every_allowed_spelling(api):
    api.load(
        f"{KEY},Interval_Start__c,Offered__c,Average_Handle_s__c\n"
        "a,2026-03-01T10:00:00.999Z,1.5e3,.19\nb,2026-03-01T12:00:00+0200,-7,+1.99\n"
    )
    rows = api.sim.rows(QUEUE)
    found = [(row["Interval_Start__c"], row["Offered__c"], row["Average_Handle_s__c"]) for row in rows.values()]
    assert found == [
        ("2026-03-01T10:00:00.000+0000", 1500.0, 0.1),
        ("2026-03-01T10:00:00.000+0000", -7.0, 1.9),
    ]


def test_a_column_names_the_type_where_a_parent_may_be_of_several(api):
    api.collect("Contact", "Phone_Key__c", {"Phone_Key__c": "+4930", "LastName": "Known"})
    key = "Genesys_Conversation_Id__c"
    data = f"{key},Contact:Who.Phone_Key__c,CallDurationInSeconds\nt1,+4930,90\nt2,+4931,\nt3,#N/A,1.5\n"
    job = api.load(data, name="Task", key=key)
    assert api.results(job, "failedResults") == [
        f'"sf__Id","sf__Error",{key},Contact:Who.Phone_Key__c,CallDurationInSeconds',
        '"","INVALID_FIELD:Failed to deserialize field at col 2. Due to, \'1.5\' is not a valid value for the type '
        'xsd:int:CallDurationInSeconds --","t3","#N/A","1.5"',
        '"","INVALID_FIELD:Foreign key external ID: +4931 not found for field Phone_Key__c in entity Contact:--",'
        '"t2","+4931",""',
    ]
    (task,) = api.sim.rows("Task").values()
    assert (task["WhoId"], task["CallDurationInSeconds"]) == (api.sim.records("Contact")["+4930"]["Id"], 90)


@pytest.mark.parametrize("column", ["Who.Phone_Key__c", "Account:Who.Ext__c", "Account:Account.Ext__c"])
def test_a_type_is_named_where_it_is_needed_and_nowhere_else(api, column: str):
    name, key = ("Contact", "Email") if "Account.Ext" in column else ("Task", "Genesys_Conversation_Id__c")
    job = api.load(f"{key},{column}\nk,1\n", name=name, key=key)
    assert api.info(job)["errorMessage"] == f"InvalidBatch : Field name not found : {column}"


def test_parents_are_named_by_relationship_columns(api):
    api.collect("Account", "Ext__c", {"Ext__c": "p-1", "Name": "Parent"})
    data = "Email,LastName,Account.Ext__c,Birthdate\na@b.example,A,p-1,1990-02-28\nb@b.example,B,p-2,\n"
    job = api.load(data, name="Contact", key="Email")
    assert api.results(job, "failedResults")[1] == (
        '"","INVALID_FIELD:Foreign key external ID: p-2 not found for field Ext__c in entity Account:--",'
        '"b@b.example","B","p-2",""'
    )
    (record,) = api.sim.rows("Contact").values()
    assert (record["AccountId"], record["Birthdate"]) == (api.sim.records("Account")["p-1"]["Id"], "1990-02-28")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (f"{KEY},Nothing__c\nk,1\n", "InvalidBatch : Field name not found : Nothing__c"),
        (f"\ufeff{KEY}\nk\n", f"InvalidBatch : Field name not found : \ufeff{KEY}"),
        (f"{KEY},Account.Ext__c\nk,1\n", "InvalidBatch : Field name not found : Account.Ext__c"),
        (f"{KEY},{KEY}\nk,k\n", f"InvalidBatch : Duplicate field name : {KEY}"),
        (
            f"{KEY}\r\nk\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            f"{KEY}\nk\nl\r\nm\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (b"Genesys_Key__c\n\xff\n", "InvalidBatch : Data is not valid UTF-8"),
    ],
)
def test_a_file_wrong_as_a_whole_fails_the_job_and_saves_nothing(api, data, message):
    job = api.load(data)
    info = api.info(job)
    assert (info["state"], info["errorMessage"]) == ("Failed", message)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (0, 0)
    assert api.sim.rows(QUEUE) == {}
    assert api.results(job, "failedResults")[1:] == []


def test_a_hidden_field_fails_the_job_like_an_unknown_one(api):
    api.sim.hide_field(QUEUE, "Offered__c")
    job = api.load(f"{KEY},Offered__c\nk,1\n")
    assert api.info(job)["errorMessage"] == "InvalidBatch : Field name not found : Offered__c"


def test_a_crlf_job_takes_crlf_lines_only(api):
    good = api.load(f'{KEY},Queue_Name__c\r\nk,"two\nlines"\r\n', lineEnding="CRLF")
    assert api.get(f"jobs/ingest/{good}/successfulResults").content.count(b"\r\n") == 2
    assert api.sim.rows(QUEUE)["k"]["Queue_Name__c"] == "two\nlines"
    bad = api.load(f"{KEY}\nk\n", lineEnding="CRLF")
    assert api.info(bad)["errorMessage"].endswith("Current LineEnding setting is CRLF")


def test_another_delimiter_and_line_breaks_inside_quotes_are_read_and_given_back(api):
    job = api.load(f'{KEY};Queue_Name__c\nk;"a;b\nc\r\nd"\n', columnDelimiter="SEMICOLON")
    assert api.sim.rows(QUEUE)["k"]["Queue_Name__c"] == "a;b\nc\r\nd"
    found = api.sim.records(QUEUE)["k"]["Id"]
    answer = api.get(f"jobs/ingest/{job}/successfulResults").content.decode()
    assert answer == f'"sf__Id";"sf__Created";{KEY};Queue_Name__c\n"{found}";"true";"k";"a;b\nc\r\nd"\n'


def test_only_columns_in_their_exact_spelling_are_given_back(api):
    job = api.load(f"{KEY.upper()},Offered__c\nk,912260031\n")
    assert re.sub(r'"a00\w+"', "ID", api.results(job, "successfulResults")[1]) == 'ID,"true","9.12260031E8"'
    assert api.sim.rows(QUEUE)["k"]["Offered__c"] == 912260031


def test_a_second_upload_is_refused_and_the_first_stays(api):
    job = api.create()
    api.put(job, keys(1))
    again = api.put(job, keys(2))
    assert refused(again) == (400, "BULK_API_ERROR")
    assert again.json()[0]["message"].startswith(f"Found multipe contents for job: <{job[:15]}>, ")
    api.start(job)
    assert refused(api.put(job, keys(2))) == (400, "BULK_API_ERROR")
    assert (api.sim.count_uploads(), [seen.keys for seen in api.sim.jobs()]) == (1, [("k0",)])


def test_a_key_twice_in_a_chunk_fails_both_rows_in_two_chunks_the_last_wins(api):
    same_chunk = api.load(f"{KEY},Offered__c\nk,1\nother,2\nk,3\n")
    assert [line.split(",")[1] for line in api.results(same_chunk, "failedResults")[1:]] == [
        f'"DUPLICATE_VALUE:Duplicate external id specified: k:{KEY} --"'
    ] * 2
    assert set(api.sim.rows(QUEUE)) == {"other"}
    filler = "".join(f"f{number},0\n" for number in range(199))
    two_chunks = api.load(f"{KEY},Offered__c\nk,1\n{filler}k,3\n")
    assert api.info(two_chunks)["numberRecordsFailed"] == 0
    assert api.sim.rows(QUEUE)["k"]["Offered__c"] == 3.0
    assert (api.sim.writes(QUEUE)["k"], api.sim.jobs()[1].keys.count("k")) == (2, 2)


def test_an_aborted_job_keeps_what_it_saved_and_gives_back_the_rest(api, clock):
    job = api.create()
    api.put(job, keys(1000))
    api.start(job)
    clock.advance(12)
    assert api.abort(job).json()["state"] == "Aborted"
    clock.advance(100)
    assert len(api.sim.rows(QUEUE)) == 400
    assert len(api.results(job, "successfulResults")) == 401
    assert set(api.results(job, "unprocessedrecords")[1:]) == {f'"k{number}"' for number in range(400, 1000)}
    assert refused(api.abort(job)) == (400, "INVALIDJOBSTATE")


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (
            {"externalIdFieldName": "Queue_Id__c"},
            "INVALIDJOB",
            "InvalidJob : Field name provided, Queue_Id__c does not match an External ID, Salesforce Id, or indexed "
            f"field for {QUEUE}",
        ),
        ({"object": "Nothing__c"}, "INVALIDJOB", "InvalidJob : Unable to find object: Nothing__c"),
        ({"operation": "upset"}, "API_ERROR", "Invalid value: 'upset' supplied for property: 'operation'"),
        ({"contentType": "JSON"}, "API_ERROR", "Invalid value: 'JSON' supplied for property: 'contentType'"),
        ({"lineEnding": "CR"}, "API_ERROR", "Invalid value: 'CR' supplied for property: 'lineEnding'"),
    ],
)
def test_a_job_that_cannot_be_is_refused(api, asked, code, message):
    good = {"object": QUEUE, "operation": "upsert", "externalIdFieldName": KEY, "contentType": "CSV"}
    answer = api.session.post(INGEST, json={**good, **asked})
    assert (answer.status_code, answer.json()) == (400, [{"errorCode": code, "message": message}])


def test_steps_out_of_turn_are_refused(api):
    job = api.create()
    assert refused(api.start(job)) == (400, "INVALIDJOBSTATE")
    assert refused(api.get(f"jobs/ingest/{job}/failedResults")) == (400, "INVALIDJOBSTATE")
    assert refused(api.session.delete(f"{INGEST}/{job}")) == (400, "INVALIDJOBSTATE")
    assert refused(api.patch(f"jobs/ingest/{job}", {"state": "Done"})) == (400, "API_ERROR")
    assert refused(api.session.put(f"{INGEST}/{job}/batches", data=b"x")) == (415, "UNSUPPORTED_MEDIA_TYPE")
    api.abort(job)
    assert refused(api.put(job, keys(1))) == (400, "INVALIDJOBSTATE")
    assert refused(api.get("jobs/ingest/750ak0000000999AAA")) == (404, "NOT_FOUND")


def test_insert_update_and_delete_work_by_record_id(api):
    api.load("Name,Ext__c\nA,a\nB,b\n", name="Account", key=None, operation="insert")
    ids = {key: record["Id"] for key, record in api.sim.records("Account").items()}
    update = api.load(f"Id,Name\n{ids['a']},New\n,X\n", name="Account", key=None, operation="update")
    assert "MISSING_ARGUMENT:Id not specified in an update call:--" in api.results(update, "failedResults")[1]
    again = api.load("Name,Ext__c\nC,a\n", name="Account", key=None, operation="insert")
    assert api.results(again, "failedResults")[1].split('"')[3] == (
        f"DUPLICATE_VALUE:duplicate value found: Ext__c duplicates value on record with id: {ids['a'][:15]}:--"
    )
    by_id = api.load(f"Id,Name\n{ids['a']},Newer\n,C\n", name="Account", key="Id")
    assert api.info(by_id)["numberRecordsFailed"] == 0
    api.load(f"Id\n{ids['b']}\n", name="Account", key=None, operation="delete")
    assert sorted(row["Name"] for row in api.sim.rows("Account").values()) == ["C", "Newer"]


def test_jobs_are_listed_a_page_at_a_time_and_deleted_ones_are_gone(connect):
    api = connect(job_page=2)
    made = [api.create() for _ in range(5)]
    api.abort(made[1])
    assert api.session.delete(f"{INGEST}/{made[1]}").status_code == 204
    assert refused(api.get(f"jobs/ingest/{made[1]}")) == (404, "NOT_FOUND")
    pages = [api.get("jobs/ingest", params={"jobType": "V2Ingest"}).json()]
    while not pages[-1]["done"]:
        pages.append(api.session.get(f"https://acme.my.salesforce.com{pages[-1]['nextRecordsUrl']}").json())
    assert [[each["id"] for each in page["records"]] for page in pages] == [[made[0], made[2]], made[3:]]
    assert pages[0]["records"][0] == {**brief(api, made[0], "Open"), "jobType": "V2Ingest"}
    assert api.get("jobs/ingest", params={"jobType": "Classic"}).json()["records"] == []


def test_a_finished_job_is_kept_seven_days_and_an_open_one_a_day(connect, clock):
    api = connect(session_seconds=1e9)
    done, left_open = api.load(keys(1)), api.create()
    clock.advance(86_400)
    assert [api.info(job)["state"] for job in (done, left_open)] == ["JobComplete", "Failed"]
    clock.advance(6 * 86_400 - 1 - 20)
    assert api.info(done)["state"] == "JobComplete"
    clock.advance(1 + 20)
    assert refused(api.get(f"jobs/ingest/{done}")) == (404, "NOT_FOUND")
    assert [seen.keys for seen in api.sim.jobs()] == [("k0",), ()]


def test_an_upload_over_the_limit_is_refused_and_the_job_stays_open(connect):
    api = connect(upload_limit=1_000)
    job = api.create()
    assert refused(api.put(job, keys(300))) == (413, "REQUEST_ENTITY_TOO_LARGE")
    assert (api.put(job, keys(5)).status_code, api.sim.count_uploads()) == (201, 1)


def test_batches_are_counted_and_rows_over_the_allowance_stand_in_no_file(connect, clock):
    api = connect(daily_batches=1, session_seconds=1e9)
    job = api.load(keys(10_200))
    assert api.get("limits").json()["DailyBulkApiBatches"] == {"Max": 1, "Remaining": 0}
    info = api.info(job)
    assert (info["state"], info["errorMessage"]) == ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded.")
    lengths = [len(api.results(job, kind)) - 1 for kind in ("successfulResults", "failedResults", "unprocessedrecords")]
    assert lengths == [10_000, 0, 0]
    asked = {"object": QUEUE, "operation": "upsert", "externalIdFieldName": KEY, "contentType": "CSV"}
    assert refused(api.session.post(INGEST, json=asked)) == (400, "EXCEEDEDQUOTA")
    clock.advance(86_400)
    assert api.session.post(INGEST, json=asked).status_code == 200


def test_a_small_job_may_be_made_in_one_multipart_call(api, clock):
    asked = f'{{"object":"{QUEUE}","operation":"upsert","externalIdFieldName":"{KEY}","contentType":"CSV"}}'
    parts = {"job": (None, asked, "application/json"), "content": ("content", keys(2), "text/csv")}
    made = requests.Request("POST", INGEST, files=parts)
    answer = api.session.send(api.session.prepare_request(made)).json()
    assert answer["state"] == "UploadComplete"
    clock.advance(20)
    assert set(api.sim.rows(QUEUE)) == {"k0", "k1"}


def test_a_job_without_rows_completes(api):
    job = api.load(f"{KEY}\n")
    info = api.info(job)
    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 0)
