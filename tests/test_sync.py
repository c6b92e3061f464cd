"""Whole runs: what stands in Salesforce afterwards, what the state says, what it cost."""

from lab import DAY, Lab, at, conversation

from connector.orders import Order
from connector.sandbox.contact_centre import ContactCentre, continue_world
from connector.sandbox.faults import Rule
from connector.spans import Span

DETAILS = "/details/query"


def fill(lab: Lab, count: int, *, first: float = 0.5, every_minutes: float = 1) -> None:
    for number in range(count):
        lab.world.add(conversation(f"c{number:05}", at(first + number * every_minutes / 60)))


def resync(start: float, end: float, **options: bool) -> Order:
    return Order("resync", resync=lambda horizon: Span(at(start), min(at(end), horizon)), **options)


def pages(lab: Lab) -> int:
    return sum(call.path.endswith(DETAILS) for call in lab.genesys.calls)


def test_a_first_sync_brings_everything_settled_and_moves_the_mark_there(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 250, every_minutes=2)
    result = lab.sync()
    assert (result.error, result.exit_code, result.complete_to) == (None, 0, at(10.05))
    assert lab.rows() == lab.truth(at(10.05))
    assert (result.books.pulled, result.books.created, result.books.pending) == (250, 250, 0)


def test_a_second_sync_of_unchanged_data_writes_nothing(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 250, every_minutes=2)
    lab.sync()
    writes = lab.salesforce.writes("Conversation__c")
    lab.clock.advance(3600)
    result = lab.sync()
    assert lab.salesforce.writes("Conversation__c") == writes
    assert result.books.unchanged == result.books.made


def test_only_what_changed_is_sent(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 250, every_minutes=2)
    lab.sync()
    lab.clock.advance(3600)
    lab.world.correct("c00240", lambda one: {**one, "originatingDirection": "outbound"}, at(10.5))
    lab.world.add(conversation("late", at(9)), at(10.5))
    result = lab.sync()
    assert (result.books.updated, result.books.created) == (1, 1)
    assert lab.rows() == lab.truth(at(11.05))


def test_more_than_two_thousand_rows_go_by_ingest_job(make_lab):
    lab = make_lab(now=at(23.9))
    fill(lab, 2500, every_minutes=0.5)
    result = lab.sync()
    assert (result.error, result.books.created) == (None, 2500)
    assert lab.rows() == lab.truth(at(24))
    assert len(lab.salesforce.jobs()) == 1


def test_an_empty_page_in_the_middle_loses_nothing(make_lab):
    lab = make_lab(now=at(10.3), rules=(Rule("empty_page", path=DETAILS, page=2, nth=1),))
    fill(lab, 450)
    result = lab.sync()
    assert (result.exit_code, lab.rows()) == (0, lab.truth(at(10.05)))


def test_a_page_served_twice_is_noticed_and_counted(make_lab):
    lab = make_lab(now=at(10.3), rules=(Rule("repeat_previous_page", path=DETAILS, page=3),))
    fill(lab, 450)
    result = lab.sync()
    assert lab.rows().keys() != lab.truth(at(10.05)).keys()
    assert (result.exit_code, result.new, result.books.duplicate) == (1, {"rejects": 0, "gaps": 1}, 100)


def test_what_stays_unexplained_is_a_gap_that_stops_the_mark_and_heals(make_lab):
    lab = make_lab(now=at(48.3), rules=(Rule("empty_page", path=DETAILS, page=2, times=8),))
    fill(lab, 300, first=25)
    first = lab.sync()
    gaps = [(gap["start"], gap["expected"], gap["received"]) for gap in lab.table("v_gaps")]
    assert (first.exit_code, first.complete_to, gaps) == (1, at(24), [("2026-03-03T00:00:00Z", 300, 200)])
    second = lab.sync()
    assert (second.exit_code, second.new) == (0, {"rejects": 0, "gaps": 0})
    third = lab.sync()
    assert (third.exit_code, lab.rows(), lab.table("v_gaps")) == (0, lab.truth(at(48)), [])
    assert third.complete_to > at(48)


def test_a_dry_run_writes_nothing_anywhere(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 50)
    result = lab.sync(Order("sync --dry-run", rehearse=True))
    assert (result.error, result.books.made, result.books.pending) == (None, 50, 50)
    assert (lab.rows(), lab.table("passes"), lab.table("outbox")) == ({}, [], [])


def test_a_forced_resync_sends_unchanged_rows_too(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 50)
    lab.sync()
    result = lab.sync(resync(0, 1, forced=True))
    assert (result.error, result.books.updated, lab.table("owed")) == (None, 30, [])


def test_a_resync_sees_what_changed_long_ago(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 50)
    lab.sync()
    lab.clock.advance(48 * 3600)
    lab.sync()
    lab.world.correct("c00003", lambda one: {**one, "originatingDirection": "outbound"}, at(58))
    lab.clock.advance(3600)
    assert lab.sync().books.updated == 0
    assert lab.sync(resync(0, 10)).books.updated == 1
    assert lab.rows() == lab.truth(at(59))


