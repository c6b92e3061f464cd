"""What one stream needs in Salesforce: new objects, new fields, and the rights of the user that writes them.

Sources: Metadata API guide, CustomObject, PermissionSet; its page on CustomField for the fields of tasks and events.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from connector.errors import MappingError
from connector.mapping import model
from connector.mapping.compile import Compiled
from connector.mapping.relationships import parent_by_name
from connector.mapping.rules import Relationship, relationship_of
from connector.salesforce.schema.fields import (
    LONGEST_NAME,
    NewField,
    field_problems,
    label_of,
    new_field,
    new_lookup,
)

Right = Literal["read", "create", "edit", "delete"]

# Activities have no object permissions; a user permission stands for them.
_ACTIVITIES = {"Task": "EditTask", "Event": "EditEvent"}
_WITHOUT_RIGHTS = frozenset({*_ACTIVITIES, "User"})
# Read on the first may be granted only together with read on the second.
_NEEDS = {"Contact": ("Account",), "Opportunity": ("Account",), "Case": ("Account", "Contact")}
# Salesforce refuses a permission set that names these: they are required, or parts of a name.
_NEVER_GRANTED = frozenset({"Id", "Name", "OwnerId", "RecordTypeId", "CurrencyIsoCode", "LastName", "FirstName"})
_REQUIRED = frozenset(
    {
        "Case.Status",
        "Event.DurationInMinutes",
        "Event.ActivityDateTime",
        "Lead.Company",
        "Lead.Status",
        "Opportunity.CloseDate",
        "Opportunity.StageName",
        "Task.Priority",
        "Task.Status",
    }
)
_STANDARD = frozenset(
    "Account Asset Campaign Case Contact Contract Entitlement Lead Opportunity Order Product2 User WorkOrder".split()
)
_OWN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*__c")


@dataclass(frozen=True)
class NewObject:
    """A custom object to be made. named: its records get their name from the mapping; else they are numbered."""

    name: str
    label: str
    plural: str
    about: str
    named: bool = False


@dataclass(frozen=True)
class Permissions:
    """A permission set. objects: object -> rights; fields: `Object.Field` -> whether it may be edited too; user:
    user permissions."""

    name: str
    label: str
    about: str
    objects: Mapping[str, frozenset[Right]]
    fields: Mapping[str, bool]
    user: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a stream needs. targets: the objects it writes to, of which only new ones stand in `objects`; notes: what
    was guessed and should be looked at, a sentence each."""

    stream: str
    objects: tuple[NewObject, ...]
    fields: tuple[NewField, ...]
    permissions: Permissions
    targets: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def without(self, objects: Collection[str], fields: Collection[str], ungranted: Collection[str]) -> "Plan":
        """The same without objects and fields (`Object.Field`) that are there, and fields no set may name."""
        return replace(
            self,
            objects=tuple(one for one in self.objects if one.name not in objects),
            fields=tuple(one for one in self.fields if one.full_name not in fields),
            permissions=replace(
                self.permissions,
                fields={name: may for name, may in self.permissions.fields.items() if name not in ungranted},
            ),
        )


def is_own(name: str) -> bool:
    """Whether a custom object or field is the organisation's own: not standard, not of a managed package."""
    return bool(_OWN.fullmatch(name))


def plan_schema(compiled: Compiled, known: Collection[str] = ()) -> Plan:
    """What the stream needs in Salesforce. known: objects that mappings of the installation fill.

    Raises MappingError with every field Salesforce would refuse.
    """
    mapping = compiled.mapping
    made = _Making(mapping, frozenset(known) | {target.object for target in mapping.targets})
    for target, types in zip(mapping.targets, compiled.types, strict=True):
        made.add_target(target, types)
    if made.problems:
        raise MappingError(made.problems, "mend `type`, `length` or the name in the mapping; nothing was written")
    about = f"What the stream {mapping.stream} of connector writes."
    label = f"Connector {label_of(mapping.stream.replace('-', '_').replace('.', '_'))}"
    permissions = Permissions(
        name=re.sub(r"\W+|_+", "_", f"Connector_{mapping.stream}".title()).strip("_")[:80].strip("_"),
        label=label[:80],
        about=about,
        objects={name: frozenset(rights) for name, rights in sorted(made.rights.items())},
        fields=dict(sorted(made.granted.items())),
        user=tuple(sorted({"ApiEnabled", *made.user})),
    )
    return Plan(
        stream=mapping.stream,
        objects=tuple(made.objects),
        fields=tuple(made.fields),
        permissions=permissions,
        targets=tuple(target.object for target in mapping.targets),
        notes=tuple(made.notes),
    )


