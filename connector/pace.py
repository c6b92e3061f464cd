"""The call budget of this machine: all processes that use one Genesys login share it through one small file.

The file holds the time at which the budget is whole again (the "theoretical arrival time" of the generic cell rate
algorithm): every call moves it on by one interval, and a call may be made while it is not further ahead than a burst.
So no minute, wherever it begins, holds more calls than allowed, whichever processes make them. It also holds what the
service told last of its own window: the budget follows when that allows less than the setting, and makes room when
another machine uses the same login.

Source of the limits: Genesys platform guide, "client.credentials.token.rate.per.minute", 300 calls per token, 180 in
older organisations; headers `inin-ratelimit-count`, `-allowed` and `-reset`.
"""

import hashlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

BURST_SHARE = 0.02
"""Of a minute's calls; so much may be made at once after a rest."""

LONGEST_HOLD = 300.0
"""Seconds. Nobody waits longer for a window of the service, whatever it or the file says."""

_LOCK_SECONDS = 10.0
_SMALLEST = 1e-6
"""Seconds; today's time as a float cannot tell smaller differences apart."""

_MINUTE = 60.01
"""Seconds; a hair more, so that no rounding puts one call too many into a minute."""

_RECORD_BYTES = 256
_MOST = 2.0**53
"""No number a pace writes is so large."""

_OVERTAKEN = 5
"""Calls that may overtake others on their way: a difference so small tells nothing of other machines."""

_LEFT_TO_OTHERS = 0.9
"""Of the calls other machines will make at their present pace; with all of it, whoever comes late would get nothing."""

_ALWAYS_OURS = 0.05
"""Of the calls left in a window; a few must be made to learn that others have stopped."""

_LOOK_SECONDS = 1.0
"""How long a process waits at most for the end of a window before it looks whether more is left."""

_OTHERS_SECONDS = 10.0
"""Other machines are judged by no shorter time than this."""


@dataclass(frozen=True)
class Call:
    """A call let through. number: of all calls on this file, from 1; at: seconds since the epoch."""

    number: int
    at: float


@dataclass(frozen=True)
class Told:
    """What an answer tells of the service's window: calls counted, calls allowed, seconds until it begins anew."""

    count: int
    allowed: int
    reset: float


@dataclass
class _Book:
    """What the file holds; instants are seconds since the epoch.

    written: when; whole_at: when the budget is whole again; made: calls ever let through; allowed: calls a minute as
    the service told last, 0: nothing yet; most: `made` may not pass this before `until`, the end of the service's
    window; pause: seconds between two calls until then.
    """

    written: float = 0.0
    whole_at: float = math.inf
    made: int = 0
    allowed: int = 0
    most: int = 0
    pause: float = 0.0
    until: float = 0.0

    def set_back(self, seconds: float) -> None:
        self.whole_at = max(0.0, self.whole_at - seconds)
        self.until = max(0.0, self.until - seconds)


