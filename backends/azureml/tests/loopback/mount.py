"""Mount: a folder that is kept in step with a folder of the blob store, both ways, as a compute node mounts one.

As there, each folder in it is an empty blob besides, of the folder's name.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loopback.azurite import Azurite


class Mount:
    def __init__(self, blobs: Azurite, container: str, prefix: str, folder: Path) -> None:
        self._blobs, self._container = blobs, container
        self._prefix = prefix.strip("/") + "/"
        self._folder = folder
        self._etags: dict[str, str] = {}
        self._stats: dict[str, tuple[int, int]] = {}
        self._folders: set[str] = set()
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def sync(self) -> None:
        with self._lock:
            self.pull()
            self._push()

    def pull(self) -> None:
        for blob in self._blobs.blobs(self._container, self._prefix):
            name = blob.name.removeprefix(self._prefix)
            if blob.folder:
                if name not in self._folders:
                    (self._folder / name).mkdir(parents=True, exist_ok=True)
                    self._folders.add(name)
                continue
            if self._etags.get(name) == blob.etag:
                continue
            content = self._blobs.get(self._container, blob.name)
            if content is not None:
                target = self._folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                self._etags[name], self._stats[name] = blob.etag, _stat(target)

    def _push(self) -> None:
        def put(name: str, path: Path) -> None:
            self._etags[name] = self._blobs.put(self._container, self._prefix + name, path.read_bytes())

        folders = {path.relative_to(self._folder).as_posix() for path in _below(self._folder)}
        for name in folders - self._folders:
            self._blobs.put(self._container, self._prefix + name, b"", folder=True)
        for name in self._folders - folders:
            self._blobs.delete(self._container, self._prefix + name)
        self._folders = folders
        there = {path.relative_to(self._folder).as_posix(): path for path in files(self._folder)}
        push(there, self._stats, put)
        for name in set(self._stats) - set(there):
            self._blobs.delete(self._container, self._prefix + name)
            del self._stats[name], self._etags[name]


def push(there: dict[str, Path], stats: dict[str, tuple[int, int]], put: Callable[[str, Path], None]) -> None:
    """Put what is new or has changed since `stats`, which are brought up to date; files may go meanwhile."""
    for name, path in there.items():
        with suppress(FileNotFoundError):
            stat = _stat(path)
            if stats.get(name) != stat:
                put(name, path)
                stats[name] = stat


def files(folder: Path) -> list[Path]:
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _below(folder: Path) -> list[Path]:
    return [Path(place, name) for place, names, _ in os.walk(folder) for name in names]


def _stat(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size
