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
    rejects: Annotated[bool, typer.Option("--rejects", help="No period: try the rows set aside again.")] = False,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="With --rejects: only those refused with this code.")
    ] = None,
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
    """Read a settled period again, rounded outward to whole intervals, or all open gaps, and send what differs; or
    replay rejects."""
    from connector.cli.resync import Period, run_resync
    from connector.orders import Order

    period = Period(start, end, last, full=full, gaps=gaps, rejects=rejects, code=code)
    order = Order(
        forced=force,
        accept_new_keys=accept_new_keys,
        accept_vanished=accept_vanished,
        rehearse=dry_run,
        wait=wait,
    )
    return run_resync(session, stream, period, order, max_minutes)


@command
def verify(
    session: Session,
    stream: StreamName,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First date or instant to compare.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Up to this date or instant, itself not included.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="TIME", help="The last hours or days: 36h, 7d, 2w; else 7d.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Send what is missing or different again.")] = False,
    show_keys: Annotated[bool, typer.Option("--show-keys", help="Show external ids of some of the rows.")] = False,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show them with the values that differ: customer data.")
    ] = False,
    wait: Wait = False,
) -> int:
    """Read a period from both sides again and tell what is missing, different or extra in Salesforce. Exit 1 if so."""
    from connector.cli.resync import Period
    from connector.cli.verify import Wanted, run_verify

    wanted = Wanted(repair=repair, keys=show_keys or show_values, values=show_values, wait=wait)
    return run_verify(session, stream, Period(start, end, last, full=False), wanted)


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
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STREAM] | show KEY | export [STREAM]",
            help="Only this stream; or all that is known of the rows with an external id; or all rows as a CSV file.",
        ),
    ] = None,
    stream: Annotated[str | None, typer.Option("--stream", metavar="STREAM", help="Only this stream.")] = None,
    show_keys: Annotated[bool, typer.Option("--show-keys", help="Show external ids of some rows.")] = False,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Export: only rows refused so.")] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE.csv", help="Export: to this file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Export: replace a file that is there.")] = False,
) -> int:
    """List rows that were set aside, grouped by reason, with what to do about each; show one, or export them."""
    from connector.cli.rejects import Asked, run_rejects

    return run_rejects(session, Asked(tuple(words or ()), stream, code, out, force, show_keys))


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
