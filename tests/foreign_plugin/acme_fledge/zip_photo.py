"""ZipPhoto: one photograph in an archive."""

import hashlib
import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from fledge import DataError
from PIL import Image, ImageOps


@dataclass(frozen=True, slots=True)
class ZipPhoto:
    """Implements `fledge.Sample`. fingerprint is the SHA-256 of the member's bytes."""

    archive: str
    name: str
    label: int
    fingerprint: str

    def load(self, edge: int = 0) -> Image.Image:
        try:
            data = _read(self.archive, self.name)
            if hashlib.sha256(data).hexdigest() != self.fingerprint:
                raise ValueError("it is not what it was when the archive was read first")
            with Image.open(BytesIO(data)) as image:
                if edge:
                    # A JPEG is decoded to an eighth, a quarter or half of its size where that is enough.
                    image.draft(None, (edge, edge))
                return ImageOps.exif_transpose(image).convert("RGB")
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged data
            raise DataError(
                f"{self.archive}: {self.name} cannot be decoded: {error}",
                hint="mend that photograph or leave it out, and pack the archive anew",
            ) from None


def _read(archive: str, name: str) -> bytes:
    state = Path(archive).stat()
    return _opened(archive, state.st_size, state.st_mtime_ns, os.getpid()).read(name)


@lru_cache(maxsize=4)
def _opened(archive: str, size: int, changed: int, process: int) -> zipfile.ZipFile:
    """Kept open, for its list of members is long: as long as it is the same file, and never shared with a fork, which
    would read on from wherever the other one is."""
    return zipfile.ZipFile(archive)
