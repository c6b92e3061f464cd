"""Names for ids: queues, users, wrap-up codes and divisions, asked of Genesys Cloud and remembered.

A name is believed until it reaches an age. Then the list of its kind is read again, and what stands on no list is asked
for by its id: only an answer to that question says that an id is unknown. A call that fails is an error, never a
missing name, and forgets nothing.

Source: vendor reference, "look-ups": the classic envelope (`entities`, `total`, `pageCount`), pages of 100, the `id`
filter (repeated, at most 100 users a call), `state=any` without which former users are not listed.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.errors import MalformedAnswer, QueryRefused, RefusedSpan
from connector.genesys.client import Answer
from connector.genesys.judge import ASK_AGAIN_SECONDS, AskAgain, Complete, Disagree, Page, Seen, Witnesses, judge
from connector.genesys.large import LongList
from connector.mapping.lookup_names import LOOKUPS
from connector.transport import Params

log = logging.getLogger(__name__)

Properties = Mapping[str, str | None]
"""What is known of one id: every property of its kind, None where the service tells none."""

PAGE_SIZE = 100
MOST_PAGES = 10_000
FOUND_AT_HAND = 10_000
"""So many answers of a run are at hand; the cache is asked for the others."""

KEPT = timedelta(days=90)
"""How long a name nobody needed is remembered at least, unless it is believed for longer."""

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9])?")
"""What can be an id (UUIDs, and names such as ININ-WRAP-UP-TIMEOUT). Other texts never stand in a URL."""


@dataclass(frozen=True)
class Listing:
    """The call that lists one kind. permission: what the OAuth client needs for it, "" when that is none."""

    path: str
    permission: str
    params: Mapping[str, str]


LISTINGS: Mapping[str, Listing] = {
    "queues": Listing("/api/v2/routing/queues", "routing:queue:view", {}),
    "users": Listing("/api/v2/users", "directory:user:view", {"state": "any"}),
    "wrap_up_codes": Listing("/api/v2/routing/wrapupcodes", "routing:wrapupCode:view", {}),
    "divisions": Listing("/api/v2/authorization/divisions", "", {}),
}


Known = tuple[Properties | None, datetime]
"""What the service answered about one id and when; None: there is no such id."""


class Cache(Protocol):
    """Answers kept beyond a run, those of one organisation. Instants are kept to the second."""

    def known(self, kind: str, identity: str) -> Known | None:
        """The latest answer about an id; None: nothing was ever answered."""

    def answered_before(self, kind: str, moment: datetime, most: int) -> Sequence[str]:
        """Some ids whose latest answer is older."""

    def keep(self, kind: str, answers: Mapping[str, Properties | None], answered: datetime) -> None:
        """Remember answers, all or none of them."""

    def listed(self, kind: str) -> datetime | None:
        """When the last list of the kind that was read to its end was begun."""

    def keep_listed(self, kind: str, begun: datetime, forget: datetime) -> None:
        """A list, begun then, was read to its end and all of it kept; answers older than `forget` may go."""


class Caller(Protocol):
    """What look-ups need of the client; see GenesysClient.call."""

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        permission: str = "",
    ) -> Answer: ...


class Lookups:
    """Answers `find` for one run of one stream.

    age: an answer older than this, as the run begins, is asked for again; now: the time the services agree on; sleep:
    waits in seconds. One thread uses it; the cache may be shared.
    """

    def __init__(
        self,
        client: Caller,
        cache: Cache,
        age: timedelta,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._cache = cache
        self._now = now
        self._sleep = sleep
        self._age = age
        self._believed_from = now() - age
        self._listed: set[str] = set()
        self._good: dict[str, str] = {}
        self._found: dict[tuple[str, str], Properties | None] = {}

    def find(self, kind: str, identity: str) -> Properties | None:
        """The properties of an id, or None when the service answered that there is no such id.

        kind: a key of LOOKUPS; identity: an id from a record; what cannot be an id is not asked for and has none.

        Raises PermissionMissing, LoginRefused, QueryRefused (the service takes the question in no form),
        ServiceUnavailable, QuotaSpent, MalformedAnswer, StateError, and what `sleep` raises.
        """
        asked = kind, identity
        if asked not in self._found:
            if len(self._found) >= FOUND_AT_HAND:
                self._found.clear()
            self._found[asked] = self._find(kind, identity)
        return self._found[asked]

    def _find(self, kind: str, identity: str) -> Properties | None:
        if not _ID.fullmatch(identity):
            return None
        known = self._cache.known(kind, identity)
        if not self._is_believed(known):
            if kind not in self._listed and (known is None or not self._is_list_believed(kind)):
                self._read_list(kind)
                known = self._cache.known(kind, identity)
            if not self._is_believed(known):
                return self._ask(kind, identity)
        assert known is not None
        return known[0]

    def _is_believed(self, known: Known | None) -> bool:
        return known is not None and known[1] >= self._believed_from

    def _is_list_believed(self, kind: str) -> bool:
        listed = self._cache.listed(kind)
        return listed is not None and listed >= self._believed_from

    def _read_list(self, kind: str) -> None:
        """Keep a whole list, page by page. It counts as read only when its last page was kept.

        A page that is not given, or a count that does not come true, ends the list: what is missing is asked for by id.
        """
        begun = self._now()
        seen, number, met = Seen(), 1, set[str]()
        while True:
            try:
                page = _fetch_page(self._client, kind, number)
            except RefusedSpan as refusal:
                if number == 1:
                    raise _refused(kind, refusal) from refusal
                log.info("look-ups: page %d of %s is refused; the rest is asked for by id", number, kind)
                break
            found = {one["id"]: one["properties"] for one in page.records}
            self._keep(kind, found, begun)
            met |= found.keys()
            step, seen = judge(seen, page, len(met), MOST_PAGES)
            match step:
                case AskAgain(number, seconds):
                    self._sleep(seconds)
                case Complete():
                    break
                case Disagree(reason):
                    log.info("look-ups: %s: %s; what is missing is asked for by id", kind, reason)
                    break
                case _:
                    # Names are no records: a total just reached needs no empty page to prove it.
                    if page.witnesses.total == len(met):
                        break
                    number = step.number
        self._cache.keep_listed(kind, begun, begun - max(self._age, KEPT))
        self._listed.add(kind)

    def _ask(self, kind: str, identity: str) -> Properties | None:
        """Ask for one id; others of its kind that are due for it ride along, for a call is dear and an id is not."""
        due = self._cache.answered_before(kind, self._believed_from, PAGE_SIZE)
        company = [one for one in due if one != identity][: PAGE_SIZE - 1]
        try:
            answers = self._answers_by_id(kind, [identity, *company])
        except RefusedSpan:
            answers = self._answer_alone(kind, identity)
        self._keep(kind, answers, self._now())
        return answers[identity]

    def _answer_alone(self, kind: str, identity: str) -> dict[str, Properties | None]:
        """Is it the id that is refused, or the way of asking? The same question about a good id tells."""
        try:
            return self._answers_by_id(kind, [identity])
        except RefusedSpan as refusal:
            try:
                if self._ask_for_good_one(kind):
                    return {identity: None}
            except RefusedSpan:
                pass
            raise _refused(kind, refusal) from refusal

    def _answers_by_id(self, kind: str, identities: Sequence[str]) -> dict[str, Properties | None]:
        """What the service says about each id.

        An id is unknown when no count promises more than was given, or when counts prove wrong even for a good id.
        """
        asked = {one.lower() for one in identities}
        for wait in (*ASK_AGAIN_SECONDS, None):
            page = _fetch_page(self._client, kind, 1, identities)
            found = {one["id"].lower(): one["properties"] for one in page.records}
            total = page.witnesses.total
            answers = {one: found.get(one.lower()) for one in identities}
            if found.keys() <= asked and (
                found.keys() == asked or total == len(found) or (total is None and page.is_listed)
            ):
                return answers
            if wait is not None:
                self._sleep(wait)
        if found.keys() <= asked and page.is_listed:
            good = self._ask_for_good_one(kind)
            if good is not None and len(good.records) == 1 and good.witnesses.total != 1:
                return answers
        counts = f"asked for {len(asked)} by id, it gave {len(found)} and told of {total}"
        raise MalformedAnswer(
            f"Genesys Cloud {LISTINGS[kind].path}: {counts}", "nothing is changed; the next run asks again"
        )

    def _ask_for_good_one(self, kind: str) -> "_NamesPage | None":
        """The answer about an id that is there; None when none is known or it is not given. Raises RefusedSpan."""
        if kind not in self._good and kind not in self._listed:
            self._read_list(kind)
        good = self._good.get(kind)
        page = None if good is None else _fetch_page(self._client, kind, 1, [good])
        return page if page and any(one["id"] == good for one in page.records) else None

    def _keep(self, kind: str, answers: Mapping[str, Properties | None], answered: datetime) -> None:
        if answers:
            self._cache.keep(kind, answers, answered)
        for identity, properties in answers.items():
            if properties is not None:
                self._good[kind] = identity
                break


@dataclass(frozen=True, slots=True)
class _NamesPage(Page):
    """A page of a list of names. records: {"id", "properties"}; is_listed: it had a list, be it an empty one."""

    is_listed: bool = True


class Remembered:
    """A cache for as long as the process lives: for looking without writing."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Known] = {}
        self._listed: dict[str, datetime] = {}

    def known(self, kind: str, identity: str) -> Known | None:
        return self._known.get((kind, identity))

    def answered_before(self, kind: str, moment: datetime, most: int) -> Sequence[str]:
        return [one for (of, one), known in self._known.items() if of == kind and known[1] < moment][:most]

    def keep(self, kind: str, answers: Mapping[str, Properties | None], answered: datetime) -> None:
        self._known |= {(kind, one): (properties, answered) for one, properties in answers.items()}

    def listed(self, kind: str) -> datetime | None:
        return self._listed.get(kind)

    def keep_listed(self, kind: str, begun: datetime, forget: datetime) -> None:
        self._listed[kind] = begun


