"""Where rows go and under which rules: the decisions of delivery, without any effect."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from connector.mapping.rules import relationship_of
from connector.salesforce.results import Outcome
from connector.state.settling import Settled

COLLECTIONS_ROWS = 200
COLLECTIONS_AT_MOST = 2_000
"""More changed rows than this go by ingest job: cheaper in calls (Salesforce's own advice)."""

JOB_STARTS_AT = 10_000
"""Rows that make a job worth starting while the pull goes on: one batch of Salesforce's own."""

HELD_AT_LEAST = 20
"""Fewer refused rows of one delivery are ordinary rejects, whatever their share."""

Way = Literal["collections", "bulk", "delete"]

_FATES: dict[str, Literal["created", "updated", "deleted", "rejected", "again", "parent", "wait"]] = {
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
    "rejected": "rejected",
    "transient": "again",
    "race": "again",
    "parent_missing": "parent",
    "quota": "wait",
}


@dataclass(frozen=True)
class Lane:
    """Where the rows of one target go, and under which rules.

    columns: fields in file order; by: auto, bulk or collections; reject_limit: share of a delivery, 0 to 1, that may
    fail for good before its rows are held; optional: relationship columns a row may go without when Salesforce does not
    know the parent; proof: mapping and organisation an accepted row proves.
    """

    stream: str
    object: str
    external_id: str
    columns: tuple[str, ...]
    by: str
    job_rows: int
    reject_limit: float
    fields_print: str
    proof: str
    optional: tuple[str, ...] = ()


def choose(
    lane: Lane, ready: int, only_collections: int, tried: int, *, is_proven: bool, more_comes: bool, deletes: int = 0
) -> tuple[Way, int] | None:
    """How to send what waits: which way and how many rows; None: nothing yet.

    ready: rows that wait, counted a little beyond JOB_STARTS_AT; only_collections: those of them no file can say;
    tried: the most attempts one of them has had: rows that met a transient fault go in smaller batches; deletes:
    records to delete, which go when nothing else can.
    """
    way = _way_of_rows(lane, ready, only_collections, tried, is_proven=is_proven, more_comes=more_comes)
    if way is None and deletes and (deletes >= COLLECTIONS_ROWS or not more_comes):
        return "delete", max(COLLECTIONS_ROWS >> tried, 10)
    return way


def _way_of_rows(
    lane: Lane, ready: int, only_collections: int, tried: int, *, is_proven: bool, more_comes: bool
) -> tuple[Literal["collections", "bulk"], int] | None:
    if not ready or (more_comes and ready < COLLECTIONS_ROWS):
        return None
    small = max(COLLECTIONS_ROWS >> tried, 10)
    if not is_proven or lane.by == "collections" or ready == only_collections:
        return "collections", small
    if lane.by == "bulk":
        return None if more_comes and ready < JOB_STARTS_AT else ("bulk", lane.job_rows)
    if ready >= JOB_STARTS_AT:
        return "bulk", lane.job_rows
    if more_comes:
        return None
    return ("bulk", lane.job_rows) if ready > COLLECTIONS_AT_MOST else ("collections", small)


def reason_to_hold(
    reject_limit: float,
    rows: int,
    outcomes: Iterable[Outcome],
    is_known: Callable[[str], bool] = lambda key: False,
    refused: int = 0,
) -> tuple[str, str] | None:
    """Whether so many of a delivery's rows fail for good that the mapping or the org is wrong, not the data.

    reject_limit: share, 0 to 1; rows: of the delivery, without those `refused` before it was sent; is_known: whether a
    key has an open reject: refused again it is no news, and neither the row nor its refusal counts. Returns the
    commonest code and the story for people, or None.
    """
    reasons: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for outcome in outcomes:
        if outcome.verdict != "rejected":
            continue
        if is_known(outcome.external_id):
            rows -= 1
        else:
            reason = (outcome.code, ", ".join(outcome.fields))
            reasons[reason] += 1
            example.setdefault(reason, outcome.message)
    total, rows = reasons.total() + refused, rows + refused
    if not reasons or total < HELD_AT_LEAST or total <= reject_limit * rows:
        return None
    (code, fields), most = reasons.most_common(1)[0]
    where = f" ({fields})" if fields else ""
    return code, f"{total} of {rows} rows refused, {most} of them with {code}{where}: {example[code, fields]}"


def may_go_without(optional: Sequence[str], fields: Sequence[str]) -> tuple[str, ...]:
    """Of the columns a row may go without, those a missing parent may be about; all where that is not told.

    fields: the parent's object and the field it was looked for by (`Contact.Phone_Key__c`), as far as told.
    """
    told = [field.rpartition(".") for field in fields]
    return tuple(
        column
        for column in optional
        if (parent := relationship_of(column)) is not None
        # Two look-ups may lead to one object, and their names need not tell it.
        if not told or any(field == parent.field and (not kind or parent.type in ("", kind)) for kind, _, field in told)
    )


def to_settle(outcome: Outcome, *, is_held: bool, optional: Sequence[str] = ()) -> Settled:
    """What is to be written for a row.

    is_held: rows refused for good wait for a person instead; optional: columns it may go without.
    """
    fate = _FATES[outcome.verdict]
    if fate == "rejected" and is_held:
        return Settled(outcome.external_id, "held")
    code = outcome.code or outcome.verdict.upper()
    without = may_go_without(optional, outcome.fields) if fate == "parent" else ()
    return Settled(outcome.external_id, fate, code, outcome.message, ", ".join(outcome.fields), without)
