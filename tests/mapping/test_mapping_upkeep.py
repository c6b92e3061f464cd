"""The durations at the top of a mapping."""

import pytest
from mapping_texts import CALLS, QUEUES, SUMMARY, with_fields

from connector.spans import Period


def test_open_records_are_followed_ninety_days_and_hashes_kept_four_hundred(read):
    mapping = read(with_fields(CALLS))
    assert (mapping.open_give_up, mapping.keep_hashes, mapping.freshness) == (Period(days=90), Period(days=400), None)


def test_they_are_read_as_written(read):
    mapping = read("open_give_up: P30D\nkeep_hashes: P2M\nfreshness: PT2H\n" + with_fields(CALLS))
    assert (mapping.open_give_up, mapping.keep_hashes, mapping.freshness) == (
        Period(days=30),
        Period(months=2),
        Period(seconds=7200),
    )


def test_what_is_no_duration_is_told_with_its_place(problems):
    text = "open_give_up: 90\nkeep_hashes: forever\nfreshness: P9999999999Y\n" + with_fields(CALLS)
    assert problems(text) == [
        "1:15: open_give_up: must be a duration such as P1D, PT6H or PT30M",
        "2:14: keep_hashes: 'forever' is not a duration such as P1D, PT6H or PT30M",
        "3:12: freshness: 'P9999999999Y' is longer than a hundred years",
    ]


@pytest.mark.parametrize(
    ("mapping", "window", "kept", "problem"),
    [
        (QUEUES, "", "P31D", None),
        (QUEUES, "", "P30D", "P30D is too short: at least 31 days (P31D)"),
        (QUEUES, ", recheck: [P4D, P60D]", "P62D", None),
        (QUEUES, ", recheck: [P4D, P60D]", "P61D", "P61D is too short: window.recheck P60D reads back further: it must "
         "be at least window.recheck, window.size and window.settle together"),
        (QUEUES, ", lookback: P40D", "P40D", "P40D is too short: window.lookback P40D reads back further: it must be "
         "at least window.lookback, window.size and window.settle together"),
        (CALLS, "", "P90D", None),
        (CALLS, "", "P89D", "P89D is too short: open records are read again for P90D (open_give_up): it must be at "
         "least that"),
    ],
)  # fmt: skip
def test_hashes_are_kept_as_long_as_runs_read_rows_again(read, problems, mapping, window, kept, problem):
    text = with_fields(mapping).replace("start: 2026-01-01", f"start: 2026-01-01{window}", 1)
    assert window in text
    written = f"keep_hashes: {kept}\n{text}"
    if problem is None:
        assert str(read(written).keep_hashes) == kept
    else:
        assert problems(written) == [f"1:14: keep_hashes: {problem}"]


@pytest.mark.parametrize(
    ("mapping", "freshness", "problem"),
    [
        (CALLS, "PT17M", None),
        (CALLS, "PT16M", "PT16M can never be reached: the stream is always up to PT15M (window.settle) and an interval "
         "of PT1M behind"),
        (QUEUES, "PT1H", "PT1H can never be reached: the stream is always up to PT15M (window.settle) and an interval "
         "of PT1H behind"),
        (SUMMARY, "PT12H", "PT12H can never be reached: the stream is always up to PT15M (window.settle) and an "
         "interval of P1D behind"),
    ],
)  # fmt: skip
def test_a_freshness_no_run_can_reach_is_refused(read, problems, mapping, freshness, problem):
    written = f"freshness: {freshness}\n{with_fields(mapping)}"
    if problem is None:
        assert str(read(written).freshness) == freshness
    else:
        assert problems(written) == [f"1:12: freshness: {problem}"]


def test_aggregates_by_job_are_never_fresher_than_jobs_are_believed(read, problems):
    by_job = with_fields(QUEUES).replace("granularity", "via: job, granularity", 1)
    assert str(read(f"freshness: PT50H\n{by_job}").freshness) == "PT50H"
    assert problems(f"freshness: PT49H\n{by_job}") == [
        "1:12: freshness: PT49H can never be reached: the stream is always up to 48 hours (by job) and an interval of "
        "PT1H behind"
    ]
