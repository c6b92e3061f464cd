"""From a span and a page number or cursor to a page: the request a query describes, the answer flattened."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import orjson

from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.flatten import (
    flatten_aggregates,
    flatten_conversations,
    flatten_observations,
    flatten_summary,
    flatten_users,
    truncated_metrics,
)
from connector.genesys.judge import Page, Record, Witnesses
from connector.genesys.large import LongList
from connector.genesys.lookups import list_ids
from connector.genesys.parts import filter_of_all, parts_of
from connector.genesys.queries import IN_PARTS, CursorPaging, NumberedPaging, Query
from connector.genesys.templates import fill, fill_params, fill_path, moment_text, placeholders
from connector.mapping import Mapping as StreamMapping
from connector.mapping.paths import parse_path
from connector.mapping.suggest import did_you_mean
from connector.spans import DAY, MINUTE, Calendar, Span, instant
from connector.transport import Params

_UTC = ZoneInfo("UTC")
_HEADER = "header:"

AVAILABLE = "dataAvailabilityDate"
"""Where an answer of the data lake tells up to when that is filled."""


class Caller(Protocol):
    """What a reader needs of the client; see GenesysClient.call."""

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Params | None = None,
        permission: str = "",
    ) -> Answer: ...


def utc_now() -> datetime:
    """The clock of this machine, where nothing better is given."""
    return datetime.now(UTC)


class PageReader:
    """Reads the pages of one stream's query. page_size: records asked for a page, 0 where the request cannot say.

    results: the query whose pages hold the results of a job, instead of the mapping's own, and their page size; now:
    the time the services agree on, for records that tell when they were true.
    """

    def __init__(
        self,
        client: Caller,
        mapping: StreamMapping,
        results: tuple[Query, int | None] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._now = now
        self._source = mapping.source
        self._zone = mapping.window.timezone
        self.query, page_size = results or (mapping.query, mapping.source.page_size)
        self.page_size = _page_size(self.query, page_size)
        self._records = value_at(self.query.records)
        self._key = [value_at(name) for name in self.query.record_key]
        self._groups = [name for name in mapping.source.group_by if name not in self.query.record_key]
        self.time_of: Callable[[Record], Any] = value_at(self.query.time)
        # One a call, the pages of a query that has no others.
        self._filters = parts_of(self._source.filter, self.query.name)
        rule = IN_PARTS.get(self.query.name)
        self._all_of = rule if rule and rule.all_of and not self._source.filter else None

    def fetch_page(
        self, span: Span, number: int, cursor: str | None = None, job: str = "", *, newest_first: bool = False
    ) -> Page:
        """Ask for page `number`, from 1, of a span; queries without pages have one for each part of their filter.
        cursor: as the page before gave it; job: id of the job whose results are read; newest_first: in which order, of
        a query that knows both.

        Raises RefusedSpan for HTTP 400 and 413, MalformedAnswer when the answer is not what the query says.
        """
        if number == 1 and self._all_of:
            # Listed anew each time: a name's age would leave out for a day what was made today.
            self._filters = filter_of_all(list_ids(self._client, self._all_of.all_of), self._all_of)
            if not self._filters:
                return Page(number, [], digest="", size=0, taken=self._now())
        query, values = self.query, self._values(span, number, cursor, job)
        values["order"] = "desc" if newest_first else "asc"
        answer = self._client.call(
            query.method,
            fill_path(query.path, values),
            body=None if query.body is None else fill(query.body, values),
            params=fill_params(query.params, values) or None,
            permission=query.permission,
        )
        taken = self._now() if query.is_snapshot else None
        records, digest = self._read(answer, span, taken)
        return Page(
            number=number,
            records=records,
            digest=digest,
            size=self.page_size,
            witnesses=self._told(answer),
            cursor=cursor,
            next=_next(query.paging, answer),
            available=instant_at(answer.body, AVAILABLE) if job else None,
            taken=taken,
            truncated=truncated_metrics(self._records(answer.body) or ()) if taken else (),
            counted=self._counted(answer.body),
        )

    def expect(self, spans: Iterable[Span], now: datetime) -> None:
        """Spans whose first page is asked for next, in this order; what a reader makes of it is its own business."""

    def asked_at(self, span: Span, now: datetime) -> datetime:
        """When page 1 of a span that is begun now was asked for: now, or before where it was read ahead."""
        return now

    def key_of(self, record: Record) -> list[Any]:
        """The values that make a record itself: its id where it has one, else all of its dimensions."""
        if self.query.shape == "summary" and record.get("id"):
            return [record["id"]]
        return [*(get(record) for get in self._key), *(record.get(name) for name in self._groups)]

    def bounds(self, span: Span) -> list[datetime]:
        """Where the span may be halved."""
        if self.query.halves == "day":
            return Calendar(DAY, _UTC).inside(span)
        if self.query.halves == "minute":
            return Calendar(MINUTE, _UTC).inside(span)
        if self.query.halves == "granularity" and self._source.granularity:
            return Calendar(self._source.granularity, self._zone).inside(span)
        return []

    def _values(self, span: Span, number: int, cursor: str | None, job: str) -> dict[str, Any]:
        """What the placeholders of the query stand for in this call; None leaves their key out."""
        source = self._source
        return {
            "start": moment_text(span.start),
            "end": moment_text(span.end),
            "page": number,
            "page_size": self.page_size,
            "cursor": cursor,
            "job": job,
            "granularity": str(source.granularity),
            "time_zone": str(self._zone),
            "group_by": list(source.group_by),
            "metrics": list(source.metrics),
            "filter": (self._filters[number - 1] if self.query.paging is None else source.filter) or None,
            "views": [view.model_dump(exclude_none=True) for view in source.views] or None,
            "conversation_filters": list(source.filters.conversation) or None,
            "segment_filters": list(source.filters.segment) or None,
        }

    def _told(self, answer: Answer) -> Witnesses:
        """What an answer states about the whole list; of a filter asked in parts, how many these are."""
        if self.query.paging:
            return _witnesses(self.query.paging, answer)
        return Witnesses(page_count=len(self._filters)) if len(self._filters) > 1 else Witnesses()

    def _read(self, answer: Answer, span: Span, taken: datetime | None) -> tuple[Collection[Record], str]:
        """The records of an answer and the digest of their keys."""
        listed = self._records(answer.body)
        if listed is None:
            self._refuse_misnamed(answer)
            listed = []
        records: Collection[Record]
        try:
            if isinstance(listed, LongList):
                records = LongPage(listed, partial(self._flatten, listed, span, taken))
            elif isinstance(listed, list):
                records = list(self._flatten(listed, span, taken))
            else:
                raise TypeError(f"{type(listed).__name__} instead of list")
            return records, digest_of(self.key_of(record) for record in records)
        except (AttributeError, TypeError) as fault:
            raise answer.malformed(
                f"Genesys Cloud {self.query.path}: {self.query.records!r} is no list of objects such as documented",
                "the pass stays open and is read again by the next run",
            ) from fault
        except MalformedAnswer as error:
            raise answer.malformed(error.message, error.hint) from None

    def _counted(self, body: dict[str, Any]) -> int | None:
        """What a page of aggregates holds of its size, None where it has none or is of others: groups, or intervals
        where their number shows that these may be meant, for which of them are counted is not documented."""
        listed = self._records(body)
        if self.query.shape not in ("aggregates", "users") or not self.page_size or listed is None:
            return None
        groups = intervals = 0
        for result in listed:
            groups, intervals = groups + 1, intervals + len(result.get("data") or ())
        return intervals if intervals <= self.page_size else groups

    def _refuse_misnamed(self, answer: Answer) -> None:
        """A list of nearly the name that was looked for must not be read as nothing."""
        if "." not in self.query.records:
            lists = [name for name, value in answer.body.items() if isinstance(value, list | LongList)]
            if hint := did_you_mean(self.query.records, lists):
                raise answer.malformed(f"Genesys Cloud {self.query.path}: no list {self.query.records!r}{hint}")

    def _flatten(self, listed: Iterable[Mapping[str, Any]], span: Span, taken: datetime | None) -> Iterable[Record]:
        if taken:
            return flatten_observations(listed, span, taken)
        if self.query.is_cell:
            return flatten_summary(listed, span)
        if self.query.shape == "aggregates":
            return flatten_aggregates(listed)
        if self.query.shape == "users":
            return flatten_users(listed)
        if self.query.shape == "details":
            return flatten_conversations(listed)
        return ({**record} for record in listed)


class LongPage(Collection[Record]):
    """The records of a long list, flattened anew at each walk. folder: where such lists are kept meanwhile."""

    def __init__(self, listed: LongList, walk: Callable[[], Iterable[Record]]) -> None:
        self._walk = walk
        self._length: int | None = None
        self.folder = listed.body.folder

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self._walk())
        return self._length

    def __iter__(self) -> Iterator[Record]:
        count = 0
        for record in self._walk():
            count += 1
            yield record
        self._length = count

    def __contains__(self, record: object) -> bool:
        return any(one == record for one in self)


def digest_of(keys: Iterable[list[Any]]) -> str:
    """A digest of record keys in their order, that of the JSON list of them."""
    hashed = hashlib.blake2b(b"[", digest_size=16)
    comma = b""
    for key in keys:
        hashed.update(comma + orjson.dumps(key))
        comma = b","
    hashed.update(b"]")
    return hashed.hexdigest()


def _page_size(query: Query, wanted: int | None) -> int:
    names = {name for _, name, _ in placeholders([query.path, dict(query.params), query.body])}
    if query.paging is None or "page_size" not in names:
        return 0
    largest = query.paging.largest
    return min(wanted or largest, largest) if query.paging.is_largest_known else wanted or largest


def value_at(path: str) -> Callable[[Any], Any]:
    """A function from parsed JSON to what stands at a path of names, None when it is missing."""
    names = parse_path(path).names

    def get(value: Any) -> Any:
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return get


def instant_at(body: Mapping[str, Any], name: str) -> datetime | None:
    """The instant under a name of an answer, None where there is none."""
    try:
        return instant(body[name]) if isinstance(body.get(name), str) else None
    except ValueError:
        return None


def _stated(answer: Answer, places: tuple[str, ...]) -> list[Any]:
    """What stands at each of the places, None where nothing does."""
    return [
        answer.headers.get(place.removeprefix(_HEADER)) if place.startswith(_HEADER) else value_at(place)(answer.body)
        for place in places
    ]


def _witnesses(paging: NumberedPaging | CursorPaging, answer: Answer) -> Witnesses:
    page_count = paging.page_count if isinstance(paging, NumberedPaging) else ()
    return Witnesses(_largest(_stated(answer, paging.total)), _largest(_stated(answer, page_count)))


def _largest(stated: list[Any]) -> int | None:
    return max((count for value in stated if (count := _number(value)) is not None), default=None)


def _next(paging: NumberedPaging | CursorPaging | None, answer: Answer) -> str | None:
    """The cursor of the page that follows: the first place that holds one counts."""
    if not isinstance(paging, CursorPaging):
        return None
    for value in _stated(answer, paging.next):
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None


def _number(value: Any) -> int | None:
    """A count however it was written; anything else states nothing."""
    try:
        return int(value) if value is not None and int(value) >= 0 else None
    except (TypeError, ValueError):
        return None
