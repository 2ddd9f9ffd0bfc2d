"""The training loop."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from fledge.errors import RunError
from fledge.spec.training import TrainingSpec
from fledge.training.batches import Batches
from fledge.training.evaluation import Evaluation, evaluate
from fledge.training.optimization import freeze_batchnorm, set_lr
from fledge.training.schedule import lr_factor
from fledge.training.seeds import seed_torch


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to. number counts from 1; seconds is its training alone, without evaluation."""

    number: int
    train_loss: float
    train_accuracy: float
    val: Evaluation
    lr: float
    seconds: float
    images: int

    def metrics(self) -> dict[str, float]:
        return {
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            **self.val.metrics("val"),
            "lr": self.lr,
            "images_per_second": self.images / self.seconds,
        }


@dataclass(frozen=True)
class Loop:
    """Everything one training needs. `module` maps a batch's inputs to logits [B, C]; `say` is each
    training sample's class weight, in the order of the split."""

    spec: TrainingSpec
    seed: int
    module: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    train: Batches
    val: Batches
    classes: tuple[str, ...]
    say: Sequence[float]

    def epochs(self) -> Iterator[Epoch]:
        """Train and evaluate, one epoch a turn. Raises RunError once the loss is no longer a number."""
        for epoch in range(self.spec.epochs):
            began = time.perf_counter()
            loss, accuracy = self._train(epoch)
            seconds = time.perf_counter() - began
            if not math.isfinite(loss):
                raise RunError(
                    f"the training loss became {loss} in epoch {epoch + 1}",
                    hint=f"lower the learning rate (now {self.spec.lr:g}), or set training.clip_grad_norm",
                )
            val = evaluate(self.module, self.val, self.classes)
            lr = self.optimizer.param_groups[-1]["lr"]
            yield Epoch(epoch + 1, loss, accuracy, val, lr, seconds, self.train.count)

    def _train(self, epoch: int) -> tuple[float, float]:
        """One epoch's steps; the mean loss and the accuracy seen on the way."""
        self.module.train()
        if self.spec.freeze_batchnorm:
            freeze_batchnorm(self.module)
        # How much each batch counts: its samples by their class weights, as the criterion's mean has it.
        sizes = [sum(self.say[index] for index in indices) for indices in self.train.order(epoch)]
        # Summed on the device: asking for a number after every step would wait for the device every time.
        loss_sum: torch.Tensor | float = 0.0
        hits: torch.Tensor | int = 0
        for step, (inputs, labels) in enumerate(self.train.epoch(epoch)):
            first = step - step % self.spec.accumulate
            group = sizes[first : first + self.spec.accumulate]
            seed_torch(self.seed, "step", epoch, step)
            logits = self.module(inputs)
            loss = self.criterion(logits, labels)
            (loss * (sizes[step] / sum(group))).backward()
            if step + 1 == first + len(group):
                set_lr(self.optimizer, lr_factor(self.spec, epoch + first / len(sizes), len(group) / len(sizes)))
                self._update()
            loss_sum = loss_sum + loss.detach() * sizes[step]
            hits = hits + (logits.detach().argmax(dim=1) == labels).sum()
        return float(loss_sum) / sum(sizes), float(hits) / self.train.count

    def _update(self) -> None:
        if self.spec.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.spec.clip_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
