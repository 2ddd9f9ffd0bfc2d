"""Images: the decoded images of a split, from the disk's cache where they are in it."""

import shutil
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from fledge.data.ahead import ahead
from fledge.data.decoding import decode
from fledge.interfaces.dataset import Sample, Split
from fledge.profiling import span, timed
from fledge.runs.reporter import Reporter
from fledge.training.array_store import Array, ArrayStore
from fledge.training.code_digest import code_of
from fledge.training.facts import fingerprint

_WINDOW = 64
# Longer edge to shorter, of most photographs.
_ASPECT = 4 / 3
# For checkpoints and models, which cannot be made again.
_LEAVE_BYTES = 1 << 30


class Images:
    """One split's images as `decode` makes them. Picklable, so that loader processes can take it along."""

    def __init__(self, samples: Sequence[Sample], edge: int | None, store: ArrayStore | None = None) -> None:
        self.samples = samples
        self._edge = edge
        self._store = store

    @timed("decode")
    def __getitem__(self, index: int) -> Tensor:
        """uint8 [3, H, W]. Raises DataError, naming the file, when it cannot be decoded."""
        pixels = self._store.get(index) if self._store else None
        if pixels is None:
            if self._store:
                # What was damaged once is made anew by the next run.
                self._store.drop()
            pixels = decode(self.samples[index], self._edge)
        return torch.from_numpy(pixels).permute(2, 0, 1)

    @classmethod
    def kept(cls, samples: Sequence[Sample], split: Split, edge: int | None, cache: Path, report: Reporter) -> "Images":
        """Every image decoded now, unless an earlier run did, and kept below `cache`.

        Images of any size, which `edge` is to bound, and those the disk has no room for, are decoded when asked for.
        """
        if edge is None:
            return cls(samples, edge)
        folder = cache / "decoded"
        facts = {
            "data": fingerprint(samples),
            "edge": edge,
            "code": code_of(type(samples[0]).__mro__),
            "packages": {name: version(name) for name in ("pillow", "numpy")},
        }
        store = ArrayStore(folder, facts, len(samples), "uint8", dimensions=3)

        def decoding(start: int) -> Iterator[Array]:
            made = ahead(lambda sample: decode(sample, edge), samples[start:], _WINDOW)
            for done, pixels in enumerate(made, start + 1):
                yield pixels
                if done % _WINDOW == 0 or done == len(samples):
                    report.progress(f"decoding images, {split}", done, len(samples), "images")

        def waiting() -> None:
            report.say("another process is decoding these images: waiting for it")

        try:
            folder.mkdir(parents=True, exist_ok=True)
            needed, free = int(store.missing * edge * edge * _ASPECT * 3), shutil.disk_usage(folder).free
            if needed and needed + _LEAVE_BYTES > free:
                report.warn(
                    f"images are decoded anew in every epoch: to keep {store.missing} of them takes about "
                    f"{needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free"
                )
                return cls(samples, edge)
            with span("decode all images"):
                return cls(samples, edge, store.make(decoding, waiting))
        except OSError as error:
            # Room that a checkpoint may need.
            store.drop()
            report.warn(f"images are decoded anew in every epoch: {folder}: {error.strerror or error}")
            return cls(samples, edge)
