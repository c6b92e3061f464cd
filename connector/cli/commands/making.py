"""Making streams: the org's objects, mappings, a place to try them, and the words. See `connector.cli.app`."""

from pathlib import Path
from typing import Annotated

import typer
import typer.main

from connector.cli.app import OneStream, StreamName, app, command, mapping_command
from connector.cli.session import Session


@command
def schema(
    session: Session,
    stream: StreamName,
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
def mapping_test(session: Session, stream: OneStream = None) -> int:
    """Work out the examples written beside mappings and tell every difference. Needs no login and no network."""
    from connector.cli.mapping_test import run_mapping_test

    return run_mapping_test(session, stream)
