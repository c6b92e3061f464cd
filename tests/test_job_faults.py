"""Ingest jobs in trouble, and killed right there: no row is lost, the books balance, and what is sent twice is counted.

`pytest -s` prints, for each fault without and with a kill at that point, what became of 220 rows.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any, NamedTuple

import pytest
from lab import MAPPING, Killed, Lab, at, conversation

from connector.ledger import Books
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.faults import Rule

ROWS = 220
"""The first 200 go by Collections, which proves the mapping; the others by ingest job."""
BY_JOBS = MAPPING.replace("external_id: Conversation_Id__c}", "external_id: Conversation_Id__c, deliver: bulk}")

CREATE = {"path": "/jobs/ingest$", "method": "POST"}
UPLOAD = {"path": "/batches$", "method": "PUT"}
CLOSE = {"path": "/jobs/ingest/[^/]+$", "method": "PATCH"}
POLL = {"path": "/jobs/ingest/[^/]+$", "method": "GET"}
RESULTS = {"path": "/(successfulResults|failedResults|unprocessedrecords)/?$", "method": "GET"}
STEPS = {"create": CREATE, "upload": UPLOAD, "close": CLOSE, "poll": POLL, "results": RESULTS}
EXPIRED = {"code": 401, "json": [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]}
DOWN = {"code": 503}


def rule(action: str, step: dict[str, str], arguments: dict[str, Any] | None = None, **where: Any) -> Rule:
    return Rule(action, arguments or {}, service="salesforce", **step, **{"nth": 1, **where})


FAULTS: dict[str, tuple[dict[str, str], tuple[Rule, ...]]] = {
    # The request the fault meets, at whose first answer the other process of the pair is killed.
    **{f"answer to {step} lost": (where, (rule("lose_answer", where),)) for step, where in STEPS.items()},
    **{f"401 at {step}": (where, (rule("status", where, EXPIRED),)) for step, where in STEPS.items()},
    **{f"503 at {step}": (where, (rule("status", where, DOWN),)) for step, where in STEPS.items()},
    **{
        f"503 at {step} for a while": (where, (rule("status", where, DOWN, nth="every", times=4),))
        for step, where in STEPS.items()
    },
    "the job fails half-way": (POLL, (rule("fail_job_halfway", UPLOAD, {"share": 0.5}),)),
    "an admin aborts the job half-way": (POLL, (rule("abort_job", UPLOAD, {"share": 0.5}),)),
    "rows stand in no result file, saved": (RESULTS, (rule("drop_results", UPLOAD, {"rows": 7, "saved": True}),)),
    "rows stand in no result file, not saved": (RESULTS, (rule("drop_results", UPLOAD, {"rows": 7}),)),
    "the job is stuck for an hour": (POLL, (rule("slow_job", UPLOAD, {"seconds": 3600}),)),
    "the job is gone": (POLL, (rule("status", POLL, {"code": 404, "json": [{"errorCode": "NOT_FOUND"}]}),)),
    "no fault": (POLL, ()),
}


class Found(NamedTuple):
    """What became of the rows. twice: rows Salesforce was given more than once; runs: until all was settled."""

    fault: str
    killed: str
    jobs: int
    twice: int
    lost: int
    runs: int
    codes: str


class KilledAtAnswer:
    """Ends the process when the first answer of one step has come."""

    def __init__(self, adapter: WsgiAdapter, step: dict[str, str]) -> None:
        self._adapter = adapter
        self._step = step

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        answer = self._adapter.send(request, *args, **options)
        if request.method == self._step["method"] and re.search(self._step["path"], request.url):
            raise Killed
        return answer

    def close(self) -> None:
        self._adapter.close()


@pytest.fixture(scope="module")
def table() -> Iterator[list[Found]]:
    found: list[Found] = []
    yield found
    print(f"\n{'fault':42} {'killed':>6} {'jobs':>5} {'twice':>6} {'lost':>5} {'runs':>5}  exit codes")
    for one in found:
        print(f"{one.fault:42} {one.killed:>6} {one.jobs:>5} {one.twice:>6} {one.lost:>5} {one.runs:>5}  {one.codes}")


def of_org(lab: Lab, sql: str) -> list[Any]:
    """The first column of what the organisation's own file says."""
    with closing(sqlite3.connect(lab.folder / "salesforce.db")) as db:
        return [row[0] for row in db.execute(sql)]


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_row_is_lost_whatever_a_job_meets_and_wherever_the_run_dies(make_lab, table, fault, is_killed):
    step, rules = FAULTS[fault]
    lab: Lab = make_lab(now=at(20), rules=rules)
    for number in range(ROWS):
        lab.world.add(conversation(f"c{number:03}", at(1 + number / 30)))
    lab.write_mapping(BY_JOBS)
    codes: list[str] = []
    if is_killed:
        lab.wrap_adapter = lambda adapter: KilledAtAnswer(adapter, step)
        with suppress(Killed):
            codes.append(str(lab.sync().exit_code))
        if not codes:
            codes.append("killed")
        lab.wrap_adapter = lambda adapter: adapter
    for _ in range(5):
        codes.append(str(lab.sync().exit_code))
        if not lab.table("outbox"):
            break
        lab.clock.advance(3600)
    assert lab.rows() == lab.truth(at(19.75))
    assert (lab.table("outbox"), lab.table("rejects")) == ([], [])
    assert {one["state"] for one in lab.table("passes")} == {"settled"}
    with lab.opened() as ready:
        for one in lab.table("passes"):
            books: Books = ready.store.passes.books(one["id"])
            books.check(str(one["id"]))
    saved = of_org(lab, "SELECT external_id FROM _job_rows WHERE outcome IS NOT NULL")
    twice = sum(many > 1 for many in Counter(saved).values())
    (jobs,) = of_org(lab, "SELECT count(*) FROM _jobs")
    table.append(
        Found(fault, "yes" if is_killed else "", jobs, twice, ROWS - len(lab.rows()), len(codes), " ".join(codes))
    )
