"""The files in an archive, one after another, whatever kind of archive it is."""

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fledge.data.storage import megabytes
from fledge.errors import DataError

_COMPRESSED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
# What the standard readers raise on damaged or hostile bytes, here and when a member is read.
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
)


@dataclass(frozen=True)
class Member:
    """A file to be written. `stream` can be read until the next member is asked for.

    path: parts below the archive's root; none of them leads out of it
    """

    path: tuple[str, ...]
    stream: IO[bytes]


class TooMuchError(DataError):
    """The archive holds more than is allowed."""


def members(archive: Path, *, max_bytes: int, max_files: int) -> Iterator[Member]:
    """Regular files only; folders, and what macOS adds for itself, are passed over.

    Raises DataError, naming the member, for links, devices, encryption and names that lead
    outside; TooMuchError for more than `max_files` entries, or for a tar archive whose headers alone
    are more than `max_bytes` and its files explain. How much a member holds is for the reader to
    count. What is in DAMAGE may come from here and from reading a member.
    """
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive, max_files)
    else:
        # Beside its content, a file has some blocks of headers, and the archive an end.
        yield from _tar_members(archive, max_bytes + max_files * 8192 + (1 << 20), max_files)


def _zip_members(archive: Path, max_files: int) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if len(entries) > max_files:
            raise _too_many(archive, max_files)
        for info in entries:
            # zipfile cuts a name at a zero byte; the name as it is written is the one to judge.
            path = _path(archive, info.orig_filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.orig_filename.endswith(("/", "\\")) or _is_litter(path):
                continue
            if kind not in (0, stat.S_IFREG):
                raise _not_a_file(archive, info.filename)
            if info.flag_bits & 1:
                raise DataError(
                    f"{archive.name} is encrypted: {info.filename!r} asks for a password",
                    hint="unpack it yourself, and name the folder instead of the archive",
                )
            with packed.open(info) as stream:
                yield Member(path, stream)


def _tar_members(archive: Path, limit: int, max_files: int) -> Iterator[Member]:
    with closing(_plain(archive)) as file:
        try:
            # A stream, so that nothing is read twice and every decompressed byte is counted.
            packed = tarfile.open(fileobj=_Counted(archive, file, limit), mode="r|")  # noqa: SIM115 -- closed below
        except (tarfile.ReadError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError):
            raise _unknown(archive) from None
        with packed:
            for number, info in enumerate(packed, 1):
                if number > max_files:
                    raise _too_many(archive, max_files)
                path = _path(archive, info.name)
                if info.isdir() or _is_litter(path):
                    continue
                stream = packed.extractfile(info) if info.isreg() else None
                if stream is None:
                    raise _not_a_file(archive, info.name)
                yield Member(path, stream)


def _plain(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        start = file.read(8)
    opener = next((opener for magic, opener in _COMPRESSED.items() if start.startswith(magic)), open)
    plain: IO[bytes] = opener(archive, "rb")
    return plain


class _Counted(io.RawIOBase):
    """Stops reading where more comes out of a compressed file than was agreed."""

    def __init__(self, archive: Path, file: IO[bytes], limit: int) -> None:
        self.allowed = megabytes(limit)
        self.archive = archive
        self.file = file
        self.left = limit

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise TooMuchError(f"{self.archive.name} unpacks to more than the {self.allowed} that are allowed")
        return block


def _path(archive: Path, name: str) -> tuple[str, ...]:
    # Windows tools write backslashes; Windows itself would follow them.
    plain = name.replace("\\", "/")
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    # Windows drops dots and spaces at a name's end, so that "..." and ".. " are ".." there.
    leads_out = plain.startswith("/") or any(not part.rstrip(". ") for part in parts)
    if leads_out or re.match(r"[A-Za-z]:|.*[\x00-\x1f]", plain, re.DOTALL):
        raise DataError(
            f"{archive.name}: {name!r} would be written outside the folder, or is no proper name; nothing was unpacked",
            hint="an archive like this is a mistake or an attack: take it from somewhere else",
        )
    return parts


def _is_litter(path: tuple[str, ...]) -> bool:
    return not path or path[0] == "__MACOSX" or path[-1] == ".DS_Store"


def _not_a_file(archive: Path, name: str) -> DataError:
    return DataError(
        f"{archive.name}: {name!r} is a link or a device, not a file; nothing was unpacked",
        hint="make the archive anew with the files themselves in it",
    )


def _too_many(archive: Path, max_files: int) -> TooMuchError:
    return TooMuchError(f"{archive.name} holds more than the {max_files:,} files that are allowed")


def _unknown(archive: Path) -> DataError:
    with archive.open("rb") as file:
        start = file.read(200).lstrip().lower()
    hint = "was it cut short?"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        hint = "it is a web page: somebody between here and there, or the server, answered with it instead of the file"
    return DataError(f"{archive.name} is neither a zip nor a tar archive", hint=hint)
