"""The call budget of this machine: all processes that use one Genesys login share it through one small file.

The file holds one number, the time at which the budget is whole again (the "theoretical arrival time" of the generic
cell rate algorithm): every call moves it on by one interval, and a call may be made while it is not further ahead than
a burst. So no minute, wherever it begins, holds more calls than allowed, whichever processes make them.

Source of the limit: Genesys platform guide, "client.credentials.token.rate.per.minute", 300 calls per token.
"""

import hashlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

BURST_SHARE = 0.02
"""Of a minute's calls; so much may be made at once after a rest."""

LONGEST_HOLD = 300.0
"""Seconds. A time further ahead in the file than this was written by a clock that has been set back since."""

_LOCK_SECONDS = 10.0
_SMALLEST = 1e-6
"""Seconds; today's time as a float cannot tell smaller differences apart."""

_MINUTE = 60.01
"""Seconds; a hair more, so that no rounding puts one call too many into a minute."""


class Pace:
    """Lets calls through at the pace all processes of this machine share.

    file: holds the state, made when missing (0600, with a lock file beside it). per_minute: calls in any minute, above
    0. now: seconds since the epoch, the same clock for all processes. sleep: waits so many seconds.
    When the folder cannot be written, this process keeps its own pace and says so once. May be shared by threads.
    """

    def __init__(
        self,
        file: Path,
        per_minute: float,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        log: logging.Logger | None = None,
    ) -> None:
        burst = max(1, math.floor(per_minute * BURST_SHARE))
        # A burst and the steady calls after it may fall into the same minute.
        self._interval = _MINUTE / (per_minute - burst + 1)
        self._burst_seconds = (burst - 1) * self._interval
        self._file = file
        self._now = now
        self._sleep = sleep
        self._log = log or logging.getLogger("connector.pace")
        self._threads = threading.Lock()
        self._lock: FileLock | None = FileLock(f"{file}.lock", timeout=_LOCK_SECONDS, mode=0o600, thread_local=False)
        self._whole_at: float | None = None

    def wait(self) -> None:
        """Return when a call may be made; the call counts from then on."""
        while (seconds := self._try()) > 0:
            self._sleep(seconds)

    def hold(self, seconds: float) -> None:
        """Let nobody make a call for so many seconds (at most LONGEST_HOLD), after the service said "too many"."""
        with self._state():
            now = self._now()
            until = now + min(max(seconds, 0.0), LONGEST_HOLD) + self._burst_seconds
            self._whole_at = max(self._plausible(now), until)

    def _try(self) -> float:
        """0 when a call may be made now, which then counts; else the seconds until asking again makes sense."""
        with self._state():
            now = self._now()
            whole_at = max(self._plausible(now), now)
            seconds = whole_at - now - self._burst_seconds
            if seconds > _SMALLEST:
                return seconds
            self._whole_at = whole_at + self._interval
            return 0.0

    def _plausible(self, now: float) -> float:
        """The time in the file; without one, or with one no pace can have written, a start without a burst."""
        start = now + self._burst_seconds
        if self._whole_at is None or not math.isfinite(self._whole_at):
            return start
        latest = start + self._interval + LONGEST_HOLD
        return self._whole_at if self._whole_at <= latest else start

    @contextmanager
    def _state(self) -> Iterator[None]:
        """Have `_whole_at` to ourselves: read from the file before, written to it after."""
        with self._threads:
            lock = self._lock
            if lock is None:
                yield
                return
            try:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock.acquire()
            except (OSError, NotImplementedError, Timeout) as fault:
                self._go_alone(fault)
                yield
                return
            try:
                self._read()
                yield
                self._write()
            finally:
                lock.release()

    def _read(self) -> None:
        try:
            self._whole_at = _number(self._file.read_bytes())
        except FileNotFoundError:
            self._whole_at = None
        except OSError as fault:
            self._go_alone(fault)

    def _write(self) -> None:
        try:
            # Not by renaming: what a crash cuts is not a number, and a start without a burst is harmless.
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as file:
                file.write(repr(self._whole_at).encode())
        except OSError as fault:
            self._go_alone(fault)

    def _go_alone(self, fault: Exception) -> None:
        """Keep the pace in this process from now on."""
        if self._lock is None:
            return
        self._lock = None
        text = "%s cannot be used (%s): other processes with the same Genesys login are not counted in the call rate"
        self._log.warning(text, self._file, type(fault).__name__)


def pace_file(region: str, client_id: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the processes of this user share the pace of one login: a file in the cache folder.

    The folder is XDG_CACHE_HOME where that is an absolute path, else ~/.cache; the name tells neither value.
    """
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    folder = named if named.is_absolute() else Path.home() / ".cache"
    digest = hashlib.sha256(f"{region.lower()}\n{client_id}".encode()).hexdigest()
    return folder / "connector" / f"pace-{digest[:32]}"


def _number(text: bytes) -> float | None:
    try:
        return float(text[:40])
    except ValueError:
        return None
