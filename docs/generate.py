"""Writes what is generated of the mapping language: the page beside this file, and the JSON Schema."""

from pathlib import Path

from connector.mapping.page import page

ROOT = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """The text of every generated file."""
    return {ROOT / "docs" / "mapping.md": page()}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
