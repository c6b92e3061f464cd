"""How a run is stopped: by SIGINT or SIGTERM at its next step, by a second one at once, or by the time given."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.assemble import StopSign

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable(stop: "StopSign", say: Callable[[str], None], max_minutes: float | None = None) -> Iterator[None]:
    """Inside, signals and the end of `max_minutes` reach `stop`; say is told of the first signal.

    Signals can only be caught in the main thread; in another one only the time counts.
    """
    came: list[int] = []

    def stop_soon(number: int, frame: FrameType | None) -> None:
        if came:
            # At once, with threads still busy: the state file bears it at any moment.
            os._exit(128 + number)
        came.append(number)
        stop.stop(number)
        say("stopping at the next safe point; once more ends at once")

    timer = threading.Timer(max_minutes * 60, stop.stop, [0]) if max_minutes else None
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop_soon) for number in _SIGNALS} if is_main else {}
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
