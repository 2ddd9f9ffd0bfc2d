"""`python -m fledge.testing.cut_off PICKLE KEY SPREAD LAST`: submits again and again, and is killed on the way.

PICKLE, in hexadecimal, is of a backend and a request. The first submission is let through, to see what it does; then
come SPREAD kills from its beginning to its end, and LAST more, one before each of the last things that it does. Each is
under a key of its own; the keys are printed.
"""

import os
import pickle
import signal
import sys
from collections.abc import Iterator
from functools import partial
from types import FrameType

from fledge.interfaces.backend import ComputeBackend, Request
from fledge.testing.forked import Forked

# What others can see of a process: files, processes, words to a server.
_OUTWARD = frozenset({"_io", "_posixsubprocess", "_socket", "_ssl", "fcntl", "posix"})
# Nobody can tell whether these were called.
_QUIET = frozenset(
    {
        "_path_normpath",
        "access",
        "cpu_count",
        "fileno",
        "fspath",
        "fstat",
        "getcwd",
        "getpid",
        "getppid",
        "getuid",
        "isatty",
        "listdir",
        "lstat",
        "read",
        "readinto",
        "readline",
        "readlines",
        "readlink",
        "scandir",
        "stat",
        "tell",
        "urandom",
    }
)


def submit(backend: ComputeBackend, request: Request, key: str, last: int = 0) -> int:
    """Submit it, and be killed before the `last`th thing that others could see. Returns how many there were."""
    seen = 0

    def look(frame: FrameType, event: str, function: object) -> None:
        nonlocal seen
        if event == "c_call" and _is_outward(function):
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    try:
        backend.submit(request, key)
    finally:
        sys.setprofile(None)
    return seen


def moments(count: int, spread: int, last: int) -> Iterator[int]:
    """At which of `count` things, from 1, to be killed."""
    yield from (1 + number * count // spread for number in range(spread))
    yield from range(max(1, count - last + 1), count + 1)


def _is_outward(function: object) -> bool:
    if getattr(function, "__name__", None) in _QUIET:
        return False
    owner = type(getattr(function, "__self__", None))
    return bool({getattr(function, "__module__", None), *(base.__module__ for base in owner.__mro__)} & _OUTWARD)


def main() -> None:
    packed, key, spread, last = sys.argv[1:]
    backend, request = pickle.loads(bytes.fromhex(packed))  # noqa: S301 -- what a contract has made
    told = Forked(partial(submit, backend, request, f"{key}-0")).result()
    assert told is not None
    print(f"{key}-0")
    for number, moment in enumerate(moments(int(told), int(spread), int(last)), start=1):
        Forked(partial(submit, backend, request, f"{key}-{number}", moment)).result()
        print(f"{key}-{number}")


if __name__ == "__main__":
    main()
