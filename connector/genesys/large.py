"""JSON too large for memory: its long lists stay in the file and are parsed element by element, as often as asked.

A first reading finds where each element of each long list begins and ends; what stands beside these lists is parsed as
usual. Every value is parsed by orjson, as in small answers, so that an answer means the same whatever its size: parsers
that read streams make decimals of floats, refuse or keep large integers, and replace lone surrogates by "?".
"""

import re
import secrets
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from connector.bodies import Body

LONG_LIST_BYTES = 256 * 1024
"""A list of at least so many bytes is left in the file."""

_DEEPEST = 4
"""Lists inside more objects than this are part of what is parsed as usual."""

READ_BYTES = 256 * 1024

_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb"[{\[](?:[^\"{}\[\]]++|" + _TEXT + rb")*+[}\]]"
_TOKEN = re.compile(rb"[ \t\r\n]*+(?:" + _TEXT + rb'|[{}\[\],:]|[^ \t\r\n"{}\[\],:]++)', re.DOTALL)
_UP_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _TEXT + rb"|" + _FLAT + rb")*+[{}\[\]]", re.DOTALL)


class NotJson(ValueError):
    """A body is not whole JSON. at: the first byte that does not fit, as far as it can be told."""

    def __init__(self, at: int) -> None:
        super().__init__(f"not JSON at byte {at}")
        self.at = at


class LongList(Sequence[Any]):
    """A list that stays in the file of its answer; each walk parses its elements anew, some at a time.

    Not for several threads at once.
    """

    def __init__(self, body: Body, starts: "array[int]", ends: "array[int]") -> None:
        self._body = body
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        return self._parsed(self._body.read(self._starts[index], self._ends[index]), self._starts[index])

    def __iter__(self) -> Iterator[Any]:
        first, count = 0, len(self)
        while first < count:
            last, base = first, self._starts[first]
            while last + 1 < count and self._ends[last + 1] - base <= READ_BYTES:
                last += 1
            read = memoryview(self._body.read(base, self._ends[last]))
            for one in range(first, last + 1):
                yield self._parsed(read[self._starts[one] - base : self._ends[one] - base], self._starts[one])
            first = last + 1

    @property
    def body(self) -> Body:
        """Of the answer it stands in."""
        return self._body

    def check(self) -> None:
        """Parse every element. Raises NotJson at the first that cannot be."""
        for _ in self:
            pass

    @staticmethod
    def _parsed(text: bytes | memoryview, start: int) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise NotJson(start + byte_of(error, bytes(text))) from None


def parse_large(body: Body, long_list: int = LONG_LIST_BYTES, at_once: int = READ_BYTES) -> Any:
    """The JSON of a body; lists in it of at least `long_list` bytes as LongList. at_once: bytes read at a time.

    Raises NotJson, StateError.
    """
    found = _Scan(body, long_list, at_once).long_lists()
    for _, one, _, _ in found:
        one.check()
    kept, marks, done = list[bytes](), list[str](), 0
    for _, _, start, end in found:
        marks.append(secrets.token_hex(16))
        kept += [body.read(done, start), orjson.dumps(marks[-1])]
        done = end
    kept.append(body.read(done, body.size))
    rest = b"".join(kept)
    try:
        value = orjson.loads(rest)
    except orjson.JSONDecodeError as error:
        raise NotJson(_in_body(byte_of(error, rest), found)) from None
    for (names, one, _, _), mark in zip(found, marks, strict=True):
        value = _put(value, names, mark, one)
    return value


def byte_of(error: orjson.JSONDecodeError, text: bytes) -> int:
    """The place of a parser's error in bytes."""
    try:
        return len(text.decode()[: error.pos].encode())
    except UnicodeDecodeError as fault:
        return fault.start


_Found = tuple[tuple[str, ...], LongList, int, int]
"""Names that lead to a long list, the list, its first byte and the one behind it."""


