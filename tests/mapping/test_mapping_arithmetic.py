"""Numbers are those an admin reckons on paper."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.arithmetic import Scale, dividing, scaling, total
from connector.mapping.values import Refusal

DECIMALS = st.decimals(min_value=-(10**9), max_value=10**9, places=4)


@pytest.mark.parametrize(
    ("scale", "value", "result"),
    [
        (Scale().divided(1000).rounded(1), 42449, 42.4),
        (Scale().divided(1000).rounded(1), 42450, 42.5),
        (Scale().divided(1000).rounded(1), -42450, -42.5),
        (Scale().divided(1000), 42500, 42.5),
        (Scale().divided(1000), 42000, 42.0),
        (Scale().divided(1000).rounded(0), 42500, 43),
        (Scale().rounded(2), 1.005, 1.01),
        (Scale().rounded(2), 2.675, 2.68),
        (Scale().rounded(0), 2.5, 3),
        (Scale().rounded(0), -2.5, -3),
        (Scale().rounded(2), 7, 7),
        (Scale().multiplied(3), 7, 21),
        (Scale().multiplied(0.1), 3, 0.3),
        (Scale().multiplied(1.1).multiplied(1.1), 1.1, 1.331),
        (Scale().divided(-8), 1, -0.125),
        (Scale().divided(0.1), 1, 10.0),
        (Scale().divided(3).multiplied(3), 1, 1.0),
        (Scale().divided(1000).rounded(1), None, None),
        (Scale().divided(1000).rounded(0), 5_173_038_302_999, 5_173_038_303),
    ],
)
def test_reckoning_is_exact_and_rounds_half_away_from_zero(scale, value, result):
    found = scaling(scale)(value)
    assert (found, type(found)) == (result, type(result))


@given(value=DECIMALS, digits=st.integers(0, 4), divisor=st.integers(1, 10**6))
def test_division_and_rounding_agree_with_decimal_arithmetic(value, digits, divisor):
    found = scaling(Scale().divided(divisor).rounded(digits))(float(value))
    exact = Fraction(Decimal(repr(float(value)))) / divisor
    shifted = abs(exact) * 10**digits + Fraction(1, 2)
    whole = shifted.numerator // shifted.denominator
    assert Decimal(repr(found)) == Decimal(repr(float(Fraction(whole, 10**digits) * (1 if exact >= 0 else -1))))


@given(st.integers(-(10**15), 10**15))
def test_milliseconds_become_seconds_as_on_paper(milliseconds):
    on_paper = (Decimal(milliseconds) / 1000).quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert scaling(Scale().divided(1000).rounded(1))(milliseconds) == float(on_paper)


@pytest.mark.parametrize(
    ("above", "below", "result"),
    [
        (127500, 3, 42.5),
        (0, 5, 0.0),
        (5, 0, None),
        (5, 0.0, None),
        (None, 5, None),
        (5, None, None),
        (1.5, 0.5, 0.0),
        (-1, 2, 0.0),
        (100, -2, -0.1),
    ],
)
def test_a_ratio_needs_both_parts_and_a_divisor(above, below, result):
    assert dividing(Scale().divided(1000).rounded(1))(above, below) == result


@pytest.mark.parametrize("value", ["12", True, float("inf"), float("nan")])
def test_only_finite_numbers_are_reckoned_with(value):
    with pytest.raises(Refusal) as caught:
        scaling(Scale().divided(2))(value)
    assert caught.value.code == "NOT_A_NUMBER"


def test_a_result_beyond_every_number_is_refused():
    with pytest.raises(Refusal) as caught:
        scaling(Scale().multiplied(1e300))(1e300)
    assert caught.value.code == "NUMBER_TOO_LARGE"


def test_sums_are_exact_and_of_nothing_missing():
    assert [total(values) for values in ([0.1, 0.2], [1, None, 2], [1, 0.5], [None], [])] == [0.3, 3, 1.5, None, None]
