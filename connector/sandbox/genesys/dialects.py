"""Five other ways to list conversations, each told by some integration guide, over the same world.

They contradict the vendor's reference and one another: rows under other keys, pages asked for in other places, counts
of other worth. None stands on a path of the real service; login, tokens and permissions are the same. All list, by
start, what began in the half-open interval. Each docstring tells request, answer, and what the counts are worth while
no fault plan touches them. Dates are ISO instants; a key the dialect does not know is HTTP 400.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from werkzeug import Response

from connector.sandbox.clock import Clock
from connector.sandbox.genesys.access import AGGREGATE, DETAIL
from connector.sandbox.genesys.calls import Asked, Served, json_answer
from connector.sandbox.genesys.cursors import Cursor, cut, next_cursor, read_cursor
from connector.sandbox.genesys.dialect_rows import COLUMNS, TIMES, Row, flat_row, keeps, named_rows
from connector.sandbox.genesys.intervals import Period, parse_instant, parse_interval
from connector.sandbox.genesys.listing import MISSING, Page, ShortPages, WorkedOut, cut_page
from connector.sandbox.genesys.problems import ApiError, bad_request, check_keys, page_asked
from connector.sandbox.genesys.summary import Summary
from connector.sandbox.world import World

DIALECTS = "/api/v2/dialects"
"""Where they stand: DIALECTS/<name>/conversations/..."""

_FIELDS = {name: name for name in ("medium", "direction", "divisionId", "queueId", "userId")}
_BY_DIMENSION = {**_FIELDS, "conversationType": "medium", "mediaType": "medium"}
_BY_TYPE = {**_FIELDS, "channel": "medium", "agentId": "userId"}
_BY_FIELD = {"queue.id": "queueId", "interaction.type": "medium", "user.id": "userId", "division.id": "divisionId"}
_CLAUSE = ("type", "field", "op", "value")


class Dialects:
    """The dialects over a world; the summary query lends its groupings to one of them."""

    def __init__(self, world: World, clock: Clock, summary: Summary) -> None:
        self._world = world
        self._clock = clock
        self._summary = summary
        self._short_pages = ShortPages()
        self._worked_out = WorkedOut()

    def served(self) -> list[Served]:
        """Their calls."""
        details, summary = "conversations/details/query", "conversations/summary/queries"
        return [
            Served("POST", f"{DIALECTS}/page-body/{details}", DETAIL, self.page_body),
            Served("POST", f"{DIALECTS}/page-query/{details}", DETAIL, self.page_query),
            Served("POST", f"{DIALECTS}/next-page-header/{details}", DETAIL, self.next_page_header),
            Served("GET POST", f"{DIALECTS}/cursor-after/{details}", DETAIL, self.cursor_after),
            Served("GET POST", f"{DIALECTS}/page-count-header/{summary}", AGGREGATE, self.page_count_header),
        ]

    def page_body(self, asked: Asked) -> Response:
        """POST; pages by number, asked for and counted in the body.

        Request: {pageSize (25; at most 1000), pageNumber, timeRange: {startDate, endDate}, filter: [{dimension, type:
        "equals", value: [...]}], view, groupBy, interval: an ISO period}; the last three change nothing.
        Answer: {entities: [flat rows], paging: {pageSize: rows on this page, pageNumber, pageCount}}, no total.
        pageCount is true from two pages on; with one page or none it is null.
        """
        body = asked.body()
        check_keys(body, ("pageSize", "pageNumber", "timeRange", "filter", "view", "groupBy", "interval"), "page-body")
        if body.get("interval") is not None:
            Period.parse(body["interval"])
        filters = [
            (_choice(one, "type", "equals") and str(one.get("dimension")), _texts(one.get("value")))
            for one in _objects(body.get("filter"), ("dimension", "type", "value"), "filter")
        ]

        def rows(now: datetime) -> list[Row]:
            start, end = _span(body.get("timeRange"), "startDate", "endDate")
            return self._rows(now, start, end, lambda row: keeps(filters, _BY_DIMENSION, row))

        page = self._page(asked, body, page_asked(body, 1000), self._clock.now(), rows)[0]
        if page.page_count in (0, 1) and asked.arguments("page_count") is None:
            page.page_count = None
        shown = len(page.rows) if isinstance(page.rows, list) else 0
        paging = page.put({"pageSize": shown, "pageNumber": page.number}, page_count="pageCount")
        return json_answer(page.put({"paging": paging}, rows="entities"))

    def page_query(self, asked: Asked) -> Response:
        """POST; pages by number, asked for in the query string, counted at the root of the answer.

        Request: ?pageSize (25; at most 1000)&pageNumber; {interval: "start/end" or an ISO period that ends now,
        metrics: [COLUMNS of the rows], groupBy: ["conversationId"], view: default or extended, filters: [{type,
        values}]}. Without groupBy a conversation comes once for each of its agents.
        Answer: {conversations: [rows], pageSize, pageNumber, pageCount, total}. Both counts are true.
        """
        body, given = asked.body(), asked.query_string("pageSize", "pageNumber")
        check_keys(given, ("pageSize", "pageNumber"), "page-query")
        check_keys(body, ("interval", "metrics", "groupBy", "view", "filters"), "page-query")
        _choice(body, "view", "default", "extended")
        columns = _names(body.get("metrics"), COLUMNS, "metrics") or COLUMNS
        grouped = bool(_names(body.get("groupBy"), ("conversationId",), "groupBy"))
        filters = [
            (str(one.get("type")), _texts(one.get("values")))
            for one in _objects(body.get("filters"), ("type", "values"), "filters")
        ]

        def rows(now: datetime) -> list[Row]:
            return [
                row
                for one in self._world.conversations_at(now, *_interval(body.get("interval"), now))
                if keeps(filters, _BY_TYPE, flat_row(one))
                for row in named_rows(one, columns, self._world.directory, grouped)
            ]

        page = self._page(asked, body, page_asked(given, 1000), self._clock.now(), rows)[0]
        answer = {"pageSize": page.size, "pageNumber": page.number}
        return json_answer(page.put(answer, rows="conversations", page_count="pageCount", total="total"))

    def next_page_header(self, asked: Asked) -> Response:
        """POST; a chain whose cursor stands in the header X-Genesys-Next-Page and, for want of it, in the body.

        Request: ?pageToken=<cursor>; {dateFrom, dateTo (at most 18 months apart), pageSize (25; at most 200), metrics:
        [handleTime, holdTime, talkTime], groupings: [divisionId, ...]}, the same body for every page.
        Answer: {entities: [{id, conversationStart, conversationEnd, groupings, metrics in ms}], nextPage}. On the last
        page there is no header and nextPage is null. No counts.
        """
        body, given = asked.body(), asked.query_string()
        check_keys(given, ("pageToken",), "next-page-header")
        check_keys(body, ("dateFrom", "dateTo", "pageSize", "metrics", "groupings"), "next-page-header")
        start, end = _span(body, "dateFrom", "dateTo")
        if end - start > timedelta(days=549):
            raise bad_request("dateFrom and dateTo must not be more than 18 months apart", "invalid.date")
        wanted = _names(body.get("metrics"), tuple(TIMES), "metrics") or list(TIMES)
        shown = ["conversationStart", "conversationEnd", *_names(body.get("groupings"), tuple(_FIELDS), "groupings")]

        def rows(now: datetime) -> list[Row]:
            return [
                {"id": row["conversationId"], **{name: row[name] for name in (*shown, *wanted) if name in row}}
                for row in self._rows(now, start, end)
            ]

        page, whole, cursor = self._chained(asked, body, body, given.get("pageToken"), 200, rows)
        has_more = cut(page, whole, asked.rules)
        answer = page.put({}, rows="entities")
        if (following := next_cursor(cursor, has_more, asked.rules, "body")) is not MISSING:
            answer["nextPage"] = following
        response = json_answer(answer)
        header = next_cursor(cursor, has_more, asked.rules, "header")
        if isinstance(header, str):
            response.headers["X-Genesys-Next-Page"] = header
        return response

    def cursor_after(self, asked: Asked) -> Response:
        """GET with a body, or POST; a chain whose cursor goes back into the body.

        Request: ?pageSize (25; at most 2000); {dateFrom, dateTo (at most 31 days apart, else 400 QUERY_TOO_COMPLEX),
        filter: {type: AND or OR, clauses: [{type: FIELD, field, op: EQ, value}]}, sort: [{field:
        interaction.startTime, direction: ASC or DESC}], viewId, groupBy, after: <cursor>}.
        Answer: {records: [flat rows with interaction: {id, startTime, type}], total, nextPage}; nextPage is null at
        the end. The total is true; with `cut_chain` the chain ends before it, and shorter spans are whole.
        """
        body, given = asked.body(), asked.query_string("pageSize")
        check_keys(given, ("pageSize",), "cursor-after")
        check_keys(body, ("dateFrom", "dateTo", "filter", "sort", "viewId", "groupBy", "after"), "cursor-after")
        start, end = _span(body, "dateFrom", "dateTo")
        if end - start > timedelta(days=31):
            raise ApiError(400, "QUERY_TOO_COMPLEX", "The query touches too many partitions; shorten the dates")
        passes, descending = _clauses(body.get("filter")), _descends(body.get("sort"))

        def rows(now: datetime) -> list[Row]:
            found = [
                row | {"interaction": {"id": row["conversationId"], "startTime": row["conversationStart"]}}
                for row in self._rows(now, start, end, passes)
            ]
            for row in found:
                row["interaction"] |= {"type": row["medium"]} if "medium" in row else {}
            return found[::-1] if descending else found

        page, whole, cursor = self._chained(asked, body, given, body.get("after"), 2000, rows)
        has_more = cut(page, whole, asked.rules)
        answer = page.put({}, rows="records", total="total")
        if (following := next_cursor(cursor, has_more, asked.rules)) is not MISSING:
            answer["nextPage"] = following
        return json_answer(answer)

    def page_count_header(self, asked: Asked) -> Response:
        """GET or POST; pages by number, asked for and counted anywhere, ended by an empty page.

        Request: page or pageNumber, pageSize (25; at most 250), dateFrom, dateTo, groupings, metrics in the query
        string (lists joined by commas) or in the body; the query string wins.
        Answer: {entities: [rows of the summary query], pageSize, pageNumber, pageCount} and the header X-Page-Count.
        Both counts are an estimate from the conversations before they are grouped: never too low, mostly too high.
        """
        given = asked.query_string("page", "pageNumber", "pageSize")
        for name in ("groupings", "metrics"):
            if name in given:
                given[name] = [one for one in given[name].split(",") if one]
        body = {**(asked.body() if asked.request.get_data() else {}), **given}
        if "page" in body:
            body["pageNumber"] = body.pop("page")
        allowed = ("pageNumber", "pageSize", "dateFrom", "dateTo", "groupings", "metrics")
        check_keys(body, allowed, "page-count-header")
        now = self._clock.now()
        begun = len(self._world.started_at(now, *_span(body, "dateFrom", "dateTo")))
        number_and_size = page_asked(body, 250)
        page = self._page(asked, body, number_and_size, now, lambda at: self._summary.entities(body, at), begun)[0]
        answer = {"pageSize": page.size, "pageNumber": page.number}
        response = json_answer(page.put(answer, rows="entities", page_count="pageCount"))
        if page.header_page_count is not MISSING:
            response.headers["X-Page-Count"] = "" if page.header_page_count is None else str(page.header_page_count)
        return response

    def _rows(
        self, now: datetime, start: datetime, end: datetime, keep: Callable[[Row], bool] = lambda row: True
    ) -> list[Row]:
        rows = (flat_row(conversation) for conversation in self._world.conversations_at(now, start, end))
        return [row for row in rows if keep(row)]

    def _page(
        self,
        asked: Asked,
        body: Mapping[str, Any],
        number_and_size: tuple[int, int],
        as_of: datetime,
        rows: Callable[[datetime], list[Row]],
        estimate: int | None = None,
    ) -> tuple[Page, list[Row]]:
        """A page of `rows` as they are at `as_of`, and all of them. body: what they depend on, paging aside."""
        listed = asked.request.path + _question(body)
        whole = self._worked_out.get((listed, as_of, self._world.revision), lambda: rows(as_of))
        return cut_page(whole, *number_and_size, asked.rules, self._short_pages, listed, estimate), whole

    def _chained(
        self,
        asked: Asked,
        body: Mapping[str, Any],
        sized: Mapping[str, Any],
        token: Any,
        largest: int,
        rows: Callable[[datetime], list[Row]],
    ) -> tuple[Page, list[Row], Cursor]:
        """The page a cursor leads to, all rows of its list, and the cursor. sized: what holds pageSize."""
        size = page_asked({"pageSize": sized.get("pageSize", 25)}, largest)[1]
        cursor = read_cursor(token, f"{asked.request.path} {size} {_question(body)}", self._clock.now())
        page, whole = self._page(asked, body, (cursor.number, size), cursor.as_of, rows)
        return page, whole, cursor


def _question(body: Mapping[str, Any]) -> str:
    aside = {name: None for name in ("pageNumber", "pageSize", "after")}
    return orjson.dumps({**body, **aside}, option=orjson.OPT_SORT_KEYS).decode()


def _span(holder: Any, first: str, last: str) -> tuple[datetime, datetime]:
    if not isinstance(holder, Mapping):
        raise bad_request(f"{first} and {last} are needed, inside an object", "invalid.date")
    start, end = parse_instant(holder.get(first)), parse_instant(holder.get(last))
    if start >= end:
        raise bad_request(f"{last} must be after {first}", "invalid.date")
    return start, end


def _interval(text: Any, now: datetime) -> tuple[datetime, datetime]:
    if isinstance(text, str) and text.startswith("P") and "/" not in text:
        period = Period.parse(text)
        start = now - timedelta(days=period.days + 30 * period.months, seconds=period.seconds)
        return start, now
    return parse_interval(text)


def _objects(given: Any, keys: Sequence[str], what: str) -> list[Mapping[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise bad_request(f"{what} must be a list of objects with {', '.join(keys)}")
    for one in given:
        check_keys(one, keys, what)
    return given


def _choice(holder: Mapping[str, Any], key: str, *allowed: str) -> str:
    """The value of `key`, the first of `allowed` when it is absent; raises HTTP 400 for another."""
    value = holder.get(key, allowed[0])
    if value not in allowed:
        raise bad_request(f"{key} must be one of {', '.join(allowed)}", "invalid.value")
    return str(value)


def _names(given: Any, known: Sequence[str], what: str) -> list[str]:
    names = given or []
    if not isinstance(names, list) or any(name not in known for name in names):
        raise bad_request(f"The query is invalid: {what} must be a list of {', '.join(known)}", "invalid.value")
    return names


def _texts(given: Any) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list) else [str(given)]


def _clauses(given: Any) -> Callable[[Row], bool]:
    """The filter of `cursor_after` as a function."""
    if given is None:
        return lambda row: True
    clauses = _objects(given.get("clauses") if isinstance(given, Mapping) else given, _CLAUSE, "filter.clauses")
    joined = all if _choice(given, "type", "AND", "OR") == "AND" else any
    for one in clauses:
        _choice(one, "type", "FIELD")
        _choice(one, "op", "EQ")
    fields = [(str(one.get("field")), _texts(one.get("value"))) for one in clauses]
    return lambda row: joined(keeps([one], _BY_FIELD, row) for one in fields)


def _descends(given: Any) -> bool:
    """Whether `cursor_after` is asked for the newest first."""
    for one in _objects(given, ("field", "direction"), "sort"):
        _choice(one, "field", "interaction.startTime")
        return _choice(one, "direction", "ASC", "DESC") == "DESC"
    return False
