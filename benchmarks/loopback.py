"""Records per second and peak memory of a first sync and of reading it all again unchanged, over loopback with TLS.

    python benchmarks/loopback.py [--conversations 50000] [--days 10] [--latency 0] [--per-minute 3000]

The services run in a process of their own behind the sandbox's proxy; the connector runs as a process with
production settings. What is printed is measured from outside: wall time and the largest resident size of the
connector's process.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from connector.cli import sandbox

MAPPINGS = Path(__file__).parent.parent / "mappings"


def serve(folder: Path, start: datetime, days: int, conversations: int, latency: float, pipe: Connection) -> None:
    """Run both services until told to stop; sends the client's environment once they answer."""
    from connector.sandbox.clock import SystemClock
    from connector.sandbox.contact_centre import ContactCentre
    from connector.sandbox.faults import Faults, Rule
    from connector.sandbox.genesys import GenesysSim
    from connector.sandbox.objects import OBJECTS
    from connector.sandbox.proxy import SandboxProxy
    from connector.sandbox.salesforce import SalesforceSim

    clock = SystemClock()
    world = ContactCentre(seed=1, start=start, days=days, conversations=conversations).world()
    slow = Faults([Rule("delay", {"seconds": latency}, path="/analytics/")] if latency else [])
    genesys = GenesysSim(world, clock, faults=slow, calls_per_minute=1_000_000)
    with SalesforceSim(folder / "salesforce.db", OBJECTS, clock, job_seconds=1) as salesforce:
        services = {host: service for service in (genesys, salesforce) for host in service.hosts}
        with SandboxProxy(services.get, folder) as proxy:
            pipe.send(proxy.environment())
            pipe.recv()
            pipe.send(sum(1 for call in genesys.calls if "/analytics/" in call.path))
            pipe.send(len(salesforce.rows("Conversation__c")))


def run(home: Path, environment: dict[str, str], *words: str) -> tuple[float, float, int]:
    """Run one command; returns seconds, peak MiB and exit code."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "connector", *words, "--home", str(home), "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - began, usage.ru_maxrss / 1024, process.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds an analytics call takes")
    parser.add_argument("--per-minute", type=int, default=3000, help="GENESYS_REQUESTS_PER_MINUTE")
    options = parser.parse_args()
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=options.days)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        (home / "mappings").mkdir(parents=True)
        text = (MAPPINGS / "conversations.yml").read_text()
        (home / "mappings" / "conversations.yml").write_text(
            text.replace("start: 2026-01-01", f"start: {start.date()}")
        )
        mine, theirs = context.Pipe()
        server = context.Process(
            target=serve, args=(folder, start, options.days, options.conversations, options.latency, theirs)
        )
        server.start()
        environment = {
            **os.environ,
            **sandbox.SETTINGS,
            "GENESYS_REQUESTS_PER_MINUTE": str(options.per_minute),
            **mine.recv(),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        commands = {"first": ("sync", "conversations"), "unchanged": ("resync", "conversations", "--full")}
        began = time.perf_counter()
        for label, words in commands.items():
            seconds, peak, code = run(home, environment, *words)
            rate = options.conversations / seconds
            print(f"{label:10} {seconds:7.1f} s  {rate:8.0f} records/s  peak {peak:6.0f} MiB  exit {code}")
        minutes = (time.perf_counter() - began) / 60
        mine.send("stop")
        calls = mine.recv()
        print(f"analytics calls: {calls}, {calls / minutes:.0f} a minute")
        print(f"records in the simulated org: {mine.recv()}")
        server.join()


if __name__ == "__main__":
    main()
