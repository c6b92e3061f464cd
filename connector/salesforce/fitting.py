"""What is known of a mapping's values, held against the sizes of the fields they go to, before any row is made."""

from collections.abc import Iterator, Mapping

from connector.mapping.extents import Extent
from connector.mapping.values import salesforce_length
from connector.salesforce.describe import Description, Field
from connector.salesforce.refusing import TEXTS, is_too_large, retired


def size_problems(description: Description, extents: Mapping[str, Extent]) -> list[str]:
    """Every value the mapping is known to give that the object cannot hold, one sentence each.

    extents: column -> what is known of its values; fields the object does not have are told elsewhere.
    """
    return [
        f"{description.name}.{column}: {problem}"
        for column, extent in extents.items()
        if (field := description.field(column)) is not None
        for problem in (*_text_problems(field, extent), *_number_problems(field, extent), *_choices(field, extent))
    ]


def size_warnings(description: Description, extents: Mapping[str, Extent]) -> list[str]:
    """What arrives otherwise than the mapping makes it: digits beyond the scale of a field are cut without a word
    (Bulk API 2.0 guide, valid number format)."""
    return [
        f"{description.name}.{column}: rounded to {extent.decimals} decimals and cut by Salesforce to the "
        f"{field.scale} of the field; write `round: {field.scale}`"
        for column, extent in extents.items()
        if (field := description.field(column)) is not None
        if field.precision and extent.decimals is not None and extent.decimals > field.scale
    ]


def _text_problems(field: Field, extent: Extent) -> Iterator[str]:
    if field.type not in TEXTS or not field.length:
        return
    long = [one for one in extent.values if isinstance(one, str) and salesforce_length(one) > field.length]
    for one in long:
        yield f"the value {one!r} has {salesforce_length(one)} characters, the field holds {field.length}"
    if extent.longest is None or extent.longest <= field.length or long:
        return
    if extent.cut == extent.longest:
        yield (
            f"`truncate: {extent.cut}` lets more through than the {field.length} characters the field holds; write "
            f"`truncate: {field.length}`, or make the field longer in Setup"
        )
    else:
        yield (
            f"a text of up to {extent.longest} characters does not fit the {field.length} the field holds; make the "
            "field longer in Setup"
        )


def _number_problems(field: Field, extent: Extent) -> Iterator[str]:
    for one in extent.values:
        if is_too_large(field, one):
            yield f"the number {one} is too large for the field, which holds {_digits(field)}"


def _digits(field: Field) -> str:
    if field.type == "int":
        return f"{field.digits} digits"
    return f"{field.precision - field.scale} digits before the point"


def _choices(field: Field, extent: Extent) -> Iterator[str]:
    for one in extent.values:
        for value in retired(field, one):
            known = ", ".join(map(repr, field.choices[:8])) + (", ..." if len(field.choices) > 8 else "")
            yield f"{value!r} is no active value of the restricted picklist; active are {known or 'none'}"
