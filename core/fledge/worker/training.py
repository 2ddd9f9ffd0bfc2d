"""The workload `train`, and what the journal is told of its result."""

import resource
import sys
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.interfaces.run import RunInfo, Trained
from fledge.runs.notice import Notice
from fledge.runs.places import cache
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.training.train import train
from fledge.worker.profiled import profiled


def run_training(spec: RunSpec, catalog: Catalog, run: RunInfo, notice: Notice, report: Reporter, hooks: Any) -> None:
    with profiled(spec.training, run, report):
        trained = train(spec, catalog, run, cache(), notice, report, hooks)
    notice.dismiss()
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
