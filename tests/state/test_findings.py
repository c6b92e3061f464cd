"""A comparison kept in slices gives every row once, however many there are; a repair cut short leaves whole slices."""

from collections import Counter

import pytest
from lab import Killed
from state.desk import OBJECT, STREAM, Desk, at, call, span

from connector.state.findings import Finding, Findings
from connector.state.standings import known_rows, send_again, standing

MANY = 1_203
NAMES = [f"k{number:05}" for number in range(MANY)]


@pytest.fixture
def findings(desk: Desk) -> Findings:
    """Many rows are expected."""
    one = desk.begin()
    desk.page(one, *(call(name, "v") for name in NAMES))
    return Findings(desk.db, STREAM)


def test_rows_beyond_one_slice_are_expected_and_met_each_once(findings: Findings) -> None:
    assert (findings.count(), sorted(findings.expected(OBJECT, [*NAMES, "other"]))) == (MANY, NAMES)
    even, odd = NAMES[::2], NAMES[1::2]
    findings.meet(OBJECT, even)
    findings.meet("Other__c", odd)
    assert findings.met(OBJECT, NAMES) == set(even)
    assert [row.key for some in findings.not_met(OBJECT) for row in some] == odd


def test_findings_beyond_one_slice_are_counted_and_given_each_once(findings: Findings) -> None:
    findings.note(Finding(OBJECT, name, "2026-03-02T01:00:00Z", "different", ("A__c", "B__c")) for name in NAMES)
    findings.note([Finding(OBJECT, NAMES[0], "2026-03-02T09:00:00Z", "missing")])
    findings.take_back(OBJECT, NAMES[-3:])
    assert findings.counts() == Counter({"different": MANY - 4, "missing": 1})
    assert findings.fields("different") == Counter({f"{OBJECT}.A__c": MANY - 4, f"{OBJECT}.B__c": MANY - 4})
    assert findings.equal() == 3
    assert [one.key for some in findings.found(OBJECT, ["missing", "different"]) for one in some] == NAMES[:-3]
    hours = [span(hour, hour + 1) for hour in (0, 1, 5, 9)]
    assert findings.concerned(["missing", "different"], hours) == [span(1, 2), span(9, 10)]


def test_records_nobody_expects_keep_the_first_word_on_whether_that_is_sure(findings: Findings) -> None:
    findings.did_not_expect(OBJECT, NAMES, is_sure=True)
    findings.did_not_expect(OBJECT, [*NAMES, "more"], is_sure=False)
    findings.did_expect(OBJECT, NAMES[:3])
    given = {key: sure for some in findings.unexpected(OBJECT) for key, sure in some.items()}
    assert given == {**dict.fromkeys(NAMES[3:], True), "more": False}


def test_a_repair_killed_between_slices_owes_the_time_and_leaves_the_other_rows_as_they_are(desk: Desk) -> None:
    one = desk.read(*(call(name, "v") for name in NAMES))
    while desk.waiting():
        batch = desk.batch()
        desk.answer(batch, **{key: "created" for key, _ in desk.in_batch(batch)})
    desk.close()
    assert desk.state(one) == "settled"
    assert [key for some in known_rows(desk.db, STREAM, OBJECT, span(0, 24)) for key in some] == NAMES

    def die() -> None:
        raise Killed

    at_one = "2026-03-02T01:00:00Z"
    desk.after_commit = die
    with pytest.raises(Killed):
        send_again(desk.db, STREAM, ((OBJECT, at_one, name) for name in NAMES), [span(1, 2)], "verify --repair")
    desk.after_commit = lambda: None
    in_doubt = sum(standing(desk.db, STREAM, OBJECT, at_one, name).in_doubt for name in NAMES)
    assert (in_doubt, desk.store.passes.known(STREAM).owed) == (1_000, [(span(1, 2), False)])
    send_again(desk.db, STREAM, ((OBJECT, at_one, name) for name in NAMES), [span(1, 2)], "verify --repair")
    assert set(desk.known().values()) == {True}
    desk.now = at(40)
    desk.read(*(call(name, "v") for name in NAMES), kind="resync")
    assert len(desk.waiting()) == MANY
