"""Exact numbers: decimal as written, rounded half away from zero, without binary surprises.

Every number is taken as the decimal it is written as (1.005 is 1005/1000), reckoned in whole numbers, and turned back
at the end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from connector.mapping.values import Refusal

Number = int | float
Ratio = tuple[int, int]


@dataclass(frozen=True)
class Scale:
    """Multiply by `above`, divide by `below`, then round to `digits` decimals (None: do not).

    whole: nothing was divided and every factor is whole, so that whole numbers stay whole.
    """

    above: int = 1
    below: int = 1
    digits: int | None = None
    whole: bool = True

    def divided(self, by: Number) -> "Scale":
        above, below = exact(by)
        sign = -1 if above < 0 else 1
        return Scale(self.above * below * sign, self.below * abs(above), None, False)

    def multiplied(self, by: Number) -> "Scale":
        above, below = exact(by)
        return Scale(self.above * above, self.below * below, None, self.whole and isinstance(by, int))

    def rounded(self, digits: int) -> "Scale":
        return Scale(self.above, self.below, digits, self.whole)


def exact(value: Any) -> Ratio:
    """A number as two whole numbers, the second above zero. Raises Refusal for what is no finite number."""
    if value.__class__ is int:
        return value, 1
    if value.__class__ is float:
        try:
            return Decimal(repr(value)).as_integer_ratio()
        except (ValueError, OverflowError):
            pass
    raise Refusal("NOT_A_NUMBER", "not a number")


def scaling(scale: Scale) -> Callable[[Any], Any]:
    """A function that applies the scale to a number; None stays None. It raises Refusal for what is no number."""
    above, below, digits, stays_whole = scale.above, scale.below, scale.digits, scale.whole
    power = 10 ** (digits or 0)
    raised, doubled = 2 * above * power, 2 * below

    def scaled(value: Any) -> Any:
        if value is None:
            return None
        if value.__class__ is int:
            if stays_whole:
                return value * above
            if digits is not None:
                # Half up in whole numbers: floor((2 * value + divisor) / (2 * divisor)), mirrored below zero.
                twice = value * raised
                number = (twice + below) // doubled if twice >= 0 else -((below - twice) // doubled)
                return number / power if digits else number
        up, down = exact(value)
        return quotient(up * above, down * below, digits)

    return scaled


def quotient(above: int, below: int, digits: int | None) -> Number:
    """above / below (which is not zero), rounded to digits; whole when digits is 0. Raises Refusal when too large."""
    if below < 0:
        above, below = -above, -below
    try:
        if digits is None:
            return above / below
        twice = 2 * above * 10**digits
        number = (twice + below) // (2 * below) if twice >= 0 else -((below - twice) // (2 * below))
        return number / 10**digits if digits else number
    except OverflowError:
        raise Refusal("NUMBER_TOO_LARGE", "a number too large to write") from None


def ratio(above: Any, below: Any, scale: Scale) -> Number | None:
    """above / below times the scale; None when a part is missing or the divisor is zero."""
    if above is None or below is None:
        return None
    if above.__class__ is int and below.__class__ is int:
        return quotient(above * scale.above, below * scale.below, scale.digits) if below else None
    (up, up_below), (down, down_below) = exact(above), exact(below)
    return quotient(up * down_below * scale.above, up_below * down * scale.below, scale.digits) if down else None


def total(values: Iterable[Any]) -> Number | None:
    """The sum of all that is there; None for nothing. Whole numbers stay whole."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if all(value.__class__ is int for value in known):
        return sum(known)
    return float(sum((Fraction(*exact(value)) for value in known), Fraction()))
