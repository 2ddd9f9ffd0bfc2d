"""What the network sees of a picture."""

from dataclasses import dataclass

import torch
from fledge import Preprocessing
from torch import Tensor


@dataclass(frozen=True)
class ToSquare:
    """Prepared as for prediction; where it trains, every other picture is mirrored."""

    prepared: Preprocessing
    mirror: bool

    def __call__(self, image: Tensor) -> Tensor:
        seen = self.prepared.tensor(image)
        # From torch's generator of the CPU, which fledge seeds for each picture, and from nothing else.
        return seen.flip(-1) if self.mirror and torch.rand(()) < 0.5 else seen