@dataclass
class _Making:
    """The plan while the targets are gone through."""

    mapping: model.Mapping
    known: frozenset[str]
    objects: list[NewObject] = field(default_factory=list)
    fields: list[NewField] = field(default_factory=list)
    rights: dict[str, set[Right]] = field(default_factory=dict)
    granted: dict[str, bool] = field(default_factory=dict)
    user: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_target(self, target: model.Target, types: Mapping[str, str]) -> None:
        name = target.object
        if is_own(name):
            self._add_object(target)
        rights: list[Right] = ["read", "create", "edit"]
        if target.when_vanished == "delete":
            rights.append("delete")
        self._grant_object(name, *rights)
        for rule in target.fields:
            link = relationship_of(rule.name)
            if link is not None:
                self._add_parent(name, rule.name, link, rule.label)
                continue
            if is_own(rule.name):
                made = new_field(name, rule, types[rule.name], is_key=rule.name == target.external_id)
                self._add_field(made, rule.name)
                if types[rule.name] == "any" and rule.type is None:
                    self.notes.append(
                        f"fields.{rule.name}: what values it will have is not known, so it becomes a Text; "
                        "say otherwise with `type`"
                    )
            self._grant(name, rule.name, editable=True)

    def _add_object(self, target: model.Target) -> None:
        name, label = target.object, label_of(target.object)
        if len(name.removesuffix("__c")) > LONGEST_NAME:
            self.problems.append(
                f"{self.mapping.stream}: target.object: {name} is longer than {LONGEST_NAME} before __c"
            )
        named = any(rule.name == "Name" for rule in target.fields)
        self.objects.append(NewObject(name, label, plural_of(label), " ".join(self.mapping.about.split()), named))

    def _add_field(self, made: NewField, column: str) -> None:
        found = field_problems(made)
        self.problems += [f"{self.mapping.stream}: fields.{column}: {problem}" for problem in found]
        self.fields.append(made)

    def _add_parent(self, object: str, column: str, link: Relationship, label: str | None) -> None:
        """The look-up itself, and the sight of the parent's key, without which no parent is found."""
        parent = self._parent(column)
        if link.name.endswith("__r"):
            own = f"{link.name[:-1]}c"
            if is_own(own) and not link.type:
                self._add_field(new_lookup(object, link.name, parent, label), column)
                if parent not in self.known:
                    self.notes.append(
                        f"fields.{column}: the look-up {own} is taken to point to {parent}, told by its name; "
                        "see `referenceTo` in its file"
                    )
        else:
            own = f"{link.name}Id"
        self._grant(object, own, editable=True)
        self._grant_object(parent, "read")
        self._grant(parent, link.field, editable=False)

    def _parent(self, column: str) -> str:
        guess = parent_by_name(column) or ""
        standard = guess.removesuffix("__c")
        is_standard = guess.endswith("__c") and guess not in self.known and standard in _STANDARD
        return standard if is_standard else guess

    def _grant_object(self, object: str, *rights: Right) -> None:
        if object in _ACTIVITIES:
            self.user.add(_ACTIVITIES[object])
        if object in _WITHOUT_RIGHTS:
            return
        self.rights.setdefault(object, set()).update(rights)
        for needed in _NEEDS.get(object, ()):
            self._grant_object(needed, "read")

    def _grant(self, object: str, name: str, *, editable: bool) -> None:
        full_name = f"{object}.{name}"
        if object == "User" or name in _NEVER_GRANTED or full_name in _REQUIRED:
            return
        self.granted[full_name] = editable or self.granted.get(full_name, False)


def plural_of(label: str) -> str:
    """`Conversation Summaries` for `Conversation Summary`."""
    if re.search(r"[^aeiou]y$", label):
        plural = f"{label[:-1]}ies"
    elif re.search(r"(?:s|x|z|ch|sh)$", label):
        plural = f"{label}es"
    else:
        plural = f"{label}s"
    return plural[:LONGEST_NAME]
