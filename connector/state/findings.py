"""A comparison in the making, kept in a state that is thrown away: rows expected, records met, what was found.

The rows expected are those that wait in the outbox of that state: it was filled by reading the source with nothing
known, so that every row of the span waits there once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from connector.spans import Span
from connector.state.database import Database
from connector.state.hashes import Said
from connector.state.one_pass import Pass, bounds_of, pass_of

Kind = Literal["missing", "different", "extra", "late", "changed", "waiting", "rejected", "vanished", "unsure"]

_TABLES = (
    "CREATE TABLE met (object TEXT, external_id TEXT, PRIMARY KEY (object, external_id)) WITHOUT ROWID",
    """CREATE TABLE unexpected (object TEXT, external_id TEXT, is_sure INTEGER NOT NULL,
                                PRIMARY KEY (object, external_id)) WITHOUT ROWID""",
    """CREATE TABLE findings (object TEXT, external_id TEXT, at TEXT NOT NULL, kind TEXT NOT NULL,
                              fields TEXT NOT NULL, PRIMARY KEY (object, external_id)) WITHOUT ROWID""",
)
_MANY = 500


@dataclass(frozen=True, slots=True)
class Expected:
    """A row as the source gives it now. values: those Salesforce should hold; what is absent may be anything."""

    key: str
    at: str
    said: Said
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that is not equal on both sides. at: its time, "" where that is not known; fields: those that differ."""

    object: str
    key: str
    at: str
    kind: Kind
    fields: tuple[str, ...] = ()


