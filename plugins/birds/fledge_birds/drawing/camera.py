"""The camera: light, colour cast, focus, sensor noise and JPEG."""

from io import BytesIO
from math import cos, sin
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from fledge_birds.drawing.noise import field

Pixels = NDArray[np.float32]


def rounded(layer: Image.Image, sun: float, strength: float) -> Image.Image:
    """The RGBA layer, shaded as if what is drawn on it bulged towards the camera, lit from the angle `sun`."""
    width, height = layer.size
    small = (max(8, width // 4), max(8, height // 4))
    soft = layer.getchannel("A").resize(small).filter(ImageFilter.GaussianBlur(min(small) / 12))
    bulge = np.asarray(soft, dtype=np.float32) / 255
    down, right = np.gradient(bulge)
    slope = -(cos(sun) * right - sin(sun) * down) * min(small) / 8
    half = (127.5 * (1 + strength * np.clip(slope, -1, 1))).clip(0, 255).astype(np.uint8)
    light = Image.fromarray(half).resize(layer.size, Image.Resampling.BILINEAR)
    *colours, alpha = layer.split()
    # Multiplying by light/2 and adding the result to itself leaves 1 unchanged and lets light brighten.
    shaded = [ImageChops.multiply(c, light) for c in colours]
    return Image.merge("RGBA", [*(ImageChops.add(c, c) for c in shaded), alpha])


def exposed(image: Image.Image, draw: Random, noise: np.random.Generator) -> Image.Image:
    """Light and sensor: warm or cold, dark or bright, uneven, hazy, blurred, grainy."""
    size = image.size
    if draw.random() < 0.45:
        image = image.filter(ImageFilter.GaussianBlur(draw.uniform(0.0005, 0.006) * min(size)))
    pixels: Pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
    warmth, tint = draw.uniform(-0.22, 0.22), draw.uniform(-0.08, 0.08)
    cast = np.array([1 + warmth, 1 + tint, 1 - warmth], dtype=np.float32) * np.float32(draw.uniform(0.68, 1.2))
    pixels *= cast * _uneven(draw, noise, size)[..., None]
    pixels -= np.float32(0.45)
    pixels *= np.float32(draw.uniform(0.7, 1.15))
    pixels += np.float32(0.45)
    if draw.random() < 0.25:
        pixels *= np.float32(draw.uniform(0.7, 0.95))
        pixels += np.float32(draw.uniform(0.02, 0.1))
    grain = noise.standard_normal(pixels.shape, dtype=np.float32)
    grain *= np.float32(draw.uniform(0.0, 0.05))
    pixels += grain
    if draw.random() < 0.1:
        pixels = pixels.mean(axis=2, keepdims=True) * np.array([1.05, 1.0, 0.9], dtype=np.float32)
    pixels *= np.float32(255)
    return Image.fromarray(pixels.clip(0, 255, out=pixels).astype(np.uint8))


def _uneven(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """float32 [height, width] around 1: a gradient across the picture and, half the time, dappled shade."""
    width, height = size
    angle, depth = draw.uniform(0, 6.28), draw.uniform(0.0, 0.35)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 1 + np.float32(depth) * (x * np.float32(cos(angle)) + y * np.float32(sin(angle)))
    if draw.random() < 0.4:
        cells = draw.randint(3, 9)
        light = light + np.float32(draw.uniform(0.1, 0.3)) * field(noise, size, (cells, cells))
    return light


def jpeg(image: Image.Image, quality: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
