"""What both species have: a torso with feathers on it, a wing, legs, an eye and a beak."""

from math import pi
from random import Random

import numpy as np

from fledge_birds.drawing.canvas import Canvas
from fledge_birds.drawing.colours import BLACK, Colour, Plumage, lit, mix, varied
from fledge_birds.drawing.curves import Pair, Points, ellipse, feather, smooth, toward, tube, turned

GROUND = -1.42


def feathered(canvas: Canvas, draw: Random, outline: Points, colour: Colour, coat: Plumage, size: float = 0.13) -> None:
    """The outline, filled, with rows of feathers inside it in the coat's pattern."""
    canvas.fill(outline, colour)
    middle = outline.mean(0)
    rows = 6
    for row in range(rows):
        reach = 0.9 - 0.85 * row / rows
        count = max(4, round(16 * reach / (size / 0.13)))
        offset = draw.random()
        for k in range(count):
            edge = outline[int((k + offset) / count * len(outline)) % len(outline)]
            x, y = middle + (edge - middle) * reach * draw.uniform(0.94, 1.03)
            _one_feather(canvas, draw, (float(x), float(y)), colour, coat, size * draw.uniform(0.8, 1.2))


def _one_feather(canvas: Canvas, draw: Random, at: Pair, colour: Colour, coat: Plumage, size: float) -> None:
    angle = pi + 0.5 + draw.uniform(-0.25, 0.25)
    shape = ellipse(at, size, size * 0.62, angle, steps=12)
    inner = varied(draw, colour, 0.1)
    if coat.pattern == "laced":
        canvas.fill(shape, mix(colour, coat.edge, 0.75))
        canvas.fill(ellipse(toward(at, angle, -size * 0.25), size * 0.8, size * 0.46, angle, steps=10), inner)
    elif coat.pattern == "barred":
        canvas.fill(shape, inner)
        across = np.array([toward(at, angle + pi / 2, size * 0.6), toward(at, angle - pi / 2, size * 0.6)])
        canvas.line(across, size * 0.34, mix(colour, coat.edge, 0.85))
    elif coat.pattern == "speckled":
        canvas.fill(shape, inner)
        canvas.dot(at, size * draw.uniform(0.2, 0.36), coat.edge)
    else:
        canvas.fill(shape, mix(inner, coat.edge, 0.18))
        canvas.fill(ellipse(toward(at, angle, -size * 0.2), size * 0.85, size * 0.5, angle, steps=10), inner)


def wing(canvas: Canvas, draw: Random, coat: Plumage, at: Pair, length: float, droop: float, bars: bool) -> None:
    """A folded wing that points backwards; `droop` radians down from level; `bars` across its long feathers."""
    back = pi + droop
    for k in range(7):
        shade = varied(draw, coat.wing, 0.1)
        quill = feather(toward(at, back + pi / 2, 0.05 * k), back - 0.12 + 0.08 * k, length * (1.1 - 0.05 * k), 0.17)
        canvas.fill(quill, mix(lit(shade, 0.72), coat.edge, 0.15))
        if bars:
            half = len(quill) // 2
            for j in range(3, half - 1, 2):
                canvas.line(np.stack([quill[j], quill[-j - 1]]), 0.035, coat.edge)
    cover = turned(smooth([(0.28, 0.02), (0.1, 0.26), (-0.3, 0.24), (-0.66, 0.02), (-0.3, -0.2), (0.1, -0.2)]), droop)
    feathered(canvas, draw, cover * (length / 0.95) + np.asarray(at), coat.wing, coat, 0.11)


def legs(canvas: Canvas, draw: Random, colour: Colour, hips: Pair, thigh: Colour) -> None:
    """Two legs with three toes forward and one back, standing or mid-stride; they end at GROUND."""
    stride = draw.uniform(0.0, 0.32)
    for side, shade in ((1, 0.75), (-1, 1.0)):
        hip = (hips[0] + 0.1 * side, hips[1])
        foot = (hips[0] + stride * side + 0.04, GROUND + (0.05 if side > 0 else 0.0))
        knee = ((hip[0] + foot[0]) / 2 - 0.1, (hip[1] + foot[1]) / 2 + 0.06)
        tone = lit(colour, shade)
        canvas.fill(tube([(hip[0], hip[1] + 0.25), hip, knee], [0.5, 0.4, 0.12]), lit(thigh, shade))
        canvas.line(np.array([knee, foot]), 0.075, tone)
        for toe in (-0.3, 0.05, 0.42, pi - 0.15):
            reach = 0.15 if toe > 1 else 0.27
            end = (foot[0] + reach * np.cos(toe), foot[1] - 0.1 * np.sin(toe) - 0.03)
            canvas.line(np.array([foot, end]), 0.055, tone)


def eye(canvas: Canvas, at: Pair, radius: float, iris: Colour) -> None:
    canvas.dot(at, radius, lit(iris, 0.5))
    canvas.dot(at, radius * 0.85, iris)
    canvas.dot(at, radius * 0.5, BLACK)
    canvas.dot((at[0] + radius * 0.2, at[1] + radius * 0.25), radius * 0.18, (250, 250, 250))


def beak(canvas: Canvas, at: Pair, angle: float, length: float, colour: Colour) -> None:
    """Two mandibles, the upper one hooked a little, from the middle of their root."""
    upper = np.array([(0, 0.5), (0.55, 0.36), (1, -0.12), (0.5, -0.02), (0, 0.0)]) * length
    lower = np.array([(0, 0.0), (0.5, -0.04), (0.78, -0.14), (0.3, -0.3), (0, -0.34)]) * length
    canvas.fill(turned(lower, angle) + np.asarray(at), lit(colour, 0.75))
    canvas.fill(turned(upper, angle) + np.asarray(at), colour)
