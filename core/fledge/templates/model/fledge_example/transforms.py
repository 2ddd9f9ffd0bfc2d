"""What the network sees of a picture."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ToSquare:
    """Shrunk to a square of `size` pixels; where it trains, every other picture is mirrored."""

    size: int
    mirror: bool

    def __call__(self, image: Tensor) -> Tensor:
        shape = (self.size, self.size)
        shrunk = nn.functional.interpolate(image[None].float(), shape, mode="bilinear", antialias=True)[0]
        seen = shrunk.round().clamp(0, 255).to(torch.uint8)
        # From torch's generator of the CPU, which fledge seeds for each picture, and from nothing else.
        return seen.flip(-1) if self.mirror and torch.rand(()) < 0.5 else seen
