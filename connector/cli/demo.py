"""`connector demo`: both services simulated, a first sync, an hour of changes, a second sync."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.assemble import Seams, load_streams
from connector.cli.sandbox import SETTINGS
from connector.cli.session import Session, Surroundings, worst
from connector.cli.shipped import shipped_mappings, write_schema
from connector.cli.show import add, beside, result_tables, table
from connector.cli.state import open_state
from connector.cli.sync import run_all, tell_trouble
from connector.config import load_config
from connector.errors import ConfigError
from connector.genesys.flatten import flatten_conversations
from connector.orders import Order, Result
from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SimulatedClock
from connector.sandbox.contact_centre import ContactCentre, continue_world
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.objects import OBJECTS
from connector.sandbox.salesforce import SalesforceSim
from connector.sandbox.world import World
from connector.spans import instant, stamp

_MARK = "demo.json"
_DAYS = 3
_HOUR = timedelta(hours=1)
_LEGS = (
    ("started", "Started__c"),
    ("purpose", "Purpose__c"),
    ("queue", "Queue_Name__c"),
    ("agent", "Agent_Name__c"),
    ("wrap-up", "Wrap_Up_Code__c"),
    (">talk (s)", "Talk_s__c"),
    (">hold (s)", "Hold_s__c"),
    (">after (s)", "After_Call_Work_s__c"),
)
"""Heading and field of each column of the legs shown."""
_SETTLED = timedelta(minutes=20)
"""After a full hour: what it brought is past the settle delay of the shipped mappings."""


@dataclass(frozen=True)
class _Story:
    """How far a demo got, kept in its folder.

    until: end of the simulated days, before the further hour. stage: "making" its home, the "first" or "second" sync,
    or "over".
    """

    until: datetime
    conversations: int
    stage: Literal["making", "first", "second", "over"] = "making"

    def at(self, stage: Literal["first", "second", "over"], home: Path) -> "_Story":
        """The same demo at a later stage, written down."""
        later = replace(self, stage=stage)
        later.save(home)
        return later

    def save(self, home: Path) -> None:
        (home / _MARK).write_text(json.dumps({**vars(self), "until": stamp(self.until)}))


def run_demo(session: Session, folder: Path, conversations: int) -> int:
    """Play the demo in `folder` from the start, or go on with one that was interrupted.

    conversations: about how many the simulated days bring.
    """
    home = folder.absolute()
    story = _begin_or_go_on(session, home, conversations)
    centre = ContactCentre(7, story.until - timedelta(days=_DAYS), _DAYS, conversations=story.conversations)
    clock = SimulatedClock(story.until + _SETTLED)
    genesys = GenesysSim(centre.world(), clock)
    with closing(SalesforceSim(home / "salesforce.db", OBJECTS, clock)) as salesforce:
        play = _Play(session, home, centre, clock, genesys, salesforce)
        return play.through(story)


def _begin_or_go_on(session: Session, home: Path, conversations: int) -> _Story:
    try:
        told = json.loads((home / _MARK).read_text())
        if told["stage"] in ("first", "second"):
            session.note(f"going on with the demo in {home}")
            return _Story(**{**told, "until": instant(told["until"])})
    except FileNotFoundError:
        if home.is_dir() and any(home.iterdir()):
            hint = "name another folder: connector demo --folder DIR"
            raise ConfigError(f"{home} holds other things", hint) from None
    except (ValueError, KeyError, TypeError):
        pass  # a demo that was killed while it wrote its mark
    yesterday = (session.now() - timedelta(days=1)).replace(hour=14, minute=0, second=0, microsecond=0)
    story = _Story(yesterday, conversations)
    home.mkdir(parents=True, exist_ok=True)
    story.save(home)
    _clear(home)
    _write_mappings(home, yesterday - timedelta(days=_DAYS))
    return story.at("first", home)


def _clear(home: Path) -> None:
    """Take away what an earlier demo made, and nothing else."""
    for pattern in ("connector.db*", "salesforce.db*", "mappings/*.yml"):
        for file in home.glob(pattern):
            file.unlink()
    shutil.rmtree(home / ".connector", ignore_errors=True)


def _write_mappings(home: Path, first: datetime) -> None:
    (home / "mappings").mkdir(exist_ok=True)
    write_schema(home / "mappings")
    for file in sorted(shipped_mappings().glob("*.yml")):
        text = re.sub(r"(?m)^(\s*start:) *\S+", rf"\1 {first:%Y-%m-%d}", file.read_text(encoding="utf-8"), count=1)
        (home / "mappings" / file.name).write_text(text, encoding="utf-8")


class _Play:
    """One demo, act by act."""

    def __init__(
        self,
        session: Session,
        home: Path,
        centre: ContactCentre,
        clock: SimulatedClock,
        genesys: GenesysSim,
        salesforce: SalesforceSim,
    ) -> None:
        self._home = home
        self._centre = centre
        self._clock = clock
        self._world: World = genesys.world
        self._salesforce = salesforce
        hosts: dict[str, Any] = {
            **dict.fromkeys(genesys.hosts, genesys),
            **dict.fromkeys(salesforce.hosts, salesforce),
        }
        seams = replace(
            session.surroundings.seams or Seams(),
            now=clock.now,
            sleep=clock.sleep,
            mount=lambda session: session.mount("https://", WsgiAdapter(hosts.get)),
            schedule=None,
            budget=home / ".connector" / "budget",
        )
        environment = {**SETTINGS, "CONNECTOR_LOG": session.surroundings.environment.get("CONNECTOR_LOG", "")}
        self._session = replace(session, surroundings=Surroundings(environment, seams), home=home)
        self._config = load_config(home, environment)
        self._syncs: list[list[Result]] = []

    def through(self, story: _Story) -> int:
        self._session.announce(self._config, will_write=True)
        self._clock.set(max(self._clock.now(), self._latest() + _SETTLED))
        if story.stage == "first":
            until = f"{story.until:%Y-%m-%d %H:%M} UTC"
            self._say(f"A contact centre of {_DAYS} days, until {until}: {len(self._world):,} conversations.")
            if code := self._sync("First sync"):
                return self._end(code)
            story = story.at("second", self._home)
        changes = continue_world(self._world, self._centre, story.until)
        self._clock.set(max(story.until + _HOUR + _SETTLED, self._latest() + _SETTLED))
        self._say(
            f"One more hour passes: {len(changes.new)} new conversations, {len(changes.late)} that show late, "
            f"{len(changes.corrected)} corrected ones, and open ones that end."
        )
        if code := self._sync("Second sync: only what changed is sent"):
            return self._end(code)
        story.at("over", self._home)
        self._show_records()
        self._say_next()
        return self._end(0)

    def _latest(self) -> datetime:
        """When an interrupted demo last began a run or pass: simulated time goes on from there, never back."""
        with open_state(self._config) as store:
            sql = "SELECT max(at) FROM (SELECT max(started) AS at FROM runs UNION SELECT max(began) FROM passes)"
            found = store.db.value(sql)
        return instant(found) if found else self._clock.now() - _SETTLED

    def _sync(self, title: str) -> int:
        results = run_all(self._session, self._config, load_streams(self._config), Order())
        self._syncs.append(results)
        if not self._session.as_json and not self._session.quiet:
            self._say(title)
            for one in result_tables(results, self._session.out.width):
                self._session.out.print(one, highlight=False)
        tell_trouble(self._session, results)
        return worst(one.exit_code for one in results)

    def _end(self, code: int) -> int:
        if self._session.as_json:
            self._session.show({"home": self._home, "syncs": self._syncs, "exit_code": code})
        if code:
            self._session.note("connector demo goes on from here")
        return code

    def _show_records(self) -> None:
        if self._session.as_json or self._session.quiet:
            return
        self._say("Conversations as Genesys Cloud tells them, and the records they became:")
        for one in self._examples():
            self._session.out.print(one, highlight=False)

    def _examples(self) -> Iterator[RenderableType]:
        """The newest that is over, passed on between queues that have names if there is such a one; the newest open."""
        rows = self._salesforce.rows("Conversation__c")
        newest = sorted(rows, key=lambda identity: str(rows[identity]["Started__c"]), reverse=True)
        over = [identity for identity in newest if not rows[identity]["Is_Open__c"]]
        transferred = [
            identity
            for identity in over
            if (row := rows[identity])["First_Agent_Id__c"] != row["Last_Agent_Id__c"]
            and row["First_Queue_Name__c"]
            and row["Last_Queue_Name__c"]
        ]
        still_open = [identity for identity in newest if rows[identity]["Is_Open__c"]]
        for title, found in (("over", transferred or over), ("still open", still_open)):
            for identity in found[:1]:
                yield from self._example(identity, rows[identity], title)

    def _example(self, identity: str, row: dict[str, Any], title: str) -> Iterator[RenderableType]:
        conversation = self._world.conversation_at(self._clock.now(), identity)
        assert conversation is not None, "what stands in the org was told by the world"
        (record,) = flatten_conversations([conversation])
        record.pop("attributes", None)  # the query by which conversations were read does not tell them
        (stream,) = load_streams(self._config, ["conversations"])
        written = {rule.name for rule in stream.compiled.mapping.targets[0].fields}
        yield beside(record, {name: value for name, value in row.items() if name in written}, title)
        yield self._legs(self._salesforce.records("Conversation__c")[identity]["Id"])

    def _legs(self, parent: str) -> Table:
        """The legs of the conversation with that record id, as they stand in the org."""
        made = table(*(heading for heading, _ in _LEGS), title="its legs in Salesforce")
        legs = [
            row for row in self._salesforce.rows("Conversation_Leg__c").values() if row["Conversation__c"] == parent
        ]
        for leg in sorted(legs, key=lambda leg: (str(leg["Started__c"]), str(leg["Ended__c"]))):
            add(made, *("" if leg[field] is None else str(leg[field]).split(".000+")[0] for _, field in _LEGS))
        return made

    def _say(self, text: str) -> None:
        if not self._session.as_json and not self._session.quiet:
            self._session.out.print(Text(f"\n{text}", style="bold"), soft_wrap=True)

    def _say_next(self) -> None:
        if self._session.as_json or self._session.quiet:
            return
        home = self._home
        for line in (
            "\nTo look around:",
            f"  connector status --home {home}",
            f"  connector runs --home {home}",
            f"  sqlite3 {home / 'salesforce.db'} '.mode line' 'SELECT * FROM Queue_Interval__c LIMIT 2'",  # noqa: S608
            "Then, with your own accounts:",
            "  connector check",
            "  connector preview conversations",
            "Or with simulated ones that answer like the real ones: connector sandbox",
        ):
            self._session.out.print(line, highlight=False, markup=False, soft_wrap=True)
