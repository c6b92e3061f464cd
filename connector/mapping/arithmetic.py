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
    above, below, stays_whole = scale.above, scale.below, scale.whole
    written = _writing(scale.digits)

    def scaled(value: Any) -> Number | None:
        if value.__class__ is int:
            return value * above if stays_whole else written(value * above, below)
        if value is None:
            return None
        up, down = exact(value)
        return written(up * above, down * below)

    return scaled


def dividing(scale: Scale) -> Callable[[Any, Any], Number | None]:
    """A function that divides two numbers and applies the scale; None when one is missing or the divisor is zero."""
    above, below = scale.above, scale.below
    written = _writing(scale.digits)

    def divided(up: Any, down: Any) -> Number | None:
        if up is None or down is None:
            return None
        if up.__class__ is int and down.__class__ is int:
            more, less = up * above, down * below
        else:
            (up, up_less), (down, down_less) = exact(up), exact(down)
            more, less = up * down_less * above, up_less * down * below
        if not less:
            return None
        return written(more, less) if less > 0 else written(-more, -less)

    return divided


def _writing(digits: int | None) -> Callable[[int, int], Number]:
    """A function from two whole numbers, the second above zero, to their quotient; whole when digits is 0."""
    power: int = 10 ** (digits or 0)

    def written(above: int, below: int) -> Number:
        try:
            if digits is None:
                return above / below
            # Half up in whole numbers: floor(n / d + 1/2), mirrored below zero.
            twice = 2 * above * power
            number: int = (twice + below) // (2 * below) if twice >= 0 else -((below - twice) // (2 * below))
            return number / power if digits else number
        except OverflowError:
            raise Refusal("NUMBER_TOO_LARGE", "a number too large to write") from None

    return written


def total(values: Iterable[Any]) -> Number | None:
    """The sum of all that is there; None for nothing. Whole numbers stay whole."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if all(value.__class__ is int for value in known):
        return int(sum(known))
    added = sum((Fraction(*exact(value)) for value in known), Fraction())
    return _writing(None)(added.numerator, added.denominator)
