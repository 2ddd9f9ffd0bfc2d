"""Store: the wheels that were built here, each in a folder by its recipe's key, in the user's cache."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout
from fledge import DataError


class Store:
    def __init__(self, key: str) -> None:
        """Raises DataError where there can be no such folder."""
        self._root = platformdirs.user_cache_path("fledge").resolve() / "horovod"
        self._key = key
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"the cache folder {self._root} cannot be made: {error.strerror}",
                hint="name a folder you may write to: XDG_CACHE_HOME=DIR",
            ) from None

    @property
    def log(self) -> Path:
        """Where the last build of this key says everything."""
        return self._root / f"{self._key}.log"

    def wheel(self) -> Path | None:
        """The wheel that is kept, if there is one."""
        return next((self._root / self._key).glob("*.whl"), None)

    @contextmanager
    def alone(self, waiting: Callable[[], None]) -> Iterator[None]:
        """While inside, no other process is inside for this key. `waiting` is called once if somebody else is."""
        lock = FileLock(self._root / f"{self._key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """An empty folder to build in, gone afterwards. Only inside `alone`: what a killed build left is removed."""
        prefix = f".{self._key}."
        for left in self._root.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = self._root / f"{prefix}{os.getpid()}.{time.time_ns()}"
        try:
            # Whoever is stopped from here on leaves none.
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, wheel: Path) -> Path:
        """Takes a wheel from the workshop, in one step; the one before it goes."""
        with wheel.open("rb") as file:
            os.fsync(file.fileno())
        kept = self._root / self._key / wheel.name
        kept.parent.mkdir(exist_ok=True)
        return wheel.replace(kept)
