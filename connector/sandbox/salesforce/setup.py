"""What an admin has set up: the objects, who may see what, required fields, validation rules, locks, storage."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from connector.sandbox.objects import Field, SObject
from connector.sandbox.salesforce.errors import RestError, RowRefused

__all__ = ["RIGHTS", "Column", "Predicate", "Setup"]

RIGHTS = ("Create", "Delete", "Edit", "Read")
"""What a user may do with the records of an object."""

Predicate = Callable[[Mapping[str, Any]], bool]
"""Takes the record as it would be saved (JSON values by field name); True means the record is bad."""


class Column(NamedTuple):
    """What a column sets: the field; and where it names a parent by a key, the parent's key field and its object."""

    field: Field
    key: Field | None = None
    parent: str = ""

    @property
    def name(self) -> str:
        """The column as it is written exactly."""
        if self.key is None:
            return self.field.name
        kind = f"{self.parent}:" if len(self.field.points_to) > 1 else ""
        return f"{kind}{self.field.relationship}.{self.key.name}"


class Setup:
    """The set-up of one organisation. Kept in memory: a restarted sandbox has no rules. Not locked by itself."""

    def __init__(self, objects: Iterable[SObject], created: datetime) -> None:
        self.objects = {each.name: each for each in objects}
        self.changed = created
        self.storage_full = False
        self._hidden: set[tuple[str, str]] = set()
        self._read_only: set[tuple[str, str]] = set()
        self._rights = {name: frozenset(RIGHTS) for name in self.objects}
        self._required: dict[tuple[str, str], bool] = {}
        self._validations: list[tuple[str, Predicate, str]] = []
        self._locks: Counter[tuple[str, str]] = Counter()

    def object(self, name: str) -> SObject:
        """The object of that name, any case. Raises RestError 404 NOT_FOUND."""
        found = self.find(name)
        if found is None:
            raise RestError(404, "NOT_FOUND", "The requested resource does not exist")
        return found

    def find(self, name: str) -> SObject | None:
        """The object of that name, any case, or None, also when the connected user may not see it."""
        return next(
            (each for key, each in self.objects.items() if key.lower() == name.lower() and self.sees(key)), None
        )

    def sees(self, name: str) -> bool:
        """Whether the connected user may read the object."""
        return "Read" in self._rights[name]

    def may(self, name: str, right: str) -> bool:
        """Whether the connected user has one of RIGHTS on the object."""
        return right in self._rights[name]

    def fields(self, name: str) -> dict[str, Field]:
        """The fields the connected user may see, by API name. Source: describe omits fields hidden from the user."""
        return {
            each.name: replace(
                each,
                required=self._required.get((name, each.name), each.required),
                writable=each.writable and (name, each.name) not in self._read_only,
            )
            for each in self.objects[name].all_fields()
            if (name, each.name) not in self._hidden
        }

    def column(self, name: str, column: str) -> "Column | None":
        """What `Field`, `Relationship.Field` or `Object:Relationship.Field` names, any case.

        None when there is no such field, or the user may not see it, or the parent's field cannot serve as a key, or
        the object is named where the field points to one only, or not named where it may point to several.
        Source: Bulk API 2.0 guide, "Relationship Fields in a Header Row".
        """
        own, _, parent_field = column.partition(".")
        fields = self.fields(name).values()
        if not parent_field:
            plain = next((each for each in fields if each.name.lower() == own.lower()), None)
            return None if plain is None else Column(plain)
        kind, _, relationship = own.rpartition(":")
        for each in fields:
            if each.relationship and each.relationship.lower() == relationship.lower():
                is_named = len(each.points_to) > 1
                for parent in each.points_to:
                    if (
                        parent in self.objects
                        and self.sees(parent)
                        and kind.lower() == (parent.lower() if is_named else "")
                    ):
                        for key in self.fields(parent).values():
                            if key.is_key and key.name != "Id" and key.name.lower() == parent_field.lower():
                                return Column(each, key, parent)
        return None

    def add_object(self, made: SObject, now: datetime) -> None:
        """A new object, which nobody may see before a permission set says so."""
        self.objects[made.name] = made
        self._rights[made.name] = frozenset()
        self.changed = now

    def put_field(self, name: str, field: Field, now: datetime) -> None:
        """A new field, which nobody may see before a permission set says so; or another form of one that is there."""
        made = self.objects[name]
        there = [each.name for each in made.fields]
        if field.name in there:
            fields = tuple(field if each.name == field.name else each for each in made.fields)
        else:
            fields = (*made.fields, field)
            if not field.required:
                self._hidden.add((name, field.name))
        self.objects[name] = replace(made, fields=fields)
        self.changed = now

    def free_prefix(self) -> str:
        """The first three letters of record ids of the next new object."""
        taken = {each.key_prefix for each in self.objects.values()}
        return next(prefix for number in range(100) if (prefix := f"b{number:02}") not in taken)

    def allow(self, name: str, rights: Iterable[str], now: datetime) -> None:
        """Give the user rights on an object."""
        self._rights[name] |= frozenset(rights)
        self.changed = now

    def show(self, name: str, field: str, now: datetime, *, editable: bool) -> None:
        """Let the user see a field, and write it too when it is editable."""
        hidden = (name, field) in self._hidden
        self._hidden.discard((name, field))
        if editable:
            self._read_only.discard((name, field))
        elif hidden:
            self._read_only.add((name, field))
        self.changed = now

    def hide(self, name: str, field: str, now: datetime, *, hidden: bool) -> None:
        """Take the field from the user's sight, or give it back."""
        self._known(name, field)
        (self._hidden.add if hidden else self._hidden.discard)((name, field))
        self.changed = now

    def require(self, name: str, field: str, now: datetime, *, required: bool) -> None:
        """Make a field required, or no longer."""
        self._known(name, field)
        self._required[name, field] = required
        self.changed = now

    def change(self, name: str, field: str, now: datetime, **changes: Any) -> None:
        """Give a field another form. changes: attributes of Field."""
        self._known(name, field)
        made = self.objects[name]
        fields = tuple(replace(each, **changes) if each.name == field else each for each in made.fields)
        self.objects[name] = replace(made, fields=fields)
        self.changed = now

    def add_validation(self, name: str, predicate: Predicate, message: str) -> None:
        """Refuse records of the object for which `predicate` is true, with `message`."""
        self._known(name, "Id")
        self._validations.append((name, predicate, message))

    def lock(self, name: str, external_id: str, times: int) -> None:
        """Let the next `times` writes of the record with that key fail."""
        self._known(name, "Id")
        self._locks[name, external_id] = times

    def refuse_locked(self, name: str, keys: Iterable[Any], record: str | None) -> None:
        """Raise RowRefused UNABLE_TO_LOCK_ROW while one of these keys is locked; counts the lock down."""
        for key in keys:
            if self._locks[name, key] > 0:
                self._locks[name, key] -= 1
                message = f"unable to obtain exclusive access to this record or 1 records: {record or ''}"
                raise RowRefused("UNABLE_TO_LOCK_ROW", message)

    def refuse_invalid(self, name: str, record: Mapping[str, Any]) -> None:
        """Raise RowRefused FIELD_CUSTOM_VALIDATION_EXCEPTION when a validation rule finds the record bad."""
        for ruled, predicate, message in self._validations:
            if ruled == name and predicate(record):
                raise RowRefused("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)

    def _known(self, name: str, field: str) -> None:
        """A rule for a field that does not exist would test nothing."""
        if name not in self.objects or field not in {each.name for each in self.objects[name].all_fields()}:
            raise KeyError(f"the sandbox has no field {name}.{field}; see connector/sandbox/objects.py")
