"""How much of the allowed calls is used when every answer takes its time: several processes, over loopback with TLS.

    python benchmarks/pace.py [--processes 4] [--callers 2] [--clients 1] [--minutes 3] [--latency 1.5] [--allowed 300]

A simulated service counts the calls of each OAuth client by minute, tells so in its rate headers and refuses what is
too much. Processes of one user call it as fast as the call budget lets them, each with some callers at once. What is
printed is what the service saw after the first minute.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

from connector.config import GenesysSettings, Secret
from connector.genesys.client import GenesysClient
from connector.pace import Pace, pace_file
from connector.sandbox.proxy import SandboxProxy
from connector.transport import Transport

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REGION = "mypurecloud.ie"


class SlowService:
    """Answers every call after its latency; counts by client. The token names the client."""

    def __init__(self, latency: float, allowed: int) -> None:
        self.calls: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._latency = latency
        self._allowed = allowed
        self._used: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        login = request.authorization
        name = (login.username or login.token or "") if login else ""
        if request.path == "/oauth/token":
            body: Any = {"access_token": name, "token_type": "bearer", "expires_in": 86_399}
            return self._json(body)(environ, start_response)
        time.sleep(self._latency / 2)
        now = time.time()
        window, second = divmod(now, 60)
        with self._lock:
            self._used[name, int(window)] += 1
            used = self._used[name, int(window)]
            status = 200 if used <= self._allowed else 429
            self.calls[name].append((now, status))
        told = {"count": min(used, self._allowed), "allowed": self._allowed, "reset": 60 - int(second)}
        response = self._json({"code": "too.many.requests"} if status == 429 else {}, status)
        response.headers.update({f"inin-ratelimit-{key}": str(value) for key, value in told.items()})
        if status == 429:
            response.headers["Retry-After"] = str(told["reset"])
        time.sleep(self._latency / 2)
        return response(environ, start_response)

    def _json(self, body: Any, status: int = 200) -> Response:
        return Response(json.dumps(body), status, content_type="application/json")


def work(client: str, callers: int, setting: int, cache: str, until: float, environment: dict[str, str]) -> None:
    """One process: several callers at once, each as fast as the budget lets it."""
    os.environ.update(environment)
    transport = Transport(now=lambda: datetime.now(UTC), sleep=time.sleep)
    file = pace_file(REGION, client, {"XDG_CACHE_HOME": cache})
    pace = Pace(file, setting, now=time.time, sleep=time.sleep)
    genesys = GenesysClient(GenesysSettings(REGION, client, Secret("secret"), setting), transport, pace)

    def call() -> None:
        while time.time() < until:
            genesys.call("POST", "/api/v2/analytics/conversations/details/query", body={})

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  process {os.getpid()} of {client}: {genesys.calls} calls")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--processes", type=int, default=4, help="of each client")
    parser.add_argument("--callers", type=int, default=2, help="at once, of each process")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--latency", type=float, default=1.5)
    parser.add_argument("--allowed", type=int, default=300, help="by the service")
    parser.add_argument("--setting", type=int, default=300, help="GENESYS_REQUESTS_PER_MINUTE")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    service = SlowService(options.latency, options.allowed)
    services = {f"{name}.{REGION}": service for name in ("api", "login")}
    with tempfile.TemporaryDirectory() as folder, SandboxProxy(services.get, Path(folder)) as proxy:
        began = time.time()
        until = began + options.minutes * 60
        clients = [f"client-{number}" for number in range(options.clients)]
        rest = (options.callers, options.setting, folder, until, proxy.environment())
        processes = [
            context.Process(target=work, args=(client, *rest)) for client in clients for _ in range(options.processes)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    for client in clients:
        calls = service.calls[client]
        times = [at for at, _ in calls]
        steady = [at for at in times if began + 60 <= at < until]
        rate = len(steady) / (options.minutes - 1)
        most = max(sum(1 for at in times if first <= at < first + 60) for first in times)
        refused = sum(1 for _, status in calls if status == 429)
        share = 100 * rate / min(options.allowed, options.setting)
        print(f"{client}: {rate:.1f} calls a minute ({share:.1f} %), most in any minute {most}, refused {refused}")


if __name__ == "__main__":
    main()
