"""A chicken: round body, scooped back, upright tail, red comb and wattles."""

from math import pi
from random import Random

import numpy as np

from fledge_birds.drawing.body import beak, eye, feathered, legs, wing
from fledge_birds.drawing.canvas import Canvas
from fledge_birds.drawing.colours import REDS, Colour, Plumage, lit, mix, varied
from fledge_birds.drawing.curves import Pair, ellipse, feather, smooth, toward, tube, turned

LEG_COLOURS: tuple[Colour, ...] = ((214, 168, 60), (196, 150, 84), (120, 116, 110), (206, 164, 148))


def chicken(canvas: Canvas, draw: Random, coat: Plumage) -> None:
    """Facing right, the torso's middle at the origin, feet at `body.GROUND`, about three units high."""
    rooster = draw.random() < 0.45
    plump = draw.uniform(0.92, 1.12)
    lean = draw.uniform(-0.14, 0.2)
    _tail(canvas, draw, coat, turned(np.array([(-0.78, 0.2)]), lean)[0], rooster)
    legs(canvas, draw, draw.choice(LEG_COLOURS), (0.02, -0.72), coat.body)
    torso = smooth([
        (-0.98, 0.42), (-0.6, 0.3), (-0.15, 0.24), (0.3, 0.44), (0.72, 0.5), (0.98, 0.18),
        (0.9, -0.3), (0.5, -0.72 * plump), (-0.05, -0.84 * plump), (-0.6, -0.62 * plump), (-0.98, -0.1),
    ])  # fmt: skip
    feathered(canvas, draw, turned(torso, lean), coat.body, coat)
    wing(canvas, draw, coat, (0.28, 0.02), draw.uniform(0.85, 1.0), draw.uniform(-0.1, 0.2), bars=False)
    _neck_and_head(canvas, draw, coat, rooster)


def _tail(canvas: Canvas, draw: Random, coat: Plumage, root: Pair, rooster: bool) -> None:
    root = (float(root[0]), float(root[1]))
    raised = draw.uniform(1.5, 2.05)
    if rooster:
        for k in range(draw.randint(9, 12)):
            angle = raised + draw.uniform(-0.35, 0.5)
            length = draw.uniform(1.0, 1.55)
            blade = feather(root, angle, length, 0.2, bend=draw.uniform(0.6, 1.5), blunt=0.7)
            canvas.fill(blade, lit(varied(draw, coat.tail, 0.14), 0.75 + 0.03 * k))
            canvas.line(blade[: len(blade) // 2], 0.018, mix(coat.tail, coat.edge, 0.4))
        return
    for k in range(8):
        blade = feather(root, raised + 0.45 - 0.11 * k, draw.uniform(0.75, 0.95), 0.26, bend=-0.1, blunt=0.9)
        canvas.fill(blade, lit(varied(draw, coat.tail, 0.1), 0.72 + 0.04 * k))
        canvas.line(blade[: len(blade) // 2], 0.018, mix(coat.tail, coat.edge, 0.4))


def _neck_and_head(canvas: Canvas, draw: Random, coat: Plumage, rooster: bool) -> None:
    """A feathered neck, broad where it meets the breast, held up, forward or, pecking, down."""
    pose = draw.random()
    angle = (
        draw.uniform(1.1, 1.55) if pose < 0.7 else draw.uniform(0.55, 1.0) if pose < 0.9 else draw.uniform(-0.5, 0.1)
    )
    base = (0.5, 0.22)
    head = toward(base, angle, draw.uniform(1.0, 1.22))
    middle = toward(base, angle + 0.16, 0.55)
    outline = tube([toward(base, angle, -0.15), middle, head], [0.95, 0.86, 0.62, 0.42, 0.36], steps=8)
    feathered(canvas, draw, outline, coat.neck, coat, 0.085)
    for k in range(14):
        start = toward(toward(base, angle, 0.5), angle + pi / 2, (k - 6.5) * 0.04)
        hackle = feather(start, angle + pi + (6.5 - k) * 0.07, draw.uniform(0.55, 0.85), 0.11, blunt=0.5)
        canvas.fill(hackle, varied(draw, mix(coat.neck, coat.edge, 0.2), 0.12))
    look = draw.uniform(-0.2, 0.15) + (0.0 if angle > 0.5 else angle - 0.5)
    _head(canvas, draw, coat, head, look, rooster)


def _head(canvas: Canvas, draw: Random, coat: Plumage, head: Pair, look: float, rooster: bool) -> None:
    red = varied(draw, draw.choice(REDS), 0.12)
    big = draw.uniform(1.0, 1.3) if rooster else draw.uniform(0.65, 0.95)

    def on_head(x: float, y: float) -> Pair:
        place = turned(np.array([(x, y)]), look)[0] + np.asarray(head)
        return float(place[0]), float(place[1])

    spikes = draw.randint(4, 6)
    comb = [(0.24, 0.08)]
    for k in range(spikes):
        x = 0.22 - 0.46 * (k + 0.5) / spikes
        high = 0.24 + big * 0.22 * (1 - 0.4 * abs(k - spikes / 2) / spikes)
        comb += [(x, high), (x - 0.23 / spikes, 0.24 + big * 0.06)]
    comb += [(-0.3 * big, 0.14), (-0.2, 0.0)]
    canvas.fill(turned(smooth(comb, steps=5), look) + np.asarray(head), lit(red, 0.92))
    canvas.fill(ellipse(head, 0.25, 0.22, look), coat.neck)
    for drop, shade in ((0.02, 0.78), (0.0, 1.0)):
        canvas.fill(
            ellipse(on_head(0.17 + drop, -0.16 - 0.13 * big), 0.085 * big, 0.19 * big, look / 2), lit(red, shade)
        )
    canvas.fill(ellipse(on_head(0.12, 0.0), 0.15, 0.13, look), red)
    canvas.fill(ellipse(on_head(-0.09, -0.09), 0.05, 0.08, look), draw.choice(((236, 230, 220), red)))
    beak(canvas, on_head(0.21, 0.0), look, 0.22, draw.choice(LEG_COLOURS))
    eye(canvas, on_head(0.1, 0.05), 0.055, (226, 142, 40))
