"""Whole runs around a change: of the mapping, of its keys, of the disk, with rows waiting, in flight or held."""

from collections.abc import Callable
from typing import Any

import pytest
from lab import DAY, Killed, Lab, at, conversation
from requests import PreparedRequest
from requests.adapters import BaseAdapter

from connector.orders import Order
from connector.sandbox.faults import Rule
from connector.spans import Calendar, Period, Span
from connector.state.store import StreamLock
from connector.windows import Known, Planned, Window, plan

BULK = ("external_id: Conversation_Id__c}", "external_id: Conversation_Id__c, deliver: bulk}")
UPPER = ("Direction__c: direction", "Direction__c: {from: direction, upper: true}")
ACCOUNTS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Account, external_id: Ext__c}
fields: {Ext__c: {key: [conversationId]}, Name: conversationId}
"""


class Dying(BaseAdapter):
    """The process dies before a request of this method whose path ends so."""

    def __init__(self, adapter: BaseAdapter, method: str, end: str) -> None:
        super().__init__()
        self._adapter, self._method, self._end = adapter, method, end

    def send(self, request: PreparedRequest, **options: Any) -> Any:  # type: ignore[override]
        path = str(request.url).partition("?")[0]
        if request.method == self._method and "/jobs/ingest" in path and path.endswith(self._end):
            raise Killed
        return self._adapter.send(request, **options)

    def close(self) -> None:
        self._adapter.close()


def fill(lab: Lab, count: int) -> None:
    for number in range(count):
        lab.world.add(conversation(f"c{number:03}", at(6 + number / 200)))


def killed_with_a_job(lab: Lab, method: str = "PATCH", end: str = "") -> None:
    """A run that dies before this request of its job: before its start, when nothing else is said."""
    lab.wrap_adapter = lambda adapter: Dying(adapter, method, end)
    with pytest.raises(Killed):
        lab.sync()
    lab.wrap_adapter = lambda adapter: adapter


def prove(lab: Lab) -> None:
    """A first sync of a conversation: the mapping is known to work."""
    lab.world.add(conversation("first", at(0.1)))
    assert lab.sync().error is None
    lab.clock.advance(3600)


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    made = make_lab(now=at(10.3))
    made.change_mapping(*BULK)
    return made


# The mapping changes


def test_rows_waiting_under_an_earlier_mapping_are_made_anew(make_lab):
    lab = make_lab(now=at(10.3), rules=(Rule("status", {"code": 503}, path="/composite/sobjects", times=5),))
    fill(lab, 30)
    assert (lab.sync().exit_code, lab.rows()) == (4, {})
    lab.change_mapping(*UPPER)
    result = lab.sync()
    assert (result.error, {row["Direction__c"] for row in lab.rows().values()}) == (None, {"INBOUND"})
    assert (lab.table("outbox"), lab.table("owed"), result.complete_to) == ([], [], at(10.05))


@pytest.mark.parametrize(("method", "end"), [("POST", "/ingest"), ("PUT", "/batches"), ("PATCH", ""), ("GET", "")])
def test_a_job_under_way_when_the_mapping_changed_is_settled_and_its_span_read_again(lab: Lab, method: str, end: str):
    prove(lab)
    fill(lab, 30)
    killed_with_a_job(lab, method, end)
    lab.change_mapping(*UPPER)
    result = lab.sync()
    directions = {key[0]: row["Direction__c"] for key, row in lab.rows().items()}
    assert (result.error, directions) == (None, {"f": "inbound", "c": "INBOUND"})
    assert (lab.table("outbox"), lab.table("owed"), result.complete_to) == ([], [], at(11.05))


def test_rows_held_under_an_earlier_mapping_are_made_anew(lab: Lab):
    fill(lab, 30)
    lab.salesforce.add_validation_rule("Conversation__c", lambda row: row["Direction__c"] == "inbound", "no")
    assert lab.sync().exit_code == 3
    lab.change_mapping(*UPPER)
    result = lab.sync()
    assert (result.error, result.books.created) == (None, 30)


def test_a_job_refused_for_a_field_the_mapping_no_longer_names_does_not_stop_the_run(lab: Lab):
    prove(lab)
    fill(lab, 30)
    killed_with_a_job(lab, "GET")
    lab.salesforce.hide_field("Conversation__c", "Direction__c")
    lab.change_mapping("  Direction__c: direction\n", "")
    result = lab.sync()
    assert (result.error, len(lab.rows()), lab.table("outbox")) == (None, 31, [])


# The keys change


def test_other_keys_are_refused_before_anything_is_read_until_they_are_accepted(lab: Lab):
    prove(lab)
    lab.change_mapping("{key: [conversationId]}", "{key: [conversationId, conversationStart]}")
    refused = lab.sync()
    assert (refused.exit_code, "--accept-new-keys" in str(refused.error), refused.books.pulled) == (3, True, 0)
    accepted = lab.sync(Order("resync", accept_new_keys=True))
    assert (accepted.error, sorted(lab.rows())) == (None, ["first", "first|2026-03-02T00:06:00Z"])
    assert lab.table("owed") == []


def test_new_keys_accepted_before_anything_could_be_read_owe_nothing(make_lab):
    lab = make_lab(now=at(0.1))
    assert lab.sync().exit_code == 0
    lab.change_mapping("{key: [conversationId]}", "{key: [conversationId, conversationStart]}")
    accepted = lab.sync(Order("resync", accept_new_keys=True))
    assert (accepted.error, accepted.complete_to, lab.table("owed")) == (None, DAY, [])


def test_a_job_to_the_object_of_an_earlier_mapping_is_settled_and_blocks_nothing(lab: Lab):
    prove(lab)
    fill(lab, 30)
    killed_with_a_job(lab)
    lab.write_mapping(ACCOUNTS)
    result = lab.sync(Order("resync", accept_new_keys=True))
    assert (result.error, result.complete_to, len(lab.salesforce.rows("Account"))) == (None, at(11.05), 31)
    assert (len(lab.rows()), lab.table("outbox"), lab.table("owed")) == (31, [], [])


# The disk is full


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 450)
    with lab.opened() as ready:
        ready.store.db.rows(f"PRAGMA max_page_count = {ready.store.db.value('PRAGMA page_count') + 40}")
        full = lab.run_on(ready, Order())
    assert (full.exit_code, type(full.error).__name__, "free some space" in full.error.hint) == (3, "StateError", True)
    result = lab.sync()
    assert (result.error, lab.rows(), result.complete_to) == (None, lab.truth(at(10.05)), at(10.05))


# Another process


def test_a_second_run_ends_with_the_story_of_the_first_and_touches_nothing(make_lab):
    lab = make_lab(now=at(10.3))
    lab.sync()
    with lab.opened() as ready:
        other = StreamLock(lab.folder / ".connector", "conversations")
        other.take(ready.store)
        run = ready.store.begin_run("conversations", "sync", lab.clock.now())
        ready.store.run_does(run, "a span")
        refused = lab.sync()
        other.release()
    assert (
        refused.exit_code,
        "works on it since 2026-03-02T10:18:00Z (sync), now at a span" in str(refused.error),
    ) == (
        5,
        True,
    )
    assert len(lab.table("runs")) == 2


# What is owed


def owed_plan(*owed: tuple[Span, bool]) -> list[Planned]:
    day = Calendar(Period(days=1), at(0).tzinfo)  # type: ignore[arg-type]
    window = Window(at(0), day, day, at(6) - at(0), at(0.25) - at(0))
    return [one for one in plan(window, Known(reads=[(Span(at(0), at(96)), at(900))], owed=owed), at(97))]


def test_a_span_owed_twice_is_read_once_and_forced_if_either_was():
    three, two = Span(at(0), at(72)), Span(at(24), at(72))
    assert owed_plan((three, False), (two, True), (two, True)) == [
        Planned("resync", Span(at(48), at(72)), True),
        Planned("resync", Span(at(24), at(48)), True),
        Planned("resync", Span(at(0), at(24)), False),
    ]
