"""Example: stripes that lie, and stripes that stand."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fledge import FolderDataset, Progress
from PIL import Image

from fledge_example.options import ExampleOptions

_EDGE = 64
_CLASSES = ("lying", "standing")


class Example(FolderDataset):
    """Drawn once, and kept in the cache."""

    options: ExampleOptions

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        counts = {"train": self.options.train_per_class, "val": self.options.val_per_class}
        # The name says all that decides the content: other options find other pictures.
        root = cache / "-".join(["example", *(f"{split}{count}" for split, count in counts.items())])
        if root.is_dir():
            return root
        with root.with_suffix(".lock").open("w") as lock:
            # One draws and the others wait; where it is killed, the kernel lets go of its lock.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.is_dir():
                self._draw(root, counts, progress)
        return root

    def _draw(self, root: Path, counts: dict[str, int], progress: Progress) -> None:
        # Under another name until it is whole: a kill must not leave half of it behind as if it were all.
        partial = root.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        total, done = sum(counts.values()) * len(_CLASSES), 0
        for split, count in counts.items():
            for label, name in enumerate(_CLASSES):
                (partial / split / name).mkdir(parents=True)
                for number in range(count):
                    _picture(split, label, number).save(partial / split / name / f"{number:04}.png")
                    done += 1
                    progress("drawing stripes", done, total, "pictures")
        partial.rename(root)


def _picture(split: str, label: int, number: int) -> Image.Image:
    chance = np.random.default_rng([len(split), label, number])
    wave = 128 + 80 * np.sin(np.arange(_EDGE) * chance.uniform(0.3, 0.9) + chance.uniform(0, 6))
    stripes = np.broadcast_to(wave[:, None] if label == 0 else wave[None, :], (_EDGE, _EDGE))
    pixels = stripes[..., None] + chance.normal(0, 20, (_EDGE, _EDGE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
