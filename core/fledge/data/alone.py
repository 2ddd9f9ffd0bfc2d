"""One process at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def alone(target: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """While inside, no other process or thread is inside for the same target.

    `waiting` is called once if somebody else is. The lock of a killed process is free at once.
    """
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
