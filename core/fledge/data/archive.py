"""Unpacking an archive that came from somewhere else."""

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from filelock import FileLock

from fledge.atomic import sync_folder
from fledge.errors import DataError
from fledge.interfaces.progress import Progress, no_progress

_CHUNK = 1 << 16
# gzip's error is an OSError too, so these are looked at first.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
    ValueError,
)


@dataclass(frozen=True)
class _Member:
    """A regular file of an archive; `open` may be called once, in the archive's order."""

    name: str
    size: int
    stream: IO[bytes]


def unpack(archive: Path, target: Path, *, max_bytes: int, max_files: int, progress: Progress = no_progress) -> None:
    """Unpack a zip or (compressed) tar archive to the new folder `target`, which appears in one step.

    A target that is there already is kept. Nothing is ever written outside it: a member with an
    absolute path, a `..`, a drive letter or a backslash, a link, a device or a name that occurs twice
    makes the whole archive refused. `max_bytes` counts what is really written, not what the archive claims.

    Raises DataError, naming the member; nothing is left behind then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name}.unpacking")
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_dir():
            return
        # What a killed process left.
        shutil.rmtree(staging, ignore_errors=True)
        try:
            _write_all(archive, staging, max_bytes, max_files, progress)
            staging.rename(target)
            sync_folder(target.parent)
        except _DAMAGE as error:
            raise DataError(f"{archive.name} is damaged: {error}") from None
        except OSError as error:
            raise DataError(f"{archive.name} cannot be unpacked to {target}: {error.strerror or error}") from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _write_all(archive: Path, staging: Path, max_bytes: int, max_files: int, progress: Progress) -> None:
    staging.mkdir()
    written, seen = 0, set[str]()
    for member in _members(archive):
        _check_name(archive, member.name)
        # Compared without case, because on some machines the two would be one file.
        if member.name.casefold() in seen:
            raise DataError(f"{archive.name} holds {member.name!r} twice")
        seen.add(member.name.casefold())
        if len(seen) > max_files:
            raise DataError(f"{archive.name} holds more than the {max_files} files that are expected at most")
        path = staging / member.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise DataError(f"{archive.name} holds {member.name!r} both as a file and as a folder") from None
        with file:
            while chunk := member.stream.read(_CHUNK):
                written += len(chunk)
                if written > max_bytes:
                    raise DataError(
                        f"{archive.name} unpacks to more than the {max_bytes / 1e6:.0f} MB that are expected at most"
                    )
                file.write(chunk)
        progress(f"unpacking {archive.name}", len(seen), None)
    if not seen:
        raise DataError(f"{archive.name} holds no files")
    progress(f"unpacking {archive.name}", len(seen), len(seen))


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(archive)
    else:
        raise DataError(
            f"{archive.name} is neither a zip nor a tar archive",
            hint="was it cut short, or did the address answer with a page instead of the file?",
        )


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or _is_litter(info.filename):
                continue
            if kind not in (0, stat.S_IFREG):
                raise DataError(f"{archive.name}: {info.filename!r} is a link or a device, not a file")
            if info.flag_bits & 1:
                raise DataError(f"{archive.name} is encrypted", hint="unpack it yourself and name the folder")
            # The name as it is in the archive: zipfile turns what it holds against backslashes on some systems.
            with packed.open(info) as stream:
                yield _Member(info.orig_filename.split("\0")[0], info.file_size, stream)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*") as packed:
        for info in packed:
            if info.isdir() or _is_litter(info.name):
                continue
            stream = packed.extractfile(info) if info.isreg() else None
            if stream is None:
                raise DataError(f"{archive.name}: {info.name!r} is a link or a device, not a file")
            yield _Member(info.name.removeprefix("./"), info.size, stream)


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _check_name(archive: Path, name: str) -> None:
    path = PurePosixPath(name)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in name or bool(PureWindowsPath(name).drive)
    if unsafe or not path.parts or any(ord(letter) < 32 for letter in name):
        raise DataError(f"{archive.name}: {name!r} would be written outside the folder, or has no proper name")
