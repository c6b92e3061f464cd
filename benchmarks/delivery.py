"""Peak memory and rows per second of delivering many rows by ingest job.

    python benchmarks/delivery.py [--rows 10000 100000 1000000] [--fields 12]

Each number of rows is delivered by a process of its own, over a local HTTP server in another process that takes
uploads and answers results as Salesforce does, without keeping a record. Rows are stored as a pull stores them, up to
200,000 at a time, and delivered in between. What is printed: seconds of storing and of delivering, rows a second of
the deliveries, jobs, the largest file, the largest resident size, and how much of it came after the first page.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter

from connector.config import SalesforceSettings, Secret
from connector.delivery import Delivery
from connector.genesys.judge import Seen
from connector.lanes import Lane
from connector.mapping import Fingerprints, Row
from connector.salesforce.connect import Org
from connector.spans import Span
from connector.state.database import Database
from connector.state.hashes import digest
from connector.state.one_pass import Checkpoint
from connector.state.outbox import Entry
from connector.state.store import Identity, Store
from connector.transport import Transport
from connector.windows import Planned

DAY = datetime(2026, 3, 2, tzinfo=UTC)
ROOT = Path(__file__).parent.parent
OBJECT, KEY = "Call__c", "Key__c"
ORG = "00Dak000000SbOxEAK"
PAGE = 1_000
AT_ONCE = 200_000
"""So many rows wait before the pull pauses."""

CHUNK = 1 << 16


def serve(folder: Path, pipe: Connection) -> None:
    """Answer ingest jobs and Collections calls; sends its port."""

    uploaded: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            job = self.path.split("/")[-1]
            match job:
                case "userinfo":
                    self.answer({"organization_id": ORG})
                case "successfulResults":
                    self.answer_file(folder / f"{self.path.split('/')[-2]}.csv")
                case "failedResults" | "unprocessedrecords":
                    self.answer_bytes(b"", "text/csv")
                case _:
                    self.answer({"id": job, "state": "JobComplete", "numberRecordsProcessed": uploaded[job]})

        def do_POST(self) -> None:
            self.body()
            self.answer({"id": uuid.uuid4().hex, "state": "Open"})

        def do_PATCH(self) -> None:
            asked = orjson.loads(self.body())
            if "records" in asked:
                self.answer([{"id": "a0", "success": True, "created": True, "errors": []} for _ in asked["records"]])
            else:
                self.answer({"id": self.path.split("/")[-1], "state": asked["state"]})

        def do_PUT(self) -> None:
            """Keep what the results will say: the upload, each line behind a record id."""
            job = self.path.split("/")[-2]
            left, rows = int(self.headers["Content-Length"]), -1
            with (folder / f"{job}.csv").open("wb") as file:
                while left:
                    line = self.rfile.readline()
                    left -= len(line)
                    file.write((b'"sf__Id","sf__Created",' if rows < 0 else b'"a01ak00000000001AAA","true",') + line)
                    rows += 1
            uploaded[job] = rows
            self.answer_bytes(b"", "text/csv", 201)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def answer(self, content: Any) -> None:
            self.answer_bytes(orjson.dumps(content), "application/json")

        def answer_bytes(self, body: bytes, kind: str, status: int = 200) -> None:
            self.begin(status, kind, len(body))
            self.wfile.write(body)

        def answer_file(self, path: Path) -> None:
            self.begin(200, "text/csv", path.stat().st_size)
            with path.open("rb") as file:
                while piece := file.read(CHUNK):
                    self.wfile.write(piece)
            path.unlink()

        def begin(self, status: int, kind: str, length: int) -> None:
            self.send_response_only(status)  # no Date, so that the clocks agree
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()


class Local(HTTPAdapter):
    """Sends every call to the local server, and knows the largest upload."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.largest = self.jobs = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        if request.method == "PUT":
            self.jobs += 1
            self.largest = max(self.largest, int(request.headers["Content-Length"]))
        path = str(request.url).split("/", 3)[3]
        request.url = f"http://127.0.0.1:{self._port}/{path}"
        return super().send(request, **options)


def peak() -> float:
    """Largest resident size so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def entries(count: int, columns: tuple[str, ...]) -> Iterator[Entry]:
    """Records that gave one row each, of some 300 bytes."""
    for number in range(count):
        key = f"{number:08}-{uuid.UUID(int=number * 2654435761)}"
        at = (DAY + timedelta(milliseconds=number * 80)).strftime("%Y-%m-%dT%H:%M:%SZ")
        values: dict[str, Any] = {name: f"value {number}, of {place}" for place, name in enumerate(columns)}
        values |= {KEY: key, columns[1]: at, columns[2]: number / 8, columns[3]: None, columns[4]: number % 2 == 0}
        yield Entry(digest(key), digest(key, "content"), at, "mapped", [Row(0, key, at, values)])


def deliver(port: int, count: int, fields: int, pipe: Connection) -> None:
    """Store and deliver; sends seconds of both, rows Salesforce has, jobs, bytes of the largest file, peaks."""
    columns = (KEY, *(f"Field_{place}__c" for place in range(1, fields)))
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        folder = Path(name)
        db = Database(folder / "connector.db")
        store = Store(db)
        local = Local(port)
        transport = Transport(
            now=lambda: datetime.now(UTC), sleep=time.sleep, mount=lambda s: s.mount("https://", local)
        )
        settings = SalesforceSettings(
            None, None, None, Secret("token"), "https://acme.my.salesforce.com", api_version="66.0", call_reserve=0.2
        )
        org = Org(settings, transport)
        store.meet("calls", Identity(org.org_id, "genesys", ((OBJECT, KEY),)), Fingerprints("fields", "source", "keys"))
        run = store.begin_run("calls", "sync", DAY)
        proof = f"fields {org.org_id}"
        lane = Lane("calls", OBJECT, KEY, columns, "auto", 150_000, 0.1, "fields", proof)
        delivery = Delivery(lane, org, store, run, folder, transport.now)
        planned = Planned("new", Span(DAY, DAY + timedelta(days=1)))
        one = store.passes.begin("calls", planned, ("fields", "source"), run, DAY)
        storing = delivering = before = 0.0
        records = entries(count, columns)
        for done in range(PAGE, count + PAGE, PAGE):
            began = time.perf_counter()
            rows = list(islice(records, PAGE))
            store.outbox.store_page(one, rows, [OBJECT], Checkpoint(done // PAGE, "", Seen()), done, DAY)
            storing += time.perf_counter() - began
            before = before or peak()
            if done % AT_ONCE and done < count:
                continue
            began = time.perf_counter()
            while (wait := delivery.step(more_comes=done < count)) is not None:
                time.sleep(wait)
            delivering += time.perf_counter() - began
        delivery.let_go()
        accepted = store.passes.books(one.id).created
        pipe.send((storing, delivering, accepted, local.jobs, local.largest, before, peak()))
        db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--fields", type=int, default=12, help="fields of a row, at least 5")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for count in options.rows:
        mine, theirs = context.Pipe()
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:
            server = context.Process(target=serve, args=(Path(folder), theirs))
            server.start()
            client = context.Process(target=deliver, args=(mine.recv(), count, options.fields, theirs))
            client.start()
            storing, delivering, accepted, jobs, largest, before, after = mine.recv()
            client.join()
            server.terminate()
            server.join()
        print(
            f"{count:9,} rows: stored in {storing:6.1f} s, delivered in {delivering:6.1f} s "
            f"({count / delivering:,.0f} a second), {accepted:,} accepted, {jobs} jobs of up to "
            f"{largest / 1e6:.0f} MB, peak {after:4.0f} MiB ({after - before:+.0f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
