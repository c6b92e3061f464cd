"""`connector preview`: a page of records beside the rows they become."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from connector.assemble import StopSign, choose_mappings, load_streams, make_client
from connector.cli.sample import read_sample, unknown_name
from connector.cli.session import Session
from connector.cli.show import beside, moment
from connector.errors import QueryRefused, RefusedSpan
from connector.genesys.judge import Page, Record
from connector.genesys.lookups import Lookups, Remembered
from connector.genesys.pages import PageReader
from connector.mapping import BadRow, Compiled, Row, Unmappable, compile_mapping, window_of
from connector.orders import Stream
from connector.spans import Span
from connector.transport import Transport

CELLS = 7
"""So many cells of the window's size, newest first, are asked for a record."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Previewed:
    """A record and what becomes of it: rows, or the problem that keeps it from having any; neither: filtered out."""

    record: Record
    rows: Sequence[Row | BadRow] = ()
    problem: str = ""

    @property
    def fate(self) -> str:
        if self.problem:
            return "cannot be mapped"
        if not self.rows:
            return "filtered out"
        return "rejected" if any(isinstance(row, BadRow) for row in self.rows) else "mapped"


def show_preview(session: Session, name: str, count: int) -> int:
    """Show `count` records of the newest page that holds any. Nothing is written, Salesforce is not asked."""
    config = session.config()
    (stream,) = load_streams(config, [name])
    session.announce(config, will_write=False)
    seams = session.seams(StopSign(), lambda progress: None)
    transport = Transport(now=seams.now, sleep=seams.sleep, mount=seams.mount)
    try:
        client = make_client(config, transport, seams)
        mapping = stream.compiled.mapping
        span, page = _newest_page(stream, PageReader(client, mapping, now=transport.now), transport.now())
        age = mapping.lookup_age.length()
        lookups = Lookups(client, Remembered(), age, now=transport.now, sleep=seams.sleep)
        compiled = stream.compile(lookups.find)
        found = [_previewed(compiled, record) for record in page.records]
    finally:
        transport.close()
    fates = Counter(one.fate for one in found)
    document = {"home": config.home, "stream": name, "span": span, "fates": fates, "records": found[:count]}
    told = f"{name}, first page of {moment(span.start)} to {moment(span.end)} UTC"
    session.show(document, *_shown(stream.compiled, told, found[:count], fates))
    return 0


def show_sample(session: Session, name: str, sample: Path, count: int) -> int:
    """Show `count` records of a saved answer. No service is asked, no login is needed, nothing is written."""
    config = session.local_config()
    (mapping,) = choose_mappings(config, [name])
    session.announce(config, will_write=False)
    window = window_of(mapping)
    length = window.grain if window.is_snapshot else window.size
    cell = Span(window.first(), length.after(length.floor(window.first())))
    records = read_sample(sample, mapping, cell)
    compiled = compile_mapping(mapping, unknown_name, config.hash_salt.reveal() if config.hash_salt else "")
    found = [_previewed(compiled, record) for record in records]
    fates = Counter(one.fate for one in found)
    if any(step.name == "lookup" for target in mapping.targets for rule in target.fields for step in rule.steps):
        session.note("names are not looked up offline: they are shown as (unknown: the id)")
    if mapping.query.halves == "none":
        session.note(f"records of this query carry no time: they are shown as of {moment(cell.start)} UTC")
    document = {"home": config.home, "stream": name, "sample": sample, "fates": fates, "records": found[:count]}
    session.show(document, *_shown(compiled, f"{name}, {sample.name}", found[:count], fates))
    return 0


def _newest_page(stream: Stream, reader: PageReader, now: datetime) -> tuple[Span, Page]:
    window = stream.window
    horizon, first = window.horizon(now), window.first()
    if horizon <= first:
        raise QueryRefused(
            f"{stream.name}: nothing to preview: the stream begins at {moment(first)} UTC and is settled up to "
            f"{moment(horizon)} UTC",
            f"choose an earlier `window.start` in mappings/{stream.name}.yml",
        )
    end = horizon
    for _ in range(CELLS):
        span = window.present(now)
        if not window.is_snapshot:
            span = window.cut(Span(max(first, window.size.floor(end - _MOMENT)), end))[-1]
        try:
            page = reader.fetch_page(span, 1)
        except RefusedSpan as refusal:
            raise QueryRefused(
                f"{stream.name}: {refusal.message}",
                f"the service refuses {span}: mend `source` or `window.size` in mappings/{stream.name}.yml",
            ) from refusal
        if page.records or span.start == first or window.is_snapshot:
            break
        end = span.start
    return span, page


def _previewed(compiled: Compiled, record: Record) -> Previewed:
    try:
        return Previewed(record, compiled.map_by_query(record))
    except Unmappable as problem:
        return Previewed(record, problem=f"{problem.code}: {problem.message}")


def _shown(compiled: Compiled, title: str, found: Sequence[Previewed], fates: Counter[str]) -> Iterator[RenderableType]:
    told = ", ".join(f"{many} {fate}" for fate, many in fates.most_common())
    yield Text(f"{title}: {told or 'no records'}")
    for number, one in enumerate(found, 1):
        if not one.rows:
            yield beside(one.record, {}, f"{number}: {one.fate} {one.problem}")
        for index, row in enumerate(one.rows):
            # The record stands beside the first of its rows; the others follow it.
            record = {} if index else one.record
            target = compiled.mapping.targets[row.target].object
            if isinstance(row, BadRow):
                yield beside(record, {row.code: row.message}, f"{number}: {target}, rejected")
            else:
                yield beside(record, row.values, f"{number}: {target}")
