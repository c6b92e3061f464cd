"""Copies, without a value, of answers that are not what the catalogue says, for the person who must find out why."""

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from connector.bodies import Body
from connector.config import Config
from connector.errors import StateError
from connector.genesys.redaction import body_shape, header_shape, name_shape, path_shape

log = logging.getLogger(__name__)

MOST_FILES = 20

_MOMENT = "%Y%m%dT%H%M%SZ"
_OURS = re.compile(r"\d{8}T\d{6}Z-\w+\.json")


class KeptAnswers:
    """A folder of such copies, the latest MOST_FILES of them; readable by its owner only."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now

    def keep(
        self,
        problem: str,
        request: tuple[str, str, Iterable[str]],
        status: int,
        headers: Mapping[str, str],
        body: Body,
    ) -> Path | None:
        """Write one; returns its file, None where that is not possible, which is logged and changes nothing else.

        problem: what is wrong, without a value; request: method, path, names of the parameters; body: as it came.
        """
        method, path, parameters = request
        try:
            shape = body_shape(body.read, body.size)
            content = {
                "kept": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "problem": problem,
                "request": {
                    "method": method,
                    "path": path_shape(path),
                    "parameters": [name_shape(name) for name in parameters],
                },
                "answer": {"status": status, "headers": header_shape(headers), "bytes": body.size},
                "body": shape,
            }
            return self._written(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        except (OSError, StateError) as fault:
            reason = fault.message if isinstance(fault, StateError) else os.strerror(fault.errno or 0)
            log.warning("%s: the shape of an answer cannot be kept: %s", self._folder, reason)
            return None

    def _written(self, content: bytes) -> Path:
        """A file is there whole or not at all; what a kill left half-written goes with a later one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = self._now()
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=f".{now:{_MOMENT}}-", suffix=".json")
        part = Path(name)
        path = part.with_name(part.name.removeprefix("."))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        left = [one for one in self._folder.glob(".*.json") if one.name < f".{now - timedelta(hours=1):{_MOMENT}}"]
        for old in [*left, *kept_files(self._folder)[:-MOST_FILES]]:
            old.unlink(missing_ok=True)
        return path


def answers_folder(config: Config) -> Path:
    """Where an installation keeps them."""
    return config.answers or config.home / "answers"


def kept_files(folder: Path) -> list[Path]:
    """The answers kept in a folder, oldest first; none where there is no such folder."""
    try:
        return sorted(one for one in folder.iterdir() if _OURS.fullmatch(one.name))
    except OSError:
        return []
