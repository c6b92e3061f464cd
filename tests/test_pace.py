"""The call budget: used nearly whole, never passed, by all processes of the machine together."""

import itertools
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.pace import LONGEST_HOLD, Pace, pace_file

START = 1_772_366_400.0


class Clock:
    """Seconds since the epoch; only sleeping moves it."""

    def __init__(self) -> None:
        self.now = START

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace_at(clock: Clock, file: Path, per_minute: float = 300) -> Pace:
    return Pace(file, per_minute, now=lambda: clock.now, sleep=clock.sleep)


def in_turns(paces: list[Pace], clock: Clock, seconds: float) -> list[float]:
    """When calls are made by several processes in turns, each as soon as the pace lets it."""
    made, end = [], clock.now + seconds
    for pace in itertools.cycle(paces):
        pace.wait()
        if clock.now >= end:
            return made
        made.append(clock.now)
    raise AssertionError("a cycle has no end")


def calls(clock: Clock, pace: Pace, seconds: float) -> list[float]:
    """When calls are made by one process that calls as often as the pace lets it."""
    return in_turns([pace], clock, seconds)


def most_in_a_minute(made: list[float]) -> int:
    """The largest number of calls in any minute, half-open, wherever it begins."""
    return max(sum(1 for moment in made if first <= moment < first + 60) for first in made)


@pytest.mark.parametrize("per_minute", [1, 2, 49, 60, 300])
def test_two_processes_use_the_budget_and_never_more_in_any_minute(tmp_path: Path, per_minute: int) -> None:
    clock = Clock()
    paces = [pace_at(clock, tmp_path / "pace", per_minute) for _ in range(2)]
    made = in_turns(paces, clock, 240)
    assert most_in_a_minute(made) <= per_minute
    assert len(made) >= 0.98 * 4 * per_minute


def test_a_rest_is_paid_back_with_at_most_two_percent_of_a_minute_at_once(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    pace.wait()
    clock.now += 600
    made = calls(clock, pace, 120)
    assert made.count(START + 600) == 6
    assert most_in_a_minute(made) <= 300


def test_a_new_process_starts_without_a_burst(tmp_path: Path) -> None:
    """Whoever deletes the file, or starts many short runs without one, gains nothing."""
    clock = Clock()
    made = calls(clock, pace_at(clock, tmp_path / "pace"), 60)
    assert made.count(START) == 1


def test_everybody_waits_while_one_holds(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (pace_at(clock, tmp_path / "pace") for _ in range(2))
    one.hold(12)
    other.wait()
    assert clock.now - START == pytest.approx(12)
    assert most_in_a_minute(calls(clock, one, 120)) <= 300


def test_a_shorter_hold_does_not_end_a_longer_one(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    pace.hold(30)
    pace.hold(2)
    pace.hold(-5)
    pace.wait()
    assert clock.now - START == pytest.approx(30)


def test_nobody_is_held_for_hours(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    pace.hold(86_400)
    pace.wait()
    assert clock.now - START == pytest.approx(LONGEST_HOLD)


def test_a_clock_set_back_by_a_day_stops_nobody(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    calls(clock, pace, 60)
    clock.now -= 86_400
    now = clock.now
    made = calls(clock, pace, 60)
    assert made[0] == now
    assert 290 <= len(made) <= 300


@pytest.mark.parametrize("garbage", [b"", b"what", b"nan", b"inf", b"-inf", b"1e400", b"\xff\x00", b"9" * 10_000])
def test_garbage_in_the_file_stops_nobody_and_gives_no_burst(tmp_path: Path, garbage: bytes) -> None:
    clock = Clock()
    (tmp_path / "pace").write_bytes(garbage)
    made = calls(clock, pace_at(clock, tmp_path / "pace"), 60)
    assert made.count(START) == 1
    assert 290 <= len(made) <= 300


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "pace"
    pace_at(Clock(), file).wait()
    assert [stat.filemode(one.stat().st_mode) for one in file.parent.glob("pace*")] == ["-rw-------"] * 2
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def folder_is_a_file(folder: Path) -> Path:
    (folder / "taken").write_text("")
    return folder / "taken" / "pace"


def file_is_a_folder(folder: Path) -> Path:
    (folder / "pace").mkdir()
    return folder / "pace"


@pytest.mark.parametrize("place", [folder_is_a_file, file_is_a_folder])
def test_without_a_place_for_the_file_this_process_keeps_its_own_pace_and_says_so_once(
    tmp_path: Path, place: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    file = place(tmp_path)
    made = calls(clock, pace_at(clock, file), 120)
    assert most_in_a_minute(made) <= 300
    assert len(made) >= 0.98 * 600
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert str(file) in record.getMessage()


def test_each_login_has_its_own_file_which_tells_nothing(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    files = [
        pace_file("mypurecloud.ie", "client-1", environment),
        pace_file("mypurecloud.de", "client-1", environment),
        pace_file("mypurecloud.ie", "client-2", environment),
    ]
    assert len(set(files)) == 3
    assert pace_file("MyPureCloud.ie", "client-1", environment) == files[0]
    assert files[0].parent == tmp_path / "connector"
    assert "client" not in files[0].name


@pytest.mark.parametrize("named", [{}, {"XDG_CACHE_HOME": "relative"}, {"XDG_CACHE_HOME": ""}])
def test_without_a_cache_folder_of_its_own_it_is_the_users(named: dict[str, str]) -> None:
    assert pace_file("a", "b", named).parent == Path.home() / ".cache" / "connector"
