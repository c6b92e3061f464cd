"""The mapping language as data: every word of it, what it takes and does, with examples a test works out.

The page docs/mapping.md, `connector help mapping` and the JSON Schema of the file are made of it.
"""

from connector.mapping.language.calls import ENDPOINT, PAGING, PLACEHOLDERS, RANGE, VIEWS
from connector.mapping.language.entries import (
    ABSENT,
    FILTERED,
    MISSING,
    NOTHING,
    REQUIRED,
    Entry,
    Example,
    Part,
    Rejected,
)
from connector.mapping.language.fields import FIELD, SOURCES, STEPS, WHEN_MISSING
from connector.mapping.language.forms import CONDITIONS, KEY, PATHS
from connector.mapping.language.keys import EXAMPLES, FILE, TARGET, TARGETS, WINDOW
from connector.mapping.language.records import FILES, RECORDS
from connector.mapping.language.source import FILTERS, SOURCE

PARTS: tuple[Part, ...] = (
    FILE,
    SOURCE,
    FILTERS,
    VIEWS,
    RANGE,
    ENDPOINT,
    PLACEHOLDERS,
    PAGING,
    WINDOW,
    TARGET,
    TARGETS,
    SOURCES,
    STEPS,
    FIELD,
    WHEN_MISSING,
    PATHS,
    CONDITIONS,
    KEY,
    EXAMPLES,
)
"""All parts, in the order they are read."""

PART = {part.name: part for part in PARTS}

__all__ = [
    "ABSENT",
    "FILES",
    "FILTERED",
    "MISSING",
    "NOTHING",
    "PART",
    "PARTS",
    "RECORDS",
    "REQUIRED",
    "Entry",
    "Example",
    "Part",
    "Rejected",
]
