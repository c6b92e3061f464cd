"""The command line over both simulators, in this process."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from lab import Lab, at

from connector.assemble import Seams
from connector.cli import main, sandbox
from connector.cli.session import Surroundings

SETTINGS = {**sandbox.SETTINGS, "GENESYS_REQUESTS_PER_MINUTE": "3000"}


EVENING = at(20)


class Said(NamedTuple):
    """What a command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


@dataclass
class Cli:
    """Calls of the command over one lab. environment and seams may be changed between calls."""

    lab: Lab
    capsys: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    changed_seams: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.lab.folder

    @property
    def seams(self) -> Seams:
        return replace(self.lab.seams, **self.changed_seams)

    def __call__(self, *arguments: str, home: Path | None = None) -> Said:
        self.capsys.readouterr()
        given = [*arguments, "--home", str(home or self.home)] if arguments else []
        code = main(given, Surroundings(self.environment, self.seams))
        return Said(code, *self.capsys.readouterr())
