"""Details read by job: whole in the end, never past what the data lake holds, and gone on with inside the job."""

import math
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from lab import MAPPING, Killed, Lab, at, conversation

from connector.errors import PermissionMissing, ServiceUnavailable
from connector.orders import Order
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.faults import Rule
from connector.spans import Span

MakeLab = Callable[..., Lab]
JOBS, RESULTS = "/details/jobs$", "/results$"
ORDER = "  Last_Agent_Name__c: 'attributes.\"Order No\"'\n"


def mapping(via: str, fields: str = "", *, size: int | None = None, window: str = "") -> str:
    paged = f", page_size: {size}" if size else ""
    text = MAPPING.replace("conversations.details}", f"conversations.details, via: {via}{paged}}}")
    return text.replace("timezone: UTC}", f"timezone: UTC{window}}}") + fields


def with_order(name: str, hour: float, order: str | None = None, minutes: float = 5) -> Any:
    made = conversation(name, at(hour), minutes)
    if order is not None:
        made["participants"][0]["attributes"] = {"Order No": order}
    return made


def fill(lab: Lab, count: int, *, first: float = 0.5, every_minutes: float = 1) -> None:
    for number in range(count):
        lab.world.add(with_order(f"c{number:05}", first + number * every_minutes / 60, f"A-{number}"))


def asked(lab: Lab) -> dict[str, int]:
    """Calls for details since the last time, by what they ask."""
    counts: Counter[str] = Counter()
    for call in lab.genesys.calls:
        if "/details/" in call.path:
            is_job = "/jobs" in call.path
            last = call.path.rsplit("/", 1)[-1]
            names = {"jobs": "submit", "availability": "date", "results": "page", "query": "query"}
            counts["delete" if call.method == "DELETE" else names.get(last, "state" if is_job else "id")] += 1
    lab.genesys.calls.clear()
    return dict(counts)


def orders(lab: Lab) -> dict[str, Any]:
    return {key: row["Last_Agent_Name__c"] for key, row in lab.salesforce.rows("Conversation__c").items()}


def passes(lab: Lab) -> list[tuple[str, str]]:
    return [(one["path"], one["state"]) for one in lab.table("passes")]


def resync(start: float, end: float, **options: bool) -> Order:
    return Order("resync", resync=lambda horizon: Span(at(start), min(at(end), horizon)), **options)


# Which path


def test_old_time_is_read_by_job_and_the_newest_by_query(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(100))
    fill(lab, 300, every_minutes=19)
    result = lab.sync()
    assert (result.error, lab.rows()) == (None, lab.truth(at(99.75)))
    paths = {(one["start"][8:10], one["path"]) for one in lab.table("passes") if one["kind"] == "new"}
    assert paths == {("02", "job"), ("03", "job"), ("04", "query"), ("05", "query"), ("06", "query")}
    assert {one["path"] for one in lab.table("coverage")} == {"job", "query"}


def test_a_run_that_reads_nothing_old_asks_for_no_availability_date(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(30))
    fill(lab, 10)
    lab.sync()
    assert set(asked(lab)) == {"query"}
    lab.clock.advance(3600)
    lab.sync()
    assert set(asked(lab)) == {"query"}


def test_where_only_jobs_are_wanted_nothing_beyond_the_availability_date_is_planned(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(30))
    lab.write_mapping(mapping("job"))
    fill(lab, 100, every_minutes=20)
    result = lab.sync()
    assert (result.error, result.complete_to) == (None, at(26))
    assert set(asked(lab)) == {"date", "submit", "state", "page"}
    assert lab.rows().keys() == lab.truth(at(26)).keys()
    assert lab.sync(resync(0, 30)).complete_to == at(26)


def test_what_lies_past_the_date_is_silently_missing_there_and_all_arrives_in_the_end(make_lab: MakeLab) -> None:
    """The lake's lag grows and shrinks; conversations go on over its date, arrive late and are corrected."""
    lab = make_lab(now=at(20))
    lab.write_mapping(mapping("job"))
    for number in range(150):
        lab.world.add(conversation(f"c{number:03}", at(number / 2), minutes=100 if number % 7 == 0 else 5))
    furthest = at(0)
    for hour, lag in enumerate((4, 9, 12, 2, 3, 30, 30, 5, 4, 4, 4, 4)):
        lab.genesys.jobs.lag_seconds = lag * 3600
        result = lab.sync()
        assert result.error is None
        furthest = max(furthest, lab.clock.now() - timedelta(hours=lag))
        assert result.complete_to is not None and result.complete_to <= furthest
        lab.clock.advance(6 * 3600)
        if hour == 4:
            lab.world.add(conversation("late", at(21)), lab.clock.now())
    lab.sync()
    known = lab.truth(lab.clock.now())
    known.pop("late")
    rows = lab.rows()
    assert {key: rows[key] for key in known if known[key]["Started__c"] < "2026-03-05T09"} == {
        key: row for key, row in known.items() if row["Started__c"] < "2026-03-05T09"
    }


