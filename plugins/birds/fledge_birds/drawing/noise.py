"""Smooth random fields: what makes ground uneven, skies cloudy and light patchy."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def field(noise: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Field:
    """float32 [height, width], roughly within -1..1, with `cells` bumps (across, down); `size` is (width, height)."""
    coarse = noise.uniform(-1, 1, (cells[1] + 1, cells[0] + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


def mottled(
    noise: np.random.Generator, size: tuple[int, int], colour: tuple[int, int, int], amount: float, fine: int
) -> Image.Image:
    """A surface of one colour, lighter and darker by `amount` in patches of two sizes."""
    width, height = size
    aspect = max(1, round(fine * height / width))
    pattern = 1 + amount * (field(noise, size, (5, 4)) * 0.6 + field(noise, size, (fine, aspect)) * 0.6)
    pixels = pattern[..., None] * np.asarray(colour, dtype=np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
