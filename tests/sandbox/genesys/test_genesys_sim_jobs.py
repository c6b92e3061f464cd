"""Details by job: what a job holds, the states it goes through, its cursors; attributes of participants."""

import re
from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from connector.sandbox.conversations import milliseconds
from connector.sandbox.faults import FaultPlanError, Faults, Rule

JOBS = "/analytics/conversations/details/jobs"
TUESDAY = "2026-03-03T00:00:00.000Z/2026-03-04T00:00:00.000Z"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def submit(client, **more):
    answer = client.post(JOBS, {"interval": TUESDAY, **more})
    assert (answer.status_code, list(answer.json())) == (202, ["jobId"])
    return f"{JOBS}/{answer.json()['jobId']}"


def finished(client, clock, **more):
    """A job that is done."""
    job = submit(client, **more)
    clock.advance(10)
    return job


def pages(client, job, size):
    """Answers of a job to the last page."""
    answers = [client.get(f"{job}/results", pageSize=size).json()]
    while "cursor" in answers[-1] and len(answers) < 20:
        answers.append(client.get(f"{job}/results", pageSize=size, cursor=answers[-1]["cursor"]).json())
    return answers


def ids(page):
    shown = page.get("conversations", "absent")
    return [one["conversationId"] for one in shown] if isinstance(shown, list) else shown


def held(client, clock, **more):
    """Ids a job gives, in order."""
    return [identity for page in pages(client, finished(client, clock, **more), 1000) for identity in page_ids(page)]


def page_ids(page):
    return [one["conversationId"] for one in page.get("conversations") or []]


@pytest.fixture
def tuesday(monday):
    return monday + DAY


@pytest.fixture
def seven(make, tuesday):
    return [make(number, tuesday + timedelta(minutes=number)) for number in range(7)]


def test_job_holds_what_went_on_in_its_interval(serve, make, tuesday, clock):
    client = serve(
        [
            make(1, tuesday - 2 * HOUR, 3_600),
            make(2, tuesday - HOUR, 3_600),
            make(3, tuesday - HOUR, 3_601),
            make(4, tuesday - 20 * DAY, 3_600 * 24 * 60),
            make(5, tuesday, 1),
            make(6, tuesday + DAY - timedelta(seconds=1), 60),
            make(7, tuesday + DAY, 60),
            make(8, tuesday, 0),
        ]
    )
    assert held(client, clock) == ["c004", "c003", "c005", "c008", "c006"]
    assert held(client, clock, startOfDayIntervalMatching=True) == ["c005", "c008", "c006"]
    later = "2026-03-03T12:00:00Z/2026-03-04T00:00:00Z"
    assert held(client, clock, startOfDayIntervalMatching=True, interval=later) == ["c006"]
    assert held(client, clock, interval=later) == ["c004", "c006"]


def test_same_long_conversation_comes_back_in_every_interval_it_touches(serve, make, monday, clock):
    client = serve([make(1, monday, 2 * 86_400 + 60)])
    for day, found in enumerate((["c001"], ["c001"], ["c001"], [])):
        start = monday + day * DAY
        assert held(client, clock, interval=f"{start.isoformat()}/{(start + DAY).isoformat()}") == found