def test_a_job_that_knows_less_than_was_promised_settles_nothing(make_lab: MakeLab, caplog: Any) -> None:
    """The date was told, then the lake is filled less far: its answer says so, and the span is read again."""
    lab = make_lab(now=at(30))
    lab.write_mapping(mapping("job"))
    fill(lab, 50, every_minutes=30)

    def fall_back() -> None:
        if any(call.path.endswith("/availability") for call in lab.genesys.calls):
            lab.genesys.jobs.lag_seconds = 20 * 3600

    lab.after_commit = fall_back
    result = lab.sync()
    assert (result.complete_to, lab.table("coverage")) == (at(0), [])
    assert {one["state"] for one in lab.table("passes") if one["kind"] != "open"} == {"failed"}
    assert "the data lake is filled until 2026-03-02T10:00:" in caplog.text
    lab.after_commit = lambda: None
    lab.genesys.jobs.lag_seconds = 4 * 3600
    assert (lab.sync().complete_to, lab.rows()) == (at(26), lab.truth(at(26)))


def test_what_the_lake_could_not_know_when_it_was_read_is_read_again(make_lab: MakeLab) -> None:
    """The lookback counts from the availability date, not from when the job was read."""
    lab = make_lab(now=at(48))
    lab.genesys.jobs.lag_seconds = 24 * 3600
    lab.write_mapping(mapping("job"))
    lab.world.add(conversation("c1", at(23.5)))
    lab.world.correct("c1", lambda one: {**one, "originatingDirection": "outbound"}, at(24.5))
    assert lab.sync().complete_to == at(24)
    assert lab.rows()["c1"]["Direction__c"] == "inbound"
    lab.clock.advance(6 * 3600)
    lab.sync()
    assert lab.rows()["c1"]["Direction__c"] == "outbound"


# Attributes


def test_attributes_arrive_once_the_lake_holds_the_day(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(26))
    lab.write_mapping(mapping("auto", ORDER))
    fill(lab, 20, every_minutes=60)
    lab.sync()
    assert set(orders(lab).values()) == {None}
    for _ in range(12):
        lab.clock.advance(3600)
        assert lab.sync().error is None
    assert orders(lab) == {f"c{number:05}": f"A-{number}" for number in range(20)}
    first_day = [one for one in lab.table("passes") if one["path"] == "job"]
    assert [(one["kind"], one["start"], one["updated"]) for one in first_day] == [
        ("recheck", "2026-03-02T00:00:00Z", 20)
    ]


def day_with_orders(lab: Lab) -> None:
    lab.write_mapping(mapping("auto", ORDER))
    fill(lab, 20, every_minutes=60)
    assert lab.sync().error is None
    assert orders(lab) == {f"c{number:05}": f"A-{number}" for number in range(20)}
    lab.salesforce.calls.clear()
    lab.genesys.calls.clear()


def reread_by(lab: Lab, path: str) -> Any:
    """The first day, re-read by this path, which the lake's lag decides."""
    lab.genesys.jobs.lag_seconds = 4 * 3600 if path == "job" else 300 * 3600
    if path == "query":
        lab.clock.advance(60)
    writes = lab.salesforce.writes("Conversation__c")
    result = lab.sync(resync(0, 24))
    assert result.error is None
    assert [one["path"] for one in lab.table("passes")][-1] == path
    return result.books, lab.salesforce.writes("Conversation__c") == writes


def test_a_row_by_query_and_a_row_by_job_that_differ_in_attributes_only_are_equal(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(60))
    day_with_orders(lab)
    for path in ("query", "job", "query", "job"):
        if path == "job":
            lab.clock.advance(6 * 3600)
        books, wrote_nothing = reread_by(lab, path)
        assert (books.made, books.unchanged, wrote_nothing) == (20, 20, True), path
    assert orders(lab) == {f"c{number:05}": f"A-{number}" for number in range(20)}


