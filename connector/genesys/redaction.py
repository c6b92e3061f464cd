"""What an answer looks like, without anything it says: names of fields and kinds of values, lengths instead of values.

For the person who must find out why an answer is not what the catalogue says. Names are kept where they look like the
API's own (`conversationId`, `tAcw`): not those of participant attributes, which every organisation makes itself, and
none that begin with a capital or hold more than three digits, as names of people, addresses and ids do.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import ijson

from connector.masking import shortened

Read = Callable[[int, int], bytes]
"""Gives the bytes of a body from a place to before another."""

HIDDEN = "(hidden)"
"""Stands for a name that may say something about someone."""

MOST_PLACES = 300
MOST_TAGS = 40

_NAME = re.compile(r"(?=(?:\D*\d){0,3}\D*\Z)[a-z][A-Za-z0-9_]{0,39}")
_OWN_NAMES = frozenset({"attributes", "participantData"})
"""Fields whose objects hold names and values of the organisation's own making."""

_TAG = re.compile(rb"<\s*([A-Za-z][A-Za-z0-9]{0,15})(?=[\s/>])")
_TAGS = frozenset(
    b"html head title meta link style script base body header main footer nav section article aside h1 h2 h3 h4 h5 h6 "
    b"p div span br hr a b i em strong center font pre code img table thead tbody tr th td ul ol li form input button "
    b"label iframe noscript".split()
)

_CHUNK_BYTES = 64 * 1024
_NEARER_BYTES = (64, 1)
"""Steps by which a break is found: a parser keeps back what it has read of a chunk that does not parse, and looks
through an unfinished text anew with each."""

_HEAD_BYTES = 64 * 1024

_SAFE_HEADERS = ("Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Date")
_CORRELATION = ("ININ-Correlation-Id", "X-Correlation-Id")
_PLAIN = re.compile(r"[A-Za-z0-9 ,:;=/+.*\"-]{1,80}")
_ID = re.compile(r"[0-9A-Fa-f-]{8,64}")
_SEGMENT = re.compile(r"v\d{1,2}|[a-z][A-Za-z-]{0,39}")


def path_shape(path: str) -> str:
    """A path of the API with the length of what may be an id of someone in place of it."""
    return "/".join(
        one if not one or _SEGMENT.fullmatch(one) else f"({len(one)} characters)" for one in path.split("/")
    )


def name_shape(name: str) -> str:
    """A name of a field or parameter, where it looks like one of the API's own."""
    return name if _NAME.fullmatch(name) else HIDDEN


