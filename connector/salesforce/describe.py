"""What an object is, and what keeps a mapping from writing to it (SOAP API guide, describeSObjectResult)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from connector.errors import DeliveryRefused, MalformedAnswer, Refused
from connector.salesforce.connect import Org

_HIDDEN = "or is hidden from the integration user by field-level security"

_TEXTS = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "encryptedstring"}
)
# Column type -> kinds of field it can be written to, and the step that makes it fit others.
_FITTING: dict[str, frozenset[str]] = {
    "text": _TEXTS | {"id", "reference", "base64", "time"},
    "number": frozenset({"double", "currency", "percent"}),
    "integer": frozenset({"double", "currency", "percent", "int", "long"}),
    "boolean": frozenset({"boolean"}),
    "datetime": frozenset({"datetime"}) | _TEXTS,
    "date": frozenset({"date"}) | _TEXTS,
}
_STEPS = {
    **dict.fromkeys(_TEXTS, "text: true"),
    **dict.fromkeys(("double", "currency", "percent"), "number: true"),
    "int": "integer: true",
    "long": "integer: true",
    "boolean": "bool: true",
    "datetime": "datetime: true",
    "date": "date: UTC",
}
_COMPOUND = frozenset({"address", "location"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field as describe tells it, as far as a mapping is concerned.

    length: characters; precision, scale: digits in all and after the point; digits: of a whole number; 0 for other
    kinds. is_permissionable: whether a permission set may name it. choices: active values of a picklist; labels: what
    people see of them; is_restricted: no others are taken. compound: the field it is a part of. is_rich: text with
    markup.
    """

    name: str
    type: str
    length: int = 0
    is_external_id: bool = False
    is_unique: bool = False
    is_createable: bool = False
    is_updateable: bool = False
    is_calculated: bool = False
    is_nillable: bool = True
    is_defaulted: bool = False
    parents: tuple[str, ...] = ()
    relationship: str = ""
    is_polymorphic: bool = False
    label: str = ""
    is_case_sensitive: bool = False
    is_permissionable: bool = True
    precision: int = 0
    scale: int = 0
    digits: int = 0
    is_restricted: bool = False
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    compound: str = ""
    is_rich: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a new record needs a value for it."""
        return self.is_createable and not self.is_nillable and not self.is_defaulted


@dataclass(frozen=True)
class Description:
    """One object and those of its fields the integration user may see, by API name."""

    name: str
    is_createable: bool
    is_updateable: bool
    fields: Mapping[str, Field]
    is_deletable: bool = False

    def field(self, name: str) -> Field | None:
        """The field of exactly that API name, or None: it does not exist, or the user may not see it."""
        return self.fields.get(name)

    def parts(self, name: str) -> tuple[str, ...]:
        """The fields a compound field is made of, such as the street of an address; () where it is none."""
        return tuple(each.name for each in self.fields.values() if each.compound == name != each.name)

    def lookup(self, relationship: str) -> Field | None:
        """The look-up field behind a relationship name (`Parent__r`), or None."""
        return next((each for each in self.fields.values() if each.relationship == relationship), None)

    def parents(self, column: str) -> tuple[str, ...]:
        """The objects a column such as `Parent__r.Ext__c` or `Type:Parent__r.Ext__c` points to; () where it is none."""
        relationship, dot, _ = column.partition(".")
        kind, _, name = relationship.rpartition(":")
        if not dot or kind:
            return (kind,) if dot else ()
        field = self.lookup(name)
        return field.parents if field else ()


def fetch_description(org: Org, object: str) -> Description:
    """Describe an object. Raises DeliveryRefused when it does not exist or is hidden; else what `Org.call` raises."""
    described = fetch_if_changed(org, object, "")
    if described is None:
        raise MalformedAnswer(f"Salesforce says that {object} has not changed, although nobody asked since when")
    return read_description(described.answer)


@dataclass(frozen=True)
class Described:
    """What Salesforce answered.

    answer: JSON of the describe; modified: its Last-Modified header, "" where it cannot be relied on.
    """

    answer: Any
    modified: str


def fetch_if_changed(org: Org, object: str, since: str) -> Described | None:
    """Describe an object, or None when nothing of it has changed since.

    since: the Last-Modified of an earlier answer, "" to have it described in any case (SOAP API guide,
    describeSObjectResult; REST API guide, sObject Describe, If-Modified-Since). Raises what `fetch_description` raises.
    """
    headers = {"If-Modified-Since": since} if since else {}
    try:
        answer = org.call("GET", f"sobjects/{quote(object, safe='')}/describe", headers=headers)
        if answer.status_code == 304:
            return None
        modified = answer.headers.get("Last-Modified", "")
        # Another change in the second of the answer would not be told apart from the last one.
        return Described(answer.json(), "" if modified == answer.headers.get("Date") else modified)
    except Refused as error:
        if error.status == 404:
            raise DeliveryRefused(
                f"Salesforce has no object {object}, or the integration user may not see it",
                "Compare its API name (custom objects end in __c), and grant the user's permission set read, create "
                "and edit on it.",
            ) from error
        raise
    except ValueError as error:
        raise MalformedAnswer(f"Salesforce described {object} with a body that is no JSON") from error


def read_description(answer: Any) -> Description:
    """Read the JSON of `sobjects/X/describe`. Raises MalformedAnswer when it is something else."""
    try:
        return Description(
            name=str(answer["name"]),
            is_createable=bool(answer["createable"]),
            is_updateable=bool(answer["updateable"]),
            fields={each["name"]: _field(each) for each in answer["fields"]},
            is_deletable=bool(answer.get("deletable")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedAnswer("Salesforce's describe of an object lacks what a describe holds") from error


def problems(
    description: Description, external_id: str, columns: Mapping[str, str], *, deletes: bool = False
) -> list[str]:
    """Everything that keeps `columns` from being upserted into the object, one sentence each; empty when nothing does.

    external_id: API name of the key field. columns: `Field__c`, `Parent__r.Ext__c` or, where the parent may be of
    several types, `Type:Parent__r.Ext__c` -> text, number, integer, boolean, datetime, date or any. deletes: whether
    records are deleted too.
    """
    return [
        f"{description.name}{place}: {problem}"
        for place, problem in (
            *_object_problems(description, deletes=deletes),
            *_key_problems(description, external_id, columns),
            *(found for column, kind in columns.items() for found in _column_problems(description, column, kind)),
            *_required_problems(description, columns),
        )
    ]


_Problems = Iterator[tuple[str, str]]
"""Pairs of place (".Field__c", or "" for the object) and sentence."""


def _object_problems(description: Description, *, deletes: bool) -> _Problems:
    may = {
        "create": description.is_createable,
        "edit": description.is_updateable,
        "delete": description.is_deletable or not deletes,
    }
    missing = [right for right, is_granted in may.items() if not is_granted]
    if missing:
        yield "", f"the integration user may not {' or '.join(missing)} records; grant it in its permission set"


def _key_problems(description: Description, external_id: str, columns: Mapping[str, str]) -> _Problems:
    place = f".{external_id}"
    if external_id not in columns:
        yield place, "the key field is not among the mapped fields; map it with `key`"
    field = description.field(external_id)
    if field is None:
        if external_id not in columns:
            yield place, _missing(description, external_id)
        return
    if field.type != "string":
        yield place, f"the key field is of type {field.type}; it must be a Text field"
    flags = {"External ID": field.is_external_id, "Unique": field.is_unique}
    missing = [flag for flag, is_set in flags.items() if not is_set]
    if missing:
        yield place, f"the key field is not flagged {' and '.join(missing)}; tick it in Setup > Object Manager"


def _column_problems(description: Description, column: str, kind: str) -> _Problems:
    if "." in column or ":" in column:
        yield from _relationship_problems(description, column, kind)
        return
    place = f".{column}"
    field = description.field(column)
    if column == "Id":
        yield place, "a row is found by its external id and must not carry an Id as well"
    elif field is None:
        yield place, _missing(description, column)
    elif (parts := description.parts(column)) or field.type in _COMPOUND:
        named = f": {', '.join(parts)}" if parts else ""
        yield place, f"is a compound {field.type}; map its parts instead{named}"
    else:
        yield from _write_problems(place, field)
        yield from _kind_problems(place, field, kind)


def _relationship_problems(description: Description, column: str, kind: str) -> _Problems:
    place = f".{column}"
    parent, _, key = column.partition(".")
    prefix, _, relationship = parent.rpartition(":")
    if not relationship or not key or "." in key:
        yield place, "write a parent as Relationship__r.Key__c: one level, no more"
        return
    field = description.lookup(relationship)
    if field is None:
        known = [each.relationship for each in description.fields.values() if each.relationship]
        yield place, f"there is no relationship {relationship}, {_HIDDEN}{_suggest(relationship, known)}"
        return
    if field.is_polymorphic and prefix not in field.parents:
        choice = ", ".join(f"{each}:{relationship}.{key}" for each in field.parents[:3])
        yield place, f"the parent may be of several types; name one of them, for example {choice}"
    if prefix and not field.is_polymorphic:
        yield place, f"the parent is always a {' or '.join(field.parents)}; write {relationship}.{key}"
    yield from _write_problems(place, field)
    if kind in ("boolean", "datetime", "date"):
        yield place, f"a {kind} cannot be a parent's key"


def _write_problems(place: str, field: Field) -> _Problems:
    if field.is_calculated:
        yield place, "is a formula, roll-up or auto number and cannot be written; take it out of the mapping"
        return
    may = {"created": field.is_createable, "updated": field.is_updateable}
    missing = [right for right, is_granted in may.items() if not is_granted]
    if missing:
        yield (
            place,
            f"cannot be {' or '.join(missing)} by the integration user; grant edit access (field-level security), or "
            "take it out of the mapping when it is read only by nature",
        )


def _kind_problems(place: str, field: Field, kind: str) -> _Problems:
    fitting = _FITTING.get(kind)
    if fitting is None or field.type in fitting or field.type == "anyType":
        return
    step = f"; add `{_STEPS[field.type]}` to the mapping" if field.type in _STEPS else ""
    yield place, f"a {kind} does not fit a field of type {field.type}{step}"


def _required_problems(description: Description, columns: Mapping[str, str]) -> _Problems:
    parents = {column.partition(".")[0].rpartition(":")[2] for column in columns if "." in column}
    for field in description.fields.values():
        is_mapped = field.name in columns or (field.relationship and field.relationship in parents)
        if field.is_required and not is_mapped:
            yield f".{field.name}", "is required on new records but not mapped; map it or give it a default in Setup"
    for field in description.fields.values():
        if field.name in columns and field.relationship and field.relationship in parents:
            yield f".{field.name}", f"is mapped twice, by itself and by {field.relationship}; keep one of them"


def _missing(description: Description, name: str) -> str:
    return f"the field does not exist {_HIDDEN}{_suggest(name, description.fields)}"


def _suggest(name: str, known: Mapping[str, object] | list[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _field(told: Mapping[str, Any]) -> Field:
    active = [each for each in told.get("picklistValues") or () if each.get("active")]
    return Field(
        name=str(told["name"]),
        type=str(told["type"]),
        length=int(told.get("length") or 0),
        is_external_id=bool(told.get("externalId")),
        is_unique=bool(told.get("unique")),
        is_createable=bool(told.get("createable")),
        is_updateable=bool(told.get("updateable")),
        is_calculated=bool(told.get("calculated") or told.get("autoNumber")),
        is_nillable=bool(told.get("nillable")),
        is_defaulted=bool(told.get("defaultedOnCreate")),
        parents=tuple(told.get("referenceTo") or ()),
        relationship=str(told.get("relationshipName") or ""),
        is_polymorphic=bool(told.get("polymorphicForeignKey")),
        label=str(told.get("label") or ""),
        is_case_sensitive=bool(told.get("caseSensitive")),
        is_permissionable=bool(told.get("permissionable", True)),
        precision=int(told.get("precision") or 0),
        scale=int(told.get("scale") or 0),
        digits=int(told.get("digits") or 0),
        is_restricted=bool(told.get("restrictedPicklist")),
        choices=tuple(str(each["value"]) for each in active),
        labels=tuple(str(each.get("label") or "") for each in active),
        compound=str(told.get("compoundFieldName") or ""),
        is_rich=told.get("extraTypeInfo") == "richtextarea",
    )
