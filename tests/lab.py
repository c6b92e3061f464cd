"""A whole installation over both simulators, in one process, on a simulated clock."""

import random
import re
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from connector.assemble import Installation, Seams, installation, rehearsal, to_stream
from connector.config import Config, GenesysSettings, SalesforceSettings, Secret
from connector.mapping import load_mapping
from connector.orders import Order, Result, Stream
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.objects import OBJECTS
from connector.sandbox.salesforce import SalesforceSim
from connector.sandbox.world import World
from connector.schedules import in_turns
from connector.spans import stamp

DAY = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday; the first day of every lab."""


def at(hours: float) -> datetime:
    """So many hours after the first midnight."""
    return DAY + timedelta(hours=hours)


def conversation(name: str, start: datetime, minutes: float = 5, media: str = "voice", queue: str = "q1") -> Any:
    """A plain conversation: a customer waits ten seconds in a queue and talks to an agent until the end."""
    end = start + timedelta(minutes=minutes)
    answered = start + timedelta(seconds=10)

    def text(moment: datetime) -> str:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def session(purpose: str, begins: datetime, ends: datetime, metrics: dict[str, int], **fields: str) -> Any:
        segment = {"segmentType": "interact", "segmentStart": text(begins), "segmentEnd": text(ends)}
        return {
            "participantId": f"{name}-{purpose}",
            "purpose": purpose,
            **({"userId": "u1"} if purpose == "agent" else {}),
            "sessions": [
                {
                    "sessionId": f"{name}-{purpose}-s",
                    "mediaType": media,
                    "direction": "inbound",
                    "segments": [{**segment, **fields}],
                    "metrics": [{"name": k, "value": v, "emitDate": text(ends)} for k, v in metrics.items()],
                }
            ],
        }

    talk = int((end - answered).total_seconds() * 1000)
    return {
        "conversationId": name,
        "conversationStart": text(start),
        "conversationEnd": text(end),
        "originatingDirection": "inbound",
        "divisionIds": ["d1"],
        "participants": [
            session("customer", start, end, {}),
            session("acd", start, answered, {"nOffered": 1, "tWait": 10_000, "tAcd": 10_000}, queueId=queue),
            session(
                "agent",
                answered,
                end,
                {"tAnswered": 10_000, "tTalk": talk, "tTalkComplete": talk, "tHandle": talk},
                queueId=queue,
            ),
        ],
    }


MAPPING = """
about: conversations for tests
source: {query: conversations.details}
window: {start: 2026-03-02, size: P1D, lookback: PT6H, settle: PT15M, timezone: UTC}
target: {object: Conversation__c, external_id: Conversation_Id__c}
fields:
  Conversation_Id__c: {key: [conversationId]}
  Started__c: conversationStart
  Ended__c: conversationEnd
  Direction__c: direction
  Duration_s__c: {from: duration_ms, divide: 1000, round: 1}
  Media_Types__c: {join: media_types, with: ";"}
  First_Queue_Id__c: first_queue_id
  Is_Open__c: is_open
