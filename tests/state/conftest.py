"""Fixtures of the state's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from state.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "state.db")
    yield made
    made.db.close()
