"""`connector rejects`: rows that were set aside, and what to do about them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from connector.cli.session import Session
from connector.cli.show import add, ago, table
from connector.cli.state import open_state
from connector.report import RejectGroup, reject_groups


def show_rejects(session: Session, stream: str | None, *, show_keys: bool) -> int:
    """Show the open rejects in groups, the largest first."""
    config = session.local_config()
    with open_state(config) as store:
        found = reject_groups(store, stream, with_keys=show_keys)
    session.announce(config, will_write=False)
    session.show({"home": config.home, "rejects": found}, *_shown(found, session.now()))
    return 0


def _shown(found: Sequence[RejectGroup], now: datetime) -> Iterator[RenderableType]:
    if not found:
        yield "no rows are set aside"
        return
    shown = table(">rows", "stream", "object", "code", "fields", ">since", ">last")
    for one in found:
        since, last = ((now - at).total_seconds() for at in (one.first_seen, one.last_seen))
        add(shown, f"{one.count:,}", one.stream, one.object, one.code, one.fields, ago(since), ago(last))
    yield shown
    for one in found:
        where = f" ({one.fields})" if one.fields else ""
        yield Text(f"{one.code}{where}: {one.message}", style="bold")
        yield Text(f"  -> {one.hint}")
        for key in one.keys:
            yield Text(f"     {key}")