def test_job_filters_orders_and_limits(serve, make, tuesday, clock):
    world = [make(number, tuesday + timedelta(minutes=number), 600 - 60 * number) for number in range(4)]
    client = serve([*world, make(9, tuesday, media="chat")])
    voice = {"type": "and", "predicates": [{"dimension": "mediaType", "value": "voice"}]}
    ended = {"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "exists"}]}
    asked = {"segmentFilters": [voice], "conversationFilters": [ended]}
    assert held(client, clock, **asked) == ["c000", "c001", "c002", "c003"]
    assert held(client, clock, **asked, order="desc", limit=3) == ["c003", "c002", "c001"]
    assert held(client, clock, order="unordered") == ["c000", "c001", "c002", "c003", "c009"]


def test_job_knows_nothing_past_the_availability_date_and_does_not_say_so(serve, make, monday, clock):
    clock.set(monday + 12 * HOUR)
    world = [make(number, monday + number * HOUR, 5_400) for number in range(12)]
    client = serve(world, job_lag_seconds=4 * 3_600)
    today = "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z"
    answer = pages(client, finished(client, clock, interval=today), 1000)[0]
    assert ids(answer) == [f"c{number:03}" for number in range(9)]
    assert answer["dataAvailabilityDate"] == "2026-03-02T08:00:00Z"
    assert ["conversationEnd" in one for one in answer["conversations"]] == [True] * 7 + [False] * 2
    assert held(client, clock, interval="2026-03-02T08:01:00Z/2026-03-03T00:00:00Z") == []
    assert client.get(f"{JOBS}/availability").json() == {"dataAvailabilityDate": "2026-03-02T08:00:20Z"}
    client.sim.jobs.lag_seconds = 0
    assert client.get(f"{JOBS}/availability").json() == {"dataAvailabilityDate": "2026-03-02T12:00:20Z"}
    assert len(held(client, clock, interval=today)) == 12


def test_late_and_corrected_ones_reach_the_jobs_with_the_lag(serve, make, monday, clock):
    clock.set(monday + 10 * HOUR)
    client = serve([make(1, monday)], job_lag_seconds=3_600)
    client.sim.world.correct("c001", {"externalTag": "mended"}, clock.now())
    client.sim.world.add(make(2, monday), visible_from=clock.now())
    today = "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z"

    def tags():
        answer = pages(client, finished(client, clock, interval=today), 1000)[0]
        return {one["conversationId"]: one.get("externalTag") for one in answer["conversations"]}

    assert tags() == {"c001": None}
    clock.advance(3_600)
    assert tags() == {"c001": "mended", "c002": None}
    client.sim.world.hide("c001", clock.now())
    assert tags() == {"c002": None}


def test_results_are_those_of_the_submission(serve, seven, make, tuesday, clock):
    client = serve(seven)
    job = finished(client, clock)
    clock.advance(5 * 3_600)
    client.sim.world.add(make(8, tuesday))
    assert [ids(page) for page in pages(client, job, 1000)] == [[f"c{number:03}" for number in range(7)]]
    assert "c008" in held(client, clock)


def test_job_is_queued_then_pending_then_fulfilled_then_expired_then_forgotten(serve, seven, clock):
    client = serve(seven, job_seconds=20, job_kept_seconds=3_600)
    job = submit(client)
    submitted = {"submissionDate": "2026-03-05T12:00:00Z"}
    done = {**submitted, "completionDate": "2026-03-05T12:00:20Z", "expirationDate": "2026-03-05T13:00:20Z"}
    for seconds, status, results in (
        (0, {"state": "QUEUED", **submitted}, 400),
        (4, {"state": "QUEUED", **submitted}, 400),
        (5, {"state": "PENDING", **submitted}, 400),
        (19, {"state": "PENDING", **submitted}, 400),
        (20, {"state": "FULFILLED", **done}, 200),
        (3_619, {"state": "FULFILLED", **done}, 200),
        (3_620, {"state": "EXPIRED", **done}, 404),
        (7_219, {"state": "EXPIRED", **done}, 404),
    ):
        clock.set(clock.now().replace(hour=12, minute=0, second=0) + timedelta(seconds=seconds))
        assert (client.get(job).json(), client.get(f"{job}/results").status_code) == (status, results)
        clock.set(clock.now().replace(hour=12, minute=0, second=0))
    clock.advance(7_220)
    for answer in (client.get(job), client.get(f"{job}/results"), client.call("DELETE", job), client.get(f"{JOBS}/x")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


def test_job_can_be_cancelled_before_and_after_its_end(serve, seven, clock):
    client = serve(seven)
    for wait in (0, 10):
        job = submit(client)
        clock.advance(wait)
        assert client.call("DELETE", job).status_code == 204
        assert client.get(job).json()["state"] == "CANCELLED"
        assert client.get(f"{job}/results").status_code == 404


def test_results_are_read_by_opaque_cursors_to_the_page_without_one(serve, seven, clock):
    client = serve(seven)
    job = finished(client, clock)
    answers = pages(client, job, 3)
    assert [ids(page) for page in answers] == [["c000", "c001", "c002"], ["c003", "c004", "c005"], ["c006"]]
    assert [set(page) for page in answers] == [{"conversations", "cursor", "dataAvailabilityDate"}] * 2 + [
        {"conversations", "dataAvailabilityDate"}
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9+/]+=+", page["cursor"]) for page in answers[:2])
    assert pages(client, job, 3) == answers
    assert ids(client.get(f"{job}/results").json()) == [f"c{number:03}" for number in range(7)]


def test_full_last_page_is_followed_by_an_empty_one_without_a_list(serve, seven, clock):
    client = serve(seven)
    answers = pages(client, finished(client, clock), 7)
    assert [ids(page) for page in answers] == [[f"c{number:03}" for number in range(7)], "absent"]
    nothing = pages(client, finished(client, clock, interval="2026-02-03T00:00:00Z/2026-02-04T00:00:00Z"), 7)
    assert [set(page) for page in nothing] == [{"dataAvailabilityDate"}]


def test_cursor_is_good_for_its_job_and_page_size_only(serve, seven, clock):
    client = serve(seven)
    job, other = finished(client, clock), finished(client, clock)
    cursor = client.get(f"{job}/results", pageSize=3).json()["cursor"]
    for path, given in (
        (job, {"pageSize": 3, "cursor": cursor[:-1]}),
        (job, {"pageSize": 4, "cursor": cursor}),
        (other, {"pageSize": 3, "cursor": cursor}),
        (job, {"pageSize": 10_001}),
        (job, {"pageSize": "many"}),
        (job, {"pageNumber": 2}),
    ):
        assert client.get(f"{path}/results", **given).status_code == 400


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (Rule("fail_job", {"message": "too much"}), {"state": "FAILED", "errorMessage": "too much"}),
        (Rule("fail_job"), {"state": "FAILED", "errorMessage": "The query could not be completed"}),
        (Rule("stall_job"), {"state": "PENDING"}),
        (Rule("slow_job", {"seconds": 20}), {"state": "PENDING"}),
        (Rule("expire_job"), {"state": "EXPIRED"}),
        (Rule("cancel_job"), {"state": "CANCELLED"}),
    ],
)
def test_job_can_end_badly_and_the_next_one_well(serve, seven, clock, rule, status):
    rules = [Rule(rule.action, rule.arguments, path="details/jobs$", nth=1)]
    client = serve(seven, faults=Faults(rules))
    job = finished(client, clock)
    shown = client.get(job).json()
    assert {key: value for key, value in shown.items() if not key.endswith("Date")} == status
    assert client.get(f"{job}/results").status_code == (400 if status["state"] == "PENDING" else 404)
    clock.advance(80_000)
    assert (client.get(job).json()["state"] == "PENDING") == (rule.action == "stall_job")
    assert len(held(client, clock)) == 7


