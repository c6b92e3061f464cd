"""Read records back as they were written: by a span of their time, or by their keys.

Every query asks for the key and the fields written. A span names no key, so it costs a call for each page of records
and also gives those nobody expects; keys cost a call for some hundred of them. Sources: SOQL reference, "Date Formats
and Date Literals", "Relationship Queries" and "Understanding Polymorphic Relationships"; REST API guide, "Query".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connector.errors import DeliveryRefused, MalformedAnswer
from connector.salesforce import soql
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description
from connector.spans import Span, stamp

ADDRESS = 14_000
"""Characters of a whole query as its address holds them, at most: 16,384 bytes less the rest of the address."""


@dataclass(frozen=True)
class Column:
    """A field that can be read back.

    name: the column as it was written, `Field__c` or `Parent__r.Key__c`; type: as describe tells it, `parent` for a
    relationship; scale: digits after the point, of numbers.
    """

    name: str
    type: str
    scale: int = 0

    def of(self, record: Mapping[str, Any]) -> Any:
        """Its value in a record of an answer. Raises MalformedAnswer when the record does not tell it."""
        relationship, _, field = self.name.partition(".")
        try:
            if not field:
                return record[self.name]
            parent = record[relationship]
            return None if parent is None else parent[field]
        except (KeyError, TypeError):
            raise MalformedAnswer(f"Salesforce answered a query without {self.name}, which was asked for") from None


def readable(
    description: Description, columns: Iterable[str], unreadable: Iterable[str] = ()
) -> tuple[tuple[Column, ...], dict[str, str]]:
    """Those of `columns` that can be read back; and of the others, why not. unreadable: types of fields that give
    something else than was written."""
    found, left_out = [], {}
    for name in columns:
        relationship, dot, _ = name.partition(".")
        field = description.lookup(relationship) if dot else description.field(name)
        if ":" in name or (field and dot and field.is_polymorphic):
            left_out[name] = "its parent may be of several types, and a query cannot ask for this key of one"
        elif field is None:
            left_out[name] = "it does not exist, or the integration user may not see it"
        elif field.type in unreadable:
            left_out[name] = f"a field of type {field.type} does not tell what was written to it"
        else:
            found.append(Column(name, "parent" if dot else field.type, 0 if dot else field.scale))
    return tuple(found), left_out


@dataclass(frozen=True)
class Held:
    """A record as Salesforce holds it. values: by column, named as it is written."""

    key: str
    values: Mapping[str, Any]


class ReadBack:
    """Reads the records of one object. external_id: name of the key field; columns: what is asked for besides it.

    Every call is made only while the org's other users keep their share of its calls.
    """

    def __init__(self, org: Org, object: str, external_id: str, columns: Sequence[Column]) -> None:
        self._org = org
        self._object = object
        self._key = external_id
        self._columns = columns
        names = dict.fromkeys((external_id, *(one.name for one in columns)))
        self._select = f"SELECT {', '.join(names)} FROM {object} WHERE "  # noqa: S608

    def by_time(self, field: str, span: Span) -> Iterator[list[Held]]:
        """All records with a key whose `field` lies in the span, page by page.

        Raises what `soql.pages` and `Org.keep_reserve` raise.
        """
        within = f"{field} >= {stamp(span.start)} AND {field} < {stamp(span.end)}"
        yield from self._pages(f"{within} AND {self._key} != null")

    def by_keys(self, keys: Sequence[str]) -> Iterator[list[Held]]:
        """The records of these keys, page by page. Salesforce may find them whatever the case of their letters.

        Raises what `soql.pages` and `Org.keep_reserve` raise; DeliveryRefused when the fields alone fill the address.
        """
        room = ADDRESS - len(quote(self._select))
        if keys and room < 1_000:
            raise DeliveryRefused(
                f"{self._object}: {len(self._columns)} fields are too many for one query by key",
                "map fewer fields, or the time of the records as it is to a Date/Time field",
            )
        for part in soql.parts(keys, min(room, soql.LONGEST_LIST)):
            listed = ",".join(map(soql.text, part))
            yield from self._pages(f"{self._key} IN ({listed})")

    def _pages(self, condition: str) -> Iterator[list[Held]]:
        for records in soql.pages(self._org, self._select + condition, self._object, self._org.keep_reserve):
            yield [self._held(record) for record in records]

    def _held(self, record: Mapping[str, Any]) -> Held:
        key = record.get(self._key)
        if not isinstance(key, str):
            raise MalformedAnswer(f"Salesforce answered a query of {self._object} with a record that has no key")
        return Held(key, {one.name: one.of(record) for one in self._columns})
