"""A turkey: bulky body, fanned and banded tail, long bare neck in blue and red, a snood over the beak."""

from math import pi
from random import Random

import numpy as np

from fledge_birds.drawing.body import beak, eye, feathered, legs, wing
from fledge_birds.drawing.canvas import Canvas
from fledge_birds.drawing.colours import BLACK, BLUES, BUFF, CREAM, REDS, RUST, WHITE, Colour, Plumage, lit, mix, varied
from fledge_birds.drawing.curves import Pair, ellipse, feather, smooth, toward, tube

LEG_COLOURS: tuple[Colour, ...] = ((206, 150, 140), (180, 120, 104), (120, 110, 106), (206, 160, 84))


def turkey(canvas: Canvas, draw: Random, coat: Plumage) -> None:
    """Facing right, the torso's middle at the origin, feet at `body.GROUND`, about three units high."""
    strutting = draw.random() < 0.85
    if strutting:
        _fan(canvas, draw, coat)
    else:
        _folded_tail(canvas, draw, coat)
    legs(canvas, draw, draw.choice(LEG_COLOURS), (0.0, -0.72), coat.body)
    bulk = draw.uniform(0.95, 1.12)
    torso = smooth([
        (-0.95, 0.1), (-0.7, 0.48), (-0.2, 0.66), (0.3, 0.66), (0.76, 0.46), (1.0, 0.05),
        (0.92, -0.4), (0.5, -0.78 * bulk), (-0.1, -0.82 * bulk), (-0.65, -0.58 * bulk), (-0.95, -0.25),
    ])  # fmt: skip
    feathered(canvas, draw, torso, coat.body, coat)
    droop = draw.uniform(0.3, 0.6) if strutting else draw.uniform(-0.05, 0.15)
    wing(canvas, draw, coat, (0.2, 0.08), draw.uniform(0.9, 1.05), droop, bars=True)
    if draw.random() < 0.7:
        beard = tube([(0.92, -0.12), (1.02, -0.35), (0.98, -0.62)], [0.1, 0.09, 0.04])
        canvas.fill(beard, mix(coat.body, BLACK, 0.85))
    _neck_and_head(canvas, draw, strutting)


def _fan(canvas: Canvas, draw: Random, coat: Plumage) -> None:
    """The tail spread: long feathers side by side, each with a dark band and a light tip."""
    root = (draw.uniform(-0.5, -0.25), draw.uniform(0.05, 0.2))
    reach = draw.uniform(1.35, 1.65)
    first, last = draw.uniform(0.3, 0.75), draw.uniform(3.1, 3.6)
    narrow = draw.uniform(0.6, 1.0)
    count = draw.randint(13, 17)
    tip = draw.choice((WHITE, CREAM, BUFF, RUST))
    band = mix(coat.tail, BLACK if sum(coat.tail) > 200 else CREAM, 0.75)
    # From the outside in, so that the middle feathers lie on top.
    for k in sorted(range(count), key=lambda k: -abs(k - count / 2)):
        angle = first + (last - first) * k / (count - 1)
        long = reach * draw.uniform(0.95, 1.02)
        tone = varied(draw, coat.tail, 0.1)
        for share, colour in ((1.0, tip), (0.9, band), (0.8, tone), (0.56, band), (0.5, tone)):
            blade = feather((0.0, 0.0), angle, long * share, reach * 0.25 * (0.4 + 0.6 * share), blunt=0.95)
            canvas.fill(blade * np.array([narrow, 1.0]) + np.asarray(root), colour)
    skirt = ellipse((0.0, 0.0), reach * 0.5, reach * 0.5) * np.array([narrow, 1.0]) + np.asarray(root)
    feathered(canvas, draw, skirt, lit(coat.tail, 0.8), coat, 0.14)


def _folded_tail(canvas: Canvas, draw: Random, coat: Plumage) -> None:
    tip = draw.choice((WHITE, CREAM, BUFF, RUST))
    angle = pi + draw.uniform(0.1, 0.5)
    for k in range(5):
        for share, colour in ((1.0, tip), (0.88, mix(coat.tail, BLACK, 0.7)), (0.78, varied(draw, coat.tail, 0.1))):
            canvas.fill(feather((-0.6, 0.1), angle + 0.09 * (k - 2), 1.25 * share, 0.3, blunt=0.95), colour)


def _neck_and_head(canvas: Canvas, draw: Random, strutting: bool) -> None:
    """The neck stands up in an S, bare from the breast on."""
    blue, red = varied(draw, draw.choice(BLUES), 0.12), varied(draw, draw.choice(REDS), 0.12)
    rise = draw.uniform(0.85, 1.05) if strutting else draw.uniform(1.0, 1.25)
    forward = draw.uniform(0.05, 0.4)
    base = (0.68, 0.34)
    head = (base[0] + forward, base[1] + rise)
    spine = [(0.55, 0.1), base, (base[0] + 0.24, base[1] + rise * 0.4), (head[0] - 0.08, base[1] + rise * 0.75), head]
    skin = mix(blue, red, draw.uniform(0.0, 0.45))
    canvas.fill(tube(spine, [0.42, 0.38, 0.28, 0.24, 0.24]), skin)
    canvas.fill(ellipse((spine[0][0] + 0.02, spine[0][1] + 0.08), 0.2, 0.2), skin)
    for _ in range(26):
        at = draw.random() ** 1.5
        x = float(np.interp(at, [0, 0.35, 0.7], [p[0] for p in spine[1:4]])) + draw.uniform(-0.11, 0.13)
        y = base[1] - 0.1 + rise * 0.75 * at
        canvas.dot((x, y), draw.uniform(0.04, 0.085) * (1.2 - at), varied(draw, red, 0.18))
    canvas.fill(ellipse(head, 0.21, 0.17, -0.1), blue)
    canvas.fill(ellipse((head[0] - 0.02, head[1] + 0.09), 0.16, 0.07, -0.1), mix(blue, WHITE, 0.5))
    canvas.fill(tube([(head[0] + 0.1, head[1] - 0.1), (head[0] + 0.12, head[1] - 0.45)], [0.2, 0.14, 0.04]), red)
    _beak_and_snood(canvas, draw, head, red)
    eye(canvas, (head[0] + 0.07, head[1] + 0.03), 0.05, (92, 60, 36))


def _beak_and_snood(canvas: Canvas, draw: Random, head: Pair, red: Colour) -> None:
    beak(canvas, (head[0] + 0.17, head[1] - 0.02), -0.15, 0.24, (206, 176, 120))
    root = (head[0] + 0.18, head[1] + 0.08)
    hang = draw.uniform(0.28, 0.5)
    end = toward(root, -pi / 2 + draw.uniform(0.1, 0.35), hang)
    canvas.fill(tube([root, (root[0] + 0.13, root[1] - 0.02), end], [0.07, 0.1, 0.11, 0.09]), lit(red, 1.08))
