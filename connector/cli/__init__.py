"""The command line: every command in `app`, what each does in a module of its own, loaded when it is called."""

from connector.cli.app import main

__all__ = ["main"]
