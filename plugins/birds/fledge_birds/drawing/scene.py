"""A scene: a backdrop, a ground, and things that stand about."""

from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fledge_birds.drawing.backdrop import BACKDROPS
from fledge_birds.drawing.colours import BLUES, REDS, lit, varied
from fledge_birds.drawing.ground import GROUNDS


def scene(draw: Random, noise: np.random.Generator, size: tuple[int, int], horizon: float) -> Image.Image:
    """RGB. The ground begins `horizon` pixels below the top; what lies far away is out of focus now and then."""
    width, height = size
    image = draw.choice(BACKDROPS)(draw, noise, size)
    top = round(horizon)
    if top < height:
        image.paste(draw.choice(GROUNDS)(draw, noise, (width, height - top)), (0, top))
    _things(draw, image, horizon)
    if draw.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(draw.uniform(0.003, 0.012) * min(size)))
    return image


def _things(draw: Random, image: Image.Image, horizon: float) -> None:
    """Posts with rails, buckets, balls, stones: red and blue ones among them, for both species alike."""
    width, height = image.size
    pen = ImageDraw.Draw(image)
    if draw.random() < 0.3:
        _fence(draw, pen, width, horizon, draw.uniform(0.15, 0.35) * height)
    for _ in range(draw.randint(0, 3)):
        colour = varied(draw, draw.choice((*REDS, *BLUES, (120, 116, 110), (226, 222, 212), (60, 52, 46))), 0.2)
        x, y = draw.uniform(0, width), horizon + draw.uniform(0, 0.6) * (height - horizon)
        r = draw.uniform(0.03, 0.1) * min(width, height)
        kind = draw.randrange(3)
        if kind == 0:
            pen.ellipse((x - r, y - 2 * r, x + r, y), fill=colour)
            pen.ellipse((x - r * 0.6, y - 1.7 * r, x + r * 0.1, y - r), fill=lit(colour, 1.2))
        elif kind == 1:
            pen.polygon([(x - r, y - 2 * r), (x + r, y - 2 * r), (x + r * 0.75, y), (x - r * 0.75, y)], fill=colour)
            pen.ellipse((x - r, y - 2.25 * r, x + r, y - 1.75 * r), fill=lit(colour, 0.6))
        else:
            pen.rectangle((x - r * 0.25, y - 4 * r, x + r * 0.25, y), fill=colour)


def _fence(draw: Random, pen: ImageDraw.ImageDraw, width: int, foot: float, high: float) -> None:
    wood = varied(draw, draw.choice(((142, 118, 92), (214, 210, 200), (96, 84, 72))), 0.15)
    gap = width / draw.uniform(2.5, 9)
    thick = gap * draw.uniform(0.1, 0.25)
    for share in (0.35, 0.75):
        pen.rectangle((0, foot - high * share - thick / 2, width, foot - high * share), fill=lit(wood, 0.85))
    x = draw.uniform(0, gap)
    while x < width:
        pen.rectangle((x, foot - high, x + thick, foot + high * 0.08), fill=varied(draw, wood, 0.1))
        x += gap
