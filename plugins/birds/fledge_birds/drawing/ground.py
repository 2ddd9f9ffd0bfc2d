"""Grounds: what a bird stands on, from the horizon down to the picture's lower edge."""

from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from fledge_birds.drawing.colours import BLUES, REDS, Colour, lit, varied
from fledge_birds.drawing.noise import mottled

Ground = Callable[[Random, np.random.Generator, tuple[int, int]], Image.Image]


def _strokes(
    pen: ImageDraw.ImageDraw,
    draw: Random,
    size: tuple[int, int],
    colour: Colour,
    count: int,
    reach: tuple[float, float],
    upright: bool,
) -> None:
    """Blades or stalks, longer and thicker the nearer they lie; `reach` is in shares of the picture's shorter side."""
    width, height = size
    for y in sorted(draw.uniform(0, height * 1.1) for _ in range(count)):
        near = 0.35 + 0.65 * y / height
        long = draw.uniform(*reach) * min(width, height * 2) * near
        x = draw.uniform(0, width)
        dx = draw.uniform(-0.4, 0.4) * long if upright else draw.uniform(-1, 1) * long
        dy = -long if upright else draw.uniform(-0.35, 0.35) * long
        pen.line((x, y, x + dx, y + dy), fill=varied(draw, colour, 0.35), width=max(1, round(long / 14)))


def grass(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    colour = varied(draw, draw.choice(((92, 132, 56), (120, 138, 66), (72, 108, 50), (158, 146, 84))), 0.15)
    image = mottled(noise, size, colour, 0.25, 18)
    pen = ImageDraw.Draw(image)
    _strokes(pen, draw, size, colour, draw.randint(250, 550), (0.04, 0.12), upright=True)
    if draw.random() < 0.4:
        petal = draw.choice((*REDS, *BLUES, (244, 240, 230), (236, 200, 60)))
        for _ in range(draw.randint(5, 25)):
            x, y = draw.uniform(0, size[0]), draw.uniform(0, size[1])
            r = (0.004 + 0.012 * y / size[1]) * size[0]
            pen.ellipse((x - r, y - r, x + r, y + r), fill=varied(draw, petal, 0.15))
    return image


def straw(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    colour = varied(draw, draw.choice(((206, 172, 96), (180, 150, 98), (160, 124, 72))), 0.12)
    image = mottled(noise, size, lit(colour, 0.75), 0.25, 16)
    _strokes(ImageDraw.Draw(image), draw, size, colour, draw.randint(250, 500), (0.06, 0.2), upright=False)
    return image


def snow(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = mottled(noise, size, varied(draw, (226, 231, 240), 0.07), 0.1, 6)
    if draw.random() < 0.6:
        _strokes(ImageDraw.Draw(image), draw, size, (140, 120, 84), draw.randint(10, 60), (0.05, 0.16), upright=True)
    return image


def earth(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Trodden soil with pebbles."""
    width, height = size
    colour = varied(draw, draw.choice(((134, 104, 76), (164, 140, 112), (98, 78, 62), (140, 134, 126))), 0.15)
    image = mottled(noise, size, colour, 0.22, 30)
    pen = ImageDraw.Draw(image)
    for y in sorted(draw.uniform(0, height) for _ in range(draw.randint(40, 160))):
        x, r = draw.uniform(0, width), (0.003 + 0.012 * y / height) * width * draw.uniform(0.4, 1.2)
        stone = varied(draw, lit(colour, draw.choice((0.7, 1.25))), 0.2)
        pen.ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), fill=stone)
    return image


def litter(draw: Random, noise: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Fallen leaves."""
    width, height = size
    image = mottled(noise, size, (96, 72, 50), 0.3, 20)
    pen = ImageDraw.Draw(image)
    tones: tuple[Colour, ...] = ((166, 92, 40), (190, 140, 60), (128, 56, 40), (110, 84, 56), (170, 40, 36))
    for y in sorted(draw.uniform(0, height) for _ in range(draw.randint(120, 300))):
        r = (0.008 + 0.022 * y / height) * width * draw.uniform(0.6, 1.3)
        place = (draw.uniform(0, width), y, r)
        pen.regular_polygon(
            place, draw.choice((3, 4, 5)), draw.randrange(360), fill=varied(draw, draw.choice(tones), 0.25)
        )
    return image


GROUNDS: tuple[Ground, ...] = (grass, grass, straw, snow, earth, litter)
