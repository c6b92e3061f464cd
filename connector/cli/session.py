"""One call of a command: its home, its common options, where it prints, and what it says when something is wrong.

Light on purpose: whatever takes long to import is loaded by the command that needs it.
"""

import errno
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.markup import escape

from connector.cli.logs import log_lines
from connector.errors import ConfigError, ConnectorError, ServiceUnavailable, StateError

if TYPE_CHECKING:
    from connector.assemble import Seams, StopSign
    from connector.config import Config
    from connector.orders import Progress

log = logging.getLogger(__name__)

WIDTH_OF_FILES = 200
"""Columns where no terminal tells: tables in log files are not folded."""

BUG = 1
INTERRUPTED = 130

# No command that works without a service needs a login; with these in place the other settings can be read.
_NO_LOGINS = {
    "GENESYS_REGION": "mypurecloud.com",
    "GENESYS_CLIENT_ID": "-",
    "GENESYS_CLIENT_SECRET": "-",
    "GENESYS_CLIENT_SECRET_FILE": "",
    "SALESFORCE_DOMAIN": "none.my",
    "SALESFORCE_CLIENT_ID": "-",
    "SALESFORCE_CLIENT_SECRET": "-",
    "SALESFORCE_CLIENT_SECRET_FILE": "",
}


_UNWRITABLE = "the folder must be there and writable by this user; or name another home with --home"
_DISK_MENDS = {
    errno.ENOSPC: "the disk is full: free some space and run again; nothing is lost",
    errno.EDQUOT: "this user's share of the disk is full: free some space and run again; nothing is lost",
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR), _UNWRITABLE),
}


@dataclass(frozen=True)
class Surroundings:
    """What a command takes from outside. environment: variables by name; seams: None for the real clock and network."""

    environment: Mapping[str, str]
    seams: "Seams | None" = None


