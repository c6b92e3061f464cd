"""From settings to ready objects: the only module that knows them all.

`Seams` holds what tests and the demo replace: the clock, sleep, the transport's adapters, the schedule, and what
happens after a commit. Production takes the defaults.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from itertools import combinations
from pathlib import Path

import requests

from connector.config import Config
from connector.errors import ConfigError, MappingError, Stopped
from connector.genesys.client import GenesysClient
from connector.genesys.kept_answers import KeptAnswers, answers_folder
from connector.genesys.read_ahead import PAGES_AHEAD
from connector.mapping import Mapping, compile_mapping, fingerprints, load_mappings, window_of
from connector.orders import Progress, Stream
from connector.pace import Pace, pace_file
from connector.salesforce.connect import Org
from connector.schedules import Schedule, in_threads
from connector.state.database import Database, disk_in_words
from connector.state.lookups import copy_lookups
from connector.state.store import Store
from connector.sync import Runner
from connector.transport import Transport


class StopSign:
    """Asked to stop by a signal: every wait ends at once, by raising Stopped."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signal = 0

    def stop(self, signal_number: int) -> None:
        """End the run at its next step. 0: the time given is over, which is no trouble."""
        self._signal = signal_number
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """Wait, also for zero seconds. Raises Stopped once asked to stop."""
        if self._event.wait(seconds) if seconds > 0 else self._event.is_set():
            raise Stopped(self._signal)


