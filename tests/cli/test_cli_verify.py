"""connector verify: both sides read again, differences told apart, and sent."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from cli_lab import Cli
from lab import MAPPING, Killed, Lab, at, conversation

from connector.salesforce import collections, deletions
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.faults import Rule
from connector.state.store import StreamLock

MakeCli = Callable[..., Cli]
OBJECT, KEY = "Conversation__c", "Conversation_Id__c"


@pytest.fixture
def cli(make_cli: MakeCli) -> Cli:
    """Twenty conversations of the morning are synced; it is the next noon."""
    made = make_cli(now=at(36))
    for number in range(20):
        made.lab.world.add(conversation(f"c{number:02}", at(6 + number / 10)))
    assert made("sync").code == 0
    return made


def edit(lab: Lab, *rows: dict[str, Any]) -> None:
    """Somebody writes records in Salesforce."""
    with lab.opened() as ready:
        outcomes = collections.upsert(ready.org, OBJECT, KEY, rows)
    assert {one.verdict for one in outcomes} <= {"created", "updated"}


def remove(lab: Lab, *keys: str) -> None:
    """Somebody deletes records in Salesforce."""
    with lab.opened() as ready:
        deletions.delete(ready.org, OBJECT, KEY, [{KEY: key} for key in keys])


def counts(cli: Cli, *options: str) -> tuple[int, dict[str, int]]:
    said = cli("verify", "conversations", "--json", *options)
    return said.code, said.json["verification"]["counts"]


def test_records_deleted_and_edited_are_told_repaired_and_equal_afterwards(cli: Cli) -> None:
    truth = cli.lab.rows()
    remove(cli.lab, "c01", "c02", "c03")
    edit(
        cli.lab,
        *({KEY: f"c{number:02}", "Direction__c": "outbound"} for number in (4, 5, 6)),
        {KEY: "c07", "Duration_s__c": None, "Direction__c": None},
        {KEY: "c08", "Started__c": "2020-01-01T00:00:00Z"},
    )
    said = cli("verify", "conversations", "--json")
    found = said.json["verification"]
    assert (said.code, found["rows"], found["equal"], found["counts"], found["fields"], found["examples"]) == (
        1,
        20,
        12,
        {"missing": 3, "different": 5},
        {
            "Conversation__c.Direction__c": 4,
            "Conversation__c.Duration_s__c": 1,
            "Conversation__c.Started__c": 1,
        },
        [],
    )
    repaired = cli("verify", "conversations", "--json", "--repair")
    repair = repaired.json["verification"]["repair"]
    assert (repaired.code, repair["sent"], repair["rejected"], repair["still"]) == (0, 8, 0, {})
    assert (counts(cli), cli.lab.rows()) == ((0, {}), truth)


def test_no_key_and_no_value_is_shown_unless_asked_for(cli: Cli) -> None:
    remove(cli.lab, "c01")
    edit(cli.lab, {KEY: "c04", "Direction__c": "outbound"})
    said = cli("verify", "conversations")
    assert (said.code, "c01" in said.out + said.err, "outbound" in said.out + said.err) == (1, False, False)
    with_keys = cli("verify", "conversations", "--show-keys")
    assert ("c01" in with_keys.out, "c04" in with_keys.out, "outbound" in with_keys.out) == (True, True, False)
    with_values = cli("verify", "conversations", "--json", "--show-values").json["verification"]["examples"]
    assert with_values == [
        {
            "kind": "missing",
            "object": OBJECT,
            "key": "c01",
            "at": "2026-03-02T06:06:00Z",
            "fields": [],
            "values": {},
        },
        {
            "kind": "different",
            "object": OBJECT,
            "key": "c04",
            "at": "2026-03-02T06:24:00Z",
            "fields": ["Direction__c"],
            "values": {"Direction__c": ["inbound", "outbound"]},
        },
    ]


def test_quiet_says_nothing_where_both_agree_and_one_line_where_they_do_not(cli: Cli) -> None:
    agreed = cli("verify", "conversations", "--last", "7d", "--quiet")
    remove(cli.lab, "c01")
    differing = cli("verify", "conversations", "--last", "7d", "--quiet")
    assert (agreed, differing) == (
        (0, "", ""),
        (
            1,
            "",
            "! conversations: 1 row does not agree (1 missing): connector verify conversations "
            "--from 2026-03-02T00:00:00Z --to 2026-03-03T11:45:00Z --repair\n",
        ),
    )


def test_a_record_the_source_does_not_give_is_extra_whoever_made_it(cli: Cli) -> None:
    edit(cli.lab, {KEY: "by hand", "Started__c": "2026-03-02T09:00:00Z"})
    cli.lab.world.hide("c05", cli.lab.clock.now())
    assert counts(cli) == (1, {"extra": 2})
    said = cli("verify", "conversations", "--repair")
    assert (said.code, "delete them in Salesforce" in said.err, len(cli.lab.rows())) == (1, True, 21)


def test_what_a_run_has_told_to_be_given_no_more_is_not_told_again(cli: Cli) -> None:
    cli.lab.world.hide("c05", cli.lab.clock.now())
    assert cli("resync", "conversations", "--last", "3d").code == 0
    assert counts(cli) == (0, {"vanished": 1})


OTHERS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields:
  Conversation_Id__c: {key: [conversationId]}
  First_Queue_Name__c: first_queue_id
"""


