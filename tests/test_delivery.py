"""Delivery: whatever answer is lost, job fails or row is refused, each row is accepted, kept, or sent again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from lab import Lab, at
from requests.adapters import BaseAdapter

from connector.assemble import Installation
from connector.choosing import Chooser
from connector.delivery import BUSY_SECONDS, Delivery
from connector.errors import DeliveryRefused, QuotaSpent, ServiceUnavailable, StateError
from connector.genesys.judge import Seen
from connector.lanes import Lane, choose
from connector.ledger import Books
from connector.mapping import Fingerprints, Row
from connector.sandbox.faults import Rule
from connector.spans import Span, stamp
from connector.state.batches import NEWEST
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry
from connector.state.store import Identity, StreamLock
from connector.windows import Planned

OBJECT, KEY = "Conversation__c", "Conversation_Id__c"
COLLECTIONS = "/composite/sobjects"
NEW_JOB, JOB, RESULTS = "/jobs/ingest$", "/jobs/ingest/[^/]+$", "/jobs/ingest/.*Results$"
GONE = {"code": 404, "json": [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]}


class Dock:
    """Rows of one stream, queued by hand, and deliveries that send them to a simulated org."""

    def __init__(self, lab: Lab, ready: Installation, stream: str = "calls") -> None:
        self.lab = lab
        self.store = ready.store
        self.org = ready.org
        self.folder = ready.config.home / ".connector"
        self.stream = stream
        self.by = "auto"
        identity = Identity(self.org.org_id, "genesys", ((OBJECT, KEY),))
        self.store.meet(stream, identity, Fingerprints("fields-1", "source-1", "keys-1"))
        self.next_run()

    def next_run(self) -> None:
        self.run = self.store.begin_run(self.stream, "sync", self.lab.clock.now())

    def prove(self, stream: str = "") -> None:
        """As if a row had been accepted under this mapping."""
        with self.store.db.transaction() as db:
            db.execute("UPDATE streams SET proven = ? WHERE name = ?", [self.proof, stream or self.stream])

    @property
    def proof(self) -> str:
        return f"fields-1 {self.org.org_id}"

    def queue(self, rows: dict[str, str]) -> None:
        """A pass of one page: external id -> direction."""
        prints = ("fields-1", "source-1")
        now = self.lab.clock.now()
        one = self.store.passes.begin(self.stream, Planned("new", Span(at(0), at(24))), prints, self.run, now)
        entries = [
            Entry(digest(key), digest(key, value), stamp(at(1)), "mapped", [Row(0, key, stamp(at(1)), made)])
            for key, value in rows.items()
            for made in [{KEY: key, "Direction__c": value}]
        ]
        self.store.outbox.store_page(one, entries, [OBJECT], Checkpoint(1, "", Seen()), len(rows), now)
        self.store.passes.pulled(one)

    def many(self, count: int, value: str = "inbound") -> None:
        self.queue({f"c{number:05}": value for number in range(count)})

    def lane(self, **changes: Any) -> Lane:
        usual = Lane(self.stream, OBJECT, KEY, (KEY, "Direction__c"), self.by, 150_000, 0.1, "fields-1", self.proof)
        return replace(usual, **changes)

    def delivery(self, **lane: Any) -> Delivery:
        """What a new process would deliver with."""
        now = self.lab.clock.now
        return Delivery(self.lane(**lane), self.org, self.store, self.run, self.folder, now)

    def deliver(self, delivery: Delivery | None = None, *, more_comes: bool = False, **lane: Any) -> list[float]:
        """Take steps until nothing can be sent; the waits in between."""
        delivery = delivery or self.delivery(**lane)
        waits = []
        try:
            for _ in range(300):
                wait = delivery.step(more_comes=more_comes)
                if wait is None:
                    return waits
                if wait:
                    waits.append(wait)
                    self.lab.clock.sleep(wait)
        finally:
            delivery.let_go()
        raise AssertionError("the delivery never came to an end")

    def sent(self) -> dict[str, str]:
        return {key: row["Direction__c"] for key, row in self.lab.salesforce.rows(OBJECT).items()}

    def books(self) -> dict[str, int]:
        """What became of the rows of all passes, which must balance."""
        total = Books()
        for row in self.store.db.rows("SELECT id FROM passes WHERE stream = ?", [self.stream]):
            books = self.store.passes.books(row["id"])
            books.check("pass")
            total += books
        names = ("created", "updated", "rejected", "unchanged", "superseded", "pending")
        return {name: value for name in names if (value := getattr(total, name))}

    def batches(self) -> list[tuple[str, str, int]]:
        """Way, state and rows of every batch."""
        rows = self.store.db.rows("SELECT path, state, rows FROM batches ORDER BY id")
        return [(row["path"], row["state"], row["rows"]) for row in rows]

    def writes(self) -> set[int]:
        """How often records were written."""
        return set(self.lab.salesforce.writes(OBJECT).values())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("batch-*"))


class Before(BaseAdapter):
    """Does something before a request goes on its way."""

    def __init__(self, adapter: BaseAdapter, act: Callable[[requests.PreparedRequest], None]) -> None:
        super().__init__()
        self._adapter = adapter
        self._act = act

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self._act(request)
        return self._adapter.send(request, **options)

    def close(self) -> None:
        self._adapter.close()


@pytest.fixture
def make_dock(make_lab) -> Iterator[Callable[..., Dock]]:
    opened = []

    def make(
        *rules: Rule, by: str = "auto", before: Callable[[requests.PreparedRequest], None] | None = None, **org: Any
    ) -> Dock:
        lab = make_lab(now=at(30), rules=rules, **org)
        if before is not None:
            lab.wrap_adapter = lambda adapter: Before(adapter, before)
        context = lab.opened()
        dock = Dock(lab, context.__enter__())
        dock.by = by
        opened.append(context)
        dock.prove()
        return dock

    yield make
    for context in opened:
        context.__exit__(None, None, None)


# Which way


LANE = Lane("calls", OBJECT, KEY, (KEY,), "auto", 150_000, 0.1, "fields-1", "proof")


@pytest.mark.parametrize(
    ("ready", "more_comes", "expected"),
    [
        (0, False, None),
        (199, True, None),
        (199, False, ("collections", 200)),
        (2_000, True, None),
        (2_000, False, ("collections", 200)),
        (2_001, True, None),
        (2_001, False, ("bulk", 150_000)),
        (10_000, True, ("bulk", 150_000)),
    ],
)
def test_up_to_two_thousand_rows_go_by_collections_and_a_job_is_worth_ten_thousand(ready, more_comes, expected):
    assert choose(LANE, ready, 0, 0, is_proven=True, more_comes=more_comes) == expected


@pytest.mark.parametrize(("ready", "more_comes"), [(200, True), (50_000, False)])
def test_until_a_row_was_accepted_deliveries_are_small(ready, more_comes):
    assert choose(LANE, ready, 0, 0, is_proven=False, more_comes=more_comes) == ("collections", 200)


@pytest.mark.parametrize(
    ("by", "ready", "more_comes", "expected"),
    [
        ("collections", 50_000, True, ("collections", 200)),
        ("bulk", 5, False, ("bulk", 150_000)),
        ("bulk", 9_999, True, None),
    ],
)
def test_a_mapping_may_name_the_way(by, ready, more_comes, expected):
    assert choose(replace(LANE, by=by), ready, 0, 0, is_proven=True, more_comes=more_comes) == expected


def test_what_no_file_can_say_goes_by_collections_whatever_the_mapping_names():
    assert choose(replace(LANE, by="bulk"), 3, 3, 0, is_proven=True, more_comes=False) == ("collections", 200)


@pytest.mark.parametrize(("tried", "rows"), [(0, 200), (1, 100), (3, 25), (5, 10)])
def test_rows_that_met_a_transient_fault_go_in_smaller_batches(tried, rows):
    assert choose(LANE, 500, 0, tried, is_proven=True, more_comes=False) == ("collections", rows)


@pytest.mark.parametrize(
    ("ready", "deletes", "tried", "more_comes", "expected"),
    [
        (1, 50, 0, False, ("collections", 200)),
        (0, 50, 0, False, ("delete", 200)),
        (0, 50, 3, False, ("delete", 25)),
        (0, 50, 0, True, None),
        (0, 200, 0, True, ("delete", 200)),
        (150, 200, 0, True, ("delete", 200)),
        (0, 0, 0, False, None),
    ],
)
def test_deletes_go_when_nothing_else_can(ready, deletes, tried, more_comes, expected):
    """During the pull only whole calls: a full outbox of deletes must not make it wait for ever."""
    assert choose(LANE, ready, 0, tried, is_proven=True, more_comes=more_comes, deletes=deletes) == expected


# Sending


def test_a_few_rows_go_by_collections_calls_of_two_hundred(make_dock):
    dock = make_dock()
    dock.many(450)
    assert dock.deliver() == []
    assert dock.batches() == [
        ("collections", "ended", 200),
        ("collections", "ended", 200),
        ("collections", "ended", 50),
    ]
    assert (dock.books(), len(dock.sent())) == ({"created": 450}, 450)


def test_many_rows_go_by_one_job_and_nothing_of_it_stays_on_disk(make_dock):
    dock = make_dock()
    dock.many(2001)
    dock.deliver()
    assert (dock.batches(), dock.books(), dock.files()) == ([("bulk", "ended", 2001)], {"created": 2001}, [])


def test_an_unproven_mapping_sends_two_hundred_rows_first(make_dock):
    dock = make_dock()
    dock.many(2500)
    with dock.store.db.transaction() as db:
        db.execute("UPDATE streams SET proven = ''")
    dock.deliver()
    assert dock.batches() == [("collections", "ended", 200), ("bulk", "ended", 2300)]


def test_a_job_is_cut_at_the_rows_its_mapping_allows(make_dock):
    dock = make_dock()
    dock.many(2500)
    dock.deliver(job_rows=1200, by="bulk")
    assert [rows for _, _, rows in dock.batches()] == [1200, 1200, 100]


def test_the_text_that_would_clear_a_cell_goes_by_collections_beside_a_job(make_dock):
    dock = make_dock()
    dock.many(2500)
    dock.queue({"c00007": "#N/A"})
    dock.deliver()
    assert [path for path, _, _ in dock.batches()] == ["bulk", "collections"]
    assert dock.sent()["c00007"] == "#N/A"


def test_small_change_waits_for_more_while_the_pull_goes_on(make_dock):
    dock = make_dock()
    dock.many(450)
    dock.deliver(more_comes=True)
    assert (dock.batches(), dock.books()) == ([], {"pending": 450})


def test_nothing_is_begun_when_only_the_calls_of_others_are_left(make_dock):
    dock = make_dock(daily_calls=10)
    for _ in range(8):
        dock.org.call("GET", "limits")
    dock.many(3)
    with pytest.raises(QuotaSpent, match="left to its other users"):
        dock.deliver()
    assert (dock.batches(), dock.books()) == ([], {"pending": 3})


def test_a_job_that_takes_more_batches_than_are_left_is_not_made(make_dock):
    """One batch is left, and the share of the others is a fifth of it."""
    dock = make_dock(daily_batches=1, by="bulk")
    dock.many(40)
    with pytest.raises(QuotaSpent) as spent:
        dock.deliver()
    assert (dock.lab.salesforce.jobs(), dock.batches(), dock.books()) == ([], [], {"pending": 40})
    assert (spent.value.message, spent.value.come_back_seconds) == (
        "calls: 40 rows wait for Conversation__c, and the Salesforce org has 1 of its 1 batches left; 20% are kept for "
        "its other users",
        3600,
    )
    assert "the next hourly run goes on, at 2026-03-03T07:00:00Z" in spent.value.hint


def test_rows_go_by_collections_when_batches_are_spent_and_calls_are_not(make_dock):
    dock = make_dock(daily_batches=1)
    dock.many(2001)
    dock.deliver()
    assert (dock.lab.salesforce.jobs(), dock.books()) == ([], {"created": 2001})
    asked = [one.path.rpartition("/")[2] for one in dock.lab.salesforce.calls]
    assert (asked.count("limits"), asked.count(KEY)) == (1, 11)


def test_nothing_is_begun_when_neither_batches_nor_calls_are_enough(make_dock):
    dock = make_dock(daily_batches=1, daily_calls=14)
    dock.many(2001)
    with pytest.raises(QuotaSpent, match="1 of its 1 batches and 13 of 14 calls left"):
        dock.deliver()
    assert (dock.batches(), dock.books()) == ([], {"pending": 2001})


def test_a_job_takes_what_the_batches_left_hold(make_dock):
    dock = make_dock(daily_batches=2)
    dock.many(10_001)
    chooser = Chooser(dock.lane(), dock.org, dock.store, dock.run, dock.lab.clock.now)
    assert chooser.afford("bulk", 150_000, NEWEST) == ("bulk", 10_000)
    assert chooser.afford("bulk", 10_000, NEWEST) == ("bulk", 10_000)
    assert chooser.afford("collections", 200, NEWEST) == ("collections", 200)


def test_files_of_a_job_lie_in_a_folder_nobody_else_can_open(make_dock):
    dock = make_dock()
    dock.many(3)
    dock.deliver()
    assert dock.folder.stat().st_mode & 0o777 == 0o700


# Lost answers


def lost(path: str, method: str, times: int = 1) -> Rule:
    return Rule("lose_answer", service="salesforce", path=path, method=method, times=times)


def test_a_collections_call_whose_answer_is_lost_is_repeated_unchanged(make_dock):
    dock = make_dock(lost(COLLECTIONS, "PATCH"))
    dock.many(3)
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"updated": 3}, {2})


def test_a_job_whose_create_answer_is_lost_is_left_empty_and_another_is_made(make_dock):
    dock = make_dock(lost(NEW_JOB, "POST"), by="bulk")
    dock.many(40)
    dock.deliver()
    assert [(job.state, len(job.keys)) for job in dock.lab.salesforce.jobs()] == [("Open", 0), ("JobComplete", 40)]
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})


def test_a_job_whose_upload_answer_is_lost_is_aborted_before_its_rows_go_into_another(make_dock):
    dock = make_dock(lost("/batches$", "PUT"), by="bulk")
    dock.many(40)
    dock.deliver()
    assert [job.state for job in dock.lab.salesforce.jobs()] == ["Aborted", "JobComplete"]
    assert (dock.books(), dock.writes(), dock.files()) == ({"created": 40}, {1}, [])


def test_an_upload_that_never_arrived_is_made_again(make_dock):
    dock = make_dock(Rule("refuse", service="salesforce", path="/batches$", times=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes(), dock.lab.salesforce.count_uploads()) == ({"created": 40}, {1}, 1)


def test_a_job_whose_start_answer_is_lost_is_not_uploaded_again(make_dock):
    dock = make_dock(lost(JOB, "PATCH"), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (len(dock.lab.salesforce.jobs()), dock.books(), dock.writes()) == (1, {"created": 40}, {1})


def test_answers_that_are_always_lost_end_the_run_and_the_next_one_goes_on(make_dock):
    dock = make_dock(lost(NEW_JOB, "POST", times=3), by="bulk")
    dock.many(40)
    with pytest.raises(ServiceUnavailable, match="3 ingest jobs in a row"):
        dock.deliver()
    dock.next_run()
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})


# Jobs in trouble


def test_a_job_that_fails_half_way_keeps_what_it_saved_and_the_rest_goes_again(make_dock):
    dock = make_dock(Rule("fail_job_halfway", {"share": 0.5}, path="/batches", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes(), len(dock.sent())) == ({"created": 40}, {1}, 40)


def test_a_job_somebody_aborted_keeps_what_it_saved_and_the_rest_goes_again(make_dock):
    dock = make_dock(Rule("abort_job", {"share": 0.5}, path="/batches", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes(), len(dock.sent())) == ({"created": 40}, {1}, 40)


NO_RESULT = Rule("drop_results", {"rows": 7, "saved": True}, path="/batches", nth=1)


def test_rows_that_stand_in_no_result_file_and_were_not_saved_are_sent_again(make_dock):
    dock = make_dock(Rule("drop_results", {"rows": 7, "saved": False}, path="/batches", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), len(dock.sent()), dock.writes()) == ({"created": 40}, 40, {1})


def test_rows_that_stand_in_no_result_file_but_in_salesforce_are_not_written_twice(make_dock):
    dock = make_dock(NO_RESULT, by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.batches(), dock.writes()) == (
        {"created": 33, "updated": 7},
        [("bulk", "ended", 40)],
        {1},
    )


def test_rows_without_a_result_that_salesforce_holds_otherwise_are_sent_again(make_dock):
    dock = make_dock(Rule("drop_results", {"rows": 7, "saved": False}, path="/batches", nth=2), by="bulk")
    dock.many(40)
    dock.deliver()
    dock.many(40, "outbound")
    dock.deliver()
    assert (dock.books(), set(dock.sent().values()), dock.writes()) == (
        {"created": 40, "updated": 40},
        {"outbound"},
        {2},
    )


def test_rows_without_a_result_are_sent_again_when_salesforce_does_not_answer_for_them(make_dock):
    refusal = {"code": 400, "json": [{"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}]}
    dock = make_dock(NO_RESULT, Rule("status", refusal, path="/query$", method="GET", times=9), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 33, "updated": 7}, {1, 2})


def test_more_rows_without_a_result_than_a_slice_are_sent_again_unasked(make_dock):
    dock = make_dock(Rule("drop_results", {"rows": 1001, "saved": True}, path="/batches", nth=1), by="bulk")
    dock.many(1010)
    dock.deliver()
    assert [call.path for call in dock.lab.salesforce.calls if "/query" in call.path] == []
    assert (dock.books(), dock.writes()) == ({"created": 9, "updated": 1001}, {1, 2})


def test_a_job_salesforce_no_longer_knows_is_sent_again(make_dock):
    dock = make_dock(Rule("status", GONE, path=JOB, method="GET", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (len(dock.sent()), sum(dock.books().values()), dock.files()) == (40, 40, [])


def test_a_job_that_vanished_before_its_upload_is_made_again(make_dock):
    dock = make_dock(Rule("status", GONE, path="/batches$", method="PUT", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.files()) == ({"created": 40}, [])


def test_results_that_are_gone_are_made_again(make_dock):
    dock = make_dock(Rule("status", GONE, path="/failedResults$", nth=1), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes(), dock.files()) == ({"updated": 40}, {2}, [])


@pytest.mark.parametrize("action", ["fail_job_halfway", "abort_job"])
def test_jobs_that_never_do_a_row_end_the_run_and_reject_nothing(make_dock, action: str):
    dock = make_dock(Rule(action, {"share": 0.0}, path="/batches", times=3), by="bulk")
    dock.many(40)
    with pytest.raises(ServiceUnavailable, match="3 ingest jobs"):
        dock.deliver()
    assert (dock.books(), len(dock.lab.salesforce.jobs())) == ({"pending": 40}, 3)
    dock.next_run()
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})


def test_rows_no_job_came_to_are_never_rejected_however_often_it_fails(make_dock):
    """Each job does a little: the work ends by itself."""
    dock = make_dock(Rule("fail_job_halfway", {"share": 0.2}, path="/batches", times=12), by="bulk")
    dock.many(40)
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})


def test_a_session_that_ends_in_the_middle_of_a_job_is_renewed(make_dock):
    ended: list[str] = []

    def end_session(request: requests.PreparedRequest) -> None:
        if request.method in ("PUT", "GET") and "/jobs/ingest/" in str(request.url) and request.method not in ended:
            ended.append(request.method)
            dock.lab.salesforce.expire_tokens()

    dock: Any = None
    dock = make_dock(before=end_session, by="bulk")
    dock.many(40)
    dock.deliver()
    assert (ended, dock.books(), dock.writes()) == (["PUT", "GET"], {"created": 40}, {1})


def test_a_job_over_the_allowance_leaves_its_rows_waiting(make_dock):
    dock = make_dock(daily_batches=1, by="bulk")
    dock.lab.salesforce.forbid_limits()
    dock.many(40)
    dock.deliver()
    dock.many(40, "outbound")
    with pytest.raises(QuotaSpent):
        dock.deliver()
    assert dock.books() == {"created": 40, "pending": 40}
    dock.lab.clock.advance(86_401)
    dock.next_run()
    dock.deliver()
    assert dock.books() == {"created": 40, "updated": 40}


def test_an_unknown_field_refuses_the_whole_job_and_its_rows_wait(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    dock.lab.salesforce.hide_field(OBJECT, "Direction__c")
    with pytest.raises(DeliveryRefused, match="Direction__c"):
        dock.deliver()
    assert dock.books() == {"pending": 40}


# Rows in trouble


def test_a_locked_row_goes_again_after_a_while(make_dock):
    dock = make_dock()
    dock.many(300)
    dock.lab.salesforce.lock(OBJECT, "c00007", 3)
    waits = dock.deliver()
    assert (waits, dock.books()) == ([5.0, 10.0, 20.0], {"created": 300})


def test_a_row_locked_for_good_is_a_reject_in_the_end(make_dock):
    dock = make_dock()
    dock.many(3)
    dock.lab.salesforce.lock(OBJECT, "c00001", 99)
    dock.deliver()
    assert dock.books() == {"created": 2, "rejected": 1}


WAYS = pytest.mark.parametrize("by", ["collections", "bulk"])


@WAYS
def test_a_full_org_leaves_its_rows_waiting_and_the_next_run_goes_on(make_dock, by: str):
    dock = make_dock(by=by)
    dock.many(30)
    dock.lab.salesforce.storage_full()
    with pytest.raises(QuotaSpent, match="STORAGE_LIMIT_EXCEEDED") as told:
        dock.deliver()
    assert (told.value.exit_code, dock.books()) == (4, {"pending": 30})
    dock.lab.salesforce.storage_full(full=False)
    dock.next_run()
    dock.deliver()
    assert dock.books() == {"created": 30}


def refuse(dock: Dock, rows: int) -> None:
    """Let the org refuse the first rows."""
    dock.lab.salesforce.add_validation_rule(OBJECT, lambda row: row[KEY] < f"c{rows:05}", "closed")


def test_fewer_than_twenty_refused_rows_are_ordinary_rejects(make_dock):
    dock = make_dock()
    dock.many(19)
    refuse(dock, 19)
    dock.deliver()
    assert dock.books() == {"rejected": 19}


@WAYS
def test_no_more_refused_rows_than_the_limit_are_ordinary_rejects(make_dock, by: str):
    dock = make_dock(by=by)
    dock.many(200)
    refuse(dock, 20)
    dock.deliver()
    assert dock.books() == {"created": 180, "rejected": 20}


@WAYS
def test_more_refused_rows_than_the_limit_are_held_and_none_counts_as_rejected(make_dock, by: str):
    dock = make_dock(by=by)
    dock.many(200)
    refuse(dock, 21)
    with pytest.raises(DeliveryRefused, match=r"21 of 200 rows refused, .*FIELD_CUSTOM_VALIDATION") as told:
        dock.deliver()
    assert (told.value.exit_code, dock.books()) == (3, {"created": 179, "pending": 21})
    assert dock.store.proven("calls") == ""


def test_that_most_rows_of_a_call_were_refused_is_written_together_with_their_answers(make_dock):
    """Else a run killed in between would tell of a refusal that the repeated call no longer meets."""
    dock = make_dock()
    dock.many(30)
    refuse(dock, 30)
    half_told: list[int] = []
    sql = "SELECT count(*) FROM batches WHERE is_held AND ended IS NULL"
    dock.lab.after_commit = lambda: half_told.append(dock.store.db.value(sql))
    with pytest.raises(DeliveryRefused):
        dock.deliver()
    assert set(half_told) == {0}


def test_held_rows_go_first_in_the_next_run(make_dock):
    dock = make_dock()
    dock.many(200)
    refuse(dock, 30)
    with pytest.raises(DeliveryRefused):
        dock.deliver()
    dock.queue({"z": "inbound"})
    dock.next_run()
    with pytest.raises(DeliveryRefused, match="30 of 31 rows refused"):
        dock.deliver()
    assert dock.books() == {"created": 171, "pending": 30}


# Two at one object


def test_two_streams_wait_for_each_other_at_one_object(make_dock):
    dock = make_dock(job_seconds=60, by="bulk")
    other = Dock(dock.lab, _installation(dock), "others")
    other.prove()
    dock.many(40)
    other.queue({"other": "inbound"})
    mine, theirs = dock.delivery(), other.delivery()
    while not mine.step(more_comes=False):
        pass
    assert theirs.step(more_comes=False) == BUSY_SECONDS
    dock.deliver(mine)
    other.deliver(theirs)
    assert (dock.books(), other.books()) == ({"created": 40}, {"created": 1})


def _installation(dock: Dock) -> Any:
    """The same state and org, for another stream."""

    class Shared:
        store, org, config = dock.store, dock.org, dock.lab.config

    return Shared


def test_a_delivery_with_nothing_to_send_needs_no_lock(make_dock):
    dock = make_dock()
    held = StreamLock(dock.folder, f"delivery-{dock.org.org_id}-{OBJECT}")
    held.try_take()
    assert dock.delivery().step(more_comes=False) is None
    held.release()


def test_the_job_of_a_stream_that_died_is_settled_by_the_next_at_its_object(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    died = dock.delivery()
    while not died.step(more_comes=False):
        pass
    died.let_go()
    other = Dock(dock.lab, _installation(dock), "others")
    other.deliver()
    assert (dock.books(), dock.lab.salesforce.count_uploads()) == ({"created": 40}, 1)


def test_rows_of_another_stream_that_are_refused_do_not_stop_this_one(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    refuse(dock, 30)
    died = dock.delivery()
    while not died.step(more_comes=False):
        pass
    died.let_go()
    other = Dock(dock.lab, _installation(dock), "others")
    other.prove()
    other.queue({"other": "inbound"})
    other.deliver()
    assert (other.books(), dock.books()) == ({"created": 1}, {"created": 10, "pending": 30})
    with pytest.raises(DeliveryRefused):
        dock.deliver()


# The journal


def stopped_at(dock: Dock, state: str, **lane: Any) -> None:
    """A run that dies with its batch in this state."""
    delivery = dock.delivery(**lane)
    while [one.state for one in dock.store.batches.open(dock.org.org_id)] != [state]:
        dock.lab.clock.sleep(delivery.step(more_comes=False) or 0)
    delivery.let_go()


def test_a_batch_found_forming_is_dissolved_and_its_rows_go_again(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "forming")
    assert dock.delivery().step(more_comes=False) == 0.0
    assert (dock.batches()[0][:2], dock.books()) == (("bulk", "dissolved"), {"pending": 40})
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})


@pytest.mark.parametrize("state", ["ready", "created", "uploaded", "started", "answered"])
def test_a_job_found_in_the_journal_is_gone_on_with_and_uploaded_once(make_dock, state: str):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, state)
    dock.next_run()
    dock.deliver()
    assert (dock.books(), dock.writes(), dock.lab.salesforce.count_uploads()) == ({"created": 40}, {1}, 1)


def test_a_job_too_long_open_to_be_uploaded_to_is_made_again(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "created")
    dock.lab.clock.advance(25 * 3600)
    dock.next_run()
    dock.deliver()
    assert ([job.state for job in dock.lab.salesforce.jobs()], dock.books()) == (
        ["Failed", "JobComplete"],
        {"created": 40},
    )


def test_settling_the_journal_sends_nothing_new(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "started")
    dock.queue({"new": "inbound"})
    delivery = dock.delivery()
    while (wait := delivery.settle_journal()) is not None:
        dock.lab.clock.sleep(wait)
    assert dock.books() == {"created": 40, "pending": 1}


def test_results_half_written_down_are_read_again_and_counted_once(make_dock):
    dock = make_dock()
    dock.many(2500)
    delivery = dock.delivery()
    while not dock.books().get("created"):
        dock.lab.clock.sleep(delivery.step(more_comes=False) or 0)
    delivery.let_go()
    assert dock.books() == {"created": 1000, "pending": 1500}
    dock.next_run()
    dock.deliver()
    assert (dock.books(), dock.writes(), dock.files()) == ({"created": 2500}, {1}, [])


def test_files_a_killed_run_left_are_taken_away_with_their_batch(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "created")
    batch = dock.store.batches.open(dock.org.org_id)[0]
    dock.store.batches.move(batch, "uploading")
    (dock.folder / f"batch-{batch.id}.csv").write_text("left behind")
    (dock.folder / f"batch-{batch.id}-failed.csv.part").write_text("left behind")
    dock.deliver()
    assert (dock.files(), dock.books()) == ([], {"created": 40})


def test_a_batch_of_an_earlier_mapping_that_was_not_sent_yet_is_dissolved(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "ready")
    delivery = dock.delivery(fields_print="fields-2")
    while delivery.settle_journal() is not None:
        pass
    assert (dock.batches(), dock.books(), dock.sent()) == ([("bulk", "dissolved", 0)], {"pending": 40}, {})


def test_refusals_of_rows_of_an_earlier_mapping_do_not_stop_the_mended_one(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "started")
    dock.lab.salesforce.hide_field(OBJECT, "Direction__c")
    delivery = dock.delivery(fields_print="fields-2")
    while (wait := delivery.settle_journal()) is not None:
        dock.lab.clock.sleep(wait)
    assert dock.books() == {"pending": 40}


def test_a_file_that_cannot_be_written_is_told_as_trouble_of_the_disk(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    (dock.folder / "batch-1.csv").mkdir(parents=True)
    with pytest.raises(StateError, match=r"batch-1\.csv"):
        dock.deliver()
    (dock.folder / "batch-1.csv").rmdir()
    dock.next_run()
    dock.deliver()
    assert dock.books() == {"created": 40}


def test_results_that_cannot_be_written_are_told_as_trouble_of_the_disk(make_dock):
    dock = make_dock(by="bulk")
    dock.many(40)
    stopped_at(dock, "answered")
    (dock.folder / "batch-1-failed.csv.part").mkdir()
    with pytest.raises(StateError, match=r"batch-1-failed"):
        dock.deliver()
    (dock.folder / "batch-1-failed.csv.part").rmdir()
    dock.next_run()
    dock.deliver()
    assert (dock.books(), dock.writes()) == ({"created": 40}, {1})
