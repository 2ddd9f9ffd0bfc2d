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
    if closed:
        a, b, c, d = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    else:
        padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (x[:, None, :] for x in (a, b, c, d))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    points = curve.reshape(-1, 2)
    return points if closed else np.concatenate([points, p[-1:]])


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
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    across = np.stack([-along[:, 1], along[:, 0]], 1) * half[:, None]
    return np.concatenate([middle + across, (middle - across)[::-1]])


def feather(base: Pair, angle: float, length: float, width: float, bend: float = 0.0, blunt: float = 0.8) -> Points:
    """A long rounded blade that starts at `base`; `blunt` is its width near the tip, relative to `width`."""
    middle = toward(base, angle + bend * 0.35, length * 0.55)
    tip = toward(middle, angle + bend, length * 0.45)
    return tube([base, middle, tip], [width * 0.45, width * 0.8, width, width * blunt, width * 0.1], steps=5)