def test_what_another_stream_has_sent_to_the_object_is_not_extra(make_cli: MakeCli) -> None:
    cli = make_cli(now=at(36))
    cli.lab.change_mapping("fields:", "skip: {first_queue_id: q2}\nfields:")
    cli.lab.write_mapping(OTHERS, "others")
    for name, queue in (("ours", "q1"), ("vanishes", "q1"), ("theirs", "q2")):
        cli.lab.world.add(conversation(name, at(9), queue=queue))
    assert cli("sync").code == 0
    edit(cli.lab, *({KEY: key, "Started__c": "2026-03-02T09:00:00Z"} for key in ("theirs", "by hand")))
    cli.lab.world.hide("vanishes", cli.lab.clock.now())
    assert counts(cli) == (1, {"extra": 2})


def test_a_record_whose_time_was_moved_into_the_period_is_no_extra_one(cli: Cli) -> None:
    edit(cli.lab, {KEY: "c00", "Started__c": "2026-03-02T07:30:00Z"})
    period = ("--from", "2026-03-02T07:00", "--to", "2026-03-02T08:00")
    assert (counts(cli, *period), counts(cli)) == ((0, {"unsure": 1}), (1, {"different": 1}))


def test_rows_that_wait_or_are_set_aside_are_no_difference(cli: Cli) -> None:
    lab = cli.lab
    is_refused = lambda row: row[KEY] == "c01" and row["Duration_s__c"] > 500  # noqa: E731
    lab.salesforce.add_validation_rule(OBJECT, is_refused, "no")
    lab.world.correct("c01", conversation("c01", at(6.1), minutes=9), lab.clock.now())
    assert cli("resync", "conversations", "--last", "3d").code == 1
    lab.world.correct("c02", conversation("c02", at(6.2), minutes=9), lab.clock.now())
    lab.faults.change(Rule("status", {"code": 503}, path="/composite/sobjects"))
    assert cli("resync", "conversations", "--last", "3d").code == 4
    assert counts(cli) == (0, {"rejected": 1, "waiting": 1})


@pytest.mark.parametrize(("noon", "kind", "code"), [(30, "late", 1), (11, "changed", 0)])
def test_a_change_at_the_source_needs_a_person_only_where_no_run_would_send_it(
    make_cli: MakeCli, noon: int, kind: str, code: int
) -> None:
    cli = make_cli(now=at(9))
    cli.lab.world.add(conversation("old", at(6)))
    assert cli("sync").code == 0
    cli.lab.clock.set(at(noon))
    assert cli("sync").code == 0
    cli.lab.world.correct("old", conversation("old", at(6), minutes=9), cli.lab.clock.now())
    cli.lab.world.add(conversation("new", at(7)))
    assert counts(cli) == (code, {kind: 2})
    assert counts(cli, "--repair")[0] == 0
    cli("sync")
    assert counts(cli) == (0, {})


def test_time_that_was_never_synced_is_not_missing(cli: Cli) -> None:
    cli.lab.clock.set(at(60))
    cli.lab.world.add(conversation("of today", at(50)))
    said = cli("verify", "conversations")
    assert (said.code, "never synced: 2026-03-03T11:45:00Z to 2026-03-04T11:45:00Z" in said.err) == (0, True)
    nothing = cli("verify", "conversations", "--from", "2026-03-04")
    assert (nothing.code, "nothing to compare" in nothing.err) == (3, True)


def test_without_a_state_there_is_nothing_to_compare_and_none_is_made(make_cli: MakeCli) -> None:
    cli = make_cli()
    said = cli("verify", "conversations")
    assert (said.code, cli.lab.config.state.exists()) == (3, False)


