"""`each`: the elements of a list as records of their own, with `parent`, `record` and `position`."""

from collections.abc import Callable, Iterator
from typing import Any

from connector.mapping.paths import Index, Name, Record, RecordPath, Where, chosen

Expand = Callable[[Record], Iterator[Any]]


def compile_each(path: RecordPath) -> Expand:
    """A function from a record to the elements the path leads to, in order.

    An element is its own names beside `parent` (the element that encloses it, at last the record), `record`, and
    `position` (its index in its list before any is chosen). What is no mapping of names comes as it is.
    """
    levels: list[tuple[str, tuple[Index | Where, ...]]] = []
    for step in path.steps:
        if isinstance(step, Name):
            levels.append((step.name, ()))
        else:
            name, choices = levels[-1]
            levels[-1] = (name, (*choices, step))

    def expand(record: Record) -> Iterator[Any]:
        return _expand(levels, 0, record, record, record)

    return expand


def _expand(
    levels: list[tuple[str, tuple[Index | Where, ...]]], at: int, here: Record, parent: Record, record: Record
) -> Iterator[Any]:
    """here: where the next name is looked up; parent: the element that encloses what is found."""
    name, choices = levels[at]
    found = here.get(name)
    is_last = at + 1 == len(levels)
    if found.__class__ is dict and not is_last:
        yield from _expand(levels, at + 1, found, parent, record)
    elif found.__class__ is list:
        numbered = list(enumerate(found))
        for choice in choices:
            numbered = chosen(numbered, choice)
        for position, element in numbered:
            if element.__class__ is not dict:
                if is_last and element is not None:
                    yield element
                continue
            scope = {**element, "parent": parent, "record": record, "position": position}
            if is_last:
                yield scope
            else:
                yield from _expand(levels, at + 1, element, scope, record)
