"""JSON too large for memory means what it means to the parser of small answers, or is refused as it would be there."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.bodies import Body, read_body
from connector.genesys.large import LongList, NotJson, parse_large

NUMBERS = (
    "0 -0 -0.0 1 -1 1.0 0.1 1E5 1e-7 1.7976931348623157e308 5e-324 123456789012345678901234567890.5 "
    "9223372036854775807 -9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775809 "
    "1e400 01 1. .5 +1 NaN Infinity -Infinity 0x1 - 1e"
).split()
TEXTS = (
    '"" "plain" "Straße" "\\u00fc" "\\ud83d\\ude00" "😀" "\\\\" "\\"" "\\\\\\"" "[{,:}]" "a\\/b" "\\u0000" "\\n" '
    '"\\ud800" "\\udc00" "\\ud800x" "\\u12" "\\x"'
).split()
SPACES = st.sampled_from(["", " ", "\n\t", "\r\n  "])

scalars = st.sampled_from([*NUMBERS[:17], *TEXTS[:13], "true", "false", "null"])
"""Such as orjson takes; the others come in by mutation."""
names = st.sampled_from(['"a"', '"b"', '"conversations"', '"\\u0061"', '""'])


def _listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(values, max_size=5), SPACES).map(
        lambda made: f"[{made[1]}{f'{made[1]},{made[1]}'.join(made[0])}{made[1]}]"
    )


def _object(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(names, SPACES, values), max_size=5)
    return members.map(lambda made: "{" + ",".join(f"{space}{name}{space}:{one}" for name, space, one in made) + "}")


documents = st.recursive(scalars, lambda inner: _listed(inner) | _object(inner), max_leaves=30).map(str.encode)
strange = st.sampled_from(
    [one.encode() for one in (*NUMBERS, *TEXTS, *'{}[],:" \\x', "nul", "\x01", "\u00a0", "//", "\ufeff")]
    + [b"\xff", b"\xed\xa0\x80"]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A document with something taken out or put in."""
    text = draw(documents)
    first = draw(st.integers(0, len(text)))
    last = draw(st.integers(first, min(len(text), first + 3)))
    return text[:first] + draw(strange | st.just(b"")) + text[last:]


def whole(value: Any) -> Any:
    """With every long list read."""
    if isinstance(value, LongList):
        return [whole(one) for one in value]
    if isinstance(value, list):
        return [whole(one) for one in value]
    return {name: whole(one) for name, one in value.items()} if isinstance(value, dict) else value


def told(text: bytes, at_once: int, long_list: int = 0) -> str:
    """The value with its types and the order of its names, or that it is refused."""
    try:
        return repr(whole(parse_large(Body(len(text), text), long_list, at_once)))
    except NotJson as fault:
        assert 0 <= fault.at <= len(text)
        return "refused"


def expected(text: bytes) -> str:
    try:
        return repr(orjson.loads(text))
    except orjson.JSONDecodeError:
        return "refused"


@given(documents, st.integers(1, 40), st.sampled_from([0, 5, 20]))
@settings(max_examples=120, deadline=None)
def test_a_document_read_from_a_file_means_what_it_means_in_memory(text: bytes, at_once: int, long_list: int) -> None:
    assert told(text, at_once, long_list) == expected(text)


@given(mutated(), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_what_is_no_json_in_memory_is_none_from_a_file(text: bytes, at_once: int) -> None:
    assert told(text, at_once) == expected(text)


@pytest.mark.parametrize("scalar", [*NUMBERS, *TEXTS])
def test_every_number_and_text_of_a_long_list_is_what_it_is_in_memory_or_refused(scalar: str) -> None:
    text = f'{{"list": [{scalar}, {{"in": {scalar}}}], "beside": 1}}'.encode()
    assert told(text, 8) == expected(text)


def test_every_cut_of_a_document_is_refused_at_its_end() -> None:
    text = b'{"a": {"list": [{"x": "\\u00e4 [", "y": [1, 2.5]}, null]}, "total": 7}'
    for length in range(1, len(text)):
        cut = text[:length]
        assert told(cut, 4) == expected(cut) == "refused"
    assert told(text, 4) == expected(text)


def test_of_a_name_that_stands_twice_the_last_value_counts() -> None:
    for text in (
        b'{"list": [1], "list": [2, 3]}',
        b'{"list": [1], "list": null}',
        b'{"a": {"list": [1]}, "a": {"other": [2]}}',
        b'{"a": {"list": [1]}, "a": 5}',
    ):
        assert told(text, 8) == expected(text)


def test_a_long_list_is_a_sequence_read_as_often_as_asked(tmp_path: Path) -> None:
    numbers = list(range(5000))
    text = orjson.dumps({"list": [{"n": one, "pad": "x" * 200} for one in numbers], "short": [1, 2]})
    body = read_body([text[:7], text[7:]], tmp_path, in_memory=1000)
    parsed = parse_large(body)
    listed = parsed.pop("list")
    assert (body.content, parsed, type(listed), len(listed)) == (None, {"short": [1, 2]}, LongList, 5000)
    assert [one["n"] for one in listed] == [one["n"] for one in listed] == numbers
    assert (listed[-1]["n"], [one["n"] for one in listed[3:5]]) == (4999, [3, 4])
    first, second = iter(listed), iter(listed)
    assert [next(first)["n"], next(second)["n"], next(first)["n"]] == [0, 0, 1]


def test_the_place_of_a_fault_is_told_in_bytes() -> None:
    before = b'{"beside": "\xc3\xa4", "list": [1, 2, '
    for text, at in ((before + b"x]}", len(before)), (before + b'3], "n": x}', len(before) + 9), (before, len(before))):
        with pytest.raises(NotJson) as caught:
            parse_large(Body(len(text), text), 0, 5)
        assert caught.value.at == at
