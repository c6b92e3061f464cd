"""The Salesforce field a mapped value needs: its type and sizes, found from the steps or said in the mapping.

Source: Metadata API guide, CustomField.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.mapping.rules import FieldRule

LONGEST_TEXT = 255
"""Characters a Text field may have."""

LONGEST_NAME = 40
"""Characters a label, and an API name without its `__c`, may have."""

UNROUNDED_SCALE = 4
"""Places after the point of a number that no step rounds."""

DIGITS = 18
"""Digits in all a Number, Percent or Currency may have."""

DESCRIBED = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Percent": "percent",
    "Currency": "currency",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Phone": "phone",
    "Email": "email",
    "Url": "url",
    "Lookup": "reference",
}
"""Type of the Metadata API -> type of a describe."""

_BY_KIND = {
    "text": "Text",
    "number": "Number",
    "integer": "Number",
    "boolean": "Checkbox",
    "datetime": "DateTime",
    "date": "Date",
    "any": "Text",
}
_NUMBERS = ("Number", "Percent", "Currency")
_LONGEST_LONG_TEXT = 32_768
_UNITS = {"s": "(s)", "ms": "(ms)", "min": "(min)", "h": "(h)", "pct": "(%)", "percent": "(%)"}


@dataclass(frozen=True)
class NewField:
    """A custom field to be made.

    object: the API name mappings use (a field of Task stands in Activity's file); type: as the Metadata API spells it,
    or Lookup; length: characters, 0 where the type has none; precision, scale: digits in all and after the point;
    is_key: flagged External ID, Unique and case sensitive; parent: object of a Lookup; choices: values of a picklist.
    """

    object: str
    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    is_key: bool = False
    parent: str = ""
    choices: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.object}.{self.name}"


def new_field(object: str, rule: FieldRule, kind: str, *, is_key: bool) -> NewField:
    """The field for a rule of the mapping. kind: of its values, as `Compiled.types` tells it."""
    type = rule.type or _BY_KIND[kind]
    length = 0
    if type == "Text":
        length = _text_length(rule, is_key=is_key)
        if length > LONGEST_TEXT and not (is_key or rule.type):
            type = "LongTextArea"
    elif type == "LongTextArea":
        cut = _text_length(rule, is_key=False)
        length = cut if rule.length or cut > LONGEST_TEXT else _LONGEST_LONG_TEXT
    has_digits = type in _NUMBERS
    return NewField(
        object=object,
        name=rule.name,
        label=rule.label or label_of(rule.name),
        type=type,
        length=length,
        precision=DIGITS if has_digits else 0,
        scale=_scale(rule, kind) if has_digits else 0,
        is_key=is_key,
        choices=tuple(dict.fromkeys(_outcomes(rule))) if "icklist" in type else (),
    )


def new_lookup(object: str, relationship: str, parent: str, label: str | None) -> NewField:
    """The look-up field behind `Relationship__r`."""
    name = f"{relationship[:-1]}c"
    return NewField(object, name, label or label_of(name), "Lookup", parent=parent)


def field_problems(field: NewField) -> Iterator[str]:
    """Why Salesforce would refuse the field, as far as the field alone tells."""
    stem = field.name.removesuffix("__c")
    if len(stem) > LONGEST_NAME:
        yield f"the name is longer than the {LONGEST_NAME} characters Salesforce allows before __c"
    if field.is_key and field.type != "Text":
        yield f"the key field must be of type Text, not {field.type}; take `type` out"
    if field.type == "Text" and field.length > LONGEST_TEXT:
        yield f"a Text has {LONGEST_TEXT} characters at most; write `type: LongTextArea`, or a smaller `length`"
    if field.type == "LongTextArea" and field.length <= LONGEST_TEXT:
        yield f"a LongTextArea has more than {LONGEST_TEXT} characters; write `type: Text`, or a greater `length`"
    if "icklist" in field.type and not field.choices:
        yield f"the values of a {field.type} are not known; name them with `map`, or take `type: Text`"


def label_of(name: str) -> str:
    """A label made of an API name: `Average Handle (s)` for `Average_Handle_s__c`, `Wait Time` for `WaitTime__c`."""
    stem = re.sub(r"__[A-Za-z]{1,3}$", "", name)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).split("_")
    words = [word[:1].upper() + word[1:] if at == 0 or len(word) > 3 else word for at, word in enumerate(words)]
    if len(words) > 1 and words[-1].lower() in _UNITS:
        words[-1] = _UNITS[words[-1].lower()]
    return " ".join(words)[:LONGEST_NAME].strip()


def _text_length(rule: FieldRule, *, is_key: bool) -> int:
    cuts = [step.argument for step in rule.steps if step.name == "truncate"]
    if rule.length:
        return rule.length
    return LONGEST_TEXT if is_key or not cuts else int(min(cuts))


def _scale(rule: FieldRule, kind: str) -> int:
    rounds = [step.argument for step in rule.steps if step.name == "round"]
    if rounds:
        return min(max(int(rounds[-1]), 0), DIGITS - 1)
    return 0 if kind == "integer" else UNROUNDED_SCALE


def _outcomes(rule: FieldRule) -> Iterator[str]:
    """Every value the mapping names as one that may come out."""
    found: list[object] = [rule.constant] if rule.source == "value" else []
    for step in rule.steps:
        if step.name == "map":
            found = [*step.argument.values(), step.otherwise]
        elif step.name == "default":
            found.append(step.argument)
    yield from (str(one) for one in found if one is not None)
