"""First steps: see it work, check an installation, look at one stream. See `connector.cli.app`."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.app import OneStream, StreamName, command
from connector.cli.session import Session


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
def check(session: Session, stream: OneStream = None) -> int:
    """Go through settings, mappings, logins, permissions and fields: what is right, what is not, and the mend."""
    from connector.cli.check import run_check

    return run_check(session, stream)


@command
def preview(
    session: Session,
    stream: StreamName,
    records: Annotated[int, typer.Option(min=1, metavar="N", help="How many records to show.")] = 3,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", metavar="FILE", help="Map a saved answer (JSON) instead; no service is asked."),
    ] = None,
) -> int:
    """Show a page of newest records, or a saved answer, beside the rows they become. Nothing is written."""
    from connector.cli.preview import show_preview, show_sample

    return show_preview(session, stream, records) if sample is None else show_sample(session, stream, sample, records)
