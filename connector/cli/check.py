"""`connector check`: everything a run needs, one item after the other, each with its mend."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rich.markup import escape

from connector.arrivals import shortages, together
from connector.assemble import Seams, StopSign, load_streams, make_client
from connector.cli.divisions import unheard_divisions
from connector.cli.session import Session, failure_code, sign_of
from connector.cli.state import open_state
from connector.config import Config
from connector.errors import (
    ConnectorError,
    DeliveryRefused,
    PermissionMissing,
    QueryRefused,
    RefusedSpan,
    StateError,
    WrongOrganisation,
)
from connector.forecast import stream_plan
from connector.genesys.client import GenesysClient
from connector.genesys.jobs import JobReader
from connector.genesys.kept_answers import answers_folder, kept_files
from connector.genesys.lookups import try_listing
from connector.genesys.pages import PageReader
from connector.mapping.via import job_query
from connector.orders import Stream
from connector.preflight import mapping_problems, mapping_warnings
from connector.salesforce.allowance import allowance_in_words, fetch_allowances
from connector.salesforce.connect import Org
from connector.salesforce.describe import fetch_description
from connector.spans import Span, stamp
from connector.state.store import Identity
from connector.transport import Transport


@dataclass(frozen=True)
class Item:
    """One line of the checklist. text: what was found; warnings: what works but should be looked at."""

    name: str
    state: Literal["good", "failed", "skipped"]
    text: str = ""
    warnings: tuple[str, ...] = ()
    error: ConnectorError | None = None


def run_check(session: Session, name: str | None) -> int:
    """Check everything, or what one stream needs, going on after a failure where that makes sense."""
    checklist = _Checklist(session, name)
    items = []
    for item in checklist.items():
        items.append(item)
        _show(session, item)
    errors = [one.error for one in items if one.error is not None]
    code = failure_code(errors) if errors else 0
    if session.as_json:
        session.show({"home": session.home, "items": items, "exit_code": code})
    return code


class _Checklist:
    """The items in their order; what a later one needs is kept by an earlier one."""

    def __init__(self, session: Session, name: str | None) -> None:
        self._session = session
        self._name = name
        self._streams: list[Stream] = []
        self._genesys_org = ""

    def items(self) -> Iterator[Item]:
        """Every item, one after the other, as it is checked."""
        config: Config | None = None
        try:
            config = self._session.config()
            yield Item("settings", "good", f"home {config.home}", config.warnings)
        except ConnectorError as error:
            yield Item("settings", "failed", error=error)
        try:
            local = config or self._session.local_config()
        except ConnectorError:
            yield Item("everything else", "skipped", "not checked: the settings cannot be read")
            return
        yield _checked("mappings", lambda: self._mappings(local))
        yield _checked("state file", lambda: _state(local))
        if kept := kept_files(answers_folder(local)):
            text = f"{len(kept)} came; outlines of them are kept, the latest in {kept[-1]}"
            yield Item("malformed answers", "good", text)
        if config is None:
            yield Item("Genesys Cloud, Salesforce", "skipped", "not checked: the settings come first")
            return
        yield from self._services(config)

    def _mappings(self, config: Config) -> tuple[str, tuple[str, ...]]:
        self._streams = load_streams(config, [self._name] if self._name else None)
        warnings = tuple(line for one in self._streams for line in one.compiled.mapping.warnings)
        return ", ".join(one.name for one in self._streams) or "no stream is enabled", warnings

    def _services(self, config: Config) -> Iterator[Item]:
        stop = StopSign()
        seams = self._session.seams(stop, lambda progress: None)
        with closing(Transport(now=seams.now, sleep=seams.sleep, mount=seams.mount)) as transport:
            client, org = make_client(config, transport, seams), Org(config.salesforce, transport)
            genesys = _checked("Genesys Cloud login", lambda: self._genesys_login(client))
            yield genesys
            for stream in self._streams:
                yield _after(genesys, f"{stream.name}: query", lambda: _query(client, stream, transport))  # noqa: B023
                if stream.ways.only != "query":
                    yield _after(genesys, f"{stream.name}: jobs", lambda: _jobs(client, stream, transport.now))  # noqa: B023
            if kinds := _looked_up(self._streams):
                yield _after(genesys, "look-ups", lambda: _lookups(client, kinds))
            salesforce = _checked("Salesforce login", lambda: _salesforce_login(config, org))
            yield salesforce
            yield _after(salesforce, "Salesforce allowance", lambda: self._allowance(config, org))
            for stream in self._streams:
                yield _after(salesforce, f"{stream.name}: fields", lambda: _fields(org, stream))  # noqa: B023
            if genesys.error is None and salesforce.error is None:
                yield _checked("state and organisations", lambda: self._organisations(config, org))
            if genesys.error is None and config.state.exists():
                yield from self._divisions(config, client, seams)

    def _divisions(self, config: Config, client: GenesysClient, seams: Seams) -> Iterator[Item]:
        """Only warnings: whether a division is missing or nothing happens there, nobody but a person knows."""
        try:
            with open_state(config) as store:
                warnings = unheard_divisions(store, self._streams, client, seams)
        except ConnectorError as error:
            yield Item("divisions", "skipped", f"not compared: {error.message}")
            return
        if warnings is not None:
            yield Item("divisions", "good", "compared with what was given in recent weeks", warnings)

    def _genesys_login(self, client: GenesysClient) -> tuple[str, tuple[str, ...]]:
        self._genesys_org = client.organisation_id()
        return f"organisation {self._genesys_org}", ()

    def _allowance(self, config: Config, org: Org) -> tuple[str, tuple[str, ...]]:
        """What the org has left, against what the next run of these streams is expected to take."""
        left = fetch_allowances(org)
        if left is None:
            mend = "grant the integration user View Setup and Configuration to have it told, and heeded by runs"
            return "not told", (mend,)
        rate, reserve = config.genesys.requests_per_minute, config.salesforce.call_reserve
        with open_state(config) as store:
            plans = [stream_plan(store, stream, self._session.now(), rate) for stream in self._streams]
        expected = together([one.salesforce for one in plans if one.salesforce])
        return allowance_in_words(left), tuple(shortages(expected, left, reserve))

    def _organisations(self, config: Config, org: Org) -> tuple[str, tuple[str, ...]]:
        with open_state(config) as store:
            for stream in self._streams:
                identity = Identity(org.org_id, self._genesys_org, ())
                if store.is_of_another(stream.name, identity):
                    raise WrongOrganisation(
                        f"{stream.name}: the state in {config.state} was made with another organisation",
                        "keep each organisation in a home of its own (--home); or let this state begin anew: "
                        "connector sync --adopt-org",
                    )
        return "they belong together", ()


_Finding = tuple[str, tuple[str, ...]]
"""What was found to be right, and warnings."""


def _checked(name: str, look: Callable[[], _Finding]) -> Item:
    try:
        text, warnings = look()
    except ConnectorError as error:
        return Item(name, "failed", error=error)
    return Item(name, "good", text, warnings)


def _after(needed: Item, name: str, look: Callable[[], _Finding]) -> Item:
    if needed.error is not None:
        return Item(name, "skipped", f"not checked: {needed.name} failed")
    return _checked(name, look)


def _state(config: Config) -> _Finding:
    """Can it be written? A new one is not made: only its folder is tried."""
    if not config.state.exists():
        try:
            with tempfile.TemporaryFile(dir=config.state.parent):
                return f"{config.state} will be made by the first run", ()
        except OSError as error:
            raise StateError(
                f"{config.state.parent}: {error.strerror or error}",
                "the folder must be there and writable by this user; or name another home with --home",
            ) from error
    with open_state(config) as store, store.db.transaction():
        return str(config.state), ()


def _query(client: GenesysClient, stream: Stream, transport: Transport) -> _Finding:
    """Ask for the newest cell of the stream's grain: does the service take the query, and may this client ask it?"""
    mapping, window = stream.compiled.mapping, stream.window
    end = window.horizon(transport.now())
    span = Span(window.grain.floor(end - timedelta(microseconds=1)), end)
    try:
        PageReader(client, mapping, now=transport.now).fetch_page(span, 1)
    except RefusedSpan as refusal:
        raise QueryRefused(
            f"{stream.name}: {refusal.message}", f"mend `source` in mappings/{stream.name}.yml"
        ) from refusal
    return f"{mapping.query.name} answers", ()


