"""How the steps of pulling and delivering alternate: in two threads, or in turns in one.

A step returns the seconds after which it makes sense to take the next, or None when there is nothing (more) to do.
A fault of the pull ends pulling; what was pulled is still delivered, then the fault is raised.
"""

import threading
from collections.abc import Callable
from typing import Protocol

PullStep = Callable[[], float | None]
DeliverStep = Callable[[bool], float | None]
"""Called with whether more rows may come."""

IDLE_SECONDS = 0.5
"""How long delivery waits for a page at most before it looks again."""


class Schedule(Protocol):
    """Takes steps until the pull is done and nothing is left that can be delivered."""

    def __call__(self, pull: PullStep, deliver: DeliverStep) -> None: ...


def in_threads(sleep: Callable[[float], None]) -> Schedule:
    """Pull in a thread of its own, deliver in this one.

    sleep: waits, also for zero seconds, and raises when the run is to stop; called before every further step.
    """

    def run(pull: PullStep, deliver: DeliverStep) -> None:
        pulling = _PullThread(pull, sleep)
        pulling.start()
        try:
            while True:
                more_comes = pulling.is_alive()
                wait = deliver(more_comes)
                sleep(wait or 0)
                if wait is None and not more_comes:
                    break
                if wait is None:
                    pulling.wait_for_page()
        except BaseException:
            pulling.give_up()
            raise
        finally:
            pulling.join()
        if pulling.fault is not None:
            raise pulling.fault

    return run


class _PullThread(threading.Thread):
    """Pulls until done, told to give up, or a fault, which is kept."""

    def __init__(self, pull: PullStep, sleep: Callable[[float], None]) -> None:
        super().__init__(name="pull", daemon=True)
        self._pull = pull
        self._sleep = sleep
        self._page = threading.Event()
        self._given_up = False
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._given_up and (wait := self._pull()) is not None:
                self._page.set()
                self._sleep(wait)
        except BaseException as fault:
            self.fault = fault
        finally:
            self._page.set()

    def wait_for_page(self) -> None:
        self._page.wait(IDLE_SECONDS)
        self._page.clear()

    def give_up(self) -> None:
        self._given_up = True


def in_turns(pulls_next: Callable[[], bool], sleep: Callable[[float], None]) -> Schedule:
    """One step at a time in this thread; `pulls_next` says, while both are possible, which it is."""

    def run(pull: PullStep, deliver: DeliverStep) -> None:
        fault: Exception | None = None
        more_comes = True
        while True:
            if more_comes and pulls_next():
                try:
                    wait = pull()
                except Exception as problem:
                    fault, wait = problem, None
                more_comes = wait is not None
            else:
                wait = deliver(more_comes)
                if wait is None and not more_comes:
                    break
            if wait:
                sleep(wait)
        if fault is not None:
            raise fault

    return run