def test_job_can_expire_while_it_is_read(serve, seven, clock):
    client = serve(seven, faults=Faults([Rule("expire_job", {"seconds": 30})]))
    job = finished(client, clock)
    cursor = client.get(f"{job}/results", pageSize=3).json()["cursor"]
    clock.advance(30)
    assert client.get(f"{job}/results", pageSize=3, cursor=cursor).status_code == 404
    assert client.get(job).json()["state"] == "EXPIRED"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("empty_page", nth=2, path="results"), [["c000", "c001", "c002"], [], ["c006"]]),
        (Rule("empty_missing_list", nth=2, path="results"), [["c000", "c001", "c002"], "absent", ["c006"]]),
        (Rule("null_list", nth=2, path="results"), [["c000", "c001", "c002"], None, ["c006"]]),
        (Rule("repeat_previous_page", nth=2, path="results"), [["c000", "c001", "c002"]] * 2 + [["c006"]]),
        (Rule("drop_rows", {"rows": 2}, nth=2, path="results"), [["c000", "c001", "c002"], ["c005"], ["c006"]]),
        (
            Rule("repeat_cursor", nth=2, path="results"),
            [["c000", "c001", "c002"], ["c003", "c004", "c005"], ["c003", "c004", "c005"], ["c006"]],
        ),
        (Rule("cut_chain", nth=2, path="results"), [["c000", "c001", "c002"], ["c003", "c004", "c005"]]),
    ],
)
def test_pages_of_a_job_can_be_troubled_and_the_chain_goes_on(serve, seven, clock, rule, expected):
    client = serve(seven, faults=Faults([rule]))
    assert [ids(page) for page in pages(client, finished(client, clock), 3)] == expected


@pytest.mark.parametrize(
    "more",
    [
        {"paging": {"pageSize": 25}},
        {"aggregations": []},
        {"interval": "P1D"},
        {"limit": 0},
        {"orderBy": "duration"},
        {"surveyFilters": [{}]},
        {"segmentFilters": [{"type": "and", "predicates": [{"dimension": "queue", "value": "x"}]}]},
    ],
)
def test_job_the_service_does_not_take_is_400(serve, more):
    assert serve([]).post(JOBS, {"interval": TUESDAY, **more}).status_code == 400


