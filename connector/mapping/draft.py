"""A first mapping for an object, guessed from the names and types of its fields: to be looked through, not trusted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher

from connector.genesys.queries import CATALOGUE, DIMENSIONS, METRICS, SUMMARY_GROUPINGS, SUMMARY_METRICS
from connector.mapping.contents import CONVERSATION, Many, Value
from connector.mapping.schema import EDITOR_LINE

QUERIES = tuple(name for name in CATALOGUE if name.startswith("conversations."))
"""Queries a draft can be made for."""

_NEAR = 0.82
_TEXTS = frozenset("string textarea email phone url picklist multipicklist combobox".split())
_FITTING = {
    "text": _TEXTS,
    "texts": _TEXTS,
    "number": frozenset(("double", "currency", "percent")),
    "integer": frozenset(("double", "currency", "percent", "int", "long")),
    "boolean": frozenset(("boolean",)),
    "datetime": frozenset(("datetime",)),
}
_WHOLE = ("int", "long")
_COUNT = "conversation:count"
_UNITS = {"s": 1000, "sec": 1000, "secs": 1000, "second": 1000, "seconds": 1000, "min": 60_000, "minutes": 60_000}
_TIMED = frozenset((*_UNITS, "ms", "time", "duration", "average", "longest"))
_SAME = {
    "started": "start",
    "began": "start",
    "ended": "end",
    "agent": "user",
    "medium": "media",
    "handling": "handle",
    "talking": "talk",
    "waiting": "wait",
    "avg": "average",
    "aht": "averagehandle",
}
_PASSED_OVER = frozenset("id ids time conversation interval total genesys of the in is".split())


@dataclass(frozen=True)
class Column:
    """One field of the object. type: as describe names it; length: characters, 0 for other kinds.

    parents: objects a reference points to; relationship: its name in columns, or "".
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    is_key: bool = False
    is_required: bool = False
    parents: tuple[str, ...] = ()
    relationship: str = ""


@dataclass(frozen=True)
class Draft:
    """A file and what is left to do in it. guessed: how many fields were found in the records."""

    text: str
    query: str
    guessed: int
    left: tuple[str, ...]


@dataclass(frozen=True)
class _Offer:
    """Something a record holds: by which words it is known, its kind, and how a field takes it.

    dimension, metric: what must be asked for; is_time: milliseconds; is_count_of_time: how often a timer ran.
    """

    words: str
    kind: str
    source: str
    dimension: str = ""
    metric: str = ""
    is_time: bool = False
    is_count_of_time: bool = False
    steps: str = ""


@dataclass
class _Guess:
    lines: list[str] = field(default_factory=list)
    dimensions: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)


def draft(object: str, columns: Sequence[Column], query: str, first_day: date) -> Draft:
    """A mapping of one query to an object.

    columns: those the integration user may create and update; first_day: of the window.
    """
    shape = CATALOGUE[query].shape
    keys = [column for column in columns if column.is_key]
    key = keys[0].name if keys else "Genesys_Key__c"
    others = [column for column in columns if column.name != key]
    guessed, guess, passed = 0, _Guess(), []
    taken: set[str] = set()
    offers = _offers(shape)
    for column in others:
        offer = _nearest(column, offers, taken)
        if offer is None:
            passed.append(column)
            continue
        taken.add(f"{offer.source}{offer.steps}")
        guessed += 1
        guess.lines.append(f"{column.name}: {_made(column, offer)}")
        guess.dimensions += [offer.dimension] if offer.dimension and offer.dimension not in guess.dimensions else []
        guess.metrics += [offer.metric] if offer.metric and offer.metric not in guess.metrics else []
    _fill(shape, guess)
    text = "\n".join(_lines(object, query, key, guess, passed, first_day)) + "\n"
    return Draft(text, query, guessed, tuple(_left(object, keys, passed)))


def _fill(shape: str, guess: _Guess) -> None:
    """What the query needs even when no field asked for it."""
    if shape == "aggregates":
        guess.dimensions = guess.dimensions or ["queueId"]
        guess.metrics = guess.metrics or ["nOffered"]
    elif shape == "summary":
        guess.dimensions = guess.dimensions or ["conversation:queue"]
        guess.metrics = guess.metrics or ["conversation:count"]


