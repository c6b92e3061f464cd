"""`connector mapping test`: the examples written beside mappings, worked out and compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape

from connector.assemble import choose_mappings
from connector.cli.session import Session, sign_of
from connector.mapping import load_mappings
from connector.mapping.trial import Trial, try_examples

_NEW_TROUBLE = 1


@dataclass(frozen=True)
class _Line:
    """One example as it came out, for people and as data."""

    stream: str
    number: int
    about: str
    fits: bool
    differences: tuple[str, ...]


def run_mapping_test(session: Session, name: str | None) -> int:
    """Try the examples of one stream or of all, enabled or not; 1 when one of them comes out otherwise."""
    config = session.local_config()
    session.announce(config, will_write=False)
    mappings = choose_mappings(config, [name] if name else list(load_mappings(config.mappings)))
    lines: list[_Line] = []
    without: list[str] = []
    for mapping in mappings:
        trials = try_examples(mapping)
        lines += [_line(mapping.stream, trial) for trial in trials]
        if not trials:
            without.append(mapping.stream)
    wrong = [line for line in lines if not line.fits]
    code = _NEW_TROUBLE if wrong else 0
    session.show({"home": config.home, "examples": lines, "without_examples": without, "exit_code": code})
    if not session.as_json:
        _show(session, lines, without)
    return code


def _line(stream: str, trial: Trial) -> _Line:
    example = trial.example
    told = tuple(one.told() for one in trial.differences)
    return _Line(stream, example.number, example.about, not told, told)


def _show(session: Session, lines: Sequence[_Line], without: Sequence[str]) -> None:
    """A checklist; when quiet only what does not fit."""
    console = session.err if session.quiet else session.out
    for line in lines:
        if line.fits and session.quiet:
            continue
        about = f": {line.about}" if line.about else ""
        told = f"[bold]{escape(line.stream)}[/], example {line.number}{escape(about)}"
        console.print(f"{sign_of(console, good=line.fits)} {told}", highlight=False, soft_wrap=True)
        for difference in line.differences:
            console.print(f"    {difference}", highlight=False, markup=False, soft_wrap=True)
    if session.quiet:
        return
    for stream in without:
        console.print(f"- {stream}: no examples", highlight=False, markup=False, soft_wrap=True)
    fitting = sum(line.fits for line in lines)
    console.print(f"{fitting} of {len(lines)} examples fit", highlight=False, markup=False)