def test_a_changed_attribute_seen_by_job_is_sent_and_by_query_never_cleared(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(60))
    day_with_orders(lab)
    lab.world.correct("c00003", with_order("c00003", 3.5, "B-3"), at(60.5))
    lab.world.correct("c00004", {**with_order("c00004", 4.5, "A-4"), "originatingDirection": "outbound"}, at(60.5))
    lab.clock.advance(6 * 3600)
    books, _ = reread_by(lab, "query")
    assert (books.updated, orders(lab)["c00003"], orders(lab)["c00004"]) == (1, "A-3", "A-4")
    assert lab.rows()["c00004"]["Direction__c"] == "outbound"
    lab.clock.advance(6 * 3600)
    books, _ = reread_by(lab, "job")
    # What was confirmed by query and what was confirmed by job before are together what the job says now.
    assert (books.updated, books.unchanged, orders(lab)["c00003"]) == (1, 19, "B-3")


def test_a_job_never_takes_back_what_was_read_later_than_it_knows(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(60))
    day_with_orders(lab)
    lab.world.correct("c00003", {**with_order("c00003", 3.5, "B-3"), "originatingDirection": "outbound"}, at(59))
    reread_by(lab, "query")
    lab.genesys.jobs.lag_seconds = 4 * 3600
    asked(lab)
    for order in (resync(0, 24), Order(), Order()):
        assert lab.sync(order).error is None
        assert (lab.rows()["c00003"]["Direction__c"], orders(lab)["c00003"]) == ("outbound", "A-3")
    assert "submit" not in asked(lab)
    assert "recheck" not in {one["kind"] for one in lab.table("passes")}
    lab.clock.advance(5 * 3600)
    lab.sync()
    assert (lab.rows()["c00003"]["Direction__c"], orders(lab)["c00003"]) == ("outbound", "B-3")


def test_where_attributes_decide_which_rows_there_are_all_is_read_by_job(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(30))
    lab.write_mapping(mapping("auto", 'keep: {"attributes.Kind": sale}\n'))
    for number in range(10):
        one = conversation(f"c{number}", at(number))
        one["participants"][0]["attributes"] = {"Kind": "sale" if number % 2 else "other"}
        lab.world.add(one)
    lab.sync()
    assert sorted(lab.rows()) == ["c1", "c3", "c5", "c7", "c9"]
    assert "query" not in asked(lab)


def test_a_date_that_is_refused_leaves_a_stream_without_attributes_to_the_query(make_lab: MakeLab) -> None:
    """The query can be asked with another permission than the availability date."""
    lab = make_lab(now=at(100), rules=(refusing("/availability$"),))
    fill(lab, 50)
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(99)))
    assert {path for path, _ in passes(lab)} == {"query"}
    lab.write_mapping(mapping("auto", ORDER))
    result = lab.sync()
    assert (result.exit_code, type(result.error)) == (3, PermissionMissing)


def refusing(path: str) -> Rule:
    body = {"code": "missing.permissions", "message": "No.", "status": 403}
    return Rule("status", {"code": 403, "json": body}, service="genesys", path=path)


# Jobs in trouble

