"""`connector gaps`: spans that were not given whole, and what became of those of the past."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.assemble import choose_mappings, load_streams
from connector.cli.session import Session
from connector.cli.show import ago, moment
from connector.cli.state import open_state
from connector.gaps import ClosedGap, OpenGap, closed_gaps, open_gaps
from connector.spans import Span


def show_gaps(session: Session, name: str | None, *, with_closed: bool) -> int:
    """Show the open gaps, by stream and time; with_closed: then those of the past, those closed last first."""
    config = session.local_config()
    streams = load_streams(config, also_off=True)
    with open_state(config) as store:
        if name is not None and name not in {one.name for one in streams} and not store.is_known(name):
            choose_mappings(config, [name])
        still_open = open_gaps(store, streams, name, session.now())
        closed = closed_gaps(store, name) if with_closed else ()
    session.announce(config, will_write=False)
    document = {"home": config.home, "gaps": still_open, **({"closed": closed} if with_closed else {})}
    session.show(document, *_shown(still_open, closed))
    return 0


def _shown(still_open: Sequence[OpenGap], closed: Sequence[ClosedGap]) -> Iterator[RenderableType]:
    if not still_open:
        yield "no gaps" if not closed else "no open gaps"
    for one in still_open:
        facts = [
            ("why", one.reason),
            ("seen", f"first {moment(one.first_seen)}, last tried {moment(one.last_tried)}, {_times(one.tries)}"),
            ("next", one.next),
        ]
        yield from _block(one.stream, one.span, _given(one.received, one.expected), facts)
    for stream in sorted({one.stream for one in still_open if one.is_tried}):
        yield f"To try them now: connector resync {stream} --gaps"
    if closed:
        yield Text("\nclosed", style="bold")
    for past in closed:
        by = "" if past.closed_run is None else f" by run {past.closed_run}"
        facts = [
            ("closed", f"{moment(past.closed)}{by}: {past.closed_by}"),
            ("open", f"{ago(past.open_seconds)}, since {moment(past.first_seen)}, {_times(past.tries)}"),
        ]
        yield from _block(past.stream, past.span, f"last short read: {_given(past.received, past.expected)}", facts)


def _block(stream: str, span: Span, given: str, facts: Sequence[tuple[str, str]]) -> Iterator[RenderableType]:
    """A gap in a few lines that fold in a narrow terminal."""
    yield Text.assemble((stream, "bold"), f"  {moment(span.start)} to {moment(span.end)} UTC")
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for label, text in (("given", given), *facts):
        made.add_row(Text(f"  {label}"), Text(text))
    yield made


def _given(received: int, expected: int | None) -> str:
    return f"{received:,} records" if expected is None else f"{received:,} of {expected:,} records promised"


def _times(tries: int) -> str:
    return f"{tries:,} {'try' if tries == 1 else 'tries'}"
