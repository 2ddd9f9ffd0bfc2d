"""Training a model on a data set, from their names in a spec to files on disk."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from fledge.discovery.catalog import Catalog
from fledge.interfaces.launcher import Group
from fledge.interfaces.run import RunInfo, Trained
from fledge.interfaces.state import RunState
from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.training.answers import gathered
from fledge.training.assemble import Assembly
from fledge.training.checkpointer import Checkpointer
from fledge.training.keeper import Keeper
from fledge.training.loop import Loop, Position
from fledge.training.pace import Pace
from fledge.training.phases import phases
from fledge.training.preparation import prepare


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
    ready, found = prepare(spec, catalog, group, cache, report)
    report.stage(RunState.RUNNING)
    card = {"run": run.id, "spec": spec.to_dict(), "fledge": version("fledge"), **ready.provenance}
    keeper = Keeper(ready.module, run.outputs, card, val=ready.samples["val"], writes=group.rank == 0)
    checkpointer = Checkpointer(ready.store, spec.training, keeper, ready.now, notice, report, group)
    assembly = Assembly(spec, ready, cache, report, group)
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
        return keeper.finish(ready.classes) if keeper.writes else None


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
