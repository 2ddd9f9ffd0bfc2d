"""Canvas: a transparent layer that shapes are drawn on in units of their own."""

from dataclasses import dataclass
from functools import cached_property
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from fledge_birds.drawing.colours import Colour
from fledge_birds.drawing.curves import Pair, Points

FINE = 2


@dataclass(frozen=True)
class Placement:
    """Where the shapes' origin lies on the picture, and how their units map onto its pixels.

    x, y:     pixels, from the upper left
    unit:     pixels a unit
    squeeze:  how much narrower things are than they are high; negative is mirrored
    turn:     radians, counter-clockwise
    """

    x: float
    y: float
    unit: float
    squeeze: float = 1.0
    turn: float = 0.0

    def pixels(self, points: Points) -> Points:
        onto, origin = self._map
        result: Points = points @ onto + origin
        return result

    @cached_property
    def _map(self) -> tuple[Points, Points]:
        c, s, across = cos(self.turn), sin(self.turn), self.squeeze
        return np.array([[c * across, -s * across], [-s, -c]]) * self.unit, np.array([self.x, self.y])


class Canvas:
    """Drawn on at `FINE` times the size, so that edges come out smooth."""

    def __init__(self, size: tuple[int, int], placement: Placement) -> None:
        self.placement = placement
        self._size = size
        self._image = Image.new("RGBA", (size[0] * FINE, size[1] * FINE))
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, points: Points, colour: Colour) -> None:
        """A filled outline, in units."""
        self._draw.polygon(self._fine(points), fill=colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """A line `width` units thick, through the points."""
        pixels = max(1, round(width * self.placement.unit * FINE))
        self._draw.line(self._fine(points), fill=colour, width=pixels, joint="curve" if pixels > 3 else None)

    def dot(self, centre: Pair, radius: float, colour: Colour) -> None:
        x, y = self._fine(np.array([centre]))
        r = radius * self.placement.unit * FINE
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def finished(self) -> Image.Image:
        """RGBA, at the picture's size."""
        layer = Image.new("RGBA", self._size)
        box = self._image.getbbox()
        if box:
            # Only what was drawn on: this is where most of the time goes.
            left, top, right, bottom = box[0] // FINE, box[1] // FINE, -(-box[2] // FINE), -(-box[3] // FINE)
            drawn = self._image.crop((left * FINE, top * FINE, right * FINE, bottom * FINE))
            layer.paste(drawn.reduce(FINE), (left, top))
        return layer

    def _fine(self, points: Points) -> list[float]:
        return (self.placement.pixels(points) * FINE).ravel().tolist()
