"""Examining one file: is it a whole image, and what is unusual about it?"""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from fledge.data.pixels import oddities, upright_rgb

_UNIDENTIFIED = "is not an image"
_EMPTY = "is empty (zero bytes)"


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of a file as long as its size (bytes) and time stay as they were.

    problem is empty for a usable image; odd says in a word each what is unusual about one that is used.
    """

    size: int
    mtime_ns: int
    sha256: str
    problem: str = ""
    odd: tuple[str, ...] = ()


def examine(path: Path) -> Examined:
    """Reads and decodes the whole file, one image in memory at a time. Raises nothing."""
    try:
        found = path.stat()
        # Opening a named pipe would wait for somebody to write into it.
        if not stat.S_ISREG(found.st_mode):
            return Examined(-1, -1, "", "is not a regular file")
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            problem, odd = _decode(file) if file.tell() else (_EMPTY, ())
    except FileNotFoundError:
        return Examined(-1, -1, "", "is a link to nowhere" if path.is_symlink() else "has vanished")
    except OSError as error:
        return Examined(-1, -1, "", f"cannot be read: {error.strerror or error}")
    if problem.startswith(_UNIDENTIFIED) and path.suffix.lower() in (".heic", ".heif"):
        problem = "is a HEIC photograph, which Pillow cannot read: convert it to JPEG"
    return Examined(found.st_size, found.st_mtime_ns, sha256, problem, odd)


def _decode(file: BinaryIO) -> tuple[str, tuple[str, ...]]:
    """(problem, oddities)."""
    file.seek(0)
    try:
        with Image.open(file) as image:
            upright_rgb(image)
            odd = oddities(image)
    except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
        return problem_with(error), ()
    return "", odd


def problem_with(error: Exception, size: int | None = None) -> str:
    """What a decoder's error says of a file of `size` bytes, as the end of a sentence that begins with its name."""
    if size == 0:
        return _EMPTY
    if isinstance(error, UnidentifiedImageError):
        return _UNIDENTIFIED + " that Pillow can read"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: make it smaller"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return f"is cut off ({error or 'end of file'})"
    return f"cannot be decoded ({error or type(error).__name__})"