def list_all(
    client: Caller, kind: str, *, now: Callable[[], datetime], sleep: Callable[[float], None]
) -> Mapping[str, Properties]:
    """Everything a kind's list gives to this client: id -> properties. Raises what `Lookups.find` raises."""
    cache = Remembered()
    Lookups(client, cache, timedelta(), now=now, sleep=sleep)._read_list(kind)
    return {one: properties for (_, one), (properties, _) in cache._known.items() if properties is not None}


def try_listing(client: Caller, kind: str) -> None:
    """Ask for one entry of a kind, to see whether the client may. Raises what `Lookups.find` raises."""
    try:
        _fetch_page(client, kind, 1, size=1)
    except RefusedSpan as refusal:
        raise _refused(kind, refusal) from refusal


def list_ids(client: Caller, kind: str) -> list[str]:
    """Every id of a kind that is there now, in order.

    Raises MalformedAnswer when the list ends before it gave as many as it promised, and what `Lookups.find` raises.
    """
    ids = set[str]()
    for number in range(1, MOST_PAGES):
        try:
            page = _fetch_page(client, kind, number)
        except RefusedSpan as refusal:
            raise _refused(kind, refusal) from refusal
        before, total = len(ids), page.witnesses.total
        ids |= {one["id"] for one in page.records}
        is_promised_more = total is not None and total > len(ids)
        if total == len(ids) or (not is_promised_more and len(page.records) < PAGE_SIZE):
            break
        if len(ids) == before:
            raise MalformedAnswer(
                f"Genesys Cloud {LISTINGS[kind].path}: it told of {total} and gave {len(ids)}",
                f"the next run asks again; a `filter` in the mapping names {kind} without this list",
            )
    return sorted(ids)


