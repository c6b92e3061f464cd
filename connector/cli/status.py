"""`connector status`: how each stream stands."""

from rich.table import Table

from connector.assemble import load_streams
from connector.cli.session import Session
from connector.cli.show import add, ago, moment, table
from connector.cli.state import open_state
from connector.lateness import Lateness, as_period
from connector.report import StreamStatus, status
from connector.state.store import Run
from connector.window_advice import share, story


def show_status(session: Session, name: str | None) -> int:
    """Show every stream, or one. Asks no service."""
    config = session.local_config()
    streams = load_streams(config, [name] if name else None, also_off=True)
    with open_state(config) as store:
        # Of streams that are off, those that have run once; of those named, all.
        shown = [one for one in streams if name or one.compiled.mapping.enabled or store.is_known(one.name)]
        found = [one for one in status(store, shown, session.now()) if name in (None, one.stream)]
    document = {"home": config.home, "state": config.state, "has_state": config.state.exists(), "streams": found}
    session.announce(config, will_write=False)
    notes = [line for one in found for line in one.advice]
    if name is not None:
        notes += [f"{one.stream}: {queue.in_words()}" for one in found for queue in one.quiet_queues]
    if not config.state.exists():
        notes.append("no run yet: connector plan shows what the first one reads, connector sync begins it")
    told: list[Table | str] = [_table(found), *notes]
    late = found[0].lateness if name and found else None
    if late is not None:
        told += [*story(late), *([_lateness_table(late)] if late.verdict != "too few" else [])]
    session.show(document, *told)
    return 0


_COUNTS = {
    **{name: name for name in ("waiting", "rejects", "gaps", "vanished", "owed", "unfinished")},
    "open_records": "open",
    "unanswered": "unanswered",
}
"""Columns shown when one of them is not 0, with their headings."""


def _table(found: list[StreamStatus]) -> Table:
    shown = table("stream", "complete to (UTC)", ">behind", "read to (UTC)", "last run", "exit")
    extra = [name for name in _COUNTS if any(vars(one)[name] for one in found)]
    for name in extra:
        shown.add_column(_COUNTS[name], justify="right")
    follows = any(one.open_records for one in found)
    if follows:
        shown.add_column("oldest open")
    has_snapshots = any(one.snapshots for one in found)
    if has_snapshots:
        shown.add_column("snapshots", justify="right")
    for one in found:
        name = one.stream if one.is_enabled or not one.is_mapped else f"{one.stream} (off)"
        add(
            shown,
            name,
            moment(one.complete_to),
            ago(one.lag_seconds),
            moment(one.read_to),
            moment(one.last_run.started if one.last_run else None),
            ended(one.last_run),
            *(f"{vars(one)[name]:,}" for name in extra),
            *([moment(one.oldest_open)] if follows else []),
            *([f"{one.snapshots.taken:,} of {one.snapshots.due:,}" if one.snapshots else "-"] if has_snapshots else []),
        )
    return shown


def _lateness_table(late: Lateness) -> Table:
    shown = table("a read so long after", ">rows that change later")
    for hours, part in late.beyond:
        add(shown, as_period(hours), share(part))
    return shown


def ended(run: Run | None) -> str:
    """The exit code of a run, or that it has none."""
    if run is None:
        return "-"
    return str(run.exit_code) if run.finished else "died" if run.message else "not ended"
