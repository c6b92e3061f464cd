"""A YAML file as plain values that still know their lines: nothing is converted that an admin did not mean.

Keys are always text. Plain words are read as JSON would: `true` and `false`, `null` or `~`, and numbers without
leading zeros, signs or exponents; everything else (`yes`, `on`, `0123`, `+4930`, `2026-01-01`) stays the text it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

LARGEST_BYTES = 1_000_000
MOST_PROBLEMS = 200
"""So many problems of one file are told; then something else is wrong with it than its words."""

_DEEPEST = 40
_MOST_REPEATS = 300
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    """The safe loader with the few plain words above instead of those of YAML 1.1."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - yaml keeps its resolvers in the class


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)\Z"), None)
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), None)
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z"), None)
_Loader.add_implicit_resolver(f"{_TAG}float", re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}\Z"), None)


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong and where. line and column count from 1; place: the keys that lead there, or "" for the file."""

    line: int
    column: int
    place: str
    text: str

    def told(self, path: Path) -> str:
        """One line: file, line, column, place, what."""
        return f"{path}:{self.line}:{self.column}: {f'{self.place}: ' if self.place else ''}{self.text}"


class TooManyProblems(Exception):
    """A file has more problems than anybody would read."""


@dataclass
class Document:
    """The values of one file, and what was found wrong in it.

    data: plain dicts, lists and scalars ({} when the file cannot be read); problems: what must be mended;
    warnings: what works but may not be meant.
    """

    path: Path
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _values: dict[Place, tuple[int, int]] = field(default_factory=dict)
    _keys: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def value(self, place: Place) -> Any:
        """What stands at `place`; None when nothing does."""
        found: Any = self.data
        for part in place:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def problem(self, place: Place, text: str, *, at_key: bool = False) -> None:
        """Note a problem of the value at `place`, or of its key. Raises TooManyProblems."""
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooManyProblems
        self.problems.append(self._found(place, text, at_key))

    def warn(self, place: Place, text: str) -> None:
        self.warnings.append(self._found(place, text, False))

    def _found(self, place: Place, text: str, at_key: bool) -> Problem:
        known = self._keys if at_key else self._values
        near = place
        while near and near not in known:
            near = near[:-1]
        line, column = known.get(near, (1, 1))
        if "fields" in place:
            # A field that is only a path has no `from` in the file, and one that has needs no mention of it.
            after = place.index("fields") + 2
            place = near[:after] if near[after : after + 1] == ("from",) else near
        return Problem(line, column, _written(place), text)


def read_document(path: Path) -> Document:
    """Read one YAML file. Never raises for what the file holds: `problems` says why it cannot be used."""
    document = Document(path)
    text = _text(document)
    if text is None:
        return document
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        document.problems.append(_explained(error, text))
        return document
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(Problem(line, 1, "", f"a character YAML does not allow: {error.reason}"))
        return document
    if root is None:
        document.problems.append(Problem(1, 1, "", "the file is empty"))
        return document
    if not isinstance(root, yaml.MappingNode):
        document.problems.append(Problem(1, 1, "", "must be keys with values, such as 'source:' and 'fields:'"))
        return document
    try:
        document.data = _Values(document).mapping(root, ())
    except _Refused as refused:
        document.problems.append(Problem(*_position(refused.node), "", refused.text))
        document.data = {}
    return document


def _text(document: Document) -> str | None:
    """The file's text, or None with a problem noted."""
    try:
        with document.path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        document.problem((), f"cannot be read: {error.strerror or type(error).__name__}")
        return None
    if len(raw) > LARGEST_BYTES:
        document.problem((), "larger than 1 MB: no mapping is; was another file put here?")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        document.problems.append(Problem(line, 1, "", "not UTF-8; save the file as UTF-8"))
        return None


def _compose(text: str) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        # Composing goes as deep as the file does, so the depth is looked at first.
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"more than {_DEEPEST} levels deep", problem_mark=event.start_mark)  # type: ignore[arg-type]
    return yaml.compose(text, Loader=_Loader)


def _explained(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    written = lines[line] if line < len(lines) else ""
    what = error.problem or "cannot be understood"
    if "nesting depth" in what:
        what = f"more than {_DEEPEST} levels deep"
    elif "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in what:
        what = "indented with a tab; YAML takes spaces only"
    elif "single document" in (error.context or ""):
        what = "a second document begins here; one file describes one stream"
    elif "flow" in (error.context or "") or "mapping values" in what:
        what = f"{what}; a text that holds [ ] {{ }} or ': ' needs quotes"
    return Problem(line + 1, column + 1, "", f"not YAML: {what}")


class _Refused(Exception):
    def __init__(self, node: yaml.Node, text: str) -> None:
        super().__init__(text)
        self.node = node
        self.text = text


class _Values:
    """Turns nodes into plain values, noting where each stands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._met: set[int] = set()
        self._open: set[int] = set()
        self._repeats = 0

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused(key_node, "a key must be one word or text")
            key = key_node.value
            below = (*place, key)
            if key in values:
                first = self.document._keys[below][0]
                found = Problem(
                    *_position(key_node), _written(place), f"key '{key}' stands twice, first in line {first}"
                )
                self.document.problems.append(found)
                continue
            self.document._keys[below] = _position(key_node)
            values[key] = self.value(value_node, below)
        return values

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.document._values[place] = _position(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        with_repeats = id(node) in self._met
        self._met.add(id(node))
        self._repeats += with_repeats
        if id(node) in self._open:
            raise _Refused(node, "an alias stands inside what it repeats")
        if self._repeats > _MOST_REPEATS:
            raise _Refused(node, f"aliases repeat more than {_MOST_REPEATS} parts of the file; write them out")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, place)
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        match node.tag.removeprefix(_TAG):
            case "str":
                return node.value
            case "null":
                return None
            case "bool":
                return node.value.lower() == "true"
            case "int":
                return int(node.value)
            case "float":
                return float(node.value)
            case _:
                raise _Refused(node, f"tag '{node.tag}' is not used in mappings; write the plain value")


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _written(place: Place) -> str:
    return "".join(_parts(place)).removeprefix(".")


def _parts(place: Place) -> Iterator[str]:
    for part in place:
        yield f"[{part}]" if isinstance(part, int) else f".{part}"
