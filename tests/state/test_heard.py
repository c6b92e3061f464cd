"""What pages name is remembered by day, in their own transaction; findings are opened, kept and closed once."""

from collections.abc import Collection
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from state.desk import DAY, IDENTITY, PRINTS, STREAM, Desk, at, call

from connector.mapping import Fingerprints
from connector.spans import DAY as A_DAY
from connector.spans import MINUTE, Calendar, stamp
from connector.state.heard import Listening, QuietQueue
from connector.state.lookups import LookupCache
from connector.windows import Window

UTC_ZONE = ZoneInfo("UTC")
WINDOW = Window(DAY, Calendar(A_DAY, UTC_ZONE), Calendar(MINUTE, UTC_ZONE), timedelta(hours=6), timedelta(minutes=15))


def hear(desk: Desk, *named: tuple[str, float], zone: str = "UTC", **facts: str) -> None:
    """A page with a record for each queue and hour."""
    records = [{"queueId": queue, **facts} for queue, _ in named]
    entries = [call(f"{queue}-{hour}", 1, hour) for queue, hour in named]
    noting = Listening(ZoneInfo(zone)).noting(desk.begin(), records, entries)
    with desk.db.transaction() as db:
        noting(db)


def hear_daily(desk: Desk, queues: Collection[str], days: Collection[int], **facts: str) -> None:
    hear(desk, *((queue, day * 24 + 9) for queue in queues for day in days), **facts)


def cover(desk: Desk, until: int) -> None:
    with desk.db.transaction() as db:
        db.execute("DELETE FROM coverage WHERE stream = ?", [STREAM])
        sql = "INSERT INTO coverage (stream, start, end, began, path, mapping_print) VALUES (?, ?, ?, ?, 'query', '')"
        db.execute(sql, [STREAM, stamp(at(0)), stamp(at(until * 24)), stamp(desk.now)])


def judge(desk: Desk, day: int) -> list[tuple[str, str, str | None]]:
    """Findings once everything up to a day is read: scope, division, how it was closed."""
    cover(desk, day)
    desk.now = at(day * 24 + 1)
    desk.store.heard.judge(STREAM, WINDOW, desk.now)
    return [(one["scope"], one["division"], one["closed_by"]) for one in desk.table("silences")]


def remembered(desk: Desk) -> list[tuple[str, str, str, str]]:
    return [(one["id"], one["first_day"], one["last_day"], one["days"]) for one in desk.table("heard")]


def test_a_queue_is_remembered_by_the_days_of_its_records(desk: Desk) -> None:
    hear(desk, ("q1", 50), ("q2", 60))
    hear(desk, ("q1", 1), ("q1", 25))
    assert remembered(desk) == [("q1", "2026-03-02", "2026-03-04", "7"), ("q2", "2026-03-04", "2026-03-04", "1")]


def test_days_are_those_of_the_streams_time_zone(desk: Desk) -> None:
    hear(desk, ("q1", 23.5), zone="Europe/Berlin")
    hear(desk, ("q2", 3), zone="America/New_York")
    assert [one[2] for one in remembered(desk)] == ["2026-03-03", "2026-03-01"]


def test_a_page_that_is_rolled_back_was_not_heard(desk: Desk) -> None:
    listening = Listening(UTC_ZONE)
    noting = listening.noting(desk.begin(), [{"queueId": "q1"}], [call("a", 1)])
    try:
        with desk.db.transaction() as db:
            noting(db)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert remembered(desk) == []
    with desk.db.transaction() as db:
        noting(db)
    assert [one[0] for one in remembered(desk)] == ["q1"]


def test_what_says_nothing_new_is_not_written(desk: Desk) -> None:
    hear(desk, ("q1", 1))
    changes = "SELECT total_changes()"
    noting = Listening(UTC_ZONE).noting(desk.begin(), [{"queueId": "q1"}], [call("b", 1, 2)])
    for _ in range(2):
        with desk.db.transaction() as db:
            before = db.execute(changes).fetchone()[0]
            noting(db)
            assert db.execute(changes).fetchone()[0] == before


