"""A small part of SOQL: one object, AND-ed comparisons, ORDER BY, LIMIT; paging by nextRecordsUrl.

    SELECT f, R.g FROM X [WHERE f = 'v' AND g IN (...) AND h >= 2026-01-01T00:00:00Z] [ORDER BY f [DESC]] [LIMIT n]
    SELECT COUNT() FROM X [WHERE ...]

`R.g` is a field of the parent a look-up with one kind of parent points to.

Sources: SOQL reference, "SOQL SELECT Syntax" and "Relationship Queries"; REST API guide, "Query" and "Query More
Results".
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from werkzeug import Response
from werkzeug.routing import Rule

from connector.sandbox.objects import Field
from connector.sandbox.salesforce.errors import RestError
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.rest import Call, json_answer
from connector.sandbox.salesforce.setup import Setup
from connector.sandbox.salesforce.values import stamp

__all__ = ["Queries", "Query", "parse"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*')
      | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
      | (?P<date>\d{4}-\d\d-\d\d)
      | (?P<number>[+-]?\d+(?:\.\d+)?)
      | (?P<sign><=|>=|!=|<>|[=<>(),])
      | (?P<word>[A-Za-z][\w.]*)
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_SIGNS = {"=": "IS", "!=": "IS NOT", "<>": "IS NOT", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CURSORS_KEPT = 10


@dataclass
class Query:
    """A parsed query.

    fields: as they will be named in the answer; none for `COUNT()`; through: those of them that stand on a parent: the
    look-up field, the parent's object and its field; clauses: SQL after the table.
    """

    name: str
    fields: list[str]
    through: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    clauses: str = ""
    values: list[Any] = field(default_factory=list)


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _malformed(text[at:])
            self._tokens.append((str(found.lastgroup), found[found.lastgroup or 0]))
            at = found.end()
        self._at = 0

    def peek(self) -> str:
        """The next token in upper case, empty at the end."""
        return self._tokens[self._at][1].upper() if self._at < len(self._tokens) else ""

    def take(self, *kinds: str) -> tuple[str, str]:
        """The next token, which must be of one of these kinds."""
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in kinds:
            raise _malformed(self.peek() or "<EOF>")
        self._at += 1
        return self._tokens[self._at - 1]

    def skip(self, *words: str) -> bool:
        """Pass over these words (or signs) if they come next."""
        there = [text.upper() for _, text in self._tokens[self._at : self._at + len(words)]]
        if there == list(words):
            self._at += len(words)
            return True
        return False

    def need(self, *words: str) -> None:
        """Pass over these words, which must come next."""
        if not self.skip(*words):
            raise _malformed(self.peek() or "<EOF>")


def _malformed(near: str) -> RestError:
    return RestError(400, "MALFORMED_QUERY", f"unexpected token: {near.split(' ')[0][:40]}")


def parse(text: str, setup: Setup) -> Query:
    """Parse the supported part of SOQL. Raises RestError 400 MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD."""
    tokens = _Tokens(text)
    tokens.need("SELECT")
    wanted: list[str] = []
    if not tokens.skip("COUNT", "(", ")"):
        wanted.append(tokens.take("word")[1])
        while tokens.skip(","):
            wanted.append(tokens.take("word")[1])
    tokens.need("FROM")
    name = tokens.take("word")[1]
    found = setup.find(name)
    if found is None:
        raise RestError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    query = Query(found.name, [])
    for each in wanted:
        _select(query, each, setup)
    clauses = []
    if tokens.skip("WHERE"):
        conditions = [_condition(tokens, query, setup)]
        while tokens.skip("AND"):
            conditions.append(_condition(tokens, query, setup))
        clauses.append(f"WHERE {' AND '.join(conditions)}")
    if tokens.skip("ORDER", "BY"):
        by = _field(setup, query.name, tokens.take("word")[1]).name
        way = "DESC" if tokens.skip("DESC") else "ASC"
        tokens.skip("ASC")
        nulls = "LAST" if tokens.skip("NULLS", "LAST") else "FIRST"
        tokens.skip("NULLS", "FIRST")
        clauses.append(f'ORDER BY "{by}" {way} NULLS {nulls}')
    elif wanted:
        clauses.append("ORDER BY number")
    if tokens.skip("LIMIT"):
        clauses.append("LIMIT ?")
        query.values.append(int(tokens.take("number")[1]))
    if tokens.peek():
        raise _malformed(tokens.peek())
    query.clauses = " ".join(clauses)
    return query


def _select(query: Query, wanted: str, setup: Setup) -> None:
    if "." not in wanted:
        query.fields.append(_field(setup, query.name, wanted).name)
        return
    look_up, parent, field = _of_parent(setup, query.name, wanted)
    column = f"{look_up.relationship}.{field.name}"
    query.fields.append(column)
    query.through[column] = (look_up.name, parent, field.name)


def _of_parent(setup: Setup, name: str, wanted: str) -> tuple[Field, str, Field]:
    """The look-up field, the parent's object and its field that `Relationship.Field` names."""
    relationship, _, field = wanted.partition(".")
    for each in setup.fields(name).values():
        # Of a parent of several types only the fields all of them have could be named.
        if each.relationship.lower() == relationship.lower() and len(each.points_to) == 1:
            parent = setup.find(each.points_to[0])
            if parent is not None:
                return each, parent.name, _field(setup, parent.name, field)
    message = f"Didn't understand relationship '{relationship}' in field path"
    raise RestError(400, "INVALID_FIELD", message)


