"""Answers: what a network said of each image of a split, kept so that an evaluation costs next to nothing more."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fledge.interfaces.launcher import Group
from fledge.predictions import TOP
from fledge.training.batches import IGNORED, Batches
from fledge.training.together import sums

# Logits wait until there are so many: what becomes of them is asked of few epochs.
_REDUCED_AT_ONCE = 1 << 20


class Answers:
    """Those of the last pass, on the device: of each sample a few numbers, of the latest ones the logits still."""

    def __init__(self) -> None:
        self._rows: list[Tensor] = []
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._elements = 0

    def begin(self) -> None:
        """A new pass."""
        self._rows.clear()
        self._waiting.clear()
        self._elements = 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """One batch: logits [B, C], float32, and labels [B]."""
        # A copy: a CUDA graph writes its next output where this one is.
        self._waiting.append((logits.detach().clone(), labels))
        self._elements += logits.numel()
        if self._elements >= _REDUCED_AT_ONCE:
            self._reduce()

    def rows(self) -> Tensor:
        """float64 [N, 1 + 2 * TOP] on the CPU, in the order they were added: loss, probabilities, their classes.

        Of fewer classes than TOP all are there.
        """
        self._reduce()
        return torch.cat(self._rows).cpu().double()

    def _reduce(self) -> None:
        if not self._waiting:
            return
        logits, labels = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        self._elements = 0
        there = labels != IGNORED
        logits, labels = logits[there], labels[there]
        with torch.no_grad():
            losses = cross_entropy(logits, labels, reduction="none")
            shares, classes = logits.softmax(dim=1).topk(min(TOP, logits.shape[1]), dim=1)
        self._rows.append(torch.cat((losses[:, None], shares, classes.to(shares.dtype)), dim=1))


def gathered(group: Group, batches: Batches, answers: Answers) -> Tensor:
    """`rows` of all processes together, on each of them, in the order of the split that `batches` are of."""
    mine = answers.rows()
    if group.world_size == 1:
        return mine
    whole = torch.zeros(batches.count, mine.shape[1], dtype=torch.float64)
    whole[torch.cat(batches.share(0))] = mine
    return torch.tensor(sums(group, whole.flatten().tolist()), dtype=torch.float64).reshape(whole.shape)
