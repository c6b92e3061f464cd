"""What a year of conversations costs in calls of Genesys Cloud, by query and by job: reckoned, nothing is read.

    .venv/bin/python benchmarks/calls.py --conversations 1000000 --queues 50

The reckoning is that of `connector plan`, of rates as they are once some was read.
"""

import argparse
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.forecast import CALLS_OF_JOB, Rates
from connector.genesys.job_queries import JOBS
from connector.genesys.queries import CATALOGUE, Query
from connector.spans import Calendar, Period, Span
from connector.windows import Path, Planned

YEAR = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
CALLS_PER_MINUTE = 300


@dataclass(frozen=True)
class Backfill:
    """A year of one query, read by one path in spans of so many days. records: what the query tells of that year."""

    query: Query
    path: Path
    days: int
    records: int

    def passes(self) -> list[Planned]:
        cells = Calendar(Period(days=self.days), ZoneInfo("UTC")).cut(YEAR)
        return [Planned("new", cell, path=self.path) for cell in cells]

    def rates(self) -> Rates:
        seconds = (YEAR.end - YEAR.start).total_seconds()
        job = JOBS[self.query.name]
        page_of_job = job.results.paging.largest if job.results.paging else 1
        paging = self.query.paging
        # The last page of a span is followed by one that shows there is no more.
        calls = 0.0 if paging is None else self.records / paging.largest + len(self.passes())
        return Rates(calls / seconds, self.records / seconds, page_of_job, CALLS_OF_JOB)

    def calls(self) -> int:
        return sum(map(self.rates().calls_for, self.passes()))

    def bound(self) -> float:
        """What it may cost by job: 1.1 x (rows / 1,000 + 5 for each job)."""
        return 1.1 * (self.records / 1_000 + 5 * len(self.passes()))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--conversations", type=int, default=1_000_000)
    arguments.add_argument("--queues", type=int, default=50, help="groups of the aggregates, each with a row an hour")
    asked = arguments.parse_args()
    hours = (YEAR.end - YEAR.start) // timedelta(hours=1)
    details, aggregates = CATALOGUE["conversations.details"], CATALOGUE["conversations.aggregates"]
    print(f"{'query':24} {'by':6} {'size':>5} {'records':>10} {'passes':>7} {'calls':>7} {'time':>8} {'bound':>8}")
    for query, records in ((details, asked.conversations), (aggregates, asked.queues * hours)):
        for path, days in (("query", 1), ("job", 1), ("job", 7)):
            one = Backfill(query, path, days, records)
            minutes = math.ceil(one.calls() / CALLS_PER_MINUTE)
            bound = f"{one.bound():8,.0f}" if path == "job" else ""
            print(
                f"{query.name:24} {path:6} {f'P{days}D':>5} {records:10,} {len(one.passes()):7,} {one.calls():7,} "
                f"{minutes:4} min {bound}"
            )


if __name__ == "__main__":
    main()
