"""Writing a file so that a reader, or a power cut, sees the old content or the new and nothing between."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace `path` in one step, and return when the content is on the disk.

    Its folder is the caller's to make: one that somebody has removed is not to come back.
    """
    data = content.encode() if isinstance(content, str) else content
    with replaced(path) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Where to write meanwhile what takes the place of `path` in one step when the block is through.

    It lies beside it, and is the caller's alone, whoever else is at the same: processes, threads, other machines that
    share the folder. Where the block raises, `path` stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make renames within a folder durable; file systems that cannot are left to themselves."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
