"""What the next run is likely to send, held against what the org has left."""

from dataclasses import replace

import pytest

from connector.arrivals import Arrivals, shortages, together
from connector.salesforce.allowance import Allowance, Allowances

EXPECTED = Arrivals(rows=60_000, records=51_200, calls=20, batches=6, storage_mb=100.0)
LEFT = Allowances(Allowance(100, 60), Allowance(10, 9), Allowance(5_120, 100))


def test_what_fits_is_no_shortage():
    assert shortages(EXPECTED, LEFT, 0.2) == []
    assert shortages(EXPECTED, Allowances(None, None, None), 0.2) == []


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (
            {"storage_mb": Allowance(5_120, 99)},
            "the next run is expected to make 51,200 records, about 100 MB (2 KB a record, an estimate), and 99 MB are "
            "free: make room, see Setup > Storage Usage",
        ),
        (
            {"batches": Allowance(10, 7)},
            "the next run is expected to take 6 batches, and 5 are free for it (20% are kept for others): what does "
            "not go waits for a later run",
        ),
        (
            {"calls": Allowance(100, 39)},
            "the next run is expected to take 20 calls, and 19 are free for it (20% are kept for others): what does "
            "not go waits for a later run",
        ),
    ],
)
def test_what_does_not_fit_is_told(left, told):
    assert shortages(EXPECTED, replace(LEFT, **left), 0.2) == [told]


def test_streams_are_added_up():
    assert together([EXPECTED, EXPECTED]) == Arrivals(120_000, 102_400, 40, 12, 200.0)
    assert together([]) == Arrivals(0, 0, 0, 0, 0)
