"""What a run writes down before it plans: spans owed since the mapping changed or because a person asked for them, and
gaps that nobody wants read any more, and replays of rejects."""

from datetime import datetime
from typing import Literal

from connector.orders import Order, Stream
from connector.spans import Span
from connector.state.store import Store

Change = Literal["new", "same", "fields", "source", "keys"]


def write_what_is_owed(
    store: Store, stream: Stream, order: Order, change: Change, horizon: datetime, run: int, now: datetime
) -> None:
    """Take over a changed mapping and what the order asks for, each so that any later run goes on with it.

    change: of the mapping since the state was made; horizon: the end of what can be read now.
    """
    name, first = stream.name, stream.window.first()
    if change in ("fields", "source", "keys"):
        # What was read behind the horizon is read again by the lookback once the horizon has come there.
        whole = [Span(first, horizon)] if change == "keys" and first < horizon else []
        cause = f"the mapping's {change} changed"
        store.adopt(name, stream.prints, whole, cause, run, now, closes_gaps=change == "keys")
    store.gaps.leave_before(name, first, run, now)
    if order.replay is not None:
        store.replays.begin(name, order.replay or None, (stream.prints.fields, stream.prints.source), run, now)
    elif order.reads_again:
        asked = _asked(store, name, order, horizon)
        store.passes.owe(name, asked, order.command, order.forced, accepts_vanished=order.accept_vanished)
    if stream.window.is_snapshot:
        store.passes.owe_nothing(name)


def _asked(store: Store, name: str, order: Order, horizon: datetime) -> list[Span]:
    """The spans a re-sync reads."""
    if order.resync is None:
        return [one.span for one in store.gaps.open(name)]
    asked = order.resync(horizon)
    return [Span(asked.start, min(asked.end, horizon))] if asked.start < horizon else []
