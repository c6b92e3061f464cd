"""`connector runs`: what was done when, and how it ended."""

from rich.table import Table

from connector.advice import counted
from connector.cli.session import Session
from connector.cli.show import add, length, moment, shortened, table
from connector.cli.state import open_state
from connector.cli.status import ended
from connector.report import NEWS
from connector.state.store import Run


def show_runs(session: Session, stream: str | None, last: int) -> int:
    """Show the latest runs, newest first."""
    config = session.local_config()
    with open_state(config) as store:
        found = store.runs(stream, last)
    session.announce(config, will_write=False)
    session.show({"home": config.home, "runs": found}, _table(found) if found else "no run yet")
    return 0


def news(run: Run) -> list[str]:
    """What a run met first that needs a person, besides what stopped it."""
    new = run.counts.get("new", {})
    return [counted(new[kind], *words) for kind, words in NEWS.items() if new.get(kind)]


def _table(found: list[Run]) -> Table:
    shown = table(">run", "stream", "command", "began (UTC)", ">took", "exit", ">pulled", ">sent", "what happened")
    for run in found:
        books = run.counts.get("books", {})
        sent = sum(books.get(term, 0) for term in ("created", "updated", "deleted"))
        at_work = f"{run.who}{f', at {run.doing}' if run.doing else ''}"
        story = (
            at_work if run.finished is None and not run.message else "; ".join([run.message, *news(run)]).strip("; ")
        )
        add(
            shown,
            str(run.id),
            run.stream,
            run.command,
            moment(run.started),
            length(run.started, run.finished),
            ended(run),
            f"{books.get('pulled', 0):,}" if books else "",
            f"{sent:,}" if books else "",
            shortened(story, 90),
        )
    return shown
