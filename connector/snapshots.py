"""Snapshots: passes over queries that answer what is now. One can be taken while its interval lasts, and never after.

So a pass that was begun and is not whole is begun again in the same interval, or given up: what it stored is delivered,
and the interval counts as missed. A pass whose last part was stored is whole, whenever that is found out.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from connector.genesys.judge import ASK_AGAIN_SECONDS, Page, Seen
from connector.spans import Span, stamp
from connector.state.one_pass import Pass
from connector.state.passes import Passes
from connector.windows import Window, plan

log = logging.getLogger(__name__)

LATE = "its interval was over before the snapshot was whole"


class Snapshots:
    """Those of one run of one stream."""

    def __init__(self, window: Window, passes: Passes, run: int, now: Callable[[], datetime]) -> None:
        self._window = window
        self._passes = passes
        self._run = run
        self._now = now

    def present(self) -> Span:
        """The interval that lasts."""
        return self._window.present(self._now())

    def begin(self, stream: str, prints: tuple[str, str]) -> Pass | None:
        """Begin the snapshot of the present interval: time has gone on since the run planned. None when it is there."""
        now = self._now()
        planned = plan(self._window, self._passes.known(stream), now)
        return self._passes.begin(stream, planned[0], prints, self._run, now) if planned else None

    def again(self, one: Pass) -> Pass | None:
        """The pass at page 1, so that all of it is of one moment; None when that has passed, and the pass is given
        up."""
        now = self._now()
        if now in one.span:
            return self._passes.restart(one, now)
        self._miss(one)
        return None

    def is_late(self, one: Pass, page: Page) -> bool:
        """Whether a page is true of another interval than the one it was asked for; the pass is then given up."""
        if page.taken is None or page.taken in one.span:
            return False
        self._miss(one)
        return True

    def missed_in_words(self, stream: str) -> list[str]:
        """Which snapshots were missed since the last one."""
        covered = self._passes.known(stream).covered
        present = self.present()
        last = self._window.mark(covered)
        if not covered or last >= present.start:
            return []
        many = len(self._window.grain.cut(Span(last, present.start)))
        what = "snapshot was" if many == 1 else "snapshots were"
        return [f"{many:,} {what} missed, from {stamp(last)} to {stamp(present.start)}: no run took them"]

    def doubts(self, one: Pass, page: Page, seen: Seen) -> list[str]:
        """What speaks against an answer that is taken all the same. seen: before it."""
        doubt = ""
        if page.truncated:
            doubt = f"the service calls {', '.join(page.truncated)} truncated"
        elif not page.records and seen.asked_again == len(ASK_AGAIN_SECONDS):
            doubt = "the service tells nothing of any queue: may the OAuth client see their divisions?"
        if not doubt:
            return []
        log.warning("%s %s: %s", one.stream, one.span, doubt)
        return [f"{one.span}: {doubt}"]

    def _miss(self, one: Pass) -> None:
        log.warning("%s %s: %s", one.stream, one.span, LATE)
        self._passes.fail(one, LATE, self._run, self._now())


def is_whole(one: Pass) -> bool:
    """Whether the last part of a snapshot was stored."""
    stored = one.checkpoint
    return stored is not None and stored.page == (stored.seen.witnesses.page_count or 1)
