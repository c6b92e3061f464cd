"""Rows of a finished job that stand in no result file: are they in Salesforce as they were sent?

Salesforce may have saved them, or never have tried them, as rows of batches over the daily allowance (Bulk API 2.0
guide, limits). They are asked for by their keys; those it holds as sent need not be written a second time, with all
that triggers and flows would do again.
"""

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from connector.comparing import UNREADABLE, agrees
from connector.errors import DeliveryRefused, MalformedAnswer, QuotaSpent
from connector.salesforce.connect import Org
from connector.salesforce.describe import fetch_description
from connector.salesforce.read_back import Held, ReadBack, readable
from connector.salesforce.results import Outcome
from connector.state.batches import Batch

log = logging.getLogger(__name__)

MOST_ASKED = 1_000
"""More rows than this, a slice, are sent again without asking: a job takes no more calls than so many queries."""


def find_saved(
    org: Org, batch: Batch, rows: Iterator[Mapping[str, Any]], unprocessed: Iterator[Outcome]
) -> list[Outcome]:
    """An outcome for each row that Salesforce holds as it was sent, in every field of it.

    rows: those of the batch without an outcome; unprocessed: what the job told it did not do.
    Where Salesforce does not answer the question nothing is found: the rows are sent again, to the same records.
    """
    not_done = {outcome.external_id for outcome in unprocessed}
    left = (row for row in rows if str(row[batch.external_id]) not in not_done)
    asked = {str(row[batch.external_id]): row for row in islice(left, MOST_ASKED + 1)}
    if not asked or len(asked) > MOST_ASKED:
        return []
    try:
        columns, unreadable = readable(fetch_description(org, batch.object), batch.columns, UNREADABLE)
        types = {one.name: one for one in columns}
        asked = {key: row for key, row in asked.items() if not unreadable.keys() & row.keys()}

        def is_as_sent(held: Held) -> bool:
            row = asked.get(held.key)
            return row is not None and all(
                agrees(types[name].type, types[name].scale, value, held.values[name]) for name, value in row.items()
            )

        pages = ReadBack(org, batch.object, batch.external_id, columns).by_keys(list(asked))
        saved = [held.key for page in pages for held in page if is_as_sent(held)]
    except (DeliveryRefused, MalformedAnswer, QuotaSpent) as error:
        log.warning("%s: rows without a result are sent again unasked: %s", batch.stream, error.message)
        return []
    return [Outcome(key, "updated") for key in saved]
