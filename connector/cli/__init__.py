"""The command line: every command in `commands`, what each does in a module of its own, loaded when it is called."""

from connector.cli.main import main

__all__ = ["main"]