def test_jobs_need_the_permission_of_details(serve, seven, clock):
    client = serve(seven)
    job = finished(client, clock)
    client.sim.withdraw("analytics:conversationDetail:view")
    for path in (job, f"{job}/results", f"{JOBS}/availability"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize("rule", [Rule("slow_job", {"seconds": None}), Rule("expire_job", {"seconds": "5"})])
def test_plan_with_senseless_arguments_for_jobs_is_refused(serve, rule):
    with pytest.raises(FaultPlanError, match=rule.action):
        serve([], faults=Faults([rule]))


def test_job_over_a_contact_centre_gives_what_was_alive(serve, busy_world, clock, tuesday):
    client = serve(busy_world, job_lag_seconds=0)
    seen = busy_world.conversations_at(clock.now(), tuesday - 30 * DAY, tuesday + DAY)
    midnight = milliseconds(tuesday)
    alive = [
        one["conversationId"]
        for one in seen
        if milliseconds(one["conversationStart"]) >= midnight
        or "conversationEnd" not in one
        or milliseconds(one["conversationEnd"]) > midnight
    ]
    assert held(client, clock) == alive
    started = [one for one in seen if milliseconds(one["conversationStart"]) >= midnight]
    assert 0 < len(started) < len(alive)
    assert len(held(client, clock, startOfDayIntervalMatching=True)) == len(started)


def test_attributes_come_with_jobs_only_and_are_cut(serve, busy_world, clock):
    client = serve(busy_world)
    found = [one for page in pages(client, finished(client, clock), 100) for one in page.get("conversations", ())]
    customers, agents, contradictions = Counter(), Counter(), 0
    for one in found:
        of = {"customer": customers, "agent": agents}
        languages = set()
        for participant in one["participants"]:
            attributes = participant.get("attributes", {})
            assert participant["purpose"] in of or not attributes
            assert all(isinstance(value, str) and len(value) <= 1024 for value in attributes.values())
            of.get(participant["purpose"], Counter()).update(list(attributes))
            languages |= {attributes.get("language")} - {None}
        contradictions += len(languages) > 1
    assert set(customers) == {"Order No", "language", "channel", "caseNumber", "summary"}
    assert set(agents) == {"script", "language", "caseNumber"}
    assert contradictions > 10
    long = [part["attributes"]["summary"] for one in found for part in one["participants"] if "summary" in str(part)]
    assert {len(text) for text in long} == {1024}
    identity = found[0]["conversationId"]
    bare = [
        client.details().json()["conversations"],
        client.get("/analytics/conversations/details", id=identity).json()["conversations"],
        [client.get(f"/analytics/conversations/{identity}/details").json()],
    ]
    assert not any("attributes" in participant for many in bare for one in many for participant in one["participants"])


# Aggregates

AGGREGATES = "/analytics/conversations/aggregates/jobs"
ASKED = {"interval": TUESDAY, "granularity": "PT1H", "groupBy": ["queueId"], "metrics": ["tTalk"]}


def test_aggregates_by_job_are_those_of_the_query_in_pages_of_intervals(serve, make, tuesday, clock):
    client = serve([make(number, tuesday + number * HOUR) for number in range(5)])
    whole = client.post("/analytics/conversations/aggregates/query", ASKED).json()["results"]
    answer = client.post(AGGREGATES, {**ASKED, "pageSize": 2})
    job = f"{AGGREGATES}/{answer.json()['jobId']}"
    clock.advance(10)
    assert (answer.status_code, client.get(job).json()["state"]) == (202, "FULFILLED")
    found, cursor = [], ""
    while True:
        page = client.get(f"{job}/results{cursor}").json()
        assert set(page) <= {"results", "cursor"}
        found += [(one["group"], data) for one in page.get("results", []) for data in one["data"]]
        if "cursor" not in page:
            break
        cursor = f"?{urlencode({'cursor': page['cursor']})}"
    assert found == [(one["group"], data) for one in whole for data in one["data"]]
    assert len(found) == 5


def test_aggregates_by_job_have_no_availability_date_and_no_page_size_for_a_page(serve, seven, clock):
    client = serve(seven)
    job = f"{AGGREGATES}/{client.post(AGGREGATES, ASKED).json()['jobId']}"
    clock.advance(10)
    assert client.get(f"{AGGREGATES}/availability").status_code == 404
    assert client.get(f"{job}/results?pageSize=5").status_code == 400
    assert client.get(job.replace("aggregates", "details")).status_code == 404
    assert client.call("DELETE", job).status_code == 204
    assert client.get(f"{job}/results").status_code == 404
