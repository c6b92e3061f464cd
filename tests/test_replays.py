"""Replays of rejects: sent again once their reason is mended, each exactly once, whatever is killed."""

from collections.abc import Callable
from typing import Any

from lab import Lab, at, conversation

from connector.ledger import COUNTERS, Books
from connector.orders import Order, Result
from connector.sandbox.faults import Rule as LabRule

MakeLab = Callable[..., Lab]
OBJECT = "Conversation__c"
CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
REPLAY = Order("resync --rejects", replay="")


def lab_of(make_lab: MakeLab, *refused: str, count: int = 30, **options: Any) -> Lab:
    """A first sync is done, these rows were refused; the reason is mended, and the clock stands ten minutes later."""
    lab = make_lab(now=at(10.3), **options)
    for number in range(count):
        lab.world.add(conversation(f"c{number:02}", at(9 + number / 400)))
    lab.salesforce.add_validation_rule(OBJECT, lambda row: row["Conversation_Id__c"] in refuse(lab), "not this one")
    lab.refused = set(refused)  # type: ignore[attr-defined]
    assert lab.sync().books.rejected == len(refused)
    mend(lab)
    lab.clock.advance(600)
    return lab


def refuse(lab: Lab) -> set[str]:
    return lab.refused  # type: ignore[attr-defined, no-any-return]


def mend(lab: Lab, *still: str) -> None:
    lab.refused = set(still)  # type: ignore[attr-defined]


def open_rejects(lab: Lab) -> list[tuple[str, str, int]]:
    """Key, code and tries of each."""
    return [(one["external_id"], one["code"], one["tries"]) for one in lab.table("rejects") if one["closed"] is None]


def replays(lab: Lab) -> list[dict[str, int]]:
    """State and books, as far as they are not nothing, of each replay; every pass must balance."""
    passes, outbox = lab.table("passes"), lab.table("outbox")
    for one in passes:
        pending = sum(row["pass"] == one["id"] for row in outbox)
        Books(**{name: one[name] for name in COUNTERS}, pending=pending).check(str(one["id"]))
    return [
        {"state": one["state"], **{name: one[name] for name in COUNTERS if one[name]}}
        for one in passes
        if one["kind"] == "resync" and not one["start"]
    ]


def calls(lab: Lab, ending: str) -> int:
    return sum(call.path.endswith(ending) for call in lab.genesys.calls)


def told(result: Result) -> tuple[int, tuple[str, ...]]:
    return result.exit_code, result.story


def test_what_was_mended_in_salesforce_is_sent_again_without_reading_anything(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "c03", "c17")
    pages = calls(lab, "/details/query")
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("2 rejects replayed: 2 put back; rows: 2 accepted",))
    assert (lab.rows(), open_rejects(lab)) == (lab.truth(at(10)), [])
    assert replays(lab) == [{"state": "settled", "requeued": 2, "created": 2}]
    assert calls(lab, "/details/query") == pages
    assert [one["closed_by"] for one in lab.table("rejects")] == ["a later version was created"] * 2


def test_what_is_refused_again_stays_one_reject_and_is_told_but_no_new_trouble(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "c03", "c17")
    mend(lab, "c17")
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("2 rejects replayed: 2 put back; rows: 1 accepted, 1 refused again",))
    assert result.new == {"rejects": 0, "gaps": 0}
    assert open_rejects(lab) == [("c17", CODE, 2)]
    assert replays(lab) == [{"state": "settled", "requeued": 2, "created": 1, "rejected": 1}]


def test_many_that_are_refused_again_stay_rejects_and_hold_nothing_up(make_lab: MakeLab) -> None:
    """One refused of ten is no reason to hold a delivery; replayed alone all of them are, and still none is held."""
    refused = [f"c{number:02}" for number in range(0, 300, 12)]
    lab = lab_of(make_lab, *refused, count=300)
    mend(lab, *refused)
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("25 rejects replayed: 25 put back; rows: 25 refused again",))
    assert [key for key, _, tries in open_rejects(lab) if tries == 2] == refused
    assert (lab.sync().exit_code, lab.table("outbox")) == (0, [])


def test_after_the_mapping_was_mended_records_are_read_again_by_their_ids(make_lab: MakeLab) -> None:
    """What was made by the mapping of before is not sent any more."""
    lab = lab_of(make_lab, "c03", "c17")
    lab.change_mapping("Direction__c: direction", "Direction__c: {from: direction, upper: true}")
    pages = calls(lab, "/details/query")
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("2 rejects replayed: 2 read again by id; rows: 2 accepted",))
    assert (calls(lab, "/details/query") - pages, calls(lab, "/conversations/details")) == (0, 1)
    assert (lab.rows()["c17"]["Direction__c"], open_rejects(lab)) == ("INBOUND", [])
    assert replays(lab) == [{"state": "settled", "pulled": 2, "mapped": 2, "made": 2, "created": 2}]


