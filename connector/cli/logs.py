"""Log lines on stderr: plain ones for people, or one JSON object a line (CONNECTOR_LOG=json)."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console


class _Lines(logging.Handler):
    """Prints through the console, so that a progress display is not torn."""

    def __init__(self, console: Console, as_json: Callable[[], bool], *, debug: bool) -> None:
        super().__init__()
        self._console = console
        self._as_json = as_json
        self._debug = debug

    def emit(self, record: logging.LogRecord) -> None:
        if self._as_json():
            self._console.out(_json_line(record), highlight=False)
        elif self._debug or record.levelno >= logging.WARNING:
            line = f"{record.levelname.lower()}: {record.getMessage()}"
            self._console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def log_lines(console: Console, as_json: Callable[[], bool], *, debug: bool) -> Iterator[None]:
    """Print what the package logs: warnings; with JSON also what goes on; with debug everything.

    as_json: asked for each line, for a setting in `.env` is read late.
    """
    logger = logging.getLogger("connector")
    handler, before = _Lines(console, as_json, debug=debug), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _json_line(record: logging.LogRecord) -> str:
    line = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    for name in ("hint", "result"):
        if told := getattr(record, name, None):
            line[name] = told
    return json.dumps(line, ensure_ascii=False)
