"""ImageFile: one labelled image on disk, and how any image becomes upright RGB."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fledge.errors import DataError

# Grey values of more than eight bits; Pillow would cut them off where they should be scaled.
_DEEP = ("I", "F")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Implements `fledge.Sample`; the fingerprint is the SHA-256 of the file's bytes."""

    path: Path
    name: str
    label: int
    fingerprint: str

    def load(self) -> Image.Image:
        """Raises DataError where the file cannot be decoded."""
        try:
            with Image.open(self.path) as image:
                return upright_rgb(image)
        except Exception as error:  # noqa: BLE001 -- decoders raise whatever they like on damaged files
            raise DataError(
                f"{self.path} cannot be decoded any more: {error}",
                hint="it was whole when the data set was prepared; restore it, or start again",
            ) from None


def upright_rgb(image: Image.Image) -> Image.Image:
    """As a person would see it: turned as its EXIF data says, transparency on white, the first frame of many."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode in _DEEP or image.mode.startswith("I;16"):
        return _from_deep(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """16 bits to 8 by their share of the full range; other depths by their own."""
    values = np.asarray(image).astype(np.float64)
    top = 65535.0 if image.mode != "F" and values.max() > 255 else 255.0
    if image.mode == "F" and values.max() <= 1:
        top = 1.0
    top = max(top, float(values.max()))
    grey = (values.clip(0, top) / top * 255).round().astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
