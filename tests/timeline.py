"""Threads on a simulated clock: one runs at a time, and time passes only when all of them sleep."""

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any


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
        self._threads: list[threading.Thread] = []
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
        woken = self._lie_down(seconds)
        self._resting.set()
        woken.wait()

    def submit(self, work: Callable[[], Any]) -> "Future[Any]":
        """Begin work of its own beside the workers; whoever asks for its result sleeps until it is there."""
        future = _Awaited(self)

        def live() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(work())
            except BaseException as fault:
                future.set_exception(fault)

        self._begin(live)
        return future

    def run(self, *workers: Callable[[], None]) -> None:
        """Run all to their ends, with what they submitted; raises the first fault of one."""
        faults: list[BaseException] = []
        running = [len(workers)]

        def live(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as fault:
                faults.append(fault)
            finally:
                running[0] -= 1

        for work in workers:
            self._begin(partial(live, work))
        while (running[0] or self._sleeping) and not faults:
            self._at, _, woken = heapq.heappop(self._sleeping)
            self._resting.clear()
            woken.set()
            self._resting.wait()
        if faults:
            raise faults[0]
        for thread in self._threads:
            thread.join()

    def _lie_down(self, seconds: float) -> threading.Event:
        woken = threading.Event()
        self._turn += 1
        heapq.heappush(self._sleeping, (self._at + max(0.0, seconds), self._turn, woken))
        return woken

    def _begin(self, work: Callable[[], None]) -> None:
        woken = self._lie_down(0)

        def live() -> None:
            woken.wait()
            try:
                work()
            finally:
                self._resting.set()

        self._threads.append(threading.Thread(target=live, daemon=True))
        self._threads[-1].start()


class _Awaited(Future[Any]):
    """A future of a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline

    def result(self, timeout: float | None = None) -> Any:
        while not self.done():
            self._timeline.sleep(0.01)
        return super().result(timeout)
