"""From a sample to the pixels that a network may see of it."""

from PIL.Image import Image, Resampling

from fledge.interfaces.dataset import Sample


def decode(sample: Sample, edge: int | None) -> Image:
    """RGB; where its shorter edge is longer than `edge` it is shrunk to it, the longer one rounded down."""
    image = sample.load(edge or 0)
    shorter = min(image.size)
    if edge is None or shorter <= edge:
        return image
    width, height = (edge if side == shorter else edge * side // shorter for side in image.size)
    return image.resize((width, height), Resampling.BILINEAR)
