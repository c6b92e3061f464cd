"""One run of one stream: settle what was sent, plan, pull and deliver side by side, close passes, tell what happened.

Pulling and delivering are steps; how they alternate is the schedule's business (`connector.schedules`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from connector.delivery import Delivery
from connector.errors import ConnectorError
from connector.genesys.by_id import IdReader
from connector.genesys.client import GenesysClient
from connector.genesys.jobs import job_reader
from connector.genesys.lookups import Lookups
from connector.genesys.pages import PageReader
from connector.genesys.read_ahead import page_reader
from connector.job_passes import delete_left
from connector.lanes import Lane
from connector.ledger import Books
from connector.mapping import emptied
from connector.mapping.relationships import parents_first
from connector.orders import Order, Progress, Result, Stream
from connector.owing import write_what_is_owed
from connector.planning import Planner
from connector.preflight import Preflight
from connector.pulling import OUTBOX_ROWS, Puller
from connector.readings import OPEN
from connector.salesforce.connect import Org
from connector.schedules import Schedule
from connector.spans import Span, merged, minus
from connector.state.lookups import LookupCache
from connector.state.one_pass import Pass
from connector.state.open_records import given_up_in_words
from connector.state.store import Identity, Store, StreamLock
from connector.state.vanished import Rule, too_many
from connector.windows import Planned

ROUNDS = 3
"""How often a run plans: passes it finishes may free owed spans that were taken when it began."""


class Runner:
    """Runs streams over given services and state. All seams are passed in.

    now: the time all services agree on; schedule: how pull and deliver steps alternate; tell: receives Progress;
    outbox_rows: so many rows wait before the pull pauses; pages_ahead: so many pages are asked for before their turn.
    """

    def __init__(
        self,
        store: Store,
        client: GenesysClient,
        org: Org,
        folder: Path,
        *,
        now: Callable[[], datetime],
        schedule: Schedule,
        sleep: Callable[[float], None],
        tell: Callable[[Progress], None] = lambda progress: None,
        outbox_rows: int = OUTBOX_ROWS,
        pages_ahead: int = 0,
    ) -> None:
        self._store = store
        self._client = client
        self._org = org
        self._folder = folder
        self._now = now
        self._schedule = schedule
        self._sleep = sleep
        self._tell = tell
        self._outbox_rows = outbox_rows
        self._pages_ahead = pages_ahead

    def run(self, stream: Stream, order: Order) -> Result:
        """Run one stream to its end. Errors become part of the result; only an unexpected fault is raised."""
        lock = StreamLock(self._folder, stream.name)
        try:
            lock.take(self._store, self._sleep if order.wait else None)
        except ConnectorError as error:
            return Result(stream.name, error.exit_code, error=error)
        try:
            return _OneRun(self, stream, order).go()
        except ConnectorError as error:
            # The state itself could not be written: nothing more can be said of the run.
            return Result(stream.name, error.exit_code, error=error)
        finally:
            lock.release()


class _OneRun:
    """The state of one run while it lasts."""

    def __init__(self, runner: Runner, stream: Stream, order: Order) -> None:
        self._store = runner._store
        self._client = runner._client
        self._org = runner._org
        self._folder = runner._folder
        self._now = runner._now
        self._schedule = runner._schedule
        self._sleep = runner._sleep
        self._tell = runner._tell
        self._stream = stream
        self._order = order
        self._name = stream.name
        self._run = self._store.begin_run(stream.name, order.command, self._now())
        self._told = self._store.told(stream.name)
        self._calls = {"Genesys Cloud": -self._client.calls, "Salesforce": -self._org.calls}
        self._deliveries: list[Delivery] = []
        self._preflight = Preflight(self._org, stream.compiled, self._store.descriptions, self._now)
        self._stored_order: Sequence[int] = ()
        self._outbox_rows = runner._outbox_rows
        self._pages_ahead = runner._pages_ahead
        self._puller: Puller | None = None
        mapping = stream.compiled.mapping
        self._jobs = job_reader(self._client, mapping, self._now)
        self._planner = Planner(self._name, stream.ways, self._jobs, self._store, self._now)
        self._story: list[str] = []
        self._stale = bool(self._told.get("stale"))

    def go(self) -> Result:
        error: ConnectorError | None = None
        try:
            self._meet()
            if not self._order.rehearse:
                self._settle_journal()
            self._take_over_changes()
            if not self._order.rehearse:
                self._check_targets()
                self._put_parents_first()
            self._read_and_deliver()
        except ConnectorError as problem:
            error = self._preflight.explained(problem)
        except BaseException:
            # Nobody hears of what it met: that is left for the next run to tell.
            self._end(None, 1, "ended by an unexpected fault", self._told)
            raise
        finally:
            for delivery in self._deliveries:
                delivery.let_go()
        if not self._order.rehearse:
            self._stale = self._stream.is_stale(self._complete_to(), self._now())
            self._store.heard.judge(self._name, self._stream.window, self._now())
        told = str(error or "")
        self._story = [*(line for line in self._preflight.changed if line not in told), *self._story]
        self._story += self._store.replays.story(self._store.passes.of_run(self._name, self._run))
        exit_code = (error.exit_code if error else 0) or int(any(self._new().values()))
        return self._end(error, exit_code, "; ".join([*([error.message] if error else []), *self._story]))

    # Before reading

    def _meet(self) -> None:
        """Log in to both services and compare their organisations and the mapping with the state."""
        mapping = self._stream.compiled.mapping
        targets = tuple((target.object, target.external_id) for target in mapping.targets)
        identity = Identity(self._org.org_id, self._client.organisation_id(), targets)
        self._genesys_org = identity.genesys_org
        if self._order.adopt_org and self._store.is_of_another(self._name, identity):
            self._store.begin_anew(self._name, self._run, self._now())
        self._change = self._store.meet(
            self._name, identity, self._stream.prints, accept_new_keys=self._order.accept_new_keys
        )
        if not self._order.rehearse:
            lanes = [self._lane(index) for index in range(len(mapping.targets))]
            # What an earlier mapping sent elsewhere is settled too: until then no pass over its time is closed.
            sent = {one.object for one in self._store.batches.open(self._org.org_id) if one.stream == self._name}
            elsewhere = sorted(sent - {lane.object for lane in lanes})
            self._deliveries = [
                Delivery(lane, self._org, self._store, self._run, self._folder, self._now, self._preflight)
                for lane in [*lanes, *(replace(lanes[0], object=name) for name in elsewhere)]
            ]

    def _lane(self, index: int) -> Lane:
        target = self._stream.compiled.mapping.targets[index]
        return Lane(
            stream=self._name,
            object=target.object,
            external_id=target.external_id,
            columns=self._stream.compiled.columns[index],
            by=target.deliver,
            job_rows=target.job_rows,
            reject_limit=target.reject_limit,
            fields_print=self._stream.prints.fields,
            proof=self._proof,
            optional=tuple(rule.name for rule in target.fields if rule.when_parent_missing == "leave"),
        )

    @property
    def _proof(self) -> str:
        return f"{self._stream.prints.fields} {self._org.org_id}"

    def _settle_journal(self) -> None:
        """Ask for everything sent before: adopt jobs that run, read answers, send again what was never done."""
        self._tell(Progress(self._name, "settling"))
        for delivery in self._deliveries:
            while (wait := delivery.settle_journal()) is not None:
                self._sleep(wait)

    def _take_over_changes(self) -> None:
        now = self._now()
        horizon = self._planner.horizon(now)
        write_what_is_owed(self._store, self._stream, self._order, self._change, horizon, self._run, now)
        delete_left(self._jobs, self._store.passes, self._name, self._run)

    def _check_targets(self) -> None:
        """Before the first delivery under a mapping: does each object take what the mapping writes?"""
        if self._store.proven(self._name) != self._proof:
            self._preflight.check()

    def _put_parents_first(self) -> None:
        """Store and deliver rows behind those of the objects their relationship fields point to."""
        objects = [target.object for target in self._stream.compiled.mapping.targets]
        parents = self._preflight.parents()
        for index, delivery in enumerate(self._deliveries[: len(objects)]):
            delivery.parents = frozenset(objects[one] for one in parents[index])
        order = self._stored_order = parents_first(parents)
        self._deliveries = [*(self._deliveries[one] for one in order), *self._deliveries[len(objects) :]]

    # Reading and delivering

    def _read_and_deliver(self) -> None:
        with page_reader(self._client, self._stream.compiled.mapping, self._pages_ahead, self._now) as reader:
            self._read_with(reader)

    def _read_with(self, reader: PageReader) -> None:
        self._puller = Puller(
            reader,
            self._stream.compile(self._lookups().find),
            self._stream.window,
            (self._stream.prints.fields, self._stream.prints.source),
            self._store,
            self._run,
            self._now,
            None if self._order.rehearse else self._outbox_rows,
            self._stored_order,
            self._id_reader(),
            self._vanished,
            self._jobs,
            self._story,
        )
        begun: list[Span] = []
        self._store.vanished.take_up(self._name, self._vanished, self._now())
        unfinished = self._store.passes.unfinished(self._name)
        to_go_on = [one for one in unfinished if one.state == "pulling"]
        self._puller.add(one for one in to_go_on if one.within)
        now = self._now()
        for attempt in range(ROUNDS):
            planned = self._plan(begun, now, owed_only=attempt > 0)
            if attempt and not planned:
                break
            begun += [one.span for one in planned]
            self._puller.add(planned)
            if attempt == 0:
                self._puller.add(self._open_passes([one for one in to_go_on if not one.within]))
            self._schedule(self._pull, self._deliver)
            self._store.passes.close_ready(self._name, self._run, self._now())
        self._sweep(now)
        self._ask_for_a_person()

    def _id_reader(self) -> IdReader | None:
        query = self._stream.compiled.mapping.query
        if query.by_id is None or not self._stream.ways.follows:
            return None
        return IdReader(self._client, query.by_id, query.records, query.permission)

    def _open_passes(self, begun: Sequence[Pass]) -> Sequence[Pass | Literal["open"]]:
        """Behind all spans: replays, then records followed by id, the passes begun or one over what is due by then."""
        begun = sorted(begun, key=lambda one: not one.is_replay)
        follows = not self._order.reads_again and self._stream.compiled.mapping.query.by_id
        is_new = follows and self._stream.ways.follows and all(one.is_replay for one in begun)
        return [*begun, *([OPEN] if is_new else [])]

    def _sweep(self, now: datetime) -> None:
        """At the end of a run that came to its end: forget what is not needed any more."""
        self._store.passes.sweep_seen(self._name)
        if self._order.rehearse:
            return
        mapping = self._stream.compiled.mapping
        self._store.outbox.forget_hashes(self._name, now - mapping.keep_hashes.length())
        self._store.history.sweep(now)
        if given_up := self._store.open_records.give_up(self._name, self._run, now, mapping.open_give_up.length()):
            self._story.append(given_up_in_words(given_up))

    @property
    def _vanished(self) -> list[Rule]:
        """What becomes of rows of each target that the source gives no more."""
        mapping = self._stream.compiled.mapping
        return [
            Rule(target.object, target.external_id, target.when_vanished, emptied(mapping.source, target))
            for target in mapping.targets
        ]

    def _ask_for_a_person(self) -> None:
        """Raise TooManyVanished while passes wait until somebody accepts what they give no more."""
        if held := self._store.vanished.held(self._name):
            raise too_many(self._name, held)

    def _lookups(self) -> Lookups:
        cache = LookupCache(self._store.db, self._genesys_org)
        age = self._stream.compiled.mapping.lookup_age.length()
        return Lookups(self._client, cache, age, now=self._now, sleep=self._sleep)

    def _plan(self, begun: Sequence[Span], now: datetime, *, owed_only: bool) -> list[Planned]:
        """What is still to be read, without what this run has begun already."""
        known = self._store.passes.known(self._name)
        planned = self._planner.plan(known, now)
        if self._order.reads_again or owed_only:
            owed = [span for span, _ in known.owed]
            planned = [
                one
                for one in planned
                if one.kind == "resync" or (one.kind == "gap" and any(one.span.overlaps(span) for span in owed))
            ]
        done = merged(begun)
        return [one for one in planned if minus([one.span], done)]

    def _pull(self) -> float | None:
        assert self._puller is not None
        wait = self._puller.step()
        self._report("pulling")
        return wait

    def _deliver(self, more_comes: bool) -> float | None:
        """One step of the first delivery that has something to do, parents first."""
        waits = []
        # While the pull is paused no more comes. And parents do not wait for more when rows wait for them.
        more_comes = more_comes and not (self._puller is not None and self._puller.is_paused)
        needed = {parent for one in self._deliveries if one.waits_for_parents for parent in one.parents}
        for delivery in self._deliveries:
            wait = delivery.step(more_comes=more_comes and delivery.object not in needed)
            if wait == 0.0:
                self._report("delivering")
                return 0.0
            if wait is not None:
                waits.append(wait)
        self._store.passes.close_ready(self._name, self._run, self._now())
        return min(waits, default=None)

    def _report(self, doing: Literal["pulling", "delivering"]) -> None:
        if self._puller is not None:
            pull = self._puller
            rows = sum(delivery.rows for delivery in self._deliveries)
            self._tell(Progress(self._name, doing, pull.at, pull.left, pull.pages, pull.records, rows))

    def _complete_to(self) -> datetime:
        return self._stream.window.mark(self._store.passes.known(self._name).covered)

    def _new(self) -> dict[str, int]:
        """What needs a person and was told by no run before: rejects, gaps, silence, that it became stale."""
        new = self._store.opened_since(self._name, self._told)
        if self._stream.compiled.mapping.freshness is not None:
            new["stale"] = int(self._stale and not self._told.get("stale"))
        return new

    def _end(
        self, error: ConnectorError | None, exit_code: int, message: str, told: dict[str, int] | None = None
    ) -> Result:
        self._tell(Progress(self._name, "done"))
        passes = self._store.passes
        books = sum((passes.books(one) for one in passes.of_run(self._name, self._run)), Books())
        now_calls = {"Genesys Cloud": self._client.calls, "Salesforce": self._org.calls}
        known = passes.known(self._name)
        result = Result(
            stream=self._name,
            exit_code=exit_code,
            books=books,
            complete_to=self._complete_to(),
            read_to=max((span.end for span, _ in known.reads), default=None),
            new=self._new(),
            vanished=self._store.vanished.left(self._name, after=self._told["vanished"]),
            calls={service: self._calls[service] + now for service, now in now_calls.items()},
            error=error,
            story=tuple(self._story),
            hidden=self._store.silences_since(self._name, self._told),
        )
        told = told or {**self._told, **self._store.newest(self._name), "stale": int(self._stale)}
        counts = {
            "books": vars(books),
            "new": result.new,
            "vanished": result.vanished,
            "calls": result.calls,
            "told": told,
        }
        self._store.end_run(self._run, exit_code, message, counts, self._now())
        return result
