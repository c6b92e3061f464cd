"""What a mapping writes for one field and for one condition, as values."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from connector.mapping.paths import RecordPath

WhenMissing = Literal["clear", "leave", "reject"]
WhenParentMissing = Literal["wait", "leave"]

FieldType = Literal[
    "Text",
    "TextArea",
    "LongTextArea",
    "Number",
    "Percent",
    "Currency",
    "Checkbox",
    "Date",
    "DateTime",
    "Picklist",
    "MultiselectPicklist",
    "Phone",
    "Email",
    "Url",
]
"""Types of Salesforce fields a schema can be generated with (Metadata API, CustomField)."""


@dataclass(frozen=True)
class Step:
    """One change of a value. argument: True for a step without one; otherwise: the `else` of `map`."""

    name: str
    argument: Any
    otherwise: Any = None


@dataclass(frozen=True)
class Template:
    """Text with paths in braces. parts: (text before, path after it or None at the end)."""

    text: str
    parts: tuple[tuple[str, RecordPath | None], ...]


@dataclass(frozen=True)
class Expression:
    """A JMESPath expression. search: its parsed form's function from a record to what it finds."""

    text: str
    search: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class Replacement:
    """A regular expression of RE2, which takes time in proportion to the text and no more; and what replaces it.

    substitute: a text with every match replaced.
    """

    pattern: str
    text: str
    substitute: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class FieldRule:
    """How one Salesforce field gets its value.

    source: from, jmespath, value, template, key, ratio, sum, first, last, count, join or metric; constant: of `value`,
    and the name of `metric`; template, expression: of theirs; paths: what the source reads; separator: of `join`;
    steps: in the order written; when_parent_missing: of a relationship, whether the row waits for a parent Salesforce
    does not know, or arrives without it; type, label, length: for a generated schema.
    """

    name: str
    source: str
    constant: Any = None
    template: Template | None = None
    expression: Expression | None = None
    paths: tuple[RecordPath, ...] = ()
    separator: str = ";"
    steps: tuple[Step, ...] = ()
    when_missing: WhenMissing = "clear"
    when_parent_missing: WhenParentMissing = "wait"
    type: FieldType | None = None
    label: str | None = None
    length: int | None = None


@dataclass(frozen=True)
class Condition:
    """One test of a record: a path that exists or not, equals one of `values` (as text), or lies within `bounds`.

    bounds: pairs of gt, gte, lt or lte and a number or an aware datetime.
    """

    path: RecordPath
    exists: bool | None = None
    values: frozenset[str] = frozenset()
    bounds: tuple[tuple[str, Any], ...] = ()


_RELATIONSHIP = re.compile(r"(?:(?P<type>[A-Za-z]\w*):)?(?P<name>[A-Za-z]\w*)\.(?P<field>[A-Za-z]\w*)", re.ASCII)


@dataclass(frozen=True)
class Relationship:
    """A column that names a parent by one of its fields: `Account.Ext__c`, `Call__r.Key__c`, `Contact:Who.Ext__c`.

    type: the parent's object where it is named, else ""; name: of the relationship; field: of the parent.
    """

    type: str
    name: str
    field: str


def relationship_of(column: str) -> Relationship | None:
    """The relationship a column names, None for a field of the object itself."""
    found = _RELATIONSHIP.fullmatch(column)
    return Relationship(found["type"] or "", found["name"], found["field"]) if found else None
