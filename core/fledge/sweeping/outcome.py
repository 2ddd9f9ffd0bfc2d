"""What a completed run is worth to its sweep."""

import math
from collections.abc import Mapping
from typing import Any

from fledge.errors import RunError, did_you_mean
from fledge.runs.history import History
from fledge.runs.run_directory import RunDirectory

# What a training tells when it is done, and not before.
_AT_THE_END = ("best_epoch", "epochs", "peak_memory_mb")


class NoMetric(RunError):  # noqa: N818 -- says what it is; every error here does
    """A run has told of its metrics, this one is not among them, and no other run has it either."""


def promises(run: RunDirectory, metric: str) -> bool:
    """Whether a training is known to come to that metric; False before its first epoch has ended.

    Raises NoMetric once it is known that it will not.
    """
    metrics = History.read(run.path).metrics
    if metrics and metric not in (*metrics, *_AT_THE_END):
        raise _no_metric(f"run {run.id} reports", metric, {**metrics, **dict.fromkeys(_AT_THE_END, 0)})
    return bool(metrics)


def value_of(run: RunDirectory, metric: str, *, known: bool) -> float:
    """The run's metric; known: whether other runs have one.

    Raises RunError where it is no finite number, or where only this run lacks it; NoMetric where nobody has it.
    """
    metrics = History.read(run.path).metrics
    if metric not in metrics:
        error = _no_metric(f"run {run.id} completed and reported", metric, metrics)
        raise RunError(error.message) if known else error
    value = metrics[metric]
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RunError(f"run {run.id} completed, and its {metric} is {value}")
    return float(value)


def _no_metric(what: str, metric: str, metrics: Mapping[str, Any]) -> NoMetric:
    numbers = sorted(name for name, value in metrics.items() if isinstance(value, int | float))
    return NoMetric(
        f"{what} no metric {metric!r}{did_you_mean(metric, numbers)}; there is: {', '.join(numbers) or 'none at all'}",
        hint="start the sweep anew with another --maximize or --minimize",
    )
