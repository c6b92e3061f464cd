"""Clocks of the sandbox: the machine's own, or one that moves only when it is told to."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What a simulated service asks of time."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The machine's clock; `sleep` really waits."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        time.sleep(seconds)


class SimulatedClock:
    """A clock that stands still until it is moved; safe to share between threads.

    start: aware datetime. tick: seconds added at each `now()`, so that a service on a loopback port gets on
    while another process does the waiting. Hand `now` and `sleep` to the code under test.
    """

    def __init__(self, start: datetime, tick: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._now = _utc(start)
        self._tick = timedelta(seconds=tick)

    def now(self) -> datetime:
        """The present, aware, UTC; then one tick passes."""
        with self._lock:
            present = self._now
            self._now = present + self._tick
            return present

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once; raises ValueError for less than nothing."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; raises ValueError for less than nothing."""
        if seconds < 0:
            raise ValueError(f"time cannot pass backwards ({seconds} s); use set()")
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Put the clock to `instant` (aware), forwards or backwards."""
        with self._lock:
            self._now = _utc(instant)


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} names no time zone; give an aware datetime")
    return instant.astimezone(UTC)
