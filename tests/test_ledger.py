"""The two balances of a pass."""

import pytest

from connector.errors import UnbalancedPass
from connector.ledger import Books


def test_books_that_come_out_even_pass():
    Books(
        pulled=10, duplicate=1, outside=2, filtered=1, unmappable=1, mapped=5,
        made=7, row_duplicate=1, unchanged=1, created=1, updated=1, rejected=1, superseded=1, pending=1,
    ).check("stream")  # fmt: skip


def test_a_record_that_went_nowhere_is_told():
    with pytest.raises(UnbalancedPass, match=r"queue: .* 10 records pulled, 9 accounted for"):
        Books(pulled=10, mapped=9).check("queue")


def test_a_row_that_went_nowhere_is_told():
    with pytest.raises(UnbalancedPass, match="3 rows made, 2 accounted for"):
        Books(pulled=3, mapped=3, made=3, created=2).check("queue")


def test_books_add_up_term_by_term():
    assert Books(pulled=1, made=2) + Books(pulled=3, pending=4) == Books(pulled=4, made=2, pending=4)
