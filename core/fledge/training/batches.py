"""Batches: the samples of a split, epoch after epoch, in an order that only seed and epoch decide."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from fledge.training.seeds import permutation

Batch = tuple[Tensor, Tensor]


class Batches(ABC):
    """Inputs [B, ...] and labels int64 [B] on the training device."""

    def __init__(self, count: int, batch_size: int, seed: int, *, shuffled: bool) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.shuffled = shuffled
        self._ordered: tuple[int, list[Tensor]] | None = None

    def order(self, epoch: int) -> list[Tensor]:
        """The indices, int64, of each batch of an epoch; every sample once.

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

    @abstractmethod
    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `order(epoch)`, in that order, from the one numbered `start` on."""
