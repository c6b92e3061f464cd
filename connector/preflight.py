"""Before anything is sent: does each object take what the mapping writes, and which object goes before which?"""

from collections.abc import Collection

from connector.errors import DeliveryRefused
from connector.mapping import Compiled
from connector.mapping.relationships import is_said, parent_by_name, target_parents
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description, fetch_description, problems


class Preflight:
    """The objects of one stream as the org describes them, each asked for once in a run."""

    def __init__(self, org: Org, compiled: Compiled) -> None:
        self._org = org
        self._compiled = compiled
        self._described: dict[str, Description] = {}

    def check(self) -> None:
        """Raise DeliveryRefused with everything in the org that does not fit the mapping; else what `Org.call` does."""
        mapping = self._compiled.mapping
        found = []
        for target, types in zip(mapping.targets, self._compiled.types, strict=True):
            deletes = target.when_vanished == "delete"
            found += problems(self._describe(target.object), target.external_id, types, deletes=deletes)
        if found:
            raise DeliveryRefused(
                "\n".join(f"{mapping.stream}: {problem}" for problem in found),
                "nothing was sent; mend the object or the mapping, then run connector check",
            )

    def parents(self) -> list[frozenset[int]]:
        """Of each target, the targets whose objects its relationship fields point to, by index."""
        objects = [target.object for target in self._compiled.mapping.targets]
        if len(objects) == 1:
            return [frozenset()]

        def parents_of(index: int, column: str) -> Collection[str]:
            # Names tell most look-ups; the others are looked up, and so is all that is known anyway.
            if objects[index] in self._described or not is_said(column, objects):
                return self._describe(objects[index]).parents(column)
            return (str(parent_by_name(column)),)

        return target_parents(objects, self._compiled.columns, parents_of)

    def _describe(self, object: str) -> Description:
        if object not in self._described:
            self._described[object] = fetch_description(self._org, object)
        return self._described[object]
