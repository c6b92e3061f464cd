"""Delivery: from waiting rows to batches to outcomes, one durable step at a time.

Every step is written in the journal before it is taken, so a run that dies anywhere leaves a batch whose state tells
the next run how to go on: ask for the job, adopt it, start it, or abort it and send its rows again. One batch is in
flight per organisation and object.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from connector.choosing import Chooser
from connector.errors import ConnectorError, DeliveryRefused, QuotaSpent, Refused, ServiceUnavailable
from connector.job_files import write_job
from connector.lanes import Lane, Way, reason_to_hold, to_settle
from connector.missing import find_saved
from connector.preflight import Preflight
from connector.salesforce import collections, deletions, ingest
from connector.salesforce.connect import Org
from connector.salesforce.hints import hint_for
from connector.salesforce.results import Outcome, job_failure, read_failed, read_successful, read_unprocessed
from connector.sifting import sift
from connector.state.batches import NEWEST, SLICE_ROWS, Batch
from connector.state.database import disk_in_words
from connector.state.store import Store, StreamLock
from connector.transport import AnswerLost

log = logging.getLogger(__name__)

JOB_BYTES = 99_000_000
JOBS_IN_VAIN = 3
"""So many ingest jobs in a row that did not do a row end a run."""

BUSY_SECONDS = 2.0


class Delivery:
    """Sends what waits for one object, and settles what earlier runs have sent to it.

    preflight: what the org is known to take, None: Salesforce decides about every row. parents: objects of the same
    stream whose rows go first, may be set before the first step; waits_for_parents: the last step would have sent rows,
    but rows of a parent object that came with them or before are still on their way.
    """

    def __init__(
        self,
        lane: Lane,
        org: Org,
        store: Store,
        run: int,
        folder: Path,
        now: Callable[[], datetime],
        preflight: Preflight | None = None,
    ) -> None:
        self._lane = lane
        self._org = org
        self._store = store
        self._run = run
        self._folder = folder
        self._now = now
        self._preflight = preflight
        self._chooser = Chooser(lane, org, store, run, now)
        self._sifted: int | None = None
        self._lock = StreamLock(folder, f"delivery-{org.org_id}-{lane.object}")
        self._is_mine = False
        self._forming: int | None = None
        self._settling: Iterator[None] | None = None
        self._in_vain = self._polls = self._most = 0
        self._below = NEWEST
        self.rows = 0
        self.parents: frozenset[str] = frozenset()
        self.waits_for_parents = False

    @property
    def object(self) -> str:
        return self._lane.object

    def step(self, *, more_comes: bool) -> float | None:
        """Take one step. Returns the seconds after which the next makes sense, or None when nothing can be sent now.

        more_comes: the pull goes on, so small deliveries are worth waiting for. Raises DeliveryRefused, QuotaSpent,
        ServiceUnavailable; what was sent stays in the journal.
        """
        self.waits_for_parents = False
        is_open = bool(self._open())
        below = NEWEST
        wanted = None if is_open else self._chooser.wanted(more_comes=more_comes)
        if wanted and self.parents:
            below = self._store.batches.parents_sent(self._lane.stream, self.parents, self._run)
            wanted = self._chooser.wanted(more_comes=more_comes, below=below)
            self.waits_for_parents = not wanted
        if not is_open and wanted is None:
            self.let_go()
            return self._chooser.delay(more_comes=more_comes)
        if not self._take_lock():
            return BUSY_SECONDS
        # Looked at once more: another process may have sent or settled something before the lock was taken.
        if open_batches := self._open():
            return self._advance(open_batches[0])
        if wanted:
            self._form(*wanted, below)
        return 0.0

    def settle_journal(self) -> float | None:
        """One step towards settling what earlier runs sent to this object; None when nothing is open.

        Nothing new is sent: what waits may be of a mapping that has changed since.
        """
        if self._open() and not self._take_lock():
            return BUSY_SECONDS
        if open_batches := self._open():
            return self._advance(open_batches[0])
        self.let_go()
        return None

    def _open(self) -> list[Batch]:
        return self._store.batches.open(self._org.org_id, self._lane.object)

    def _take_lock(self) -> bool:
        self._is_mine = self._is_mine or self._lock.try_take()
        return self._is_mine

    def let_go(self) -> None:
        """Let other processes deliver to the object; a batch on its way stays in the journal."""
        if self._is_mine:
            self._lock.release()
            self._is_mine = False

    # One step of a batch

    def _form(self, path: Way, rows: int, below: int) -> None:
        """Write a batch of versions below this one down; a small batch at once, a large one slice by slice."""
        if self._preflight:
            self._preflight.ensure()
        path, rows = self._chooser.afford(path, rows, below)
        lane, batches = self._lane, self._store.batches
        target = (lane.object, lane.external_id)
        with self._store.db.transaction(durable=True):
            batch = batches.begin(
                lane.stream, self._org.org_id, target, path, lane.columns, lane.fields_print, self._run, self._now()
            )
            if path != "bulk":
                batches.take(batch, rows, self._now(), below)
                batches.move(batch, "ready")
        self._forming, self._most, self._below = batch.id, rows, below

    def _advance(self, batch: Batch) -> float:
        try:
            return self._step(batch)
        except DeliveryRefused as refusal:
            self._settling = None
            if batch.state == "ready":
                # Its rows wait again, so that a mended mapping can take them over.
                self._over(batch, "dissolved", tried=False)
            if self._speaks_for(batch):
                raise
            log.warning("%s", refusal.message)
            return 0.0

    def _speaks_for(self, batch: Batch) -> bool:
        """Whether a refusal concerns this run: rows of another stream, or of a mapping that has been mended since, are
        kept for the run that sends them again."""
        return (batch.stream, batch.fields_print) == (self._lane.stream, self._lane.fields_print)

    def _step(self, batch: Batch) -> float:
        is_outdated = batch.stream == self._lane.stream and not self._speaks_for(batch)
        match batch.state:
            case "forming" if batch.id == self._forming:
                return self._go_on_forming(batch)
            case "forming":
                return self._over(batch, "dissolved", tried=False)
            case "ready" if is_outdated:
                return self._over(batch, "dissolved", tried=False)
            case "ready" if batch.rows == 0:
                return self._over(batch, tried=False)
            case "ready" if self._sift(batch):
                return 0.0
            case "ready" if batch.path != "bulk":
                return self._send_at_once(batch)
            case "ready":
                return self._create_job(batch)
            case "created":
                return self._upload(batch)
            case "uploading":
                return self._ask_after_upload(batch)
            case "uploaded" | "starting":
                return self._start(batch)
            case "started":
                return self._poll(batch)
            case "answered":
                return self._read_answers(batch)
            case _:
                raise AssertionError(f"batch {batch.id} is {batch.state} and open")

    def _go_on_forming(self, batch: Batch) -> float:
        most = min(self._most - batch.rows, SLICE_ROWS)
        looked_at = self._store.batches.take(batch, most, self._now(), self._below) if most > 0 else 0
        if looked_at < SLICE_ROWS:
            self._store.batches.move(batch, "ready")
        return 0.0

    def _over(self, batch: Batch, state: Literal["ended", "dissolved"] = "ended", *, tried: bool) -> float:
        """The batch is over: rows without an outcome wait again, what was known of them stays in doubt."""
        self._store.batches.release(batch, tried=tried, now=self._now())
        # Before it ends: nobody looks for the files of a batch that is over, and a run may die in between.
        for file in self._folder.glob(f"batch-{batch.id}[.-]*"):
            file.unlink(missing_ok=True)
        self._store.batches.end(batch, state, self._now())
        return 0.0

    def _sift(self, batch: Batch) -> bool:
        """Set rows aside that Salesforce must refuse: were there any? Where they are too many, the others wait too."""
        if self._preflight is None or batch.path == "delete" or batch.id == self._sifted:
            return False
        left = sift(batch, self._lane, self._store, self._preflight, self._now)
        self._stop_if_needed(left, ())
        self._sifted = batch.id
        return left.rows < batch.rows

    def _send_at_once(self, batch: Batch) -> float:
        """One call for up to 200 rows: upserted, or found by their keys and deleted."""
        rows = list(self._store.outbox.rows(batch.id))
        send = deletions.delete if batch.path == "delete" else collections.upsert
        outcomes = send(self._org, batch.object, batch.external_id, rows)
        with self._store.db.transaction(durable=True):
            batch = self._hold_if_most_fail(batch, outcomes)
            self._settle_slice(batch, outcomes)
            self._store.batches.end(batch, "ended", self._now())
        self._stop_if_needed(batch, outcomes)
        return 0.0

    def _create_job(self, batch: Batch) -> float:
        try:
            job = ingest.create(self._org, batch.object, batch.external_id)
        except AnswerLost as fault:
            # That job, if there is one, is open and holds no rows: it is left to expire.
            self._note_vain(batch, fault.message)
            return 1.0
        self._store.batches.move(batch, "created", job=job)
        return 0.0

    def _upload(self, batch: Batch) -> float:
        file = self._folder / f"batch-{batch.id}.csv"
        with disk_in_words(file), file.open("wb") as opened:
            file.chmod(0o600)
            left = write_job(opened, batch, self._store.outbox, JOB_BYTES)
        self._store.batches.release(batch, left, tried=False, now=self._now())
        batch = self._store.batches.move(batch, "uploading")
        try:
            ingest.upload(self._org, _job(batch), file)
        except AnswerLost:
            return 1.0  # the job is asked next
        except Refused as error:
            if error.status not in (400, 404):
                raise
            return 0.0  # the job was too long open, or is gone
        finally:
            file.unlink(missing_ok=True)
        self._store.batches.move(batch, "uploaded")
        return 0.0

    def _ask_after_upload(self, batch: Batch) -> float:
        """Whether the upload arrived cannot be told while the job is open: abort it and send the rows in another."""
        state = ingest.state(self._org, _job(batch))
        if state is not None and state.state == "Open":
            state = ingest.abort(self._org, _job(batch))
        if state is None or (state.is_finished and not state.processed):
            return self._send_again(batch, tried=False)
        self._store.batches.move(batch, "started")
        return 0.0

    def _start(self, batch: Batch) -> float:
        batch = self._store.batches.move(batch, "starting")
        if ingest.start(self._org, _job(batch)) is None:
            return self._send_again(batch, tried=True)
        self._store.batches.move(batch, "started")
        self._polls = 0
        return 0.0

    def _poll(self, batch: Batch) -> float:
        state = ingest.state(self._org, _job(batch))
        if state is None:
            return self._send_again(batch, tried=True)
        if not state.is_finished:
            self._polls += 1
            return ingest.poll_wait(self._polls)
        self._store.batches.move(batch, "answered", message=state.message)
        return 0.0

    def _read_answers(self, batch: Batch) -> float:
        if self._settling is None:
            try:
                self._settling = self._settle_job(batch)
                next(self._settling)
            except Refused as error:
                if error.status != 404:
                    raise
                self._settling = None
                return self._send_again(batch, tried=True)
            return 0.0
        if next(self._settling, "done") == "done":
            self._settling = None
        return 0.0

    def _send_again(self, batch: Batch, *, tried: bool) -> float:
        """The job is gone, or aborted before it began: its rows wait for another."""
        self._over(batch, tried=tried)
        self._note_vain(batch, "it is gone, or was aborted before it began")
        return 0.0

    def _note_vain(self, batch: Batch, reason: str) -> None:
        """Count a job that came to nothing; raises ServiceUnavailable when they all do."""
        self._in_vain += 1
        if self._in_vain >= JOBS_IN_VAIN:
            raise ServiceUnavailable(
                f"{batch.stream}: {self._in_vain} ingest jobs in a row for {batch.object} did not do a row; the last: "
                f"{reason}",
                "nothing is lost: the rows wait, and the next run sends them again",
            )

    # What became of the rows

    def _settle_job(self, batch: Batch) -> Iterator[None]:
        """Read the result files of a finished job and write what they say, a slice each step.

        Rows with an outcome in neither of the first two were not done: those listed as unprocessed, and those listed
        nowhere, as rows of batches over the daily allowance are (Bulk API 2.0 guide, unprocessed records; limits).
        """
        successful, failed, unprocessed = (
            self._folder / f"batch-{batch.id}-{kind}.csv" for kind in get_args(ingest.Kind)
        )
        with disk_in_words(successful):
            ingest.fetch_results(self._org, _job(batch), "successful", successful)
            ingest.fetch_results(self._org, _job(batch), "failed", failed)
            ingest.fetch_results(self._org, _job(batch), "unprocessed", unprocessed)
        batch = self._hold_if_most_fail(batch, read_failed(failed, batch.external_id))
        yield
        told = 0
        quota: list[Outcome] = []
        for outcomes in (read_successful(successful, batch.external_id), read_failed(failed, batch.external_id)):
            while part := list(islice(outcomes, SLICE_ROWS)):
                self._settle_slice(batch, part)
                quota += [one for one in part if one.verdict == "quota"][:1]
                told += len(part)
                yield
        missing = batch.rows - told - sum(1 for _ in read_unprocessed(unprocessed, batch.external_id))
        if missing > 0:
            rows, not_done = self._store.outbox.rows(batch.id), read_unprocessed(unprocessed, batch.external_id)
            self._settle_slice(batch, saved := find_saved(self._org, batch, rows, not_done))
            there = f"{len(saved)} of them are there as sent"
            log.warning("%s: %d rows stand in no result file of job %s; %s", batch.stream, missing, batch.job, there)
        self._over(batch, tried=True)
        self._stop_if_needed(batch, quota, job_failure(batch.message) if batch.message else None)
        if told:
            self._in_vain = 0
        else:
            self._note_vain(batch, batch.message or "it was aborted")

    def _settle_slice(self, batch: Batch, outcomes: Iterable[Outcome]) -> None:
        # What rows of another stream may go without, its own runs know: until then they wait.
        optional = self._lane.optional if self._speaks_for(batch) else ()
        settled = [to_settle(outcome, is_held=batch.is_held, optional=optional) for outcome in outcomes]
        proof = f"{batch.fields_print} {batch.org}"
        self._store.batches.settle(batch, settled, self._now(), proof)
        self.rows += len(settled)

    def _hold_if_most_fail(self, batch: Batch, outcomes: Iterable[Outcome]) -> Batch:
        """More than the limit fail for good: the mapping or the org is wrong, not the data; none counts as rejected."""
        if batch.is_held:
            return batch
        is_known = partial(self._store.batches.is_rejected, batch)
        reason = reason_to_hold(self._lane.reject_limit, batch.rows, outcomes, is_known, batch.refused)
        return batch if reason is None else self._store.batches.hold(batch, "\n".join(reason))

    def _stop_if_needed(self, batch: Batch, outcomes: Iterable[Outcome], failure: ConnectorError | None = None) -> None:
        if batch.is_held:
            code, _, story = batch.held_for.partition("\n")
            raise DeliveryRefused(
                f"{batch.stream}: Salesforce refuses most rows for {batch.object}: {story}",
                f"{hint_for(code)} The rows are kept and sent first by the next run; none was counted as rejected.",
            )
        if failure is not None:
            raise failure
        for outcome in outcomes:
            if outcome.verdict == "quota":
                why = f"{outcome.code}: {outcome.message}"
                raise QuotaSpent(
                    f"{batch.stream}: Salesforce takes no more rows for {batch.object}: {why}",
                    hint_for(outcome.code),
                )


def _job(batch: Batch) -> str:
    if batch.job is None:
        raise AssertionError(f"batch {batch.id} is {batch.state} without a job")
    return batch.job
