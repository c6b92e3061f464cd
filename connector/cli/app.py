"""Every command with its options. What a command does stands in a module of its own, loaded when it is called."""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main

from connector.cli.session import Session, Surroundings
from connector.errors import ConnectorError

app = typer.Typer(
    help="Keeps Salesforce in step with Genesys Cloud analytics, every row accounted for.",
    epilog="Begin with: connector demo. Then: connector check, connector preview STREAM, connector sync.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The base of all usage errors; typer does not export it."""

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing unless there is new trouble.")]
_Home = Annotated[
    str | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Settings, mappings and state of this installation; else CONNECTOR_HOME, else the current folder.",
    ),
]
_Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and the debug log on stderr.")]

_Stream = Annotated[str, typer.Argument(metavar="STREAM", help="Name of a mapping file, without .yml.")]
_OneStream = Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Only this stream.")]
_Streams = Annotated[list[str] | None, typer.Argument(metavar="[STREAM]...", help="Only these streams.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and compare on a copy of the state; write nothing.")]
_MaxMinutes = Annotated[float | None, typer.Option(min=0, metavar="N", help="Stop cleanly after N minutes.")]
_Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run of the stream instead of giving up.")]


mapping_app = typer.Typer(help="Write mappings: draft one, test it, let an editor check it.", no_args_is_help=True)
app.add_typer(mapping_app, name="mapping")


def command(function: Callable[..., int]) -> Callable[..., int]:
    """Register a function of a Session and its own options as a command, with the options all commands have."""
    return _registered(app, function.__name__, function)


def mapping_command(function: Callable[..., int]) -> Callable[..., int]:
    """The same for a command below `connector mapping`; its name follows `mapping_`."""
    return _registered(mapping_app, function.__name__.removeprefix("mapping_"), function)


def _registered(to: typer.Typer, name: str, function: Callable[..., int]) -> Callable[..., int]:
    signature = inspect.signature(function)
    own = list(signature.parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter("as_json", keyword, default=False, annotation=_Json),
        inspect.Parameter("quiet", keyword, default=False, annotation=_Quiet),
        inspect.Parameter("home", keyword, default=None, annotation=_Home),
        inspect.Parameter("debug", keyword, default=False, annotation=_Debug),
    ]
    context = inspect.Parameter("context", keyword, annotation=typer.Context)

    def called(
        context: typer.Context, as_json: bool, quiet: bool, home: str | None, debug: bool, **options: Any
    ) -> int:
        surroundings: Surroundings = context.obj
        session = Session(surroundings, _home_folder(home, surroundings), as_json=as_json, quiet=quiet, debug=debug)
        return session.run(lambda: function(session, **options))

    parameters = [context, *(one.replace(kind=keyword) for one in own), *common]
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    to.command(name, help=function.__doc__)(called)
    return function


def _home_folder(option: str | None, surroundings: Surroundings) -> Path:
    from connector.config import home_folder

    return home_folder(option, surroundings.environment)


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


@command
def demo(
    session: Session,
    folder: Annotated[str, typer.Option(metavar="DIR", help="Where the demo's home is made.")] = "demo",
    conversations: Annotated[
        int, typer.Option(min=100, metavar="N", help="How many the contact centre has in three days.")
    ] = 3000,
) -> int:
    """Simulate both services: a first sync, an hour of changes, a second sync. Needs no account and no network."""
    from connector.cli.demo import run_demo

    return run_demo(session, Path(folder), conversations)


@command
def check(session: Session, stream: _OneStream = None) -> int:
    """Go through settings, mappings, logins, permissions and fields: what is right, what is not, and the mend."""
    from connector.cli.check import run_check

    return run_check(session, stream)


@command
def preview(
    session: Session,
    stream: _Stream,
    records: Annotated[int, typer.Option(min=1, metavar="N", help="How many records to show.")] = 3,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", metavar="FILE", help="Map a saved answer (JSON) instead; no service is asked."),
    ] = None,
) -> int:
    """Show a page of newest records, or a saved answer, beside the rows they become. Nothing is written."""
    from connector.cli.preview import show_preview, show_sample

    return show_preview(session, stream, records) if sample is None else show_sample(session, stream, sample, records)


@command
def plan(session: Session, stream: _OneStream = None) -> int:
    """Show what the next sync reads: passes, calls, time at the call rate. Nothing is read; no login is needed."""
    from connector.cli.plan import show_plan

    return show_plan(session, stream)


@command
def sync(
    session: Session,
    streams: _Streams = None,
    dry_run: _DryRun = False,
    max_minutes: _MaxMinutes = None,
    wait: _Wait = False,
    adopt_org: Annotated[
        bool, typer.Option("--adopt-org", help="Let the state begin anew with the organisations of the settings.")
    ] = False,
) -> int:
    """Bring Salesforce up to date: read what is new, late or owed, send what changed, account for every row."""
    from connector.cli.sync import run_sync
    from connector.orders import Order

    order = Order(adopt_org=adopt_org, rehearse=dry_run, wait=wait)
    return run_sync(session, streams or [], order, max_minutes)


