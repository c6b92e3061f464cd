"""What a row says, as hashes: so it is compared with other versions of its key and with what Salesforce confirmed."""

import hashlib
import sqlite3
from collections.abc import Collection
from typing import NamedTuple

import orjson

from connector.mapping import Row


def digest(*parts: object) -> bytes:
    """16 bytes that stand for a value made of JSON-like parts; keys of mappings in any order."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


class Said(NamedTuple):
    """What a row says, as hashes.

    hash: of what every path gives; rest: of what only jobs give, b"" where it says nothing of that, None where the row
    was read by query.
    """

    hash: bytes
    rest: bytes | None = None

    def equals(self, hashed: bytes, rest: bytes | None) -> bool:
        """Whether what stands there says all of this: what was read by query says nothing of the rest."""
        return self.hash == hashed and (not self.rest or self.rest == rest)

    def whole(self) -> bytes:
        """One hash of all it says."""
        return _hash(self.hash + self.rest) if self.rest else self.hash

    @classmethod
    def of(cls, row: Row, payload: bytes, job_fields: Collection[str]) -> "Said":
        """payload: JSON of all its values; job_fields: of a row read by job, the names that only jobs fill."""
        if not job_fields:
            return cls(_hash(payload))
        rest = {name: value for name, value in row.values.items() if name in job_fields}
        shared = {name: value for name, value in row.values.items() if name not in job_fields}
        return cls(_hash(orjson.dumps(shared)), _hash(orjson.dumps(rest)) if rest else b"")


def _hash(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()


def inherited(said: Said, payload: bytes, older: sqlite3.Row) -> tuple[Said, bytes]:
    """What a version that takes the place of an older one is sent as.

    One read by query says nothing of what only jobs give: where the older one did, its word is kept. older: a row of
    the outbox.
    """
    if said.rest or not older["rest"]:
        return said, payload
    return said._replace(rest=older["rest"]), orjson.dumps({**orjson.loads(older["payload"]), **orjson.loads(payload)})


def is_confirmed(db: sqlite3.Connection, key: tuple[str, str, str], at: str, said: Said) -> bool:
    """Whether Salesforce confirmed just this row last, with no doubt since. key: (stream, object, external id)."""
    stream, target, external_id = key
    sql = """SELECT hash, rest FROM row_hashes WHERE stream = ? AND object = ? AND at = ? AND external_id = ?
             AND NOT in_doubt"""
    known = db.execute(sql, [stream, target, at, external_id]).fetchone()
    return known is not None and said.equals(known["hash"], known["rest"])
