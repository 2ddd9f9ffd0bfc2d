"""Killing a process in the middle of its work, at a moment that can be had again."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from fledge.testing.forked import Forked

# What others can see of a process: files, processes, words to a server.
_OUTWARD = frozenset({"_io", "_posixsubprocess", "_socket", "_sqlite3", "_ssl", "fcntl", "posix", "sqlite3"})
# Nobody can tell whether these were called.
_QUIET = frozenset(
    {"_path_normpath", "access", "cpu_count", "fileno", "fspath", "fstat", "getcwd", "getpid", "getppid", "getuid"}
    | {"isatty", "listdir", "lstat", "read", "readinto", "readline", "readlines", "readlink", "scandir", "stat"}
    | {"tell", "urandom"}
)


def cut_off(work: Callable[[int], object], *, spread: int, last: int = 0) -> list[bool]:
    """Do work(0), and see what it does; then work(1), work(2) and so on, each of which is killed on the way.

    `spread` kills come from the beginning to the end, and one before each of the `last` things that others could see.
    Each is done in a copy of this process. Returns whether it was killed, for each: one may have less to do than the
    first had.
    """
    told = Forked(_until, work, 0, 0).result()
    moments = _moments(int(told or 0), spread, last)
    return [False, *(Forked(_until, work, number, at).result() is None for number, at in enumerate(moments, start=1))]


def _until(work: Callable[[int], object], number: int, moment: int) -> int:
    """Be killed before the `moment`th thing that others could see, from 1. Returns how many there were."""
    seen = 0

    def look(frame: FrameType, event: str, function: object) -> None:
        nonlocal seen
        if event == "c_call" and _is_outward(function):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    try:
        work(number)
    finally:
        sys.setprofile(None)
    return seen


def _moments(count: int, spread: int, last: int) -> Iterator[int]:
    yield from (1 + number * count // spread for number in range(spread))
    yield from range(max(1, count - last + 1), count + 1)


def _is_outward(function: object) -> bool:
    if getattr(function, "__name__", None) in _QUIET:
        return False
    owner = type(getattr(function, "__self__", None))
    return bool({getattr(function, "__module__", None), *(base.__module__ for base in owner.__mro__)} & _OUTWARD)
