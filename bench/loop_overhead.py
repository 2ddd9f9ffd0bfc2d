"""What fledge's training loop costs beside the arithmetic: a tiny network, so that a step is nearly all overhead.

    python bench/loop_overhead.py [--repeat N] [--epochs N] [--results DIR]

The raw loop takes batches, zeroes, goes forward and back, and steps; it keeps no loss and counts no hits. fledge's does
that and keeps metrics, writes its journal, seeds every step, and looks whether a checkpoint is due. Both with the same
network, data, batches and optimizer, in one process, in turn.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from fledge.interfaces.launcher import Parallel
from fledge.interfaces.model import ParameterGroup
from fledge.launchers.single import SingleGroup
from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter
from fledge.spec.training import TrainingSpec
from fledge.training.checkpoint_store import CheckpointStore
from fledge.training.checkpointer import Checkpointer
from fledge.training.feature_batches import FeatureBatches
from fledge.training.keeper import Keeper
from fledge.training.loop import Loop
from fledge.training.optimization import make_optimizer
from fledge.training.phases import Phase
from harness import ROOT, Goal, finish, table
from torch import nn

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH = 32 * 1000, 64, 64, 10, 32
BOUND = 1.05


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def optimizer(spec: TrainingSpec, module: nn.Module) -> torch.optim.Optimizer:
    return make_optimizer(spec, [ParameterGroup("all", list(module.parameters()))])


def raw(spec: TrainingSpec, x: torch.Tensor, y: torch.Tensor) -> float:
    """Seconds a step."""
    module, criterion = network(), nn.CrossEntropyLoss()
    steps, stepper = 0, optimizer(spec, module)
    began = time.perf_counter()
    for _ in range(spec.epochs):
        module.train()
        for at in torch.randperm(SAMPLES).split(BATCH):
            inputs, labels = x[at], y[at]
            stepper.zero_grad()
            outputs = module(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            stepper.step()
            steps += 1
    return (time.perf_counter() - began) / steps


def fledge(spec: TrainingSpec, x: torch.Tensor, y: torch.Tensor) -> float:
    """Seconds a step, validation on a single batch and the journal's epochs included."""
    module = network()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = Reporter(folder)
        keeper = Keeper(module, folder, {})
        checkpointer = Checkpointer(
            CheckpointStore(folder / "checkpoints"), spec, keeper, {}, Notice(folder), report, SingleGroup()
        )
        loop = Loop(
            phase=Phase(False, spec), seed=0, group=SingleGroup(), module=module, forward=module, frozen=None,
            criterion=nn.CrossEntropyLoss(), parallel=Parallel(module, optimizer(spec, module)),
            train=FeatureBatches(x[:, None], y, batch_size=BATCH, seed=0, shuffled=True),
            val=FeatureBatches(x[:BATCH, None], y[:BATCH], batch_size=BATCH, seed=0, shuffled=False),
            classes=tuple("abcdefghij"), weights=None,
        )  # fmt: skip
        loop = replace(loop, pause=partial(checkpointer.pause, loop))
        began = time.perf_counter()
        for epoch in loop.epochs(loop.beginning(0)):
            report.metrics(epoch.metrics(), epoch=epoch.number)
        seconds = time.perf_counter() - began
    return seconds / (spec.epochs * len(loop.train.order(0)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    torch.set_num_threads(1)
    x, y = torch.randn(SAMPLES, FEATURES), torch.randint(0, CLASSES, (SAMPLES,))
    rows, goals = [], []
    for name in ("sgd", "adamw"):
        spec = TrainingSpec(epochs=told.epochs, batch_size=BATCH, optimizer=name, schedule="constant")
        loops: dict[str, Callable[..., float]] = {"raw": raw, "fledge": fledge}
        seconds: dict[str, list[float]] = {one: [] for one in loops}
        for _ in range(told.repeat):
            for one, loop in loops.items():
                seconds[one].append(loop(spec, x, y))
        medians = {one: statistics.median(times) for one, times in seconds.items()}
        ratio = medians["fledge"] / medians["raw"]
        rows += [{"optimizer": name, "loop": one, "us a step": medians[one] * 1e6} for one in loops]
        rows[-1]["ratio"] = ratio
        goals.append(Goal(f"a step with {name}, fledge to raw", ratio, BOUND, at_least=False))
    table(f"one step of a {FEATURES}-{HIDDEN}-{CLASSES} network, batches of {BATCH}, one thread", rows)
    return finish("loop_overhead", {"rows": rows}, goals, told.results)


if __name__ == "__main__":
    sys.exit(main())