def _fetch_page(
    client: Caller, kind: str, number: int, identities: Sequence[str] = (), size: int = PAGE_SIZE
) -> _NamesPage:
    """One page of a list, or of the entries with these ids. Raises RefusedSpan, MalformedAnswer."""
    listing = LISTINGS[kind]
    params: dict[str, str | Sequence[str]] = {
        **listing.params,
        "pageSize": str(size),
        "pageNumber": str(number),
        **({"id": list(identities)} if identities else {}),
    }
    answer = client.call("GET", listing.path, params=params, permission=listing.permission)
    listed = answer.body.get("entities")
    try:
        records = [_record(kind, entity) for entity in listed or ()]
    except (KeyError, TypeError, AttributeError) as fault:
        raise answer.malformed(
            f"Genesys Cloud {listing.path}: 'entities' is no list of objects with an id, such as documented",
            "nothing is changed; the next run asks again",
        ) from fault
    digest = hashlib.blake2b("\n".join(one["id"] for one in records).encode(), digest_size=16).hexdigest()
    witnesses = Witnesses(_count(answer.body.get("total")), _count(answer.body.get("pageCount")))
    return _NamesPage(number, records, digest, size, witnesses, is_listed=isinstance(listed, list | LongList))


def _record(kind: str, entity: Mapping[str, Any]) -> dict[str, Any]:
    identity = entity["id"]
    if not isinstance(identity, str):
        raise TypeError("an id is text")
    return {"id": identity, "properties": {name: _text(entity.get(name)) for name in LOOKUPS[kind]}}


def _text(value: Any) -> str | None:
    """A property as text; of another entity, its name."""
    if isinstance(value, dict):
        value = value.get("name")
    return value.strip() or None if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _refused(kind: str, refusal: RefusedSpan) -> QueryRefused:
    return QueryRefused(
        refusal.message,
        f"the service does not take the question for {kind} as it is asked; take the look-ups of {kind} out of the "
        "mapping to go on without them",
    )
