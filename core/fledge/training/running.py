"""Running: what the steps of an epoch came to, kept so that a step costs next to nothing."""

from collections.abc import Sequence

import torch
from torch import Tensor

# Logits wait until there are so many batches of them: counting hits costs more calls than a small step has.
_COUNTED_AT_ONCE = 64


class Running:
    """Losses and hits stay on the training device; asking for a number is what waits for it."""

    def __init__(self, device: torch.device) -> None:
        self._losses: list[Tensor] = []
        self._hits = torch.zeros((), dtype=torch.int64, device=device)
        self._uncounted: list[tuple[Tensor, Tensor]] = []

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """One batch: a loss of no dimension, logits [B, C], labels [B]."""
        self._losses.append(loss.detach())
        self._uncounted.append((logits.detach(), labels))
        if len(self._uncounted) >= _COUNTED_AT_ONCE:
            self._count()

    def mean_loss(self, says: Sequence[float]) -> float:
        """The mean over all batches, each by its say."""
        weights = torch.tensor(says, dtype=torch.float64)
        return float((torch.stack(self._losses).cpu().double() * weights).sum() / weights.sum())

    def hits(self) -> int:
        self._count()
        return int(self._hits)

    def state(self) -> dict[str, Tensor]:
        """losses float32 [steps], hits int64 []."""
        self._count()
        losses = torch.stack(self._losses) if self._losses else torch.zeros(0, device=self._hits.device)
        return {"losses": losses.float(), "hits": self._hits}

    @classmethod
    def of(cls, state: dict[str, Tensor], device: torch.device) -> "Running":
        running = cls(device)
        running._losses = list(state["losses"].to(device).unbind())
        running._hits = state["hits"].to(device)
        return running

    def _count(self) -> None:
        if self._uncounted:
            logits, labels = (torch.cat(parts) for parts in zip(*self._uncounted, strict=True))
            self._hits = self._hits + (logits.argmax(dim=1) == labels).sum()
            self._uncounted.clear()
