"""What Salesforce told about the objects of each stream when they were last found fit."""

from dataclasses import dataclass
from datetime import datetime

from connector.spans import instant, stamp
from connector.state.database import Database


@dataclass(frozen=True)
class Kept:
    """modified: as Salesforce wrote it; asked: when a run last found the object so; packed: as it was given to keep."""

    modified: str
    asked: datetime
    packed: bytes


class Descriptions:
    """Kept by stream: each is told what changed in the fields that it writes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def kept(self, stream: str, org: str, object: str) -> Kept | None:
        sql = "SELECT modified, asked, description FROM descriptions WHERE stream = ? AND org = ? AND object = ?"
        row = self._db.row(sql, [stream, org, object])
        return None if row is None else Kept(row["modified"], instant(row["asked"]), row["description"])

    def keep(self, stream: str, org: str, object: str, what: Kept) -> None:
        sql = "INSERT OR REPLACE INTO descriptions VALUES (?, ?, ?, ?, ?, ?)"
        with self._db.transaction() as db:
            db.execute(sql, [stream, org, object, what.modified, stamp(what.asked), what.packed])