def test_a_refused_row_is_kept_as_a_reject_and_not_sent_again_at_once(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 50, first=8)
    lab.salesforce.add_validation_rule(
        "Conversation__c", lambda row: row["Conversation_Id__c"] == "c00007", "not this one"
    )
    first = lab.sync()
    assert (first.exit_code, first.books.rejected, first.books.created) == (1, 1, 49)
    assert [one["external_id"] for one in lab.table("v_rejects")] == ["c00007"]
    lab.clock.advance(3600)
    calls = len(lab.salesforce.calls)
    second = lab.sync()
    assert (second.exit_code, second.books.rejected) == (0, 1)
    assert not [call for call in lab.salesforce.calls[calls:] if call.method == "PATCH"]


def test_when_most_rows_fail_none_is_rejected_and_the_next_run_sends_them_first(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 300)
    lab.salesforce.add_validation_rule("Conversation__c", lambda row: True, "closed for stocktaking")
    result = lab.sync()
    assert (result.exit_code, result.books.rejected, result.books.pending) == (3, 0, 300)
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in str(result.error)
    lab.salesforce.add_validation_rule("Conversation__c", lambda row: False, "open again")


def test_a_changed_mapping_reads_what_was_waiting_again(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 300)
    lab.salesforce.add_validation_rule("Conversation__c", lambda row: row["Direction__c"] == "inbound", "no")
    assert lab.sync().exit_code == 3
    lab.change_mapping("Direction__c: direction", "Direction__c: {from: direction, upper: true}")
    result = lab.sync()
    assert (result.error, result.books.created) == (None, 300)
    assert {row["Direction__c"] for row in lab.rows().values()} == {"INBOUND"}


def test_another_organisation_is_refused_until_it_is_adopted(make_lab, tmp_path):
    lab = make_lab(now=at(10.3))
    fill(lab, 20)
    lab.sync()
    other = make_lab(now=at(10.3), org_id="00Dak000000OthrEAK")
    lab.salesforce, old = other.salesforce, lab.salesforce
    refused = lab.sync()
    assert refused.exit_code == 3
    assert "organisation" in str(refused.error)
    adopted = lab.sync(Order(adopt_org=True))
    assert (adopted.error, lab.rows()) == (None, lab.truth(at(10.05)))
    old.close()


def test_a_field_missing_in_salesforce_is_told_before_anything_is_sent(make_lab):
    lab = make_lab(now=at(10.3))
    fill(lab, 20)
    lab.salesforce.hide_field("Conversation__c", "Direction__c")
    result = lab.sync()
    assert (result.exit_code, lab.rows()) == (3, {})
    assert "Direction__c" in str(result.error)


def test_an_unavailable_source_delivers_what_it_gave_and_goes_on_later(make_lab):
    lab = make_lab(now=at(10.3), rules=(Rule("status", {"code": 503}, path=DETAILS, page=3, times=5),))
    fill(lab, 450)
    result = lab.sync()
    assert (result.exit_code, len(lab.rows()), result.complete_to) == (4, 200, DAY)
    before = pages(lab)
    assert lab.sync().exit_code == 0
    assert lab.rows() == lab.truth(at(10.05))
    # The last stored page again, three more, and the empty one that ends the list.
    assert pages(lab) - before == 5


def test_a_resync_tries_the_gaps_its_period_touches(make_lab):
    lab = make_lab(now=at(48.3), rules=(Rule("empty_page", path=DETAILS, page=2, times=4),))
    fill(lab, 300, first=25)
    lab.sync()
    assert len(lab.table("v_gaps")) == 1
    result = lab.sync(resync(24, 30))
    assert (result.exit_code, lab.rows(), lab.table("v_gaps"), lab.table("owed")) == (0, lab.truth(at(48)), [], [])


def test_a_contact_centre_and_an_hour_of_changes_stand_in_the_org_as_in_the_source(make_lab):
    """Transfers, threads that stay open, late and corrected conversations: all within the lookback."""
    centre = ContactCentre(seed=7, start=DAY, days=1, conversations=800)
    lab = make_lab(now=at(20.3))
    for one in centre.whole_conversations():
        lab.world.add(one)
    lab.sync()
    assert lab.rows() == lab.truth(at(20.05))
    continue_world(lab.world, centre, lab.clock.now())
    lab.clock.advance(3600)
    lab.sync()
    recent = {name for name, row in lab.truth(at(21.05)).items() if row["Started__c"] >= "2026-03-02T14:03:00Z"}
    rows, truth = lab.rows(), lab.truth(at(21.05))
    assert {name: rows[name] for name in recent} == {name: truth[name] for name in recent}
    assert rows.keys() == truth.keys()
