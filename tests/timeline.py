"""Threads on a simulated clock: one runs at a time, and time passes only when all of them sleep."""

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime


class Timeline:
    """Runs workers that sleep and wake in the order of their times, those of one time in the order they lay down.

    start: aware datetime. `now` and `sleep` are the seams of the code under test. clock_error: seconds by which the
    clock of the machine is wrong; it may be changed while workers run.
    """

    def __init__(self, start: datetime) -> None:
        self._at = start.timestamp()
        self._turn = 0
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._resting = threading.Event()
        self._running = 0
        self.clock_error = 0.0

    def at(self) -> float:
        """The true time, in seconds since the epoch."""
        return self._at

    def seconds(self) -> float:
        """What the clock of the machine says."""
        return self._at + self.clock_error

    def now(self) -> datetime:
        """What the clock of the machine says."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def sleep(self, seconds: float) -> None:
        """Let this worker wait; the others go on meanwhile."""
        woken = threading.Event()
        self._turn += 1
        heapq.heappush(self._sleeping, (self._at + max(0.0, seconds), self._turn, woken))
        self._resting.set()
        woken.wait()

    def run(self, *workers: Callable[[], None]) -> None:
        """Run all to their ends; raises the first fault of one."""
        faults: list[BaseException] = []

        def live(work: Callable[[], None]) -> None:
            try:
                self.sleep(0)
                work()
            except BaseException as fault:
                faults.append(fault)
            finally:
                self._running -= 1
                self._resting.set()

        self._running = len(workers)
        for work in workers:
            self._resting.clear()
            threading.Thread(target=live, args=(work,), daemon=True).start()
            self._resting.wait()
        while self._running and not faults:
            self._at, _, woken = heapq.heappop(self._sleeping)
            self._resting.clear()
            woken.set()
            self._resting.wait()
        if faults:
            raise faults[0]
