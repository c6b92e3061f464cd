"""`connector why`: one record's story."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from connector.cli.session import Session
from connector.cli.show import add, moment, table
from connector.cli.state import open_state
from connector.spans import instant
from connector.stories import RowStory, stories, unknown

MOST_BELOW = 20
"""So many rows whose keys begin with the one asked for are named."""


def show_why(session: Session, key: str, stream: str | None) -> int:
    """Tell what became of a row, by its external id. Asks no service; ends with 1 when nothing is known of it."""
    config = session.local_config()
    with open_state(config) as store:
        found = stories(store, key, stream)
        names = [stream] if stream else [row["name"] for row in store.db.rows("SELECT name FROM streams ORDER BY name")]
        sql = "SELECT min(start) FROM coverage WHERE ? IS NULL OR stream = ?"
        first = store.db.value(sql, [stream, stream])
        below = store.history.below(key, MOST_BELOW)
    session.announce(config, will_write=False)
    told = "" if found else unknown(key, names, instant(first) if first else None)
    more = ["rows whose keys begin with it:", *(f"  connector why '{one}'" for one in below)] if below else []
    document = {"home": config.home, "rows": found, "begin_with_it": below, "message": told}
    session.show(document, *([told] if told else _shown(found)), *map(Text, more))
    return 0 if found else 1


def _shown(found: tuple[RowStory, ...]) -> Iterator[RenderableType]:
    for one in found:
        yield Text(f"{one.object} {one.external_id} (stream {one.stream}, {moment(one.at)} UTC)", style="bold")
        for line in one.now:
            yield Text(f"- {line}")
        if not one.chapters:
            yield "no answer of Salesforce is remembered"
            continue
        shown = table("answered (UTC)", "what", "read by", "sent by")
        for chapter in one.chapters:
            tries = f", try {chapter.tries}" if chapter.tries > 1 else ""
            what = " ".join([chapter.fate, chapter.code]).strip()
            fields = f": {', '.join(chapter.changed)}" if chapter.changed else ""
            add(shown, moment(chapter.told), f"{what}{fields}", chapter.read, f"{chapter.sent}{tries}")
        yield shown
        for code, hint in {chapter.code: chapter.hint for chapter in one.chapters if chapter.hint}.items():
            yield Text(f"{code} -> {hint}")
