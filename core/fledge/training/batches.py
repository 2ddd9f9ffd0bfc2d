"""Batches: the samples of a split, epoch after epoch, in an order that only seed and epoch decide."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from fledge.interfaces.launcher import ALONE, Place
from fledge.training.seeds import permutation

Batch = tuple[Tensor, Tensor]
# The label that torch's losses leave out.
IGNORED = -100


class Batches(ABC):
    """Inputs [B, ...] and labels int64 [B] on the training device, of `place`'s share of every batch.

    A process that a batch has no sample for is given one whose label is IGNORED: all go through the same motions.
    """

    def __init__(self, count: int, batch_size: int, seed: int, *, shuffled: bool, place: Place = ALONE) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.shuffled = shuffled
        self._place = place
        self._ordered: tuple[int, list[Tensor]] | None = None

    def order(self, epoch: int) -> list[Tensor]:
        """The indices, int64, of each batch of an epoch, over all processes; every sample once.

        A single sample left over joins the batch before it: batch normalisation has no statistics of one.
        """
        if self._ordered is None or self._ordered[0] != epoch:
            self._ordered = epoch, self._draw(epoch)
        return self._ordered[1]

    def _draw(self, epoch: int) -> list[Tensor]:
        indices = permutation(self.count, self.seed, "order", epoch) if self.shuffled else torch.arange(self.count)
        batches = list(indices.split(self.batch_size))
        if self.shuffled and self.batch_size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def share(self, epoch: int) -> list[Tensor]:
        """This process's part of each batch of an epoch: as many samples as another's, or one more or less."""
        order = self.order(epoch)
        if self._place.world_size == 1:
            return order
        return [indices.tensor_split(self._place.world_size)[self._place.rank] for indices in order]

    def asked(self, epoch: int) -> list[Tensor]:
        """What is loaded: its share, or the stand-in for one."""
        if self._place.world_size == 1:
            return self.order(epoch)
        shares = zip(self.share(epoch), self.order(epoch), strict=True)
        return [mine if len(mine) else whole[:1] for mine, whole in shares]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """This process's part of the batches of `order(epoch)`, in that order, from the one numbered `start` on."""
        if self._place.world_size == 1:
            yield from self._load(epoch, start)
            return
        for mine, (inputs, labels) in zip(self.share(epoch)[start:], self._load(epoch, start), strict=True):
            yield inputs, labels if len(mine) else torch.full_like(labels, IGNORED)

    @abstractmethod
    def _load(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of `asked(epoch)`, in that order, from the one numbered `start` on."""
