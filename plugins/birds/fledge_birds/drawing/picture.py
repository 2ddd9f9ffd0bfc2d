"""A picture: one bird in one scene through one camera, from four words alone."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fledge_birds.drawing.body import GROUND
from fledge_birds.drawing.camera import exposed, jpeg, rounded
from fledge_birds.drawing.canvas import Canvas, Placement
from fledge_birds.drawing.chicken import chicken
from fledge_birds.drawing.colours import Plumage, plumage
from fledge_birds.drawing.foreground import FOREGROUNDS
from fledge_birds.drawing.scene import scene
from fledge_birds.drawing.turkey import turkey

SPECIES: Mapping[str, Callable[[Canvas, Random, Plumage], None]] = {"chicken": chicken, "turkey": turkey}

# Goes up with every change of what is drawn: sets of another version are not mistaken for this one's.
VERSION = 1


def picture(seed: int, split: str, species: str, index: int) -> bytes:
    """A JPEG file: a function of the four arguments and of nothing else."""
    digest = sha256(f"{seed}/{split}/{species}/{index}".encode()).digest()
    draw = Random(int.from_bytes(digest[:16]))  # noqa: S311 -- pictures, not secrets
    noise = np.random.default_rng(int.from_bytes(digest[16:]))
    size = _size(draw)
    place = _place(draw, size)
    feet = place.y - GROUND * place.unit
    image = scene(draw, noise, size, horizon=feet - draw.uniform(0.05, 1.0) * place.unit)
    _shadow(image, draw, place)
    canvas = Canvas(size, place)
    SPECIES[species](canvas, draw, plumage(draw))
    sun = draw.uniform(0.3, 2.8)
    bird = rounded(canvas.finished(), sun, draw.uniform(0.15, 0.5))
    image.paste(bird, (0, 0), bird)
    for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
        _foreground(image, draw)
    return jpeg(exposed(image, draw, noise), quality=draw.randint(45, 95))


def _size(draw: Random) -> tuple[int, int]:
    long = round(200 + 440 * draw.random() ** 1.5)
    aspect = draw.uniform(0.68, 1.0)
    return (long, round(long * aspect)) if draw.random() < 0.7 else (round(long * aspect), long)


def _place(draw: Random, size: tuple[int, int]) -> Placement:
    width, height = size
    unit = min(size) / 3.3 * draw.uniform(0.62, 1.08)
    return Placement(
        x=width / 2 + draw.uniform(-0.12, 0.12) * min(size),
        y=height / 2 + draw.uniform(-0.06, 0.14) * min(size),
        unit=unit,
        squeeze=draw.uniform(0.82, 1.08) * draw.choice((-1, 1)),
        turn=draw.uniform(-0.12, 0.12),
    )


def _shadow(image: Image.Image, draw: Random, place: Placement) -> None:
    depth, lean = draw.uniform(0.0, 0.6), draw.uniform(-0.6, 0.6)
    x, y = place.x + lean * place.unit, place.y - GROUND * place.unit
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse(
        (x - place.unit, y - 0.2 * place.unit, x + place.unit, y + 0.2 * place.unit), fill=round(255 * depth)
    )
    mask = mask.filter(ImageFilter.BoxBlur(place.unit * 0.08))
    image.paste((20, 20, 26), (0, 0, *image.size), mask)


def _foreground(image: Image.Image, draw: Random) -> None:
    # In pixels of a picture 320 high, so that wires and blades keep their proportions.
    unit = image.height / 320
    canvas = Canvas(image.size, Placement(0.0, 0.0, unit))
    draw.choice(FOREGROUNDS)(canvas, draw, image.width / unit, 320.0)
    layer = canvas.finished()
    if draw.random() < 0.4:
        layer = layer.filter(ImageFilter.GaussianBlur(draw.uniform(0.5, 2.5) * unit))
    image.paste(layer, (0, 0), layer)
