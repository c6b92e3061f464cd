"""Seconds and peak memory of reading the same conversations in pages of 100 and in pages of 10,000.

    python benchmarks/large_pages.py [--conversations 10000] [--rows 100 10000] [--mapping mappings/conversations.yml]

Each page size runs in a process of its own, over a local HTTP server in another process that gives pages of
conversations of about 10 KB. A pass is pulled and stored as in production; nothing is delivered. What is printed:
seconds, microseconds a record, the largest resident size, and how much of it came with the first page.
"""

import argparse
import hashlib
import multiprocessing
import random
import resource
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter

from connector.assemble import to_stream
from connector.config import GenesysSettings, Secret
from connector.genesys.client import GenesysClient
from connector.genesys.pages import PageReader
from connector.mapping import load_mapping
from connector.pace import Pace
from connector.pulling import Puller
from connector.spans import Span
from connector.state.database import Database
from connector.state.store import Identity, Store
from connector.transport import Transport
from connector.windows import Planned

DAY = datetime(2026, 3, 2, tzinfo=UTC)
ROOT = Path(__file__).parent.parent


def conversation(number: int) -> dict[str, Any]:
    """One of about 10 KB, the same for the same number."""
    chance = random.Random(number)  # noqa: S311
    start = DAY + timedelta(milliseconds=number * 1000)

    def identity() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128)))

    def one_of(kind: int, many: int) -> str:
        """An id of one of so many queues, users, codes or divisions."""
        return str(uuid.UUID(int=(kind << 64) + chance.randrange(many)))

    def moment(seconds: int) -> str:
        return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def participant(purpose: str) -> dict[str, Any]:
        names = ("tTalkComplete", "tHeldComplete", "tAcw", "nOffered", "tAnswered", "tHandle")
        session = {
            "mediaType": "voice",
            "sessionId": identity(),
            "direction": "inbound",
            "ani": "tel:+49301234567",
            "mediaEndpointStats": [{"codecs": ["audio/opus"], "maxLatencyMs": 31, "minMos": 4.8812, "rFactor": 92.1}],
            "metrics": [{"emitDate": moment(9), "name": one, "value": chance.randint(0, 99_999)} for one in names],
            "segments": [
                {
                    "segmentStart": moment(10 * place),
                    "segmentEnd": moment(10 * place + 10),
                    "queueId": one_of(1, 60),
                    "segmentType": "interact",
                    "conference": False,
                    "wrapUpCode": one_of(2, 40),
                    "wrapUpNote": "a note of some length, Straße " * 2,
                }
                for place in range(4)
            ],
        }
        return {"participantId": identity(), "userId": one_of(3, 500), "purpose": purpose, "sessions": [session]}

    return {
        "conversationId": identity(),
        "conversationStart": moment(0),
        "conversationEnd": moment(300),
        "originatingDirection": "inbound",
        "divisionIds": [one_of(4, 6)],
        "participants": [participant(one) for one in ("customer", "ivr", "acd", "agent", "agent")],
    }


def serve(count: int, rows: int, pipe: Connection) -> None:
    """Answer logins and pages of `rows` conversations; sends its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            if "/oauth/" in self.path:
                body = orjson.dumps({"access_token": "t" * 20, "token_type": "bearer", "expires_in": 86_400})
            else:
                page = orjson.loads(asked)["paging"]["pageNumber"]
                numbers = range((page - 1) * rows, min(page * rows, count))
                body = orjson.dumps({"conversations": list(map(conversation, numbers)), "totalHits": count})
            self.send_response_only(200)  # no Date, so that the clocks agree
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()


class Local(HTTPAdapter):
    """Sends every call to the local server."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        path = str(request.url).split("/", 3)[3]
        request.url = f"http://127.0.0.1:{self._port}/{path}"
        return super().send(request, **options)


class AnyPageSize(PageReader):
    """Asks for pages of more records than the service gives."""

    def __init__(self, *arguments: Any, rows: int) -> None:
        super().__init__(*arguments)
        self.page_size = rows


def peak() -> float:
    """Largest resident size so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pull(port: int, rows: int, mapping: Path, pipe: Connection) -> None:
    """Pull one day; sends seconds, seconds of the pulling thread, peaks before and after, records, a digest."""
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        folder = Path(name)
        db = Database(folder / "connector.db")
        store = Store(db)
        transport = Transport(
            now=lambda: DAY + timedelta(days=30),
            sleep=time.sleep,
            mount=lambda session: session.mount("https://", Local(port)),
        )
        settings = GenesysSettings("mypurecloud.ie", "id", Secret("secret"), 1_000_000)
        pace = Pace(folder / "pace", 1_000_000, now=time.time, sleep=time.sleep)
        client = GenesysClient(settings, transport, pace, folder=folder)
        stream = to_stream(load_mapping(mapping))
        store.meet(stream.name, Identity("org", "genesys", ()), stream.prints)
        run = store.begin_run(stream.name, "sync", DAY)
        compiled = stream.compile(lambda kind, identity: {"name": "Support"})
        prints = (stream.prints.fields, stream.prints.source)
        reader = AnyPageSize(client, stream.compiled.mapping, rows=rows)
        puller = Puller(reader, compiled, stream.window, prints, store, run, transport.now, None)
        puller.add([Planned("new", Span(DAY, DAY + timedelta(days=1)))])
        before, began, used = peak(), time.perf_counter(), time.process_time()
        while puller.step() is not None:
            pass
        seconds, busy, after = time.perf_counter() - began, time.process_time() - used, peak()
        rows_made = db.rows("SELECT external_id, hash FROM outbox ORDER BY object, external_id")
        digest = hashlib.sha256(b"".join(row["external_id"].encode() + row["hash"] for row in rows_made)).hexdigest()
        pipe.send((seconds, busy, before, after, puller.records, digest[:12]))
        db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 10_000], help="rows of a page")
    parser.add_argument("--mapping", type=Path, default=ROOT / "mappings" / "conversations.yml")
    options = parser.parse_args()
    size = len(orjson.dumps(conversation(1)))
    print(f"{options.conversations:,} conversations of {size / 1000:.1f} KB")
    context = multiprocessing.get_context("spawn")
    for rows in options.rows:
        mine, theirs = context.Pipe()
        server = context.Process(target=serve, args=(options.conversations, rows, theirs))
        server.start()
        client = context.Process(target=pull, args=(mine.recv(), rows, options.mapping, theirs))
        client.start()
        seconds, busy, before, after, records, digest = mine.recv()
        client.join()
        server.terminate()
        each = busy / records * 1e6
        print(
            f"{rows:6} rows a page ({rows * size / 1e6:6.1f} MB): {seconds:6.1f} s, processor {each:5.0f} us a record, "
            f"peak {after:4.0f} MiB ({after - before:+.0f}), {records} records, rows {digest}"
        )


if __name__ == "__main__":
    main()
