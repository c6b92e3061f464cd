"""`source.endpoint`: a call that lists records, described in place, as a query like those of the catalogue.

What it may say: any path of the region's API host and no other host, by GET or POST, with the placeholders below
anywhere in path, query string and body; where the records stand; what makes one itself; and how pages follow each
other. Login, retries, pace and the judging of pages are those of every stream.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from connector.genesys.queries import CursorPaging, NumberedPaging, Query
from connector.genesys.templates import placeholders
from connector.mapping.document import Document, Place
from connector.mapping.paths import Name, RecordPath, parse_path
from connector.mapping.strict import Strict, kind_of, read
from connector.mapping.suggest import did_you_mean

PLACEHOLDERS = ("start", "end", "page", "page_size", "cursor")
USUAL_PAGE_SIZE = 100
HEADER = "header:"

_PATH_SIGNS = re.compile(r"[A-Za-z0-9_.~:,;=+*!()/-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _names(written: Any) -> str:
    """A path of names below each other, without lists."""
    if not isinstance(written, str):
        raise ValueError("must be a path such as entities or data.items")
    path = parse_path(written)
    if not all(isinstance(step, Name) for step in path.steps):
        raise ValueError(f"path {written!r}: only names joined by dots stand here")
    return path.names[0] if len(path.steps) == 1 and _is_plain(path) else written


def _is_plain(path: RecordPath) -> bool:
    return re.fullmatch(r"[\w:-]+", path.names[0]) is not None


def _api_path(written: Any) -> str:
    """A path on the region's API host; nothing in it can lead to another host or out of it."""
    if not isinstance(written, str) or not written.startswith("/"):
        raise ValueError("must be a path of the API host that begins with '/', such as /api/v2/analytics/...")
    bare = re.sub(r"\$\{[^{}]*\}", "x", written)
    if "?" in bare:
        raise ValueError("what follows '?' is written under 'query', a name and a value each")
    if "//" in bare or {".", ".."} & set(bare.split("/")):
        raise ValueError("'//', '/./' and '/../' cannot stand in it: only paths of the region's API host are called")
    if not _PATH_SIGNS.fullmatch(bare):
        sign = next(sign for sign in bare if not _PATH_SIGNS.fullmatch(sign))
        raise ValueError(f"{sign!r} cannot stand in it: only paths of the region's API host are called")
    return written


def _answer_place(written: Any) -> str:
    if isinstance(written, str) and written.startswith(HEADER):
        if not _HEADER_NAME.fullmatch(written.removeprefix(HEADER)):
            raise ValueError(f"{written!r}: a header is named as in header:X-Page-Count")
        return written
    try:
        return _names(written)
    except ValueError as error:
        raise ValueError(f"{error}; a place in the answer is a path such as paging.pageCount, or header:Name") from None


def _answer_places(written: Any) -> tuple[str, ...]:
    """One place of the answer, or a list of them."""
    return tuple(_answer_place(one) for one in (written if isinstance(written, list) else [written]))


def _request_place(written: Any) -> tuple[str, ...]:
    """("body", ...), ("query", name) or ("path",)."""
    how = "must be where it goes: body.pageNumber, query.pageNumber or path"
    if written == "path":
        return ("path",)
    if not isinstance(written, str):
        raise ValueError(how)
    part, _, rest = written.partition(".")
    if part == "query" and rest:
        return ("query", rest)
    if part == "body" and rest:
        return ("body", *parse_path(_names(rest)).names)
    raise ValueError(f"{how}{did_you_mean(part, ('body', 'query', 'path'))}")


def _keys(written: Any) -> tuple[str, ...]:
    if not isinstance(written, list) or not written:
        raise ValueError("must be a list of paths to what makes a record itself, such as [id]")
    found = tuple(_names(one) for one in written)
    if twice := next((one for index, one in enumerate(found) if one in found[:index]), None):
        raise ValueError(f"'{twice}' stands twice")
    return found


_AnswerPlaces = Annotated[tuple[str, ...], PlainValidator(_answer_places)]
_RequestPlace = Annotated[tuple[str, ...], PlainValidator(_request_place)]
_Scalar = Annotated[str | int | float | bool, Field(union_mode="left_to_right")]


class Paging(Strict):
    """How pages follow each other: by number or by cursor.

    page, cursor: where it goes in the request; next: where an answer holds the cursor of the page that follows, the
    first place that holds one counts; total, page_count: where an answer says how many records or pages there are, each
    place a witness.
    """

    page: _RequestPlace | None = None
    cursor: _RequestPlace | None = None
    next: _AnswerPlaces = ()
    total: _AnswerPlaces = ()
    page_count: _AnswerPlaces = ()


