"""The row loop written out: one Python function per target, made once from its rules and run for every record.

A field that is a path of one or two names, a ratio or the key becomes a few lines without any call; every other source
and step is a call of its function (`connector.mapping.sources`, `connector.mapping.steps`). What is read by several
fields is read once. The text of the function holds generated names, numbers and quoted texts only.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from connector.mapping.arithmetic import Scale, dividing, scaling
from connector.mapping.contents import Contents
from connector.mapping.kinds import is_checkbox
from connector.mapping.paths import Name, Record, RecordPath, below
from connector.mapping.rules import FieldRule
from connector.mapping.sources import (
    as_key_part,
    found_at,
    is_identity,
    measure_at,
    one_at,
    source_of,
    without_identity,
)
from connector.mapping.steps import Maker, is_reckoning, leading_scale
from connector.mapping.values import Refusal, as_instant, plain, whole_seconds

Values = Callable[[Record], dict[str, Any]]


def compile_values(rules: Sequence[FieldRule], contents: Contents, change_of: Maker) -> Values:
    """A function from a record to the values of its row, in the order of the rules.

    Fields whose rule says `leave` are absent when they are missing. The function raises Refusal.
    change_of: makes the function of a step.
    """
    writer = _Writer(contents, change_of)
    writer.row([(rule, writer.field(rule)) for rule in rules])
    return writer.compiled()


class _Writer:
    """The lines of one function of a record `r`, and the values its names stand for."""

    def __init__(self, contents: Contents, change_of: Maker) -> None:
        self._contents = contents
        self._change_of = change_of
        self._lines: list[str] = []
        self._held: dict[str, Any] = {"plain": plain, "seconds": whole_seconds, "instant": as_instant, "below": below}
        self._known: dict[str, str] = {}
        self._locals = 0

    def compiled(self) -> Values:
        text = "\n    ".join(["def values(r):", "g = r.get", *self._lines])
        exec(compile(text, "<fields of a mapping>", "exec"), self._held)  # noqa: S102 - made of what stands above
        made: Values = self._held["values"]
        return made

    def row(self, fields: Sequence[tuple[FieldRule, str]]) -> None:
        """The row itself: one display where nothing is left out, else field by field."""
        whole = []
        rest = list(fields)
        while rest and rest[0][0].when_missing != "leave":
            rule, value = rest.pop(0)
            whole.append(f"{rule.name!r}: {value}")
        if not rest:
            self._add(f"return {{{', '.join(whole)}}}")
            return
        self._add(f"row = {{{', '.join(whole)}}}")
        for rule, value in rest:
            is_left = f"if {value} is not None: " if rule.when_missing == "leave" else ""
            self._add(f"{is_left}row[{rule.name!r}] = {value}")
        self._add("return row")

    def field(self, rule: FieldRule) -> str:
        """Write what makes a field; returns the name of its value."""
        steps = rule.steps
        match rule.source:
            case "value":
                value = self._hold(rule.constant)
            case "from":
                value = self._path(rule.paths[0])
            case "key":
                value = self._key(rule)
            case "ratio":
                scale, steps = leading_scale(steps)
                value = self._ratio(rule, scale)
            case _:
                value = self._set(f"{self._hold(source_of(rule, self._contents))}(r)")
        while steps:
            if is_reckoning(steps[0]):
                scale, steps = leading_scale(steps)
                value = self._scaled(value, scale)
            elif steps[0].name == "default":
                value = self._set(f"{self._hold(steps[0].argument)} if {value} is None else {value}")
                steps = steps[1:]
            else:
                change = self._hold(self._change_of(steps[0]))
                value = self._set(f"None if {value} is None else {change}({value})")
                steps = steps[1:]
        if rule.when_missing == "reject":
            self._add(f"if {value} is None: raise {self._hold(_missing)}()")
        if rule.when_missing == "clear" and is_checkbox(rule, self._contents):
            value = self._set(f"False if {value} is None else {value}")
        return value

    def _path(self, path: RecordPath) -> str:
        """The one value at a path, read once."""
        if path.text in self._known:
            return self._known[path.text]
        kind = self._contents.follow(path).kind
        is_plain = all(isinstance(step, Name) for step in path.steps)
        if not is_plain or len(path.steps) > 2 or measure_at(path, self._contents):
            value = self._set(f"{self._hold(one_at(path, self._contents))}(r)")
        elif len(path.steps) == 1:
            value = self._set(f"g({path.names[0]!r})")
            self._tidied(value, kind)
        else:
            above = self._above(path.names[0])
            value = self._set("None")
            self._add(f"if {above}.__class__ is dict:")
            self._add(f"    {value} = {above}.get({path.names[1]!r})")
            self._tidied(value, kind, "    ")
            self._add(f"elif {above} is not None: {value} = plain(below({above}, {path.names[1]!r}))")
        self._known[path.text] = value
        return value

    def _above(self, name: str) -> str:
        known = f"above {name}"
        if known not in self._known:
            self._known[known] = self._set(f"g({name!r})")
        return self._known[known]

    def _tidied(self, value: str, kind: str, indent: str = "") -> None:
        """What `plain` does, written out for the commonest value of a kind."""
        if kind == "datetime":
            line = f"{value} = seconds({value}) if {value}.__class__ is str and {value} else instant(plain({value}))"
        elif kind in ("integer", "number"):
            line = f"if {value}.__class__ is not int: {value} = plain({value})"
        elif kind == "boolean":
            line = f"if {value}.__class__ is not bool: {value} = plain({value})"
        else:
            line = f"if {value}.__class__ is not str or not {value} or '\\r' in {value}: {value} = plain({value})"
        self._add(indent + line)

    def _key(self, rule: FieldRule) -> str:
        parts = []
        for path in rule.paths:
            if self._contents.follow(path).is_list:
                value = self._set(f"{self._hold(found_at(path, self._contents))}(r)")
            else:
                value = self._path(path)
                if is_identity(path, self._contents):
                    self._add(f"if {value} is None: raise {self._hold(partial(without_identity, path))}()")
            part = self._set(value)
            is_odd = f"{part}.__class__ is not str or {part} == '-' or '|' in {part} or '\\\\' in {part}"
            self._add(f"if {is_odd}: {part} = {self._hold(as_key_part)}({part})")
            parts.append(part)
        return self._set('f"' + "|".join(f"{{{part}}}" for part in parts) + '"')

    def _ratio(self, rule: FieldRule, scale: Scale) -> str:
        up, down = map(self._path, rule.paths)
        exactly = f"{self._hold(dividing(scale))}({up}, {down})"
        if scale.above < 0:
            return self._set(exactly)
        value = self._set("None")
        self._add(f"if {up}.__class__ is int and {down}.__class__ is int and {up} >= 0 and {down} > 0:")
        self._add(f"    {value} = {_quotient(up, scale, f'{down} * ')}")
        self._add(f"else: {value} = {exactly}")
        return value

    def _scaled(self, value: str, scale: Scale) -> str:
        exactly = f"{self._hold(scaling(scale))}({value})"
        if scale.above < 0:
            return self._set(exactly)
        scaled = self._set("None")
        quick = f"{value} * {scale.above}" if scale.whole else _quotient(value, scale)
        self._add(f"if {value}.__class__ is int and {value} >= 0: {scaled} = {quick}")
        self._add(f"else: {scaled} = {exactly}")
        return scaled

    def _set(self, expression: str) -> str:
        self._locals += 1
        name = f"v{self._locals}"
        self._add(f"{name} = {expression}")
        return name

    def _hold(self, value: Any) -> str:
        name = f"k{len(self._held)}"
        self._held[name] = value
        return name

    def _add(self, line: str) -> None:
        self._lines.append(line)


def _quotient(above: str, scale: Scale, below: str = "") -> str:
    """Python for a scaled number, or for one divided by another and scaled, rounded half up.

    above: zero or more; below: "" or a factor above zero, written `v * `.
    """
    if scale.digits is None:
        return f"{above} * {scale.above} / ({below}{scale.below})"
    power: int = 10**scale.digits
    rounded = f"({above} * {2 * power * scale.above} + {below}{scale.below}) // ({below}{2 * scale.below})"
    return f"{rounded} / {power}" if scale.digits else rounded


def _missing() -> Refusal:
    return Refusal("MISSING_VALUE", "no value, and when_missing is reject")
