"""A run's files as clients ask for them: listed with their digests, and read a piece at a time."""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from acme_fledge.refusal import Refusal, checked_path
from acme_fledge.wire import CHUNK


def listed(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """path, size and sha256 of each that matches; of one that grows, as far as it went when its size was asked for."""
    try:
        paths = sorted(folder.glob(checked_path(pattern)))
    except ValueError as error:
        raise Refusal(f"{pattern!r} is no pattern: {error}", usage=True) from None
    found = []
    for path in paths:
        # One that was removed on the way is no file of the run's any more.
        with suppress(FileNotFoundError):
            if path.is_file():
                size = path.stat().st_size
                name = path.relative_to(folder).as_posix()
                found.append({"path": name, "size": size, "sha256": _sha256(path, size)})
    return found


def piece(folder: Path, path: str, offset: int, size: int) -> bytes:
    """Empty where there is nothing, or no such file any more."""
    try:
        with (folder / checked_path(path)).open("rb") as file:
            file.seek(offset)
            return file.read(min(size, CHUNK))
    except FileNotFoundError:
        return b""


def _sha256(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (data := file.read(min(size, CHUNK))):
            digest.update(data)
            size -= len(data)
    return digest.hexdigest()