def _salesforce_login(config: Config, org: Org) -> _Finding:
    return f"org {org.org_id}, login by {config.salesforce.flow}", ()


def _jobs(client: GenesysClient, stream: Stream, now: Callable[[], datetime]) -> _Finding:
    """Ask up to when the data lake that jobs read is filled; without it `auto` reads by query what the query gives."""
    mapping, ways = stream.compiled.mapping, stream.ways
    job = job_query(mapping.source)
    if job is None:
        raise AssertionError("only streams that may be read by job are asked about")
    if job.lag is not None:
        hours = job.lag.total_seconds() / 3600
        return f"nobody tells up to when they are whole: what is older than {hours:.0f} hours is read", ()
    try:
        until = JobReader(client, mapping, job, now).available()
    except (PermissionMissing, QueryRefused, RefusedSpan) as refusal:
        if ways.only or ways.has_attributes:
            raise
        return "not available: everything is read by query", (refusal.message, refusal.hint)
    return f"the data lake is filled until {stamp(until)}", ()


def _looked_up(streams: Sequence[Stream]) -> list[str]:
    """The kinds of names the streams look up."""
    return sorted(
        {
            step.argument[0]
            for stream in streams
            for target in stream.compiled.mapping.targets
            for rule in target.fields
            for step in rule.steps
            if step.name == "lookup"
        }
    )