def _lines(
    object: str, query: str, key: str, guess: _Guess, passed: Sequence[Column], first_day: date
) -> Iterator[str]:
    shape = CATALOGUE[query].shape
    yield from (
        EDITOR_LINE,
        f"# Drafted from {query} and the fields of {object}, by their names: look through every line.",
        "# `connector help mapping` explains each word; `connector preview STREAM` shows records beside rows.",
        f"about: {_about(shape)}",
        "",
        "source:",
        f"  query: {query}",
    )
    if shape == "aggregates":
        yield "  granularity: PT1H"
    if shape != "details":
        yield f"  group_by: [{', '.join(map(_quoted, guess.dimensions))}]"
        yield f"  metrics: [{', '.join(map(_quoted, guess.metrics))}]"
    yield from (
        "",
        "window:",
        f"  start: {first_day} # the first day to bring over; set it to yours before the first run",
        f"  lookback: {'P1D' if shape == 'summary' else 'PT6H'} # so long everything is read again, for it changes",
        "  recheck: [P1D, P4D] # and each day once more at these ages, for what came late",
        "",
        "target:",
        f"  object: {object}",
        f"  external_id: {key}",
        "",
        "fields:",
        f"  {key}: {{key: [{', '.join(_key(shape, guess.dimensions))}]}}",
        *(f"  {line}" for line in guess.lines),
    )
    if passed:
        yield ""
        yield "  # Not mapped, for nothing in the records has such a name: API name, type, label."
        yield from (f"  # {_described(column)}" for column in passed)


def _about(shape: str) -> str:
    if shape == "details":
        return "One Salesforce record per conversation."
    return "One Salesforce record per group and " + ("hour." if shape == "aggregates" else "day.")


def _key(shape: str, dimensions: Sequence[str]) -> list[str]:
    if shape == "details":
        return ["conversationId"]
    if shape == "aggregates":
        return list(dict.fromkeys([*dimensions, "mediaType", "start"]))
    return ["start", *map(_quoted, dimensions)]


def _left(object: str, keys: Sequence[Column], passed: Sequence[Column]) -> Iterator[str]:
    if not keys:
        yield (
            f"{object} has no text field that is External ID and Unique: make one (Genesys_Key__c, Text 255), or name "
            "yours in target.external_id and fields"
        )
    if len(keys) > 1:
        others = ", ".join(column.name for column in keys[1:])
        yield f"{keys[0].name} was taken for the key; {others} could be it too"
    for column in passed:
        if column.is_required:
            yield f"{column.name} is required on new records and not mapped"


def _offers(shape: str) -> list[_Offer]:
    """Everything the records of a query can hold, by the words of its name."""
    if shape == "details":
        return list(_of_conversations())
    if shape == "summary":
        dimensions = [_Offer(_words(name), "text", _quoted(name), dimension=name) for name in sorted(SUMMARY_GROUPINGS)]
        conversations = _Offer("conversations", "integer", _quoted(_COUNT), metric=_COUNT, steps=", default: 0")
        measures = [
            _Offer(_words(name), "number", _quoted(name), metric=name, is_time=name.endswith("duration"))
            for name in sorted(SUMMARY_METRICS)
        ]
        return [
            *dimensions,
            *measures,
            conversations,
            _Offer("start", "datetime", "start"),
            _Offer("day", "datetime", "start"),
        ]
    return list(_of_aggregates())


def _of_conversations() -> Iterator[_Offer]:
    for name, node in CONVERSATION.names.items():
        if isinstance(node, Value) and node.kind != "any" and name != "conversationId":
            yield _Offer(_words(name.removesuffix("_ms")), node.kind, name, is_time=name.endswith("_ms"))
            yield from _name_behind(name)
        elif isinstance(node, Many) and isinstance(node.of, Value):
            yield _Offer(_words(name), "texts", name)


def _of_aggregates() -> Iterator[_Offer]:
    yield _Offer("start", "datetime", "start")
    yield _Offer("end", "datetime", "end")
    for name in sorted(DIMENSIONS):
        yield _Offer(_words(name), "text", name, dimension="" if name == "mediaType" else name)
        yield from _name_behind(name, dimension=name)
    for name, statistics in METRICS.items():
        words = _words(name[1:])
        if "numerator" in statistics:
            parts = f"ratio: [{name}.numerator, {name}.denominator]"
            yield _Offer(words, "number", parts, metric=name, steps=", multiply: 100, round: 2")
        elif name.startswith("t"):
            parts = f"ratio: [{name}.sum, {name}.count]"
            # First, for of two that are equally near the first is taken: a number without a word of time is a count.
            yield _Offer(words, "integer", f"{name}.count", metric=name, is_count_of_time=True, steps=", default: 0")
            yield _Offer(f"average{words}", "number", parts, metric=name, is_time=True)
            yield _Offer(words, "number", f"{name}.sum", metric=name, is_time=True)
            yield _Offer(f"longest{words}", "number", f"{name}.max", metric=name, is_time=True)
        elif "count" in statistics:
            yield _Offer(words, "integer", f"{name}.count", metric=name, steps=", default: 0")


