"""The right word is named when it is near, and none when it is not."""

import pytest

from connector.mapping.suggest import nearest


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("tHandle", "tHandle"),
        ("thandle", "tHandle"),
        ("tHandel", "tHandle"),
        ("tHadle", "tHandle"),
        ("tHanddle", "tHandle"),
        ("Handles", "tHandle"),
        ("tHnadel", "tHandle"),
        ("tHandlexyz", None),
        ("xxxandle", None),
        ("ani", "ani"),
        ("an", "ani"),
        ("bn", None),
        ("dnsi", "dnis"),
        ("x", None),
        ("", None),
    ],
)
def test_the_nearest_word_is_at_most_two_letters_away(word, found):
    assert nearest(word, ("tHandle", "tHeld", "ani", "dnis")) == found


def test_of_several_near_words_the_nearest_is_named():
    assert nearest("tHandls", ("aHandle", "tHandle", "tHandled")) == "tHandle"
