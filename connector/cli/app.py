"""The command line itself: the options all commands share, and how a function becomes a command.

The commands with their options stand in `connector.cli.commands`; what a command does stands in a module of its own,
loaded when it is called.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.session import Session, Surroundings

app = typer.Typer(
    help="Keeps Salesforce in step with Genesys Cloud analytics, every row accounted for.",
    epilog="Begin with: connector demo. Then: connector check, connector preview STREAM, connector sync.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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

StreamName = Annotated[str, typer.Argument(metavar="STREAM", help="Name of a mapping file, without .yml.")]
OneStream = Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Only this stream.")]
Streams = Annotated[list[str] | None, typer.Argument(metavar="[STREAM]...", help="Only these streams.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and compare on a copy of the state; write nothing.")]
MaxMinutes = Annotated[float | None, typer.Option(min=0, metavar="N", help="Stop cleanly after N minutes.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run of the stream instead of giving up.")]

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
