"""Names kept in the state: whole answers, their age, and a list that counts only once all of it is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from state.desk import Desk

from connector.state.database import Database
from connector.state.lookups import LookupCache

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=90)
SUPPORT = {"name": "Support — Zürich", "division": None}


@pytest.fixture
def cache(desk: Desk) -> LookupCache:
    return LookupCache(desk.db, "org-1")


def test_an_answer_is_kept_with_its_time_also_that_there_is_none(cache):
    cache.keep("queues", {"q1": SUPPORT, "gone": None}, NOON)
    assert cache.known("queues", "q1") == (SUPPORT, NOON)
    assert cache.known("queues", "gone") == (None, NOON)
    assert (cache.known("queues", "q2"), cache.known("users", "q1")) == (None, None)


def test_the_latest_answer_holds(cache):
    cache.keep("queues", {"q1": SUPPORT, "q2": None}, NOON)
    later = NOON + timedelta(hours=1)
    cache.keep("queues", {"q1": None, "q2": SUPPORT}, later)
    assert (cache.known("queues", "q1"), cache.known("queues", "q2")) == ((None, later), (SUPPORT, later))


def test_old_answers_are_told_newest_first_and_no_more_than_asked_for(cache):
    for hour, one in enumerate(["a", "b", "c", "d"]):
        cache.keep("queues", {one: SUPPORT}, NOON + timedelta(hours=hour))
    cache.keep("users", {"u": SUPPORT}, NOON)
    assert cache.answered_before("queues", NOON + timedelta(hours=3), 2) == ["c", "b"]


def test_killed_between_the_pages_of_a_list_it_does_not_count_as_read(desk, tmp_path):
    cache = LookupCache(desk.db, "org-1")
    cache.keep("queues", {"q1": SUPPORT}, NOON)
    after = Database(desk.db.path)
    try:
        assert LookupCache(after, "org-1").listed("queues") is None
        cache.keep_listed("queues", NOON, LONG_AGO)
        assert LookupCache(after, "org-1").listed("queues") == NOON
    finally:
        after.close()


def test_a_page_of_a_list_is_kept_whole_or_not_at_all(tmp_path):
    class Killed(BaseException):
        pass

    db = Database(tmp_path / "state.db")
    cache = LookupCache(db, "org-1")
    with pytest.raises(Killed), db.transaction():
        cache.keep("queues", {"q1": SUPPORT, "q2": SUPPORT}, NOON)
        raise Killed
    assert (cache.known("queues", "q1"), cache.known("queues", "q2")) == (None, None)
    db.close()


def test_organisations_never_see_each_others_names(desk):
    one, other = LookupCache(desk.db, "org-1"), LookupCache(desk.db, "org-2")
    one.keep("queues", {"q1": SUPPORT}, NOON)
    one.keep_listed("queues", NOON, LONG_AGO)
    assert (other.known("queues", "q1"), other.listed("queues")) == (None, None)
    assert other.answered_before("queues", NOON + timedelta(days=1), 10) == []


def test_names_nobody_asked_for_in_a_long_time_are_forgotten_with_the_next_list(desk):
    one, other = LookupCache(desk.db, "org-1"), LookupCache(desk.db, "org-2")
    one.keep("queues", {"old": SUPPORT}, LONG_AGO - timedelta(seconds=1))
    other.keep("users", {"old": SUPPORT}, LONG_AGO - timedelta(seconds=1))
    one.keep("queues", {"kept": SUPPORT}, LONG_AGO)
    one.keep_listed("queues", NOON, LONG_AGO)
    assert [row["id"] for row in desk.table("lookups")] == ["kept"]
