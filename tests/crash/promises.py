"""What must hold after a run that was killed and repeated, read from the state file by plain SQL and from Salesforce.

Everything is compared with a calm trial: the same start, one run, no kill.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.stage import Ended, Org, Scene

from connector.genesys.read_ahead import PAGES_AHEAD

Tables = Mapping[str, list[dict[str, Any]]]
Asked = tuple[str, int]
"""An interval and a page."""

_UNTIL_ENDED = ("passes", "outbox", "batches", "coverage", "rejects", "gaps", "owed", "runs")
_SAME_IN_EVERY_TRIAL = (
    *("pulled", "duplicate", "outside", "filtered", "unmappable", "mapped"),
    *("made", "vanished", "deleted", "rejected"),
)


@dataclass(frozen=True)
class Trial:
    """Runs of one scene until one came to its end.

    before: the tables before the first run; tables: after each run; leftovers: files a run should have taken away;
    at_once: pages that may be on their way at the same time.
    """

    runs: list[Ended]
    before: Tables
    tables: list[Tables]
    org: Org
    leftovers: list[str]
    at_once: int = 1

    @property
    def last(self) -> Ended:
        return self.runs[-1]

    @property
    def end(self) -> Tables:
        return self.tables[-1]

    def story(self) -> str:
        """Where the runs were killed."""
        kills = [f"step {len(one.steps)} ({_told(one.steps)})" for one in self.runs if one.was_killed]
        return "killed at " + ", then ".join(kills)


def attempt(scene: Scene, kills: Sequence[int], seed: int | None = 1) -> Trial:
    """Run a scene, killed at these steps in turn, then to its end."""
    before = read_tables(scene.home)
    at_once = 1 if seed is not None else PAGES_AHEAD  # only threads read ahead
    runs, tables = [], []
    for kill_at in (*kills, 0):
        runs.append(scene.run(kill_at, seed))
        seed = None if seed is None else seed + kill_at  # the next run takes turns in another order
        tables.append(read_tables(scene.home))
        if not runs[-1].was_killed:
            break
    leftovers = [one.name for one in (scene.home / ".connector").iterdir() if one.suffix != ".lock"]
    return Trial(runs, before, tables, scene.seen_org(), leftovers, at_once)


def read_tables(home: Path) -> Tables:
    """The tables of the state of a home, none when there is no state.

    Reads a copy: to open the file itself would recover it, which is what the next run has to do.
    """
    state, copy = home / "connector.db", home / "peek.db"
    if not state.exists():
        return {name: [] for name in _UNTIL_ENDED}
    for ending in ("", "-wal"):
        if Path(f"{state}{ending}").exists():
            shutil.copy(f"{state}{ending}", f"{copy}{ending}")
    with closing(sqlite3.connect(copy)) as db:
        db.row_factory = sqlite3.Row
        tables = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in _UNTIL_ENDED}
    for file in home.glob("peek.db*"):
        file.unlink()
    return tables


def broken(trial: Trial, calm: Trial) -> list[str]:
    """Every promise the trial broke, in words; [] when it kept all."""
    return [
        *_said(trial),
        *_source_and_org(trial, calm),
        *_nothing_open(trial),
        *_books(trial, calm),
        *_jobs(trial),
        *_writes(trial, calm),
        *_pages(trial, calm),
        *(f"a file was left behind: {name}" for name in trial.leftovers),
    ]


def _told(steps: Sequence[str]) -> str:
    """A step in words; a commit by what came before it."""
    if steps[-1] != "commit":
        return steps[-1]
    since = next((back for back, step in enumerate(reversed(steps)) if step != "commit"), len(steps))
    after = f" after {steps[-since - 1]}" if since < len(steps) else ""
    return f"commit {steps.count('commit')}, number {since}{after}"


def _said(trial: Trial) -> Iterator[str]:
    for number, run in enumerate(trial.runs, 1):
        if run.output:
            yield f"run {number} said: {run.output}"
    before = trial.tables[-2] if len(trial.tables) > 1 else trial.before
    # What a killed run met was told by nobody: the run that ends tells it.
    finished = [json.loads(one["counts"])["told"] for one in before["runs"] if one["finished"]]
    told = finished[-1]["rejects"] if finished else 0
    is_new = any(one["id"] > told and not one["closed"] for one in trial.end["rejects"])
    if trial.last.code != int(is_new):
        yield f"the last run ended with exit code {trial.last.code} instead of {int(is_new)}: {trial.last.report}"


def _source_and_org(trial: Trial, calm: Trial) -> Iterator[str]:
    for key in sorted(trial.org.rows.keys() | calm.org.rows.keys()):
        has, should = trial.org.rows.get(key), calm.org.rows.get(key)
        if has != should:
            yield f"{key} is {has} in Salesforce instead of {should}"
    rejects = [[(one["external_id"], one["code"]) for one in each.end["rejects"]] for each in (trial, calm)]
    if sorted(rejects[0]) != sorted(rejects[1]):
        yield f"the rejects are {rejects[0]} instead of {rejects[1]}"
    if mark(trial.end) != mark(calm.end):
        yield f"the mark is at {mark(trial.end)} instead of {mark(calm.end)}"
    told = [one["complete_to"] for one in trial.last.report.get("results", [])]
    if told != [mark(trial.end)]:
        yield f"the run tells it is complete to {told}, the mark is at {mark(trial.end)}"


def mark(tables: Tables) -> str:
    """The end of the unbroken coverage, from its first span on."""
    spans = sorted((one["start"], one["end"]) for one in tables["coverage"])
    reached = spans[0][0] if spans else ""
    for start, end in spans:
        if start > reached:
            break
        reached = max(reached, end)
    return reached


def _nothing_open(trial: Trial) -> Iterator[str]:
    for what, found in (
        ("rows in the outbox", trial.end["outbox"]),
        ("open batches", [one for one in trial.end["batches"] if not one["ended"]]),
        ("passes open", [one for one in trial.end["passes"] if not one["ended"]]),
        ("passes given up", [one for one in trial.end["passes"] if one["state"] not in ("settled", "split")]),
        ("gaps", trial.end["gaps"]),
        ("spans owed", trial.end["owed"]),
    ):
        if found:
            yield f"{len(found)} {what}, the first: {found[0]}"


def _books(trial: Trial, calm: Trial) -> Iterator[str]:
    pending = Counter(one["pass"] for one in trial.end["outbox"])
    for one in trial.end["passes"]:
        given = one["duplicate"] + one["outside"] + one["filtered"] + one["unmappable"] + one["mapped"]
        made = one["made"] + one["requeued"] + one["vanished"]
        terms = ("row_duplicate", "unchanged", "created", "updated", "deleted", "rejected", "superseded")
        became = sum(one[term] for term in terms) + pending[one["id"]]
        if (one["pulled"], made) != (given, became):
            yield f"pass {one['id']}: {one['pulled']} pulled, {given} found; {made} made, {became} became something"
    # A pass resumed counts each record and each row once, like one that was never disturbed.
    theirs = {_span(one): _counts(one) for one in calm.end["passes"]}
    for one in trial.end["passes"]:
        should = theirs.pop(_span(one), None)
        if should is not None and _counts(one) != should:
            yield f"pass {one['id']} of {_span(one)} counts {_counts(one)} instead of {should}"
    for span in theirs:
        yield f"no pass of {span}"


def _span(one: Mapping[str, Any]) -> tuple[str, str]:
    return one["start"], one["end"]


def _counts(one: Mapping[str, Any]) -> dict[str, int]:
    return {**{name: one[name] for name in _SAME_IN_EVERY_TRIAL}, "accepted": one["created"] + one["updated"]}


def _jobs(trial: Trial) -> Iterator[str]:
    taken: set[str] = set()
    for job in trial.org.jobs:
        doubled = [key for key, times in Counter(job.keys).items() if times > 1]
        if doubled:
            yield f"{doubled} stand twice in one job"
        if again := taken & set(job.keys):
            yield f"{len(again)} rows of a job Salesforce had accepted were uploaded again: {sorted(again)[:3]}"
        if job.state not in ("Open", "Aborted"):
            # Rows a failed job never tried are to be sent again.
            taken |= set(job.done if job.state == "Failed" else job.keys)
    left = sum(job.state == "Open" for job in trial.org.jobs)
    kills = sum(run.was_killed for run in trial.runs)
    if left > kills:
        yield f"{left} jobs were left open by {kills} killed runs"
    if any(job.keys for job in trial.org.jobs if job.state == "Open"):
        yield "a job was left open with rows in it"


def _writes(trial: Trial, calm: Trial) -> Iterator[str]:
    """Only rows of a Collections call whose answer was never read may be written once more."""
    allowed = Counter(calm.org.writes)
    for run, tables in zip(trial.runs, trial.tables, strict=True):
        if run.was_killed:
            calls = {one["id"] for one in tables["batches"] if one["state"] == "ready" and one["path"] == "collections"}
            allowed.update(one["external_id"] for one in tables["outbox"] if one["batch"] in calls)
    for key, times in (Counter(trial.org.writes) - allowed).items():
        yield f"{key} was written {times} times too often"


def _pages(trial: Trial, calm: Trial) -> Iterator[str]:
    """A pass asks for each page as often as undisturbed, but for what was in flight and the last stored page."""
    asked = sum((run.asked() for run in trial.runs), Counter[Asked]())
    undisturbed = calm.last.asked()
    allowed: Counter[Asked] = Counter()
    for one in _begun(trial.before, trial.end):
        usual = _of(one, undisturbed)
        # A later run also reads again what an earlier one settled within the lookback: each page once.
        allowed += usual or Counter(_of(one, asked).keys())
    ends = {_span(one): _stored(one) for one in calm.end["passes"]}
    before = trial.before
    for number, (run, tables) in enumerate(zip(trial.runs, trial.tables, strict=True), 1):
        for one in tables["passes"] if run.was_killed else ():
            if one["state"] == "pulling":
                stored = _stored(one)
                in_flight = Counter([(_interval(one), stored + 1)])
                further = range(stored + 2, stored + 1 + trial.at_once)
                in_flight += Counter({ask: 1 for page in further if (ask := (_interval(one), page)) in run.asked()})
                if stored == ends.get(_span(one)):
                    # Nothing more to store: the run may have been asking again whether this is the end.
                    in_flight |= Counter({ask: n for ask, n in undisturbed.items() if ask >= (_interval(one), stored)})
                    in_flight = _of(one, in_flight)
                allowed += in_flight + Counter([(_interval(one), stored)])
        yield from _begun_needlessly(number, before, tables)
        before = tables
    for (interval, page), times in (asked - allowed).items():
        yield f"page {page} of {interval} was asked for {times} times too often"


def _of(one: Mapping[str, Any], asked: Counter[Asked]) -> Counter[Asked]:
    """What was asked of the interval of a pass."""
    return Counter({ask: times for ask, times in asked.items() if ask[0] == _interval(one)})


def _stored(one: Mapping[str, Any]) -> int:
    """The last page a pass has stored, 0 before the first."""
    return json.loads(one["checkpoint"])["page"] if one["checkpoint"] else 0


def _begun(before: Tables, after: Tables) -> list[dict[str, Any]]:
    known = {one["id"] for one in before["passes"]}
    return [one for one in after["passes"] if one["id"] not in known]


def _begun_needlessly(number: int, before: Tables, after: Tables) -> Iterator[str]:
    """A span is begun anew only when no unfinished pass holds it, and only as lookback when it was settled."""
    for one in _begun(before, after):
        for other in before["passes"] if one["parent"] is None else ():
            if other["start"] < one["end"] and one["start"] < other["end"] and other["state"] in ("pulling", "pulled"):
                yield f"run {number} began {_span(one)} while pass {other['id']} of {_span(other)} was unfinished"
        covered = any(_span(other) == _span(one) for other in before["coverage"])
        if covered and one["kind"] != "lookback":
            yield f"run {number} read the settled span {_span(one)} again as {one['kind']}"


def _interval(one: Mapping[str, Any]) -> str:
    return "/".join(moment.replace("Z", ".000Z") for moment in _span(one))
