"""Streams and runs: whose state it is, what a changed mapping means, and one writer at a time."""

from dataclasses import replace
from pathlib import Path

import pytest
from state.desk import IDENTITY, PRINTS, Desk, at, bad, call, span

from connector.errors import AlreadyRunning, KeysChanged, StateError, WrongOrganisation
from connector.state.store import Identity, StreamLock

OTHER_ORG = Identity("00Dxx0000000000AAA", "genesys-1", IDENTITY.targets)


def meet(desk: Desk, identity: Identity = IDENTITY, **prints: str) -> str:
    return desk.store.meet("calls", identity, replace(PRINTS, **prints))


def test_a_stream_is_new_once(desk: Desk):
    assert desk.store.meet("other", IDENTITY, PRINTS) == "new"
    assert desk.store.meet("other", IDENTITY, PRINTS) == "same"


def test_what_changed_in_a_mapping_is_told(desk: Desk):
    assert (meet(desk), meet(desk, fields="2"), meet(desk, source="2"), meet(desk, source="2", fields="2")) == (
        "same",
        "fields",
        "source",
        "source",
    )


def test_other_keys_are_refused_until_a_person_accepts_them(desk: Desk):
    with pytest.raises(KeysChanged, match="other external ids") as refused:
        meet(desk, keys="2")
    assert "--full --accept-new-keys" in refused.value.hint
    assert desk.store.meet("calls", IDENTITY, replace(PRINTS, keys="2"), accept_new_keys=True) == "keys"


@pytest.mark.parametrize(
    ("service", "other"),
    [("Salesforce", OTHER_ORG), ("Genesys Cloud", replace(IDENTITY, genesys_org="genesys-2"))],
)
def test_another_organisation_is_refused_with_both_ways_out(desk: Desk, service: str, other: Identity):
    with pytest.raises(WrongOrganisation, match=service) as refused:
        meet(desk, other)
    assert ("--home" in refused.value.hint, "--adopt-org" in refused.value.hint) == (True, True)
    assert desk.store.is_of_another("calls", other)


def test_an_organisation_known_only_by_its_client_proves_nothing_against_an_id(desk: Desk):
    assert meet(desk, replace(IDENTITY, genesys_org="mypurecloud.ie/client-1")) == "same"


def test_a_changed_mapping_fails_unfinished_passes_owes_their_spans_and_takes_their_rows_out(desk: Desk):
    desk.confirm(call("c0", "A"), start=24, end=48)
    one = desk.read(call("c1", "A"))
    desk.store.adopt("calls", replace(PRINTS, fields="2"), [], "fields changed", desk.run, desk.now)
    assert (desk.state(one), desk.waiting(), desk.store.passes.known("calls").owed) == (
        "failed",
        [],
        [(span(0, 24), False)],
    )
    assert (meet(desk, fields="2"), len(desk.table("coverage"))) == ("same", 1)
    desk.check(one)


def test_a_row_in_flight_when_the_mapping_changed_is_still_counted_where_it_belongs(desk: Desk):
    one = desk.read(call("c1", "A"), call("c2", "A"))
    batch = desk.batch(rows=1)
    desk.store.adopt("calls", replace(PRINTS, fields="2"), [], "fields changed", desk.run, desk.now)
    desk.answer(batch, c1="created")
    assert desk.books(one) == {"pulled": 2, "mapped": 2, "made": 2, "created": 1, "superseded": 1}


def test_a_change_taken_over_only_half_is_found_again_by_the_next_run(desk: Desk):
    """The fingerprints are written last."""
    commits = 0

    class Killed(BaseException):
        pass

    def die_at_second() -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise Killed

    desk.read(call("c1", "A"))
    desk.after_commit = die_at_second
    with pytest.raises(Killed):
        desk.store.adopt("calls", replace(PRINTS, fields="2"), [], "fields changed", desk.run, desk.now)
    desk.after_commit = lambda: None
    assert meet(desk, fields="2") == "fields"


