"""From a span and a page number to a page: the request the catalogue describes, the answer flattened."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import orjson

from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.flatten import flatten_aggregates, flatten_conversations, flatten_summary, flatten_users
from connector.genesys.judge import Page, Record, Witnesses
from connector.genesys.queries import NumberedPaging, Query
from connector.mapping import Mapping as StreamMapping
from connector.spans import DAY, Calendar, Span, stamp

_UTC = ZoneInfo("UTC")


class Caller(Protocol):
    """What a reader needs of the client; see GenesysClient.call."""

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, permission: str = ""
    ) -> Answer: ...


class PageReader:
    """Reads the pages of one stream's query."""

    def __init__(self, client: Caller, mapping: StreamMapping) -> None:
        self._client = client
        self._source = mapping.source
        self._zone = mapping.window.timezone
        self.query: Query = mapping.query
        largest = self.query.paging.largest if self.query.paging else 0
        self.page_size = min(self._source.page_size or largest, largest)

    def fetch_page(self, span: Span, number: int) -> Page:
        """Ask for page `number`, from 1, of a span; queries without pages have one.

        Raises RefusedSpan for HTTP 400 and 413, MalformedAnswer when the answer is not what the catalogue says.
        """
        answer = self._client.call(
            "POST", self.query.path, body=self._body(span, number), permission=self.query.permission
        )
        listed = answer.body.get(self.query.records)
        if listed is None:
            listed = []
        try:
            if not isinstance(listed, list):
                raise TypeError(f"{type(listed).__name__} instead of list")
            records = list(self._flatten(listed, span))
        except (AttributeError, TypeError) as fault:
            raise MalformedAnswer(
                f"Genesys Cloud {self.query.path}: {self.query.records!r} is no list of objects such as documented",
                "the pass stays open and is read again by the next run",
            ) from fault
        keys = [self.key_of(record) for record in records]
        return Page(
            number=number,
            records=records,
            digest=hashlib.blake2b(orjson.dumps(keys), digest_size=16).hexdigest(),
            size=self.page_size,
            witnesses=_witnesses(self.query.paging, answer) if self.query.paging else Witnesses(),
        )

    def key_of(self, record: Record) -> list[Any]:
        """The values that make a record itself: its id where it has one, else all of its dimensions."""
        if self.query.shape == "summary" and record.get("id"):
            return [record["id"]]
        names = dict.fromkeys((*self.query.record_key, *self._source.group_by))
        return [record.get(name) for name in names]

    def bounds(self, span: Span) -> list[datetime]:
        """Where the span may be halved."""
        if self.query.halves == "day":
            return Calendar(DAY, _UTC).inside(span)
        if self.query.halves == "granularity" and self._source.granularity:
            return Calendar(self._source.granularity, self._zone).inside(span)
        return []

    def _flatten(self, listed: Iterable[Mapping[str, Any]], span: Span) -> Iterable[Record]:
        if self.query.shape == "aggregates":
            return flatten_aggregates(listed)
        if self.query.shape == "users":
            return flatten_users(listed)
        if self.query.shape == "details":
            return flatten_conversations(listed)
        return flatten_summary(listed, span)

    def _body(self, span: Span, number: int) -> dict[str, Any]:
        source = self._source
        if self.query.shape in ("aggregates", "users"):
            body: dict[str, Any] = {
                "interval": _interval(span),
                "granularity": str(source.granularity),
                "timeZone": str(self._zone),
                "groupBy": list(source.group_by),
                "metrics": list(source.metrics),
            }
            if source.filter:
                body["filter"] = source.filter
            if source.views:
                body["views"] = [view.model_dump(exclude_none=True) for view in source.views]
        elif self.query.shape == "details":
            # Ascending by start: conversations that begin while pages are read come last and shift nothing.
            body = {"interval": _interval(span), "order": "asc", "orderBy": "conversationStart"}
            if source.filters.conversation:
                body["conversationFilters"] = list(source.filters.conversation)
            if source.filters.segment:
                body["segmentFilters"] = list(source.filters.segment)
        else:
            body = {
                "dateFrom": stamp(span.start),
                "dateTo": stamp(span.end),
                "groupings": list(source.group_by),
                "metrics": list(source.metrics),
            }
        if self.query.paging:
            _put(body, self.query.paging.size, self.page_size)
            _put(body, self.query.paging.number, number)
        return body


def _interval(span: Span) -> str:
    """Two instants with milliseconds, the one form the vendor documents."""
    start, end = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") for moment in (span.start, span.end))
    return f"{start}/{end}"


def _put(body: dict[str, Any], path: tuple[str, ...], value: int) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value


def _witnesses(paging: NumberedPaging, answer: Answer) -> Witnesses:
    header = answer.headers.get(paging.page_count_header) if paging.page_count_header else None
    return Witnesses(
        total=_number(_get(answer.body, paging.total)),
        page_count=_number(_get(answer.body, paging.page_count)) if paging.page_count else None,
        header_page_count=_number(header),
    )


def _get(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _number(value: Any) -> int | None:
    """A count however it was written; anything else states nothing."""
    try:
        return int(value) if value is not None and int(value) >= 0 else None
    except (TypeError, ValueError):
        return None
