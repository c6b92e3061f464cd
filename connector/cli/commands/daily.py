"""Day by day: what cron runs, what a person does again by hand, and how things stand. See `connector.cli.app`."""

from typing import Annotated

import typer

from connector.cli.app import DryRun, MaxMinutes, OneStream, StreamName, Streams, Wait, command
from connector.cli.session import Session


@command
def plan(session: Session, stream: OneStream = None) -> int:
    """Show what the next sync reads: passes, calls, time at the call rate. Nothing is read; no login is needed."""
    from connector.cli.plan import show_plan

    return show_plan(session, stream)


@command
def sync(
    session: Session,
    streams: Streams = None,
    dry_run: DryRun = False,
    max_minutes: MaxMinutes = None,
    wait: Wait = False,
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
    stream: StreamName,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First date or instant to read.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Up to this date or instant, itself not included.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="TIME", help="The last hours or days: 36h, 7d, 2w.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Everything from the window's start.")] = False,
    gaps: Annotated[bool, typer.Option("--gaps", help="All open gaps, and nothing else.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Send unchanged rows too.")] = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    accept_new_keys: Annotated[
        bool, typer.Option("--accept-new-keys", help="With --full, after the key, object or grouping was changed.")
    ] = False,
    accept_vanished: Annotated[
        bool,
        typer.Option("--accept-vanished", help="Clear or delete however many rows of the period are given no more."),
    ] = False,
    max_minutes: MaxMinutes = None,
) -> int:
    """Read a settled period again, rounded outward to whole intervals, or all open gaps, and send what differs."""
    from connector.cli.resync import Period, run_resync
    from connector.orders import Order

    period = Period(start, end, last, full=full, gaps=gaps)
    order = Order(
        forced=force,
        accept_new_keys=accept_new_keys,
        accept_vanished=accept_vanished,
        rehearse=dry_run,
        wait=wait,
    )
    return run_resync(session, stream, period, order, max_minutes)


@command
def status(session: Session, stream: OneStream = None) -> int:
    """Show how each stream stands: complete to, lag, last run, rows waiting, rejects, gaps. Asks no service."""
    from connector.cli.status import show_status

    return show_status(session, stream)


@command
def runs(
    session: Session,
    stream: OneStream = None,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="How many, newest first.")] = 20,
) -> int:
    """List the latest runs and what each did."""
    from connector.cli.runs import show_runs

    return show_runs(session, stream, last)


@command
def rejects(
    session: Session,
    stream: OneStream = None,
    show_keys: Annotated[bool, typer.Option("--show-keys", help="Show external ids of some of the rows.")] = False,
) -> int:
    """List rows that were set aside, grouped by reason, with what to do about each."""
    from connector.cli.rejects import show_rejects

    return show_rejects(session, stream, show_keys=show_keys)


@command
def gaps(
    session: Session,
    stream: OneStream = None,
    with_closed: Annotated[
        bool, typer.Option("--all", help="Show closed ones too: when, by what, how long they were open.")
    ] = False,
) -> int:
    """List spans that Genesys Cloud did not give whole. Every run tries them again; now: connector resync --gaps."""
    from connector.cli.gaps import show_gaps

    return show_gaps(session, stream, with_closed=with_closed)


@command
def why(
    session: Session,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The external id of the record in Salesforce.")],
    stream: Annotated[str | None, typer.Option(metavar="STREAM", help="Only this stream.")] = None,
) -> int:
    """Tell one record's story: what was read, sent and answered, what changed, and how it stands. Asks no service."""
    from connector.cli.why import show_why

    return show_why(session, key, stream)
