"""A mapping as values: one stream's query, time rules, target and fields, checked and frozen."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from connector.genesys.queries import CATALOGUE, Query
from connector.mapping.arguments import zone
from connector.mapping.endpoint import Endpoint
from connector.mapping.examples import RecordExample
from connector.mapping.paths import RecordPath, parse_path
from connector.mapping.rules import Condition, FieldRule
from connector.mapping.strict import Strict
from connector.mapping.suggest import did_you_mean
from connector.spans import DAY, MINUTE, Calendar, Period
from connector.windows import Window

_UTC = ZoneInfo("UTC")
OPEN_GIVE_UP = Period(days=90)
KEEP_HASHES = Period(days=400)
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


def _query(written: Any) -> str:
    if not isinstance(written, str):
        raise ValueError("must be the name of a query")
    if written not in CATALOGUE:
        hint = did_you_mean(written, CATALOGUE) or f"; known are {', '.join(CATALOGUE)}"
        raise ValueError(f"unknown query '{written}'{hint}")
    return written


def _subject(written: Any) -> str:
    if not isinstance(written, str) or not re.fullmatch(r"[a-z]{1,40}", written):
        raise ValueError("must be one word in small letters, such as flows or evaluations")
    return written


def period(written: Any) -> Period:
    """A duration. Raises ValueError."""
    if not isinstance(written, str):
        raise ValueError("must be a duration such as P1D, PT6H or PT30M")
    found = Period.parse(written)
    if found.months > 1200 or found.days > 36_500 or found.seconds > 36_500 * 86_400:
        # Counted back from today it would lead to before the first year there is.
        raise ValueError(f"{written!r} is longer than a hundred years")
    return found


def _start(written: Any) -> date:
    """A date, or an instant with its offset (converted to UTC)."""
    how = "write a date such as 2026-01-01, or an instant such as 2026-01-01T06:00:00Z"
    if not isinstance(written, str):
        raise ValueError(f"must be a date; {how}")
    try:
        found = date.fromisoformat(written) if re.fullmatch(r"\d{4}-\d\d-\d\d", written) else _moment(written)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{written!r} is no date ({error}); {how}") from None
    if not _FIRST_YEAR <= found.year < _LAST_YEAR:
        raise ValueError(f"{written!r}: Genesys Cloud holds nothing of the year {found.year}")
    return found


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a time of day without Z or an offset")
    return moment.astimezone(UTC)


def _share(written: Any) -> float:
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?) ?%", written) if isinstance(written, str) else None
    if not found or not 0 <= float(found[1]) <= 100:
        raise ValueError("must be a share such as 10 %")
    return float(found[1]) / 100


def _object(written: Any) -> str:
    if not isinstance(written, str) or not re.fullmatch(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z]{1,3})?", written):
        raise ValueError("must be the API name of a Salesforce object, such as Queue_Interval__c")
    return written


_Period = Annotated[Period, PlainValidator(period)]
_Names = Annotated[tuple[Annotated[str, Field(strict=True)], ...], Field(strict=False)]
_Clauses = Annotated[tuple[Annotated[dict[str, Any], Field(strict=True)], ...], Field(strict=False)]
_AtLeastOne = Annotated[int, Field(ge=1)]


class Filters(Strict):
    """Filters of the details query as the API spells them, sent as written."""

    conversation: _Clauses = ()
    segment: _Clauses = ()


def _view_name(written: Any) -> str:
    if not isinstance(written, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,79}", written):
        raise ValueError("must be a name of letters, digits, '_' and '-', such as long_calls")
    return written


def _bound(written: Any) -> int | float:
    if isinstance(written, bool) or not isinstance(written, int | float) or written < 0:
        raise ValueError("must be a number of milliseconds, such as 600000")
    return written


class ViewRange(Strict):
    """Bounds in milliseconds: at least `gte`, below `lt`."""

    gte: Annotated[int | float | None, PlainValidator(_bound)] = None
    lt: Annotated[int | float | None, PlainValidator(_bound)] = None


class View(Strict):
    """A metric that counts those values of another that lie within bounds; sent as written."""

    target: str
    name: Annotated[str, PlainValidator(_view_name)]
    function: Literal["rangeBound"]
    range: ViewRange


class Source(Strict):
    """What is asked of Genesys.

    query: a name of the catalogue, or endpoint: a call described in place, one of both; subject: what the query named
    "aggregates" is about, None for the others; granularity, filter: of aggregates; views: of aggregates that are not of
    users; group_by, metrics: of aggregates, and the groupings and metrics of the summary query; filters: of details;
    via: of details and aggregates; page_size: None where there are no pages.
    """

    query: Annotated[str, PlainValidator(_query)] | None = None
    endpoint: Endpoint | None = None
    via: Literal["auto", "query", "job"] = "auto"
    subject: Annotated[str | None, PlainValidator(_subject)] = None
    granularity: _Period | None = None
    group_by: _Names = ()
    metrics: _Names = ()
    filter: dict[str, Any] | None = None
    views: Annotated[tuple[View, ...], Field(strict=False)] = ()
    filters: Filters = Filters()
    page_size: _AtLeastOne | None = None
    max_pages: _AtLeastOne = 10_000

    @property
    def asked(self) -> Query:
        """What is asked, whoever described it. Raises KeyError when neither query nor endpoint is given."""
        if self.endpoint:
            return self.endpoint.as_query()
        query = CATALOGUE[self.query or ""]
        return query.about(self.subject) if self.subject else query


class WindowRules(Strict):
    """The time rules as written. start: a date (midnight in `timezone`) or an instant in UTC."""

    start: Annotated[date, PlainValidator(_start)]
    size: _Period = DAY
    lookback: _Period = Period(seconds=6 * 3600)
    recheck: Annotated[tuple[_Period, ...], Field(strict=False)] = ()
    settle: _Period = Period(seconds=15 * 60)
    timezone: Annotated[ZoneInfo, PlainValidator(zone)] = _UTC


class TargetRules(Strict):
    """Where rows go and how. reject_limit: a share of the rows, 0.1 for 10 %."""

    object: Annotated[str, PlainValidator(_object)]
    external_id: str
    deliver: Literal["auto", "bulk", "collections"] = "auto"
    job_rows: _AtLeastOne = 150_000
    reject_limit: Annotated[float, PlainValidator(_share)] = 0.1
    when_vanished: Literal["leave", "clear", "delete"] = "leave"


def each_of(written: Any) -> RecordPath:
    """The path of `each`. Raises ValueError."""
    if not isinstance(written, str) or not written:
        raise ValueError("must be a path to a list, such as participants.sessions")
    return parse_path(written)


class Target(TargetRules):
    """One Salesforce object fed by a stream: its rules, which records reach it, and how each field is made.

    each: path to a list, for one row per element; None: one row per record.
    """

    each: RecordPath | None = None
    keep: tuple[Condition, ...] = ()
    skip: tuple[Condition, ...] = ()
    fields: tuple[FieldRule, ...] = ()

    @property
    def key(self) -> FieldRule:
        """The rule of the external-id field."""
        return next(rule for rule in self.fields if rule.name == self.external_id)


@dataclass(frozen=True)
class Mapping:
    """One stream as its file describes it. stream: the file's name without its ending.

    targets: parents first; lookup_age: how long what was looked up is believed; warnings: what works but may
    not be meant, each with file, line and place; examples: have no effect on a run; open_give_up: age after which a
    record that never ends is not followed any more; keep_hashes: age after which it is forgotten what Salesforce
    confirmed; freshness: how far the stream may lag behind, None: as far as it does.
    """

    stream: str
    about: str
    enabled: bool
    source: Source
    window: WindowRules
    targets: tuple[Target, ...]
    lookup_age: Period = DAY
    warnings: tuple[str, ...] = ()
    examples: tuple[RecordExample, ...] = ()
    open_give_up: Period = OPEN_GIVE_UP
    keep_hashes: Period = KEEP_HASHES
    freshness: Period | None = None

    @property
    def query(self) -> Query:
        return self.source.asked


def window_of(mapping: Mapping) -> Window:
    """The mapping's time rules for planning.

    Every span begins and ends on boundaries of the granularity; of a query whose records carry no time, on those of
    `size`, for its answer is true of a whole cell only; else on whole minutes.
    """
    rules = mapping.window
    start = rules.start
    if not isinstance(start, datetime):
        start = datetime.combine(start, time(), rules.timezone).astimezone(UTC)
    grain = rules.size if mapping.query.is_cell else mapping.source.granularity or MINUTE
    return Window(
        start=start,
        size=Calendar(rules.size, rules.timezone),
        grain=Calendar(grain, rules.timezone),
        lookback=rules.lookback.length(),
        settle=rules.settle.length(),
        recheck=tuple(age.length() for age in rules.recheck),
        is_snapshot=mapping.query.is_snapshot,
    )
