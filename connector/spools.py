"""What is too large for memory, in private files that are gone when their process is.

Such a file has no name (where the system allows that), so nothing of it remains after a kill. It lies beside the state,
not in the system's folder for temporary files, which is often memory itself.
"""

import os
import pickle  # only reads what this process wrote
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from connector.errors import StateError

T = TypeVar("T")

SLICE = 200
"""Values that are in memory at once."""


def nameless_file(folder: Path | None) -> IO[bytes]:
    """A file, readable by this process alone, in a folder that is made where it is missing (None: the system's).

    Raises StateError.
    """
    with disk_in_words(folder):
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)


def close_with(owner: object, file: IO[bytes]) -> None:
    """Close a file, and so give its space back, when nobody holds its owner any more."""
    weakref.finalize(owner, close, file)


def close(file: IO[bytes]) -> None:
    """Give the space of a file back."""
    with suppress(OSError):  # of a full disk, told when it was written; what did not reach it is not needed any more
        file.close()


@contextmanager
def disk_in_words(folder: Path | None) -> Iterator[None]:
    """Tell a fault of the file system, such as a full disk, as a StateError."""
    try:
        yield
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise StateError(
            f"{where}: {os.strerror(error.errno) if error.errno else error}",
            "a large answer is kept in a file there while it is read: free some space, make the folder writable, and "
            "run again; nothing is lost",
        ) from error


class Spool(Collection[T], Generic[T]):
    """Values in their order, on disk but for the last few; each walk reads them anew, a slice at a time.

    Values are such as pickle writes. folder: as of `nameless_file`. Raises StateError.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file = nameless_file(folder)
        close_with(self, self._file)
        self._slices = 0
        self._count = 0
        self._last: list[T] = []

    def fileno(self) -> int:
        """Of its file."""
        return self._file.fileno()

    def append(self, value: T) -> None:
        """Put it behind the others."""
        self._last.append(value)
        self._count += 1
        if len(self._last) >= SLICE:
            with disk_in_words(self._folder):
                self._file.seek(0, os.SEEK_END)
                pickle.dump(self._last, self._file, pickle.HIGHEST_PROTOCOL)
                self._file.flush()
            self._slices += 1
            self._last = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        at = 0
        for _ in range(self._slices):
            with disk_in_words(self._folder):
                self._file.seek(at)
                values: Iterable[T] = pickle.load(self._file)  # noqa: S301
                at = self._file.tell()
            yield from values
        yield from self._last

    def __contains__(self, value: Any) -> bool:
        return any(one == value for one in self)
