"""The file of an ingest job: the rows of a batch, those of one parent together.

Salesforce saves a job in chunks of 200 rows, several at a time, and a chunk may lock the parents of its rows. Where the
rows of a parent are scattered over a job, its chunks wait for each other until some give up (UNABLE_TO_LOCK_ROW).
Source: Bulk API 2.0 guide, "Organize Data to Minimize Lock Contention".
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import BinaryIO

import orjson

from connector.mapping.rules import relationship_of
from connector.salesforce.csv_file import write_csv
from connector.state.batches import Batch
from connector.state.outbox import Outbox

_VERSION_BITS = 64
_DIGEST_BYTES = 6


def write_job(file: BinaryIO, batch: Batch, outbox: Outbox, limit_bytes: int) -> Sequence[int]:
    """Write as many rows of the batch as stay within the limit; returns the versions of the others.

    The same batch gives the same bytes, also once the others have left it. Raises what `write_csv` raises.
    """
    links = [column for column in batch.columns if relationship_of(column)]
    order = _by_parents(batch, outbox, links) if links else None
    written = write_csv(file, batch.columns, outbox.rows(batch.id, order), limit_bytes=limit_bytes)
    if written.rows >= batch.rows:
        return ()
    return (order or array("q", (version for version, _ in outbox.versions(batch.id))))[written.rows :]


def _by_parents(batch: Batch, outbox: Outbox, links: Sequence[str]) -> "array[int]":
    """The versions of a batch, rows with the same parents together, oldest first among them.

    The relationship that comes first in the mapping counts first.
    """
    # A number for each row, so that a whole job takes some megabytes and no more.
    places = [
        (_digest([row.get(link) for link in links]) << _VERSION_BITS) | version
        for version, row in outbox.versions(batch.id)
    ]
    places.sort()
    return array("q", (place & ((1 << _VERSION_BITS) - 1) for place in places))


def _digest(parents: Sequence[object]) -> int:
    """By which rows are sorted: 48 bits for each parent, so that rows of the first stay together."""
    digest = 0
    for parent in parents:
        hashed = blake2b(orjson.dumps(parent), digest_size=_DIGEST_BYTES).digest()
        digest = digest << (8 * _DIGEST_BYTES) | int.from_bytes(hashed)
    return digest
