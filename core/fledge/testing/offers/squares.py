"""Squares: a data set of two colours, drawn when asked for."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fledge.interfaces.dataset import Dataset, Sample, Split
from fledge.interfaces.progress import Progress
from fledge.testing.offers.options import SquaresOptions

_COLOURS = np.array([[200, 60, 60], [60, 60, 200]])


@dataclass(frozen=True)
class Square:
    split: Split
    label: int
    number: int
    noise: float

    @property
    def name(self) -> str:
        return f"{self.split}/{self.label}/{self.number}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.load().tobytes()).hexdigest()

    def load(self, edge: int = 0) -> Image.Image:
        random = np.random.default_rng([self.label, self.number, len(self.split)])
        pixels = _COLOURS[self.label] + random.normal(0, 255 * self.noise, (20, 24, 3))
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


class Squares(Dataset):
    options: SquaresOptions

    @property
    def classes(self) -> tuple[str, ...]:
        return ("red", "blue")

    def split(self, name: Split) -> Sequence[Sample]:
        count = self.options.train if name == "train" else self.options.val
        return [Square(name, label, number, self.options.noise) for label in (0, 1) for number in range(count)]

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        """They are drawn when they are asked for."""
