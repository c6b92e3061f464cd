"""The page about the mapping language, and the help on one word of it: Markdown made of the description.

`language/page.md` holds the prose. In it `<!-- table: PART -->` and `<!-- examples: PART -->` stand for what is
generated, and `<!-- part: PART -->` for a heading with both.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from connector.mapping.language import (
    ABSENT,
    FILTERED,
    MISSING,
    NOTHING,
    PART,
    PARTS,
    RECORDS,
    REQUIRED,
    Entry,
    Example,
    Part,
    Rejected,
)
from connector.mapping.suggest import nearest

MADE = "<!-- Made by `make docs` of connector/mapping/language; change it there. -->"
_DIRECTIVE = re.compile(r"^<!-- (table|examples|part)(?:: ([\w ]+))? -->$", re.MULTILINE)
_HEADINGS = {
    "sources": ("source", "takes", "gives"),
    "steps": ("step", "takes", "does"),
    "paths": ("path", "leads to"),
    "conditions": ("written", "holds when"),
    "when_missing": ("`when_missing`", "what is sent"),
    "placeholders": ("placeholder", "is"),
    "the key": ("of the key", "what becomes of it"),
}
_TITLES = {"job": "details by job, with attributes"}


def page() -> str:
    """The whole page."""
    prose = files("connector.mapping.language").joinpath("page.md").read_text(encoding="utf-8")
    made = _DIRECTIVE.sub(lambda found: _made(found[1], found[2] or ""), prose)
    heading, _, rest = re.sub(r"\n{3,}", "\n\n", made).partition("\n")
    return f"{heading}\n\n{MADE}\n{rest}"


def found(word: str) -> list[tuple[Part, Entry]]:
    """The entries a word means: `lookup`, or `source.query` to tell a key from others of its name."""
    return [
        (part, entry)
        for part in PARTS
        for entry in part.entries
        if word.lower() in (entry.name.lower(), f"{part.name}.{entry.name}".lower())
    ]


def section(word: str) -> Part | None:
    """The part of that name, such as `steps`, or None."""
    return PART.get(word.lower())


def nearest_word(word: str) -> str | None:
    """The word of the language next to one that is none."""
    return nearest(word, {name for part in PARTS for name in (part.name, *(one.name for one in part.entries))})


def entry_text(part: Part, entry: Entry) -> str:
    """What is to say about one word, for a terminal."""
    where = f"{_WHERE[part.section]}" if part.section != "keys" else f"key of {part.name}"
    lines = [f"# {entry.name}", f"*{where}*"]
    if entry.queries:
        lines.append(f"For: {entry.queries}.")
    if entry.takes:
        lines.append(f"Takes {entry.takes}.")
    lines.append(f"{entry.does[0].upper()}{entry.does[1:]}.")
    if part.section == "keys" and (entry.default is not NOTHING or entry.default_words):
        lines.append(f"Default: {_default(entry)}.")
    if entry.examples:
        lines.append("\n".join(_fenced(entry.examples)))
    for name in dict.fromkeys(one.record for one in entry.examples if one.record and one.gives is not None):
        lines += [f"It is worked out from this record ({_TITLES.get(name, name)}):", _as_json(RECORDS[name])]
    return without_links("\n\n".join(lines))


def part_text(part: Part) -> str:
    """What is to say about one part, for a terminal."""
    return without_links(f"# {part.name}\n\n{part.about}\n\n{_table(part)}\n\n{_examples(part)}\n\n{part.more}")


def terminal_text() -> str:
    """The whole page, for a terminal."""
    return without_links(page().replace(f"{MADE}\n\n", ""))


_WHERE = {"sources": "source of a field", "steps": "step of a field", "forms": "form"}


def _made(kind: str, name: str) -> str:
    part = PART[name]
    if kind == "table":
        return _table(part)
    if kind == "examples":
        return _examples(part)
    examples = _examples(part) if _is_first(part) else ""
    return f"### {part.title or part.name}\n\n{part.about}\n\n{_table(part)}\n\n{examples}\n\n{part.more}"


def _is_first(part: Part) -> bool:
    """Whether no part before it has its examples already."""
    own = {one.yaml for entry in part.entries for one in entry.examples}
    before = PARTS[: PARTS.index(part)]
    return not own & {one.yaml for other in before for entry in other.entries for one in entry.examples}


def _table(part: Part) -> str:
    entries = part.entries
    if part.section == "keys":
        with_queries = any(entry.queries for entry in entries)
        headings = ["key", *(["for"] if with_queries else []), "what it takes", "what it does", "default"]
        rows = [
            [
                f"`{entry.name}`",
                *([entry.queries or "all"] if with_queries else []),
                entry.takes,
                entry.does,
                _default(entry),
            ]
            for entry in entries
        ]
    else:
        headings = list(_HEADINGS[part.name])
        rows = [[_name(part, entry), *([entry.takes] if len(headings) == 3 else []), entry.does] for entry in entries]
    return "\n".join(_row(cells) for cells in [headings, ["---"] * len(headings), *rows])


def _row(cells: Sequence[str]) -> str:
    if set(cells) == {"---"}:
        return f"|{'|'.join(cells)}|"
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |")


def _name(part: Part, entry: Entry) -> str:
    """Forms of paths and conditions are written with their own signs, the rules of the key are no code."""
    return entry.name if part.name in ("paths", "conditions", "placeholders", "the key") else f"`{entry.name}`"


def _default(entry: Entry) -> str:
    if entry.default is REQUIRED:
        return "required"
    if entry.default is NOTHING:
        return entry.default_words or "none"
    if entry.default in ("", {}):
        return "empty"
    return f"`{_in_yaml(entry.default)}`"


def _examples(part: Part) -> str:
    """Fenced blocks, one for each kind of record; keys of a file only where rows show what they do."""
    shown = [one for entry in part.entries for one in entry.examples if one.is_field or isinstance(one.gives, list)]
    return "\n\n".join(
        "\n".join(_fenced([one for one in shown if (one.record, one.is_field) == kind]))
        for kind in dict.fromkeys((one.record, one.is_field) for one in shown)
    )


def _fenced(examples: Iterable[Example]) -> Iterator[str]:
    """A YAML block: the examples, each with what it gives."""
    examples = _once(examples)
    yield "```yaml"
    if examples[0].gives is not None and examples[0].record:
        yield f"# {_TITLES.get(examples[0].record, examples[0].record)}"
    width = max((len(one.yaml) for one in examples if "\n" not in one.yaml and one.gives is not None), default=0)
    for one in examples:
        results = list(_results(one))
        if len(results) == 1 and "\n" not in one.yaml:
            yield f"{one.yaml:<{width}}  # -> {results[0]}"
        else:
            yield one.yaml
            yield from (f"# -> {result}" for result in results)
    yield "```"


def _once(examples: Iterable[Example]) -> list[Example]:
    return list({one.yaml: one for one in examples}.values())


def _results(example: Example) -> Iterator[str]:
    gives = example.gives
    if gives is None:
        return
    if isinstance(gives, Rejected):
        yield f"rejected, {gives.code}"
    elif gives in (MISSING, ABSENT, FILTERED):
        yield {MISSING: "missing", ABSENT: "left as it is", FILTERED: "no row"}[gives]
    elif isinstance(gives, list):
        yield from (_in_yaml(row) for row in gives)
    else:
        yield json.dumps(gives, ensure_ascii=False)


def _in_yaml(value: object) -> str:
    """A value as YAML writes it inside a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_in_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_in_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _as_json(record: Mapping[str, object]) -> str:
    lines = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in record.items())
    return "```json\n{" + ",\n ".join(lines) + "}\n```"


def without_links(text: str) -> str:
    """Markdown with the words of its links only."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
