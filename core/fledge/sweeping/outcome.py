"""What a completed run is worth to its sweep."""

import math

from fledge.errors import RunError, did_you_mean
from fledge.runs.history import History
from fledge.runs.run_directory import RunDirectory


class NoMetric(RunError):  # noqa: N818 -- says what it is; every error here does
    """A run that completed has said nothing of the metric, and no other has either."""


def value_of(run: RunDirectory, metric: str, *, known: bool) -> float:
    """The run's metric; known: whether other runs have one.

    Raises RunError where it is no finite number, or where only this run lacks it; NoMetric where nobody has it.
    """
    metrics = History.read(run.path).metrics
    if metric not in metrics:
        numbers = sorted(name for name, value in metrics.items() if isinstance(value, int | float))
        message = f"run {run.id} completed and reported no metric {metric!r}{did_you_mean(metric, numbers)}"
        there = f"there is: {', '.join(numbers) or 'none at all'}"
        if known:
            raise RunError(f"{message}; {there}")
        raise NoMetric(message, hint=f"{there}; start the sweep anew with another --maximize or --minimize")
    value = metrics[metric]
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RunError(f"run {run.id} completed, and its {metric} is {value}")
    return float(value)
