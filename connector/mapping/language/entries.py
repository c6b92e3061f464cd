"""What a description of the language is made of: entries in parts, each with examples that can be worked out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Shape = Mapping[str, Any]
"""A JSON Schema of what a key takes."""


class _Word:
    """A value that stands for itself."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


REQUIRED = _Word("required")
NOTHING = _Word("none")
MISSING = _Word("missing")
ABSENT = _Word("left as it is")
FILTERED = _Word("filtered")


@dataclass(frozen=True)
class Rejected:
    """The outcome of an example whose row is set aside with a code."""

    code: str


@dataclass(frozen=True)
class Example:
    """Something an admin may write, and what comes of it.

    yaml: a field (`Name__c: ...`), or keys of the file with what stands below them; record: which of RECORDS it is
    worked out from, "" where no record tells the difference; gives: the field's value (MISSING: it is cleared,
    ABSENT: it is left as it is), FILTERED, a Rejected, or for keys of the file the rows as a list of the fields that
    matter; lookups: kind -> id -> properties, for names.
    """

    yaml: str
    record: str = ""
    gives: Any = None
    lookups: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def is_field(self) -> bool:
        """Whether it is one field, not keys of the file."""
        return self.yaml.partition(":")[0].rpartition(".")[2].endswith("__c")


@dataclass(frozen=True)
class Entry:
    """One word of the language.

    name: as written; takes: in words (Markdown); does: one or two sentences (Markdown); shape: JSON Schema of what it
    takes; default: the value that leaving it out means, REQUIRED, or NOTHING; queries: which queries it is for, ""
    for all; default_words: the default where it is no one value.
    """

    name: str
    takes: str
    does: str
    shape: Shape
    examples: tuple[Example, ...]
    default: Any = NOTHING
    queries: str = ""
    default_words: str = ""


Section = Literal["keys", "sources", "steps", "forms"]


@dataclass(frozen=True)
class Part:
    """Entries that stand together.

    name: of the key they stand under, or of what they are; about: what they are (Markdown); title: heading on the page
    where it is not the name; more: what is to say after the entries.
    """

    name: str
    section: Section
    about: str
    entries: tuple[Entry, ...]
    title: str = ""
    more: str = ""