def _lookups(client: GenesysClient, kinds: Sequence[str]) -> _Finding:
    """Ask for one entry of each kind; every missing permission is told at once."""
    missing = []
    for kind in kinds:
        try:
            try_listing(client, kind)
        except PermissionMissing as error:
            missing.append(error)
    if missing:
        raise PermissionMissing(
            "\n".join(error.message for error in missing), "; ".join(dict.fromkeys(error.hint for error in missing))
        )
    return f"{', '.join(kinds)} can be looked up", ()


def _fields(org: Org, stream: Stream) -> _Finding:
    compiled = stream.compiled
    described = {target.object: fetch_description(org, target.object) for target in compiled.mapping.targets}
    if found := mapping_problems(compiled, described):
        raise DeliveryRefused(
            "\n".join(found),
            f"mend the object in Salesforce or mappings/{stream.name}.yml; connector schema {stream.name} makes its "
            "fields and permission set",
        )
    count = sum(map(len, compiled.columns))
    return f"{count} fields of {', '.join(target.object for target in compiled.mapping.targets)} fit", tuple(
        mapping_warnings(compiled, described)
    )


def _show(session: Session, item: Item) -> None:
    """One line, and the mend of a failure; when quiet only failures."""
    if session.as_json or (session.quiet and item.error is None):
        return
    console = session.err if session.quiet else session.out
    sign = "-" if item.state == "skipped" else sign_of(console, good=item.state == "good")
    first, *more = (item.error.message if item.error else item.text).splitlines() or [""]
    console.print(f"{sign} [bold]{escape(item.name)}[/]: {escape(first)}", highlight=False, soft_wrap=True)
    for line in [*more, *item.warnings]:
        console.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)
    if item.error and item.error.hint:
        console.print(f"    -> {item.error.hint}", highlight=False, markup=False, soft_wrap=True)