def test_an_adopted_organisation_begins_anew(desk: Desk):
    desk.confirm(call("c0", "A"), start=24, end=48)
    desk.read(bad("c1"), call("c2", "A"))
    desk.batch()
    desk.store.passes.owe("calls", [span(0, 9)], "resync", True)
    desk.store.begin_anew("calls", 1, desk.now)
    left = {name: desk.table(name) for name in ("streams", "coverage", "owed", "row_hashes", "outbox")}
    assert left == {name: [] for name in left}
    assert (desk.rejects(), desk.table("v_gaps"), desk.store.batches.open(IDENTITY.salesforce_org)) == ([], [], [])
    assert (desk.store.passes.unfinished("calls"), meet(desk, OTHER_ORG)) == ([], "new")


def test_an_adopted_organisation_leaves_other_streams_alone(desk: Desk):
    desk.store.meet("other", IDENTITY, PRINTS)
    desk.store.begin_anew("other", 1, desk.now)
    assert [one["name"] for one in desk.table("streams")] == ["calls"]


def test_a_long_history_is_forgotten_in_slices(desk: Desk):
    desk.confirm(*(call(f"c{number}", "A") for number in range(30)))
    with desk.db.transaction() as db:
        db.execute("DELETE FROM row_hashes")
        db.executemany(
            "INSERT INTO row_hashes (stream, object, at, external_id, hash, in_doubt) "
            "VALUES ('calls', 'Call__c', '', ?, x'00', 0)",
            [[str(one)] for one in range(2500)],
        )
    largest = 0

    def measure() -> None:
        nonlocal largest, before
        left = desk.db.value("SELECT count(*) FROM row_hashes")
        largest, before = max(largest, before - left), left

    before = 2500
    desk.after_commit = measure
    desk.store.begin_anew("calls", 1, desk.now)
    assert (before, largest) == (0, 1000)


# Runs and locks


def test_a_run_is_told_from_its_beginning_to_its_end(desk: Desk):
    desk.store.run_does(desk.run, "the first day")
    assert [(one.doing, one.finished, one.exit_code) for one in desk.store.runs("calls", 1)] == [
        ("the first day", None, None)
    ]
    desk.store.end_run(desk.run, 4, "no answer", {"calls": {"Salesforce": 3}}, at(31))
    run = desk.store.runs("calls", 1)[0]
    assert (run.doing, run.finished, run.exit_code, run.message, run.counts) == (
        "",
        at(31),
        4,
        "no answer",
        {"calls": {"Salesforce": 3}},
    )


def test_what_was_opened_by_this_run_and_is_still_open_is_new(desk: Desk):
    desk.read(bad("c0"))
    before = desk.store.newest("calls")
    assert desk.store.opened_since("calls", before) == {"rejects": 0, "gaps": 0}
    desk.read(bad("c0"), bad("c1"), bad("c2"))
    desk.confirm(call("c2", "A"))
    assert desk.store.opened_since("calls", before) == {"rejects": 1, "gaps": 0}


def test_a_second_run_is_told_who_works_since_when_and_at_what(desk: Desk, tmp_path: Path):
    first, second = (StreamLock(tmp_path / "locks", "calls") for _ in range(2))
    first.take(desk.store)
    desk.store.run_does(desk.run, "2026-03-02")
    with pytest.raises(AlreadyRunning, match=r"process \d+\) works on it since 2026-03-03T06:00:00Z \(sync\)") as told:
        second.take(desk.store)
    assert ("now at 2026-03-02" in told.value.message, "--wait" in told.value.hint) == (True, True)
    first.release()
    second.take(desk.store)
    second.release()


def test_a_run_that_waits_takes_the_lock_when_it_is_free(desk: Desk, tmp_path: Path):
    first, second = (StreamLock(tmp_path / "locks", "calls") for _ in range(2))
    first.take(desk.store)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            first.release()

    second.take(desk.store, nap)
    second.release()
    assert len(naps) == 3


def test_a_run_that_waits_can_be_stopped(desk: Desk, tmp_path: Path):
    first, second = (StreamLock(tmp_path / "locks", "calls") for _ in range(2))
    first.take(desk.store)

    def stop(seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        second.take(desk.store, stop)
    first.release()


def test_the_folder_of_locks_and_passing_files_is_private(desk: Desk, tmp_path: Path):
    lock = StreamLock(tmp_path / "locks", "calls")
    lock.take(desk.store)
    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700
    lock.release()


def test_a_folder_that_cannot_be_made_is_told(desk: Desk, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="file"):
        StreamLock(tmp_path / "file" / "locks", "calls").take(desk.store)
