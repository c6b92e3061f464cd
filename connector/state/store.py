"""Streams and runs: whose state this is, under which mapping it was made, and what each run did."""

import getpass
import json
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from connector.errors import AlreadyRunning, KeysChanged, WrongOrganisation
from connector.mapping import Fingerprints
from connector.spans import Span, instant, stamp
from connector.state.batches import Batches
from connector.state.database import Database, disk_in_words
from connector.state.descriptions import Descriptions
from connector.state.gaps import Gaps, close_all
from connector.state.heard import HeardIds, forget_heard
from connector.state.history import History
from connector.state.lateness import LatenessCounts, forget
from connector.state.open_records import OpenRecords
from connector.state.outbox import Outbox
from connector.state.passes import Passes, owe
from connector.state.replays import Replays
from connector.state.vanished import Vanished


@dataclass(frozen=True)
class Identity:
    """What the state of a stream belongs to. targets: (object, external id field) of each target."""

    salesforce_org: str
    genesys_org: str
    targets: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Run:
    """One execution of the loop over one stream."""

    id: int
    stream: str
    command: str
    who: str
    started: datetime
    finished: datetime | None
    doing: str
    exit_code: int | None
    message: str
    counts: dict[str, Any]


class Store:
    """The state of one installation: each of its parts over one database, and the streams and runs."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.passes = Passes(db)
        self.outbox = Outbox(db)
        self.batches = Batches(db)
        self.descriptions = Descriptions(db)
        self.gaps = Gaps(db)
        self.open_records = OpenRecords(db)
        self.history = History(db)
        self.vanished = Vanished(db, self.passes)
        self.lateness = LatenessCounts(db)
        self.heard = HeardIds(db)
        self.replays = Replays(db, self.passes)

    # Streams

    def meet(
        self, stream: str, identity: Identity, prints: Fingerprints, *, accept_new_keys: bool = False
    ) -> Literal["new", "same", "fields", "source", "keys"]:
        """Compare a stream with the state: is it the same organisation, the same keys, the same mapping?

        Raises WrongOrganisation, or KeysChanged unless a person accepts new keys; else says what changed: nothing, its
        fields, its source, or its keys. A new stream is written down.
        """
        row = self.db.row("SELECT * FROM streams WHERE name = ?", [stream])
        if row is None:
            with self.db.transaction() as db:
                db.execute(
                    """INSERT INTO streams (name, salesforce_org, genesys_org, targets, fields_print, source_print,
                                            keys_print) VALUES (?, ?, ?, ?, ?, ?, ?)""",
                    [stream, *_identity_values(identity), prints.fields, prints.source, prints.keys],
                )
            return "new"
        for service, known, now in (
            ("Salesforce", row["salesforce_org"], identity.salesforce_org),
            ("Genesys Cloud", row["genesys_org"], identity.genesys_org),
        ):
            if _differ(known, now):
                raise WrongOrganisation(
                    f"{stream}: the state in {self.db.path} was made with the {service} organisation {known}, "
                    f"but the settings lead to {now}",
                    "keep each organisation in a home of its own (--home); or let this state begin anew with the "
                    "organisation of the settings: connector sync --adopt-org",
                )
        if row["keys_print"] != prints.keys and accept_new_keys:
            return "keys"
        if row["keys_print"] != prints.keys:
            raise KeysChanged(
                f"{stream}: the mapping now makes other external ids (key, object, granularity, group_by or time zone "
                "changed): rows already in Salesforce would stay beside the new ones",
                f"take the change back, or write everything anew: connector resync {stream} --full --accept-new-keys",
            )
        if row["source_print"] != prints.source:
            return "source"
        return "fields" if row["fields_print"] != prints.fields else "same"

    def is_of_another(self, stream: str, identity: Identity) -> bool:
        """Whether the state of the stream was made with another organisation on either side."""
        row = self.db.row("SELECT salesforce_org, genesys_org FROM streams WHERE name = ?", [stream])
        return row is not None and (
            _differ(row["salesforce_org"], identity.salesforce_org) or _differ(row["genesys_org"], identity.genesys_org)
        )

    def adopt(
        self,
        stream: str,
        prints: Fingerprints,
        owed: Sequence[Span],
        cause: str,
        run: int,
        now: datetime,
        *,
        closes_gaps: bool = False,
    ) -> None:
        """Take over a changed mapping: unfinished passes fail, their spans and `owed` are owed, their rows go.

        closes_gaps: `owed` is the whole stream, under other keys and perhaps on other boundaries than its gaps.
        The fingerprints come last: killed before, the next run finds the change again and repeats what is left.
        """
        unfinished = self.passes.unfinished(stream)
        with self.db.transaction() as db:
            for one in unfinished:
                self.passes.fail(one, cause, run, now)
            owe(db, stream, [*(one.within for one in unfinished if one.within), *owed], cause, False)
            if closes_gaps:
                close_all(db, stream, cause, now, run=run)
            self.replays.begin_again(unfinished, (prints.fields, prints.source), run, now)
        self.outbox.supersede_waiting(stream)
        with self.db.transaction() as db:
            forget(db, stream)
            if db.execute("SELECT source_print FROM streams WHERE name = ?", [stream]).fetchone()[0] != prints.source:
                forget_heard(db, stream, cause, now)
            sql = "UPDATE streams SET fields_print = ?, source_print = ?, keys_print = ? WHERE name = ?"
            db.execute(sql, [prints.fields, prints.source, prints.keys, stream])

    def begin_anew(self, stream: str, run: int, now: datetime) -> None:
        """Forget what belongs to another organisation: everything of the stream is read and sent again.

        The stream itself goes last: killed before, the next run finds the other organisation again.
        """
        for table, key in (("outbox", "seq"), ("row_hashes", "stream, object, at, external_id")):
            some = f"SELECT {key} FROM {table} WHERE stream = ? LIMIT 1000"  # noqa: S608
            gone = 1
            while gone:
                with self.db.transaction() as db:
                    gone = db.execute(f"DELETE FROM {table} WHERE ({key}) IN ({some})", [stream]).rowcount  # noqa: S608
        unfinished = self.passes.unfinished(stream)
        with self.db.transaction(durable=True) as db:
            for one in unfinished:
                self.passes.fail(one, "another organisation was adopted", run, now)
            for table in ("coverage", "owed", "open_records", "lateness", "descriptions"):
                db.execute(f"DELETE FROM {table} WHERE stream = ?", [stream])  # noqa: S608
            close_all(db, stream, "another organisation was adopted", now, run=run)
            forget_heard(db, stream, "another organisation was adopted", now)
            for table in ("rejects", "vanished"):
                sql = f"UPDATE {table} SET closed = ?, closed_by = 'another organisation was adopted' WHERE stream = ?"  # noqa: S608
                db.execute(sql + " AND closed IS NULL", [stamp(now), stream])
            db.execute(
                "UPDATE batches SET state = 'dissolved', ended = ? WHERE stream = ? AND ended IS NULL",
                [stamp(now), stream],
            )
            db.execute("DELETE FROM streams WHERE name = ?", [stream])

    def is_known(self, stream: str) -> bool:
        """Whether a run of the stream has ever met the services."""
        return self.db.row("SELECT 1 FROM streams WHERE name = ?", [stream]) is not None

    def others_of(self, object: str, stream: str) -> list[str]:
        """Streams other than this one that have written to a Salesforce object."""
        rows = self.db.rows("SELECT name, targets FROM streams WHERE name <> ? ORDER BY name", [stream])
        return [row["name"] for row in rows if object in dict(json.loads(row["targets"]))]

    def proven(self, stream: str) -> str:
        """Mapping and organisation under which a row was accepted last; "" before that, or when rows are held."""
        return str(self.db.value("SELECT proven FROM streams WHERE name = ?", [stream]) or "")

    def keep_available(self, stream: str, until: datetime, now: datetime) -> None:
        """Keep the availability date a run was told, for plans that ask nobody."""
        with self.db.transaction() as db:
            sql = "UPDATE streams SET available = ?, available_asked = ? WHERE name = ?"
            db.execute(sql, [stamp(until), stamp(now), stream])

    def available(self, stream: str) -> tuple[datetime, datetime] | None:
        """The availability date told last, and when it was told; None before."""
        row = self.db.row("SELECT available, available_asked FROM streams WHERE name = ?", [stream])
        return (instant(row["available"]), instant(row["available_asked"])) if row and row["available"] else None

    # Runs

    def begin_run(self, stream: str, command: str, now: datetime) -> int:
        with self.db.transaction() as db:
            # Whoever begins a run holds the stream's lock: a run without an end is dead.
            dead = "UPDATE runs SET doing = '', message = ? WHERE stream = ? AND finished IS NULL AND message = ''"
            db.execute(dead, ["died before its end", stream])
            sql = "INSERT INTO runs (stream, command, who, started) VALUES (?, ?, ?, ?) RETURNING id"
            return int(db.execute(sql, [stream, command, _who(), stamp(now)]).fetchone()[0])

    def run_does(self, run: int, doing: str) -> None:
        """Tell others what the run is at."""
        with self.db.transaction() as db:
            db.execute("UPDATE runs SET doing = ? WHERE id = ?", [doing, run])

    def end_run(self, run: int, exit_code: int, message: str, counts: dict[str, Any], now: datetime) -> None:
        with self.db.transaction() as db:
            db.execute(
                "UPDATE runs SET finished = ?, exit_code = ?, message = ?, counts = ?, doing = '' WHERE id = ?",
                [stamp(now), exit_code, message, json.dumps(counts), run],
            )

    def runs(self, stream: str | None, most: int) -> list[Run]:
        """The latest runs, newest first."""
        sql = "SELECT * FROM runs WHERE ? IS NULL OR stream = ? ORDER BY id DESC LIMIT ?"
        return [
            Run(
                id=row["id"],
                stream=row["stream"],
                command=row["command"],
                who=row["who"],
                started=instant(row["started"]),
                finished=instant(row["finished"]) if row["finished"] else None,
                doing=row["doing"],
                exit_code=row["exit_code"],
                message=row["message"],
                counts=json.loads(row["counts"]),
            )
            for row in self.db.rows(sql, [stream, stream, most])
        ]

    def newest(self, stream: str) -> dict[str, int]:
        """The last reject, vanished row and silence of a stream, and the last news of its gaps: what is later is new.

        Silences are left out while too much has vanished, which tells of the same.
        """
        last = "SELECT coalesce(max(id), 0) FROM {} WHERE stream = ?"
        tables = ("rejects", "vanished", *(() if self.vanished.held(stream) else ("silences",)))
        return {
            **{table: int(self.db.value(last.format(table), [stream])) for table in tables},
            "gaps": self.gaps.newest(stream),
        }

    def told(self, stream: str) -> dict[str, int]:
        """The last reject, news of gaps, vanished row and silence a finished run has told of, and whether it told that
        the stream is stale (1); what a killed run met is still to be told."""
        sql = "SELECT counts FROM runs WHERE stream = ? AND finished IS NOT NULL ORDER BY id DESC LIMIT 1"
        counts = self.db.value(sql, [stream])
        told = json.loads(counts)["told"] if counts else {}
        return {"rejects": 0, "gaps": 0, "vanished": 0, "silences": 0, **told}

    def silences_since(self, stream: str, newest: dict[str, int]) -> tuple[str, ...]:
        """Every finding opened after `newest` was told and still open, in words; none while too much has vanished."""
        if self.vanished.held(stream):
            return ()
        return tuple(one.in_words() for one in self.heard.open(stream, newest.get("silences", 0)))

    def opened_since(self, stream: str, newest: dict[str, int]) -> dict[str, int]:
        """How many rejects are open that were opened after `newest` was told, gaps that also came to lack more, and
        (where there is one) silences."""
        rejects = "SELECT count(*) FROM rejects WHERE stream = ? AND id > ? AND closed IS NULL"
        silences = len(self.silences_since(stream, newest))
        return {
            "rejects": int(self.db.value(rejects, [stream, newest["rejects"]])),
            "gaps": self.gaps.count_since(stream, newest["gaps"]),
            **({"silences": silences} if silences else {}),
        }


WAIT_SECONDS = 1.0
"""How often a run that waits for another one looks whether that has ended."""


class StreamLock:
    """One writer per stream: a file lock that dies with its process. Folder: beside the state file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lock = FileLock(folder / f"{name}.lock", mode=0o600)

    def take(self, store: Store, sleep: Callable[[float], None] | None = None) -> None:
        """Take the lock; sleep: how to wait for it, None to give up at once.

        Raises AlreadyRunning, with who works on the stream since when and at what; StateError when the folder cannot
        be written; what `sleep` raises.
        """
        while not self.try_take():
            if sleep is None:
                raise AlreadyRunning(f"{self._name}: {self._story(store)}", "wait for it, or run again with --wait")
            sleep(WAIT_SECONDS)

    def _story(self, store: Store) -> str:
        latest = store.runs(self._name, 1)
        if not latest or latest[0].finished is not None:
            return "another process works on it"
        run = latest[0]
        at = f", now at {run.doing}" if run.doing else ""
        return f"{run.who} works on it since {stamp(run.started)} ({run.command}){at}"

    def try_take(self) -> bool:
        """Take the lock if nobody has it."""
        with disk_in_words(self._folder):
            # Files of customer values pass through the folder: it is nobody else's.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        return True

    def release(self) -> None:
        self._lock.release()


def _differ(known: str, now: str) -> bool:
    """Whether two organisations are told apart.

    A client that may not ask for its organisation's id is known as `<domain>/<client id>`, which proves nothing
    against an id.
    """
    return known != now and ("/" in known) == ("/" in now)


def _identity_values(identity: Identity) -> list[str]:
    return [identity.salesforce_org, identity.genesys_org, json.dumps(identity.targets)]


def _who() -> str:
    user = "someone"
    with suppress(OSError, KeyError):
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"
