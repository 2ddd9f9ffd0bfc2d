"""Backdrops: what stands behind a bird, from the top of the picture down to the horizon and beyond."""

from collections.abc import Callable
from math import pi
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from fledge_birds.drawing.colours import BLUES, REDS, Colour, lit, mix, varied
from fledge_birds.drawing.noise import field, mottled

Backdrop = Callable[[Random, np.random.Generator, tuple[int, int]], Image.Image]
SKIES: tuple[Colour, ...] = ((150, 190, 226), (196, 206, 214), (228, 196, 160), (110, 140, 180))
LEAVES: tuple[Colour, ...] = ((64, 104, 44), (96, 124, 52), (44, 78, 46), (150, 110, 44), (128, 62, 38))


def sky(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A gradient with clouds, and hills along its lower half."""
    width, height = size
    low = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top = np.asarray(varied(draw, draw.choice(SKIES), 0.1), dtype=np.float32)
    clouds = np.clip(field(noise, size, (4, 6)) * draw.uniform(0.3, 1.2), 0, 1)[..., None] * 0.7
    pixels = top * (1 - 0.4 * low) + 235 * 0.4 * low
    pixels = pixels * (1 - clouds) + 244 * clouds
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    tone = varied(draw, draw.choice(LEAVES), 0.2)
    for layer in range(draw.randint(0, 3)):
        base, wave = height * (0.42 + 0.08 * layer), draw.uniform(0.02, 0.07) * height
        phase, pace = draw.uniform(0, 6), draw.uniform(3, 9) / width
        crest = [(x, base + wave * np.sin(phase + pace * x)) for x in range(0, width + 12, 12)]
        pen.polygon([(0, height), *crest, (width, height)], fill=mix(tone, (190, 204, 216), 0.6 - 0.2 * layer))
    return image


def planks(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A barn's wall of upright boards, red, grey, brown or whitewashed."""
    width, height = size
    paint = varied(draw, draw.choice(((140, 44, 38), (120, 112, 104), (110, 78, 52), (204, 200, 190))), 0.15)
    image = mottled(noise, size, paint, 0.18, 40)
    pen = ImageDraw.Draw(image)
    x, board = 0.0, width / draw.uniform(6, 16)
    while x < width:
        pen.line((x, 0, x, height), fill=lit(paint, 0.45), width=max(1, round(board / 14)))
        for _ in range(3):
            at, y = x + draw.uniform(0.1, 0.9) * board, draw.uniform(0, height)
            pen.line((at, y, at, y + draw.uniform(0.1, 0.5) * height), fill=lit(paint, draw.uniform(0.75, 1.1)))
        x += board * draw.uniform(0.9, 1.1)
    return image


def foliage(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A hedge: leaves over leaves, with blossoms or berries here and there."""
    width, height = size
    tone = draw.choice(LEAVES)
    image = mottled(noise, size, lit(tone, 0.6), 0.35, 14)
    pen = ImageDraw.Draw(image)
    leaf = draw.uniform(0.015, 0.05) * min(size)
    for _ in range(draw.randint(200, 420)):
        x, y, r = draw.uniform(0, width), draw.uniform(0, height), leaf * draw.uniform(0.6, 1.5)
        pen.regular_polygon((x, y, r), 3, rotation=draw.randrange(360), fill=varied(draw, tone, 0.4))
    _blossoms(pen, draw, size, leaf)
    return image


def rays(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Palms or ferns: banded blades that radiate from a point, so that a spread of blades alone means nothing."""
    width, height = size
    tone = draw.choice((*LEAVES, (176, 150, 96), (200, 196, 184)))
    image = mottled(noise, size, lit(draw.choice(LEAVES), 0.75), 0.3, 10)
    pen = ImageDraw.Draw(image)
    for _ in range(draw.randint(2, 5)):
        x, y = draw.uniform(0, width), draw.uniform(0.1, 0.75) * height
        reach, count = draw.uniform(0.2, 0.45) * min(size), draw.randint(9, 18)
        first, spread = draw.uniform(0, 2), draw.uniform(2.2, 4.5)
        for k in range(count):
            angle, half = first + spread * k / count, spread / count * 0.45
            blade = varied(draw, tone, 0.2)
            for share, colour in ((1.0, lit(blade, 1.3)), (0.9, lit(blade, 0.5)), (0.78, blade)):
                edge = [
                    (x + reach * share * r * np.cos(a), y - reach * share * r * np.sin(a))
                    for a, r in ((angle - half, 0.9), (angle, 1.0), (angle + half, 0.9))
                ]
                pen.polygon([(x, y), *edge], fill=colour)
    return image


def trees(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Trunks, thick and thin, in a misty wood."""
    width, height = size
    mist = varied(draw, draw.choice(((176, 184, 178), (120, 136, 110), (206, 208, 214))), 0.15)
    image = mottled(noise, size, mist, 0.12, 8)
    pen = ImageDraw.Draw(image)
    bark = varied(draw, draw.choice(((86, 68, 54), (60, 54, 52), (150, 140, 128))), 0.2)
    for near in sorted(draw.random() for _ in range(draw.randint(8, 20))):
        x, thick = draw.uniform(0, width), (0.01 + 0.05 * near) * width
        tone = mix(mist, bark, 0.25 + 0.7 * near)
        pen.polygon([(x - thick, height), (x - thick * 0.6, 0), (x + thick * 0.6, 0), (x + thick, height)], fill=tone)
        for _ in range(4):
            y, side = draw.uniform(0, height * 0.7), draw.choice((-1, 1))
            end = (x + side * draw.uniform(3, 9) * thick, y - draw.uniform(1, 6) * thick)
            pen.line(((x, y), end), fill=tone, width=max(1, round(thick / 3)))
    return image


def wire(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A coop's mesh in front of the dark."""
    width, height = size
    shade = varied(draw, draw.choice(((52, 50, 46), (110, 96, 76), (76, 88, 64))), 0.2)
    image = mottled(noise, size, shade, 0.4, 12)
    pen = ImageDraw.Draw(image)
    mesh = round(draw.uniform(0.05, 0.11) * width)
    metal = varied(draw, (150, 152, 150), 0.25)
    for x in range(-height, width + height, mesh):
        pen.line((x, 0, x + height, height), fill=metal)
        pen.line((x, 0, x - height, height), fill=metal)
    return image


def _blossoms(pen: ImageDraw.ImageDraw, draw: Random, size: tuple[int, int], radius: float) -> None:
    if draw.random() < 0.5:
        return
    colour = draw.choice((*REDS, *BLUES, (240, 236, 230)))
    for _ in range(draw.randint(6, 30)):
        x, y, r = draw.uniform(0, size[0]), draw.uniform(0, size[1]), radius * draw.uniform(0.4, 1.0)
        for petal in range(5):
            a = petal * 2 * pi / 5
            px, py = x + r * np.cos(a), y + r * np.sin(a)
            pen.ellipse((px - r / 1.6, py - r / 1.6, px + r / 1.6, py + r / 1.6), fill=varied(draw, colour, 0.1))


BACKDROPS: tuple[Backdrop, ...] = (sky, sky, planks, foliage, rays, trees, wire)