def _name_behind(name: str, dimension: str = "") -> Iterator[_Offer]:
    """The name that can be looked up by an id."""
    last = _split(name.removesuffix("Id").removesuffix("_id"))[-1]
    kind = {"queue": "queues", "user": "users", "agent": "users", "division": "divisions"}.get(last)
    if kind and name.lower().endswith("id"):
        steps = f", lookup: {kind}.name"
        yield _Offer(f"{_words(name)}name", "text", name, dimension=dimension, steps=steps)


def _nearest(column: Column, offers: Iterable[_Offer], taken: set[str]) -> _Offer | None:
    """What fits the field's type and is nearest to its name, if anything is near."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(_words(_bare(column.name)))
    best, likeness = None, 0.0
    for offer in offers:
        if not _fits(column, offer) or f"{offer.source}{offer.steps}" in taken:
            continue
        matcher.set_seq1(offer.words)
        wanted = max(likeness, _NEAR)
        # The quick ratios are never below the ratio, and much sooner known.
        if matcher.real_quick_ratio() >= wanted and matcher.quick_ratio() >= wanted:
            found = matcher.ratio()
            if found >= wanted and found > likeness:
                best, likeness = offer, found
    return best


def _fits(column: Column, offer: _Offer) -> bool:
    if offer.is_count_of_time and _TIMED.intersection(_split(column.name)):
        return False
    if offer.is_time and column.type in _WHOLE:
        return True
    return column.type in _FITTING[offer.kind]


def _made(column: Column, offer: _Offer) -> str:
    """How the field takes what is offered."""
    if offer.kind == "texts":
        return f"{{join: {offer.source}}}"
    source = offer.source if offer.source.startswith("ratio:") else f"from: {offer.source}"
    if offer.is_time:
        unit = next((_UNITS[word] for word in _split(column.name) if word in _UNITS), 1000)
        digits = 0 if column.type in _WHOLE else 1
        if "ms" not in _split(column.name):
            return f"{{{source}, divide: {unit}, round: {digits}}} # from milliseconds"
    steps = offer.steps
    # Ids have 36 characters; names and everything people type may be longer than the field.
    if offer.kind == "text" and column.type in _TEXTS and column.length and ("lookup" in steps or column.length < 36):
        steps += f", truncate: {column.length}"
    if steps:
        return f"{{{source}{steps}}}"
    return f"{{{source}}}" if source.startswith("ratio:") else offer.source


def _described(column: Column) -> str:
    length = f"({column.length})" if column.length else ""
    # A label may hold what no YAML file may.
    shown = " ".join("".join(one if one.isprintable() else " " for one in column.label).split())
    label = f', "{shown}"' if shown else ""
    if column.parents and column.relationship:
        parent = f"; the parent's key: {column.relationship}.EXTERNAL_ID__c of {' or '.join(column.parents[:3])}"
    else:
        parent = ""
    required = ", required" if column.is_required else ""
    return f"{column.name}: {column.type}{length}{label}{required}{parent}"


def _bare(name: str) -> str:
    """An API name without its ending and its units."""
    words = re.sub(r"__[a-z]+$", "", name, flags=re.IGNORECASE).split("_")
    return "_".join(word for word in words if word.lower() not in _UNITS and word.lower() != "ms")


def _split(name: str) -> list[str]:
    """The words of a name, in small letters: `firstQueueId`, `First_Queue_Id__c`, `conversation:queue`."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub(r"__[a-z]+$", "", name))
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def _words(name: str) -> str:
    """What is compared of a name: its words in one, alike ones made the same, empty ones left out."""
    words = [_SAME.get(word, word) for word in _split(name)]
    return "".join(word for word in words if word not in _PASSED_OVER) or "".join(words)


def _quoted(name: str) -> str:
    return f'"{name}"' if ":" in name else name
