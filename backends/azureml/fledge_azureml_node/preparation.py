"""Preparation: what one rank of a node does for all, and the others wait for."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from fledge_azureml_node.trouble import NotReadyError

_BEGUN, _READY = "begun", "ready"
_POLL_SECONDS = 0.1


class Preparation:
    """A file that says how far it has come, locked by whoever is at it: a rank that is killed is seen to be gone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def lead(self) -> Iterator[None]:
        """Within, it is done. Whoever waits is told what goes wrong."""
        with self._path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _say(file, _BEGUN)
            try:
                yield
            except NotReadyError as error:
                # A full disk has no room for this word, either.
                with suppress(OSError):
                    _say(file, str(error))
                raise
            _say(file, _READY)

    def wait(self) -> None:
        """Until it is done. Raises NotReadyError where it will not be."""
        while (word := self._last_word()) != _READY:
            if word == _BEGUN:
                raise NotReadyError("the process that prepared this node for all was ended")
            if word:
                raise NotReadyError(f"this node could not be prepared: {word}")
            time.sleep(_POLL_SECONDS)

    def _last_word(self) -> str:
        """Of one that is no longer at it; nothing where none has begun, or one still is."""
        try:
            with self._path.open(encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return file.read()
        except (FileNotFoundError, BlockingIOError):
            return ""


def _say(file: FileIO, word: str) -> None:
    file.truncate(0)
    file.write(word.encode())
