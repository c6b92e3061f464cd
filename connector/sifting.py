"""Rows of a batch that Salesforce must refuse are set aside before a call is spent on them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice

from connector.lanes import Lane, reason_to_hold, to_settle
from connector.preflight import Preflight
from connector.salesforce.describe import Description
from connector.salesforce.refusing import refuser
from connector.salesforce.results import Outcome
from connector.state.batches import SLICE_ROWS, Batch
from connector.state.store import Store


def sift(batch: Batch, lane: Lane, store: Store, preflight: Preflight, now: Callable[[], datetime]) -> Batch:
    """Settle the rows of a batch, ready to be sent, that Salesforce must refuse, as if it had answered; the batch left.

    So many that Salesforce's refusing them would hold the batch hold it here too: they wait, none is rejected. Killed
    in the middle, it goes on with the rows still in the batch. Raises what `Preflight.describe` raises.
    """

    def refused(description: Description) -> Iterator[Outcome]:
        check = refuser(description, batch.external_id)
        return (outcome for row in store.outbox.rows(batch.id) if (outcome := check(row)) is not None)

    if next(refused(preflight.describe(batch.object)), None) is None:
        return batch
    described = preflight.describe_anew(batch.object)
    is_known = partial(store.batches.is_rejected, batch)
    reason = reason_to_hold(lane.reject_limit, batch.rows, refused(described), is_known, batch.refused)
    if reason is not None and not batch.is_held:
        batch = store.batches.hold(batch, "\n".join(reason))
    outcomes = refused(described)
    while part := list(islice(outcomes, SLICE_ROWS)):
        news = sum(not is_known(one.external_id) for one in part)
        store.batches.set_aside(batch, [to_settle(one, is_held=batch.is_held) for one in part], news, now())
    return store.batches.get(batch.id)
