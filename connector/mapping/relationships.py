"""Which Salesforce objects the relationship fields of a mapping point to, and the order that puts parents first."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from connector.mapping import model
from connector.mapping.rules import relationship_of


def parent_by_name(column: str) -> str | None:
    """The object a relationship field most likely points to, told from its name alone; None for a plain field.

    `Contact:Who.Ext__c` names it; `Account.Ext__c` and `X__r.Ext__c` follow their look-up field (`AccountId`, `X__c`),
    which usually has the object's name. A look-up called otherwise can be told by describe only.
    """
    found = relationship_of(column)
    if found is None:
        return None
    return found.type or (f"{found.name[:-1]}c" if found.name.endswith("__r") else found.name)


def is_said(column: str, known: Collection[str]) -> bool:
    """Whether the name of a relationship field is enough: it names its object, or one of these."""
    return ":" in column or parent_by_name(column) in known


def parents_first(parents: Sequence[Collection[int]]) -> list[int]:
    """Indexes ordered so that each comes after its parents, else as given.

    parents: per index those it needs before it. Of those that need each other in a circle the first given goes first.
    """
    left = {index: {one for one in needs if one != index} for index, needs in enumerate(parents)}
    order: list[int] = []
    while left:
        free = (index for index, needs in left.items() if not needs & left.keys())
        following = next(free, None)
        if following is None:
            following = next(index for index in left if index in _ancestors(left, index))
        del left[following]
        order.append(following)
    return order


def _ancestors(parents: Mapping[int, Collection[int]], index: int) -> set[int]:
    found: set[int] = set()
    ahead = {index}
    while ahead:
        ahead = {one for index in ahead for one in parents.get(index, ())} - found
        found |= ahead
    return found


def target_parents(
    objects: Sequence[str],
    columns: Sequence[Iterable[str]],
    parents_of: Callable[[int, str], Collection[str]],
) -> list[frozenset[int]]:
    """Per target the indexes of those whose rows must stand in Salesforce before its own; free of circles.

    objects, columns: of each target; parents_of: target and relationship field -> objects it may point to.
    """
    wanted = [
        {
            other
            for column in fields
            if "." in column
            for other, object in enumerate(objects)
            if other != index and object in parents_of(index, column)
        }
        for index, fields in enumerate(columns)
    ]
    place = {index: at for at, index in enumerate(parents_first(wanted))}
    return [frozenset(one for one in found if place[one] < place[index]) for index, found in enumerate(wanted)]


def streams_parents_first(mappings: Sequence[model.Mapping]) -> list[int]:
    """Indexes of streams in an order that fills parents before their children, else as given.

    A stream needs every other one that fills an object its relationship fields name.
    """
    fills = [{target.object for target in mapping.targets} for mapping in mappings]
    needs = [
        {parent for target in mapping.targets for rule in target.fields if (parent := parent_by_name(rule.name))}
        for mapping in mappings
    ]
    return parents_first(
        [
            {other for other, objects in enumerate(fills) if other != index and objects & needs[index] - fills[index]}
            for index in range(len(mappings))
        ]
    )
