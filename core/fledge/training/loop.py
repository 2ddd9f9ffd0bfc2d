"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from fledge.errors import RunError
from fledge.interfaces.launcher import Group, Parallel
from fledge.profiling import each, span, timed, watched
from fledge.training.answers import Answers
from fledge.training.arithmetic import Forward
from fledge.training.batches import Batches
from fledge.training.evaluation import Evaluation, evaluate
from fledge.training.optimization import freeze_batchnorm, set_lr
from fledge.training.phases import Phase
from fledge.training.running import Running
from fledge.training.schedule import lr_factor
from fledge.training.seeds import derive, step_seeder
from fledge.training.together import share_buffers, sums


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
    """Where training stands: `epoch` epochs are done, and `step` steps of the next one, which came to `running`.

    Whoever is told of it sees it between two updates of the weights.
    """

    epoch: int
    step: int
    running: Running


# Steps of an epoch are fewer, so that no two processes ever draw from one seed.
_RANK_BITS = 40


def _nothing(*_: object) -> None: ...


@dataclass(frozen=True)
class Loop:
    """Everything one phase of a training needs.

    phase     which epochs, and the spec that they go by
    group     the processes that train it together, of which each computes its share of every batch
    module    what trains; parallel: the same, tied to the other processes
    forward   maps a batch's inputs to logits [B, C], float32
    frozen    the part of the network that does not train, if any
    criterion the loss, of logits [B, C] and labels [B]: the mean over a batch by class weights
    train     the batches to learn from; val: those that each epoch is judged by
    weights   each training sample's class weight, float64 [N] in the order of the split; None where all count alike
    pause     called with the position whenever training could be left and taken up again; raises to leave it
    told      called with epoch and step, counted from 1, and the last batch's loss, after every update of the weights
    answers   what this process's share of the validation images was taken for, in the epoch that ended last
    """

    phase: Phase
    seed: int
    group: Group
    module: nn.Module
    parallel: Parallel
    forward: Forward
    frozen: nn.Module | None
    criterion: nn.CrossEntropyLoss
    train: Batches
    val: Batches
    classes: tuple[str, ...]
    weights: Tensor | None
    pause: Callable[[Position], None] = _nothing
    told: Callable[[int, int, Tensor], None] = _nothing
    answers: Answers = field(default_factory=Answers)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        return self.parallel.optimizer

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def beginning(self, epoch: int) -> Position:
        """Before the first step of an epoch, counted from 0."""
        return Position(epoch, 0, Running(self.criterion, self.device))

    def epochs(self, at: Position) -> Iterator[Epoch]:
        """Train and evaluate, one epoch a turn, from a position on. Raises RunError once the loss is no number."""
        while at.epoch < self.phase.last_epoch:
            self.pause(at)
            began, order = time.perf_counter(), self.train.order(at.epoch)
            images = sum(map(len, order[at.step :]))
            weights = self._weights_of(order)
            with span("train"):
                self._train(at, weights)
                loss_sum, hits = sums(self.group, at.running.totals())
            loss = loss_sum / sum(weights)
            seconds = time.perf_counter() - began
            if not math.isfinite(loss):
                raise RunError(
                    f"the training loss became {loss} in epoch {at.epoch + 1}",
                    hint=f"lower the learning rate (now {self.phase.spec.lr:g}), or set training.clip_grad_norm",
                )
            share_buffers(self.group, self.module)
            pause = partial(self.pause, at)
            val = evaluate(self.module, self.forward, self.val, self.classes, self.group, pause, self.answers)
            lr = self.optimizer.param_groups[-1]["lr"]
            yield Epoch(at.epoch + 1, loss, round(hits) / self.train.count, val, lr, seconds, images)
            at = self.beginning(at.epoch + 1)

    def _weights_of(self, order: list[Tensor]) -> list[float]:
        """How much each batch counts: its samples by their class weights, as the criterion's mean has it."""
        if self.weights is None:
            return [float(len(indices)) for indices in order]
        return [float(self.weights[indices].sum()) for indices in order]

    def _train(self, at: Position, weights: list[float]) -> None:
        """The rest of an epoch's steps, whose batches have these weights; the position moves along."""
        spec, epoch = self.phase.spec, at.epoch
        self.module.train()
        if spec.freeze_batchnorm:
            freeze_batchnorm(self.module)
        reseed, seed = step_seeder(self.device), derive(self.seed, "step", epoch) + (self.group.rank << _RANK_BITS)
        mine, world = self._weights_of(self.train.share(epoch)), self.group.world_size
        forward, backward = watched("forward", self.forward), watched("backward", Tensor.backward)
        criterion, told, pause = self.criterion, self.told, self.pause
        for step, (inputs, labels) in enumerate(each("load", self.train.epoch(epoch, at.step)), at.step):
            first = step - step % spec.accumulate
            together = weights[first : first + spec.accumulate]
            moves = step + 1 == first + len(together)
            reseed(seed + step)
            with nullcontext() if moves else self.parallel.alone():
                logits = forward(inputs)
                # So that the mean over processes is the mean over the samples of all of them.
                part = mine[step] * world / sum(together)
                # A share without samples has no mean; what stands in for one takes part in the backward pass.
                loss = criterion(logits, labels) if part else logits.sum()
                backward(loss if part == 1 else loss * part)
            if part:
                at.running.add(logits, labels)
            if moves:
                progress = epoch - self.phase.first_epoch + first / len(weights)
                set_lr(self.optimizer, lr_factor(spec, progress, len(together) / len(weights)))
                self._update()
                at.step = step + 1
                told(epoch + 1, at.step, loss)
                pause(at)

    @timed("step")
    def _update(self) -> None:
        with self.parallel.averaged():
            if self.phase.spec.clip_grad_norm is not None:
                nn.utils.clip_grad_norm_(self.module.parameters(), self.phase.spec.clip_grad_norm)
            self.optimizer.step()
        self.optimizer.zero_grad()
