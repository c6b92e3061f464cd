"""Values compared as Salesforce keeps them."""

from typing import Any

import pytest

from connector.comparing import agrees

SAME: list[tuple[str, int, Any, Any]] = [
    ("string", 0, None, None),
    ("string", 0, "", None),
    ("string", 0, "  ", None),
    ("string", 0, "abc  ", "abc"),
    ("string", 0, " abc", "abc"),
    ("textarea", 0, "a\nb", "a\r\nb"),
    ("string", 0, 5, "5"),
    ("string", 0, 5.0, "5"),
    ("string", 0, True, "true"),
    ("string", 0, "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
    ("picklist", 0, "chat ", "chat"),
    ("multipicklist", 0, "voice;chat", "chat;voice"),
    ("boolean", 0, None, False),
    ("boolean", 0, False, False),
    ("boolean", 0, "true", True),
    ("boolean", 0, 1, True),
    ("double", 1, 117.0, 117.0),
    ("double", 1, 117, 117.0),
    ("double", 1, 1.25, 1.2),
    ("double", 1, 1.25, 1.3),
    ("double", 1, 1.25, 1.25),
    ("double", 2, -1.239, -1.23),
    ("double", 0, 7.9, 7),
    ("double", 0, "7", 7.0),
    ("double", 0, 12345678901234567, 12345678901234568.0),
    ("int", 0, 3, 3),
    ("percent", 2, 99.999, 99.99),
    ("currency", 2, 0.1, 0.1),
    ("double", 1, None, None),
    ("datetime", 0, "2026-03-02T03:39:00Z", "2026-03-02T03:39:00.000+0000"),
    ("datetime", 0, "2026-03-02T03:39:00Z", "2026-03-02T04:39:00.000+0100"),
    ("datetime", 0, "2026-03-02T03:39:00.999Z", "2026-03-02T03:39:00.000+0000"),
    ("date", 0, "2026-03-02", "2026-03-02"),
    ("reference", 0, "001ak0000000001", "001ak0000000001AAA"),
    ("parent", 0, "Key-1", "key-1"),
    ("parent", 0, 5, "5"),
]

OTHERS: list[tuple[str, int, Any, Any]] = [
    ("string", 0, "abc", None),
    ("string", 0, None, "abc"),
    ("string", 0, "abc", "Abc"),
    ("string", 0, "a b", "a  b"),
    ("textarea", 0, "a\nb", "a b"),
    ("multipicklist", 0, "voice;chat", "chat"),
    ("picklist", 0, "chat", "Chat"),
    ("boolean", 0, True, False),
    ("boolean", 0, None, True),
    ("double", 1, 1.2, 1.3),
    ("double", 1, 1.25, 1.4),
    ("double", 1, 1.25, 1.26),
    ("double", 1, None, 0.0),
    ("double", 1, 0, None),
    ("double", 0, "many", 7.0),
    ("datetime", 0, "2026-03-02T03:39:00Z", "2026-03-02T03:39:01.000+0000"),
    ("datetime", 0, "2026-03-02T03:39:00Z", "2026-03-02T03:39:00.000+0100"),
    ("date", 0, "2026-03-02", "2026-03-03"),
    ("date", 0, "2026-03-02", None),
    ("reference", 0, "001ak0000000001", "001ak0000000002AAA"),
    ("parent", 0, "k1", "k2"),
    ("parent", 0, "k1", None),
]


@pytest.mark.parametrize(("kind", "scale", "written", "held"), SAME)
def test_what_salesforce_keeps_in_its_own_way_agrees(kind: str, scale: int, written: Any, held: Any) -> None:
    assert agrees(kind, scale, written, held)


@pytest.mark.parametrize(("kind", "scale", "written", "held"), OTHERS)
def test_what_somebody_changed_differs(kind: str, scale: int, written: Any, held: Any) -> None:
    assert not agrees(kind, scale, written, held)
