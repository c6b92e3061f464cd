"""A conversation that Genesys Cloud gives no more: left, cleared or deleted, never by mistake, whatever is killed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from lab import Killed, Lab, at, conversation

from connector.assemble import load_streams
from connector.errors import DeliveryRefused, MappingError, TooManyVanished
from connector.orders import Order
from connector.report import status
from connector.sandbox.faults import Rule
from connector.spans import Span

MakeLab = Callable[..., Lab]
TARGET = "target: {object: Conversation__c, external_id: Conversation_Id__c"
DELETES = "/composite/sobjects$"


def lab_of(make_lab: MakeLab, when: str, count: int = 3, **options: Any) -> Lab:
    """A first sync is done; the clock stands an hour later."""
    lab = make_lab(now=at(10), **options)
    lab.change_mapping(TARGET, f"{TARGET}, when_vanished: {when}")
    for number in range(count):
        lab.world.add(conversation(f"c{number}", at(9 + number / 60 / 100)))
    assert lab.sync().exit_code == 0
    lab.clock.set(at(11))
    return lab


def take_away(lab: Lab, *names: str) -> None:
    for name in names:
        lab.world.hide(name, lab.clock.now())


def accepted(start: float, end: float) -> Order:
    return Order("resync", resync=lambda horizon: Span(at(start), min(at(end), horizon)), accept_vanished=True)


def table(lab: Lab, sql: str) -> list[tuple[Any, ...]]:
    with lab.opened() as ready:
        return [tuple(row) for row in ready.store.db.rows(sql)]


def test_left_is_told_once_and_shown_by_status_until_it_comes_back(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "leave")
    before = lab.rows()
    take_away(lab, "c1")
    told = []
    for _ in range(2):
        result = lab.sync()
        told.append((result.exit_code, result.vanished, result.books.vanished))
        lab.clock.advance(600)
    assert (told, lab.rows()) == ([(0, 1, 0), (0, 0, 0)], before)
    assert _status(lab) == (1, 0, ())
    lab.world.show("c1", lab.clock.now())
    assert (lab.sync().vanished, _status(lab)) == (0, (0, 0, ()))


def _status(lab: Lab) -> tuple[int, int, tuple[str, ...]]:
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], lab.clock.now())
    return found.vanished, found.vanished_held, found.advice


def test_cleared_keeps_its_record_and_key_and_comes_back_whole(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "clear")
    before = lab.rows()
    take_away(lab, "c1")
    result = lab.sync()
    assert (result.exit_code, result.books.vanished, result.books.updated, result.books.pending) == (0, 1, 1, 0)
    empty = {**dict.fromkeys(before["c1"]), "Conversation_Id__c": "c1", "Is_Open__c": False}
    assert lab.rows() == {**before, "c1": empty}
    lab.clock.advance(600)
    assert lab.sync().books.vanished == 0
    lab.world.show("c1", lab.clock.now())
    lab.clock.advance(600)
    assert (lab.sync().books.updated, lab.rows()) == (1, before)


def test_deleted_is_gone_and_comes_back_whole(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete")
    before = lab.rows()
    take_away(lab, "c1")
    result = lab.sync()
    assert (result.exit_code, result.books.vanished, result.books.deleted, result.books.pending) == (0, 1, 1, 0)
    assert set(lab.rows()) == {"c0", "c2"}
    lab.clock.advance(600)
    result = lab.sync()
    assert (result.books.vanished, result.books.unchanged) == (0, 2)
    lab.world.show("c1", lab.clock.now())
    lab.clock.advance(600)
    assert (lab.sync().books.created, lab.rows()) == (1, before)


def test_a_record_that_keep_does_not_want_any_more_is_deleted(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10))
    lab.change_mapping(TARGET + "}", TARGET + ", when_vanished: delete}\nkeep: {direction: inbound}")
    for name in ("c0", "c1"):
        lab.world.add(conversation(name, at(9)))
    lab.sync()
    lab.clock.set(at(11))
    lab.world.correct("c1", _outbound, at(10.5))
    result = lab.sync()
    assert (result.books.filtered, result.books.deleted, set(lab.rows())) == (1, 1, {"c0"})


def _outbound(one: dict[str, Any]) -> dict[str, Any]:
    for participant in one["participants"]:
        for session in participant["sessions"]:
            session["direction"] = "outbound"
    return {**one, "originatingDirection": "outbound"}


def test_many_are_deleted_in_calls_of_two_hundred(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 500)
    take_away(lab, *(f"c{n}" for n in range(450)))
    assert lab.sync().exit_code == 1
    result = lab.sync(accepted(0, 24))
    assert (result.exit_code, result.books.deleted, len(lab.rows())) == (0, 450, 50)
    assert sum(call.method == "DELETE" for call in lab.salesforce.calls) == 3


# The guard


def test_a_lost_division_deletes_nothing_and_is_made_good_by_giving_it_back(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 30)
    before = lab.rows()
    take_away(lab, *(f"c{n}" for n in range(20)))
    for _ in range(2):
        result = lab.sync()
        assert (result.exit_code, lab.rows()) == (1, before)
        assert isinstance(result.error, TooManyVanished)
        lab.clock.advance(600)
    assert result.error is not None
    assert (result.error.message, result.error.hint) == (
        "conversations: 20 of 30 rows between 2026-03-02T03:45:00Z and 2026-03-02T10:45:00Z are no longer given by "
        "Genesys Cloud; none of them was cleared or deleted, and that time is read again by every run",
        "a division or role taken from the OAuth client looks the same: give it back, and the next run goes on; if "
        "they are gone for good: connector resync conversations --from 2026-03-02T03:45:00Z --to 2026-03-02T10:45:00Z "
        "--accept-vanished",
    )
    assert _status(lab)[1:] == (
        20,
        (
            "conversations: 20 rows are no longer given and wait for your word before they are cleared or deleted: "
            "give back a lost division or role, or connector resync conversations --from 2026-03-02T03:45:00Z --to "
            "2026-03-02T10:45:00Z --accept-vanished",
        ),
    )
    for n in range(20):
        lab.world.show(f"c{n}", lab.clock.now())
    result = lab.sync()
    assert (result.exit_code, result.books.vanished, lab.rows()) == (0, 0, before)
    assert (_status(lab), result.complete_to) == ((0, 0, ()), at(11) + timedelta(minutes=5))


def test_while_rows_wait_for_a_person_new_conversations_still_come_in(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 30)
    take_away(lab, *(f"c{n}" for n in range(20)))
    lab.world.add(conversation("new", at(10.1)))
    lab.world.add(conversation("newer", at(10.9)))
    lab.sync()
    assert "new" in lab.rows()
    lab.clock.set(at(12))
    lab.sync()
    assert "newer" in lab.rows()


def test_accepted_vanished_rows_are_deleted_and_the_next_loss_is_held_again(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 60)
    take_away(lab, *(f"c{n}" for n in range(20)))
    lab.sync()
    result = lab.sync(accepted(0, 24))
    assert (result.exit_code, result.error, len(lab.rows())) == (0, None, 40)
    assert table(lab, "SELECT * FROM owed") == []
    take_away(lab, *(f"c{n}" for n in range(20, 40)))
    lab.clock.advance(600)
    assert (lab.sync().exit_code, len(lab.rows())) == (1, 40)


def test_a_mapping_that_wants_less_deletes_nothing_before_a_person_says_so(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete")
    lab.change_mapping("\nfields:", "\nskip: {conversationId: c1}\nfields:")
    full = Order("resync --full", resync=lambda horizon: Span(at(0), horizon))
    for _ in range(2):
        lab.clock.advance(600)
        assert (lab.sync(full).books.vanished, len(lab.rows())) == (0, 3)
    assert _status(lab) == (
        1,
        0,
        (
            "conversations: 1 row is no longer given since the mapping or its path changed, and left as they are; to "
            "clear or delete them: connector resync conversations --full --accept-vanished",
        ),
    )
    lab.clock.advance(600)
    assert (lab.sync(accepted(0, 24)).books.deleted, set(lab.rows())) == (1, {"c0", "c2"})


# Trouble at Salesforce


def test_a_delete_whose_answer_is_lost_counts_once(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", rules=(Rule("lose_answer", path=DELETES, method="DELETE", nth=1),))
    take_away(lab, "c1")
    result = lab.sync()
    assert (result.exit_code, result.books.deleted, set(lab.rows())) == (0, 1, {"c0", "c2"})


def test_an_org_that_lets_nobody_delete_is_told_and_nothing_is_lost(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 30)
    no = [{"errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "insufficient access rights"}]
    lab.faults.change(Rule("status", {"code": 403, "json": no}, path=DELETES, method="DELETE"))
    take_away(lab, "c1")
    result = lab.sync()
    assert (result.exit_code, len(lab.rows())) == (3, 30)
    lab.faults.change()
    assert (lab.sync().exit_code, len(lab.rows())) == (0, 29)


def test_a_dry_run_shows_what_would_be_deleted_and_writes_nothing(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete")
    before = lab.rows()
    take_away(lab, "c1")
    result = lab.sync(Order(rehearse=True))
    assert (result.exit_code, result.books.vanished, result.books.pending) == (0, 1, 1)
    assert (lab.rows(), table(lab, "SELECT * FROM vanished"), table(lab, "SELECT * FROM outbox")) == (before, [], [])
    assert lab.sync().books.deleted == 1


def test_a_dry_run_shows_what_is_given_no_more_and_left(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "leave")
    take_away(lab, "c1")
    assert lab.sync(Order(rehearse=True)).vanished == 1
    assert lab.sync().vanished == 1


def test_two_streams_may_not_share_an_object_one_of_them_deletes_from(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete")
    other = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields:
  Conversation_Id__c: {key: [conversationId]}
  Talk__c: {value: 1}
"""
    (lab.mapping.parent / "others.yml").write_text(other)
    with pytest.raises(MappingError, match="takes away what the other wrote"):
        load_streams(lab.config)