class Endpoint(Strict):
    """The call as written.

    records: path of the list in the answer; key: paths of what makes a record itself; time: path of the record's own
    unchanging instant; without it `start` and `end` of the asked span are added to records.
    """

    method: Literal["GET", "POST"] = "POST"
    path: Annotated[str, PlainValidator(_api_path)]
    query: dict[str, _Scalar] = Field(default_factory=dict)
    body: dict[str, Any] | None = None
    records: Annotated[str, PlainValidator(_names)]
    key: Annotated[tuple[str, ...], PlainValidator(_keys)]
    time: Annotated[str, PlainValidator(_names)] | None = None
    paging: Paging | None = None

    @property
    def names_page_size(self) -> bool:
        """Whether the request says how many records a page holds."""
        return any(name == "page_size" for _, name, _ in placeholders(self._request()))

    def as_query(self) -> Query:
        """The endpoint as the catalogue would describe it."""
        request = self._request()
        return Query(
            name=f"{self.method} {self.path}",
            shape="endpoint",
            method=self.method,
            path=self.path,
            params=request["query"],
            body=request.get("body"),
            records=self.records,
            record_key=self.key if self.time else (*self.key, "start"),
            time=self.time or "start",
            halves="minute" if self.time else "none",
            paging=self._paging(),
            permission="",
            is_cell=self.time is None,
        )

    def _paging(self) -> NumberedPaging | CursorPaging | None:
        match self.paging:
            case None:
                return None
            case Paging(cursor=None) as by:
                return NumberedPaging(by.total, by.page_count, USUAL_PAGE_SIZE, False)
            case by:
                return CursorPaging(by.next, by.total, USUAL_PAGE_SIZE, False)

    def _request(self) -> dict[str, Any]:
        """Path, query string and body, with the page's or cursor's placeholder where `paging` says it goes."""
        request: dict[str, Any] = {"path": self.path, "query": dict(self.query)}
        if self.body is not None:
            request["body"] = self.body
        for name, place in _places(self.paging):
            if place != ("path",):
                request = _put(request, place, f"${{{name}}}")
        return request


def _places(paging: Paging | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in ("page", "cursor"):
        if paging is not None and (place := getattr(paging, name)) is not None:
            yield name, place


def _put(request: dict[str, Any], place: tuple[str, ...], value: str) -> dict[str, Any]:
    """The request with the value at a place, made where it is not there."""
    first, *rest = place
    if not rest:
        return {**request, first: value}
    below = request.get(first)
    return {**request, first: _put(below if isinstance(below, dict) else {}, tuple(rest), value)}


def read_endpoint(document: Document, written: Any, place: Place) -> Endpoint | None:
    """The endpoint at `place`, with every problem noted; None when it cannot be used."""
    if not isinstance(written, dict):
        document.problem(place, f"must be keys with values, not {kind_of(written)}")
        return None
    endpoint = read(Endpoint, {key: value for key, value in written.items() if key != "paging"}, document, place)
    paging = read(Paging, written["paging"], document, (*place, "paging")) if "paging" in written else None
    if paging is not None:
        _check_paging(document, (*place, "paging"), written, paging)
    _check_placeholders(document, place, written, paging)
    return endpoint and endpoint.model_copy(update={"paging": paging})


def _check_paging(document: Document, place: Place, written: dict[str, Any], paging: Paging) -> None:
    asked = [name for name in ("page", "cursor") if name in written["paging"]]
    if not asked:
        document.problem(place, "'page' or 'cursor' is missing: where the number or the cursor of a page goes")
    if len(asked) == 2:
        document.problem((*place, "cursor"), "'page' and 'cursor' exclude each other; keep one", at_key=True)
    if "cursor" in asked and "next" not in written["paging"]:
        document.problem(place, "'next' is missing: where an answer holds the cursor of the page that follows")
    if asked == ["page"] and "next" in written["paging"]:
        document.problem((*place, "next"), "'next' is for pages asked for by 'cursor'", at_key=True)
    if asked == ["cursor"] and "page_count" in written["paging"]:
        document.problem((*place, "page_count"), "'page_count' is for pages asked for by number", at_key=True)
    for name, goes in _places(paging):
        if problem := _misplaced(written, name, goes):
            document.problem((*place, name), problem)


def _misplaced(written: dict[str, Any], name: str, goes: tuple[str, ...]) -> str:
    """What keeps a placeholder from standing where it should go; "" when nothing does."""
    placeholder = f"${{{name}}}"
    if goes == ("path",):
        if name == "cursor":
            return "cannot go into the path, for the first page has no cursor"
        return "" if placeholder in str(written.get("path")) else f"write {placeholder} where it goes in 'path'"
    there: Any = written
    for depth, key in enumerate(goes):
        if not isinstance(there, dict):
            return f"'{'.'.join(goes[:depth])}' holds {kind_of(there)}, nothing can go below it"
        if key not in there:
            return ""
        there = there[key]
    return "" if there == placeholder else f"'{'.'.join(goes)}' holds something else; write {placeholder} there"


def _check_placeholders(document: Document, place: Place, written: dict[str, Any], paging: Paging | None) -> None:
    """Note placeholders that are unknown, out of place, or missing."""
    request = {part: written[part] for part in ("path", "query", "body") if part in written}
    given = {name for name, _ in _places(paging)}
    met = set[str]()
    for where, name, is_whole in placeholders(request):
        at, shown = (*place, *where), f"${{{name}}}"
        met.add(name)
        if not name:
            document.problem(at, "'${' begins a placeholder that is not closed by '}'")
        elif name not in PLACEHOLDERS:
            hint = did_you_mean(name, PLACEHOLDERS) or f"; known are {', '.join(PLACEHOLDERS)}"
            document.problem(at, f"unknown placeholder '{shown}'{hint}")
        elif name in ("page", "cursor") and name not in given and "paging" not in written:
            document.problem(at, f"'{shown}' needs paging: {{{name}: {'.'.join(map(str, where))}}}")
        elif name in ("page", "cursor") and name not in given and paging is not None:
            document.problem(at, f"'{shown}' is for paging by '{name}'")
        elif name == "page_size" and "paging" not in written:
            document.problem(at, f"'{shown}' needs paging")
        elif name == "cursor" and not is_whole:
            document.problem(at, f"'{shown}' must be the whole value of a key: the first page has none")
    if missing := [f"${{{name}}}" for name in ("start", "end") if name not in met]:
        stand = "stand" if len(missing) > 1 else "stands"
        document.problem(
            place, f"{' and '.join(missing)} {stand} nowhere in path, query or body: the span cannot be asked for"
        )
