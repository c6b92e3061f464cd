"""Fixtures of the command line's tests."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cli_lab import EVENING, Cli
from lab import Lab


@pytest.fixture
def make_cli(make_lab: Callable[..., Lab], capsys: pytest.CaptureFixture[str]) -> Callable[..., Cli]:
    """A command line over a lab whose present is given."""

    def make(now: datetime = EVENING, **options: Any) -> Cli:
        return Cli(make_lab(now=now, **options), capsys)

    return make
