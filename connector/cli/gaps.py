"""`connector gaps`: spans that were not given whole."""

from connector.cli.session import Session
from connector.cli.show import add, moment, table
from connector.cli.state import open_state
from connector.report import gaps


def show_gaps(session: Session, stream: str | None) -> int:
    """Show the open gaps, by stream and time."""
    config = session.local_config()
    with open_state(config) as store:
        found = gaps(store, stream)
    session.announce(config, will_write=False)
    shown = table("stream", "from (UTC)", "to (UTC)", ">promised", ">given", ">tries", "last tried", "why")
    for gap in found:
        expected = "" if gap.expected is None else f"{gap.expected:,}"
        add(
            shown,
            gap.stream,
            moment(gap.span.start),
            moment(gap.span.end),
            expected,
            f"{gap.received:,}",
            str(gap.tries),
            moment(gap.last_tried),
            gap.reason,
        )
    note = "Every run tries them again; one that gives the same records a day later is taken as whole."
    session.show({"home": config.home, "gaps": found}, *((shown, note) if found else ("no gaps",)))
    return 0
