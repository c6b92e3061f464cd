"""Paths into records: what they may hold, and what they find."""

import pytest

from connector.mapping.contents import CONVERSATION, follow
from connector.mapping.paths import Index, Name, Where, many, one, parse_path
from connector.mapping.values import Refusal

TREE = {
    "id": "c1",
    "divisionIds": ["d1", "d2"],
    "participants": [
        {"purpose": "customer", "sessions": [{"mediaType": "voice", "segments": [{"queueId": "q1"}, {}]}]},
        {"purpose": "agent", "userId": "u1", "sessions": [{"mediaType": "chat"}, {"mediaType": "voice"}]},
        {"purpose": "user", "userId": "u2", "attributes": {"Order No": "A-17"}, "sessions": None},
    ],
}


def test_a_path_is_names_indexes_and_conditions():
    assert parse_path('participants[purpose=agent,"a,b"][-1].attributes."Order \\"No\\"".x:y-z_1').steps == (
        Name("participants"),
        Where("purpose", frozenset({"agent", "a,b"})),
        Index(-1),
        Name("attributes"),
        Name('Order "No"'),
        Name("x:y-z_1"),
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "character 1"),
        ("a.", "character 3"),
        (".a", "character 1"),
        ("a..b", "character 3"),
        ("a b", "character 2"),
        ("a[x]", "character 2"),
        ("a[0", "character 2"),
        ("a[purpose=]", "character 2"),
        ('a."b', "character 3"),
        ("a[0]b", "character 5"),
    ],
)
def test_a_broken_path_says_where(text, where):
    with pytest.raises(ValueError, match=where):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id", ["c1"]),
        ("nothing", []),
        ("id.deeper", []),
        ("divisionIds", ["d1", "d2"]),
        ("divisionIds[-1]", ["d2"]),
        ("divisionIds[2]", []),
        ("participants.userId", ["u1", "u2"]),
        ("participants.sessions.mediaType", ["voice", "chat", "voice"]),
        ("participants[purpose=agent,user].userId", ["u1", "u2"]),
        ("participants[purpose=agent].sessions[0].mediaType", ["chat"]),
        ("participants.sessions[0].mediaType", ["voice", "chat"]),
        ("participants[purpose=none].userId", []),
        ("participants[purpose=agent][userId=u1].sessions.mediaType", ["chat", "voice"]),
        ("participants.sessions.segments.queueId", ["q1"]),
        ('participants.attributes."Order No"', ["A-17"]),
    ],
)
def test_a_path_gives_the_flat_list_of_what_it_finds_in_order(text, found):
    assert many(parse_path(text))(TREE) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id", "c1"),
        ("nothing.at.all", None),
        ("id.deeper", None),
        ("divisionIds[0]", "d1"),
        ("divisionIds[-2]", "d1"),
        ("divisionIds[-3]", None),
        ("participants[1].userId", "u1"),
        ("participants[purpose=user][0].userId", "u2"),
        ('participants[-1].attributes."Order No"', "A-17"),
    ],
)
def test_a_path_to_one_value_gives_it_or_nothing(text, found):
    assert one(parse_path(text))(TREE) == found


@pytest.mark.parametrize("text", ["divisionIds", "participants.userId", "participants[0].sessions.mediaType"])
def test_a_list_where_one_value_is_meant_is_refused(text):
    with pytest.raises(Refusal) as caught:
        one(parse_path(text))(TREE)
    assert caught.value.code == "LIST"


@pytest.mark.parametrize(
    ("text", "is_list"),
    [
        ("participants", True),
        ("participants[0]", False),
        ("participants[0].userId", False),
        ("participants[0].sessions", True),
        ("participants[0].sessions[0].mediaType", False),
        ("participants.userId", True),
        ("participants.sessions[0].mediaType", True),
        ("participants[purpose=agent]", True),
        ("participants[purpose=agent][0].userId", False),
        ("conversationId", False),
    ],
)
def test_lists_are_known_before_any_record(text, is_list):
    assert follow(parse_path(text), CONVERSATION).is_list is is_list


def test_empty_text_is_missing_and_line_ends_become_lf():
    get = one(parse_path("note"))
    assert [get({"note": note}) for note in ("", "a\r\nb\rc\nd", " ", None, 0, False)] == [
        None,
        "a\nb\nc\nd",
        " ",
        None,
        0,
        False,
    ]
