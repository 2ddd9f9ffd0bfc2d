"""Downloading a large file over a network that breaks off."""

import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fledge.data.alone import alone
from fledge.data.part_file import PartFile
from fledge.data.storage import storage_error
from fledge.data.transfer import Transfer, shown, too_large
from fledge.digest import file_sha256
from fledge.errors import DataError
from fledge.interfaces.progress import Progress, no_progress

_CHUNK = 1 << 20
# Two letters or more: C:\photos.zip is a path.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|(file):", re.IGNORECASE)


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    sha256: str | None = None,
    progress: Progress = no_progress,
    what: str | None = None,
    attempts: int = 5,
) -> str:
    """Fetch `url` (http, https, file, or a plain path) to `target`; returns the SHA-256 of the file.

    A connection that breaks off is taken up where it was, and so is a download whose process was
    killed, unless the server's file has changed. `attempts` bounds the tries in a row that bring
    nothing. The target appears in one step, complete. One that is there already is kept, unless its
    SHA-256 is not `sha256`: it is then replaced by one that is right. Several processes may ask for
    the same target at once: one fetches, the others wait.

    Raises DataError: unreachable, refused, more than `max_bytes`, not the file of `sha256`, no room.
    """
    try:
        local = _local_path(url)
        name = Path(urlsplit(url).path if local is None else local).name or shown(url)
    except ValueError as error:
        raise DataError(f"{url} is no address to fetch from: {error}") from None
    what = what or f"downloading {name}"
    part: PartFile | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone(target, lambda: progress(f"{what}: waiting for another process that is at it", 0, None, "bytes")):
            if target.exists():
                found = file_sha256(target)
                if sha256 is None or found == sha256.lower():
                    return found
            part = PartFile(target, url)
            if local is None:
                Transfer(url, part, max_bytes, lambda done, total: progress(what, done, total, "bytes")).run(attempts)
            else:
                _copy(local, part, max_bytes, progress, what)
            found = file_sha256(part.path)
            if sha256 is not None and found != sha256.lower():
                part.discard()
                raise DataError(
                    f"{shown(url)} is not the file it should be: its SHA-256 is {found}, "
                    f"and {sha256.lower()} was expected",
                    hint="it was changed or damaged on the way; nothing of it was kept",
                )
            part.settle()
            return found
    except OSError as error:
        raise storage_error(error, what, target.parent, part.total if part else None) from None


def _local_path(url: str) -> Path | None:
    """Where the file lies if it is on this machine; None for an address on the network."""
    found = _SCHEME.match(url)
    if not found:
        return Path(url)
    scheme = (found[1] or found[2]).lower()
    if scheme in ("http", "https"):
        return None
    parts = urlsplit(url)
    if scheme != "file":
        raise DataError(f"{shown(url)}: files come from http, https and file addresses, not {scheme!r}")
    if parts.netloc not in ("", "localhost"):
        raise DataError(f"{url} names another machine", hint="a file of this machine is file:///PATH, three slashes")
    return Path(url2pathname(parts.path))


def _copy(source: Path, part: PartFile, max_bytes: int, progress: Progress, what: str) -> None:
    try:
        if not source.is_file():
            raise DataError(f"{what}: there is no file {source}" if not source.exists() else f"{source} is not a file")
        file = source.open("rb")
    except OSError as error:
        raise DataError(f"{what}: {source} cannot be read: {error.strerror or error}") from None
    with file:
        size = source.stat().st_size
        if size > max_bytes:
            raise too_large(str(source), max_bytes)
        part.begin(None, size)
        with part.path.open("wb") as copy:
            done = 0
            while chunk := file.read(min(_CHUNK, max_bytes - done)):
                done += len(chunk)
                copy.write(chunk)
                progress(what, done, part.total, "bytes")
