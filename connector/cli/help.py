"""`connector help`: topics, commands, and the mapping language word by word."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.text import Text

from connector.cli.session import Session, Surroundings, UsageProblem
from connector.cli.show import add, table
from connector.mapping import page
from connector.mapping.language import PARTS, Entry, Part
from connector.mapping.suggest import did_you_mean

TOPICS = {"mapping": "the mapping language; `connector help mapping WORD` explains one word of it"}

_WIDEST = 120


def show_help(session: Session, group: Any, topic: str | None, word: str | None) -> int:
    """Show what is asked for. Raises UsageProblem for a topic or a word nobody knows, with the nearest.

    group: all commands, as typer makes them of the app.
    """
    commands = {name: one.get_short_help_str(limit=100) for name, one in group.commands.items()}
    if topic is None:
        topics, listed = ([{"name": name, "about": one[name]} for name in one] for one in (TOPICS, commands))
        session.show({"topics": topics, "commands": listed}, *_listed(commands))
    elif topic == "mapping":
        _show_language(session, word)
    elif topic in commands and word is None:
        # Help ends the command by an exception of its own.
        with suppress(typer.Exit):
            group.main([topic, "--help"], prog_name="connector", standalone_mode=False, obj=Surroundings({}))
    else:
        hint = "" if topic in commands else did_you_mean(topic, [*TOPICS, *commands])
        raise UsageProblem(
            f"there is no help on {' '.join(filter(None, (topic, word)))!r}{hint}",
            "connector help lists all topics and commands",
        )
    return 0


def _listed(commands: dict[str, str]) -> Iterator[RenderableType]:
    for title, named in (("Topics", TOPICS), ("Commands", commands)):
        made = table("", "", title=title)
        made.show_header = False
        for name, about in named.items():
            add(made, f"connector help {name}" if named is TOPICS else f"connector {name}", about)
        yield made


def _show_language(session: Session, word: str | None) -> None:
    if word is None:
        session.show([_part_data(part) for part in PARTS], _markdown(page.terminal_text()))
        return
    entries, part = page.found(word), page.section(word)
    if not entries and part is None:
        near = page.nearest_word(word)
        raise UsageProblem(
            f"the mapping language has no word {word!r}{f'; did you mean {near!r}?' if near else ''}",
            "connector help mapping shows the whole language",
        )
    texts = [page.entry_text(*one) for one in entries] + ([page.part_text(part)] if part else [])
    found = [_entry_data(*one) for one in entries] or [_part_data(part) for part in [part] if part]
    session.show(found, *map(_markdown, texts))


class _Heading(Heading):
    """A heading that begins where the text does."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        style = "bold underline" if self.tag in ("h1", "h2") else "bold"
        yield Text(f"{self.text}", style=style)


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "heading_open": _Heading}


def _markdown(text: str) -> RenderableType:
    return Constrain(_Markdown(text, code_theme="ansi_dark"), _WIDEST)


def _part_data(part: Part) -> dict[str, Any]:
    return {"part": part.name, "about": part.about, "entries": [_entry_data(part, one) for one in part.entries]}


def _entry_data(part: Part, entry: Entry) -> dict[str, Any]:
    return {
        "part": part.name,
        "name": entry.name,
        "takes": entry.takes,
        "does": entry.does,
        "examples": [one.yaml for one in entry.examples],
    }
