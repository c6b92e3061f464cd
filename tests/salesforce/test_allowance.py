"""What the org has left, as it tells it."""

import pytest

from connector.errors import MalformedAnswer, QuotaSpent
from connector.salesforce.allowance import (
    Allowance,
    Allowances,
    allowance_in_words,
    batches_for,
    fetch_allowances,
)


def test_calls_batches_and_storage_are_told(world):
    made = world(daily_calls=15_000, storage_mb=5_120)
    left = fetch_allowances(made.org())
    assert left == Allowances(Allowance(15_000, 14_999), Allowance(15_000, 15_000), Allowance(5_120, 5_120))
    assert (
        allowance_in_words(left) == "14,999 of 15,000 calls left today, 15,000 batches, storage 5,120 of 5,120 MB free"
    )


def test_a_user_who_may_not_see_them_is_no_trouble(world):
    made = world()
    made.sim.forbid_limits()
    assert fetch_allowances(made.org()) is None


def test_what_is_not_told_is_not_known(scripted):
    org, _ = scripted((200, {"DailyApiRequests": {"Max": 5}, "DataStorageMB": {"Max": 5, "Remaining": 2}}), (200, []))
    left = fetch_allowances(org)
    assert left == Allowances(None, None, Allowance(5, 2))
    assert allowance_in_words(left) == "calls not told, batches not told, storage 2 of 5 MB free"
    with pytest.raises(MalformedAnswer):
        fetch_allowances(org)


@pytest.mark.parametrize(("most", "left", "free"), [(100, 100, 80), (100, 20, 0), (100, 10, 0), (1, 1, 0)])
def test_a_share_is_left_to_others(most, left, free):
    assert Allowance(most, left).free(0.2) == free


def test_a_batch_holds_ten_thousand_rows():
    assert [batches_for(rows) for rows in (0, 1, 10_000, 10_001)] == [0, 1, 1, 2]


def test_many_calls_are_not_begun_when_only_some_are_left(world):
    org = world(daily_calls=100).org()
    for _ in range(75):
        org.call("GET", "limits")
    org.keep_reserve(5)
    with pytest.raises(QuotaSpent, match="used 75 of its 100 calls") as spent:
        org.keep_reserve(6)
    assert spent.value.come_back_seconds == 3600
