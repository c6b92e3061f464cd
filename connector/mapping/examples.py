"""Examples written beside a mapping: a record, and what is to become of it. They have no effect on a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from connector.mapping.document import Document, Place
from connector.mapping.lookup_names import LOOKUPS
from connector.mapping.strict import Strict, kind_of, read
from connector.mapping.suggest import did_you_mean

_OUTCOMES = ("row", "rows", "filtered", "rejected")

Names = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Kind -> id -> properties, such as {"queues": {"q1": {"name": "Support"}}}."""


@dataclass(frozen=True)
class ExpectedRow:
    """The fields a row must hold, None where one is cleared. object: "" for the one target there is."""

    object: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RecordExample:
    """One record and its outcome: rows, none (`is_filtered`), or a code it is set aside with (`rejected`).

    number: from 1; record: as flattening yields it, facts of a conversation may be left out; is_exact: rows hold no
    fields but those named; names: what `lookup` finds.
    """

    number: int
    about: str
    record: Mapping[str, Any]
    rows: tuple[ExpectedRow, ...] = ()
    is_filtered: bool = False
    rejected: str = ""
    is_exact: bool = False
    names: Names | None = None


_Values = dict[str, Any]


class WrittenExample(Strict):
    """An entry of `examples` as written."""

    record: _Values
    about: str = ""
    row: _Values | None = None
    rows: Annotated[tuple[Annotated[_Values, Field(strict=True)], ...], Field(strict=False)] | None = None
    filtered: Literal[True] | None = None
    rejected: str | None = None
    only: Literal[True] | None = None
    lookups: dict[str, dict[str, _Values]] = Field(default_factory=dict)


def read_examples(document: Document, written: Any, fields: Mapping[str, Sequence[str]]) -> tuple[RecordExample, ...]:
    """The examples of a mapping; those that cannot be read are left out, with their problems noted.

    fields: object -> the fields the mapping writes there.
    """
    place: Place = ("examples",)
    if not isinstance(written, list):
        document.problem(place, f"must be a list of records with their rows, not {kind_of(written)}")
        return ()
    found = [_example(document, (*place, index), entry, fields) for index, entry in enumerate(written)]
    return tuple(one for one in found if one is not None)


def _example(
    document: Document, place: Place, written: Any, fields: Mapping[str, Sequence[str]]
) -> RecordExample | None:
    model = read(WrittenExample, written, document, place)
    if model is None:
        return None
    outcomes = [key for key in _OUTCOMES if key in written]
    if len(outcomes) != 1:
        has = f"has {' and '.join(outcomes)}" if outcomes else "says not what becomes of the record"
        document.problem(place, f"{has}; an example has exactly one of {', '.join(_OUTCOMES)}")
        return None
    if model.only and outcomes[0] not in ("row", "rows"):
        document.problem((*place, "only"), "'only' belongs to 'row' or 'rows'", at_key=True)
    if outcomes == ["rows"] and not model.rows:
        document.problem((*place, "rows"), "is empty; a record that becomes no row is {filtered: true}")
    _check_names(document, (*place, "lookups"), model.lookups)
    rows = [((*place, "row"), model.row)] if model.row is not None else []
    rows += [((*place, "rows", index), row) for index, row in enumerate(model.rows or ())]
    assert isinstance(place[-1], int)
    return RecordExample(
        number=place[-1] + 1,
        about=model.about,
        record=model.record,
        rows=tuple(_row(document, where, row, fields) for where, row in rows),
        is_filtered=bool(model.filtered),
        rejected=model.rejected or "",
        is_exact=bool(model.only),
        names=model.lookups,
    )


def _row(document: Document, place: Place, written: _Values, fields: Mapping[str, Sequence[str]]) -> ExpectedRow:
    """The fields one row must hold, with every name checked: a mistyped field would be a difference nobody mends."""
    values = dict(written)
    name = values.pop("object", "")
    if name and name not in fields:
        known = ", ".join(fields)
        hint = did_you_mean(str(name), fields) or f"; they are {known}"
        document.problem((*place, "object"), f"no target writes to {name!r}{hint}")
    known_fields = fields.get(name) or [field for each in fields.values() for field in each]
    for field, value in values.items():
        if known_fields and field not in known_fields:
            hint = did_you_mean(field, known_fields)
            document.problem((*place, field), f"the mapping writes no field {field}{hint}", at_key=True)
        if isinstance(value, dict | list):
            document.problem((*place, field), f"must be a value, not {kind_of(value)}")
    return ExpectedRow(str(name), values)


def _check_names(document: Document, place: Place, names: Names) -> None:
    for kind, known in names.items():
        if kind not in LOOKUPS:
            hint = did_you_mean(kind, LOOKUPS) or f"; they are {', '.join(LOOKUPS)}"
            document.problem((*place, kind), f"nothing of the kind {kind!r} can be looked up{hint}", at_key=True)
            continue
        for identity, properties in known.items():
            for name, value in properties.items():
                below = (*place, kind, identity, name)
                if name not in LOOKUPS[kind]:
                    hint = did_you_mean(name, LOOKUPS[kind]) or f"; known are {', '.join(LOOKUPS[kind])}"
                    document.problem(below, f"{kind} have no {name!r}{hint}", at_key=True)
                elif value is not None and not isinstance(value, str):
                    document.problem(below, f"must be text, not {kind_of(value)}")
