"""Checked: a file that is read as it was when it was hashed, or not to its end."""

import hashlib
import io
import os
from pathlib import Path
from typing import Literal

from fledge import RunError

# What was hashed in this process, by what says that a file is as it was.
_KNOWN: dict[tuple[int, int, int, int], str] = {}


class Checked:
    """Opened as a Path is. Whoever has read it to its end has read what the digest is of; else RunError is raised."""

    def __init__(self, path: Path) -> None:
        """Reads it, where it has not been read as it is now. Raises RunError where it cannot be."""
        self._path = path
        try:
            with path.open("rb") as file:
                told = os.fstat(file.fileno())
                state = told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns
                if state not in _KNOWN:
                    _KNOWN[state] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from None
        self.sha256 = _KNOWN[state]

    def open(self, mode: Literal["rb"]) -> io.FileIO:
        try:
            return _Reader(self._path, self.sha256)
        except OSError as error:
            raise _unreadable(self._path, error) from None


class _Reader(io.FileIO):
    def __init__(self, path: Path, sha256: str) -> None:
        super().__init__(path)
        self._path, self._sha256, self._hash = path, sha256, hashlib.sha256()
        self._left = os.fstat(self.fileno()).st_size

    def seekable(self) -> bool:
        """Read in turn, it can be hashed meanwhile."""
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(-1 if size is None else size)
        self._hash.update(piece)
        self._left -= len(piece)
        if self._left <= 0 and self._hash.hexdigest() != self._sha256:
            raise RunError(f"{self._path} was changed while it was read", hint="run it again once it is left alone")
        return piece


def _unreadable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path}, which the run is to take along, cannot be read: {error.strerror}")
