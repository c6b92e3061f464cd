"""The body of an answer: in memory while it is small, beyond that in a file without a name."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

from connector.spools import close, close_with, disk_in_words, nameless_file

IN_MEMORY_BYTES = 4 * 1024 * 1024
"""The largest body that is held in memory, counted after decompression."""


class Body:
    """What was read. size: bytes; content: all of it where it is in memory, else None."""

    def __init__(self, size: int, content: bytes | None, file: IO[bytes] | None = None, folder: Path | None = None):
        self.size = size
        self.content = content
        self._file = file
        self._folder = folder
        if file is not None:
            close_with(self, file)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`. Raises StateError."""
        if self._file is None:
            return (self.content or b"")[start:end]
        with disk_in_words(self._folder):
            self._file.seek(start)
            return self._file.read(end - start)

    @property
    def folder(self) -> Path | None:
        """Where its file lies; None: in memory, or in the system's folder."""
        return self._folder


def read_body(chunks: Iterable[bytes], folder: Path | None, in_memory: int = IN_MEMORY_BYTES) -> Body:
    """Read a body to its end; what is longer than `in_memory` bytes goes into a file in `folder`.

    Raises StateError for the disk, and what `chunks` raises.
    """
    size, held = 0, list[bytes]()
    file: IO[bytes] | None = None
    try:
        for chunk in chunks:
            size += len(chunk)
            if file is None and size <= in_memory:
                held.append(chunk)
                continue
            with disk_in_words(folder):
                if file is None:
                    file = nameless_file(folder)
                    file.writelines(held)
                    held.clear()
                file.write(chunk)
        if file is None:
            return Body(size, b"".join(held))
        with disk_in_words(folder):
            file.flush()
        return Body(size, None, file, folder)
    except BaseException:
        if file is not None:
            close(file)
        raise
