"""A saved answer as a page: what `connector preview --sample` maps without asking any service."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from connector.cli.session import UsageProblem
from connector.errors import MalformedAnswer
from connector.genesys.client import Answer
from connector.genesys.judge import Record
from connector.genesys.pages import PageReader, value_at
from connector.mapping import Mapping as StreamMapping
from connector.mapping.paths import parse_path
from connector.spans import Span
from connector.transport import Params

LARGEST_BYTES = 50_000_000

_WHAT = "FILE is one answer as Genesys Cloud gives it, a list of its records, or one conversation, as JSON"


def unknown_name(kind: str, identity: str) -> Mapping[str, Any]:
    """Stands in each property for what a service would have to be asked."""
    return _Unknown(f"(unknown: {identity})")


class _Unknown(dict[str, Any]):
    """Properties of which every one is the same text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def get(self, name: str, default: Any = None) -> Any:
        return self._text


def read_sample(path: Path, mapping: StreamMapping, cell: Span) -> list[Record]:
    """The records of a saved answer, flattened as if the service had given it for `cell`.

    Also a list of records, one conversation, or what `connector preview --json` printed. Raises UsageProblem.
    """
    written = _parsed(path)
    if isinstance(written, dict) and _is_preview(written):
        return [one["record"] for one in written["records"]]
    listed = _listed(path, written, mapping)
    if listed and all(isinstance(one, dict) and _is_flat(one, mapping) for one in listed):
        return listed
    if mapping.query.is_snapshot:
        # A saved answer is that of one call: nothing is listed for it.
        mapping = replace(mapping, source=mapping.source.model_copy(update={"filter": {"type": "or"}}))
    try:
        page = PageReader(_Saved(_answer(mapping, listed)), mapping, now=lambda: cell.start).fetch_page(cell, 1)
    except MalformedAnswer as error:
        raise UsageProblem(f"{path}: {error.message}", _WHAT) from error
    if not page.records:
        raise UsageProblem(f"{path}: holds no record", _WHAT)
    return list(page.records)


def _parsed(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UsageProblem(
                f"{path}: {size // 1_000_000} MB; a sample holds at most {LARGEST_BYTES // 1_000_000} MB",
                "keep a few records of it in a file of their own",
            )
        content = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"{path}: cannot be read: {error.strerror or type(error).__name__}", _WHAT) from error
    if content.startswith(b"\x1f\x8b"):
        raise UsageProblem(f"{path}: is compressed", "unpack it first, for example with gunzip")
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise UsageProblem(f"{path}: not JSON: line {error.lineno}, column {error.colno}", _WHAT) from None


def _is_preview(written: dict[str, Any]) -> bool:
    """Whether it is what `connector preview --json` prints."""
    records = written.get("records")
    return (
        "fates" in written
        and isinstance(records, list)
        and all(isinstance(one, dict) and isinstance(one.get("record"), dict) for one in records)
    )


def _listed(path: Path, written: Any, mapping: StreamMapping) -> list[Any]:
    """What stands where the query's answers hold their records."""
    name = mapping.query.records
    if isinstance(written, list):
        listed = written
    elif not isinstance(written, dict):
        raise UsageProblem(f"{path}: neither an object nor a list", _WHAT)
    elif name in written or value_at(name)(written) is not None:
        listed = value_at(name)(written) or []
    elif mapping.query.shape == "details" and "conversationId" in written:
        listed = [written]
    else:
        raise UsageProblem(f"{path}: no answer of {mapping.query.name}: it has no {name!r}", _WHAT)
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UsageProblem(f"{path}: {name!r} is no list of objects", _WHAT)
    if not listed:
        raise UsageProblem(f"{path}: holds no record", _WHAT)
    return listed


def _is_flat(record: dict[str, Any], mapping: StreamMapping) -> bool:
    """Whether it is a record of an aggregates query already, not a group with its intervals."""
    return mapping.query.shape in ("aggregates", "users", "observations") and "start" in record


def _answer(mapping: StreamMapping, listed: list[Any]) -> dict[str, Any]:
    answer: Any = listed
    for name in reversed(parse_path(mapping.query.records).names):
        answer = {name: answer}
    return dict(answer)


class _Saved:
    """Answers every question with the same body."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Params | None = None,
        permission: str = "",
    ) -> Answer:
        return Answer(self._body, {}, 0)