class Pace:
    """Lets calls through at the pace all processes of this machine share.

    file: holds the state, made when missing (0600, with a lock file beside it). per_minute: calls in any minute, above
    0. now: seconds since the epoch, the same clock for all processes. sleep: waits so many seconds.
    When the folder cannot be written, this process keeps its own pace and says so once. May be shared by threads.
    """

    def __init__(
        self,
        file: Path,
        per_minute: float,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        log: logging.Logger | None = None,
    ) -> None:
        self._per_minute = per_minute
        self._file = file
        self._now = now
        self._sleep = sleep
        self._log = log or logging.getLogger("connector.pace")
        self._threads = threading.Lock()
        self._lock: FileLock | None = FileLock(f"{file}.lock", timeout=_LOCK_SECONDS, mode=0o600, thread_local=False)
        self._book = _Book()
        self._first: tuple[Call, Told] | None = None

    def wait(self) -> Call:
        """Return when a call may be made; the call counts from then on."""
        while isinstance(found := self._try(), float):
            self._sleep(found)
        return found

    def hold(self, seconds: float) -> None:
        """Let nobody make a call for so many seconds (at most LONGEST_HOLD), after the service said "too many"."""
        with self._shared() as (book, now):
            self._hold(book, now, seconds)

    def heed(self, call: Call, told: Told) -> None:
        """Follow what the answer to a call tells of the service's window.

        A window that is used up is waited for. What is left of it, without the calls made since and nearly all of what
        other machines will take at their present pace, is spread over its rest: two machines that both do so come to
        equal shares, and one that does not is left its calls.
        """
        with self._shared() as (book, now):
            book.allowed = max(1, told.allowed)
            if told.count >= told.allowed:
                self._hold(book, now, told.reset)
                return
            # Told of the moment the call was counted, perhaps long before the answer came. When the clock was set back
            # since, the window ends no later than told.
            age = max(0.0, now - call.at)
            rest = min(told.reset - age, LONGEST_HOLD)
            if rest <= 0:
                return
            others = self._others_per_second(call, told) * (age + rest * _LEFT_TO_OTHERS)
            free = max(0, told.allowed - told.count - max(0, book.made - call.number))
            left = max(math.floor(free - others), math.floor(free * _ALWAYS_OURS))
            book.most, book.until = book.made + left, now + rest
            # Seconds are told rounded up; without that one the last calls of a window would be lost.
            book.pause = max(0.0, rest - 1) / max(1, left)

    def _others_per_second(self, call: Call, told: Told) -> float:
        """Calls that other machines make: what the service counted in this window beyond our own."""
        if self._first is not None:
            first, said = self._first
            is_same_window = abs(call.at + told.reset - first.at - said.reset) < 30 and told.count >= said.count
            if is_same_window and call.number > first.number:
                others = (told.count - said.count) - (call.number - first.number) - _OVERTAKEN
                return max(0, others) / max(call.at - first.at, _OTHERS_SECONDS)
            if is_same_window:
                return 0.0
        self._first = call, told
        return 0.0

    def _rules(self, book: _Book, now: float) -> tuple[float, float]:
        """Seconds between two calls, and how far ahead `whole_at` may be for a call to be made."""
        per_minute = min(self._per_minute, book.allowed or self._per_minute)
        burst = max(1, math.floor(per_minute * BURST_SHARE))
        # A burst and the steady calls after it may fall into the same minute.
        interval = _MINUTE / (per_minute - burst + 1)
        return max(interval, book.pause if now < book.until else 0.0), (burst - 1) * interval

    def _hold(self, book: _Book, now: float, seconds: float) -> None:
        _, burst_seconds = self._rules(book, now)
        book.whole_at = max(book.whole_at, now + min(max(seconds, 0.0), LONGEST_HOLD) + burst_seconds)

    def _try(self) -> Call | float:
        """The call, when it may be made now and counts; else the seconds until asking again makes sense."""
        with self._shared() as (book, now):
            interval, burst_seconds = self._rules(book, now)
            whole_at = max(book.whole_at, now)
            seconds = whole_at - now - burst_seconds
            if now < book.until and book.made >= book.most:
                # Answers on their way may tell of more.
                seconds = max(seconds, min(book.until - now, _LOOK_SECONDS))
            if seconds > _SMALLEST:
                return seconds
            book.whole_at = whole_at + interval
            book.made += 1
            return Call(book.made, now)

    def _settle(self, book: _Book, now: float) -> None:
        """Make the numbers such as a pace can have written: else a start without a burst."""
        if now < book.written:  # the clock was set back; as far as anybody knows, no time has passed since
            book.set_back(book.written - now)
        interval, burst_seconds = self._rules(book, now)
        if not book.whole_at <= now + burst_seconds + max(interval, _MINUTE) + LONGEST_HOLD:
            book.whole_at = now + burst_seconds
        book.until = min(book.until, now + LONGEST_HOLD)
        book.pause = min(book.pause, _MINUTE)

    @contextmanager
    def _shared(self) -> Iterator[tuple[_Book, float]]:
        """Have the book to ourselves: read from the file before, written to it after; with the time it is now."""
        with self._threads, self._locked():
            if self._lock is not None:
                self._read()
            book, now = self._book, self._now()
            before = replace(book)
            self._settle(book, now)
            yield book, now
            if book != before:
                book.written = now
                if self._lock is not None:
                    self._write()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._lock
        if lock is not None:
            try:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock.acquire()
            except (OSError, NotImplementedError, Timeout) as fault:
                self._go_alone(fault)
                lock = None
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def _read(self) -> None:
        try:
            with self._file.open("rb") as file:
                self._book = _to_book(file.read(_RECORD_BYTES))
        except FileNotFoundError:
            self._book = _Book()
        except OSError as fault:
            self._go_alone(fault)

    def _write(self) -> None:
        """One write of one length over what stands there: a kill leaves the old or the new, a full disk no less."""
        text = orjson.dumps(asdict(self._book)).ljust(_RECORD_BYTES - 1) + b"\n"
        try:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            with open(handle, "wb", buffering=0) as file:
                file.write(text)
        except OSError as fault:
            self._go_alone(fault)

    def _go_alone(self, fault: Exception) -> None:
        """Keep the pace in this process from now on."""
        if self._lock is None:
            return
        self._lock = None
        text = "%s cannot be used (%s): other processes with the same Genesys login are not counted in the call rate"
        self._log.warning(text, self._file, type(fault).__name__)


def pace_file(region: str, client_id: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the processes of this user share the pace of one login: a file in the cache folder.

    The folder is XDG_CACHE_HOME where that is an absolute path, else ~/.cache; the name tells neither value.
    """
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    folder = named if named.is_absolute() else Path.home() / ".cache"
    digest = hashlib.sha256(f"{region.lower()}\n{client_id}".encode()).hexdigest()
    return folder / "connector" / f"pace-{digest[:32]}"


def _to_book(text: bytes) -> _Book:
    """What a file says; a new book for what no pace has written."""
    try:
        found = orjson.loads(text)
        book = _Book(**{name: type(value)(found[name]) for name, value in vars(_Book()).items()})
    except (ValueError, TypeError, KeyError, OverflowError):
        return _Book()
    return book if all(0 <= number < _MOST for number in asdict(book).values()) else _Book()