class Findings:
    """One comparison of one stream. db: the state that is thrown away."""

    def __init__(self, db: Database, stream: str) -> None:
        self._db = db
        self._stream = stream
        with db.transaction() as connection:
            for statement in _TABLES:
                connection.execute(statement)

    # What the source gives

    @staticmethod
    def passes_of(db: Database, stream: str) -> list[Pass]:
        """All passes that read the source."""
        return [pass_of(row) for row in db.rows("SELECT * FROM passes WHERE stream = ?", [stream])]

    def count(self) -> int:
        """Rows expected."""
        return int(self._db.value("SELECT count(*) FROM outbox WHERE stream = ?", [self._stream]))

    def expected(self, object: str, keys: Sequence[str]) -> dict[str, Expected]:
        """Those of these keys that are expected."""
        found: dict[str, Expected] = {}
        for some in _parts(keys):
            marks = ", ".join("?" * len(some))
            sql = f"""SELECT * FROM outbox WHERE stream = ? AND object = ? AND external_id IN ({marks})
                      AND batch IS NULL"""  # noqa: S608
            found |= {row["external_id"]: _expected(row) for row in self._db.rows(sql, [self._stream, object, *some])}
        return found

    def refused(self, object: str, keys: Sequence[str]) -> set[str]:
        """Those of these keys whose rows the source gives, and the mapping cannot make."""
        found: set[str] = set()
        for some in _parts(keys):
            marks = ", ".join("?" * len(some))
            sql = f"SELECT external_id FROM rejects WHERE stream = ? AND object = ? AND external_id IN ({marks})"  # noqa: S608
            found |= {row["external_id"] for row in self._db.rows(sql, [self._stream, object, *some])}
        return found

    def has_nameless(self) -> bool:
        """Whether the source gives records of which not even a key could be made."""
        sql = "SELECT 1 FROM rejects WHERE stream = ? AND external_id LIKE '(record %' LIMIT 1"
        return self._db.row(sql, [self._stream]) is not None

    # What Salesforce gives

    def meet(self, object: str, keys: Iterable[str]) -> None:
        """Salesforce holds records of these keys."""
        with self._db.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO met VALUES (?, ?)", [[object, key] for key in keys])

    def met(self, object: str, keys: Sequence[str]) -> set[str]:
        """Those of these keys Salesforce has given."""
        found: set[str] = set()
        for some in _parts(keys):
            sql = f"SELECT external_id FROM met WHERE object = ? AND external_id IN ({', '.join('?' * len(some))})"  # noqa: S608
            found |= {row["external_id"] for row in self._db.rows(sql, [object, *some])}
        return found

    def not_met(self, object: str) -> Iterator[list[Expected]]:
        """Expected rows that Salesforce has not given yet, in slices by key."""
        last = ""
        sql = """SELECT * FROM outbox WHERE stream = ? AND object = ? AND batch IS NULL AND external_id > ?
                 AND NOT EXISTS (SELECT 1 FROM met WHERE met.object = outbox.object
                                 AND met.external_id = outbox.external_id)
                 ORDER BY external_id LIMIT ?"""
        while rows := self._db.rows(sql, [self._stream, object, last, _MANY]):
            last = rows[-1]["external_id"]
            yield [_expected(row) for row in rows]

    def did_not_expect(self, object: str, keys: Iterable[str], *, is_sure: bool) -> None:
        """Salesforce holds records the source did not give. is_sure: it gave all there is of their time."""
        with self._db.transaction() as db:
            rows = [[object, key, is_sure] for key in keys]
            db.executemany("INSERT OR IGNORE INTO unexpected VALUES (?, ?, ?)", rows)

    def did_expect(self, object: str, keys: Iterable[str]) -> None:
        """They turn out to be expected, in other letters."""
        with self._db.transaction() as db:
            sql = "DELETE FROM unexpected WHERE object = ? AND external_id = ?"
            db.executemany(sql, [[object, key] for key in keys])

    def unexpected(self, object: str) -> Iterator[dict[str, bool]]:
        """Keys nobody expected, in slices, with whether the source surely does not give them."""
        last = ""
        sql = "SELECT * FROM unexpected WHERE object = ? AND external_id > ? ORDER BY external_id LIMIT ?"
        while rows := self._db.rows(sql, [object, last, _MANY]):
            last = rows[-1]["external_id"]
            yield {row["external_id"]: bool(row["is_sure"]) for row in rows}

    # What was found

    def note(self, found: Iterable[Finding]) -> None:
        """Keep findings, or bring those of the same rows up to date."""
        with self._db.transaction() as db:
            rows = [[one.object, one.key, one.at, one.kind, " ".join(one.fields)] for one in found]
            db.executemany("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?)", rows)

    def take_back(self, object: str, keys: Iterable[str]) -> None:
        """These rows are equal after all."""
        with self._db.transaction() as db:
            sql = "DELETE FROM findings WHERE object = ? AND external_id = ?"
            db.executemany(sql, [[object, key] for key in keys])

    def counts(self) -> Counter[Kind]:
        """How many rows of each kind."""
        sql = "SELECT kind, count(*) AS many FROM findings GROUP BY kind"
        return Counter({row["kind"]: row["many"] for row in self._db.rows(sql)})

    def equal(self) -> int:
        """Expected rows that were compared and are equal."""
        sql = """SELECT count(*) FROM outbox WHERE stream = ? AND NOT EXISTS (
                     SELECT 1 FROM findings WHERE findings.object = outbox.object
                     AND findings.external_id = outbox.external_id)"""
        return int(self._db.value(sql, [self._stream]))

    def found(self, object: str, kinds: Sequence[Kind], most: int = _MANY) -> Iterator[list[Finding]]:
        """Findings of an object of some kinds, in slices by key."""
        last = ""
        marks = ", ".join("?" * len(kinds))
        sql = f"""SELECT * FROM findings WHERE object = ? AND kind IN ({marks}) AND external_id > ?
                  ORDER BY external_id LIMIT ?"""  # noqa: S608
        while rows := self._db.rows(sql, [object, *kinds, last, most]):
            last = rows[-1]["external_id"]
            yield [
                Finding(row["object"], row["external_id"], row["at"], row["kind"], tuple(row["fields"].split()))
                for row in rows
            ]

    def fields(self, kind: Kind) -> Counter[str]:
        """In how many rows of a kind each field differs, as `Object.Field`."""
        sql = "SELECT object, fields, count(*) AS many FROM findings WHERE kind = ? GROUP BY object, fields"
        found: Counter[str] = Counter()
        for row in self._db.rows(sql, [kind]):
            found.update({f"{row['object']}.{name}": row["many"] for name in row["fields"].split()})
        return found

    def concerned(self, kinds: Sequence[Kind], spans: Sequence[Span]) -> list[Span]:
        """Those of these spans that hold findings of some kinds."""
        marks = ", ".join("?" * len(kinds))
        sql = f"SELECT 1 FROM findings WHERE kind IN ({marks}) AND at >= ? AND at < ? LIMIT 1"  # noqa: S608
        return [span for span in spans if self._db.row(sql, [*kinds, *bounds_of(span)])]


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _MANY] for start in range(0, len(keys), _MANY))


def _expected(row: Any) -> Expected:
    said = Said(row["hash"], row["rest"])
    return Expected(row["external_id"], row["at"], said, orjson.loads(row["payload"]))
