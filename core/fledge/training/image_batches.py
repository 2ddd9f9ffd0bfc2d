"""ImageBatches: batches of transformed images, made in this process or in several."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from fledge.errors import FledgeError
from fledge.interfaces.launcher import ALONE, Place
from fledge.interfaces.model import Model
from fledge.training.arithmetic import Arithmetic, transformed
from fledge.training.batches import Batch, Batches
from fledge.training.images import Images
from fledge.training.loader_process import BoundToParent
from fledge.training.seeds import seed_augmentation

Key = tuple[int, int]


class _Transformed(Dataset[tuple[Tensor, int] | FledgeError]):
    """One transformed image by (epoch, index), the same whichever process asks."""

    def __init__(self, images: Images, model: Model, seed: int, *, train: bool) -> None:
        self.images = images
        self.transform = model.transforms(train=train)
        self.seed = seed

    def __getitem__(self, key: Key) -> tuple[Tensor, int] | FledgeError:
        epoch, index = key
        sample = self.images.samples[index]
        try:
            image = self.images[index]
            seed_augmentation(self.seed, epoch, index)
            return transformed(self.transform, image, sample.name), sample.label
        except FledgeError as error:
            # Returned, because torch sends what a loader process raises home as a traceback's text.
            return error


class _Order:
    """The keys of an epoch's batches. Set before each epoch, so that loader processes outlive epochs."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.epoch = 0
        self.start = 0

    def __iter__(self) -> Iterator[list[Key]]:
        for indices in self.batches.asked(self.epoch)[self.start :]:
            yield [(self.epoch, index) for index in indices.tolist()]

    def __len__(self) -> int:
        return len(self.batches.order(self.epoch)) - self.start


def _collate(items: list[tuple[Tensor, int] | FledgeError]) -> Any:
    """A batch, or the first error among its samples."""
    return next((item for item in items if isinstance(item, FledgeError)), None) or default_collate(items)


class ImageBatches(Batches):
    """Normalized float32 images [B, 3, H, W]. Augmentation is a function of (seed, epoch, index)."""

    def __init__(
        self,
        images: Images,
        model: Model,
        *,
        batch_size: int,
        seed: int,
        train: bool,
        workers: int,
        arithmetic: Arithmetic,
        place: Place = ALONE,
    ) -> None:
        super().__init__(len(images.samples), batch_size, seed, shuffled=train, place=place)
        self._device = arithmetic.device
        self._normalize = arithmetic.pixels(*model.normalization())
        self._order = _Order(self)
        options: dict[str, Any] = {}
        if workers:
            options = {"persistent_workers": True, "prefetch_factor": 4, "worker_init_fn": BoundToParent()}
        self._loader = DataLoader(
            _Transformed(images, model, seed, train=train),
            batch_sampler=self._order,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=self._device.type == "cuda",
            **options,
        )

    def _load(self, epoch: int, start: int) -> Iterator[Batch]:
        self._order.epoch, self._order.start = epoch, start
        for batch in self._loader:
            if isinstance(batch, FledgeError):
                raise batch
            images, labels = batch
            yield self._normalize(images), labels.to(self._device, non_blocking=True)
