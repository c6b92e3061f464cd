"""Whole runs: a stream that lags too far is told once; what Salesforce confirmed long ago is forgotten."""

from collections.abc import Callable

from lab import Lab, at, conversation

from connector.orders import Order, Result
from connector.report import as_data, status, trouble
from connector.sandbox.faults import Rule
from connector.spans import Span

MakeLab = Callable[..., Lab]
DOWN = Rule("status", {"code": 503}, path="/details/query", times=9999)


def fresh_lab(make_lab: MakeLab) -> Lab:
    lab = make_lab(now=at(10.3))
    lab.change_mapping("about:", "freshness: PT2H\nabout:")
    lab.world.add(conversation("c1", at(9)))
    return lab


def run_after(lab: Lab, hours: float) -> Result:
    lab.clock.advance(hours * 3600)
    return lab.sync()


def is_stale(lab: Lab) -> bool:
    with lab.opened() as ready:
        (found,) = status(ready.store, [lab.stream], lab.clock.now())
    assert as_data(found)["is_stale"] is found.is_stale
    return found.is_stale


def test_a_stream_that_keeps_up_is_fresh(make_lab: MakeLab) -> None:
    lab = fresh_lab(make_lab)
    result = lab.sync()
    assert (result.exit_code, result.new, trouble(result)) == (0, {"rejects": 0, "gaps": 0, "stale": 0}, ())
    assert not is_stale(lab)
    lab.clock.advance(3 * 3600)
    assert is_stale(lab)


def hold_back(lab: Lab) -> Result:
    """A run that reads a span as a gap, which stays one until the faults are changed."""
    lab.faults.change(Rule("empty_page", path="/details/query", page=1))
    lab.world.add(conversation(f"c at {lab.clock.now()}", lab.clock.now()))
    result = run_after(lab, 1.5)
    (gap,) = lab.table("v_gaps")
    interval = "/".join(gap[name].replace("Z", ".000Z") for name in ("start", "end"))
    lab.faults.change(Rule("empty_page", path="/details/query", page=1, body={"interval": interval}))
    return result


def test_a_stream_that_falls_behind_is_told_once_until_it_has_been_fresh_again(make_lab: MakeLab) -> None:
    lab = fresh_lab(make_lab)
    lab.sync()
    assert hold_back(lab).new == {"rejects": 0, "gaps": 1, "stale": 0}
    first, second = run_after(lab, 1), run_after(lab, 1)
    assert (first.exit_code, first.new) == (1, {"rejects": 0, "gaps": 0, "stale": 1})
    assert trouble(first) == (
        "conversations: further behind than its freshness allows, complete to 2026-03-02T10:03:00Z: "
        "connector runs conversations",
    )
    assert (second.exit_code, second.new, is_stale(lab)) == (0, {"rejects": 0, "gaps": 0, "stale": 0}, True)
    lab.faults.change()
    assert (run_after(lab, 1).exit_code, is_stale(lab)) == (0, False)
    assert hold_back(lab).new == {"rejects": 0, "gaps": 1, "stale": 0}
    assert run_after(lab, 1).new == {"rejects": 0, "gaps": 0, "stale": 1}


def test_a_service_that_is_down_is_the_exit_code_and_stale_is_told_beside_it(make_lab: MakeLab) -> None:
    lab = fresh_lab(make_lab)
    lab.sync()
    lab.faults.change(DOWN)
    results = [run_after(lab, 3), run_after(lab, 1)]
    assert [(one.exit_code, one.new["stale"]) for one in results] == [(4, 1), (4, 0)]


def test_a_dry_run_says_nothing_of_freshness(make_lab: MakeLab) -> None:
    lab = fresh_lab(make_lab)
    result = lab.sync(Order("sync --dry-run", rehearse=True))
    assert (result.exit_code, result.new["stale"]) == (0, 0)


def test_what_was_confirmed_long_ago_is_forgotten_and_a_resync_sends_it_again(make_lab: MakeLab) -> None:
    lab = make_lab(now=at(10.3))
    lab.change_mapping("about:", "keep_hashes: P31D\nopen_give_up: P31D\nabout:")
    lab.world.add(conversation("old", at(1)))
    lab.world.add(conversation("new", at(9)))
    lab.sync()
    run_after(lab, 31 * 24 - 5)
    assert [one["external_id"] for one in lab.table("row_hashes")] == ["new"]
    assert (lab.salesforce.writes("Conversation__c"), lab.rows()) == ({"old": 1, "new": 1}, lab.truth(at(24)))
    result = lab.sync(Order("resync", resync=lambda horizon: Span(at(0), at(24))))
    assert (result.books.updated, result.books.unchanged) == (1, 1)
