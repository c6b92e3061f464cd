"""Records read by their ids, a few at a time: those that were open when their span was read.

Source: vendor reference, GET conversations/details; how many ids one call takes is not documented, so fewer are asked
for when the service refuses.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from connector.errors import QueryRefused, RefusedSpan
from connector.genesys.client import Answer
from connector.genesys.flatten import flatten_conversations
from connector.genesys.judge import Record
from connector.genesys.queries import ById

log = logging.getLogger(__name__)


class Asker(Protocol):
    """What a reader needs of the client; see GenesysClient.call."""

    def call(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, permission: str = ""
    ) -> Answer: ...


class IdReader:
    """Reads records of one query by id. size: how many ids to ask for at once."""

    def __init__(self, client: Asker, call: ById, records: str, permission: str) -> None:
        self._client = client
        self._call = call
        self._records = records
        self._permission = permission
        self.size = call.most

    def fetch(self, ids: Sequence[str]) -> list[Record] | None:
        """The records the service gives for these ids, at most `size`; None: ask for fewer, `size` is halved.

        An id that is refused by itself gives nothing, as one the service does not know. Raises MalformedAnswer, and
        what the client raises of the services and the permission.
        """
        params = {self._call.parameter: ",".join(ids)}
        try:
            answer = self._client.call("GET", self._call.path, params=params, permission=self._permission)
        except (RefusedSpan, QueryRefused) as refusal:
            if len(ids) > 1:
                self.size = len(ids) // 2
                log.info("%d ids at once are refused, %d are asked for next", len(ids), self.size)
                return None
            log.warning("Genesys Cloud refuses an open record by its id: %s", refusal.message)
            # It was this id that was refused, not the number of them.
            self.size = self._call.most
            return []
        listed = answer.body.get(self._records) or []
        try:
            return list(flatten_conversations(listed))
        except (AttributeError, TypeError) as fault:
            raise answer.malformed(
                f"Genesys Cloud {self._call.path}: {self._records!r} is no list of objects such as documented",
                "the pass stays open and is read again by the next run",
            ) from fault
