"""Curves as arrays of points [n, 2], x to the right and y up."""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = tuple[float, float]


def smooth(corners: Sequence[Pair] | Points, *, closed: bool = True, steps: int = 7) -> Points:
    """A Catmull-Rom curve through all the corners."""
    p = np.asarray(corners, dtype=np.float64)
    padded = np.empty((len(p) + (3 if closed else 2), 2))
    padded[1 : len(p) + 1] = p
    if closed:
        padded[0], padded[-2], padded[-1] = p[-1], p[0], p[1]
    else:
        padded[0], padded[-1] = 2 * p[0] - p[1], 2 * p[-1] - p[-2]
    around = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], axis=1)
    points: Points = (_weights(steps) @ around).reshape(-1, 2)
    return points if closed else np.concatenate([points, p[-1:]])


@lru_cache
def _weights(steps: int) -> Points:
    """[steps, 4]: how much the corners before, at, after and after that one weigh on the way to the next corner."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    powers = np.concatenate([t**0, t, t**2, t**3], axis=1)
    weights: Points = powers @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    return weights


def ellipse(centre: Pair, rx: float, ry: float, angle: float = 0.0, steps: int = 28) -> Points:
    c, s = cos(angle), sin(angle)
    points: Points = _circle(steps) @ np.array([[rx * c, rx * s], [-ry * s, ry * c]]) + centre
    return points


@lru_cache
def _circle(steps: int) -> Points:
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([np.cos(t), np.sin(t)], 1)


def turned(points: Points, angle: float, about: Pair = (0.0, 0.0)) -> Points:
    """Rotated counter-clockwise by `angle` radians."""
    rotation = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    result: Points = (points - about) @ rotation + about
    return result


def toward(start: Pair, angle: float, length: float) -> Pair:
    return start[0] + length * cos(angle), start[1] + length * sin(angle)


def tube(spine: Sequence[Pair], widths: Sequence[float], steps: int = 6) -> Points:
    """The outline around a smooth spine, as wide at each of its corners as `widths` says."""
    middle = smooth(spine, closed=False, steps=steps)
    at = np.linspace(0, len(widths) - 1, len(middle))
    half = np.interp(at, np.arange(len(widths)), np.asarray(widths)) / 2
    along = np.empty_like(middle)
    along[1:-1] = middle[2:] - middle[:-2]
    along[0], along[-1] = middle[1] - middle[0], middle[-1] - middle[-2]
    across = along[:, ::-1] * (half / (np.hypot(along[:, 0], along[:, 1]) + 1e-9))[:, None]
    across[:, 0] *= -1
    return np.concatenate([middle + across, (middle - across)[::-1]])


def feather(base: Pair, angle: float, length: float, width: float, bend: float = 0.0, blunt: float = 0.8) -> Points:
    """A long rounded blade that starts at `base`; `blunt` is its width near the tip, relative to `width`."""
    middle = toward(base, angle + bend * 0.35, length * 0.55)
    tip = toward(middle, angle + bend, length * 0.45)
    return tube([base, middle, tip], [width * 0.45, width * 0.8, width, width * blunt, width * 0.1], steps=5)
