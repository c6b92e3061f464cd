"""Fixtures shared by tests of whole runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import Lab


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def make(**options: Any) -> Lab:
        folder = tmp_path / f"lab{len(labs)}"
        folder.mkdir()
        labs.append(Lab(folder, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()
