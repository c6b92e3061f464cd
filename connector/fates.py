"""What becomes of each record of a page: duplicate, of another span, filtered, not mappable, or rows for the outbox."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from connector.errors import MalformedAnswer
from connector.genesys.judge import Record
from connector.genesys.pages import LongPage, PageReader
from connector.mapping import Compiled, Unmappable
from connector.mapping.values import Refusal, whole_seconds
from connector.spans import stamp
from connector.spools import SLICE, Spool
from connector.state.hashes import digest
from connector.state.one_pass import Pass
from connector.state.outbox import Entry, Outbox
from connector.windows import Path


class Fates:
    """Tells it by the compiled mapping and by what the pass has met.

    order: in which the rows of a record are stored, indexes of targets, where it is not theirs.
    """

    def __init__(self, compiled: Compiled, outbox: Outbox, order: Sequence[int]) -> None:
        self._compiled = compiled
        self._outbox = outbox
        self._rank = {target: rank for rank, target in enumerate(order)}

    def entries(
        self, one: Pass, reader: PageReader, records: Collection[Record], distinct: int
    ) -> tuple[Collection[Entry], int]:
        """What becomes of each record of a page, and the distinct keys met with it.

        reader: of the page, knows the key and the time of its records; distinct: keys met before it. Of a long page
        only the digests of its keys are in memory at once. Raises StateError, and MalformedAnswer when a job tells an
        interval of a group twice: neither would be the whole of it.
        """
        start, end = (stamp(one.within.start), stamp(one.within.end)) if one.within else ("", "9999")
        met: dict[bytes, tuple[bytes, int]] = {}
        entries: Spool[Entry] | list[Entry] = Spool(records.folder) if isinstance(records, LongPage) else []
        left = iter(records)
        while some := list(islice(left, SLICE)):
            keys = [digest(reader.key_of(record)) for record in some]
            met |= self._outbox.seen(one, [key for key in keys if key not in met])
            for record, key in zip(some, keys, strict=True):
                content = digest(record)
                known = met.get(key)
                is_known = known is not None and known[1] == one.reading
                distinct += not is_known
                if is_known and known and known[0] != content and _is_whole_of_its_key(one, reader):
                    raise _told_twice(one, record)
                met[key] = (content, one.reading)
                at = _whole_second(reader.time_of(record))
                if known is not None and known[0] == content:
                    entry = Entry(key, content, at, "duplicate")
                elif at and not start <= at < end:
                    entry = Entry(key, content, at, "outside")
                else:
                    entry = self._mapped(one.path, record, key, content, at, _own_id(reader, record))
                entries.append(replace(entry, is_known=True) if is_known else entry)
        return entries, distinct

    def _mapped(self, path: Path, record: Record, key: bytes, content: bytes, at: str, name: str) -> Entry:
        of_job = self._compiled.job_fields if path == "job" else ()
        try:
            rows = self._compiled.map(record) if path == "job" else self._compiled.map_by_query(record)
        except Unmappable as problem:
            problems = (problem.code, problem.message)
            return Entry(key, content, at, "unmappable", problem=problems, id=name)
        if self._rank:
            rows.sort(key=lambda row: self._rank[row.target])
        return Entry(key, content, at, "mapped" if rows else "filtered", rows, job_fields=of_job, id=name)


def _is_whole_of_its_key(one: Pass, reader: PageReader) -> bool:
    """Whether a record must be all that is told of its key: parts of an interval cannot be put together."""
    return one.path == "job" and reader.query.shape in ("aggregates", "users")


def _own_id(reader: PageReader, record: Record) -> str:
    """The id a record is followed by; "" where its query can read none by id."""
    by_id = reader.query.by_id
    return str(record.get(by_id.key) or "") if by_id else ""


def _told_twice(one: Pass, record: Record) -> MalformedAnswer:
    return MalformedAnswer(
        f"{one.stream}: {one.title}: a job tells the interval at {record.get('start')} of one group twice, with other "
        "values; which are whole nobody can tell, so that the page is not taken",
        "`source: {via: query}` reads each group in one answer; a larger `page_size` may keep groups together",
    )


def _whole_second(text: object) -> str:
    """An instant as the state writes it; "" when it is none."""
    try:
        return whole_seconds(text) if isinstance(text, str) else ""
    except Refusal:
        return ""