def _in_body(at: int, found: Sequence[_Found]) -> int:
    """A place in what is left of a body without its long lists, as a place in the body."""
    shift = 0
    for _, _, start, end in found:
        if at <= start - shift:
            break
        shift += (end - start) - _MARK_BYTES
    return at + shift


_MARK_BYTES = 34


def _put(value: Any, names: tuple[str, ...], mark: str, found: LongList) -> Any:
    """Put a list where its mark stands: of a name that is given twice the last one counts, and may be another value."""
    if not names:
        return found if value == mark else value
    holder = value
    for name in names[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and holder.get(names[-1]) == mark:
        holder[names[-1]] = found
    return value


class _Scan:
    """One reading of a body from its first byte to its last, which tells brackets and texts apart and no more.

    It is lenient: whatever it passes over is parsed afterwards. Only at the commas of a long list nothing else looks.
    """

    def __init__(self, body: Body, long_list: int, at_once: int) -> None:
        self._body = body
        self._long_list = long_list
        self._at_once = at_once
        self._buffer = b""
        self._base = 0  # place of the buffer's first byte in the body
        self._next = 0  # place in the buffer
        self._found: list[_Found] = []

    def long_lists(self) -> list[_Found]:
        """The long lists that objects lead to, in their order. Raises NotJson when the body ends inside a value."""
        self._value(self._token(), ())
        return self._found

    @property
    def _at(self) -> int:
        return self._base + self._next

    def _read_on(self) -> bool:
        """Get more of the body into the buffer; False at its end."""
        rest = self._buffer[self._next :]
        self._base, self._next = self._at, 0
        known = self._base + len(rest)
        # Twice as much each time: a text that is longer than the buffer is not looked through from its start for ever.
        more = self._body.read(known, min(self._body.size, known + max(self._at_once, len(rest))))
        self._buffer = rest + more
        return bool(more)

    def _take(self, pattern: re.Pattern[bytes]) -> bytes:
        """The next token, which may go on behind the buffer."""
        while True:
            found = pattern.match(self._buffer, self._next)
            if found is not None and found.end() < len(self._buffer):
                break
            if not self._read_on():
                found = pattern.match(self._buffer, self._next)
                break
        if found is None:
            raise NotJson(self._body.size)
        self._next = found.end()
        return found[0]

    def _token(self) -> bytes:
        return self._take(_TOKEN).lstrip(b" \t\r\n")

    def _value(self, token: bytes, names: tuple[str, ...]) -> None:
        """Pass over a value that begins with this token."""
        if token == b"{" and len(names) < _DEEPEST:
            self._members(names)
        elif token == b"[":
            self._elements(names)
        elif token == b"{":
            self._close()

    def _close(self) -> None:
        """Pass over the rest of an object or list that was just opened."""
        depth = 1
        while depth:
            depth += 1 if self._take(_UP_TO_BRACKET)[-1:] in b"{[" else -1

    def _members(self, names: tuple[str, ...]) -> None:
        while (token := self._token()) != b"}":
            if token == b",":
                continue
            if not token.startswith(b'"') or self._token() != b":":
                raise NotJson(self._at)
            try:
                name = orjson.loads(token)
            except orjson.JSONDecodeError:
                raise NotJson(self._at) from None
            self._value(self._token(), (*names, name))

    def _elements(self, names: tuple[str, ...]) -> None:
        begun = self._at - 1
        starts, ends = array("Q"), array("Q")
        token = self._token()
        while token != b"]":
            starts.append(self._at - len(token))
            if token in (b"{", b"["):
                self._close()
            ends.append(self._at)
            token = self._token()
            if token == b",":
                token = self._token()
                if token == b"]":
                    raise NotJson(self._at - 1)
            elif token != b"]":
                raise NotJson(self._at - len(token))
        if self._at - begun >= self._long_list:
            self._found.append((names, LongList(self._body, starts, ends), begun, self._at))
