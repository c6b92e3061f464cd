"""State: which rejects a replay puts back, which it wants read again, and which it leaves alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import KEY, OBJECT, STREAM, Desk, at, bad, call, record
from test_rows_by_job import by_job, by_query

from connector.spans import Span, stamp
from connector.state.one_pass import Pass
from connector.state.replays import Again, Taken
from connector.state.vanished import Rule

PRINTS = ("fields-1", "source-1")
DAY = Span(at(0), at(24))


def replay(desk: Desk, code: str | None = None, *, ids: bool = False, prints: tuple[str, str] = PRINTS) -> Pass:
    """A whole replay; what it reads again is left to the test. Every cell is the first day, without a time none."""
    one = desk.store.replays.begin(STREAM, code, prints, desk.run, desk.now)
    again = Again(desk.rules, lambda time: DAY if time else None, ids)
    while desk.store.replays.step(one, again):
        pass
    desk.store.passes.pulled(one)
    return one


def taken(desk: Desk, *passes: Pass) -> dict[str, int]:
    found = desk.store.replays.taken([one.id for one in passes])
    return {name: many for name, many in found._asdict().items() if many}


def refused(desk: Desk, *entries: Any, **options: Any) -> None:
    """Records whose rows Salesforce refused."""
    desk.read(*entries, **options)
    while desk.waiting():
        batch = desk.batch(rows=1000)
        desk.answer(batch, **{key: "rejected" for key, _ in desk.in_batch(batch)})
    desk.close()


def owed(desk: Desk) -> list[tuple[str, str]]:
    return [(one["start"], one["end"]) for one in desk.table("owed")]


def test_a_row_refused_waits_again_and_leaves_with_its_outcome(desk: Desk) -> None:
    refused(desk, call("a", 1), call("b", 2))
    one = replay(desk)
    assert (desk.waiting(), desk.books(one)) == ([("a", 1), ("b", 2)], {"requeued": 2, "pending": 2})
    assert desk.rejects() == [("a", "CODE"), ("b", "CODE")]
    desk.send(b="rejected")
    assert (desk.close(), desk.books(one)) == (1, {"requeued": 2, "updated": 1, "rejected": 1})
    assert [(row["external_id"], row["tries"]) for row in desk.table("rejects", "closed IS NULL")] == [("b", 2)]
    assert [row["closed_by"] for row in desk.table("rejects", "closed IS NOT NULL")] == ["a later version was updated"]


def test_slices_are_taken_up_once_however_often_the_replay_is_gone_on_with(desk: Desk) -> None:
    refused(desk, *(call(f"k{number:04}", number) for number in range(1500)))
    one = desk.store.replays.begin(STREAM, None, PRINTS, desk.run, desk.now)
    again = Again(desk.rules, lambda time: None, False)
    assert [desk.store.replays.step(one, again) for _ in range(4)] == [True, True, False, False]
    assert (len(desk.waiting()), taken(desk, one)) == (1500, {"put_back": 1500})


def test_a_second_replay_leaves_what_the_first_has_on_its_way(desk: Desk) -> None:
    refused(desk, call("a", 1))
    first, second = replay(desk), replay(desk)
    assert (taken(desk, first), taken(desk, second)) == ({"put_back": 1}, {"underway": 1})
    desk.send()
    assert (desk.close(), desk.rejects()) == (2, [])


def test_a_newer_version_on_its_way_is_not_replaced_by_the_one_refused(desk: Desk) -> None:
    refused(desk, call("a", 1))
    desk.read(call("a", 2))
    assert taken(desk, replay(desk)) == {"underway": 1}
    assert desk.waiting() == [("a", 2)]
    desk.send()
    assert desk.rejects() == []


def test_a_row_found_equal_to_what_is_confirmed_is_not_sent_and_closes_its_reject(desk: Desk) -> None:
    desk.confirm(call("a", 1))
    refused(desk, call("a", 2))
    one = replay(desk)
    desk.read(call("a", 1))
    desk.send()
    assert (desk.rejects(), desk.books(one)) == ([], {"requeued": 1, "superseded": 1})


@pytest.mark.parametrize(
    ("prints", "found", "ids"),
    [
        (("fields-2", "source-1"), {"by_id": 1, "by_span": 1}, ["id-b"]),
        # By its id a record is given whatever the filters say.
        (("fields-1", "source-2"), {"by_span": 2}, []),
    ],
)
def test_what_another_mapping_made_is_read_again_not_sent(
    desk: Desk, prints: tuple[str, str], found: dict[str, int], ids: list[str]
) -> None:
    refused(desk, call("a", 1), replace(call("b", 1), id="id-b"))
    one = replay(desk, prints=prints, ids=True)
    assert (taken(desk, one), desk.waiting(), owed(desk)) == (
        found,
        [],
        [("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")],
    )
    assert desk.store.replays.next_records(one, 10) == ids


def test_a_row_its_time_was_read_without_since_is_read_again_not_sent(desk: Desk) -> None:
    """Its record is gone or gives the row no more: that is newer than what was refused."""
    refused(desk, call("a", 1), call("b", 1))
    desk.now += timedelta(hours=1)
    desk.read(call("a", 1))
    desk.close()
    one = replay(desk)
    assert (taken(desk, one), desk.waiting()) == ({"put_back": 1, "by_span": 1}, [("a", 1)])


def test_what_is_read_again_for_a_replay_is_sent_also_where_it_equals_what_was_refused(desk: Desk) -> None:
    refused(desk, call("a", 1))
    desk.now += timedelta(hours=1)
    assert desk.books(desk.read(call("a", 1)))["rejected"] == 1
    desk.db.rows("UPDATE rejects SET payload = NULL RETURNING id")
    assert taken(desk, replay(desk)) == {"by_span": 1}
    desk.read(call("a", 1), kind="resync")
    assert desk.waiting() == [("a", 1)]
    desk.send(a="rejected")
    assert desk.books(desk.read(call("a", 1)))["rejected"] == 1


def test_cells_of_many_rejects_are_owed_once(desk: Desk) -> None:
    desk.read(*(bad(f"k{number:04}") for number in range(1200)))
    one = replay(desk)
    assert (taken(desk, one), owed(desk)) == ({"by_span": 1200}, [(stamp(DAY.start), stamp(DAY.end))])


def test_rejects_nothing_can_make_again_are_told_and_stay(desk: Desk) -> None:
    timeless = replace(record("x", fate="unmappable"), at="")
    desk.read(timeless)
    refused(desk, call("a", 1))
    desk.rules = [Rule("Another__c", KEY)]
    one = replay(desk)
    assert (taken(desk, one), len(desk.rejects())) == ({"lost": 2}, 2)
    assert desk.store.replays.story([one.id]) == ("2 rejects replayed: 2 cannot be made again",)


def test_only_the_code_asked_for_is_taken_up_in_whatever_case(desk: Desk) -> None:
    refused(desk, call("a", 1))
    desk.read(bad("b"))
    assert desk.store.replays.codes(STREAM) == {"CODE": 1, "NOT_A_NUMBER": 1}
    assert taken(desk, replay(desk, "code")) == {"put_back": 1}


@pytest.mark.parametrize("when", ["clear", "delete"])
def test_a_clear_or_delete_refused_is_tried_again_as_what_it_was(desk: Desk, when: Any) -> None:
    desk.rules = [Rule(OBJECT, KEY, when, {KEY: None, "Value__c": None})]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("b", 1), kind="resync")
    way = "delete" if when == "delete" else "collections"
    desk.answer(desk.batch(way), a="rejected")
    desk.close()
    one = replay(desk)
    assert [row["action"] for row in desk.table("outbox")] == [when]
    assert [row["state"] for row in desk.table("vanished", "closed IS NULL")] == ["waiting"]
    desk.answer(desk.batch(way), a="deleted" if when == "delete" else "updated")
    desk.close()
    done = {"deleted": 1} if when == "delete" else {"updated": 1}
    assert (desk.rejects(), desk.books(one)) == ([], {"requeued": 1, **done})


def test_a_delete_that_is_no_longer_wanted_is_not_tried_again(desk: Desk) -> None:
    desk.rules = [Rule(OBJECT, KEY, "delete")]
    desk.confirm(call("a", 1), call("b", 1))
    desk.read(call("b", 1), kind="resync")
    desk.answer(desk.batch("delete"), a="rejected")
    desk.rules = [Rule(OBJECT, KEY, "leave")]
    assert (taken(desk, replay(desk)), desk.table("outbox")) == ({"vanished": 1}, [])


def test_a_row_given_no_more_is_not_written_again(desk: Desk) -> None:
    desk.confirm(call("a", 1), call("b", 1))
    refused(desk, call("a", 2), call("b", 1))
    desk.read(call("b", 1))
    assert (taken(desk, replay(desk)), desk.waiting()) == ({"vanished": 1}, [])


# What only jobs give


def test_what_a_job_said_is_not_sent_over_what_a_query_said_later(desk: Desk) -> None:
    refused(desk, by_job(1, "too long"))
    desk.read(by_query(2))
    desk.send()
    assert (taken(desk, replay(desk, ids=True)), desk.rejects()) == ({"by_span": 1}, [("a", "CODE")])


def test_what_a_job_said_last_is_sent_again(desk: Desk) -> None:
    desk.confirm(by_job(1, "A"))
    refused(desk, by_job(2, "too long"))
    one = replay(desk)
    assert taken(desk, one) == {"put_back": 1}
    desk.send()
    assert (desk.rejects(), desk.close() > 0) == ([], True)
    assert desk.books(desk.read(by_job(2, "too long")))["unchanged"] == 1


def test_a_reject_for_what_the_job_says_stays_one_when_a_row_by_query_is_refused_too(desk: Desk) -> None:
    refused(desk, by_job(1, "too long"))
    refused(desk, by_query(2))
    desk.read(by_query(3))
    desk.send()
    assert desk.rejects() == [("a", "CODE")]
    desk.read(by_job(3, "short"))
    desk.send()
    assert desk.rejects() == []


def test_nothing_taken_up_tells_nothing(desk: Desk) -> None:
    one = replay(desk)
    assert (desk.store.replays.taken([one.id]), desk.store.replays.story([one.id])) == (Taken(), ())
    assert desk.close() == 1
