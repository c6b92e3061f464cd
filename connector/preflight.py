"""Before anything is sent: does each object take what the mapping writes, what changed in it, and which goes first?

A description is kept in the state, so that a run asks Salesforce only whether it still holds (304). One that was kept
refuses nothing by itself: whether a change of permissions counts as one of the object is not documented. So before a
mapping or a row is refused, the object is described anew.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.errors import ConnectorError, DeliveryRefused
from connector.mapping import Compiled
from connector.mapping.extents import extent_of
from connector.mapping.relationships import is_said, parent_by_name, target_parents
from connector.salesforce.changes import changes
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description, fetch_if_changed, problems, read_description
from connector.salesforce.fitting import size_problems, size_warnings
from connector.salesforce.packing import pack, unpack
from connector.spans import stamp
from connector.state.descriptions import Descriptions, Kept

BELIEVED_FOR = timedelta(minutes=10)
"""A row is refused by a description no older than this."""


@dataclass(frozen=True)
class _Told:
    """An object as it is now. modified: as Salesforce wrote it; anew: when it was described whole, None: as kept."""

    description: Description
    modified: str
    anew: datetime | None


class Preflight:
    """The objects of one stream as the org describes them, each asked for once in a run.

    changed: what the last `check` found to be otherwise than when the objects were last found fit.
    """

    def __init__(self, org: Org, compiled: Compiled, kept: Descriptions, now: Callable[[], datetime]) -> None:
        self._org = org
        self._compiled = compiled
        self._kept = kept
        self._now = now
        self._told: dict[str, _Told] = {}
        self._is_fit = False
        self._is_refused = False
        self.changed: tuple[str, ...] = ()

    def ensure(self) -> None:
        """Check once in a run, before its first delivery. Raises what `check` raises."""
        if not self._is_fit:
            self.check()

    def check(self) -> None:
        """Raise DeliveryRefused with everything in the org that does not fit the mapping; else what `Org.call` does."""
        objects = [target.object for target in self._compiled.mapping.targets]
        found = self._problems()
        if found and any(self._tell(name).anew is None for name in objects):
            for name in objects:
                self.describe_anew(name)
            found = self._problems()
        self.changed = tuple(line for name in dict.fromkeys(objects) for line in self._changes(name))
        if found:
            self._is_refused = True
            stream = self._compiled.mapping.stream
            raise DeliveryRefused(
                "\n".join([*(f"{stream}: {problem}" for problem in found), *self.changed]),
                "nothing was sent; mend the object or the mapping, then run connector check",
            )
        for name in dict.fromkeys(objects):
            told = self._tell(name)
            what = Kept(told.modified, self._now(), pack(told.description))
            self._kept.keep(self._compiled.mapping.stream, self._org.org_id, name, what)
        self._is_fit = True

    def describe(self, object: str) -> Description:
        """An object, as it was kept where Salesforce says that nothing changed. Raises as `fetch_description`."""
        return self._tell(object).description

    def describe_anew(self, object: str) -> Description:
        """An object as Salesforce describes it whole, ten minutes ago at most."""
        told = self._told.get(object)
        if told is None or told.anew is None or self._now() - told.anew > BELIEVED_FOR:
            told = self._told[object] = self._fetch(object, "")
        return told.description

    def explained(self, problem: ConnectorError) -> ConnectorError:
        """What ended a run; a refusal of rows also says what changed in the fields they go to."""
        if not isinstance(problem, DeliveryRefused) or self._is_refused:
            return problem
        try:
            lines = [*self.changed, *self._changed_since()]
        except ConnectorError:
            # The refusal itself is what matters.
            lines = [*self.changed]
        return DeliveryRefused("\n".join([problem.message, *dict.fromkeys(lines)]), problem.hint) if lines else problem

    def parents(self) -> list[frozenset[int]]:
        """Of each target, the targets whose objects its relationship fields point to, by index."""
        objects = [target.object for target in self._compiled.mapping.targets]
        if len(objects) == 1:
            return [frozenset()]

        def parents_of(index: int, column: str) -> Collection[str]:
            # Names tell most look-ups; the others are looked up, and so is all that is known anyway.
            if objects[index] in self._told or not is_said(column, objects):
                return self.describe(objects[index]).parents(column)
            return (str(parent_by_name(column)),)

        return target_parents(objects, self._compiled.columns, parents_of)

    def _problems(self) -> list[str]:
        described = {target.object: self.describe(target.object) for target in self._compiled.mapping.targets}
        return mapping_problems(self._compiled, described)

    def _tell(self, object: str) -> _Told:
        if object not in self._told:
            kept = self._kept_description(object)
            self._told[object] = self._fetch(object, kept[1].modified if kept else "")
        return self._told[object]

    def _fetch(self, object: str, since: str) -> _Told:
        answer = fetch_if_changed(self._org, object, since)
        if answer is not None:
            return _Told(read_description(answer.answer), answer.modified, self._now())
        kept = self._kept_description(object)
        if kept is None:
            raise AssertionError(f"{object} was asked about by a date nobody kept")
        return _Told(kept[0], kept[1].modified, None)

    def _kept_description(self, object: str) -> tuple[Description, Kept] | None:
        kept = self._kept.kept(self._compiled.mapping.stream, self._org.org_id, object)
        description = unpack(kept.packed) if kept else None
        return (description, kept) if description and kept else None

    def _changes(self, object: str) -> list[str]:
        """What became otherwise in the fields the mapping writes, since the object was last found fit."""
        kept = self._kept_description(object)
        if kept is None:
            return []
        lines = changes(kept[0], self.describe(object), self._columns(object))
        return [f"changed since {stamp(kept[1].asked)}: {line}" for line in lines]

    def _changed_since(self) -> list[str]:
        """What became otherwise since this run found the objects fit; each is described anew."""
        lines = []
        for object in dict.fromkeys(target.object for target in self._compiled.mapping.targets):
            self._told[object] = self._fetch(object, "")
            lines += self._changes(object)
        return lines

    def _columns(self, object: str) -> Sequence[str]:
        targets = self._compiled.mapping.targets
        return [
            column
            for target, columns in zip(targets, self._compiled.columns, strict=True)
            if target.object == object
            for column in columns
        ]


def mapping_problems(compiled: Compiled, described: dict[str, Description]) -> list[str]:
    """Everything in the objects that does not fit the mapping, one sentence each. described: by name of the object."""
    found: list[str] = []
    for target, types in zip(compiled.mapping.targets, compiled.types, strict=True):
        description = described[target.object]
        found += problems(description, target.external_id, types, deletes=target.when_vanished == "delete")
        found += size_problems(description, {rule.name: extent_of(rule) for rule in target.fields})
    return found


def mapping_warnings(compiled: Compiled, described: dict[str, Description]) -> list[str]:
    """What fits, but arrives otherwise than the mapping makes it."""
    return [
        line
        for target in compiled.mapping.targets
        for line in size_warnings(described[target.object], {rule.name: extent_of(rule) for rule in target.fields})
    ]
