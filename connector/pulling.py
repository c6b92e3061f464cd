"""Pulling: the passes of a run, page by page, each page stored whole or not at all."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from connector.disagreements import Arbiter
from connector.errors import ConnectorError, QueryRefused, RefusedSpan, ServiceUnavailable
from connector.fates import Fates
from connector.following import Rules
from connector.genesys.by_id import IdReader
from connector.genesys.jobs import POLL_SECONDS, JobReader
from connector.genesys.judge import (
    AskAgain,
    Complete,
    Disagree,
    GoOn,
    LookAhead,
    Page,
    Seen,
    Step,
    after_unanswered,
)
from connector.genesys.newest_first import Doubt
from connector.genesys.pages import PageReader
from connector.genesys.parts import judge_part
from connector.genesys.queries import CursorPaging
from connector.job_passes import JobLost, JobPasses, LakeLags, is_held, lag_in_words
from connector.keeping import Keeping
from connector.mapping import Compiled
from connector.open_passes import Beside, OpenPasses
from connector.readings import NEWEST_FIRST, OPEN, Reading, Work, continued, next_spans, weigh, weigh_newest
from connector.replay_passes import ReplayPasses
from connector.snapshots import Snapshots, is_whole
from connector.spans import Span
from connector.state.one_pass import Checkpoint, Pass
from connector.state.outbox import Entry
from connector.state.store import Store
from connector.state.vanished import Rule
from connector.windows import Planned, Window

log = logging.getLogger(__name__)

OUTBOX_ROWS = 200_000
"""The pull pauses when so many rows wait to be delivered."""

LOOK_EVERY_PAGES = 20
"""How often the outbox is counted: counting costs as much as some pages."""

PAUSE_SECONDS = 1.0
TOO_DEEP = (502, 504)


class Puller:
    """Reads the passes of one run of one stream, one page a step.

    prints: fingerprints of the mapping's fields and of its source; most_waiting: it pauses when so many rows wait to be
    delivered, None: never, for a run that delivers nothing; is_paused: it did so last, and nothing comes before some
    rows are delivered; order: in which the rows of a record are stored, indexes of targets, where it is not theirs;
    ids: reads its open records by id, None when the query has none; vanished: what becomes of rows that are given no
    more; jobs: reads the passes by job, None without any; story: takes what else people should know.
    """

    def __init__(
        self,
        reader: PageReader,
        compiled: Compiled,
        window: Window,
        prints: tuple[str, str],
        store: Store,
        run: int,
        now: Callable[[], datetime],
        most_waiting: int | None = OUTBOX_ROWS,
        order: Sequence[int] = (),
        ids: IdReader | None = None,
        vanished: Sequence[Rule] = (),
        jobs: JobReader | None = None,
        story: list[str] | None = None,
    ) -> None:
        self._by_query = reader
        self._snapshots = Snapshots(window, store.passes, run, now) if window.is_snapshot else None
        self._jobs = JobPasses(jobs, store.passes, now) if jobs else None
        self._prints = prints
        self._store = store
        self._run = run
        self._now = now
        self._most_waiting = most_waiting
        self._vanished = vanished
        self._stream = compiled.mapping.stream
        self._keeping = Keeping(
            store, compiled.mapping.stream, run, window, [target.object for target in compiled.mapping.targets]
        )
        self._fates = Fates(compiled, store.outbox, order)
        rules = Rules(window, compiled.mapping.open_give_up.length())
        self._open_passes = OpenPasses(ids, rules, store.open_records, self._stream)
        self._replays = ReplayPasses(ids, window, vanished, store.replays, now)
        self._arbiter = Arbiter(self._stream, window, store.passes, run, now)
        self._max_pages = compiled.mapping.source.max_pages
        self._work: deque[Work] = deque()
        self._reading: Reading | None = None
        self.pages = 0
        self.records = 0
        self.is_paused = False
        self._story = [] if story is None else story

    def add(self, work: Iterable[Work]) -> None:
        """Passes to go on with and passes to begin, in the order they are to be read."""
        self._work.extend(work)

    @property
    def at(self) -> Span | None:
        """The span being read now."""
        reading = self._reading  # looked at once: the thread that delivers asks too
        return reading.of.within if reading else None

    @property
    def left(self) -> int:
        """Passes still to be read, the one being read included; one over open records counts once it is begun."""
        return len(self._work) - self._work.count(OPEN) + (self._reading is not None)

    @property
    def _reader(self) -> PageReader:
        """Reads the pass at hand."""
        is_by_job = self._reading is not None and self._reading.of.path == "job"
        return self._jobs.reader if self._jobs and is_by_job else self._by_query

    def step(self) -> float | None:
        """Read one page. Returns the seconds after which the next step makes sense, or None when all is read.

        Raises ServiceUnavailable, NeedsMending errors and StateError; the pass then goes on in a later run.
        """
        if self._reading is None and not self._work:
            return None
        self.is_paused = self.pages % LOOK_EVERY_PAGES == 0 and self._keeping.is_full(self._most_waiting)
        if self.is_paused:
            return PAUSE_SECONDS
        if self._reading is None:
            self._reading = self._open(self._work.popleft())
        reading = self._reading
        if reading is None:
            return 0.0
        self._by_query.expect(next_spans(self._work), self._now())
        if reading.due is not None:
            return self._follow(reading, reading.due)
        if self._jobs and reading.of.path == "job":
            wait = self._await_job(self._jobs, reading)
            if wait is not None:
                return wait
        job = reading.of.job or ""
        try:
            page = self._reader.fetch_page(
                reading.of.span, reading.page, reading.cursor, job, newest_first=reading.newest_first
            )
        except (RefusedSpan, QueryRefused) as refusal:
            if job:
                return self._results_refused(reading, refusal)
            if reading.cursor is not None:
                self._cursor_refused(reading, refusal)
            elif not isinstance(refusal, RefusedSpan):
                raise
            elif reading.newest_first:
                self._read_whole(reading, f"page {reading.page} is refused: {refusal.message}")
            elif reading.page > 1 and self._reader.query.paging:
                # Page 1 was taken, so the query is right.
                self._disagree(reading, Disagree(f"page {reading.page} is refused although page 1 is not"))
            else:
                self._refused(reading, refusal)
            return 0.0
        except ServiceUnavailable as fault:
            if fault.status not in TOO_DEEP or reading.page == 1 or self._reader.query.paging is None:
                raise
            if reading.newest_first:
                return self._read_whole(reading, f"page {reading.page} is not answered")
            # Deep pages fail for good on some spans; when page 1 answers, this is one of them.
            self._reader.fetch_page(reading.of.span, 1, None, job)
            self._disagree(reading, after_unanswered(reading.page))
            return 0.0
        self.pages += 1
        if self._jobs:
            reading.of = self._jobs.heard(reading.of, page.available)
        if self._snapshots:
            if self._snapshots.is_late(reading.of, page):
                # The interval that has begun meanwhile is taken instead.
                self._reading = None
                self._work.appendleft(Planned("new", self._snapshots.present()))
                return 0.0
            self._story += self._snapshots.doubts(reading.of, page, reading.seen)
        if reading.resumed is not None:
            return self._resume(reading, page, reading.resumed)
        return self._weigh(reading, page)

    def _open(self, item: Work) -> Reading | None:
        """Begin a pass or go on with it; None when there is nothing for it to read."""
        passes, now = self._store.passes, self._now()
        if self._snapshots and not isinstance(item, str):
            return self._open_snapshot(self._snapshots, item)
        if isinstance(item, Planned):
            if item.path == "query":
                # What is read ahead is as old as its question.
                now = self._by_query.asked_at(item.span, now)
            one = passes.begin(self._stream, item, self._prints, self._run, now)
        elif isinstance(item, Pass):
            one = item
        elif self._store.open_records.listed(self._stream, now).count:
            # Asked only now: what the spans of this run have read meanwhile may not be due any more.
            one = passes.begin_open(self._stream, self._prints, self._run, now)
        else:
            return None
        self._store.run_does(self._run, one.title)
        return continued(one, now, self._by_query)

    def _open_snapshot(self, snapshots: Snapshots, item: Pass | Planned) -> Reading | None:
        """Take the present interval, or go on with one as far as that can be; None when there is nothing to read."""
        if isinstance(item, Planned):
            self._story += snapshots.missed_in_words(self._stream)
            one = snapshots.begin(self._stream, self._prints)
        elif is_whole(item):
            self._end_pulling(Reading(item))
            return None
        else:
            one = snapshots.again(item)
        if one is None:
            return None
        self._store.run_does(self._run, one.title)
        return Reading(one)

    def _await_job(self, jobs: JobPasses, reading: Reading) -> float | None:
        """Bring a pass to the results of its job; returns the seconds to wait, None when they can be read."""
        try:
            reading.of, wait = jobs.step(reading.of, reading.wait)
        except JobLost as lost:
            return self._job_lost(reading, lost.reason, is_over=lost.is_over)
        except LakeLags:
            self._end_pulling(reading)
            return 0.0
        except RefusedSpan as refusal:
            self._refused(reading, refusal)
            return 0.0
        return wait

    def _job_lost(self, reading: Reading, reason: str, *, is_over: bool) -> float:
        """Another job is submitted, a few times; the pass begins at page 1. Returns the seconds to wait."""
        assert self._jobs is not None
        lost = reading.lost_jobs + 1
        again = self._jobs.begin_again(reading.of, lost, reason, is_over=is_over)
        self._reading = Reading(again, lost_jobs=lost)
        return POLL_SECONDS[lost]

    def _results_refused(self, reading: Reading, refusal: ConnectorError) -> float:
        """Results are gone after a while; refused again of another job, they are too much for one answer."""
        if isinstance(refusal, RefusedSpan) and reading.lost_jobs:
            self._disagree(reading, Disagree(f"page {reading.page} of the job is refused: {refusal.message}"))
            return 0.0
        return self._job_lost(reading, refusal.message, is_over=True)

    def _resume(self, reading: Reading, page: Page, stored: Checkpoint) -> float:
        """The last stored page is not counted again; when it has changed meanwhile, the pass begins at page 1."""
        if page.digest != stored.digest:
            again = self._store.passes.restart(reading.of, self._now())
            self._reading = Reading(again, seen=NEWEST_FIRST if reading.newest_first else Seen())
            return 0.0
        step: Step = GoOn(page.number + 1)
        if self._reader.query.paging is None:
            step, reading.seen = judge_part(reading.seen, page)
        elif isinstance(self._reader.query.paging, CursorPaging):
            # Only the page itself knows the cursor of the one that follows.
            step, reading.seen = self._judged(reading, page, reading.distinct)
        if not isinstance(step, AskAgain):
            reading.resumed = None
        return self._take(reading, page, step)

    def _weigh(self, reading: Reading, page: Page) -> float:
        entries, distinct = self._fates.entries(reading.of, self._reader, page.records, reading.distinct)
        step: Step | Doubt
        if reading.newest_first:
            step, seen = weigh_newest(reading, page, entries, distinct, self._max_pages)
            if isinstance(step, Doubt):
                return self._read_whole(reading, step.reason)
        else:
            step, seen = self._judged(reading, page, distinct)
        is_chain = isinstance(self._reader.query.paging, CursorPaging)
        if (page.records or is_chain) and not isinstance(step, AskAgain):
            beside = self._open_passes.noting(reading.of, self._reader.query, page)
            self._keep(reading, page, seen, entries, distinct, beside)
        reading.seen = seen
        return self._take(reading, page, step)

    def _read_whole(self, reading: Reading, doubt: str) -> float:
        """A pass read newest first begins at page 1 of its days, oldest first: what it gave proves nothing."""
        log.info("%s %s: its days are read whole: %s", self._stream, reading.of.span, doubt)
        self._reading = Reading(self._store.passes.restart(reading.of, self._now()))
        return 0.0

    def _keep(
        self, reading: Reading, page: Page, seen: Seen, entries: Collection[Entry], distinct: int, beside: Beside
    ) -> None:
        self._keeping.keep(reading.of, page, seen, entries, distinct, self._now(), beside)
        reading.distinct = distinct
        self.records += len(entries)

    def _judged(self, reading: Reading, page: Page, distinct: int) -> tuple[Step, Seen]:
        def is_known_cursor(cursor: str) -> bool:
            return self._store.outbox.has_cursor(reading.of, cursor)

        return weigh(self._reader.query.paging, reading.seen, page, distinct, self._max_pages, is_known_cursor)

    def _take(self, reading: Reading, page: Page, step: Step) -> float:
        """Do what was decided after a page; returns the seconds to wait."""
        match step:
            case GoOn(number) | LookAhead(number):
                reading.page, reading.cursor = number, page.next
            case AskAgain(number, seconds):
                log.info("%s %s: page %d is asked again", self._stream, reading.of.span, number)
                reading.page = number
                return seconds
            case Complete():
                self._end_pulling(reading)
            case Disagree():
                self._disagree(reading, step)
        return 0.0

    def _cursor_refused(self, reading: Reading, refusal: ConnectorError) -> None:
        """Cursors die: the pass begins at page 1, once in a run; refused again, its span is too long to be read so."""
        log.info("%s %s: the cursor of page %d is refused", self._stream, reading.of.span, reading.page)
        if reading.lost_cursor:
            self._disagree(reading, Disagree(f"the cursor of page {reading.page} is refused: {refusal.message}"))
        else:
            self._reading = Reading(self._store.passes.restart(reading.of, self._now()), lost_cursor=True)

    def _follow(self, reading: Reading, due: datetime) -> float:
        """Read some records by id: open ones; or those of rejects, once all rows that can be are put back."""
        one, query = reading.of, self._reader.query
        if one.is_replay and self._replays.take_up(one):
            self.pages += 1
            return 0.0
        listed = self._replays if one.is_replay else self._open_passes
        wanted = listed.next_due(one, due)
        if not wanted:
            self._end_pulling(reading)
            return 0.0
        read = self._now()
        page = listed.fetch(reading.page, wanted)
        if page is None:
            return 0.0
        self.pages += 1
        entries, distinct = self._fates.entries(one, self._reader, page.records, reading.distinct)
        beside = listed.noting_answers(one, query, page, wanted, read)
        self._keep(reading, page, reading.seen, entries, distinct, beside)
        reading.page = page.number + 1
        return 0.0

    def _end_pulling(self, reading: Reading, reason: str = "", expected: int | None = None) -> None:
        """The last page is stored. What the lake did not hold may be missing: then the span counts as not read.

        What was read by id belongs to no span, so nothing can be missing there.
        """
        one, passes = reading.of, self._store.passes
        if not is_held(one):
            log.warning("%s %s: %s", self._stream, one.span, lag_in_words(one))
            passes.fail(one, lag_in_words(one), self._run, self._now())
        elif reason:
            passes.pulled(one, reason, expected)
        else:
            passes.pulled(one, vanish="" if one.within is None else "due")
            self._store.vanished.settle(one, self._vanished, self._now())
        self._reading = None

    def _disagree(self, reading: Reading, verdict: Disagree) -> None:
        """What was promised and what was given differ: its halves take over, or it ends, believed or with a gap."""
        match self._arbiter.decide(reading.of, self._reader, reading.distinct, verdict):
            case "whole":
                self._end_pulling(reading)
            case "gap":
                self._end_pulling(reading, verdict.reason, verdict.expected)
            case halves:
                self._work.extendleft(halves)
                self._reading = None

    def _refused(self, reading: Reading, refusal: RefusedSpan) -> None:
        """A refused span is a disagreement, unless no span is taken."""

        def ask(span: Span) -> object:
            if self._jobs and reading.of.path == "job":
                self._jobs.reader.delete(self._jobs.reader.submit(span))
                return None
            return self._reader.fetch_page(span, reading.page)

        is_whole = reading.of.path == "query" and self._reader.query.shape in ("aggregates", "users")
        hint = "; if its answer is too large, `via: job` reads it by pages" if is_whole else ""
        self._disagree(reading, self._arbiter.blame_length(reading.of.span, refusal, ask, hint))
