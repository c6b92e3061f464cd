"""How a difference came about, and by which field a span of records is found."""

from datetime import timedelta

import pytest
from lab import at

from connector.mapping import load_mapping, window_of
from connector.salesforce.describe import Description, Field
from connector.spans import Span
from connector.state.findings import Expected
from connector.state.hashes import Said
from connector.state.standings import Standing
from connector.verdicts import Read, is_read_again, kind_of, time_field, to_read

SAID = Said(b"now")
ROW = Expected("k", "2026-03-02T00:00:00Z", SAID, {})


@pytest.mark.parametrize(
    ("standing", "is_missing", "forgotten", "again", "kind"),
    [
        (Standing(True, True, SAID, False), True, False, False, "waiting"),
        (Standing(False, True, SAID, False), False, False, False, "rejected"),
        (Standing(False, False, SAID, False), True, False, True, "missing"),
        (Standing(False, False, SAID, False), False, False, True, "different"),
        (Standing(False, False, Said(b"before"), False), True, False, True, "missing"),
        (Standing(False, False, Said(b"before"), False), False, False, True, "changed"),
        (Standing(False, False, Said(b"before"), False), False, False, False, "late"),
        (Standing(False, False, Said(b"before"), True), False, False, True, "different"),
        (Standing(False, False, None, False), True, False, True, "changed"),
        (Standing(False, False, None, False), True, False, False, "late"),
        (Standing(False, False, None, False), True, True, False, "missing"),
        (Standing(False, False, None, False), False, False, True, "different"),
    ],
)
def test_only_what_salesforce_accepted_and_does_not_hold_is_missing_or_different(
    standing: Standing, is_missing: bool, forgotten: bool, again: bool, kind: str
) -> None:
    found = kind_of(standing, ROW, is_missing=is_missing, is_forgotten=forgotten, is_read_again=again)
    assert found == kind


def test_only_time_that_was_settled_is_compared() -> None:
    asked, covered = Span(at(0), at(10)), [Span(at(-5), at(2)), Span(at(3), at(4)), Span(at(9), at(20))]
    assert to_read(asked, covered) == Read(
        covered=(Span(at(0), at(2)), Span(at(3), at(4)), Span(at(9), at(10))),
        unsynced=(Span(at(2), at(3)), Span(at(4), at(9))),
    )


MAPPING = """
source: {query: conversations.details}
window: {start: 2026-03-02, lookback: PT6H, settle: PT15M, recheck: [P1D]}
targets:
  - target: {object: Conversation__c, external_id: Conversation_Id__c}
    fields:
      Conversation_Id__c: {key: [conversationId]}
      Started__c: %s
  - target: {object: Conversation_Leg__c, external_id: Leg_Key__c}
    each: participants.sessions
    fields:
      Leg_Key__c: {key: [record.conversationId, parent.participantId, sessionId]}
      %s
"""
BY_PARENT = "Conversation__r.Conversation_Id__c: record.conversationId"


def described(name: str, kind: str = "datetime") -> Description:
    fields = (
        Field("Started__c", kind),
        Field("Conversation__c", "reference", parents=("Conversation__c",), relationship="Conversation__r"),
    )
    return Description(name, True, True, {one.name: one for one in fields})


@pytest.mark.parametrize(
    ("started", "of_leg", "kind", "found"),
    [
        ("conversationStart", BY_PARENT, "datetime", ("Started__c", "Conversation__r.Started__c")),
        ("conversationStart", "Started__c: record.conversationStart", "datetime", ("Started__c", "Started__c")),
        ("conversationStart", "Purpose__c: parent.purpose", "datetime", ("Started__c", None)),
        ("conversationEnd", BY_PARENT, "datetime", (None, None)),
        ("{from: conversationStart, date: UTC}", BY_PARENT, "datetime", (None, None)),
        ("conversationStart", BY_PARENT, "string", (None, None)),
    ],
)
def test_a_span_is_found_by_the_field_that_holds_the_records_time(
    tmp_path, started: str, of_leg: str, kind: str, found: tuple[str | None, str | None]
) -> None:
    path = tmp_path / "conversations.yml"
    path.write_text(MAPPING % (started, of_leg))
    mapping = load_mapping(path)
    objects = {target.object: described(target.object, kind) for target in mapping.targets}
    fields = tuple(time_field(mapping, target, objects) for target in mapping.targets)
    assert fields == found


def test_a_change_within_the_last_age_of_recheck_is_still_to_be_read(tmp_path) -> None:
    path = tmp_path / "conversations.yml"
    path.write_text(MAPPING % ("conversationStart", BY_PARENT))
    window = window_of(load_mapping(path))
    now, day = at(100), timedelta(days=1)
    assert [
        is_read_again(window, now - day + timedelta(hours=1), [], now),
        is_read_again(window, now - day - timedelta(hours=1), [], now),
        is_read_again(window, now - day - timedelta(hours=1), [Span(at(0), now)], now),
    ] == [True, False, True]
