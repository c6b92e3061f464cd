"""Names for ids, as the service answered them: the cache of look-ups, kept apart by Genesys organisation."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.spans import instant, stamp
from connector.state.database import Database

FORGOTTEN_AT_ONCE = 1_000


Properties = Mapping[str, str | None]


class LookupCache:
    """The answers of one Genesys organisation.

    Each answer is true by itself, so the pages of a list are kept as they come. The list counts as read only once
    `keep_listed` says so: killed before, the next run finds the old age of the list and reads it again.
    """

    def __init__(self, db: Database, genesys_org: str) -> None:
        self._db = db
        self._org = genesys_org

    def known(self, kind: str, identity: str) -> tuple[Properties | None, datetime] | None:
        """The latest answer about an id (None: there is no such id) and when; None: nothing was ever answered."""
        sql = "SELECT properties, answered FROM lookups WHERE genesys_org = ? AND kind = ? AND id = ?"
        row = self._db.row(sql, [self._org, kind, identity])
        if row is None:
            return None
        return None if row["properties"] is None else json.loads(row["properties"]), instant(row["answered"])

    def answered_before(self, kind: str, moment: datetime, most: int) -> Sequence[str]:
        """Some ids whose latest answer is older, the newest of them first."""
        sql = """SELECT id FROM lookups WHERE genesys_org = ? AND kind = ? AND answered < ?
                 ORDER BY answered DESC, id LIMIT ?"""
        return [row["id"] for row in self._db.rows(sql, [self._org, kind, stamp(moment), most])]

    def keep(self, kind: str, answers: Mapping[str, Properties | None], answered: datetime) -> None:
        """Remember answers, all or none of them."""
        at = stamp(answered)
        rows = [
            (self._org, kind, one, None if properties is None else json.dumps(properties, ensure_ascii=False), at)
            for one, properties in answers.items()
        ]
        with self._db.transaction() as db:
            db.executemany(
                "REPLACE INTO lookups (genesys_org, kind, id, properties, answered) VALUES (?,?,?,?,?)", rows
            )

    def listed(self, kind: str) -> datetime | None:
        """When the last list of the kind that was read to its end was begun."""
        sql = "SELECT begun FROM lookup_lists WHERE genesys_org = ? AND kind = ?"
        begun = self._db.value(sql, [self._org, kind])
        return instant(begun) if begun else None

    def keep_listed(self, kind: str, begun: datetime, forget: datetime) -> None:
        """A list, begun then, was read to its end and all of it kept. Some answers older than `forget` go.

        Those of every kind and organisation: names of people nobody asks for any more are not kept for ever.
        """
        with self._db.transaction() as db:
            db.execute(
                "REPLACE INTO lookup_lists (genesys_org, kind, begun) VALUES (?, ?, ?)", [self._org, kind, stamp(begun)]
            )
            db.execute(
                """DELETE FROM lookups WHERE (genesys_org, kind, id) IN
                   (SELECT genesys_org, kind, id FROM lookups WHERE answered < ? LIMIT ?)""",
                [stamp(forget), FORGOTTEN_AT_ONCE],
            )


def copy_lookups(source: Database, target: Database) -> None:
    """Let a new state know the names another one knows."""
    last = ("", "", "")
    some = "SELECT * FROM lookups WHERE (genesys_org, kind, id) > (?, ?, ?) ORDER BY genesys_org, kind, id LIMIT 1000"
    while rows := source.rows(some, last):
        last = (rows[-1]["genesys_org"], rows[-1]["kind"], rows[-1]["id"])
        with target.transaction() as db:
            db.executemany(f"INSERT INTO lookups VALUES ({', '.join('?' * len(rows[0]))})", map(tuple, rows))  # noqa: S608
    with target.transaction() as db:
        lists = source.rows("SELECT genesys_org, kind, begun FROM lookup_lists")
        db.executemany("INSERT INTO lookup_lists (genesys_org, kind, begun) VALUES (?, ?, ?)", map(tuple, lists))
