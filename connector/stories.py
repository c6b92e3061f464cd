"""One record's story: what the state knows of an external id, as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.salesforce.hints import hint_for
from connector.spans import Span, instant, stamp
from connector.state.history import Answer
from connector.state.store import Store

Key = tuple[str, str, str, str]
"""Stream, object, external id, and the row's time."""


@dataclass(frozen=True)
class Chapter:
    """What became of one version. read, sent: by what, in words; changed: fields that differ from the version before;
    hint: what to do about a refusal, "" where there is none."""

    told: datetime
    fate: str
    read: str
    sent: str
    tries: int
    code: str
    changed: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class RowStory:
    """All that is known of one key. at: the row's time; now: how it stands, a sentence each; chapters: oldest first."""

    stream: str
    object: str
    external_id: str
    at: datetime
    now: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def stories(store: Store, external_id: str, stream: str | None) -> tuple[RowStory, ...]:
    """The story of every row of that external id, of one stream or of all; () when nothing is known of it."""
    return tuple(_story(store, key) for key in store.history.keys(external_id, stream))


def _story(store: Store, key: Key) -> RowStory:
    stream, target, external_id, at = key
    answers = store.history.answers((stream, target, external_id))
    now = (*_way(store, key), *_known(store, key), *_trouble(store, key), *_time(store, stream, at))
    chapters = tuple(_chapter(store, one) for one in answers)
    return RowStory(stream, target, external_id, instant(at), now, chapters)


def _chapter(store: Store, one: Answer) -> Chapter:
    """Passes and batches are kept for good, so that each answer can tell its way."""
    (read,) = store.db.rows("SELECT * FROM passes WHERE id = ?", [one.pass_id])
    (sent,) = store.db.rows("SELECT * FROM batches WHERE id = ?", [one.batch])
    span = f" of {Span(instant(read['start']), instant(read['end']))}" if read["start"] else ""
    return Chapter(
        told=one.told,
        fate=one.fate,
        read=f"run {read['run_begun']}, {read['kind']} pass{span}",
        sent=f"run {sent['run']}, {_batch_in_words(sent['path'], sent['job'])}",
        tries=one.tries,
        code=one.code,
        changed=one.changed,
        hint=hint_for(one.code),
    )


def _batch_in_words(path: str, job: str | None) -> str:
    if path == "bulk":
        return f"ingest job {job}" if job else "ingest job"
    return "delete call" if path == "delete" else "Collections call"


_OF_KEY = "stream = ? AND object = ? AND external_id = ?"


def _way(store: Store, key: Key) -> Iterator[str]:
    """Versions on their way."""
    sql = f"""SELECT o.*, b.state, b.path AS sent_by, b.job FROM outbox AS o LEFT JOIN batches AS b ON b.id = o.batch
              WHERE o.{_OF_KEY.replace("AND ", "AND o.")} ORDER BY o.seq"""  # noqa: S608
    for row in store.db.rows(sql, key[:3]):
        what = {"upsert": "a version", "clear": "a version that clears it", "delete": "its delete"}[row["action"]]
        if row["batch"] is not None:
            yield f"{what} is on its way: {_batch_in_words(row['sent_by'], row['job'])}, {row['state']}"
        elif row["held"]:
            yield f"{what} is held, for Salesforce refused most rows like it: see connector runs {key[0]}"
        elif row["skip_run"]:
            yield f"{what} waits for its parent record and is tried again by the next run"
        else:
            tries = f" after {row['attempts']} tries" if row["attempts"] else ""
            later = f", not before {row['not_before']}" if row["not_before"] else ""
            yield f"{what} waits to be sent{tries}{later}"


def _known(store: Store, key: Key) -> Iterator[str]:
    """What Salesforce is known to have."""
    stream, target, external_id, at = key
    sql = f"SELECT in_doubt FROM row_hashes WHERE {_OF_KEY} AND at = ?"  # noqa: S608
    rows = store.db.rows(sql, [stream, target, external_id, at])
    if not rows:
        yield "what Salesforce has of it is not known: nothing was accepted, or it was deleted or forgotten since"
    elif rows[0]["in_doubt"]:
        yield "what Salesforce has of it is in doubt: it was sent since the last answer"
    else:
        yield "Salesforce has it as it was accepted last"


def _trouble(store: Store, key: Key) -> Iterator[str]:
    """Why it may not be as the source has it."""
    sql = f"SELECT * FROM rejects WHERE {_OF_KEY} ORDER BY id"  # noqa: S608
    for row in store.db.rows(sql, key[:3]):
        where = f" ({row['fields']})" if row["fields"] else ""
        told = f"{row['code']}{where}: {row['message']}"
        if row["closed"] is None:
            tries = f", {row['tries']} times" if row["tries"] > 1 else ""
            yield f"set aside since {row['first_seen']}{tries}: {told}"
        else:
            yield f"was set aside from {row['first_seen']} to {row['closed']} ({row['closed_by']}): {row['code']}"
    sql = f"SELECT * FROM vanished WHERE {_OF_KEY} AND closed IS NULL"  # noqa: S608
    states = {
        "left": "left as it is",
        "waiting": "to be cleared or deleted",
        "cleared": "cleared",
        "deleted": "deleted",
    }
    for row in store.db.rows(sql, key[:3]):
        yield f"Genesys Cloud gives it no more since {row['since']}: {states[row['state']]}"
    sql = "SELECT * FROM open_records WHERE stream = ? AND id IN (?, ?)"
    for row in store.db.rows(sql, [key[0], key[2], key[2].partition("|")[0]]):
        state = f"ended {row['ended']}" if row["ended"] else "is still open"
        yield f"its record {state} and is read by id again, due {row['due']}"


def _time(store: Store, stream: str, at: str) -> Iterator[str]:
    """When the time it belongs to was read last, and whether it will be again."""
    within = "stream = ? AND start <= ? AND end > ?"
    found = {
        table: store.db.rows(f"SELECT * FROM {table} WHERE {within} {more}", [stream, at, at])  # noqa: S608
        for table, more in (("coverage", ""), ("gaps", "AND closed IS NULL"), ("owed", ""))
    }
    for row in found["coverage"]:
        yield f"its time was last read whole at {row['began']}, by {row['path']}"
    if not found["coverage"]:
        yield "its time was not read whole yet"
    for row in found["gaps"]:
        yield f"its time is in a gap: {row['reason']}: connector gaps {stream}"
    for row in found["owed"]:
        yield f"its time is read again by the next run: {row['cause']}"


def unknown(external_id: str, streams: Sequence[str], begins: datetime | None) -> str:
    """What can be said of a key nothing is known of. begins: the earliest time that was read, None before any run."""
    told = f"no row of {' or '.join(streams) or 'any stream'} has this external id, as far as the state knows"
    if begins is None:
        return f"{told}; nothing was read yet"
    return (
        f"{told}. Either Genesys Cloud gave no such record since {stamp(begins)}, or `keep` and `skip` leave it out, "
        "or its key is written otherwise: capitals count, and parts stand in the order of the mapping's key"
    )
