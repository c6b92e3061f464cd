"""What the org has left of its allowances (REST API guide, "Limits"; Bulk API limits and allocations).

All of them are of the whole org and of the last 24 hours, so some come free with every hour; the storage is of now.
"""

from dataclasses import dataclass
from typing import Any

from connector.errors import MalformedAnswer, PermissionMissing, Refused
from connector.salesforce.answers import parsed
from connector.salesforce.connect import Org

BATCH_ROWS = 10_000
"""Rows of an ingest job that Salesforce counts as one batch."""

RECORD_KB = 2
"""What Salesforce counts for most records, however many fields they have; an estimate."""


@dataclass(frozen=True)
class Allowance:
    """most: in 24 hours, or in all; left: of them."""

    most: int
    left: int

    def free(self, reserve: float) -> int:
        """What is left when a share, 0 to 1, is kept for others."""
        return max(0, int(self.left - self.most * reserve))


@dataclass(frozen=True)
class Allowances:
    """calls: of the API; batches: of ingest jobs; storage_mb: megabytes for records. None: not told."""

    calls: Allowance | None
    batches: Allowance | None
    storage_mb: Allowance | None


def fetch_allowances(org: Org) -> Allowances | None:
    """Ask for them, which costs one call; None where the integration user may not (View Setup and Configuration).

    Raises MalformedAnswer; else what `Org.call` raises.
    """
    try:
        told = parsed(org.call("GET", "limits"))
    except (PermissionMissing, Refused):
        return None
    if not isinstance(told, dict):
        raise MalformedAnswer("Salesforce's limits are no JSON object")
    return Allowances(
        calls=_allowance(told, "DailyApiRequests"),
        batches=_allowance(told, "DailyBulkApiBatches"),
        storage_mb=_allowance(told, "DataStorageMB"),
    )


def allowance_in_words(left: Allowances) -> str:
    """Such as: 14,998 of 15,000 calls left today, 15,000 batches, storage 4,200 of 5,120 MB free."""
    calls, batches, storage = left.calls, left.batches, left.storage_mb
    told = [
        f"{calls.left:,} of {calls.most:,} calls left today" if calls else "calls not told",
        f"{batches.left:,} batches" if batches else "batches not told",
        f"storage {storage.left:,} of {storage.most:,} MB free" if storage else "storage not told",
    ]
    return ", ".join(told)


def _allowance(told: dict[str, Any], name: str) -> Allowance | None:
    match told.get(name):
        case {"Max": int(most), "Remaining": int(left)}:
            return Allowance(most, left)
        case _:
            return None


def batches_for(rows: int) -> int:
    """Batches that Salesforce makes of so many rows."""
    return -(-rows // BATCH_ROWS)
