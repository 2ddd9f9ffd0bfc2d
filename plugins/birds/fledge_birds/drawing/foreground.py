"""Foregrounds: what comes between the camera and a bird, and hides some of it."""

from collections.abc import Callable
from math import cos, sin
from random import Random

import numpy as np

from fledge_birds.drawing.canvas import Canvas
from fledge_birds.drawing.colours import BLUES, REDS, Colour, lit, varied
from fledge_birds.drawing.curves import ellipse, feather, tube

Foreground = Callable[[Canvas, Random, float, float], None]


def blades(canvas: Canvas, draw: Random, width: float, height: float) -> None:
    """Tall grass along the lower edge."""
    tone = draw.choice(((84, 124, 50), (168, 146, 82), (110, 130, 70)))
    high = draw.uniform(0.12, 0.4) * height
    for _ in range(draw.randint(15, 60)):
        root = (draw.uniform(0, width), -height - 3)
        blade = feather(
            root, 1.57 + draw.uniform(-0.3, 0.3), high * draw.uniform(0.5, 1.2), 5, draw.uniform(-0.6, 0.6), 0.5
        )
        canvas.fill(blade, varied(draw, tone, 0.3))


def branch(canvas: Canvas, draw: Random, width: float, height: float) -> None:
    """A twig across the picture, with leaves on it."""
    y, slope = -draw.uniform(0.1, 0.9) * height, draw.uniform(-0.3, 0.3) * height
    spine = [(width * t, y + slope * t + draw.uniform(-0.05, 0.05) * height) for t in (-0.05, 0.3, 0.65, 1.05)]
    bark = varied(draw, (92, 74, 58), 0.25)
    leaf = draw.choice(((86, 118, 50), (160, 96, 40), (60, 92, 52), (150, 40, 36)))
    thick = draw.uniform(0.008, 0.025) * height
    canvas.fill(tube(spine, [thick, thick * 0.8, thick * 0.7, thick * 0.5]), bark)
    for _ in range(draw.randint(4, 16)):
        t = draw.random()
        at = (width * t, float(np.interp(t, (0, 0.3, 0.65, 1), [p[1] for p in spine])))
        canvas.fill(
            feather(at, draw.uniform(0, 6.3), draw.uniform(0.05, 0.11) * height, 0.035 * height),
            varied(draw, leaf, 0.3),
        )


def mesh(canvas: Canvas, draw: Random, width: float, height: float) -> None:
    """Two to five fence wires, or chicken wire."""
    metal = varied(draw, draw.choice(((160, 160, 156), (90, 86, 84), (130, 100, 80))), 0.2)
    if draw.random() < 0.5:
        for _ in range(draw.randint(2, 5)):
            y = -draw.random() * height
            canvas.line(np.array([(0, y), (width, y + draw.uniform(-0.05, 0.05) * height)]), 2.0, metal)
        return
    gap = draw.uniform(0.09, 0.18) * height
    for k in range(int((width + height) / gap) + 1):
        canvas.line(np.array([(k * gap, 0), (k * gap - height, -height)]), 1.2, metal)
        canvas.line(np.array([(k * gap - height, 0), (k * gap, -height)]), 1.2, metal)


def lumps(canvas: Canvas, draw: Random, width: float, height: float) -> None:
    """A stone, a pumpkin, a bucket's rim: something round that stands close to the camera."""
    tones: tuple[Colour, ...] = ((122, 118, 112), (206, 116, 40), (90, 82, 72), *REDS, *BLUES)
    for _ in range(draw.randint(1, 2)):
        colour = varied(draw, draw.choice(tones), 0.2)
        r = draw.uniform(0.08, 0.2) * height
        x, y = draw.uniform(0, width), -height * draw.uniform(0.82, 1.05)
        canvas.fill(ellipse((x, y), r * draw.uniform(0.9, 1.4), r), colour)
        canvas.fill(ellipse((x - r * 0.3 * cos(0.8), y + r * 0.4 * sin(0.8)), r * 0.5, r * 0.35), lit(colour, 1.15))


def post(canvas: Canvas, draw: Random, width: float, height: float) -> None:
    """A fence post or a tree's trunk that stands in the way."""
    x, thick = draw.uniform(0, width), draw.uniform(0.03, 0.1) * width
    wood = varied(draw, draw.choice(((120, 98, 76), (84, 74, 66), (196, 190, 180))), 0.2)
    canvas.fill(np.array([(x, 0), (x + thick, 0), (x + thick, -height), (x, -height)]), wood)
    for _ in range(5):
        at = x + draw.random() * thick
        canvas.line(np.array([(at, -draw.random() * height), (at, -draw.random() * height)]), 1.0, lit(wood, 0.7))


FOREGROUNDS: tuple[Foreground, ...] = (blades, blades, branch, mesh, lumps, post)
