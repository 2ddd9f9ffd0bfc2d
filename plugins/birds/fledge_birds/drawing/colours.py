"""Colours, and the coats of feathers that both species wear."""

from dataclasses import dataclass
from random import Random
from typing import Literal

Colour = tuple[int, int, int]
Pattern = Literal["plain", "laced", "barred", "speckled"]
PATTERNS: tuple[Pattern, ...] = ("plain", "laced", "laced", "barred", "speckled")

WHITE, CREAM, BUFF = (240, 236, 226), (226, 208, 172), (204, 152, 84)
RUST, BROWN, BRONZE = (148, 72, 34), (98, 62, 38), (78, 60, 36)
SLATE, BLACK, GREEN_BLACK = (112, 116, 124), (34, 31, 32), (26, 48, 42)
COATS: tuple[Colour, ...] = (WHITE, CREAM, BUFF, RUST, BROWN, BRONZE, SLATE, BLACK, GREEN_BLACK)

REDS: tuple[Colour, ...] = ((196, 28, 30), (170, 24, 34), (214, 52, 44))
BLUES: tuple[Colour, ...] = ((104, 148, 196), (84, 118, 178), (150, 178, 204))


@dataclass(frozen=True)
class Plumage:
    body: Colour
    neck: Colour
    wing: Colour
    tail: Colour
    edge: Colour
    pattern: Pattern


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` of it replaced by `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def lit(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(255, round(c * factor)) for c in colour)
    return r, g, b


def varied(draw: Random, colour: Colour, amount: float) -> Colour:
    """The colour, lighter or darker by up to `amount`, and each channel by a third of that."""
    light = 1 - amount + 2 * amount * draw.random()
    shift = 2 * amount / 3
    r, g, b = (light * (1 + shift * (draw.random() - 0.5)) for _ in range(3))
    return min(255, round(colour[0] * r)), min(255, round(colour[1] * g)), min(255, round(colour[2] * b))


def plumage(draw: Random) -> Plumage:
    """A coat for either species: drawn from one distribution, so that colour does not tell them apart."""
    body = varied(draw, draw.choice(COATS), 0.18)
    other = varied(draw, draw.choice(COATS), 0.18)
    light = sum(body) > 380
    edge = mix(body, BLACK if light else CREAM, draw.uniform(0.3, 0.7))
    return Plumage(
        body=body,
        neck=mix(body, other, draw.choice((0.0, 0.3, 0.8))),
        wing=mix(body, other, draw.choice((0.0, 0.25, 0.7))),
        tail=mix(body, other, draw.choice((0.0, 0.4, 0.9))),
        edge=edge,
        pattern=draw.choice(PATTERNS),
    )
