"""Where processes run and die: a fork server, and the proxy behind which both services answer them."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from crash import process
from crash.process import TIME_HEADER, Run, order

from connector.cli import sandbox
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.objects import OBJECTS
from connector.sandbox.proxy import SandboxProxy
from connector.sandbox.salesforce import SalesforceSim
from connector.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

OBJECT = "Conversation__c"
WRITTEN = tuple(
    f"{name}__c"
    for name in "Conversation_Id Started Ended Direction Duration_s Media_Types First_Queue_Id Is_Open".split()
)
"""The fields the mapping writes."""
KILLED = -9


@dataclass(frozen=True)
class Start:
    """What every process of a test begins with: the source, a home and the file of an org.

    now: when it begins; rules: the fault plan, begun anew with each trial; refused, locked: external ids of rows that a
    validation rule of Salesforce refuses, and that fail the first time because somebody else is writing the record.
    """

    world: World
    home: Path
    org: Path
    now: datetime
    rules: tuple[Rule, ...] = ()
    refused: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ended:
    """How a process ended. code: its exit code, KILLED when it died; steps: those it took; report: {} when it died."""

    code: int
    steps: list[str]
    output: str
    report: Mapping[str, Any]

    @property
    def was_killed(self) -> bool:
        return self.code == KILLED

    def asked(self) -> Counter[tuple[str, int]]:
        """How often each page of each interval was asked for; a request the process died before sending is none."""
        sent = self.steps[:-1] if self.was_killed else self.steps
        words = [step.split() for step in sent if step.startswith("request ") and " page " in step]
        return Counter((interval, int(number)) for *_, interval, _, number in words)


@dataclass(frozen=True)
class Job:
    """An ingest job as Salesforce has it after all runs. done: keys of the rows it tried to save."""

    state: str
    keys: tuple[str, ...]
    done: tuple[str, ...]


@dataclass(frozen=True)
class Org:
    """What stands in Salesforce: rows and how often each was written, by external id, and all jobs."""

    rows: Mapping[str, Mapping[str, Any]]
    writes: Mapping[str, int]
    jobs: list[Job]


@dataclass
class Scene:
    """One home with its own org and view of the source; `run` may be called again after a process died."""

    folder: Path
    clock: SimulatedClock
    salesforce: SalesforceSim
    _stage: "Stage"
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, kill_at: int = 0, seed: int | None = 1) -> Ended:
        """Let a process sync the home. kill_at: the step it dies at, 0: none; seed: see `Run`."""
        files = {name: str(self.folder / f"{next(self._numbers)}.{name}") for name in ("steps", "output", "report")}
        code = self._stage.run(
            Run(
                home=str(self.home),
                environment=self._stage.proxy.environment(),
                now=self.clock.now().isoformat(),
                kill_at=kill_at,
                seed=seed,
                **files,
            )
        )
        report = Path(files["report"])
        return Ended(
            code,
            Path(files["steps"]).read_text().splitlines(),
            Path(files["output"]).read_text(),
            orjson.loads(report.read_bytes()) if report.exists() else {},
        )

    def seen_org(self) -> Org:
        """The org as it is now."""
        return Org(
            {key: {name: row[name] for name in WRITTEN} for key, row in self.salesforce.rows(OBJECT).items()},
            self.salesforce.writes(OBJECT),
            [Job(one.state, one.keys, one.keys[: one.processed]) for one in self.salesforce.jobs()],
        )


class Stage:
    """One fork server and one proxy, for one scene after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proxy = SandboxProxy(lambda host: self._apps.get(host), folder)
        self._apps: dict[str, WSGIApplication] = {}
        self._numbers = count(1)
        self._server = subprocess.Popen(
            [sys.executable, "-W", "error", process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Stage":
        self.proxy.start()
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.stop()
        self._server.communicate(timeout=process.LONGEST_SECONDS)

    def run(self, run: Run) -> int:
        """Let the fork server run a process; its exit code, or minus the signal it died by."""
        assert self._server.stdin is not None
        self._server.stdin.write(order(run))
        self._server.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._server.stdout is not None
        if not (line := self._server.stdout.readline()):
            raise RuntimeError("the fork server ended; what it said stands above")
        return line

    @contextmanager
    def scene(self, start: Start) -> Iterator[Scene]:
        """A fresh copy of home and org; swept at the end."""
        folder = self.folder / f"scene{next(self._numbers)}"
        shutil.copytree(start.home, folder / "home")
        if start.org.exists():
            shutil.copy(start.org, folder / "org.db")
        clock = SimulatedClock(start.now)
        faults = Faults(start.rules)
        genesys = GenesysSim(start.world, clock, faults=faults, calls_per_minute=100_000)
        with SalesforceSim(folder / "org.db", OBJECTS, clock, job_seconds=1, faults=faults) as salesforce:
            for key in start.locked:
                salesforce.lock(OBJECT, key)
            salesforce.add_validation_rule(
                OBJECT, lambda row: row["Conversation_Id__c"] in start.refused, "not this one"
            )
            self._apps = {
                **{host: _on_time(genesys, clock) for host in genesys.hosts},
                **{host: _on_time(salesforce, clock) for host in salesforce.hosts},
            }
            yield Scene(folder, clock, salesforce, self)
        shutil.rmtree(folder)


def _on_time(application: "WSGIApplication", clock: SimulatedClock) -> "WSGIApplication":
    """The application, living by the clock of the process that asks it."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        told = datetime.fromisoformat(environ[f"HTTP_{TIME_HEADER.upper().replace('-', '_')}"])
        clock.set(max(told, clock.now()))
        return application(environ, start_response)

    return answer


def write_home(home: Path, mapping: str) -> None:
    """A home as a person sets it up: settings and one mapping."""
    settings = {**sandbox.SETTINGS, "GENESYS_REQUESTS_PER_MINUTE": "3000"}
    (home / "mappings").mkdir(parents=True)
    (home / "mappings" / "conversations.yml").write_text(mapping)
    env = home / ".env"
    env.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    env.chmod(0o600)
