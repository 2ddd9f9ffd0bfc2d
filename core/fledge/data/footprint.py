"""Footprint: how much memory decoding takes, from an image's head."""

from PIL.Image import Image

# What decoders hold beside the image, in bytes a pixel, rounded up from what was measured.
_DECODERS = {"PNG": 0, "GIF": 0, "BMP": 4, "TIFF": 8, "WEBP": 12, "AVIF": 12}
_OTHERS = 20


def footprint(image: Image, edge: int = 0) -> int:
    """Bytes that `load_rgb` takes at most, and shrinking what it gives; `image` is opened and not yet decoded."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        # Of one in several scans, all coefficients of all of it, 16 bits each, whatever size is asked for.
        decoder = 2 * len(image.getbands()) * pixels
    else:
        decoder = _DECODERS.get(image.format or "", _OTHERS) * pixels
    if edge:
        image.draft(None, (edge, edge))
    stored = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    rgb = 0 if image.mode == "RGB" else 4
    # The third is turned upright, or shrunk. Each has a pointer a row, which tells where an image is one pixel wide.
    return decoder + image.height * (image.width * (stored + rgb + 4) + 3 * 8)
