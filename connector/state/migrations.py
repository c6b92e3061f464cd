"""The tables of the state file, in numbered steps that are never changed once released: `steps/*.sql`, in their order.

All instants are text `YYYY-MM-DDThh:mm:ssZ`, so that they sort and read as they are. Customer values stand only in
`outbox.payload` and `rejects.payload`, names of agents in `lookups`.
"""

from importlib.resources import files

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS = Migrations("connector")


def _add(name: str, statements: str) -> None:
    """A step of several statements, each of which ends its last line with a semicolon."""

    @MIGRATIONS(name=name)
    def step(db: sqlite_utils.Database) -> None:
        for statement in statements.removesuffix(";\n").split(";\n"):
            db.execute(statement)


for _file in sorted(files("connector.state").joinpath("steps").iterdir(), key=lambda one: one.name):
    _add(_file.name.removesuffix(".sql"), _file.read_text(encoding="utf-8"))
