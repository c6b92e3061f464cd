"""How a run is watched: a moving line on a terminal, a plain line now and then elsewhere, nothing when quiet."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Display
from rich.table import Column

from connector.cli.session import Session
from connector.cli.show import moment
from connector.orders import Progress

PLAIN_SECONDS = 30.0
"""Between two plain lines of one stream."""

Tell = Callable[[Progress], None]


@contextmanager
def watched(session: Session) -> Iterator[Tell]:
    """What a run is to tell its progress to; may be called from several threads."""
    if session.quiet or session.logs_json:
        yield lambda progress: None
    elif session.err.is_terminal:
        with moving(session.err) as tell:
            yield tell
    elif session.as_json:
        yield lambda progress: None
    else:
        yield plain(session.err)


@contextmanager
def moving(console: Console) -> Iterator[Tell]:
    """A line for each stream that runs, gone at the end."""
    with Display(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12, table_column=Column(min_width=12)),
        TimeElapsedColumn(table_column=Column(min_width=7)),
        TextColumn("{task.fields[story]}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
        transient=True,
    ) as display:
        yield _Moving(display)


def plain(console: Console, clock: Callable[[], float] = time.monotonic) -> Tell:
    """A line when a stream is first read and then at most every PLAIN_SECONDS. clock: seconds."""
    return _Plain(console, clock)


class _Moving:
    """One line for each stream, the bar counting its passes."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._lock = threading.Lock()
        self._lines: dict[str, TaskID] = {}
        self._most: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        name = progress.stream
        with self._lock:
            if progress.doing == "done":
                if name in self._lines:
                    self._display.remove_task(self._lines.pop(name))
                return
            is_new = name not in self._lines
            if is_new:
                self._lines[name] = self._display.add_task(name, total=None, story="")
            most = self._most[name] = max(self._most.get(name, 0), progress.passes_left)
            done = most - progress.passes_left
            self._display.update(
                self._lines[name], total=most or None, completed=done, story=_story(progress), refresh=is_new
            )


class _Plain:
    """See `plain`."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if progress.doing == "done":
                self._told.pop(progress.stream, None)
                return
            now = self._clock()
            if progress.doing == "settling" and progress.stream not in self._told:
                return  # mostly there is nothing to settle
            if now - self._told.get(progress.stream, -PLAIN_SECONDS) < PLAIN_SECONDS:
                return
            self._told[progress.stream] = now
        self._console.print(f"{progress.stream}: {_story(progress)}", highlight=False, markup=False, soft_wrap=True)


def _story(progress: Progress) -> str:
    """Such as: pulling 2026-03-02 00:00, 3 passes left, 1,200 records, 800 rows sent."""
    parts = [progress.doing + (f" {moment(progress.span.start)}" if progress.span else "")]
    if progress.passes_left:
        parts.append(f"{progress.passes_left:,} {'pass' if progress.passes_left == 1 else 'passes'} left")
    if progress.records:
        parts.append(f"{progress.records:,} records")
    if progress.rows:
        parts.append(f"{progress.rows:,} rows sent")
    return ", ".join(parts)
