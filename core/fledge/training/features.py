"""What a frozen backbone makes of every image: computed once, kept in the cache, and found again."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from fledge.data.decoding import decode
from fledge.digest import tensors_sha256
from fledge.interfaces.dataset import Sample, Split
from fledge.interfaces.model import Model
from fledge.runs.reporter import Reporter
from fledge.training.arithmetic import Arithmetic, transformed
from fledge.training.array_store import Array, ArrayStore
from fledge.training.code_digest import code_digest
from fledge.training.seeds import seed_torch

_CHUNK = 32


class Features:
    """A model's frozen backbone, over one split after another.

    The backbone runs in evaluation mode: frozen means its batch-norm statistics too. Each image's features depend on
    that image alone, so that a head trains on them to the very weights that it would reach behind the backbone.
    """

    def __init__(
        self, model: Model, backbone: nn.Module, arithmetic: Arithmetic, seed: int, cache: Path, report: Reporter
    ) -> None:
        self._model = model
        self._forward = arithmetic.forward(backbone.eval())
        self._pixels = arithmetic.pixels(*model.normalization())
        self._arithmetic = arithmetic
        self._seed = seed
        self._cache = cache / "features"
        self._report = report
        self._facts = {
            "backbone": tensors_sha256(backbone.state_dict()),
            "model": [type(model).__qualname__, model.options.model_dump(mode="json"), model.shorter_edge()],
            "code": _code([*type(model).__mro__, *map(type, backbone.modules())]),
            "packages": {name: version(name) for name in ("torch", "pillow", "numpy")},
            "transforms": dict(model.describe_transforms()),
            "arithmetic": [_device(arithmetic.device), arithmetic.precision, str(arithmetic.layout)],
            "threads": torch.get_num_threads(),
        }

    def of(self, samples: Sequence[Sample], split: Split, views: int) -> Tensor:
        """float32 [N, V, F]: of each image `views` augmented views, or for 0 the one that validation sees."""

        def arrays(start: int) -> Iterator[Array]:
            for done, array in enumerate(self._extract(samples, views, start), start + 1):
                yield array
                if done % _CHUNK == 0 or done == len(samples):
                    self._report.progress(f"frozen features, {split}", done, len(samples), "images")

        def waiting() -> None:
            self._report.say("another run is computing these features: waiting for it")

        data = [_fingerprint(samples), _code(type(samples[0]).__mro__)]
        facts = {**self._facts, "data": data, "views": views, "seed": self._seed if views else None}
        store = ArrayStore(self._cache, facts, len(samples), "float32", dimensions=2)
        try:
            found = store.make(arrays, waiting).whole()
            if found is None:
                self._report.warn(f"{store.path} is damaged: its features are computed anew")
                store.drop()
                found = store.make(arrays, waiting).whole()
        except OSError as error:
            self._report.warn(f"features are not kept for the next run: {self._cache}: {error.strerror or error}")
            found = None
        if found is None:
            found = np.stack(list(arrays(0)))
        return torch.from_numpy(found).to(self._arithmetic.device)

    def _extract(self, samples: Sequence[Sample], views: int, start: int) -> Iterator[Array]:
        """Features [V, F] of each sample from `start` on; the next images are decoded while the backbone works."""
        transform = self._model.transforms(train=views > 0)

        def load(sample: Sample) -> Image | Tensor:
            image = decode(sample, self._model.shorter_edge())
            # Augmentation draws from torch's one generator, and has to wait for its turn.
            return image if views else transformed(transform, image, sample.name)

        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def ahead(at: int) -> list[Future[Any]]:
                return [pool.submit(load, sample) for sample in samples[at : at + _CHUNK]]

            # Batches of an interrupted extraction are those of one that was not: their size may choose the kernel.
            first = start - start % _CHUNK
            waiting = ahead(first)
            for at in range(first, len(samples), _CHUNK):
                loaded = [one.result() for one in waiting]
                waiting = ahead(at + _CHUNK)
                seen = [self._augmented(transform, loaded, at, view) for view in range(views)] or [loaded]
                yield from np.stack([self._features(one) for one in seen], axis=1)[max(0, start - at) :]

    def _augmented(
        self, transform: Callable[[Image], Tensor], images: Sequence[Image], at: int, view: int
    ) -> list[Tensor]:
        made = []
        for index, image in enumerate(images, at):
            seed_torch(self._seed, "augment", view, index)
            made.append(transformed(transform, image, f"image {index}"))
        return made

    @torch.inference_mode()
    def _features(self, images: list[Tensor]) -> Array:
        return self._forward(self._pixels(torch.stack(images))).cpu().numpy()


def _code(types: Iterable[type]) -> list[list[str]]:
    """The packages that classes are from, each with a digest of its source; what is torch's goes by its version."""
    tops = {one.__module__.split(".")[0] for one in types} | {"fledge"}
    return [[top, code_digest(top)] for top in sorted(tops - {"builtins", "abc", "typing", "torch", "pydantic"})]


def _fingerprint(samples: Sequence[Sample]) -> str:
    return hashlib.sha256("\n".join(sample.fingerprint for sample in samples).encode()).hexdigest()


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"
