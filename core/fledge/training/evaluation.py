"""How good a model is on a split."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fledge.interfaces.launcher import Group
from fledge.profiling import each, timed, watched
from fledge.training.answers import Answers
from fledge.training.arithmetic import Forward
from fledge.training.batches import Batches
from fledge.training.together import sums


@dataclass(frozen=True)
class Evaluation:
    """loss is the mean cross-entropy; accuracies are shares of 1; a class without samples is left out of per_class."""

    loss: float
    accuracy: float
    per_class: dict[str, float]

    def metrics(self, split: str) -> dict[str, float]:
        """By name: val_loss, val_accuracy, val_accuracy/chickens, ..."""
        named = {f"{split}_loss": self.loss, f"{split}_accuracy": self.accuracy}
        return named | {f"{split}_accuracy/{name}": value for name, value in self.per_class.items()}


@timed("evaluate")
@torch.inference_mode()
def evaluate(
    module: nn.Module,
    forward: Forward,
    batches: Batches,
    classes: tuple[str, ...],
    group: Group,
    pause: Callable[[], None] = lambda: None,
    answers: Answers | None = None,
) -> Evaluation:
    """Top-1 and per-class accuracy and loss over every sample once; leaves the module in evaluation mode.

    Each process sees its share of the samples, and returns what all come to. `pause` is called after every batch, and
    may raise. `answers` takes down what was said of each sample of its share.
    """
    module.eval()
    if answers:
        answers.begin()
    every = None
    loss: torch.Tensor | float = 0.0
    right: torch.Tensor | int = 0
    seen: torch.Tensor | int = 0
    forward = watched("forward", forward)
    for inputs, labels in each("load", batches.epoch(0)):
        logits = forward(inputs)
        if answers:
            answers.add(logits, labels)
        loss = loss + cross_entropy(logits, labels, reduction="sum")
        every = torch.arange(len(classes), device=labels.device) if every is None else every
        # Counted where they are: a number on the CPU would wait for the device after every batch.
        belongs = labels[:, None] == every
        right = right + (belongs & (logits.argmax(dim=1) == labels)[:, None]).sum(dim=0)
        seen = seen + belongs.sum(dim=0)
        pause()
    assert isinstance(right, torch.Tensor)
    assert isinstance(seen, torch.Tensor)
    loss_sum, *counted = sums(group, [float(loss), *right.tolist(), *seen.tolist()])
    counts = [round(number) for number in counted]
    hits, totals = counts[: len(classes)], counts[len(classes) :]
    per_class = {name: r / s for name, r, s in zip(classes, hits, totals, strict=True) if s}
    return Evaluation(loss_sum / batches.count, sum(hits) / batches.count, per_class)