def test_reading_writes_nothing_into_the_state_and_leaves_nothing_behind(cli: Cli, tmp_path: Any) -> None:
    remove(cli.lab, "c01")
    before = [cli.lab.table(name) for name in ("passes", "outbox", "row_hashes", "runs", "owed", "coverage")]
    assert counts(cli) == (1, {"missing": 1})
    assert [cli.lab.table(name) for name in ("passes", "outbox", "row_hashes", "runs", "owed", "coverage")] == before
    assert list((cli.home / ".connector").glob("anew-*")) == []


def test_what_a_killed_comparison_left_is_removed_a_day_later(cli: Cli) -> None:
    folder = cli.home / ".connector"
    for name, age in (("anew-old", 90_000), ("anew-young", 60)):
        (folder / name).mkdir()
        for one in (folder / name / "anew.db", folder / name):
            one.touch()
            os.utime(one, (time.time() - age,) * 2)
    assert counts(cli) == (0, {})
    assert [one.name for one in folder.glob("anew-*")] == ["anew-young"]


def test_a_row_the_mapping_cannot_make_any_more_is_not_extra(cli: Cli) -> None:
    cli.lab.change_mapping("{from: duration_ms, divide: 1000, round: 1}", "{from: first_queue_id, number: true}")
    assert counts(cli) == (0, {"rejected": 20})


def test_snapshots_cannot_be_compared(make_cli: MakeCli) -> None:
    cli = make_cli()
    cli.lab.write_mapping(SNAPSHOTS, "queues")
    said = cli("verify", "queues")
    assert (said.code, "queues: queues.observations answers what is now" in said.err) == (3, True)


def test_while_the_source_gives_records_without_a_key_nothing_is_surely_extra(make_cli: MakeCli) -> None:
    cli = make_cli(now=at(36))
    cli.lab.write_mapping(TWO_TARGETS)
    nameless = conversation("nameless", at(9))
    del nameless["participants"][0]["participantId"]
    cli.lab.world.add(nameless)
    cli.lab.world.add(conversation("vanishes", at(9)))
    assert cli("sync").code == 1
    cli.lab.world.hide("vanishes", cli.lab.clock.now())
    assert counts(cli) == (0, {"unsure": 4})


@pytest.mark.parametrize("options", [("--to", "2026-03-03"), ("--last", "2d", "--from", "2026-03-02"), ("--last", "x")])
def test_options_that_make_no_period_are_refused(cli: Cli, options: tuple[str, ...]) -> None:
    assert cli("verify", "conversations", *options).code == 2


def test_where_the_source_does_not_give_a_span_whole_nothing_is_extra(cli: Cli) -> None:
    remove(cli.lab, "c01")
    cli.lab.world.hide("c05", cli.lab.clock.now())
    cli.lab.faults.change(Rule("total", {"value": "stale_high", "by": 3}, path="/details/query$"))
    found = cli("verify", "conversations", "--json").json["verification"]
    assert (found["counts"], len(found["read"]["doubtful"]) > 0) == ({"missing": 1, "unsure": 1}, True)


class SyncsMeanwhile(WsgiAdapter):
    """Runs a sync when Salesforce has answered the first query of records, before the answer arrives."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.answering, lab.clock)
        self._lab = lab

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        answer = super().send(request, *args, **options)
        if "/query?q=SELECT+Conversation_Id__c" in request.url and self._lab.wrap_adapter is not _as_it_is:
            self._lab.wrap_adapter = _as_it_is
            assert self._lab.sync().books.updated == 1
        return answer


def _as_it_is(adapter: WsgiAdapter) -> WsgiAdapter:
    return adapter


def test_what_another_run_sends_between_both_reads_is_no_difference(make_cli: MakeCli) -> None:
    """Salesforce was read before that run and the state is asked after it: so those rows are looked at once more."""
    cli = make_cli(now=at(9))
    cli.lab.world.add(conversation("c1", at(6)))
    assert cli("sync").code == 0
    cli.lab.world.correct("c1", conversation("c1", at(6), minutes=9), cli.lab.clock.now())
    cli.lab.wrap_adapter = lambda adapter: SyncsMeanwhile(cli.lab)
    assert counts(cli) == (0, {})
    assert cli.lab.wrap_adapter is _as_it_is


def test_a_repair_while_another_run_works_says_so_and_changes_nothing(cli: Cli) -> None:
    remove(cli.lab, "c01")
    lock = StreamLock(cli.lab.config.home / ".connector", "conversations")
    assert lock.try_take()
    try:
        before = cli.lab.table("row_hashes")
        said = cli("verify", "conversations", "--repair")
        assert (said.code, cli.lab.table("row_hashes")) == (5, before)
    finally:
        lock.release()
    assert counts(cli, "--repair") == (0, {"missing": 1})


@pytest.mark.parametrize("commit", [1, 2, 4, 6, 9])
def test_a_repair_killed_anywhere_is_finished_by_the_next_run(cli: Cli, commit: int) -> None:
    lab, truth = cli.lab, cli.lab.rows()
    remove(lab, "c01", "c02")
    edit(lab, {KEY: "c04", "Direction__c": "outbound"})
    commits = iter(range(1, 1_000))

    def die() -> None:
        if next(commits) == commit:
            raise Killed

    lab.after_commit = die
    with pytest.raises(Killed):
        cli("verify", "conversations", "--repair")
    lab.after_commit = lambda: None
    assert cli("sync").code == 0
    assert (lab.rows(), counts(cli)) == (truth, (0, {}))


SNAPSHOTS = """
source: {query: queues.observations, granularity: PT1H, metrics: [oWaiting]}
window: {start: 2026-03-02}
target: {object: Queue_Snapshot__c, external_id: Genesys_Key__c}
fields:
  Genesys_Key__c: {key: [queueId, mediaType, start]}
  Interval_Start__c: start
