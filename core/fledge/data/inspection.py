"""Inspection: decoding every file of a folder once, to know before training what is wrong with which."""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fledge.atomic import write_atomic
from fledge.data.image_file import upright_rgb
from fledge.interfaces.progress import Progress

FORMAT = 1
_ORIENTATION = 0x0112
_AHEAD = 256


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a file while its size (bytes) and time stay as they were.

    problem is empty for a usable image; odd says what is unusual about one that is used all the same.
    """

    size: int
    mtime_ns: int
    sha256: str
    problem: str = ""
    odd: str = ""


def inspect(root: Path, names: Sequence[str], index: Path, progress: Progress) -> dict[str, Inspected]:
    """What each file below root is; files that have not changed since `index` was written are not read again."""
    known = _read(index)
    found: dict[str, Inspected] = {}
    fresh = []
    for name in names:
        before = known.get(name)
        if before and _unchanged(root / name, before):
            found[name] = before
        else:
            fresh.append(name)
    if fresh:
        with warnings.catch_warnings():
            # Pillow warns of what is judged here by its result: bombs are errors, odd EXIF data is not.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            for done, (name, one) in enumerate(_examine_all(root, fresh), 1):
                found[name] = one
                progress("checking images", done, len(fresh))
    if fresh or known.keys() != found.keys():
        told = {"format": FORMAT, "files": {name: asdict(one) for name, one in found.items()}}
        write_atomic(index, json.dumps(told))
    return found


def _examine_all(root: Path, names: Sequence[str]) -> Iterator[tuple[str, Inspected]]:
    # Threads, because Pillow decodes outside Python's lock; in portions, because a hundred
    # thousand waiting tasks are a hundred thousand objects.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(names), _AHEAD):
            portion = names[start : start + _AHEAD]
            yield from zip(portion, pool.map(lambda name: _examine(root / name), portion), strict=True)


def _examine(path: Path) -> Inspected:
    try:
        stat = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Inspected(-1, -1, "", problem=f"cannot be read ({error.strerror})")
    if stat.st_size == 0:
        return Inspected(0, stat.st_mtime_ns, digest, problem="is empty (zero bytes)")
    try:
        with Image.open(path) as image:
            odd = _oddness(image)
            upright_rgb(image)
        problem = ""
    except UnidentifiedImageError:
        problem, odd = "is not an image", ""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        problem, odd = f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels", ""
    except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
        cut = "truncated" in str(error) or "Truncated" in str(error)
        problem, odd = ("is cut off (truncated)" if cut else f"is damaged ({error})"), ""
    return Inspected(stat.st_size, stat.st_mtime_ns, digest, problem, odd)


def _oddness(image: Image.Image) -> str:
    """In one word or two, or nothing."""
    if getattr(image, "n_frames", 1) > 1:
        return "animated"
    if image.mode == "CMYK":
        return "CMYK"
    if image.mode == "P":
        return "palette"
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return "16-bit"
    if image.mode in ("RGBA", "LA", "PA"):
        return "transparent"
    if image.getexif().get(_ORIENTATION, 1) != 1:
        return "EXIF-rotated"
    return ""


def _unchanged(path: Path, before: Inspected) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (before.size, before.mtime_ns)


def _read(index: Path) -> dict[str, Inspected]:
    try:
        told = json.loads(index.read_text())
        if told["format"] != FORMAT:
            return {}
        return {name: Inspected(**one) for name, one in told["files"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
