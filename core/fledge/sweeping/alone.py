"""A sweep is driven by one process at a time, and stays what it is."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fledge.errors import RunError, UnknownName
from fledge.sweeping.definition import Definition


@contextmanager
def alone(definition: Definition) -> Iterator[None]:
    """Within, no other process drives or follows the sweep. Raises RunError where one does."""
    name, folder = definition.name, definition.folder
    try:
        # For its owner alone, as a run's folder is.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"sweep {name} is driven by another fledge command", hint=f"to look at it: fledge sweep --show {name}"
        ) from None
    except OSError as error:
        raise RunError(
            f"sweeps cannot be kept in {folder.parent}: {error.strerror}",
            hint="name a folder you may write to: FLEDGE_HOME=DIR",
        ) from None
    try:
        yield
    finally:
        lock.release()


def keep(definition: Definition, home: Path) -> None:
    """Raises UsageError where the sweep of that name is another one."""
    with suppress(UnknownName):
        definition.check_same(Definition.read(home, definition.name))
    definition.write()