def _field(setup: Setup, name: str, wanted: str) -> Field:
    found = setup.column(name, wanted)
    if found is None or "." in wanted:
        raise RestError(400, "INVALID_FIELD", f"No such column '{wanted}' on sobject of type {name}")
    return found[0]


def _condition(tokens: _Tokens, query: Query, setup: Setup) -> str:
    wanted = tokens.take("word")[1]
    if "." in wanted:
        look_up, parent, field = _of_parent(setup, query.name, wanted)
        return f'"{look_up.name}" IN (SELECT Id FROM "{parent}" WHERE {_test(tokens, query, field)})'  # noqa: S608
    return _test(tokens, query, _field(setup, query.name, wanted))


def _test(tokens: _Tokens, query: Query, by: Field) -> str:
    collate = "" if by.case_sensitive or by.kind == "id" else " COLLATE NOCASE"
    is_not = tokens.skip("NOT", "IN", "(")
    if is_not or tokens.skip("IN", "("):
        values = [_value(tokens, by)]
        while tokens.skip(","):
            values.append(_value(tokens, by))
        tokens.need(")")
        query.values += values
        marks = ", ".join("?" * len(values))
        return f'"{by.name}"{collate} {"NOT " if is_not else ""}IN ({marks})'
    sign = tokens.take("sign")[1]
    if sign not in _SIGNS:
        raise _malformed(sign)
    query.values.append(_value(tokens, by))
    return f'"{by.name}" {_SIGNS[sign]} ?{collate}'


def _value(tokens: _Tokens, by: Field) -> Any:
    kind, text = tokens.take("text", "datetime", "date", "number", "word")
    is_quoted_kind = by.kind not in ("double", "int", "boolean", "datetime", "date")
    if kind == "word" and text.lower() == "null":
        return None
    if kind == "text" and is_quoted_kind:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
    if kind == "number" and by.kind in ("double", "int"):
        return float(text)
    if kind == "datetime" and by.kind == "datetime":
        return stamp(datetime.fromisoformat(text))
    if kind == "date" and by.kind == "date":
        return text
    if kind == "word" and by.kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    message = f"value of filter criterion for field '{by.name}' must be of type {by.kind}"
    raise RestError(400, "INVALID_FIELD", message)


class Queries:
    """The endpoints `query`. page: records in one answer."""

    def __init__(self, org: Org, setup: Setup, *, page: int) -> None:
        self._org, self._setup, self._page = org, setup, page
        self._cursors: OrderedDict[str, tuple[Query, list[str]]] = OrderedDict()
        self._made = 0

    def rules(self) -> list[Rule]:
        """The paths, below `/services/data/vXX.0`."""
        return [
            Rule("/query", endpoint=self.first, methods=["GET"]),
            Rule("/query/<locator>", endpoint=self.more, methods=["GET"]),
        ]

    def first(self, call: Call) -> Response:
        """GET `?q=`: the first page, or the count."""
        query = parse(call.request.args.get("q", ""), self._setup)
        if not query.fields:
            count = self._org.count(query.name, query.clauses, query.values)
            return json_answer({"totalSize": count, "done": True, "records": []})
        ids = self._org.ids(query.name, query.clauses, query.values)
        self._made += 1
        cursor = f"01gak{self._made:010}AAA"
        if len(ids) > self._page:
            self._cursors[cursor] = (query, ids)
            # The oldest cursor goes when a user opens an eleventh.
            while len(self._cursors) > _CURSORS_KEPT:
                self._cursors.popitem(last=False)
        return self._answer(call, cursor, query, ids, 0)

    def more(self, call: Call, locator: str) -> Response:
        """GET the page a nextRecordsUrl names."""
        cursor, _, start = locator.partition("-")
        if cursor not in self._cursors or not start.isdigit():
            raise RestError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        query, ids = self._cursors[cursor]
        return self._answer(call, cursor, query, ids, int(start))

    def _answer(self, call: Call, cursor: str, query: Query, ids: list[str], start: int) -> Response:
        end = start + self._page
        wanted = ids[start:end]
        marks = ", ".join("?" * len(wanted))
        found = {each["Id"]: each for each in self._org.select(query.name, f"WHERE Id IN ({marks})", wanted)}
        path = f"{call.base}/sobjects/{query.name}"
        records = [
            {
                "attributes": {"type": query.name, "url": f"{path}/{each}"},
                **self._values(call, query, found[each]),
            }
            for each in wanted
            if each in found
        ]
        answer = {"totalSize": len(ids), "done": end >= len(ids), "records": records}
        if end < len(ids):
            answer["nextRecordsUrl"] = f"{call.base}/query/{cursor}-{end}"
        return json_answer(answer)

    def _values(self, call: Call, query: Query, record: dict[str, Any]) -> dict[str, Any]:
        """The fields asked for; those of a parent in a record of its own, null where there is no parent."""
        values: dict[str, Any] = {}
        for name in query.fields:
            if name not in query.through:
                values[name] = record[name]
                continue
            lookup, parent, column = query.through[name]
            relationship = name.partition(".")[0]
            # A look-up to a record that was deleted is empty ("Clear the value of this field", the default).
            above = next(self._org.select(parent, "WHERE Id = ?", [record[lookup]]), None)
            if above is None:
                values[relationship] = None
                continue
            url = f"{call.base}/sobjects/{parent}/{record[lookup]}"
            own = values.setdefault(relationship, {"attributes": {"type": parent, "url": url}})
            own[column] = above[column]
        return values
