"""Training a model on a data set, from their names in a spec to files on disk."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fledge.discovery.catalog import Catalog
from fledge.interfaces.dataset import SPLITS, Dataset
from fledge.interfaces.model import Model
from fledge.interfaces.run import RunInfo, Trained
from fledge.interfaces.state import RunState
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.training.assemble import make_loop
from fledge.training.device import choose_device, make_deterministic
from fledge.training.facts import Samples, check, describe
from fledge.training.keeper import Keeper
from fledge.training.seeds import seed_torch


def train(spec: RunSpec, catalog: Catalog, run: RunInfo, cache: Path, report: Reporter, lifecycle: Any) -> Trained:
    """The workload `train`: prepare data and weights, train, keep the best and the last model.

    `lifecycle` is called with `epoch_ended` after every epoch. Raises FledgeError for anything a person can mend.
    """
    assert spec.dataset is not None
    assert spec.model is not None
    device = choose_device(spec.training.device)
    make_deterministic()
    dataset: Dataset = _make("dataset", spec.dataset, catalog)
    model: Model = _make("model", spec.model, catalog)
    dataset.prepare(cache / "datasets" / spec.dataset.name, report.progress, report.warn)
    model.prepare(cache / "models" / spec.model.name, report.progress, report.warn)

    classes = dataset.classes
    samples: Samples = {split: dataset.split(split) for split in SPLITS}
    check(samples, classes)
    seed_torch(spec.seed, "build")
    module = model.build(classes).to(device)
    facts = {
        "classes": list(classes),
        "dataset": {"name": spec.dataset.name, **describe(samples, classes)},
        "weights": dict(model.provenance()),
        "transforms": dict(model.describe_transforms()),
    }
    report.params({**facts, "device": str(device), "torch": torch.__version__, "threads": torch.get_num_threads()})
    counts = " and ".join(f"{len(samples[split])} {split}" for split in SPLITS)
    report.say(f"{spec.dataset.name}: {counts} images of {', '.join(classes)}; {spec.model.name} on {device}")

    report.stage(RunState.RUNNING)
    loop = make_loop(spec, model, module, samples, classes, report)
    keeper = Keeper(module, run.outputs, {"run": run.id, "spec": spec.to_dict(), "fledge": version("fledge"), **facts})
    for epoch in loop.epochs():
        better = keeper.see(epoch)
        values = epoch.metrics() | {"best_val_accuracy": keeper.best_accuracy}
        report.metrics(values, epoch=epoch.number)
        report.say(
            f"epoch {epoch.number:3d}/{spec.training.epochs}  loss {epoch.train_loss:.4f}  "
            f"train {epoch.train_accuracy:6.1%}  val {epoch.val.accuracy:6.1%}{' *' if better else '  '}  "
            f"{epoch.images / epoch.seconds:7.1f} images/s"
        )
        lifecycle.epoch_ended(run=run, epoch=epoch.number, metrics=values)
        if spec.training.early_stopping and keeper.epochs_without_gain >= spec.training.early_stopping:
            report.say(f"stopped early: no better validation accuracy for {keeper.epochs_without_gain} epochs")
            break
    report.stage(RunState.FINALIZING)
    return keeper.finish(classes)


def _make(kind: Any, choice: Any, catalog: Catalog) -> Any:
    options = catalog.options(kind, choice.name, choice.options)
    return catalog.implementation(kind, choice.name)(options)