def header_shape(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that help to find an answer and say nothing about people; others, and odd values, are left out."""
    told = [(name, _PLAIN) for name in _SAFE_HEADERS] + [(name, _ID) for name in _CORRELATION]
    return {name: headers[name] for name, safe in told if name in headers and safe.fullmatch(headers[name])}


def body_shape(read: Read, size: int) -> dict[str, object]:
    """What a body of `size` bytes looks like, as values that JSON can hold.

    `kind` says what it is. JSON: `places`, a line for each place that a value stands at, `[]` for all elements of a
    list. Broken JSON: also `breaks_at`, the first byte that does not fit (`size` where it is cut), and `breaks_inside`.
    Web pages: `tags` in their order.
    """
    head = read(0, min(size, _HEAD_BYTES))
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    marked = {"begins_with": "byte order mark of UTF-8"} if head.startswith(b"\xef\xbb\xbf") else {}
    if not text:
        return {"kind": "empty" if not size else "white space", **marked}
    if text.startswith(b"\x1f\x8b"):
        return {"kind": "compressed (gzip)"}
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in text[:4]:
        return {"kind": "text that is not in UTF-8"}
    if text.startswith(b"<"):
        return {"kind": "web page or XML", "tags": list(_tags(text)), **marked}
    start = len(head) - len(head.removeprefix(b"\xef\xbb\xbf")) if marked else 0
    return {**_json_shape(read, start, size), **marked}


def _tags(text: bytes) -> Iterator[str]:
    for found in islice(_TAG.finditer(text), MOST_TAGS):
        name = found[1].lower()
        yield name.decode() if name in _TAGS else "(other)"


@dataclass
class _Place:
    """What stands at one place of all the values read. kinds: how often each; lengths: of texts and lists."""

    kinds: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, tuple[int, int]] = field(default_factory=dict)

    def meet(self, kind: str) -> None:
        self.kinds[kind] += 1

    def measure(self, kind: str, length: int) -> None:
        least, most = self.lengths.get(kind, (length, length))
        self.lengths[kind] = min(least, length), max(most, length)

    def __str__(self) -> str:
        return "; ".join(f"{kind}{self._length(kind)}{f' ×{n}' if n > 1 else ''}" for kind, n in self.kinds.items())

    def _length(self, kind: str) -> str:
        if kind not in self.lengths:
            return ""
        least, most = self.lengths[kind]
        unit = "characters" if kind == "text" else "elements"
        return f" of {least} {unit}" if least == most else f" of {least} to {most} {unit}"


class _Outline:
    """The places of a document, gathered from a parser's events."""

    def __init__(self) -> None:
        self.places: dict[str, _Place] = {}
        self.left_out = 0
        self._path: list[str] = []
        self._hides: list[bool] = []
        self._counts: list[int | None] = []  # elements met of each list that is open; None for an object
        self._name = ""
        self._hidden_here = False

    @property
    def inside(self) -> str:
        """The place of the value that was open last."""
        path = "".join(self._path) + self._name
        return shortened(path.removeprefix(".")) or "(top)"

    def take(self, events: Iterable[tuple[str, object]]) -> None:
        for event, value in events:
            if event == "map_key":
                name = str(value)
                self._name = f".{HIDDEN if self._hides[-1] else name_shape(name)}"
                self._hidden_here = self._hides[-1] or value in _OWN_NAMES
            elif event in ("end_map", "end_array"):
                self._close()
            else:
                self._open(event, value)

    def _open(self, event: str, value: object) -> None:
        if self._counts and self._counts[-1] is not None:
            self._counts[-1] += 1
            self._name, self._hidden_here = "[]", self._hides[-1]
        place = self._place(self.inside)
        if event == "start_map" or event == "start_array":
            place.meet("object" if event == "start_map" else "list")
            self._path.append(self._name)
            self._hides.append(self._hidden_here)
            self._counts.append(None if event == "start_map" else 0)
            self._name = ""
        elif event == "string":
            place.meet("text")
            place.measure("text", len(str(value)))
        else:
            place.meet({"null": "null", "boolean": "true or false"}.get(event, "number"))

    def _close(self) -> None:
        count = self._counts.pop()
        self._name = ""
        place = self.inside
        self._hides.pop()
        self._path.pop()
        if count is not None:
            self._place(place).measure("list", count)

    def _place(self, path: str) -> _Place:
        if path not in self.places and len(self.places) >= MOST_PLACES:
            self.left_out += 1
            return _Place()
        return self.places.setdefault(path, _Place())


def _json_shape(read: Read, start: int, size: int) -> dict[str, object]:
    outline, reader = _Outline(), _Reader(read, start, size, start, _CHUNK_BYTES)
    is_broken = not _outlined(outline, reader)
    for step in _NEARER_BYTES:
        if is_broken and not reader.is_at_end:
            outline, reader = _Outline(), _Reader(read, start, size, reader.last, step)
            _outlined(outline, reader)
    if is_broken and not outline.places:
        return {"kind": "text"}
    shape: dict[str, object] = {"kind": "broken JSON" if is_broken else "JSON"}
    if is_broken:
        shape |= {"breaks_at": reader.at if reader.is_at_end else reader.at - 1, "breaks_inside": outline.inside}
    shape["places"] = {place: str(found) for place, found in outline.places.items()}
    if outline.left_out:
        shape["values_at_other_places"] = outline.left_out
    return shape


def _outlined(outline: _Outline, reader: "_Reader") -> bool:
    """Read a document to its end; False: it breaks."""
    try:
        outline.take(ijson.basic_parse(reader, buf_size=_CHUNK_BYTES))
    except (ijson.JSONError, ValueError, RecursionError):
        # ValueError: texts that are not UTF-8, and numbers some backends cannot hold.
        return False
    return True


class _Reader:
    """A body as a file, given in chunks and from a place on in small steps.

    at: where the next read begins; last: where the last one began; is_at_end: all is read, and more was asked for.
    """

    def __init__(self, read: Read, start: int, size: int, slow_from: int, step: int) -> None:
        self._read = read
        self._size = size
        self._slow_from = slow_from
        self._step = step
        self.at = self.last = start
        self.is_at_end = False

    def read(self, most: int) -> bytes:
        is_slow = self.at >= self._slow_from
        end = min(self.at + min(most, self._step), self._size) if is_slow else min(self.at + most, self._slow_from)
        if most:
            self.is_at_end = self.at >= self._size
        if end > self.at:
            self.last = self.at
        found = self._read(self.at, end)
        self.at = end
        return found
