"""`connector plan`: what the next sync reads."""

from collections.abc import Sequence

from rich.table import Table

from connector.arrivals import Arrivals, together
from connector.assemble import load_streams
from connector.cli.session import Session
from connector.cli.show import add, ago, moment, table
from connector.cli.state import open_state
from connector.forecast import StreamPlan, stream_plan
from connector.salesforce.allowance import RECORD_KB


def show_plan(session: Session, name: str | None) -> int:
    """Show the passes of the next run of each stream, how long their calls take, and what they bring to Salesforce.

    Asks no service.
    """
    config = session.local_config()
    streams = load_streams(config, [name] if name else None)
    rate = config.genesys.requests_per_minute
    with open_state(config) as store:
        found = [stream_plan(store, stream, session.now(), rate) for stream in streams]
    session.announce(config, will_write=False)
    document = {"home": config.home, "calls_per_minute": rate, "streams": found}
    calls, seconds = sum(one.calls for one in found), sum(one.seconds for one in found)
    at_least = "at least " if any(one.is_guess for one in found) else ""
    total = f"{at_least}{calls:,} calls, {at_least}{ago(seconds)} at {rate} calls a minute"
    notes = [total if calls else "nothing to read"]
    if at_least:
        notes.append("How many pages a span has is known once some were read.")
    if known := [one.salesforce for one in found if one.salesforce]:
        notes.append(_salesforce(known))
    if any(one.salesforce is None for one in found):
        notes.append("How many rows a stream sends to Salesforce is known once some were read.")
    session.show(document, *([_table(found)] if calls else []), *notes)
    return 0


def _salesforce(known: Sequence[Arrivals]) -> str:
    """What arrives in Salesforce, as far as it is known."""
    expected = together(known)
    if not expected.rows:
        return "Salesforce: nothing to send"
    return (
        f"Salesforce, estimated: {expected.rows:,} rows, {expected.calls:,} calls, {expected.batches:,} batches, "
        f"{expected.storage_mb:,.1f} MB of storage ({RECORD_KB} KB a record); what the org has left: connector check"
    )


def _table(found: list[StreamPlan]) -> Table:
    shown = table("stream", "kind", ">passes", "from (UTC)", "to (UTC)", ">calls", ">time", "read by")
    for one in found:
        for kind in one.kinds:
            more = "+" if kind.is_guess else ""
            time = ago(one.seconds * kind.calls / one.calls) + more
            add(
                shown,
                one.stream,
                kind.kind,
                f"{kind.passes:,}",
                moment(kind.first),
                moment(kind.last),
                f"{kind.calls:,}{more}",
                time,
                f"{kind.path}: {kind.why}" if kind.why else kind.path,
            )
    return shown
