"""How a run is watched, with and without a terminal."""

import io
from datetime import timedelta

import pytest
from lab import at
from rich.console import Console

from connector.cli.progress import PLAIN_SECONDS, moving, plain
from connector.cli.session import worst
from connector.cli.show import add, ago, table
from connector.orders import Progress
from connector.spans import Span

DAY = Span(at(0), at(24))


def test_plain_lines_come_when_a_stream_begins_and_then_now_and_then() -> None:
    file, times = io.StringIO(), iter([0.0, 1.0, PLAIN_SECONDS, PLAIN_SECONDS + 1, PLAIN_SECONDS + 2])
    tell = plain(Console(file=file, width=200), lambda: next(times))
    tell(Progress("calls", "settling"))
    tell(Progress("calls", "pulling", DAY, passes_left=3))
    tell(Progress("calls", "pulling", DAY, passes_left=2, records=1200))
    tell(Progress("calls", "delivering", DAY, passes_left=1, records=2400, rows=800))
    tell(Progress("calls", "done"))
    tell(Progress("chats", "pulling", DAY, passes_left=1, records=5))
    assert file.getvalue().splitlines() == [
        "calls: pulling 2026-03-02 00:00, 3 passes left",
        "calls: delivering 2026-03-02 00:00, 1 pass left, 2,400 records, 800 rows sent",
        "chats: pulling 2026-03-02 00:00, 1 pass left, 5 records",
    ]


def test_terminal_shows_the_stream_that_runs_and_clears_it_when_done() -> None:
    file = io.StringIO()
    with moving(Console(file=file, width=100, force_terminal=True)) as tell:
        tell(Progress("calls", "pulling", DAY, passes_left=3, records=1200))
        tell(Progress("calls", "done"))
    assert "pulling 2026-03-02 00:00, 3 passes left, 1,200 records" in file.getvalue()


def test_brackets_in_a_table_are_shown_as_they_are() -> None:
    file = io.StringIO()
    made = table("path", title="[1]")
    add(made, "participants[purpose=agent].sessions")
    Console(file=file, width=100).print(made)
    assert [line.strip() for line in file.getvalue().splitlines() if "[" in line] == [
        "[1]",
        "participants[purpose=agent].sessions",
    ]


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0, 0], 0), ([0, 1], 1), ([1, 5], 5), ([5, 4], 4), ([4, 3], 3), ([3, 143], 143), ([130, 0], 130)],
)
def test_of_several_exit_codes_the_gravest_counts(codes: list[int], code: int) -> None:
    assert worst(codes) == code


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(seconds=100), "2 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=30), "30 h"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_lengths_of_time_are_told_in_the_unit_people_use(length: timedelta, text: str) -> None:
    assert ago(length.total_seconds()) == text
