"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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


@dataclass
class Position:
    """Where training stands, always between two updates of the weights.

    `epoch` epochs are done, and `step` steps of the next one; loss_sum (float32) and hits (int64) are what
    those steps came to, as tensors of no dimension on the training device.
    """

    epoch: int
    step: int
    loss_sum: torch.Tensor
    hits: torch.Tensor

    @classmethod
    def beginning(cls, epoch: int, device: torch.device) -> "Position":
        return cls(epoch, 0, torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device))


def _nothing(*_: object) -> None: ...


@dataclass(frozen=True)
class Loop:
    """Everything one training needs.

    module  maps a batch's inputs to logits [B, C]
    say     each training sample's class weight, in the order of the split
    pause   called with the position whenever training could be left and taken up again; raises to leave it
    told    called with epoch and step, counted from 1, after every update of the weights
    """

    spec: TrainingSpec
    seed: int
    module: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    train: Batches
    val: Batches
    classes: tuple[str, ...]
    say: Sequence[float]
    pause: Callable[[Position], None] = _nothing
    told: Callable[[int, int], None] = _nothing

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def epochs(self, at: Position) -> Iterator[Epoch]:
        """Train and evaluate, one epoch a turn, from a position on. Raises RunError once the loss is no number."""
        while at.epoch < self.spec.epochs:
            self.pause(at)
            began, images = time.perf_counter(), self._left(at)
            at, loss, accuracy = self._train(at)
            seconds = time.perf_counter() - began
            if not math.isfinite(loss):
                raise RunError(
                    f"the training loss became {loss} in epoch {at.epoch + 1}",
                    hint=f"lower the learning rate (now {self.spec.lr:g}), or set training.clip_grad_norm",
                )
            val = evaluate(self.module, self.val, self.classes, partial(self.pause, at))
            lr = self.optimizer.param_groups[-1]["lr"]
            yield Epoch(at.epoch + 1, loss, accuracy, val, lr, seconds, images)
            at = Position.beginning(at.epoch + 1, self.device)

    def _left(self, at: Position) -> int:
        return sum(len(indices) for indices in self.train.order(at.epoch)[at.step :])

    def _train(self, at: Position) -> tuple[Position, float, float]:
        """The rest of an epoch's steps; its end, and the mean loss and the accuracy seen in all of it."""
        epoch, loss_sum, hits = at.epoch, at.loss_sum, at.hits
        self.module.train()
        if self.spec.freeze_batchnorm:
            freeze_batchnorm(self.module)
        # How much each batch counts: its samples by their class weights, as the criterion's mean has it.
        sizes = [sum(self.say[index] for index in indices) for indices in self.train.order(epoch)]
        for step, (inputs, labels) in enumerate(self.train.epoch(epoch, at.step), at.step):
            first = step - step % self.spec.accumulate
            group = sizes[first : first + self.spec.accumulate]
            seed_torch(self.seed, "step", epoch, step)
            logits = self.module(inputs)
            loss = self.criterion(logits, labels)
            (loss * (sizes[step] / sum(group))).backward()
            # Summed on the device: asking for a number after every step would wait for the device every time.
            loss_sum = loss_sum + loss.detach() * sizes[step]
            hits = hits + (logits.detach().argmax(dim=1) == labels).sum()
            if step + 1 == first + len(group):
                set_lr(self.optimizer, lr_factor(self.spec, epoch + first / len(sizes), len(group) / len(sizes)))
                self._update()
                at = Position(epoch, step + 1, loss_sum, hits)
                self.told(epoch + 1, step + 1)
                self.pause(at)
        return at, float(loss_sum) / sum(sizes), float(hits) / self.train.count

    def _update(self) -> None:
        if self.spec.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.spec.clip_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
