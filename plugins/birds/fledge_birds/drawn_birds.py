"""The drawn stand-in: chickens and turkeys made by code, for machines that reach no photographs."""

from collections.abc import Callable
from pathlib import Path

from fledge import FolderDataset, Progress

from fledge_birds.drawing.studio import drawn_set
from fledge_birds.drawn_options import DrawnBirdsOptions


class DrawnBirds(FolderDataset):
    """Two species drawn from a seed and kept in the cache as JPEGs.

    Each picture is a function of (seed, split, species, index) alone. Byte for byte it is also one of the
    versions of Pillow and NumPy that drew it.
    """

    options: DrawnBirdsOptions

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        counts = {"train": self.options.train_per_class, "val": self.options.val_per_class}
        return drawn_set(cache, self.options.seed, counts, progress)