def test_rows_that_could_not_be_made_are_made_of_their_records_read_again(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.change_mapping(
        "First_Queue_Id__c: first_queue_id", "First_Queue_Id__c: {from: first_queue_id, number: true, text: true}"
    )
    lab.world.add(conversation("c1", at(9)))
    lab.world.add(conversation("c2", at(9.5), queue="7"))
    assert lab.sync().books.rejected == 1
    again = lab.sync(REPLAY)
    assert told(again) == (0, ("1 reject replayed: 1 read again by id; rows: 1 refused again",))
    assert open_rejects(lab) == [("c1", "NOT_A_NUMBER", 2)]
    lab.world.hide("c1", lab.clock.now())
    (story,) = lab.sync(REPLAY).story
    assert story == "1 reject replayed: 1 read again by id; not given by their id: 1 of 1 records"
    lab.world.show("c1", lab.clock.now())
    lab.change_mapping("{from: first_queue_id, number: true, text: true}", "first_queue_id")
    assert (lab.sync(REPLAY).books.created, open_rejects(lab)) == (1, [])


AGGREGATES = """
source: {query: conversations.aggregates, granularity: PT1H, group_by: [queueId], metrics: [nOffered]}
window: {start: 2026-03-02, size: P1D, lookback: PT2H, settle: PT15M, timezone: UTC}
target: {object: Queue_Interval__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Queue_Id__c: queueId
  Offered__c: {from: nOffered.count, default: 0}
"""


def test_without_a_call_by_id_the_cell_that_holds_the_row_is_read_again_in_the_same_run(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(30.3))
    lab.write_mapping(AGGREGATES)
    for number in range(6):
        lab.world.add(conversation(f"c{number}", at(number * 5)))
    lab.salesforce.add_validation_rule("Queue_Interval__c", lambda row: row["Queue_Id__c"] == "q1", "no such queue")
    assert lab.sync().books.rejected == 6
    lab.change_mapping("Queue_Id__c: queueId", "Queue_Id__c: {from: queueId, upper: true}")
    lab.clock.advance(3600)
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("6 rejects replayed: 6 read again with all of their time",))
    resyncs = [(one["start"], one["end"]) for one in lab.table("passes") if one["kind"] == "resync" and one["start"]]
    assert sorted(resyncs) == [
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("2026-03-03T00:00:00Z", "2026-03-03T07:00:00Z"),
    ]
    assert (result.books.created, open_rejects(lab), lab.table("owed")) == (6, [], [])


def test_only_rejects_of_the_code_asked_for_are_tried_again(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "c03")
    lab.world.add(conversation("long", at(9.1), queue="x" * 50))
    lab.sync()
    assert sorted(code for _, code, _ in open_rejects(lab)) == [CODE, "STRING_TOO_LONG"]
    result = lab.sync(Order("resync --rejects", replay=CODE.lower()))
    assert told(result) == (0, ("1 reject replayed: 1 put back; rows: 1 accepted",))
    assert open_rejects(lab) == [("long", "STRING_TOO_LONG", 1)]


def test_a_delete_that_was_refused_is_tried_again_and_never_makes_an_empty_record(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10))
    lab.change_mapping("external_id: Conversation_Id__c", "external_id: Conversation_Id__c, when_vanished: delete")
    for name in ("c1", "c2"):
        lab.world.add(conversation(name, at(9)))
    lab.sync()
    no = {"statusCode": "DELETE_FAILED", "message": "it is needed elsewhere", "fields": []}
    refusal = {"code": 200, "json": [{"success": False, "errors": [no]}]}
    lab.faults.change(LabRule("status", refusal, path="/composite/sobjects$", method="DELETE"))
    lab.world.hide("c1", lab.clock.now())
    lab.clock.advance(600)
    assert (lab.sync().books.rejected, set(lab.rows())) == (1, {"c1", "c2"})
    lab.faults.change()
    result = lab.sync(REPLAY)
    assert told(result) == (0, ("1 reject replayed: 1 put back; rows: 1 accepted",))
    assert (set(lab.rows()), open_rejects(lab), replays(lab)) == (
        {"c2"},
        [],
        [{"state": "settled", "requeued": 1, "deleted": 1}],
    )
    assert [one["state"] for one in lab.table("vanished") if one["closed"] is None] == []


def mixed(make_lab: MakeLab) -> Lab:
    """A row to put back (c03), one whose record is read by id (c17), one whose id is not known (c20)."""
    lab = lab_of(make_lab, "c03", "c17", "c20")
    with lab.opened() as ready, ready.store.db.transaction() as db:
        db.execute("UPDATE rejects SET payload = NULL WHERE external_id <> 'c03'")
        db.execute("UPDATE rejects SET record = NULL WHERE external_id = 'c20'")
    return lab


def test_killed_anywhere_a_replay_is_finished_by_the_next_sync_with_nothing_lost_or_doubled(make_lab: MakeLab) -> None:
    calm = mixed(make_lab)
    steps = calm.killed_at(0, REPLAY)
    assert steps > 20
    for step in range(1, steps + 1, 4):
        lab = mixed(make_lab)
        lab.killed_at(step, REPLAY)
        begun = bool(replays(lab))
        result = lab.sync()
        if not begun:
            lab.sync(REPLAY)
        assert result.error is None, step
        assert (lab.rows(), open_rejects(lab)) == (lab.truth(at(10)), []), step
        assert all(one["state"] == "settled" for one in replays(lab)), step
        assert (lab.table("outbox"), lab.table("owed")) == ([], []), step
        writes = lab.salesforce.writes(OBJECT)
        assert max(writes[key] for key in ("c03", "c17", "c20")) <= 2, step


def test_a_replay_that_was_killed_before_the_mapping_changed_begins_anew_under_the_new_one(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "c03", "c17")
    lab.faults.change(LabRule("status", {"code": 503}, service="salesforce", path="composite", times=99))
    assert lab.sync(REPLAY).exit_code == 4
    assert replays(lab)[0]["state"] == "pulled"
    lab.faults.change()
    lab.change_mapping("Direction__c: direction", "Direction__c: {from: direction, upper: true}")
    result = lab.sync()
    assert (result.error, lab.rows()["c17"]["Direction__c"], open_rejects(lab)) == (None, "INBOUND", [])
    assert [one["state"] for one in replays(lab)] == ["failed", "settled"]