def _mount_nothing(session: requests.Session) -> None:
    """Production talks to the network."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Seams:
    """What is passed in.

    sleep: waits in seconds and raises to stop; schedule: None means pull and deliver in two threads; budget: file of
    the call budget, None means the one that all processes of this user share.
    """

    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = StopSign().sleep
    mount: Callable[[requests.Session], None] = _mount_nothing
    schedule: Schedule | None = None
    after_commit: Callable[[], None] = lambda: None
    budget: Path | None = None
    tell: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True)
class Installation:
    """Ready objects of one home."""

    config: Config
    store: Store
    transport: Transport
    client: GenesysClient
    org: Org
    runner: Runner


def load_streams(config: Config, names: list[str] | None = None, *, also_off: bool = False) -> list[Stream]:
    """The streams of the mappings folder, enabled ones, or just those named, or all.

    Raises what `choose_mappings` raises, and ConfigError for hashes without a salt.
    """
    chosen = choose_mappings(config, names, also_off=also_off)
    _check_salt(config, chosen)
    salt = config.hash_salt.reveal() if config.hash_salt else ""
    return [to_stream(mapping, salt) for mapping in chosen]


def choose_mappings(config: Config, names: list[str] | None = None, *, also_off: bool = False) -> list[Mapping]:
    """The mappings of the folder, enabled ones, or just those named, or all.

    Raises MappingError with all problems of all files and of streams that would undo each other, ConfigError for names
    that do not exist (nearest suggested).
    """
    mappings = load_mappings(config.mappings)
    unknown = [name for name in names or () if name not in mappings]
    if unknown:
        raise ConfigError(
            "\n".join(f"there is no stream {name!r}{_nearest(name, mappings)}" for name in unknown),
            f"streams of {config.mappings}: {', '.join(mappings)}",
        )
    _check_shared_objects(mappings)
    return (
        [mappings[name] for name in names] if names else [one for one in mappings.values() if also_off or one.enabled]
    )


def _check_shared_objects(mappings: dict[str, Mapping]) -> None:
    """Two streams may write to one object only if no field but the external id is written by both, and neither deletes
    its records."""
    writes = [
        (name, target.object, {rule.name for rule in target.fields} - {target.external_id}, target.when_vanished)
        for name, mapping in mappings.items()
        if mapping.enabled
        for target in mapping.targets
    ]
    problems = [
        f"{one} and {other} both write {', '.join(sorted(both))} of {target}: each would undo the other"
        for (one, target, fields, _), (other, other_target, other_fields, _) in combinations(writes, 2)
        if target == other_target and (both := fields & other_fields)
    ]
    problems += [
        f"{one} and {other} both write {target}, and when_vanished: delete in one takes away what the other wrote"
        for (one, target, _, when), (other, other_target, _, other_when) in combinations(writes, 2)
        if target == other_target and one != other and "delete" in (when, other_when)
    ]
    if problems:
        raise MappingError(problems, "let each field be written by one stream, or set enabled: false in one of them")


def _check_salt(config: Config, mappings: list[Mapping]) -> None:
    """Without a salt a hash of a phone number is found by trying them all."""
    hashing = [
        f"{mapping.stream}: fields.{rule.name}: the step 'hash' needs a salt"
        for mapping in mappings
        for target in mapping.targets
        for rule in target.fields
        if any(step.name == "hash" for step in rule.steps)
    ]
    if hashing and config.hash_salt is None:
        raise ConfigError("\n".join(hashing), "set CONNECTOR_HASH_SALT to a long random text and never change it")


def to_stream(mapping: Mapping, salt: str = "") -> Stream:
    """The mapping made ready to run. salt: of the step `hash`."""
    compiled = partial(compile_mapping, mapping, salt=salt)
    return Stream(compiled(), window_of(mapping), fingerprints(mapping), compiled)


@contextmanager
def installation(config: Config, seams: Seams | None = None) -> Iterator[Installation]:
    """Everything a run needs, closed at the end. Raises StateError when the state cannot be opened."""
    seams = seams or Seams()
    db = Database(config.state, after_commit=seams.after_commit)
    transport = Transport(now=seams.now, sleep=seams.sleep, mount=seams.mount)
    try:
        client = make_client(config, transport, seams)
        org = Org(config.salesforce, transport)
        store = Store(db)
        yield Installation(config, store, transport, client, org, _runner(config, store, transport, client, org, seams))
    finally:
        transport.close()
        db.close()


def _runner(
    config: Config, store: Store, transport: Transport, client: GenesysClient, org: Org, seams: Seams
) -> Runner:
    return Runner(
        store,
        client,
        org,
        config.home / ".connector",
        now=transport.now,
        schedule=seams.schedule or in_threads(seams.sleep),
        sleep=seams.sleep,
        tell=seams.tell,
        # A schedule that was passed in decides what comes after what.
        pages_ahead=0 if seams.schedule else PAGES_AHEAD,
    )


_ANEW = "anew-"
_LEFT_BEHIND_SECONDS = 86_400.0


def _clear_away(folder: Path) -> None:
    """Remove what processes that were killed have left; those at work write to theirs all the time."""
    for left in folder.glob(f"{_ANEW}*"):
        latest = max((one.stat().st_mtime for one in (left, *left.glob("*")) if one.exists()), default=0.0)
        if time.time() - latest > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def knowing_nothing(ready: Installation, seams: Seams) -> Iterator[Installation]:
    """The same services and logins over a new private state, thrown away at the end, that knows names looked up and
    nothing else: whatever a run over it reads waits in its outbox.

    It lies beside the real state: elsewhere may be little room, or memory. Raises StateError when it cannot.
    """
    beside = ready.config.home / ".connector"
    with disk_in_words(beside):
        beside.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_away(beside)
        private = tempfile.TemporaryDirectory(prefix=_ANEW, dir=beside)
    with private as folder:
        config = replace(ready.config, state=Path(folder) / "anew.db", home=Path(folder))
        db = Database(config.state)
        try:
            copy_lookups(ready.store.db, db)
            store = Store(db)
            runner = _runner(config, store, ready.transport, ready.client, ready.org, seams)
            yield replace(ready, config=config, store=store, runner=runner)
        finally:
            db.close()


def make_client(config: Config, transport: Transport, seams: Seams) -> GenesysClient:
    """The Genesys client, on the call budget that all processes of this user share."""
    genesys = config.genesys
    pace = Pace(
        seams.budget or pace_file(genesys.domain, genesys.client_id),
        genesys.requests_per_minute,
        now=lambda: seams.now().timestamp(),
        sleep=seams.sleep,
    )
    kept = KeptAnswers(answers_folder(config), seams.now)
    return GenesysClient(genesys, transport, pace, folder=config.home / ".connector", kept=kept)


@contextmanager
def rehearsal(config: Config) -> Iterator[Config]:
    """The same settings over a private copy of the state, thrown away at the end: for dry runs."""
    with tempfile.TemporaryDirectory(prefix="connector-") as folder:
        copy = Path(folder) / "rehearsal.db"
        if config.state.exists():
            original = Database(config.state)
            try:
                original.copy_to(copy)
            finally:
                original.close()
        yield replace(config, state=copy, home=Path(folder), answers=answers_folder(config))


def _nearest(name: str, known: dict[str, Mapping]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
