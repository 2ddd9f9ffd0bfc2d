"""Running: what the steps of an epoch came to, kept so that a step costs next to nothing."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# Logits wait until there are so many of them: counting calls more kernels than a small step does.
_COUNTED_AT_ONCE = 1 << 15


class Running:
    """The loss and the hits of every sample so far, on the training device; asking for a number is what waits for it.

    The criterion is a mean by class weights, so that of many batches together it is their losses' mean.
    """

    def __init__(self, criterion: nn.CrossEntropyLoss, device: torch.device) -> None:
        self._criterion = criterion
        # Apple's GPUs have no float64.
        self._sum_type = torch.float32 if device.type == "mps" else torch.float64
        self._loss_sum = torch.zeros((), dtype=self._sum_type, device=device)
        self._hits = torch.zeros((), dtype=torch.int64, device=device)
        self._uncounted: list[tuple[Tensor, Tensor]] = []
        self._elements = 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """One batch: logits [B, C], float32, and labels [B]."""
        self._uncounted.append((logits.detach(), labels))
        self._elements += logits.numel()
        if self._elements >= _COUNTED_AT_ONCE:
            self._count()

    def totals(self) -> tuple[float, int]:
        """The sum of the losses, each by its sample's class weight, and the hits."""
        self._count()
        return float(self._loss_sum), int(self._hits)

    def hand_over(self, loss_sum: float, hits: int) -> None:
        """Hold these totals instead of its own, which another process holds from now on."""
        self._uncounted.clear()
        self._elements = 0
        self._loss_sum = torch.full_like(self._loss_sum, loss_sum)
        self._hits = torch.full_like(self._hits, hits)

    def state(self) -> dict[str, Tensor]:
        """loss_sum [] float64 (mps: float32), hits [] int64; where samples are uncounted, logits [N, C] and labels [N].

        Those are kept apart, so that a loss is summed in the same order whether training was interrupted or not.
        """
        told = {"loss_sum": self._loss_sum, "hits": self._hits}
        if self._uncounted:
            told["logits"], told["labels"] = (torch.cat(parts) for parts in zip(*self._uncounted, strict=True))
        return told

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state` told."""
        device = self._hits.device
        there = {name: tensor.to(device) for name, tensor in state.items() if name != "loss_sum"}
        self._loss_sum, self._hits = state["loss_sum"].to(device, self._sum_type), there["hits"]
        if "logits" in there:
            self._uncounted = [(there["logits"], there["labels"])]
            self._elements = there["logits"].numel()

    def _count(self) -> None:
        if not self._uncounted:
            return
        logits, labels = (torch.cat(parts) for parts in zip(*self._uncounted, strict=True))
        weight = self._criterion.weight
        says = len(labels) if weight is None else weight[labels].sum()
        with torch.no_grad():
            self._loss_sum = self._loss_sum + self._criterion(logits, labels).to(self._sum_type) * says
        self._hits = self._hits + (logits.argmax(dim=1) == labels).sum()
        self._uncounted.clear()
        self._elements = 0
