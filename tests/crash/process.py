"""A process that runs one sync of a home in production settings, counts its durable steps, and dies at one of them.

Started as a program it is a fork server: it imports everything once, then forks a process for every order it reads from
its standard input, waits for it, and answers with how it ended. Orders and answers are JSON, a line each.
"""

import gc
import json
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from connector.assemble import Seams, installation, load_streams
from connector.config import load_config
from connector.orders import Order
from connector.sandbox.clock import SimulatedClock
from connector.schedules import in_turns
from connector.spans import stamp

LONGEST_SECONDS = 60
"""A process that runs longer hangs: it is ended by SIGALRM."""

TIME_HEADER = "X-Sandbox-Time"
"""Tells the simulated services the time of the process, in ISO 8601: they live by its clock."""


@dataclass(frozen=True)
class Run:
    """An order to run every stream of a home once.

    environment: variables that lead to the services; now: ISO 8601, when the process begins; kill_at: the step, from 1,
    at which it dies, 0 for none; seed: of the order in which pull and deliver steps alternate, None for the two threads
    of production. steps, output, report: files to write: each step a line; what the process says; how it ended (JSON).
    """

    home: str
    environment: dict[str, str]
    now: str
    kill_at: int
    seed: int | None
    steps: str
    output: str
    report: str


class Steps:
    """Counts durable steps, writes each down, and ends the process at the one it is told to die at."""

    def __init__(self, file: Path, kill_at: int) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._kill_at = kill_at
        self._count = 0
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        with self._lock:
            self._count += 1
            os.write(self._file, f"{name}\n".encode())
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def close(self) -> None:
        os.close(self._file)


class CountingAdapter(HTTPAdapter):
    """The real adapter; a request is a step just before it goes out, and its answer before anything is made of it."""

    def __init__(self, steps: Steps, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._steps = steps
        self._now = now

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """urllib3 leaves Nagle's algorithm on towards proxies, which costs 40 ms per request here."""
        return super().proxy_manager_for(proxy, socket_options=HTTPConnection.default_socket_options, **options)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.headers[TIME_HEADER] = self._now().isoformat()
        name = _name(request)
        self._steps.take(f"request {name}")
        answer = super().send(request, *args, **kwargs)
        self._steps.take(f"answer {answer.status_code} to {name}")
        return answer


def _name(request: requests.PreparedRequest) -> str:
    """Method, path, and what tells calls of one path apart: interval and page of a query, state of a job."""
    told = ""
    if isinstance(request.body, bytes) and request.headers.get("Content-Type") == "application/json":
        body = json.loads(request.body)
        if "paging" in body:
            told = f" {body['interval']} page {body['paging']['pageNumber']}"
        elif "state" in body:
            told = f" {body['state']}"
    return f"{request.method} {urlsplit(str(request.url)).path}{told}"


def sync(run: Run) -> int:
    """What `connector sync` does, with seams that count; returns the worst exit code of the streams."""
    clock = SimulatedClock(datetime.fromisoformat(run.now))
    steps = Steps(Path(run.steps), run.kill_at)
    turns = random.Random(run.seed)
    home = Path(run.home)
    seams = Seams(
        now=clock.now,
        sleep=clock.sleep,
        mount=lambda session: session.mount("https://", CountingAdapter(steps, clock.now)),
        schedule=None if run.seed is None else in_turns(lambda: turns.random() < 0.5, clock.sleep),
        after_commit=lambda: steps.take("commit"),
        budget=home / "budget",
    )
    config = load_config(home, {})
    results = []
    with installation(config, seams) as ready:
        for stream in load_streams(config):
            results.append(ready.runner.run(stream, Order()))
    steps.close()
    report = [
        {
            "exit_code": one.exit_code,
            "complete_to": stamp(one.complete_to) if one.complete_to else "",
            "error": str(one.error or ""),
        }
        for one in results
    ]
    Path(run.report).write_text(json.dumps({"results": report, "now": clock.now().isoformat()}))
    return max(one.exit_code for one in results)


def _be(run: Run) -> None:
    """Be the process of a run, and never come back."""
    code = 70
    try:
        signal.alarm(LONGEST_SECONDS)
        said = os.open(run.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
        os.environ.update(run.environment)
        code = sync(run)
        gc.collect()  # what was not closed complains now
    except BaseException:
        logging.exception("the run ended by a fault")
    finally:
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Fork a process for each order until there is no more."""
    import_module("simple_salesforce.login")  # imported at the first login otherwise, by every process anew
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        run = Run(**json.loads(line))
        process = os.fork()
        if process == 0:
            _be(run)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def order(run: Run) -> str:
    """The line that orders a run."""
    return json.dumps(asdict(run)) + "\n"


if __name__ == "__main__":
    serve()