TROUBLE = {
    "fail": (Rule("fail_job", {"message": "too busy"}, path=JOBS, nth=1),),
    "fail twice": (Rule("fail_job", {}, path=JOBS, nth=[1, 2]),),
    "cancel": (Rule("cancel_job", {}, path=JOBS, nth=1),),
    "stall": (Rule("stall_job", {}, path=JOBS, nth=1),),
    "slow": (Rule("slow_job", {"seconds": 400}, path=JOBS, nth=1),),
    "expire": (Rule("expire_job", {"seconds": 0}, path=JOBS, nth=1),),
    "expire later": (Rule("expire_job", {"seconds": 3}, path=JOBS, nth=1), Rule("delay", {"seconds": 2}, path=RESULTS)),
    "lost submission": (Rule("lose_answer", path=JOBS, nth=1),),
    "busy": (Rule("status", {"code": 503}, path=RESULTS, nth=2), Rule("status", {"code": 429}, path=JOBS, nth=1)),
    "gone": (Rule("status", {"code": 404}, path=RESULTS, nth=2),),
    "refused": (Rule("status", {"code": 400}, path=RESULTS, nth=[2, 5]),),
    "repeated cursor": (Rule("repeat_cursor", path=RESULTS, nth=2),),
    "empty page": (Rule("empty_page", path=RESULTS, nth=2),),
    "cut": (Rule("cut_chain", path=RESULTS, nth=2),),
    "short": (Rule("short_page", path=RESULTS, nth=2),),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_whatever_becomes_of_a_job_all_rows_arrive(make_lab: MakeLab, trouble: str) -> None:
    lab = make_lab(now=at(30), rules=TROUBLE[trouble])
    lab.write_mapping(mapping("job", size=7))
    fill(lab, 40, every_minutes=30)
    for _ in range(3):
        result = lab.sync()
    assert (result.error, lab.table("gaps")) == (None, [])
    assert result.complete_to is not None and result.complete_to >= at(26)
    assert lab.rows() == lab.truth(at(26))
    for one in lab.table("passes"):
        assert one["state"] in ("settled", "split"), one


@pytest.mark.parametrize(
    ("action", "arguments", "reason"),
    [
        ("fail_job", {"message": "too busy"}, "it is FAILED: too busy"),
        ("cancel_job", {}, "it is CANCELLED"),
        ("stall_job", {}, "it has no results after 20 minutes"),
        ("expire_job", {}, "it is EXPIRED"),
    ],
)
def test_jobs_that_never_give_results_end_the_run_with_exit_4_and_the_reason(
    make_lab: MakeLab, action: str, arguments: Any, reason: str
) -> None:
    lab = make_lab(now=at(30), rules=(Rule(action, arguments, path=JOBS),))
    lab.write_mapping(mapping("job"))
    fill(lab, 5)
    result = lab.sync()
    assert (result.exit_code, type(result.error)) == (4, ServiceUnavailable)
    assert str(result.error).splitlines()[0].endswith(f"3 jobs in a row gave no results; the last one: {reason}")
    assert asked(lab)["submit"] == 3
    lab.faults.change()
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(26)))


@pytest.mark.parametrize("via", ["job", "auto"])
def test_killed_at_any_commit_the_next_run_goes_on_inside_the_job(make_lab: MakeLab, via: str) -> None:
    step = 0
    while True:
        lab = make_lab(now=at(60))
        lab.write_mapping(mapping(via, ORDER, size=7))
        fill(lab, 40, every_minutes=30)
        step += 1
        if lab.killed_at(step, calls=False) < step:
            break
        result = lab.sync()
        assert (result.error, lab.rows()) == (None, lab.truth(at(56 if via == "job" else 59.75))), step
        assert {one["state"] for one in lab.table("passes")} == {"settled"}, step
        # The id is kept by the commit that follows the submission, so that no kill at a commit wastes a job.
        assert asked(lab)["submit"] == Counter(path for path, _ in passes(lab))["job"], step


def test_a_kill_between_the_submission_and_its_id_wastes_a_job_and_nothing_else(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(30))
    lab.write_mapping(mapping("job"))
    fill(lab, 10)
    lab.wrap_adapter = lambda adapter: KillingAdapter(lab)
    with pytest.raises(Killed):
        lab.sync()
    lab.wrap_adapter = lambda adapter: adapter
    assert [one["job"] for one in lab.table("passes")] == [None]
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(26)))
    assert asked(lab)["submit"] == 3


