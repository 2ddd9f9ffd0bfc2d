"""What a frozen backbone makes of every image: computed once, kept in the cache, and found again."""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fledge.data.ahead import ahead
from fledge.digest import tensors_sha256
from fledge.interfaces.dataset import Split
from fledge.interfaces.model import Model
from fledge.profiling import timed
from fledge.runs.reporter import Reporter
from fledge.training.arithmetic import Arithmetic, transformed
from fledge.training.array_store import Array, ArrayStore
from fledge.training.code_digest import code_of
from fledge.training.facts import fingerprint
from fledge.training.images import Images
from fledge.training.seeds import seed_augmentation

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
            "code": code_of([*type(model).__mro__, *map(type, backbone.modules())]),
            "packages": {name: version(name) for name in ("torch", "pillow", "numpy")},
            "transforms": dict(model.describe_transforms()),
            "arithmetic": [_device(arithmetic.device), arithmetic.precision, str(arithmetic.layout)],
            "threads": torch.get_num_threads(),
        }

    @timed("frozen features")
    def of(self, images: Images, split: Split, views: int) -> Tensor:
        """float32 [N, V, F]: of each image `views` augmented views, or for 0 the one that validation sees."""
        samples = images.samples

        def arrays(start: int) -> Iterator[Array]:
            for done, array in enumerate(self._extract(images, views, start), start + 1):
                yield array
                if done % _CHUNK == 0 or done == len(samples):
                    self._report.progress(f"frozen features, {split}", done, len(samples), "images")

        def waiting() -> None:
            self._report.say("another process is computing these features: waiting for it")

        data = [fingerprint(samples), code_of(type(samples[0]).__mro__)]
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

    def _extract(self, images: Images, views: int, start: int) -> Iterator[Array]:
        """Features [V, F] of each image from `start` on; the next images are decoded while the backbone works."""
        transform, count = self._model.transforms(train=views > 0), len(images.samples)

        def load(index: int) -> Tensor:
            # Augmentation draws from torch's one generator, and has to wait for its turn.
            return images[index] if views else transformed(transform, images[index], images.samples[index].name)

        # Batches of an interrupted extraction are those of one that was not: their size may choose the kernel.
        first = start - start % _CHUNK
        loading = ahead(load, range(first, count), 2 * _CHUNK)
        for at in range(first, count, _CHUNK):
            loaded = list(islice(loading, _CHUNK))
            seen = [self._augmented(transform, loaded, at, view) for view in range(views)] or [loaded]
            yield from np.stack([self._features(one) for one in seen], axis=1)[max(0, start - at) :]

    def _augmented(
        self, transform: Callable[[Tensor], Tensor], images: Sequence[Tensor], at: int, view: int
    ) -> list[Tensor]:
        made = []
        for index, image in enumerate(images, at):
            seed_augmentation(self._seed, view, index)
            made.append(transformed(transform, image, f"image {index}"))
        return made

    @timed("forward")
    @torch.inference_mode()
    def _features(self, images: list[Tensor]) -> Array:
        return self._forward(self._pixels(torch.stack(images))).cpu().numpy()


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"
