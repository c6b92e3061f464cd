"""What the next run of a stream is likely to send to Salesforce, and what that takes of the org's allowances.

Estimates: of each second of a span, so many rows are sent as were by the last settled passes of its kind.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.choosing import CALLS_OF_JOB
from connector.lanes import COLLECTIONS_AT_MOST, COLLECTIONS_ROWS
from connector.orders import Stream
from connector.salesforce.allowance import RECORD_KB, Allowances, batches_for
from connector.spans import instant
from connector.state.store import Store
from connector.windows import Planned

_PASSES = 50
"""So many settled passes of a kind tell what the next one gives."""


@dataclass(frozen=True)
class Arrivals:
    """rows: to be sent; records: new ones among them; calls, batches: of Salesforce's daily allowances; storage_mb: of
    its storage, 2 KB a record."""

    rows: int
    records: int
    calls: int
    batches: int
    storage_mb: float


def arrivals(store: Store, stream: Stream, planned: Sequence[Planned]) -> Arrivals | None:
    """What the planned passes and the rows that wait give; None while no pass of the stream was settled."""
    rates = _rates(store, stream.name)
    if planned and not rates:
        return None
    sent = made = 0.0
    for one in planned:
        # Of a kind never read before the most there may be.
        rows, records = rates.get(one.kind) or max(rates.values())
        seconds = (one.span.end - one.span.start).total_seconds()
        sent, made = sent + rows * seconds, made + records * seconds
    rows = math.ceil(sent) + store.outbox.waiting(stream.name, 1 << 40)
    records = math.ceil(made)
    targets = stream.compiled.mapping.targets
    is_job = rows > COLLECTIONS_AT_MOST and any(target.deliver != "collections" for target in targets)
    jobs = -(-rows // targets[0].job_rows) if is_job else 0
    calls = jobs * CALLS_OF_JOB or -(-rows // COLLECTIONS_ROWS)
    return Arrivals(
        rows=rows,
        records=records,
        calls=calls + len(targets) if rows else 0,
        batches=batches_for(rows) if is_job else 0,
        storage_mb=round(records * RECORD_KB / 1024, 1),
    )


def together(expected: Sequence[Arrivals]) -> Arrivals:
    """Of several streams."""
    return Arrivals(
        rows=sum(one.rows for one in expected),
        records=sum(one.records for one in expected),
        calls=sum(one.calls for one in expected),
        batches=sum(one.batches for one in expected),
        storage_mb=sum(one.storage_mb for one in expected),
    )


def shortages(expected: Arrivals, left: Allowances, reserve: float) -> list[str]:
    """What the next run needs more of than the org has, a sentence each. reserve: share left to others, 0 to 1."""
    found = []
    if left.storage_mb and expected.storage_mb > left.storage_mb.left:
        found.append(
            f"the next run is expected to make {expected.records:,} records, about {expected.storage_mb:,.0f} MB "
            f"({RECORD_KB} KB a record, an estimate), and {left.storage_mb.left:,} MB are free: make room, see Setup > "
            "Storage Usage"
        )
    for what, needed, allowance in (
        ("calls", expected.calls, left.calls),
        ("batches", expected.batches, left.batches),
    ):
        if allowance and needed > allowance.free(reserve):
            found.append(
                f"the next run is expected to take {needed:,} {what}, and {allowance.free(reserve):,} are free for it "
                f"({reserve:.0%} are kept for others): what does not go waits for a later run"
            )
    return found


def _rates(store: Store, stream: str) -> Mapping[str, tuple[float, float]]:
    """Kind of pass -> rows sent and records made for each second of its span."""
    sql = """SELECT start, end, created, created + updated + deleted + rejected AS sent FROM passes
             WHERE stream = ? AND kind = ? AND state = 'settled' AND start <> '' ORDER BY id DESC LIMIT ?"""
    kinds = [row["kind"] for row in store.db.rows("SELECT DISTINCT kind FROM passes WHERE stream = ?", [stream])]
    rates = {}
    for kind in kinds:
        rows = store.db.rows(sql, [stream, kind, _PASSES])
        seconds = sum((instant(row["end"]) - instant(row["start"])).total_seconds() for row in rows)
        if seconds:
            rates[kind] = (sum(row["sent"] for row in rows) / seconds, sum(row["created"] for row in rows) / seconds)
    return rates
