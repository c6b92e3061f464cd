"""Mappings: the YAML files an admin writes, read strictly, and compiled to plain functions from records to rows."""

from connector.mapping.compile import COLLISION, BadRow, Compiled, Row, Unmappable, compile_mapping
from connector.mapping.fingerprints import Fingerprints, fingerprints
from connector.mapping.load import load_mapping, load_mappings
from connector.mapping.model import Mapping, Source, Target, WindowRules, window_of
from connector.mapping.steps import Find
from connector.mapping.vanishing import emptied

__all__ = [
    "COLLISION",
    "BadRow",
    "Compiled",
    "Find",
    "Fingerprints",
    "Mapping",
    "Row",
    "Source",
    "Target",
    "Unmappable",
    "WindowRules",
    "compile_mapping",
    "emptied",
    "fingerprints",
    "load_mapping",
    "load_mappings",
    "window_of",
]