@command
def resync(
    session: Session,
    stream: _Stream,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First date or instant to read.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Up to this date or instant, itself not included.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="TIME", help="The last hours or days: 36h, 7d, 2w.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Everything from the window's start.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Send unchanged rows too.")] = False,
    dry_run: _DryRun = False,
    wait: _Wait = False,
    accept_new_keys: Annotated[
        bool, typer.Option("--accept-new-keys", help="With --full, after the key, object or grouping was changed.")
    ] = False,
    accept_vanished: Annotated[
        bool,
        typer.Option("--accept-vanished", help="Clear or delete however many rows of the period are given no more."),
    ] = False,
    max_minutes: _MaxMinutes = None,
) -> int:
    """Read a settled period again, rounded outward to whole intervals, and send what differs."""
    from connector.cli.resync import Period, run_resync
    from connector.orders import Order

    period = Period(start, end, last, full=full)
    order = Order(
        forced=force,
        accept_new_keys=accept_new_keys,
        accept_vanished=accept_vanished,
        rehearse=dry_run,
        wait=wait,
    )
    return run_resync(session, stream, period, order, max_minutes)


@command
def status(session: Session, stream: _OneStream = None) -> int:
    """Show how each stream stands: complete to, lag, last run, rows waiting, rejects, gaps. Asks no service."""
    from connector.cli.status import show_status

    return show_status(session, stream)


@command
def runs(
    session: Session,
    stream: _OneStream = None,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="How many, newest first.")] = 20,
) -> int:
    """List the latest runs and what each did."""
    from connector.cli.runs import show_runs

    return show_runs(session, stream, last)


@command
def rejects(
    session: Session,
    stream: _OneStream = None,
    show_keys: Annotated[bool, typer.Option("--show-keys", help="Show external ids of some of the rows.")] = False,
) -> int:
    """List rows that were set aside, grouped by reason, with what to do about each."""
    from connector.cli.rejects import show_rejects

    return show_rejects(session, stream, show_keys=show_keys)


@command
def gaps(session: Session, stream: _OneStream = None) -> int:
    """List spans that Genesys Cloud did not give whole. Every run tries them again."""
    from connector.cli.gaps import show_gaps

    return show_gaps(session, stream)


@command
def schema(
    session: Session,
    stream: _Stream,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the project folder here; else in the home.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that were changed.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Compare with the org instead, and write nothing.")] = False,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="Make what the org lacks, and give yourself the permission set.")
    ] = False,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="With --deploy: let Salesforce try it and keep nothing.")
    ] = False,
) -> int:
    """Make the Salesforce object, fields and permission set a stream needs: as a project folder, or in the org."""
    from connector.cli.schema import run_schema

    return run_schema(session, stream, out=out, force=force, diff=diff, deploy=deploy, check_only=check_only)


@command
def sandbox(
    session: Session,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the proxy on this machine; 0: a free one.")] = 0,
    faults: Annotated[str | None, typer.Option(metavar="PLAN", help="A YAML file of faults to act out.")] = None,
    folder: Annotated[
        str | None, typer.Option(metavar="DIR", help="Keep certificate and simulated org here; else thrown away.")
    ] = None,
) -> int:
    """Simulate both services behind a proxy of its own, for a connector with otherwise unchanged settings."""
    from connector.cli.sandbox import run_sandbox

    return run_sandbox(session, port, faults, folder)


@command
def help(
    session: Session,
    topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]", help="mapping, or the name of a command.")] = None,
    word: Annotated[str | None, typer.Argument(metavar="[WORD]", help="One word, such as lookup or window.")] = None,
) -> int:
    """Explain a topic: the mapping language as a whole, one word of it, or a command."""
    from connector.cli.help import show_help

    return show_help(session, typer.main.get_command(app), topic, word)


@mapping_command
def mapping_new(
    session: Session,
    object: Annotated[
        str, typer.Argument(metavar="OBJECT", help="API name of the Salesforce object, such as Call__c.")
    ],
    query: Annotated[
        str | None, typer.Option(metavar="NAME", help="The Genesys query; else the one that fits the fields best.")
    ] = None,
    stream: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the stream and its file; else made of the object's.")
    ] = None,
) -> int:
    """Draft a mapping for an object, its fields guessed by name and type. Needs the Salesforce login alone."""
    from connector.cli.mapping_new import run_mapping_new

    return run_mapping_new(session, object, query, stream)


@mapping_command
def mapping_schema(session: Session) -> int:
    """Print the JSON Schema of mapping files, by which editors complete and check them."""
    from connector.mapping.schema import schema_text

    print(schema_text(), end="")
    return 0


@mapping_command
def mapping_test(session: Session, stream: _OneStream = None) -> int:
    """Work out the examples written beside mappings and tell every difference. Needs no login and no network."""
    from connector.cli.mapping_test import run_mapping_test

    return run_mapping_test(session, stream)
