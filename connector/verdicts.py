"""What a difference between both sides means, and by which field a span of records is found: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.mapping.model import Mapping as StreamMapping
from connector.mapping.model import Target
from connector.mapping.rules import FieldRule, relationship_of
from connector.salesforce.describe import Description
from connector.spans import Span, merged, minus
from connector.state.findings import Expected, Kind
from connector.state.one_pass import Pass
from connector.state.standings import Standing
from connector.windows import Window


@dataclass(frozen=True)
class Read:
    """What was read of the source.

    covered: of what was asked, the time that runs had settled; unsynced: the rest of it; whole: read, and its witnesses
    agreed; doubtful: read, but the source did not give it whole; unread: could not be read; by_query: whether any of it
    was read by query.
    """

    covered: tuple[Span, ...]
    unsynced: tuple[Span, ...]
    whole: tuple[Span, ...] = ()
    doubtful: tuple[Span, ...] = ()
    unread: tuple[Span, ...] = ()
    by_query: bool = False

    def after(self, passes: Sequence[Pass]) -> "Read":
        """The same, once these passes have read what was covered."""
        done = [one for one in passes if one.state in ("pulled", "settled", "short") and one.within]
        doubtful = merged(one.span for one in done if one.reason and one.state != "settled")
        read = merged(one.span for one in done)
        return replace(
            self,
            whole=tuple(minus(read, doubtful)),
            doubtful=tuple(doubtful),
            unread=tuple(minus(self.covered, read)),
            by_query=any(one.path == "query" for one in done),
        )


def to_read(asked: Span, covered: Sequence[Span]) -> Read:
    """What of a span can be compared. covered: time that runs have settled; never synced is not missing."""
    unsynced = minus([asked], covered)
    return Read(tuple(minus([asked], unsynced)), tuple(unsynced))


def kind_of(row: Standing, expected: Expected, *, is_missing: bool, is_forgotten: bool, is_read_again: bool) -> Kind:
    """How it came about that a row the source gives is missing in Salesforce, or differs there.

    is_forgotten: it is so old that the state forgets what was confirmed of it; is_read_again: a coming run reads its
    time again, and sends what has changed.
    """
    if row.is_on_its_way:
        return "waiting"
    if row.is_rejected:
        return "rejected"
    real: Kind = "missing" if is_missing else "different"
    if row.confirmed is None:
        is_new = is_missing and not is_forgotten
    else:
        is_new = not is_missing and not row.in_doubt and not expected.said.equals(*row.confirmed)
    if not is_new:
        return real
    return "changed" if is_read_again else "late"


def is_read_again(window: Window, at: datetime, planned: Sequence[Span], now: datetime) -> bool:
    """Whether a coming run reads that time in any case: it is planned, or not yet at the last age of recheck."""
    ages = (window.lookback + window.settle, *window.recheck)
    return now - at < max(ages) or any(at in span for span in planned)


def time_field(mapping: StreamMapping, target: Target, descriptions: Mapping[str, Description]) -> str | None:
    """The field that holds the time by which the target's records are placed in a span, as a query names it.

    It is their own, or that of the parent made of the same record; None where there is neither. descriptions: of the
    objects of all targets.
    """
    if own := _own_time_field(mapping, target, descriptions):
        return own
    for rule in target.fields:
        parent = relationship_of(rule.name)
        look_up = descriptions[target.object].lookup(parent.name) if parent and not parent.type else None
        if parent is None or look_up is None:
            continue
        for other in mapping.targets:
            if look_up.parents == (other.object,) and _is_same_record(rule, other):
                field = _own_time_field(mapping, other, descriptions)
                return f"{parent.name}.{field}" if field else None
    return None


def _own_time_field(mapping: StreamMapping, target: Target, descriptions: Mapping[str, Description]) -> str | None:
    time = mapping.query.time
    wanted = f"record.{time}" if target.each else time
    for rule in target.fields:
        is_plain = all(step.name == "datetime" for step in rule.steps)
        if rule.source == "from" and is_plain and [path.text for path in rule.paths] == [wanted]:
            field = descriptions[target.object].field(rule.name)
            if field is not None and field.type == "datetime":
                return rule.name
    return None


def _is_same_record(rule: FieldRule, parent: Target) -> bool:
    key = parent.key
    paths = [path.text.removeprefix("record.").removeprefix("parent.") for path in rule.paths]
    return parent.each is None and not rule.steps and not key.steps and paths == [path.text for path in key.paths]
