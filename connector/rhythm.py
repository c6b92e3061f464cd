"""Which ids have fallen silent, by their own rhythm, and what looks like a division taken from the OAuth client: pure.

Genesys Cloud gives the rows of the divisions in which a role of the OAuth client holds the permission, and never says
that others were left out. So what was heard of regularly and is heard of no more is told.

Days are whole days in the stream's time zone, as ordinals (1 is a Monday). Only days that were read whole count.
Source: vendor reference, "hosts and OAuth" (roles x divisions) and "interval semantics, lateness, visibility".
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from connector.spans import DAY, Calendar, Span, merged

Kind = Literal["queue", "user", "division"]

REMEMBERED_DAYS = 112
"""So many days up to the last one heard of are remembered, one by one."""
HISTORY_DAYS = 56
"""By so many days up to the last one heard of the rhythm of an id is judged."""
RECENT_DAYS = 28
"""Days read whole: the recent weeks. What is silent for longer is taken for closed."""
LEAST_DAYS, LEAST_WEEKS = 10, 6
"""Regular is what gave records on so many of the recent days, or in so many different weeks of the history."""
LEAST_MISSED = 3
"""Two public holidays in a row, such as those of Easter, are no silence of any queue that is busy on weekdays."""
LEAST_MISSED_BY_ALL = 7
"""A whole organisation closes for longer than one of its queues."""
ACTIVE_SHARE = 2 / 3
"""A weekday is active when records came on that share of its days."""
LEAST_SHARE, LEAST_MANY = 0.3, 5
"""So large a part of all, and at least so many, falls silent together for another reason than its own."""
TOGETHER_DAYS = 3
"""What fell silent over a week end did so together."""


@dataclass(frozen=True)
class Heard:
    """On which days records of one id were given.

    division: id of the one it was seen in last, "" where no record told; first, last: ordinals of days; days: of the
    last `REMEMBERED_DAYS` up to `last`, bit 0 is `last`, bit 1 the day before; given: the day of the last read that
    gave a record of it, of whatever day.
    """

    kind: Kind
    id: str
    first: int
    last: int
    days: int
    given: int
    division: str = ""

    @classmethod
    def of(cls, kind: Kind, identity: str, days: Collection[int], given: int, division: str = "") -> "Heard":
        """From the days themselves, at least one."""
        last = max(days)
        bits = sum(1 << (last - day) for day in set(days) if last - day < REMEMBERED_DAYS)
        return cls(kind, identity, min(days), last, bits, given, division)

    def joined(self, later: "Heard") -> "Heard":
        """Both together; where each tells a division, that of `later` counts."""
        last = max(self.last, later.last)
        bits = (self.days << (last - self.last)) | (later.days << (last - later.last))
        return replace(
            self,
            first=min(self.first, later.first),
            last=last,
            days=bits & ((1 << REMEMBERED_DAYS) - 1),
            given=max(self.given, later.given),
            division=later.division or self.division,
        )

    def holds(self, other: "Heard") -> bool:
        """Whether `other` says nothing that this does not say."""
        ahead = self.last - other.last
        return (
            ahead >= 0
            and self.first <= other.first
            and self.given >= other.given
            and other.division in ("", self.division)
            and not (other.days << ahead) & ((1 << REMEMBERED_DAYS) - 1) & ~self.days
        )

    @property
    def on(self) -> list[int]:
        """The remembered days, oldest first."""
        return [self.last - bit for bit in range(REMEMBERED_DAYS - 1, -1, -1) if self.days >> bit & 1]


@dataclass(frozen=True)
class Silence:
    """since: the last day heard of; missed_from: the first day after it on which records were to be expected."""

    since: int
    missed_from: int


@dataclass(frozen=True)
class Finding:
    """What looks like a division or a role that was taken away: told as one.

    scope: a division, a share of all ids of a kind, or everything; division: its name, else its id; since: the last
    day it gave records; missed_from: see `Silence`; members: kind and id of what has fallen silent; of: so many
    regular ones there were.
    """

    scope: Literal["division", "share", "everything"]
    division: str
    since: int
    missed_from: int
    members: tuple[tuple[Kind, str], ...]
    of: int = 0

    def in_words(self) -> str:
        """What happened, and what to do next."""
        until = f"gave records until {date.fromordinal(self.since)} and none since"
        role = "roles of the OAuth client (Genesys Cloud: Admin > Integrations > OAuth > the client > Roles)"
        kind = self.members[0][0] if self.members else "queue"
        counted = f"{len(self.members):,} {kind}{'' if len(self.members) == 1 else 's'}"
        match self.scope:
            case "division" if kind == "division":
                what = f"division {self.division} {until}; was it taken from the {role}?"
            case "division":
                what = f"division {self.division}: {counted} {until}; was the division taken from the {role}?"
            case "share":
                what = f"{counted} of {self.of:,} {until}; was a division taken from the {role}?"
            case _:
                what = f"every queue, user and division {until}; was a role or division taken from the {role}?"
        return f"{what} Once it gives records again, the time from {date.fromordinal(self.since)} is read again"


def whole_days(covered: Iterable[Span], zone: ZoneInfo) -> list[int]:
    """The days of the recent months that lie whole in settled spans, oldest first."""
    spans = merged(covered)
    if not spans:
        return []
    calendar, begin = Calendar(DAY, zone), spans[-1].end - timedelta(days=REMEMBERED_DAYS)
    days: list[int] = []
    for span in spans:
        first = calendar.ceil(max(span.start, begin)).astimezone(zone).toordinal()
        days += range(first, calendar.floor(span.end).astimezone(zone).toordinal())
    return days


def silence(on: Sequence[int], counted: Sequence[int], least: int = LEAST_MISSED) -> Silence | None:
    """Whether an id that was heard of on these days has fallen silent; None: not, or not regular enough to say.

    on, counted: days heard of, and days on which silence counts, each oldest first. Its active weekdays are those on
    which it gave records nearly always (all, when there are none); its longest pause is counted in days of these. It
    is silent when it then missed more than twice that, and at least `least`.
    """
    last = on[-1]
    on = on[bisect_left(on, last - HISTORY_DAYS + 1) :]
    after = counted[bisect_right(counted, last) :]
    if not least <= len(after) <= RECENT_DAYS:
        return None
    heard = set(on)
    before = sorted(heard.union(counted[bisect_left(counted, on[0]) : bisect_right(counted, last)]))
    if not _is_regular(heard, before):
        return None
    active = _active_weekdays(heard, before)
    pause, longest = 0, 0
    for day in before:
        if day % 7 in active:
            pause = 0 if day in heard else pause + 1
            longest = max(longest, pause)
    missed = [day for day in after if day % 7 in active]
    return Silence(last, missed[0]) if len(missed) >= max(least, 2 * longest + 1) else None


def _is_regular(heard: Collection[int], before: Sequence[int]) -> bool:
    """before: days that count up to the last one heard of."""
    recent = sum(day in heard for day in before[-RECENT_DAYS:])
    return recent >= LEAST_DAYS or len({(day - 1) // 7 for day in heard}) >= LEAST_WEEKS


def _active_weekdays(heard: Collection[int], before: Sequence[int]) -> Collection[int]:
    all_days: dict[int, list[bool]] = defaultdict(list)
    for day in before:
        all_days[day % 7].append(day in heard)
    return {day for day, given in all_days.items() if sum(given) >= ACTIVE_SHARE * len(given)} or range(7)


class Judgement:
    """What the ids of one stream say together.

    heard: all that is remembered of it; covered: days read whole, oldest first; division_of: the name (else the id) of
    the division an id belongs to, "" where nobody knows it. Days on which nothing at all was heard, such as holidays,
    are no silence of any single one.
    """

    def __init__(self, heard: Sequence[Heard], covered: Sequence[int], division_of: Callable[[Heard], str]) -> None:
        self._heard = heard
        self._covered = covered
        self._division_of = division_of
        self._lively = _days_of_any(heard)
        self._counted = [day for day in covered if day in self._lively]
        missing = self._counted[-LEAST_MISSED] if len(self._counted) >= LEAST_MISSED else 0
        self.silent: Mapping[Heard, Silence] = {
            one: found for one in heard if one.last < missing and (found := silence(one.on, self._counted))
        }

    def findings(self) -> tuple[Finding, ...]:
        """What looks hidden. What a read gave after it had fallen silent, be it of older days, is not hidden."""
        if not self._heard:
            return ()
        if everything := self._everything():
            return (everything,)
        # Records may carry the division of a conversation, but never that of an agent who handled it.
        kind: Kind = "queue" if any(one.kind == "queue" for one in self._heard) else "user"
        members = [one for one in self._heard if one.kind == kind]
        divisions = list(self._divisions(members))
        told = {one.division for one in divisions}
        rest = [one for one in members if self._division_of(one) not in told]
        return (*divisions, *self._share(rest))

    def quiet_queues(self, found: Iterable[Finding]) -> list[Heard]:
        """Queues that fell silent each by itself, by id; found: findings, which tell of others."""
        told = {member for one in found for member in one.members}
        silent = [one for one in self.silent if one.kind == "queue" and (one.kind, one.id) not in told]
        return sorted(silent, key=lambda one: one.id)

    def _everything(self) -> Finding | None:
        found = silence(sorted(self._lively), self._covered, LEAST_MISSED_BY_ALL)
        if found is None or max(one.given for one in self._heard) > found.missed_from:
            return None
        return Finding("everything", "", found.since, found.missed_from, ())

    def _divisions(self, members: Sequence[Heard]) -> Iterator[Finding]:
        ids = {self._division_of(one): one for one in self._heard if one.kind == "division"}
        within: dict[str, list[Heard]] = defaultdict(list)
        for one in members:
            within[self._division_of(one)].append(one)
        for division in sorted((ids.keys() | within.keys()) - {""}):
            inside = within[division]
            # Where records name their divisions, a queue may still be heard of through another one.
            speaking = [ids[division]] if division in ids else inside
            silent = [one for one in speaking if one in self.silent]
            if division not in ids and len(silent) < max(2, len(self._regular(inside)) / 2):
                continue
            if not silent or (finding := self._hidden("division", division, speaking, silent)) is None:
                continue
            queues = tuple((one.kind, one.id) for one in inside if one in self.silent and one.last <= finding.since)
            yield replace(finding, members=queues or finding.members)

    def _share(self, members: Sequence[Heard]) -> Iterator[Finding]:
        silent = [one for one in members if one in self.silent and one.given <= self.silent[one].missed_from]
        while silent:
            clusters = [
                [one for one in silent if day - TOGETHER_DAYS <= one.last <= day]
                for day in {one.last for one in silent}
            ]
            cluster = max(clusters, key=lambda some: (len(some), some[0].last))
            if len(cluster) < LEAST_MANY:
                return
            since = max(one.last for one in cluster)
            alive = self._regular(one for one in members if one.last >= since - TOGETHER_DAYS)
            if len(cluster) >= LEAST_SHARE * len(alive) and (
                finding := self._hidden("share", "", cluster, cluster, len(alive))
            ):
                yield finding
            silent = [one for one in silent if one not in cluster]

    def _hidden(
        self,
        scope: Literal["division", "share"],
        division: str,
        speaking: Sequence[Heard],
        silent: Sequence[Heard],
        of: int = 0,
    ) -> Finding | None:
        """One finding, unless one of those speaking was heard of, or given, since."""
        latest = max((self.silent[one] for one in silent), key=lambda one: (one.since, one.missed_from))
        if any(one.last > latest.since or one.given > latest.missed_from for one in speaking):
            return None
        names = tuple(sorted((one.kind, one.id) for one in silent))
        return Finding(scope, division, latest.since, latest.missed_from, names, of)

    def _regular(self, members: Iterable[Heard]) -> list[Heard]:
        found = []
        for one in members:
            on = [day for day in one.on if one.last - day < HISTORY_DAYS]
            counted = self._counted[bisect_left(self._counted, on[0]) : bisect_right(self._counted, one.last)]
            if _is_regular(set(on), sorted({*on, *counted})):
                found.append(one)
        return found


def _days_of_any(heard: Sequence[Heard]) -> set[int]:
    """All remembered days together."""
    newest, bits = max((one.last for one in heard), default=0), 0
    for one in heard:
        bits |= one.days << (newest - one.last)
    return {newest - bit for bit in range(bits.bit_length()) if bits >> bit & 1}


def speaks_again(finding: Finding, heard: Iterable[Heard], division_of: Callable[[Heard], str]) -> bool:
    """Whether what a finding tells of was heard of since, or given by a read since, be it of older days.

    Of a share it is over when half of it speaks: the others may be closed queues. division_of: see `Judgement`.
    """
    named, about = set(finding.members), list(heard)
    if finding.scope == "division":
        about = [one for one in about if (one.kind, one.id) in named or division_of(one) == finding.division]
        kinds = {one.kind for one in about}
        kind = "division" if "division" in kinds else "queue" if "queue" in kinds else "user"
        about = [one for one in about if one.kind == kind]
    elif finding.scope == "share":
        about = [one for one in about if (one.kind, one.id) in named]
    again = sum(one.last > finding.since or one.given > finding.missed_from for one in about)
    return again * 2 >= len(about) if finding.scope == "share" else again > 0


def is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings tell of the same: a share may grow by what is seldom heard of."""
    is_together = one.scope != "share" or abs(one.since - other.since) <= TOGETHER_DAYS
    return is_together and (one.scope, one.division) == (other.scope, other.division)