def test_a_finding_is_opened_once_and_ends_when_it_is_old(desk: Desk) -> None:
    hear_daily(desk, ("n1", "n2"), range(20), divisionId="north")
    hear_daily(desk, ("s1",), range(80), divisionId="south")
    _given_on(desk, 20)
    open_one = [("division", "north", None)]
    assert [judge(desk, day) for day in (22, 23, 24, 48)] == [[], open_one, open_one, open_one]
    over = [("division", "north", "silent for so long that it is taken for closed")]
    assert [judge(desk, day) for day in (49, 60)] == [over, over]
    assert desk.table("owed") == []


def test_what_is_given_again_is_owed_from_the_last_day_on_it_was_heard(desk: Desk) -> None:
    hear_daily(desk, ("n1", "n2"), range(20), divisionId="north")
    hear_daily(desk, ("s1",), range(40), divisionId="south")
    _given_on(desk, 20)
    assert judge(desk, 23) == [("division", "north", None)]
    desk.now = at(26 * 24)
    hear(desk, ("n1", 5), divisionId="north")  # of an old day, read now
    assert judge(desk, 26) == [("division", "north", "given again")]
    owed = [(one["start"], one["end"], one["forced"]) for one in desk.table("owed")]
    assert owed == [("2026-03-21T00:00:00Z", "2026-03-28T01:00:00Z", 0)]


def test_divisions_are_named_and_told_by_look_ups(desk: Desk) -> None:
    """Aggregates by queue tell no division."""
    cache = LookupCache(desk.db, IDENTITY.genesys_org)
    cache.keep("queues", {one: {"name": one.upper(), "division": "North"} for one in ("n1", "n2")}, desk.now)
    hear_daily(desk, ("n1", "n2"), range(20))
    hear_daily(desk, ("s1",), range(40))
    _given_on(desk, 20)
    assert judge(desk, 23) == [("division", "North", None)]
    assert desk.store.heard.quiet_queues(STREAM, UTC_ZONE) == []


def test_a_single_queue_is_no_finding_but_a_note(desk: Desk) -> None:
    cache = LookupCache(desk.db, IDENTITY.genesys_org)
    cache.keep("queues", {"q1": {"name": "Press", "division": "Home"}}, desk.now)
    hear_daily(desk, ("q1",), range(20))
    hear_daily(desk, ("q2", "q3", "q4"), range(40))
    assert judge(desk, 23) == []
    (quiet,) = desk.store.heard.quiet_queues(STREAM, UTC_ZONE)
    assert quiet == QuietQueue("q1", "Press", "2026-03-21")
    assert quiet.in_words() == "queue Press gave records until 2026-03-21 and none since; was it closed?"


def test_another_source_begins_anew_other_fields_do_not(desk: Desk) -> None:
    hear_daily(desk, ("n1", "n2"), range(20), divisionId="north")
    hear_daily(desk, ("s1",), range(40), divisionId="south")
    _given_on(desk, 20)
    judge(desk, 23)
    desk.store.adopt(STREAM, Fingerprints("fields-2", PRINTS.source, PRINTS.keys), [], "fields", desk.run, desk.now)
    assert len(desk.store.heard.open(STREAM)) == 1
    desk.store.adopt(STREAM, Fingerprints("fields-2", "source-2", PRINTS.keys), [], "the source", desk.run, desk.now)
    assert (remembered(desk), judge(desk, 24)) == ([], [("division", "north", "the source")])


def test_what_was_not_heard_of_for_long_is_forgotten(desk: Desk) -> None:
    hear(desk, ("q1", 0), ("q2", 24 * 400), ("q3", 24))
    judge(desk, 10)
    assert [one[0] for one in remembered(desk)] == ["q1", "q2", "q3"]
    hear(desk, ("q2", 24 * 401))
    judge(desk, 10)
    assert [one[0] for one in remembered(desk)] == ["q2", "q3"]


def _given_on(desk: Desk, day: int) -> None:
    """As if everything had been read that day."""
    with desk.db.transaction() as db:
        db.execute("UPDATE heard SET given = ?", [str(date.fromordinal(DAY.toordinal() + day))])
