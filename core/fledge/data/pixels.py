"""How any image becomes upright RGB."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from fledge.data.quiet import quiet_pillow

# EXIF's number for how the camera was held, and what turns its picture upright again.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# These make Pillow start another program, or the system's drawing calls.
_PROGRAMS = ("EPS", "WMF")
# Pixels that are made RGB at a time.
_BLOCK = 1 << 20
_SEE_THROUGH = ("RGBA", "RGBa", "LA", "La", "PA")


def load_rgb(file: Path | BinaryIO, edge: int = 0) -> Image.Image:
    """Decode a file. With an edge, JPEG to an eighth, a quarter or half of its size where that is enough.

    Raises what `upright_rgb` raises.
    """
    with quiet_pillow(), Image.open(file) as image:
        if edge:
            image.draft(None, (edge, edge))
        return upright_rgb(image)


def upright_rgb(image: Image.Image) -> Image.Image:
    """As a person would see it: turned as its EXIF data says, transparency on white, the first frame of many.

    16-bit grey is scaled to 8 bits by its full range. Raises ValueError for pixels whose range nobody
    can know and for drawings, and whatever Pillow raises for damaged ones.
    """
    if image.format in _PROGRAMS:
        raise ValueError(f"{image.format} is a drawing, not a photograph")
    image.load()
    turn = orientation(image)
    rgb = _rgb(image)
    return rgb.transpose(_TURNS[turn]) if turn in _TURNS else rgb


def oddities(image: Image.Image) -> tuple[str, ...]:
    """What is unusual about an image that is used all the same, in a word each.

    To be asked after `upright_rgb`: some formats tell of EXIF data only when they were read to the end.
    """
    odd = []
    if image.mode == "CMYK":
        odd.append("CMYK")
    if image.mode in ("P", "PA"):
        odd.append("palette")
    if image.mode == "I" or image.mode.startswith("I;16"):
        odd.append("16-bit")
    if _is_see_through(image):
        odd.append("transparent")
    if getattr(image, "is_animated", False):
        odd.append("more than one frame")
    if orientation(image) in _TURNS:
        odd.append("EXIF-rotated")
    return tuple(odd)


def orientation(image: Image.Image) -> int:
    """EXIF's number, 1 where there is none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 -- damaged EXIF data, which says nothing about the pixels
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not _is_see_through(image):
        return image
    if image.mode == "F":
        raise ValueError("its pixels are floating point numbers, which do not say how bright white is")
    # Some rows at a time: on the way to RGB there are up to three more images of 4 bytes a pixel.
    rgb = Image.new("RGB", image.size)
    rows = max(1, _BLOCK // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        rgb.paste(_converted(image.crop(box)), box)
    return rgb


def _converted(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    if _is_see_through(image):
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def _is_see_through(image: Image.Image) -> bool:
    return image.mode in _SEE_THROUGH or (image.mode in ("1", "L", "P", "RGB") and "transparency" in image.info)


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels have 32 bits, which do not say how bright white is")
    # Pillow's own conversion cuts everything above 255 off.
    return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
