"""Writes what is generated of the mapping language: the page beside this file, and the JSON Schema."""

from pathlib import Path

from connector.mapping.page import page
from connector.mapping.schema import FILE_NAME, schema_text

ROOT = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """The text of every generated file."""
    schema = schema_text()
    return {
        ROOT / "docs" / "mapping.md": page(),
        ROOT / "connector" / "mapping" / "mapping.schema.json": schema,
        # Beside the shipped mappings, where their first line tells editors to look.
        ROOT / "mappings" / FILE_NAME: schema,
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
