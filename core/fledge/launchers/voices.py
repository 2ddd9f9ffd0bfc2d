"""Voices: what a node's ranks print, as one stream of lines, each behind "[rank] "."""

import os
import select
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

# More than a pipe holds: one read takes all that is there.
_AT_ONCE = 1 << 20
_LONGEST_LINE = 1 << 16
_STUCK_SECONDS = 10.0


class Voices:
    def __init__(self, first: Callable[[], int | None]) -> None:
        """first: the rank that failed before all others, by now. What it says is heard before what they say of it."""
        self._first = first
        self._pipes = selectors.DefaultSelector()
        self._begun: dict[int, bytes] = {}

    def add(self, rank: int, pipe: IO[bytes]) -> None:
        self._pipes.register(pipe, selectors.EVENT_READ, rank)
        self._begun[rank] = b""

    def hear(self, seconds: float) -> bool:
        """Copy what comes next, within so many seconds. Returns whether anything has."""
        if not self._begun:
            time.sleep(seconds)
            return False
        ready = [key for key, _ in self._pipes.select(seconds)]
        first = self._first() if len(ready) > 1 else None
        for key in sorted(ready, key=lambda key: key.data != first):
            if not self._copy(key.data, os.read(key.fd, _AT_ONCE)):
                self._pipes.unregister(key.fileobj)
        return bool(ready)

    def drain(self, seconds: float) -> None:
        """Copy what ranks that have ended left in their pipes; a stranger who holds one open is not waited for."""
        deadline = time.monotonic() + seconds
        while self._begun and self.hear(1.0) and time.monotonic() < deadline:
            pass
        for rank in list(self._begun):
            self._copy(rank, b"")

    def _copy(self, rank: int, text: bytes) -> bool:
        """Copy its whole lines, and at its end the one without an end. Returns whether more may come."""
        *lines, begun = (self._begun.pop(rank) + text).split(b"\n")
        if begun and (not text or len(begun) > _LONGEST_LINE):
            lines, begun = [*lines, begun], b""
        if text:
            self._begun[rank] = begun
        say(*(b"[%d] %b" % (rank, line) for line in lines))
        return bool(text)


def say(*lines: bytes) -> None:
    """What a full disk does not take, or nobody reads for ten seconds, is lost: the ranks are watched on."""
    text = b"".join(line + b"\n" for line in lines)
    with suppress(OSError):
        # No more at once than a pipe that has room takes without waiting.
        while text and select.select([], [1], [], _STUCK_SECONDS)[1]:
            text = text[os.write(1, text[: select.PIPE_BUF]) :]