"""
TWO_TARGETS = """
source: {query: conversations.details}
window: {start: 2026-03-02}
targets:
  - target: {object: Conversation__c, external_id: Conversation_Id__c}
    fields:
      Conversation_Id__c: {key: [conversationId]}
      Started__c: conversationStart
  - target: {object: Conversation_Leg__c, external_id: Leg_Key__c}
    each: participants.sessions
    fields:
      Leg_Key__c: {key: [record.conversationId, parent.participantId, sessionId]}
      Conversation__r.Conversation_Id__c: record.conversationId
      Purpose__c: parent.purpose
"""


def test_children_are_read_back_by_the_time_of_their_parent(make_cli: MakeCli) -> None:
    """Three legs each; a leg taken from its parent, or deleted with it, is found by its key."""
    cli = make_cli(now=at(20))
    cli.lab.write_mapping(TWO_TARGETS)
    for number in range(30):
        cli.lab.world.add(conversation(f"c{number:02}", at(6 + number / 10)))
    assert cli("sync").code == 0
    truth = cli.lab.salesforce.rows("Conversation_Leg__c").keys()
    agreed = cli("verify", "conversations", "--json")
    calls = [call for call in cli.lab.salesforce.calls if call.path.endswith("/query")]
    assert (agreed.code, agreed.json["verification"]["equal"], len(calls)) == (0, 120, 2)
    legs = sorted(truth)
    with cli.lab.opened() as ready:
        lost = {"Leg_Key__c": legs[0], "Conversation__r.Conversation_Id__c": None}
        collections.upsert(ready.org, "Conversation_Leg__c", "Leg_Key__c", [lost])
        deletions.delete(ready.org, "Conversation_Leg__c", "Leg_Key__c", [{"Leg_Key__c": legs[1]}])
        extra = {"Leg_Key__c": "by hand", "Conversation__r.Conversation_Id__c": "c03"}
        collections.upsert(ready.org, "Conversation_Leg__c", "Leg_Key__c", [extra])
    remove(cli.lab, "c20")
    found = cli("verify", "conversations", "--json", "--repair").json["verification"]
    assert (found["counts"], found["fields"], found["repair"]["still"]) == (
        {"missing": 2, "different": 4, "extra": 1},
        {"Conversation_Leg__c.Conversation__r.Conversation_Id__c": 4},
        {"extra": 1},
    )
    assert cli.lab.salesforce.rows("Conversation_Leg__c").keys() - truth == {"by hand"}


WITHOUT_TIME = MAPPING.replace("  Started__c: conversationStart\n", "")


def test_without_a_time_in_salesforce_keys_are_asked_for_and_what_was_sent_once_is_extra(make_cli: MakeCli) -> None:
    cli = make_cli(now=at(20))
    cli.lab.write_mapping(WITHOUT_TIME)
    for number in range(12):
        cli.lab.world.add(conversation(f"c{number:02}", at(6 + number / 10)))
    assert cli("sync").code == 0
    cli.lab.world.hide("c05", cli.lab.clock.now())
    remove(cli.lab, "c06")
    edit(cli.lab, {KEY: "c07", "Direction__c": "outbound"}, {KEY: "by hand"})
    assert counts(cli) == (1, {"missing": 1, "different": 1, "extra": 1})
