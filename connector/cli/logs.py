"""Log lines on stderr: plain ones for people, or one JSON object a line (CONNECTOR_LOG=json)."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console


class _Lines(logging.Handler):
    """Prints through the console, so that a progress display is not torn."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        super().__init__()
        self._console = console
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        line = _json_line(record) if self._as_json else f"{record.levelname.lower()}: {record.getMessage()}"
        self._console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def log_lines(console: Console, *, as_json: bool, debug: bool) -> Iterator[None]:
    """Print what the package logs: warnings; with JSON also what goes on; with debug everything."""
    logger = logging.getLogger("connector")
    handler, before = _Lines(console, as_json=as_json), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO if as_json else logging.WARNING)
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
    if hint := getattr(record, "hint", ""):
        line["hint"] = hint
    return json.dumps(line, ensure_ascii=False)
