"""Do both systems agree? Rows as the source gives them now, beside the records Salesforce holds.

What differs is told apart by how it came about: only what Salesforce accepted and does not hold any more, what somebody
added, and what no coming run would notice needs a person.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.comparing import UNREADABLE, agrees
from connector.errors import DeliveryRefused
from connector.mapping.contents import needs_job
from connector.mapping.model import Mapping as StreamMapping
from connector.mapping.model import Target
from connector.orders import Progress, Stream
from connector.planning import plan_without_asking
from connector.salesforce.connect import Org
from connector.salesforce.describe import Description, fetch_description
from connector.salesforce.read_back import Held, ReadBack, readable
from connector.spans import Span, instant
from connector.state.findings import Expected, Finding, Findings, Kind
from connector.state.standings import (
    has_vanished,
    known_rows,
    send_again,
    standing,
    times_of,
)
from connector.state.store import Store
from connector.verdicts import Read, is_read_again, kind_of, time_field

MENDED: tuple[Kind, ...] = ("missing", "different", "late")
"""Kinds a repair sends."""

TROUBLE: tuple[Kind, ...] = (*MENDED, "extra")
"""Kinds that need a person."""


@dataclass(frozen=True)
class Repair:
    """What a repair did. sent: rows Salesforce accepted; rejected: rows set aside; still: per kind, rows that are not
    equal yet, missing and different ones looked at once more."""

    spans: tuple[Span, ...]
    sent: int
    rejected: int
    still: Mapping[Kind, int]


@dataclass(frozen=True)
class Example:
    """One row that is not equal. fields: those that differ; values: of them, what was written and what is held."""

    kind: Kind
    object: str
    key: str
    at: str
    fields: tuple[str, ...] = ()
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verification:
    """What a comparison found.

    rows: expected, of all objects; equal: those found so; counts: of the others and of extra records, by kind; fields:
    `Object.Field` -> in how many different rows it differs; left_out: fields that are not compared, with the reason;
    calls: by service.
    """

    stream: str
    asked: Span
    read: Read
    rows: int
    equal: int
    counts: Mapping[Kind, int]
    fields: Mapping[str, int]
    left_out: Mapping[str, str]
    examples: tuple[Example, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    repair: Repair | None = None

    @property
    def needs_person(self) -> bool:
        """Whether anything is left that only a person, or a repair, mends."""
        left = self.repair.still if self.repair else self.counts
        return any(left.get(kind) for kind in TROUBLE)


class _Side:
    """The records of one object, and what is to be compared of them."""

    def __init__(
        self, org: Org, mapping: StreamMapping, target: Target, descriptions: Mapping[str, Description]
    ) -> None:
        description = descriptions[target.object]
        names = [rule.name for rule in target.fields]
        self.object = target.object
        columns, self.left_out = readable(description, names, UNREADABLE)
        if target.external_id in self.left_out:
            raise DeliveryRefused(
                f"{target.object}.{target.external_id}: {self.left_out[target.external_id]}",
                "records can only be compared by their key: grant read access to it",
            )
        self.columns = tuple(one for one in columns if one.name != target.external_id)
        self.time_field = time_field(mapping, target, descriptions)
        self.reader = ReadBack(org, target.object, target.external_id, self.columns)
        self._may_lack = {rule.name for rule in target.fields if rule.when_parent_missing == "leave"}

    def differing(self, expected: Expected, held: Held) -> tuple[str, ...]:
        """The fields that do not hold what they should. A relationship a row may go without may be empty."""
        return tuple(
            one.name
            for one in self.columns
            if one.name in expected.values
            and not agrees(one.type, one.scale, expected.values[one.name], held.values[one.name])
            and not (one.name in self._may_lack and held.values[one.name] is None)
        )


class Verifier:
    """Compares one stream.

    store: the state of the installation, which is only read; findings: filled with what the source gives; read: of
    what time; now: what the comparison counts as the present.
    """

    def __init__(
        self,
        stream: Stream,
        store: Store,
        findings: Findings,
        org: Org,
        read: Read,
        now: datetime,
        tell: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        mapping = stream.compiled.mapping
        self._stream = stream
        self._store = store
        self._findings = findings
        self._read = read
        self._now = now
        self._tell = tell
        self._planned = [one.span for one in plan_without_asking(store, stream.name, stream.ways, now)]
        self._followed = store.open_records.times(stream.name)
        self._forgotten = now - mapping.keep_hashes.length() + timedelta(days=1)
        described = {target.object: fetch_description(org, target.object) for target in mapping.targets}
        self._sides = [_Side(org, mapping, target, described) for target in mapping.targets]
        self._records = 0

    def verification(self, asked: Span, examples: tuple[Example, ...] = ()) -> Verification:
        """What is found so far."""
        return Verification(
            stream=self._stream.name,
            asked=asked,
            read=self._read,
            rows=self._findings.count(),
            equal=self._findings.equal(),
            counts=self.counts,
            fields=dict(self._findings.fields("different")),
            left_out=self._left_out,
            examples=examples,
        )

    @property
    def counts(self) -> dict[Kind, int]:
        """Rows that are not equal, by kind."""
        return dict(self._findings.counts())

    @property
    def _left_out(self) -> dict[str, str]:
        found = {f"{side.object}.{name}": why for side in self._sides for name, why in side.left_out.items()}
        mapping = self._stream.compiled.mapping
        if self._read.by_query and mapping.source.asked.shape == "details":
            for target in mapping.targets:
                names = [rule.name for rule in target.fields if needs_job(rule)]
                found |= {
                    f"{target.object}.{name}": "where its time is read by query, nothing gives it" for name in names
                }
        return found

    def compare(self) -> None:
        """Read everything back and note what is not equal. Raises what reading back raises."""
        for side in self._sides:
            if side.time_field:
                for spans, is_sure in ((self._read.whole, True), (self._read.doubtful, False)):
                    for span in spans:
                        self._compare_span(side, side.time_field, span, is_sure=is_sure)
            for rows in self._findings.not_met(side.object):
                self._compare_keys(side, rows)
            self._look_for_known(side)
            self._judge_unexpected(side)

    def _compare_span(self, side: _Side, time_field: str, span: Span, *, is_sure: bool) -> None:
        for page in side.reader.by_time(time_field, span):
            keys = [held.key for held in page]
            expected = self._findings.expected(side.object, keys)
            self._findings.meet(side.object, keys)
            self._findings.did_not_expect(side.object, [key for key in keys if key not in expected], is_sure=is_sure)
            self._weigh(side, [(expected[held.key], held) for held in page if held.key in expected])
            self._told(len(page), span)

    def _compare_keys(self, side: _Side, rows: Sequence[Expected]) -> dict[str, Expected]:
        """Ask for these rows by their keys. Returns those that are missing."""
        missing = {row.key: row for row in rows}
        in_any_case = {row.key.casefold(): row for row in rows}
        exact = dict(missing)
        for page in side.reader.by_keys(list(exact)):
            pairs = []
            for held in page:
                row = exact.get(held.key) or in_any_case.get(held.key.casefold())
                if row is not None and missing.pop(row.key, None) is not None:
                    pairs.append((row, held))
            self._findings.meet(side.object, [row.key for row, _ in pairs])
            self._findings.did_expect(side.object, [held.key for _, held in pairs])
            self._weigh(side, pairs)
            self._told(len(page))
        self._findings.note(
            Finding(side.object, row.key, row.at, self._kind(side, row, is_missing=True)) for row in missing.values()
        )
        return missing

    def _weigh(self, side: _Side, pairs: Sequence[tuple[Expected, Held]]) -> None:
        found = []
        for row, held in pairs:
            if fields := side.differing(row, held):
                kind = self._kind(side, row, is_missing=False)
                found.append(Finding(side.object, row.key, row.at, kind, fields))
        self._findings.note(found)

    def _kind(self, side: _Side, row: Expected, *, is_missing: bool) -> Kind:
        at = instant(row.at)
        return kind_of(
            standing(self._store.db, self._stream.name, side.object, row.at, row.key),
            row,
            is_missing=is_missing,
            is_forgotten=at < self._forgotten,
            is_read_again=row.at in self._followed or is_read_again(self._stream.window, at, self._planned, self._now),
        )

    def _look_for_known(self, side: _Side) -> None:
        """Records of rows that were accepted once and that the source does not give: are they still there?"""
        for spans, is_sure in ((self._read.whole, True), (self._read.doubtful, False)):
            for span in spans:
                for keys in known_rows(self._store.db, self._stream.name, side.object, span):
                    given = {*self._findings.expected(side.object, keys), *self._findings.met(side.object, keys)}
                    asked = [key for key in keys if key not in given]
                    for page in side.reader.by_keys(asked):
                        there = {held.key for held in page} & set(asked)
                        self._findings.did_not_expect(side.object, there, is_sure=is_sure)
                        self._told(len(page))

    def _judge_unexpected(self, side: _Side) -> None:
        db, name = self._store.db, self._stream.name
        nothing_sure = self._findings.has_nameless()
        for some in self._findings.unexpected(side.object):
            keys = list(some)
            refused = self._findings.refused(side.object, keys)
            times = times_of(db, name, side.object, keys)
            of_others = self._of_others(side.object, [key for key in keys if key not in times])
            found = []
            for key, is_sure in some.items():
                if key in of_others:
                    continue
                here = next((at for at in times.get(key, ()) if self._is_read(at)), "")
                kind: Kind = "extra"
                if key in refused:
                    kind = "rejected"
                elif here and has_vanished(db, name, side.object, here, key):
                    kind = "vanished"
                elif standing(db, name, side.object, here, key).is_on_its_way:
                    kind = "waiting"
                elif not is_sure or nothing_sure or (key in times and not here):
                    # Known of another time, its time field was changed: that time's comparison tells it.
                    kind = "unsure"
                found.append(Finding(side.object, key, here, kind))
            self._findings.note(found)

    def _of_others(self, object: str, keys: Sequence[str]) -> set[str]:
        """Those of these keys that other streams have sent, or are about to."""
        db = self._store.db
        found: set[str] = set()
        for other in self._store.others_of(object, self._stream.name):
            found |= times_of(db, other, object, keys).keys()
            found |= {key for key in keys if standing(db, other, object, "", key).is_on_its_way}
        return found

    def _is_read(self, at: str) -> bool:
        return any(instant(at) in span for span in (*self._read.whole, *self._read.doubtful))

    def look_again(self, kinds: Sequence[Kind] = MENDED) -> None:
        """Ask once more for rows that were missing or different: what is equal meanwhile is taken back."""
        for side in self._sides:
            for some in self._findings.found(side.object, kinds):
                keys = [one.key for one in some]
                self._findings.take_back(side.object, keys)
                self._compare_keys(side, list(self._findings.expected(side.object, keys).values()))

    def send_again(self, cause: str) -> list[Span]:
        """Let a re-sync send what is missing or different. Returns the time it has to read.

        To be called by whoever holds the stream's lock.
        """
        read = (*self._read.whole, *self._read.doubtful)
        pieces = [piece for span in read for piece in self._stream.window.cut(span)]
        owed = self._findings.concerned(MENDED, pieces)
        send_again(self._store.db, self._stream.name, self._to_send(), owed, cause)
        return owed

    def _to_send(self) -> Iterator[tuple[str, str, str]]:
        for side in self._sides:
            for some in self._findings.found(side.object, MENDED):
                yield from ((one.object, one.at, one.key) for one in some)

    def examples(self, most: int, *, with_values: bool) -> tuple[Example, ...]:
        """Some rows of each object and kind that needs a person. with_values: they are asked for once more."""
        return tuple(
            example
            for side in self._sides
            for kind in TROUBLE
            for example in self._examples(side, kind, most, with_values=with_values)
        )

    def _examples(self, side: _Side, kind: Kind, most: int, *, with_values: bool) -> list[Example]:
        some = next(self._findings.found(side.object, [kind], most), [])
        values: dict[str, dict[str, tuple[Any, Any]]] = {}
        fields = {one.key: one.fields for one in some if one.fields}
        if with_values and fields:
            expected = self._findings.expected(side.object, list(fields))
            for page in side.reader.by_keys(list(fields)):
                for held in page:
                    if row := expected.get(held.key):
                        values[held.key] = {name: (row.values[name], held.values[name]) for name in fields[held.key]}
        return [Example(kind, one.object, one.key, one.at, one.fields, values.get(one.key, {})) for one in some]

    def _told(self, records: int, span: Span | None = None) -> None:
        self._records += records
        self._tell(Progress(self._stream.name, "comparing", span, records=self._records))