class KillingAdapter(WsgiAdapter):
    """Kills where a job was submitted and its answer has just come."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.answering, lab.clock)

    def send(self, request: Any, *arguments: Any, **more: Any) -> Any:
        answer = super().send(request, *arguments, **more)
        if request.method == "POST" and request.url.endswith("/details/jobs"):
            raise Killed
        return answer


# Jobs nobody needs any more


def test_a_job_that_was_read_whole_is_left_to_expire_and_costs_no_further_call(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(80))
    lab.write_mapping(mapping("job"))
    fill(lab, 20)
    lab.sync()
    calls = asked(lab)
    assert (calls["submit"], "delete" in calls, lab.genesys.jobs.left) == (4, False, 4)


LEFT = {
    "stalled": ((Rule("stall_job", path=JOBS, nth=1),), 1),
    "failed": ((Rule("fail_job", path=JOBS, nth=1),), 0),
    "page refused": ((Rule("status", {"code": 400, "json": {"code": "bad.request"}}, path=RESULTS, nth=2),), 0),
    "gone": ((Rule("status", {"code": 404, "json": {"code": "not.found"}}, path=RESULTS, nth=2),), 0),
    "halved": ((Rule("repeat_cursor", path=RESULTS, nth=[2, 3]),), 0),
}
"""Trouble, and how many jobs the service may still work on when they are given up."""


@pytest.mark.parametrize("trouble", LEFT)
def test_a_job_that_is_given_up_is_deleted_where_the_service_may_still_work_on_it(
    make_lab: MakeLab, trouble: str
) -> None:
    rules, deleted = LEFT[trouble]
    lab = make_lab(now=at(28), rules=rules)
    lab.write_mapping(mapping("job", size=7))
    fill(lab, 40, every_minutes=30)
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(24)))
    calls = asked(lab)
    assert calls["submit"] > 1
    assert (calls.get("delete", 0), lab.genesys.jobs.left) == (deleted, calls["submit"] - deleted)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("status", {"code": 503, "headers": {"Retry-After": "20"}}, method="DELETE"),
        Rule("status", {"code": 429}, method="DELETE"),
        Rule("status", {"code": 404}, method="DELETE"),
        Rule("status", {"code": 401}, method="DELETE"),
        Rule("status", {"code": 202}, method="DELETE"),
        Rule("refuse", method="DELETE"),
        Rule("html", method="DELETE"),
    ],
)
def test_a_job_that_cannot_be_deleted_costs_one_call_and_no_run(make_lab: MakeLab, rule: Rule) -> None:
    lab = make_lab(now=at(28), rules=(Rule("stall_job", path=JOBS, nth=1), rule))
    lab.write_mapping(mapping("job"))
    fill(lab, 40, every_minutes=30)
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(24)))
    assert asked(lab)["delete"] == 1
    assert lab.genesys.jobs.left == 2


def test_a_job_is_deleted_only_when_its_pass_needs_it_no_more(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(28), rules=(Rule("stall_job", path=JOBS, nth=1),))
    lab.write_mapping(mapping("job", size=7))
    fill(lab, 40, every_minutes=30)

    class Watching(WsgiAdapter):
        def send(self, request: Any, *arguments: Any, **more: Any) -> Any:
            if request.method == "DELETE":
                raise Killed
            return super().send(request, *arguments, **more)

    lab.wrap_adapter = lambda adapter: Watching(lab.answering, lab.clock)
    with pytest.raises(Killed):
        lab.sync()
    assert [one["job"] for one in lab.table("passes")] == [None]
    lab.wrap_adapter = lambda adapter: adapter
    assert (lab.sync().error, lab.rows()) == (None, lab.truth(at(24)))
    # The one that stalled, the one in its place, and one for the minutes that have passed meanwhile.
    assert asked(lab)["submit"] == 3


def test_the_job_of_a_pass_that_a_changed_mapping_gives_up_is_deleted(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(28))
    lab.write_mapping(mapping("job", size=7))
    fill(lab, 40, every_minutes=30)
    lab.faults.change(Rule("status", {"code": 503}, path=RESULTS, nth=[2, 3, 4, 5, 6]))
    assert lab.sync().exit_code == 4
    assert "delete" not in asked(lab)
    lab.change_mapping("  Direction__c: direction\n", "  Direction__c: {from: direction, upper: true}\n")
    assert lab.sync().error is None
    calls = asked(lab)
    assert (calls["submit"], calls["delete"], lab.genesys.jobs.left) == (1, 1, 1)


# What it costs


@pytest.mark.parametrize("count", [0, 999, 1000, 4321])
def test_a_backfill_by_job_keeps_the_bound_of_its_calls(make_lab: MakeLab, count: int) -> None:
    """At most 1.1 x (rows / 1,000 + 5 for each job)."""
    lab = make_lab(now=at(80))
    lab.write_mapping(mapping("job"))
    fill(lab, count, first=0, every_minutes=70 * 60 / max(count, 1))
    result = lab.sync()
    calls = asked(lab)
    assert (result.error, len(lab.rows())) == (None, count)
    jobs = calls["submit"]
    assert jobs == 4
    assert sum(calls.values()) - calls["date"] <= 1.1 * (count / 1000 + 5 * jobs)
    assert calls["page"] <= math.ceil(count / 1000) + 2 * jobs
