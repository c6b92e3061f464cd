"""`connector mapping new`: a mapping drafted from an object's describe and the catalogue of queries."""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from connector.assemble import StopSign
from connector.cli.session import Session, UsageProblem, sign_of
from connector.cli.shipped import write_schema
from connector.config import Config
from connector.errors import ConfigError, MappingError
from connector.mapping import compile_mapping, load_mapping
from connector.mapping.draft import QUERIES, Column, Draft, draft
from connector.mapping.suggest import did_you_mean
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description, Field, fetch_description, problems
from connector.transport import Transport

_DAYS = 30
"""So far back the window of a draft begins."""


def run_mapping_new(session: Session, object: str, query: str | None, stream: str | None) -> int:
    """Write `mappings/STREAM.yml`, never over a file that is there, and say what is left to do in it.

    Raises UsageProblem for a query or a name that cannot be, ConfigError when the file is there already, and what
    asking Salesforce raises.
    """
    if query is not None and query not in QUERIES:
        raise UsageProblem(
            f"no draft can be made for the query {query!r}{did_you_mean(query, QUERIES)}",
            f"one of {', '.join(QUERIES)}",
        )
    name = stream or _stream_name(object)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
        raise UsageProblem(f"{name!r} names no stream", "letters, digits, '-', '_' and '.' only, 80 at most")
    config = session.salesforce_config()
    session.announce(config, will_write=False)
    path = config.mappings / f"{name}.yml"
    taken = [one for one in (path, path.with_suffix(".yaml")) if one.exists()]
    if taken:
        raise ConfigError(
            f"{taken[0]} is there already, and nothing is written over it", "choose another --stream NAME"
        )
    description = _described(session, config, object)
    first_day = (session.now() - timedelta(days=_DAYS)).date()
    columns = [_column(each) for each in _writable(description)]
    drafts = [draft(description.name, columns, one, first_day) for one in ([query] if query else _automatic())]
    best = max(drafts, key=lambda one: one.guessed)
    _write(path, best.text)
    left = [*best.left, *_problems(path, description)]
    session.show(
        {"file": path, "query": best.query, "guessed": best.guessed, "left_to_do": left, "exit_code": 0},
    )
    if not session.as_json and not session.quiet:
        _show(session, path, best, len(columns), left)
    return 0


def _stream_name(object: str) -> str:
    """`queue-interval` for Queue_Interval__c."""
    return re.sub(r"__[a-z]$", "", object.lower()).replace("_", "-")


def _automatic() -> Sequence[str]:
    """The queries tried when none is named: not the one that is no part of the documented API."""
    return [name for name in QUERIES if name != "conversations.summary"]


def _described(session: Session, config: Config, object: str) -> Description:
    seams = session.seams(StopSign(), lambda progress: None)
    with closing(Transport(now=seams.now, sleep=seams.sleep, mount=seams.mount)) as transport:
        return fetch_description(Org(config.salesforce, transport), object)


def _writable(description: Description) -> list[Field]:
    return [each for each in description.fields.values() if each.is_createable and each.is_updateable]


def _column(each: Field) -> Column:
    return Column(
        name=each.name,
        type=each.type,
        label=each.label,
        length=each.length,
        is_key=each.is_external_id and each.is_unique and each.type == "string",
        is_required=each.is_required,
        parents=each.parents,
        relationship=each.relationship,
    )


def _write(path: Path, text: str) -> None:
    """A new file, with the schema beside it. Raises ConfigError when the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        write_schema(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}", "is the folder yours?") from error


def _problems(path: Path, description: Description) -> list[str]:
    """What the loader and the object say of the draft as it stands."""
    try:
        mapping = load_mapping(path)
    except MappingError as error:
        return list(error.problems)
    (types,) = compile_mapping(mapping).types
    found = problems(description, mapping.targets[0].external_id, types)
    required = "is required on new records but not mapped"
    return [one for one in found if required not in one]


def _show(session: Session, path: Path, made: Draft, fields: int, left: Sequence[str]) -> None:
    sign = sign_of(session.out, good=True)
    told = f"{made.query}, {made.guessed} of {fields} fields found by their names"
    session.out.print(f"{sign} [bold]{path}[/]: {told}", highlight=False, soft_wrap=True)
    for one in left:
        session.out.print(f"    left to do: {one}", highlight=False, markup=False, soft_wrap=True)
    session.out.print(
        f"look through it, then: connector check {path.stem}, connector preview {path.stem}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
