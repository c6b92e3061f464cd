"""Mapping files to mappings, with every problem of every file told at once."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from connector.errors import MappingError
from connector.genesys.queries import CATALOGUE
from connector.mapping.check import check_source, check_window
from connector.mapping.check_target import Written, check_target
from connector.mapping.document import MOST_PROBLEMS, Document, Place, TooManyProblems, read_document
from connector.mapping.endpoint import read_endpoint
from connector.mapping.examples import read_examples
from connector.mapping.fields import read_condition, read_field
from connector.mapping.model import Mapping, Source, Target, TargetRules, WindowRules, each_of, period
from connector.mapping.rules import Condition, FieldRule
from connector.mapping.strict import kind_of, read
from connector.mapping.suggest import did_you_mean, nearest
from connector.mapping.upkeep import UPKEEP, check_upkeep, read_upkeep
from connector.spans import DAY, Period

TARGET_KEYS = ("target", "each", "keep", "skip", "fields")
KEYS = ("about", "enabled", "source", "window", *TARGET_KEYS, "targets", "lookup_age", "examples", *UPKEEP)
REQUIRED = ("source", "window", "target", "fields")
_MOST_ENTRIES = 1000
_ENDINGS = (".yml", ".yaml")
_HINT = "mend the lines named above; nothing was read or sent"


def load_mapping(path: Path) -> Mapping:
    """The mapping in one YAML file. Raises MappingError with every problem of the file."""
    mapping, problems = _loaded(path)
    if mapping is None:
        raise MappingError(problems, _HINT)
    return mapping


def load_mappings(folder: Path) -> dict[str, Mapping]:
    """Every mapping of a folder by stream name, in order of the names; hidden files are passed over.

    Raises MappingError with all problems of all files, also when there is no file or no folder.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and not path.name.startswith("."))
    except OSError as error:
        problem = f"{folder}: cannot be read: {error.strerror or type(error).__name__}"
        raise MappingError([problem], "mappings stand in a folder, one YAML file per stream") from None
    if not paths:
        raise MappingError([f"{folder}: holds no mapping"], "put at least one YAML file there, named for its stream")
    mappings: dict[str, Mapping] = {}
    problems: list[str] = []
    streams: dict[str, Path] = {}
    for path in paths:
        mapping, found = _loaded(path)
        problems += found
        other = streams.setdefault(path.stem.lower(), path)
        if other is not path:
            problems.append(f"{path}:1:1: describes the same stream as {other.name}; rename one of them")
        if mapping is not None:
            mappings[mapping.stream] = mapping
    if problems:
        raise MappingError(problems, _HINT)
    return dict(sorted(mappings.items()))


def _loaded(path: Path) -> tuple[Mapping | None, list[str]]:
    """The mapping, or None and its problems in the order of the file."""
    document = read_document(path)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", path.stem):
        document.problem((), "the file's name names the stream: letters, digits, '-', '_' and '.' only, 80 at most")
    mapping, more = None, ""
    if document.data or not document.problems:
        try:
            mapping = _mapping(document)
        except TooManyProblems:
            more = f"{path}: and more: is this a mapping at all?"
    if document.problems or mapping is None:
        told = [problem.told(path) for problem in sorted(set(document.problems))[:MOST_PROBLEMS]]
        return None, [*told, more] if more else told
    return mapping, []


def _mapping(document: Document) -> Mapping | None:
    """The document as a mapping; None when a part is missing or wrong, with every problem noted."""
    data = document.data
    _known_keys(document, data, (), KEYS)
    for key in REQUIRED:
        if key not in data and not (key in TARGET_KEYS and "targets" in data):
            document.problem((), f"'{key}' is missing")
    about = _plain(document, data, "about", str, "")
    enabled = _plain(document, data, "enabled", bool, True)
    lookup_age = _period(document, data, "lookup_age", DAY)
    source = _source(document, data["source"]) if "source" in data else None
    window = read(WindowRules, data["window"], document, ("window",)) if "window" in data else None
    upkeep = read_upkeep(document, data)
    if source is not None:
        source = check_source(document, source)
        if window is not None:
            check_window(document, source, window)
            check_upkeep(document, source, window, upkeep)
    targets = _targets(document, data, source)
    if source is None or window is None or not targets:
        return None
    examples = read_examples(document, data["examples"], _written_fields(targets)) if "examples" in data else ()
    warnings = tuple(warning.told(document.path) for warning in sorted(set(document.warnings)))
    return Mapping(
        document.path.stem, about, enabled, source, window, targets, lookup_age, warnings, examples, **vars(upkeep)
    )


def _source(document: Document, written: Any) -> Source | None:
    """What is asked: a query of the catalogue, or an endpoint described in place."""
    place: Place = ("source",)
    if not isinstance(written, dict) or "endpoint" not in written:
        source = read(Source, written, document, place)
        if isinstance(written, dict) and "query" not in written:
            document.problem(place, "'query' or 'endpoint' is missing")
        if source is not None and source.query is None:
            # What was most likely meant, so that the rest of the file is checked as well.
            meant = nearest(str(written.get("query", "")), CATALOGUE)
            source = source.model_copy(update={"query": meant})
        return source if source is not None and source.query else None
    if "query" in written:
        document.problem((*place, "query"), "'query' and 'endpoint' exclude each other; keep one", at_key=True)
    endpoint = read_endpoint(document, written["endpoint"], (*place, "endpoint"))
    rest = {key: value for key, value in written.items() if key not in ("query", "endpoint")}
    source = read(Source, rest, document, place)
    return source.model_copy(update={"endpoint": endpoint}) if source and endpoint else None


