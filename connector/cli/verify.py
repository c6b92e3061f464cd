"""`connector verify`: do both sides agree about a period, and what is to be done where they do not?"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from rich.console import RenderableType

from connector.advice import counted
from connector.assemble import Installation, Seams, StopSign, installation, knowing_nothing, load_streams
from connector.cli.progress import watched
from connector.cli.resync import Period, span_of
from connector.cli.session import Session, UsageProblem, worst
from connector.cli.show import add, moment, table
from connector.cli.stopping import stoppable
from connector.cli.sync import tell_trouble
from connector.errors import ConfigError, ConnectorError
from connector.orders import Order, Progress, Result, Stream
from connector.report import as_data
from connector.spans import Span, stamp
from connector.state.findings import Findings, Kind
from connector.state.store import Identity, Store, StreamLock
from connector.verdicts import Read, to_read
from connector.verifying import MENDED, Example, Repair, Verification, Verifier

log = logging.getLogger(__name__)

EXAMPLES = 5
"""Rows shown of each object and kind."""

LAST = "7d"
"""The period where none is named."""

_WORDS: dict[Kind, str] = {
    "missing": "missing, though Salesforce had accepted them",
    "different": "different, though Salesforce had accepted them so",
    "extra": "extra: Genesys Cloud gives no such row",
    "late": "changed in Genesys Cloud later than any run looks",
    "changed": "changed in Genesys Cloud, a coming run sends them",
    "waiting": "on their way",
    "rejected": "set aside: see connector rejects",
    "vanished": "given no more, as told before",
    "unsure": "held, and it cannot be told whether rightly",
}


@dataclass(frozen=True)
class Wanted:
    """repair: send what differs; keys, values: show some external ids, and what differs in them; wait: for another run
    of the stream before the repair, instead of giving up."""

    repair: bool = False
    keys: bool = False
    values: bool = False
    wait: bool = False


def run_verify(session: Session, name: str, asked: Period, wanted: Wanted) -> int:
    """Compare one stream and show what was found. Raises UsageProblem when the options make no period."""
    if asked.last is not None and (asked.start or asked.end):
        raise UsageProblem("say which period: --from and --to, or --last 7d", "connector verify --help")
    if not (asked.last or asked.start or asked.end):
        asked = replace(asked, last=LAST)
    config = session.config()
    (stream,) = load_streams(config, [name])
    if stream.window.is_snapshot:
        raise ConfigError(
            f"{name}: {stream.compiled.mapping.query.name} answers what is now, so what it answered once cannot be "
            "read again and compared",
            "connector status tells which snapshots were taken",
        )
    span = span_of(stream, asked, session.now())
    if not config.state.exists():
        raise _nothing_synced(stream, span)
    session.announce(config, will_write=False)
    stop = StopSign()
    with ExitStack() as stack:
        tell = stack.enter_context(watched(session))
        seams = session.seams(stop, tell)
        ready = stack.enter_context(installation(config, seams))
        stack.enter_context(stoppable(stop, session.note))
        job = _Job(ready, stream, span, seams, stop, wanted)
        try:
            found = job.verify()
        finally:
            tell(Progress(stream.name, "done"))
    return _show(session, stream, found, job.repaired, job.error)


def _nothing_synced(stream: Stream, span: Span) -> ConfigError:
    return ConfigError(
        f"{stream.name}: nothing between {moment(span.start)} and {moment(span.end)} UTC was synced yet, so there is "
        "nothing to compare",
        f"connector sync {stream.name}; connector status tells how far it is",
    )


class _Job:
    """One comparison, and the repair after it. repaired: what the run said that made it; error: why it was not made."""

    def __init__(
        self, ready: Installation, stream: Stream, span: Span, seams: Seams, stop: StopSign, wanted: Wanted
    ) -> None:
        self._ready = ready
        self._stream = stream
        self._span = span
        self._seams = seams
        self._stop = stop
        self._wanted = wanted
        self.repaired: Result | None = None
        self.error: ConnectorError | None = None

    def verify(self) -> Verification:
        ready, stream = self._ready, self._stream
        read = to_read(self._span, ready.store.passes.known(stream.name).covered)
        if not read.covered:
            raise _nothing_synced(stream, self._span)
        self._meet()
        with knowing_nothing(ready, self._seams) as anew:
            before = _latest_run(ready.store, stream.name)
            read = self._read_source(anew, read)
            verifier = Verifier(
                stream,
                ready.store,
                Findings(anew.store.db, stream.name),
                ready.org,
                read,
                ready.transport.now(),
                self._tell,
            )
            verifier.compare()
            if _latest_run(ready.store, stream.name) != before:
                # Rows it sent meanwhile may have been read back before.
                verifier.look_again()
            examples: tuple[Example, ...] = ()
            if self._wanted.keys:
                examples = verifier.examples(EXAMPLES, with_values=self._wanted.values)
            found = verifier.verification(self._span, examples)
            if self._wanted.repair and any(found.counts.get(kind) for kind in MENDED):
                found = self._repair(verifier, found)
        return replace(found, calls={"Genesys Cloud": ready.client.calls, "Salesforce": ready.org.calls})

    def _meet(self) -> None:
        """Raise WrongOrganisation or KeysChanged where the state is of something else: all would differ."""
        mapping = self._stream.compiled.mapping
        targets = tuple((target.object, target.external_id) for target in mapping.targets)
        identity = Identity(self._ready.org.org_id, self._ready.client.organisation_id(), targets)
        self._ready.store.meet(self._stream.name, identity, self._stream.prints)

    def _read_source(self, anew: Installation, read: Read) -> Read:
        """Let every row of the time covered wait in the new state."""
        name = self._stream.name
        anew.store.passes.owe(name, read.covered, "verify", False)
        order = Order("verify", resync=lambda horizon: read.covered[0], rehearse=True)
        result = anew.runner.run(self._stream, order)
        if result.error:
            raise result.error
        return read.after(Findings.passes_of(anew.store.db, name))

    def _repair(self, verifier: Verifier, found: Verification) -> Verification:
        ready, name = self._ready, self._stream.name
        lock = StreamLock(ready.config.home / ".connector", name)
        try:
            lock.take(ready.store, self._seams.sleep if self._wanted.wait else None)
        except ConnectorError as error:
            self.error = error
            return found
        try:
            owed = verifier.send_again("verify --repair")
        finally:
            lock.release()
        order = Order("verify --repair", resync=lambda horizon: owed[0], wait=self._wanted.wait)
        self.repaired = ready.runner.run(self._stream, order)
        if self.repaired.error is None:
            verifier.look_again()
        books = self.repaired.books
        return replace(
            found, repair=Repair(tuple(owed), books.created + books.updated, books.rejected, verifier.counts)
        )

    def _tell(self, progress: Progress) -> None:
        self._stop.sleep(0)
        self._seams.tell(progress)


def _latest_run(store: Store, stream: str) -> tuple[int, bool]:
    """The latest run of the stream and whether it is over: another answer later means that one was at work."""
    run = next(iter(store.runs(stream, 1)), None)
    return (run.id, run.finished is not None) if run else (0, True)


# Showing


def _show(
    session: Session, stream: Stream, found: Verification, repaired: Result | None, error: ConnectorError | None
) -> int:
    codes = [int(found.needs_person)]
    codes += [repaired.exit_code] if repaired else []
    codes += [error.exit_code] if error else []
    code = worst(codes)
    log.info("%s: verified, %d", stream.name, code, extra={"counts": as_data(found.counts)})
    session.show({"verification": found, "exit_code": code, "error": error}, *_tables(found))
    if not session.quiet and not session.as_json:
        for line in _notes(found):
            session.note(line)
    for line in _advice(stream, found):
        session.warn(line)
    if repaired:
        tell_trouble(session, [repaired])
    if error:
        session.complain(error)
    return code


def _tables(found: Verification) -> Iterator[RenderableType]:
    made = table(f"{found.stream}, {moment(found.asked.start)} to {moment(found.asked.end)} UTC", ">rows")
    add(made, "expected", f"{found.rows:,}")
    add(made, "equal in Salesforce", f"{found.equal:,}")
    for kind, words in _WORDS.items():
        if found.counts.get(kind):
            add(made, words, f"{found.counts[kind]:,}")
    if found.repair:
        add(made, "sent again by the repair", f"{found.repair.sent:,}")
        add(made, "missing or different after it", f"{_still(found.repair):,}")
    for service, calls in found.calls.items():
        add(made, f"{service} calls", f"{calls:,}")
    yield made
    if found.fields:
        fields = table("field", ">differs in rows")
        for name, rows in sorted(found.fields.items(), key=lambda one: (-one[1], one[0])):
            add(fields, name, f"{rows:,}")
        yield fields
    if found.examples:
        yield _example_table(found.examples)


def _still(repair: Repair) -> int:
    return sum(repair.still.get(kind, 0) for kind in MENDED)


def _example_table(examples: Sequence[Example]) -> RenderableType:
    made = table("", "object", "external id", "time (UTC)", "differs")
    for one in examples:
        differs = ", ".join(one.fields)
        if one.values:
            differs = "; ".join(
                f"{name}: {_text(was)}, not {_text(is_now)}" for name, (was, is_now) in one.values.items()
            )
        add(made, one.kind, one.object, one.key, one.at.removesuffix("Z").replace("T", " "), differs)
    return made


def _text(value: object) -> str:
    return "(empty)" if value is None else str(value)


def _notes(found: Verification) -> Iterator[str]:
    """What the comparison leaves open."""
    if found.read.unsynced:
        yield f"not compared, for it was never synced: {_spans(found.read.unsynced)}"
    if found.read.unread:
        yield f"not compared, for the source could not be read: {_spans(found.read.unread)}"
    if found.read.doubtful:
        spans = _spans(found.read.doubtful)
        yield f"the source itself did not give this whole, so nothing there counts as extra: {spans}"
    for name, why in found.left_out.items():
        yield f"not compared: {name}: {why}"


def _spans(spans: Iterable[Span]) -> str:
    return ", ".join(f"{stamp(span.start)} to {stamp(span.end)}" for span in spans)


def _advice(stream: Stream, found: Verification) -> Iterator[str]:
    """What needs a person; also told when quiet."""
    left = found.repair.still if found.repair else found.counts
    period = f"--from {stamp(found.asked.start)} --to {stamp(found.asked.end)}"
    told = [
        f"{left[kind]:,} {kind if kind != 'late' else 'changed at the source'}" for kind in MENDED if left.get(kind)
    ]
    if told:
        rows = sum(left.get(kind, 0) for kind in MENDED)
        mend = (
            "look at connector rejects and connector status"
            if found.repair
            else (f"connector verify {stream.name} {period} --repair")
        )
        yield f"{stream.name}: {counted(rows, 'row does', 'rows do')} not agree ({', '.join(told)}): {mend}"
    if left.get("late"):
        yield (
            f"{stream.name}: rows change later than the stream looks back: a longer window.lookback, or an age in "
            "window.recheck, sends such changes by itself"
        )
    if left.get("extra"):
        acts = any(target.when_vanished != "leave" for target in stream.compiled.mapping.targets)
        mend = (
            f"connector resync {stream.name} {period} --accept-vanished clears or deletes those this stream has sent"
            if acts
            else "delete them in Salesforce if they are not wanted; see when_vanished in the mapping"
        )
        yield f"{stream.name}: {counted(left['extra'], 'record is', 'records are')} extra in Salesforce: {mend}"
