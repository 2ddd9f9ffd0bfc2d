"""ArrayStore: many arrays in one memory-mapped file, made once and found again by what they were made from.

    <folder>/<key>/facts.json   what they were made from; the key is its SHA-256
    <folder>/<key>/arrays       the arrays' bytes, one behind another
    <folder>/<key>/index        a row an array, int64: end of its bytes, their CRC-32, its shape

A row is written once its bytes are on the disk: what a killed process leaves is a shorter store, and the next one goes
on behind it.
"""

import hashlib
import json
import mmap
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fledge.atomic import write_atomic
from fledge.data.alone import alone

Array = NDArray[Any]

_FLUSH_SECONDS = 5.0
_FORGOTTEN_AFTER_SECONDS = 30 * 86400
# How much of what was read stays in memory as this process's own; the system's cache keeps what it has room for.
_RESIDENT_BYTES = 64 << 20


class ArrayStore:
    """The arrays of `dtype` and of `dimensions` that were made from `facts`, `count` of them.

    Picklable once it is made: another process maps the same file.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], count: int, dtype: str, dimensions: int) -> None:
        self._facts = json.dumps({**facts, "count": count, "dtype": dtype}, sort_keys=True)
        self.path = folder / hashlib.sha256(self._facts.encode()).hexdigest()[:32]
        self._count = count
        self._dtype = np.dtype(dtype)
        self._columns = 2 + dimensions
        self._index = np.empty((0, self._columns), np.int64)
        self._bytes: mmap.mmap | None = None
        self._read = 0

    @property
    def missing(self) -> int:
        """How many of them are not on the disk yet."""
        return self._count - len(self._read_index())

    def make(self, arrays: Callable[[int], Iterator[Array]], waiting: Callable[[], None]) -> "ArrayStore":
        """Have it whole: `arrays(start)` gives those that are still missing, in order. Returns itself.

        `waiting` is called where another process is making it. Raises OSError where the disk is full; what was
        written until then is kept.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with alone(self.path, waiting):
            write_atomic(self.path / "facts.json", self._facts)
            index = self._read_index()
            if len(index) < self._count:
                self._append(index, arrays(len(index)))
                index = self._read_index()
        os.utime(self.path)
        _forget_others(self.path)
        self._index = index
        self._map()
        return self

    def get(self, number: int) -> Array | None:
        """A copy of one array; None where its bytes are not the ones that were written."""
        assert self._bytes is not None
        begin, row = self._begin(number), self._index[number]
        content = np.frombuffer(self._bytes, np.uint8, row[0] - begin, begin).copy()
        self._forget_read(len(content))
        if zlib.crc32(content.data) != row[1]:
            return None
        return content.view(self._dtype).reshape(row[2:])

    def whole(self) -> Array | None:
        """All of them as one array [count, ...], mapped and not read; None where one is damaged."""
        assert self._bytes is not None
        if any(self.get(number) is None for number in range(self._count)):
            return None
        return np.frombuffer(self._bytes, self._dtype).reshape(self._count, *self._index[0, 2:])

    def drop(self) -> None:
        """Remove it from the disk."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bytes": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()

    def _map(self) -> None:
        with (self.path / "arrays").open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def _forget_read(self, size: int) -> None:
        """Mapped pages count as this process's memory until they are given back."""
        self._read += size
        if self._read > _RESIDENT_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            assert self._bytes is not None
            self._bytes.madvise(mmap.MADV_DONTNEED)
            self._read = 0

    def _begin(self, number: int) -> int:
        return int(self._index[number - 1, 0]) if number else 0

    def _read_index(self) -> NDArray[np.int64]:
        """Its rows before the first that cannot be true, or whose bytes are not there."""
        index, arrays = self.path / "index", self.path / "arrays"
        if not index.exists() or not arrays.exists():
            return self._index[:0]
        content = index.read_bytes()
        width = 8 * self._columns
        rows = np.frombuffer(content[: len(content) // width * width], np.int64).reshape(-1, self._columns)
        sizes = rows[:, 2:].prod(axis=1) * self._dtype.itemsize
        sound = (np.diff(rows[:, 0], prepend=0) == sizes) & (sizes > 0) & (rows[:, 0] <= arrays.stat().st_size)
        return rows[: self._count if sound.all() else min(self._count, int(sound.argmin()))]

    def _append(self, index: NDArray[np.int64], arrays: Iterator[Array]) -> None:
        end = int(index[-1, 0]) if len(index) else 0
        with (self.path / "arrays").open("ab") as data, (self.path / "index").open("ab") as rows:
            data.truncate(end)
            rows.truncate(index.nbytes)
            waiting: list[bytes] = []
            flushed = time.monotonic()

            def flush() -> None:
                data.flush()
                os.fsync(data.fileno())
                rows.write(b"".join(waiting))
                rows.flush()
                waiting.clear()

            try:
                for array in arrays:
                    content = np.ascontiguousarray(array, self._dtype).tobytes()
                    data.write(content)
                    end += len(content)
                    waiting.append(np.array([end, zlib.crc32(content), *array.shape], np.int64).tobytes())
                    if time.monotonic() - flushed > _FLUSH_SECONDS:
                        flush()
                        flushed = time.monotonic()
            finally:
                # What was made before something went wrong need not be made again.
                flush()
                os.fsync(rows.fileno())


def _forget_others(path: Path) -> None:
    """Remove what nobody has used for a month: data sets change, and what was made from their past serves nobody."""
    for other in path.parent.iterdir():
        # Another run may be removing the same one.
        with suppress(FileNotFoundError):
            if other != path and time.time() - other.stat().st_mtime > _FORGOTTEN_AFTER_SECONDS:
                shutil.rmtree(other, ignore_errors=True) if other.is_dir() else other.unlink()