def _targets(document: Document, data: dict[str, Any], source: Source | None) -> tuple[Target, ...]:
    """The one target of the file, or those of its list; () when one of them cannot be read."""
    if "targets" not in data:
        found = [_target(document, data, (), source)]
    else:
        for key in TARGET_KEYS:
            if key in data:
                document.problem((key,), f"'{key}' stands in each entry of 'targets'; take it out here", at_key=True)
        written = data["targets"]
        if not isinstance(written, list) or not written:
            document.problem(("targets",), f"must be a list of targets, not {kind_of(written)}")
            return ()
        found = []
        for index, entry in enumerate(written):
            place: Place = ("targets", index)
            if not isinstance(entry, dict):
                document.problem(place, f"must be keys with values, not {kind_of(entry)}")
                found.append(None)
                continue
            _known_keys(document, entry, place, TARGET_KEYS)
            for key in ("target", "fields"):
                if key not in entry:
                    document.problem(place, f"'{key}' is missing")
            found.append(_target(document, entry, place, source))
        _check_objects(document, found)
    return tuple(one for one in found if one is not None) if None not in found else ()


def _check_objects(document: Document, targets: Sequence[Target | None]) -> None:
    """Rows are known by object and key: two targets of one object would undo each other."""
    first: dict[str, int] = {}
    for index, target in enumerate(targets):
        if target is not None and first.setdefault(target.object.lower(), index) != index:
            other = f"targets[{first[target.object.lower()]}]"
            text = f"{other} writes to {target.object} as well; give one of them a stream of its own"
            document.problem(("targets", index, "target", "object"), text)


def _target(document: Document, data: dict[str, Any], place: Place, source: Source | None) -> Target | None:
    rules = read(TargetRules, data["target"], document, (*place, "target")) if "target" in data else None
    each = None
    if "each" in data:
        try:
            each = each_of(data["each"])
        except ValueError as error:
            document.problem((*place, "each"), str(error))
            return None
    keep = _entries(document, data, (*place, "keep"), read_condition)
    skip = _entries(document, data, (*place, "skip"), read_condition)
    fields = _entries(document, data, (*place, "fields"), read_field)
    if source is not None:
        written = Written(place, _text(data, "object"), _text(data, "external_id") or None, each, keep, skip, fields)
        check_target(document, source, written)
    if rules is None:
        return None
    return Target.model_construct(**dict(rules), each=each, keep=keep, skip=skip, fields=fields)


def _written_fields(targets: Sequence[Target]) -> dict[str, list[str]]:
    """Object -> the fields written there, over all targets."""
    fields: dict[str, list[str]] = {}
    for target in targets:
        fields.setdefault(target.object, []).extend(rule.name for rule in target.fields)
    return fields


def _text(data: dict[str, Any], key: str) -> str:
    """A name of the target as written, so that it is checked even when something else is wrong with it."""
    target = data.get("target")
    name = target.get(key) if isinstance(target, dict) else None
    return name if isinstance(name, str) else ""


def _known_keys(document: Document, data: dict[str, Any], place: Place, known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            hint = did_you_mean(key, known) or f"; known are {', '.join(known)}"
            document.problem((*place, key), f"unknown key '{key}'{hint}", at_key=True)


_Plain = TypeVar("_Plain", str, bool)
_Entry = TypeVar("_Entry", FieldRule, Condition)


def _plain(document: Document, data: dict[str, Any], key: str, kind: type[_Plain], otherwise: _Plain) -> _Plain:
    value = data.get(key, otherwise)
    if isinstance(value, kind):
        return value
    wanted = "text" if kind is str else "true or false"
    document.problem((key,), f"must be {wanted}, not {kind_of(value)}")
    return otherwise


def _period(document: Document, data: dict[str, Any], key: str, otherwise: Period) -> Period:
    if key not in data:
        return otherwise
    try:
        return period(data[key])
    except ValueError as error:
        document.problem((key,), str(error))
        return otherwise


def _entries(
    document: Document,
    data: dict[str, Any],
    place: Place,
    read_entry: Callable[[Document, Place, str, Any], _Entry | None],
) -> tuple[_Entry, ...]:
    """What stands under `fields`, `keep` or `skip`, in the order written, without what cannot be read."""
    written = data.get(str(place[-1]), {})
    if not isinstance(written, dict):
        document.problem(place, f"must be keys with values, not {kind_of(written)}")
        return ()
    if len(written) > _MOST_ENTRIES:
        document.problem(place, f"{len(written)} entries; no Salesforce object has more than {_MOST_ENTRIES} fields")
        return ()
    read_all = [read_entry(document, (*place, name), name, value) for name, value in written.items()]
    return tuple(entry for entry in read_all if entry is not None)