# Killed


@pytest.mark.parametrize("when", ["leave", "clear", "delete"])
def test_killed_at_any_commit_or_request_the_next_run_ends_it(make_lab: MakeLab, when: str) -> None:
    """One conversation vanishes, one changes, one comes: however often runs die, all is counted and done once."""
    calm, steps = _story(make_lab, when, kill_at=0)
    assert steps > 10
    for kill_at in range(1, steps + 1):
        told, _ = _story(make_lab, when, kill_at)
        assert told == calm, f"killed at step {kill_at}"


def _story(make_lab: MakeLab, when: str, kill_at: int) -> tuple[Any, int]:
    """What stands in the end, and how many commits and requests the run took."""
    lab = lab_of(make_lab, when, 30)
    take_away(lab, "c1", "c2")
    lab.world.correct("c3", {"originatingDirection": "outbound"}, lab.clock.now())
    lab.world.add(conversation("new", at(10)))
    taken = [0]

    def step() -> None:
        taken[0] += 1
        if taken[0] == kill_at:
            raise Killed

    lab.after_commit = step
    lab.wrap_adapter = lambda adapter: _Dying(adapter, step)
    try:
        lab.sync()
    except Killed:
        taken[0] = -10_000
        lab.sync()
    lab.after_commit = lambda: None
    sql = """SELECT count(*), coalesce(sum(vanished), 0), coalesce(sum(deleted), 0) FROM passes
             WHERE state NOT IN ('settled', 'split')"""
    balance = """SELECT count(*) FROM passes WHERE pulled <> duplicate + outside + filtered + unmappable + mapped
                 OR made + requeued + vanished <> row_duplicate + unchanged + created + updated + deleted + rejected
                 + superseded"""
    ended = table(lab, "SELECT external_id, cause, state, closed_by FROM vanished ORDER BY external_id")
    counted = table(lab, "SELECT sum(vanished), sum(deleted) FROM passes")
    known = table(lab, "SELECT external_id, in_doubt FROM row_hashes ORDER BY external_id")
    left = table(lab, "SELECT count(*) FROM outbox")
    return (lab.rows(), ended, counted, known, left, table(lab, sql), table(lab, balance)), taken[0]


class _Dying:
    """An adapter around another: a step before each request and after each answer."""

    def __init__(self, adapter: Any, step: Callable[[], None]) -> None:
        self._adapter = adapter
        self._step = step

    def send(self, request: Any, **options: Any) -> Any:
        self._step()
        answer = self._adapter.send(request, **options)
        self._step()
        return answer

    def close(self) -> None:
        self._adapter.close()


def test_most_rows_refused_are_held_for_a_person(make_lab: MakeLab) -> None:
    lab = lab_of(make_lab, "delete", 100)
    take_away(lab, *(f"c{n}" for n in range(40)))
    no = {"statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "insufficient access rights", "fields": []}
    refusal = [{"success": False, "errors": [no]}] * 40
    lab.faults.change(Rule("status", {"code": 200, "json": refusal}, path=DELETES, method="DELETE"))
    result = lab.sync(accepted(0, 24))
    assert isinstance(result.error, DeliveryRefused)
    assert (result.exit_code, result.books.rejected, result.books.pending, len(lab.rows())) == (3, 0, 40, 100)
    lab.faults.change()
    result = lab.sync()
    assert (result.exit_code, result.books.deleted, len(lab.rows())) == (0, 40, 60)
