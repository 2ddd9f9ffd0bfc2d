"""Training a model on a data set, from their names in a spec to files on disk."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fledge.discovery.catalog import Catalog
from fledge.importing import importing
from fledge.interfaces.dataset import SPLITS, Dataset
from fledge.interfaces.launcher import Group
from fledge.interfaces.model import Model
from fledge.interfaces.run import RunInfo, Trained
from fledge.interfaces.state import RunState
from fledge.profiling import span
from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter
from fledge.runs.run_directory import CHECKPOINTS
from fledge.spec.run_spec import RunSpec
from fledge.training.answers import gathered
from fledge.training.arithmetic import Arithmetic
from fledge.training.assemble import Assembly
from fledge.training.beginning import beginning, check
from fledge.training.checkpoint_store import CheckpointStore
from fledge.training.checkpointer import Checkpointer
from fledge.training.device import choose_device, make_deterministic
from fledge.training.facts import Samples, check_samples, describe
from fledge.training.keeper import Keeper
from fledge.training.loop import Loop, Position
from fledge.training.memory import keep_memory
from fledge.training.pace import Pace
from fledge.training.phases import phases
from fledge.training.seeds import seed_torch
from fledge.training.together import newest_checkpoint


def train(
    spec: RunSpec,
    catalog: Catalog,
    run: RunInfo,
    group: Group,
    cache: Path,
    notice: Notice,
    report: Reporter,
    lifecycle: Any,
) -> Trained | None:
    """The workload `train`: prepare data and weights, train from the newest checkpoint on, keep best and last.

    Every process of the group does all of it; rank 0 alone writes, and returns what was trained.

    `lifecycle` is called with `epoch_ended` after every epoch, and with `step_ended`. Raises FledgeError for anything
    a person can mend, and Stopped, at the end of a step and with a checkpoint written, once there was a notice.
    """
    assert spec.dataset is not None
    assert spec.model is not None
    device = choose_device(spec.training, group.place)
    if device.type == "cpu":
        keep_memory()
    with span("import plugins"), importing():
        # Imports torch's compiler, which torchvision needs too.
        make_deterministic()
        dataset: Dataset = catalog.make("dataset", spec.dataset.name, spec.dataset.options)
        model: Model = catalog.make("model", spec.model.name, spec.model.options)
    with span("prepare data"):
        dataset.prepare(cache / "datasets" / spec.dataset.name, report.progress, report.warn)
    with span("prepare weights"):
        model.prepare(cache / "models" / spec.model.name, report.progress, report.warn)

    classes = dataset.classes
    samples: Samples = {split: dataset.split(split) for split in SPLITS}
    check_samples(samples, classes)
    described = describe(samples, classes)
    store = CheckpointStore(report.folder / CHECKPOINTS)
    found = newest_checkpoint(group, store, report.warn)
    began = found.told["facts"] if found else {}
    # Sums depend on how many threads share them, and all on the number format.
    if began.get("processes", 1) == group.world_size:
        torch.set_num_threads(began.get("threads") or torch.get_num_threads())
    arithmetic = Arithmetic.of(spec.training, device, began.get("precision"))
    now = beginning(spec, classes, described["fingerprint"], arithmetic, group.world_size)
    if found:
        check(began, now, report.warn)
    seed_torch(spec.seed, "build")
    with span("build model"):
        module = arithmetic.settle(model.build(classes))
    facts = {
        "classes": list(classes),
        "dataset": {"name": spec.dataset.name, **described},
        "weights": dict(model.provenance()),
        "transforms": dict(model.describe_transforms()),
    }
    arithmetic_told = {"device": str(device), "precision": arithmetic.precision, "threads": torch.get_num_threads()}
    arithmetic_told |= {"launcher": spec.launcher.name, "processes": group.world_size}
    arithmetic_told |= {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    report.params({**facts, **arithmetic_told, "torch": torch.__version__})
    counts = " and ".join(f"{len(samples[split])} {split}" for split in SPLITS)
    many = f" in {group.world_size} processes" if group.world_size > 1 else ""
    report.say(f"{spec.dataset.name}: {counts} images of {', '.join(classes)}; {spec.model.name} on {device}{many}")

    report.stage(RunState.RUNNING)
    card = {"run": run.id, "spec": spec.to_dict(), "fledge": version("fledge"), **facts}
    keeper = Keeper(module, run.outputs, card, val=samples["val"], writes=group.rank == 0)
    checkpointer = Checkpointer(store, spec.training, keeper, now, notice, report, group)
    assembly = Assembly(spec, model, module, arithmetic, samples, classes, cache, report, group)
    planned = phases(spec.training)
    for phase in planned:
        if found is not None and found.told["epoch"] >= phase.last_epoch:
            continue
        loop = assembly.loop(phase)
        with notice.deferred():
            at = checkpointer.resume(loop, found) if found else loop.beginning(phase.first_epoch)
            found = None
            keeper.begin(phase)
            steps = len(loop.train.order(phase.first_epoch))
            pace = Pace(report, planned[-1].last_epoch, steps, loop.train.count)
            loop = replace(loop, pause=partial(checkpointer.pause, loop), told=_teller(lifecycle, run, loop, pace))
            try:
                _train(loop, at, keeper, run, report, lifecycle)
            except BaseException:
                keeper.write()
                raise
            # What is frozen in this phase may train in the next, and the checkpoint being written tells its digest.
            checkpointer.wait()
    with notice.deferred():
        report.stage(RunState.FINALIZING)
        return keeper.finish(classes) if keeper.writes else None


def _train(loop: Loop, at: Position, keeper: Keeper, run: RunInfo, report: Reporter, lifecycle: Any) -> None:
    for epoch in loop.epochs(at):
        better = keeper.see(epoch, partial(gathered, loop.group, loop.val, loop.answers))
        values = epoch.metrics() | {"best_val_accuracy": keeper.best_accuracy}
        report.metrics(values, epoch=epoch.number)
        report.say(
            f"epoch {epoch.number:3d}/{loop.phase.last_epoch}  loss {epoch.train_loss:.4f}  "
            f"train {epoch.train_accuracy:6.1%}  val {epoch.val.accuracy:6.1%}{' *' if better else '  '}  "
            f"{epoch.images / epoch.seconds:7.1f} images/s"
        )
        lifecycle.epoch_ended(run=run, epoch=epoch.number, metrics=values)
        patience = loop.phase.spec.early_stopping
        if patience and keeper.epochs_without_gain >= patience:
            report.say(f"stopped early: no better validation accuracy for {keeper.epochs_without_gain} epochs")
            break


def _teller(lifecycle: Any, run: RunInfo, loop: Loop, pace: Pace) -> Callable[[int, int, Tensor], None]:
    """What tells the journal how far it is, and the extensions, where one listens, of every step."""
    if not lifecycle.step_ended.get_hookimpls():
        return pace

    def tell(epoch: int, step: int, loss: Tensor) -> None:
        pace(epoch, step, loss)
        lifecycle.step_ended(run=run, epoch=epoch, step=step, module=loop.module)

    return tell