"""


FIELDS = tuple(re.findall(r"(?m)^  (\w+__c):", MAPPING))
"""Those it writes."""


class ChangingFaults(Faults):
    """Faults a test may exchange while the services run."""

    def change(self, *rules: Rule) -> None:
        """From now on these rules, counted anew."""
        super().__init__(rules)


class Killed(BaseException):
    """The process is gone: nothing after this instruction happens."""


class KillingAdapter(WsgiAdapter):
    """Counts requests and answers among the steps of a run, and ends it at the step chosen."""

    def __init__(self, lab: "Lab", step: Callable[[], None]) -> None:
        super().__init__(lab.answering, lab.clock)
        self._step = step

    def send(self, *args: Any, **options: Any) -> Any:
        self._step()
        answer = super().send(*args, **options)
        self._step()
        return answer


class Lab:
    """Both services, a clock, a home, and runs of the connector over them.

    seed: of the order in which pull and deliver steps alternate.
    """

    def __init__(self, folder: Path, *, now: datetime, seed: int = 1, rules: tuple[Rule, ...] = (), **org: Any) -> None:
        self.folder = folder
        self.clock = SimulatedClock(now)
        self.world = World()
        self.faults = ChangingFaults(rules)
        self.genesys = GenesysSim(self.world, self.clock, faults=self.faults, calls_per_minute=100_000)
        self.salesforce = SalesforceSim(
            folder / "salesforce.db", OBJECTS, self.clock, faults=self.faults, **{"job_seconds": 5, **org}
        )
        self.random = random.Random(seed)
        self.mapping = folder / "mappings" / "conversations.yml"
        self.write_mapping(MAPPING)
        self.clock_error = timedelta()
        self.after_commit: Callable[[], None] = lambda: None
        self.wrap_adapter: Callable[[WsgiAdapter], Any] = lambda adapter: adapter

    def write_mapping(self, text: str, name: str = "conversations") -> None:
        self.mapping = self.folder / "mappings" / f"{name}.yml"
        self.mapping.parent.mkdir(exist_ok=True)
        self.mapping.write_text(text)

    def change_mapping(self, old: str, new: str) -> None:
        text = self.mapping.read_text()
        assert old in text
        self.mapping.write_text(text.replace(old, new))

    @property
    def config(self) -> Config:
        return Config(
            home=self.folder,
            state=self.folder / "connector.db",
            mappings=self.mapping.parent,
            log="text",
            genesys=GenesysSettings("mypurecloud.ie", "demo-client", Secret("demo-secret"), 100_000),
            salesforce=SalesforceSettings(
                "acme.my", "sf-client", Secret("sf-secret"), None, None, api_version="66.0", call_reserve=0.2
            ),
            hash_salt=None,
        )

    def answering(self, host: str) -> Any:
        for service in (self.genesys, self.salesforce):
            if host in service.hosts:
                return service
        return None

    @property
    def seams(self) -> Seams:
        adapter = self.wrap_adapter(WsgiAdapter(self.answering, self.clock))
        return Seams(
            now=lambda: self.clock.now() + self.clock_error,
            sleep=self.clock.sleep,
            mount=lambda session: session.mount("https://", adapter),
            schedule=in_turns(lambda: self.random.random() < 0.5, self.clock.sleep),
            after_commit=lambda: self.after_commit(),
            budget=self.folder / "budget",
        )

    @property
    def stream(self) -> Stream:
        return to_stream(load_mapping(self.mapping))

    @contextmanager
    def opened(self, config: Config | None = None) -> Any:
        with installation(config or self.config, self.seams) as ready:
            yield ready

    def sync(self, order: Order | None = None) -> Result:
        """One run of the stream over freshly made objects, as a new process would make them."""
        order = order or Order()
        if order.rehearse:
            with rehearsal(self.config) as config, self.opened(config) as ready:
                return ready.runner.run(self.stream, order)
        with self.opened() as ready:
            return self.run_on(ready, order)

    def killed_at(self, step: int, order: Order | None = None, *, calls: bool = True) -> int:
        """A run that is gone at that commit and, where `calls` count, request or answer; 0: at none.

        Returns the steps it took; fewer than `step`: it came to its end.
        """
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1
            if 0 < step <= steps:  # nothing that the dying run tries besides comes about either
                raise Killed

        self.after_commit = count
        if calls:
            self.wrap_adapter = lambda adapter: KillingAdapter(self, count)
        try:
            self.sync(order)
        except Killed:
            pass
        finally:
            self.after_commit = lambda: None
            self.wrap_adapter = lambda adapter: adapter
        return steps

    def run_on(self, ready: Installation, order: Order) -> Result:
        return ready.runner.run(self.stream, order)

    def rows(self) -> dict[str, dict[str, Any]]:
        """What stands in the org, by external id."""
        rows = self.salesforce.rows("Conversation__c")
        return {key: {name: _as_sent(row[name]) for name in FIELDS} for key, row in rows.items()}

    def truth(self, until: datetime) -> dict[str, dict[str, Any]]:
        """What should stand there of conversations begun from the first day until `until`, as seen now."""
        shown = self.world.conversations_at(self.clock.now(), DAY, until)
        return {one["conversationId"]: _expected(one) for one in shown}

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of a table of the state."""
        with self.opened() as ready:
            return [dict(row) for row in ready.store.db.rows(f"SELECT * FROM {name}")]

    def close(self) -> None:
        self.salesforce.close()


def _as_sent(value: Any) -> Any:
    """Salesforce tells instants as `2026-03-02T03:39:00.000+0000`."""
    return value.replace(".000+0000", "Z") if isinstance(value, str) else value


def _expected(one: dict[str, Any]) -> dict[str, Any]:
    start = datetime.fromisoformat(one["conversationStart"])
    end = datetime.fromisoformat(one["conversationEnd"]) if "conversationEnd" in one else None
    sessions = [session for participant in one["participants"] for session in participant["sessions"]]
    # Offered to a queue means a participant of purpose acd; where there is none, a segment may still name its queue.
    queues = sorted(
        (participant["purpose"] != "acd", datetime.fromisoformat(segment["segmentStart"]), segment["queueId"])
        for participant in one["participants"]
        for session in participant["sessions"]
        for segment in session["segments"]
        if "queueId" in segment
    )
    seconds = Decimal((end - start) // timedelta(milliseconds=1)) / 1000 if end else None
    return {
        "Conversation_Id__c": one["conversationId"],
        "Started__c": stamp(start),
        "Ended__c": stamp(end) if end else None,
        "Direction__c": one["originatingDirection"],
        "Duration_s__c": float(seconds.quantize(Decimal("0.1"), ROUND_HALF_UP)) if seconds is not None else None,
        "Media_Types__c": ";".join(dict.fromkeys(session["mediaType"] for session in sessions)),
        "First_Queue_Id__c": queues[0][2] if queues else None,
        "Is_Open__c": end is None,
    }
