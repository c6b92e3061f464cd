"""Shapes of values: enough to see what is wrong with them, never the value."""

from typing import Any

import pytest

from connector.shapes import Shape, shape_of, shapes_of


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "empty"),
        ("", "empty"),
        ("Bob", "text of 3 characters"),
        ("x", "text of 1 character"),
        ("+49 171 5551234", "text of 15 characters"),
        (True, "true or false"),
        (12345, "number of 5 digits"),
        (12345.678, "number of 5 digits, 3 decimals"),
        (-3.0, "number of 1 digit"),
        (1e-7, "number of 1 digit, 7 decimals"),
        (1e300, "number of 301 digits"),
        ("2026-03-02", "date of 2026"),
        ("2026-03-02T06:00:00Z", "time of 2026"),
        ("2026-13-45", "text of 10 characters"),
        (["a"], "list or object"),
    ],
)
def test_a_shape_tells_kind_and_size_only(value: Any, told: str) -> None:
    assert str(shape_of(value)) == told


def test_shapes_of_one_kind_become_a_range() -> None:
    assert str(shape_of("x" * 41).joined(shape_of("y" * 300))) == "text of 41 to 300 characters"
    assert str(shape_of(1.5).joined(shape_of(1000))) == "number of 1 to 4 digits, 0 to 1 decimals"
    assert str(shape_of("2025-01-01").joined(shape_of("2026-01-01"))) == "date of 2025 to 2026"


@pytest.mark.parametrize(
    ("row", "fields", "found"),
    [
        (
            {"Note__c": "abc", "Size__c": None},
            "Note__c, Size__c",
            {"Note__c": "text of 3 characters", "Size__c": "empty"},
        ),
        ({"Who__r.Key__c": "abc"}, "Contact.Key__c", {"Contact.Key__c": "text of 3 characters"}),
        ({"A__r.Key__c": "abc", "B__r.Key__c": "d"}, "Contact.Key__c", {"Contact.Key__c": "not in the row"}),
        ({"Note__c": "abc"}, "Other__c", {"Other__c": "not in the row"}),
        ({"Note__c": "abc"}, "", {}),
        (None, "Note__c", {}),
    ],
)
def test_the_fields_an_error_names_are_found_in_the_row(row: Any, fields: str, found: dict[str, str]) -> None:
    assert {name: str(shape) for name, shape in shapes_of(row, fields).items()} == found
    assert Shape("empty") == shape_of(None)
