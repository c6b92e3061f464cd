"""`connector rejects`: rows that were set aside, what to do about them, one of them, or all of them as a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from connector.advice import counted
from connector.cli.reject_file import write_rejects
from connector.cli.session import Session, UsageProblem
from connector.cli.show import ago, as_text, moment
from connector.cli.state import open_state
from connector.config import Config
from connector.state.store import Store
from connector.triage import Reject, RejectGroup, codes, open_rejects, reject_groups, rejects_of_key


@dataclass(frozen=True)
class Asked:
    """What was asked for, word by word.

    words: what stands behind `rejects`; stream, code: of the options; out: the file to export to; force: it may replace
    one that is there; show_keys: of the groups.
    """

    words: tuple[str, ...] = ()
    stream: str | None = None
    code: str | None = None
    out: str | None = None
    force: bool = False
    show_keys: bool = False


def run_rejects(session: Session, asked: Asked) -> int:
    """Groups, one reject, or a file of them. Raises UsageProblem for words and options that make no sense together."""
    match asked.words:
        case ("show", key):
            _refuse(asked, "show", "--code", "--out", "--force", "--show-keys")
            return _show_one(session, key, asked.stream)
        case ("export",) | ("export", _) if asked.out is not None:
            _refuse(asked, "export", "--show-keys")
            return _export(session, asked, Path(asked.out))
        case ("show",) | ("export",) if not _is_stream(session, asked.words[0]):
            needs = {
                "show": "the key: connector rejects show KEY",
                "export": "a file: connector rejects export --out F.csv",
            }
            raise UsageProblem(f"{asked.words[0]} needs {needs[asked.words[0]]}", "connector rejects --help")
        case () | (_,):
            _refuse(asked, "a list of groups", "--code", "--out", "--force")
            return _show_groups(session, _one_stream(asked, *asked.words), show_keys=asked.show_keys)
        case _:
            raise UsageProblem(
                "connector rejects takes one stream, or: show KEY, or: export [STREAM] --out FILE.csv",
                "connector rejects --help",
            )


def check_code(code: str | None, present: Mapping[str, int]) -> None:
    """Raise UsageProblem, which lists the codes there are, unless the code is one of them, in whatever case."""
    if code is not None and code.upper() not in {one.upper() for one in present}:
        there = ", ".join(f"{one} ({many:,})" for one, many in present.items())
        raise UsageProblem(f"no row that is set aside has the code {code!r}", f"codes there are: {there}")


def _refuse(asked: Asked, what: str, *options: str) -> None:
    given = {
        "--code": asked.code is not None,
        "--out": asked.out is not None,
        "--force": asked.force,
        "--show-keys": asked.show_keys,
    }
    if wrong := [option for option in options if given[option]]:
        raise UsageProblem(f"{', '.join(wrong)} does not go with {what}", "connector rejects --help")


def _is_stream(session: Session, name: str) -> bool:
    return (session.local_config().mappings / f"{name}.yml").exists()


def _one_stream(asked: Asked, named: str | None = None) -> str | None:
    if named and asked.stream and named != asked.stream:
        raise UsageProblem(f"two streams are named: {named} and {asked.stream}", "name one")
    return named or asked.stream


# Groups


def _show_groups(session: Session, stream: str | None, *, show_keys: bool) -> int:
    config = session.local_config()
    with open_state(config) as store:
        found = reject_groups(store, stream, with_keys=show_keys)
    session.announce(config, will_write=False)
    session.show({"home": config.home, "rejects": found}, *shown_groups(found, session.now()))
    return 0


def shown_groups(found: Sequence[RejectGroup], now: datetime) -> Iterator[RenderableType]:
    """A block for each group: 80 columns are too few for a table."""
    if not found:
        yield "no rows are set aside"
        return
    for number, one in enumerate(found):
        if number:
            yield ""
        place = f"{one.object}.{one.fields}" if one.fields and "," not in one.fields else one.object
        place += f" ({one.fields})" if "," in one.fields else ""
        rows = counted(one.count, "row", "rows")
        yield Text.assemble((f"{rows}  {one.code}", "bold"), f"  {place}", f"  {one.stream}")
        first, last = (ago((now - at).total_seconds()) for at in (one.first_seen, one.last_seen))
        yield _inside(f"{f'{one.shape}; ' if one.shape else ''}first seen {first} ago, last {last} ago")
        yield _inside(one.message)
        yield from _mends(one)
        for key in one.keys:
            yield _inside(f"   {key}")
    yield ""
    yield Text("One of them: connector rejects show KEY. When mended: connector resync STREAM --rejects")


def _mends(one: RejectGroup | Reject) -> Iterator[RenderableType]:
    yield _inside(f"-> {one.hint}")
    if one.where:
        yield _inside(f"-> {one.where}")


def _inside(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2), expand=False)


# One


def _show_one(session: Session, key: str, stream: str | None) -> int:
    config = session.local_config()
    with open_state(config) as store:
        found = rejects_of_key(store, key, stream)
    if not found:
        raise UsageProblem(
            f"no row{f' of {stream}' if stream else ''} with that key was ever set aside",
            "connector rejects --show-keys shows some keys, connector rejects export all of them",
        )
    session.announce(config, will_write=False)
    session.show({"home": config.home, "rejects": found}, *(line for one in found for line in _one(one, session.now())))
    return 0


def _one(one: Reject, now: datetime) -> Iterator[RenderableType]:
    yield Text(f"{one.object} {one.key}", style="bold")
    facts = [
        ("stream", one.stream),
        ("time", f"{moment(one.at)} UTC" if one.at else "none"),
        ("code", one.code),
        ("message", one.message),
        ("fields", one.fields or "none named"),
        ("refused", {"clear": "clearing it, for it vanished", "delete": "deleting it"}.get(one.action, "")),
        ("first seen", f"{moment(one.first_seen)} UTC, {ago((now - one.first_seen).total_seconds())} ago"),
        ("last seen", f"{moment(one.last_seen)} UTC, {ago((now - one.last_seen).total_seconds())} ago"),
        ("tries", f"{one.tries:,}, the last in pass {one.pass_id}{f' of run {one.run}' if one.run else ''}"),
        ("now", _stands(one)),
    ]
    for name, text in facts:
        if text:
            yield _inside(f"{name:11}{text}")
    if one.closed is None:
        yield from _mends(one)
        yield _inside(f"-> when mended: connector resync {one.stream} --rejects --code {one.code}")
    yield _inside("the row:" if one.values else "no row could be made")
    for name, value in (one.values or {}).items():
        yield _inside(f"   {name}: {as_text(value)}")


def _stands(one: Reject) -> str:
    if one.closed is not None:
        return f"closed {moment(one.closed)} UTC: {one.closed_by}"
    return "set aside; a row of this key is on its way" if one.is_waiting else "set aside"


# All as a file


def _export(session: Session, asked: Asked, path: Path) -> int:
    config = session.local_config()
    stream = _one_stream(asked, *asked.words[1:])
    if path.exists() and not asked.force:
        raise UsageProblem(f"{path} is there already", "name another file, or replace it with --force")
    with open_state(config) as store:
        present = codes(store, stream)
        if present:
            check_code(asked.code, present)
        written = _write(store, stream, asked.code, path) if present else 0
    session.announce(config, will_write=False)
    told = (
        f"{counted(written, 'row', 'rows')} written to {path}" if present else "no rows are set aside: no file written"
    )
    session.show(_document(config, path if present else None, written), Text(told))
    return 0


def _write(store: Store, stream: str | None, code: str | None, path: Path) -> int:
    with store.db.reading() as connection:
        connection.execute("BEGIN")  # both readings see the same state, whatever a run writes meanwhile
        try:
            return write_rejects(path, lambda: open_rejects(store, stream, code))
        finally:
            connection.execute("ROLLBACK")


def _document(config: Config, path: Path | None, written: int) -> dict[str, object]:
    return {"home": config.home, "file": path, "rows": written}
