"""What people read holds: links lead somewhere, and every whole mapping shown is one."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.mapping import load_mapping
from connector.mapping.language import RECORDS
from connector.mapping.trial import try_examples

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """The page without its fenced blocks, where nothing is a link or a heading."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.replace(" ", "-") for heading in kept}


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.finditer(prose(page)):
        if link["path"].startswith(("https:", "http:", "mailto:")):
            continue
        target = page.parent / link["path"] if link["path"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            yield link[0]


def whole_mappings(page: Path) -> list[str]:
    """The fenced YAML blocks that are whole files, not pieces of one."""
    blocks = [
        fence["text"] for fence in FENCE.finditer(page.read_text(encoding="utf-8")) if fence["language"] == "yaml"
    ]
    return [block for block in blocks if re.search(r"^source:", block, re.M) and re.search(r"^target:", block, re.M)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_page_and_a_heading(page: Path):
    assert list(broken_links(page)) == []


@pytest.mark.parametrize(("name", "how_many"), [("README.md", 1), ("docs/mapping.md", 4)])
def test_every_whole_mapping_shown_loads_without_a_warning(name: str, how_many: int, tmp_path: Path):
    shown = whole_mappings(ROOT / name)
    assert len(shown) == how_many
    for number, text in enumerate(shown):
        file = tmp_path / f"shown-{number}.yml"
        file.write_text(text, encoding="utf-8")
        mapping = load_mapping(file)
        assert mapping.warnings == ()
        assert [one.differences for one in try_examples(mapping) if one.differences] == []


GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))["generated"]()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_what_is_generated_is_as_committed(path: Path):
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make docs` and commit what it writes"


def test_the_records_shown_are_those_the_examples_are_worked_out_from():
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    shown = [json.loads(fence["text"]) for fence in FENCE.finditer(page) if fence["language"] == "json"]
    assert shown[:2] == [RECORDS["aggregates"], RECORDS["details"]]
