"""From arguments to an exit code."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from connector.cli.app import app
from connector.cli.commands import beginning, daily, making
from connector.cli.session import Session, Surroundings
from connector.errors import ConnectorError

COMMANDS = (beginning, daily, making)
"""Importing them registered their commands, in the order of the help."""

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The base of all usage errors; typer does not export it."""


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Run the command line and return its exit code. surroundings: None for the real ones."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    surroundings = surroundings or Surroundings(os.environ)
    try:
        code = app(args=given, prog_name="connector", obj=surroundings, standalone_mode=False)
    except _UsageError as error:
        return _tell_usage(error)
    except typer.Abort:
        return 130
    return int(code or 0)


def _tell_usage(error: Any) -> int:
    if not error.format_message():
        error.show()  # no command was named: the help stands on the screen
        return 2
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "connector"
    told = ConnectorError(error.format_message(), f"see {path} --help")
    Session(Surroundings({}), Path()).complain(told)
    return 2
