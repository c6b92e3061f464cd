"""The call budget: used nearly whole, never passed, by all processes of the machine together."""

import itertools
import logging
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import pytest

from connector.pace import LONGEST_HOLD, Call, Pace, Told, pace_file

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
    assert made[0] - now < 0.21
    assert 290 <= len(made) <= 300


@pytest.mark.parametrize(
    "garbage", [b"", b"what", b"nan", b"inf", b"-inf", b"1e400", b"\xff\x00", b"9" * 10_000, b"{}", b"[]"]
)
def test_garbage_in_the_file_stops_nobody_and_gives_no_burst(tmp_path: Path, garbage: bytes) -> None:
    clock = Clock()
    (tmp_path / "pace").write_bytes(garbage)
    made = calls(clock, pace_at(clock, tmp_path / "pace"), 60)
    assert made.count(START) == 1
    assert 290 <= len(made) <= 300


def killed_at_line(number: int, work: Callable[[], object]) -> bool:
    """Whether a process was killed while it worked, at the so-manieth line of pace.py it came to."""
    lines = itertools.count(1)

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_code.co_filename.endswith("connector/pace.py"):
            return None
        if event == "line" and next(lines) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    child = os.fork()
    if not child:
        try:
            sys.settrace(trace)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("work", ["wait", "hold", "heed"])
def test_a_kill_at_any_line_leaves_a_whole_file_and_gives_nobody_a_call_more(tmp_path: Path, work: str) -> None:
    clock = Clock()
    file = tmp_path / "pace"
    survivor = pace_at(clock, file)
    made = calls(clock, survivor, 1)
    clock.now += 0.3
    doing: dict[str, Callable[[Pace], object]] = {
        "wait": Pace.wait,
        "hold": lambda pace: pace.hold(0.01),
        "heed": lambda pace: pace.heed(Call(1, clock.now), Told(1, 300, 50)),
    }
    kills = 0
    for line in itertools.count(1):
        before = orjson.loads(file.read_bytes())
        was_killed = killed_at_line(line, lambda: doing[work](pace_at(clock, file)))
        after = orjson.loads(file.read_bytes())
        assert before["made"] <= after["made"] <= before["made"] + 1
        assert before["whole_at"] <= after["whole_at"]
        made += [clock.now] * (after["made"] - before["made"])
        made += calls(clock, survivor, 0.5)
        clock.now += 0.3
        if not was_killed:
            break
        kills += 1
    assert kills > 20
    assert most_in_a_minute(made) <= 300


@pytest.mark.parametrize("seconds", [2, 100, 86_400])
def test_a_clock_set_back_gives_nobody_a_call_more(tmp_path: Path, seconds: float) -> None:
    """As if no time had passed since the last call."""
    clock = Clock()
    pace, other = (pace_at(clock, tmp_path / "pace") for _ in range(2))
    calls(clock, pace, 60)
    interval = 60.01 / 295
    clock.now -= seconds
    now = clock.now
    other.wait()
    pace.wait()
    assert clock.now - now == pytest.approx(2 * interval, abs=interval)


def test_the_window_of_the_service_is_followed_by_all_and_forgotten_at_its_end(tmp_path: Path) -> None:
    """Ten calls are left for twenty seconds."""
    clock = Clock()
    one, other = (pace_at(clock, tmp_path / "pace") for _ in range(2))
    one.heed(one.wait(), Told(289, 300, 20))
    made = calls(clock, other, 80)
    assert sum(1 for moment in made if moment - START < 20) == 11
    assert sum(1 for moment in made if 20 <= moment - START < 80) >= 290


def test_an_answer_from_a_window_that_is_over_changes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    call = pace.wait()
    clock.now += 3
    pace.heed(call, Told(299, 300, 2))
    assert len(calls(clock, pace, 60)) >= 290


@pytest.mark.parametrize("told", [Told(0, 0, 0), Told(10**9, 10**9, 10**9), Told(5, 0, 10**9), Told(10**9, 1, 1)])
def test_nonsense_of_the_service_holds_nobody_for_long(tmp_path: Path, told: Told) -> None:
    clock = Clock()
    pace = pace_at(clock, tmp_path / "pace")
    pace.heed(pace.wait(), told)
    pace.wait()
    assert clock.now - START <= LONGEST_HOLD + 61


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


def file_cannot_be_read(folder: Path) -> Path:
    (folder / "pace").symlink_to(folder / "pace")
    return folder / "pace"


def disk_is_full(folder: Path) -> Path:
    (folder / "pace").symlink_to("/dev/full")
    return folder / "pace"


@pytest.mark.parametrize("place", [folder_is_a_file, file_is_a_folder, file_cannot_be_read, disk_is_full])
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
