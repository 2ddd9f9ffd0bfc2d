"""Unpacking an archive that came from somewhere else."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fledge.atomic import sync_folder
from fledge.data.alone import alone
from fledge.data.members import DAMAGE, Member, TooMuchError, members
from fledge.data.storage import megabytes, storage_error
from fledge.errors import DataError
from fledge.interfaces.progress import Progress, no_progress

_CHUNK = 1 << 16


def unpack(archive: Path, target: Path, *, max_bytes: int, max_files: int, progress: Progress = no_progress) -> None:
    """Unpack a zip or tar archive (plain, gz, bz2, xz) to the new folder `target`, which appears in one step.

    A target that is there already is kept as it is. Nothing is ever written outside it, and only
    regular files are: an archive with a name that leads outside, a link, a device, a password or
    one name twice (in capitals or not) is refused as a whole. Backslashes separate folders.
    `max_bytes` counts what is really written, not what the archive claims; `max_files` counts all its entries.
    Several processes may unpack to the same target at once: one does, the others wait.

    Raises DataError, naming the member; nothing is left behind then.
    """
    what = f"unpacking {archive.name}"
    staging = target.with_name(f".{target.name}.unpacking")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone(target, lambda: progress(f"{what}: waiting for another process that is at it", 0, None)):
            if target.is_dir():
                return
            if target.exists():
                raise DataError(f"{what}: {target} is in the way", hint="it should be a folder: move it elsewhere")
            if not archive.is_file():
                raise DataError(f"there is no archive {archive}")
            # What a killed process left.
            _remove(staging)
            try:
                _write(archive, staging, max_bytes, max_files, progress, what)
                _flush()
                staging.rename(target)
                sync_folder(target.parent)
            finally:
                _remove(staging)
    except OSError as error:
        raise storage_error(error, what, target.parent, None) from None


def _write(archive: Path, staging: Path, max_bytes: int, max_files: int, progress: Progress, what: str) -> None:
    staging.mkdir()
    written, seen = 0, set[str]()
    try:
        for member in members(archive, max_bytes=max_bytes, max_files=max_files):
            name = "/".join(member.path)
            # Compared without case: where the disk cannot tell the two apart, one would be lost.
            if name.casefold() in seen:
                raise _twice(archive, name, "twice")
            seen.add(name.casefold())
            for chunk in _write_one(archive, member, staging):
                written += chunk
                if written > max_bytes:
                    raise TooMuchError(f"{archive.name} unpacks to more than the {megabytes(max_bytes)} allowed")
            progress(what, len(seen), None)
    except DAMAGE as error:
        raise DataError(
            f"{archive.name} is damaged: {error}",
            hint="remove it and fetch it again; if that does not help, it is damaged where it comes from",
        ) from None
    except TooMuchError as error:
        raise DataError(
            error.message,
            hint=f"up to {megabytes(max_bytes)} and {max_files:,} files are expected; "
            "if it is meant to be larger, unpack it yourself and name the folder",
        ) from None
    if not seen:
        raise DataError(f"{archive.name} holds no files")
    progress(what, len(seen), len(seen))


def _write_one(archive: Path, member: Member, staging: Path) -> Iterator[int]:
    """Yields the size of each chunk before it is written."""
    path = staging.joinpath(*member.path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise _twice(archive, "/".join(member.path), "both as a file and as a folder") from None
    with file:
        while chunk := member.stream.read(_CHUNK):
            yield len(chunk)
            file.write(chunk)


def _twice(archive: Path, name: str, how: str) -> DataError:
    return DataError(
        f"{archive.name} holds {name!r} {how}; nothing was unpacked",
        hint="make the archive anew, with one file under each name",
    )


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _flush() -> None:
    # Once for all: a hundred thousand files one by one would take minutes.
    if hasattr(os, "sync"):
        os.sync()
