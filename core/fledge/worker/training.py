"""The workload `train`, and what the journal is told of its result."""

import resource
import sys
from contextlib import nullcontext
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.hooks import Kind
from fledge.interfaces.launcher import Launcher
from fledge.interfaces.run import RunInfo, Trained
from fledge.runs.notice import Notice
from fledge.runs.places import cache
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.spec.section import Choice
from fledge.training.together import check_alike
from fledge.training.train import train
from fledge.worker.profiled import profiled


def run_training(
    spec: RunSpec,
    catalog: Catalog,
    run: RunInfo,
    launcher: Launcher,
    notice: Notice,
    report: Reporter,
    hooks: Any,
) -> None:
    group = launcher.group()
    check_alike(group, _packages(spec, catalog))
    with profiled(spec.training, run, report) if group.rank == 0 else nullcontext():
        trained = train(spec, catalog, run, group, cache(), notice, report, hooks)
    notice.dismiss()
    if trained is None:
        return
    hooks.model_trained(run=run, trained=trained)
    _tell(trained, run, report)


def _tell(trained: Trained, run: RunInfo, report: Reporter) -> None:
    for path in sorted(path for path in run.outputs.rglob("*") if path.is_file()):
        report.artifact(path)
    report.journal.write(
        "trained",
        classes=list(trained.classes),
        metrics={**trained.metrics, "peak_memory_mb": _peak_memory_mb()},
        weights_sha256=trained.weights_sha256,
    )
    accuracy, epoch = trained.metrics["best_val_accuracy"], trained.metrics["best_epoch"]
    report.say(f"best validation accuracy {accuracy:.1%} in epoch {epoch:g}")


def _peak_memory_mb() -> float:
    """The most memory this process has held at once, in 10^6 bytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS alone counts in bytes.
    return kilobytes / 1e6 if sys.platform == "darwin" else kilobytes * 1024 / 1e6


def _packages(spec: RunSpec, catalog: Catalog) -> set[str]:
    """The distributions whose versions decide what is computed."""
    named: list[tuple[Kind, Choice | None]] = [
        ("dataset", spec.dataset),
        ("model", spec.model),
        ("launcher", spec.launcher),
    ]
    plugins = {catalog.find(kind, choice.name).plugin.distribution for kind, choice in named if choice is not None}
    return {"fledge", "torch", "torchvision", "numpy", "pillow", *plugins}
