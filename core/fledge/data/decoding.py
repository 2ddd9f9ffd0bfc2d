"""From a sample to the pixels that a network may see of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

if TYPE_CHECKING:
    from fledge.interfaces.dataset import Sample


def decode(sample: "Sample", edge: int | None) -> NDArray[Any]:
    """uint8 [H, W, 3], RGB. A shorter edge that is longer than `edge` is shrunk to it, the longer one rounded down.

    Raises DataError, naming the file, when it cannot be decoded.
    """
    return np.array(shrunk(sample.load(edge or 0), edge))


def shrunk(image: Image, edge: int | None) -> Image:
    """What `decode` makes of an image that is decoded."""
    shorter = min(image.size)
    if edge is None or shorter <= edge:
        return image
    width, height = (edge if side == shorter else edge * side // shorter for side in image.size)
    return image.resize((width, height), Resampling.BILINEAR)