@dataclass
class Session:
    """What every command is given.

    home: absolute folder, perhaps not there; out, err: the two consoles; logs_json: whether log lines, and with them
    what goes wrong, are JSON.
    """

    surroundings: Surroundings
    home: Path
    as_json: bool = False
    quiet: bool = False
    debug: bool = False
    logs_json: bool = field(init=False)

    def __post_init__(self) -> None:
        self.logs_json = self.surroundings.environment.get("CONNECTOR_LOG", "").lower() == "json"

    @cached_property
    def out(self) -> Console:
        return _console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        return _console(sys.stderr)

    # Settings and seams

    def config(self) -> "Config":
        """All settings of the home. Raises ConfigError with every problem."""
        return self._loaded(self.surroundings.environment)

    def local_config(self) -> "Config":
        """The settings for commands that talk to no service: logins may be missing. Raises ConfigError."""
        try:
            return self.config()
        except ConfigError as error:
            try:
                return self._loaded({**self.surroundings.environment, **_NO_LOGINS})
            except ConfigError:
                raise error from None

    def salesforce_config(self) -> "Config":
        """The settings for commands that talk to Salesforce alone: the Genesys login may be missing.

        Raises ConfigError.
        """
        try:
            return self.config()
        except ConfigError:
            stand_ins = {name: value for name, value in _NO_LOGINS.items() if name.startswith("GENESYS_")}
            return self._loaded({**self.surroundings.environment, **stand_ins})

    def _loaded(self, environment: Mapping[str, str]) -> "Config":
        from connector.config import load_config

        config = load_config(self.home, environment)
        self.logs_json = config.log == "json"
        return config

    def seams(self, stop: "StopSign", tell: "Callable[[Progress], None]") -> "Seams":
        """The seams of a run that `stop` ends and `tell` hears of."""
        from connector.assemble import Seams

        given = self.surroundings.seams
        if given is None:
            return Seams(sleep=stop.sleep, tell=tell)

        def sleep(seconds: float) -> None:
            stop.sleep(0)
            given.sleep(seconds)

        def tell_both(progress: "Progress") -> None:
            given.tell(progress)
            tell(progress)

        return replace(given, sleep=sleep, tell=tell_both)

    def now(self) -> datetime:
        """The present by this machine's clock, UTC."""
        seams = self.surroundings.seams
        return seams.now() if seams else datetime.now(UTC)

    # Printing

    def announce(self, config: "Config", *, will_write: bool) -> None:
        """Say which home this is, and, also when quiet, that a state file is made now: is it the right home?"""
        if not self.as_json and not self.quiet:
            self.err.print(f"home {config.home}", style="dim", highlight=False, markup=False, soft_wrap=True)
        if not self.quiet:
            for warning in config.warnings:
                log.warning("%s", warning)
        if will_write and not config.state.exists():
            self.note(f"new state file {config.state}")

    def note(self, text: str) -> None:
        """A line for people, beside the result; also when quiet."""
        self.err.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, document: object, *shown: RenderableType) -> None:
        """The result: one JSON document with --json, else what is shown to people, unless quiet."""
        if self.as_json:
            from connector.report import as_data

            print(json.dumps(as_data(document), indent=2, ensure_ascii=False))
        elif not self.quiet:
            for one in shown:
                self.out.print(one, highlight=False, markup=False)

    def warn(self, line: str) -> None:
        """Something new that needs a person; also when quiet."""
        if self.logs_json:
            log.warning("%s", line)
        else:
            self.err.print(f"! {line}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def complain(self, error: ConnectorError) -> None:
        """What happened, then the mend: as a log line where those are JSON, else for people."""
        if self.debug and error.__traceback__:
            traceback.print_exception(error)
        if self.logs_json:
            log.error("%s", error.message, extra={"hint": error.hint})
            return
        sign = sign_of(self.err, good=False)
        first, *more = error.message.splitlines() or [""]
        self.err.print(f"{sign} {escape(first)}", highlight=False, soft_wrap=True)
        for line in more:
            self.err.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
        if error.hint:
            self.err.print(f"  -> {error.hint}", highlight=False, markup=False, soft_wrap=True)

    # Running

    def run(self, command: Callable[[], int]) -> int:
        """Run a command to its exit code; whatever goes wrong is told in plain words."""
        with log_lines(self.err, lambda: self.logs_json, debug=self.debug):
            try:
                return command()
            except ConnectorError as error:
                return self._failed(error)
            except KeyboardInterrupt:
                self.note("stopped")
                return INTERRUPTED
            except Exception as fault:
                return self._failed(self.told(fault))

    def told(self, fault: Exception) -> ConnectorError:
        """The error to tell for an exception that is none of the connector's own."""
        if self.debug:
            traceback.print_exception(fault)
        if isinstance(fault, OSError) and fault.errno in _DISK_MENDS:
            where = f"{fault.filename}: " if fault.filename else ""
            return StateError(f"{where}{fault.strerror}", _DISK_MENDS[fault.errno])
        return _bug(fault)

    def _failed(self, error: ConnectorError) -> int:
        self.complain(error)
        if self.as_json:
            self.show({"error": error, "exit_code": error.exit_code})
        return error.exit_code


class UsageProblem(ConnectorError):
    """The options given make no sense together."""

    exit_code = 2


class Bug(ConnectorError):
    """An exception nobody foresaw."""

    exit_code = BUG


def _bug(fault: Exception) -> Bug:
    """Tells the kind of the fault and the place, never its text, which may hold a customer value."""
    place = ""
    for frame in traceback.extract_tb(fault.__traceback__):
        if "connector" in Path(frame.filename).parts:
            place = f" ({Path(frame.filename).name}, line {frame.lineno})"
    return Bug(
        f"this is a bug in connector: {type(fault).__name__}{place}",
        "run the same command with --debug to see the traceback, and report it; what was done so far is safe",
    )


def worst(codes: Iterable[int]) -> int:
    """The exit code of several streams: stopped by a signal, then 3, 4, 5, then anything but 0, then 0."""
    found = list(codes)
    signals = [code for code in found if code > 128]
    return next((code for code in [*signals[:1], 3, 4, 5] if code in found), int(any(found)))


def failure_code(errors: Iterable[ConnectorError]) -> int:
    """Of failures met side by side: 3 when a person must mend one of them, 4 when services are only unavailable."""
    return worst([4 if isinstance(one, ServiceUnavailable) else 3 for one in errors])


def sign_of(console: Console, *, good: bool) -> str:
    """✓ or ✗ in colour, or words where the signs cannot be written."""
    if not console.encoding.lower().startswith("utf"):
        return "ok" if good else "FAILED"
    return "[green]✓[/]" if good else "[bold red]✗[/]"


def _console(file: object) -> Console:
    is_terminal = bool(getattr(file, "isatty", lambda: False)())
    return Console(file=file, width=None if is_terminal else WIDTH_OF_FILES)  # type: ignore[arg-type]
