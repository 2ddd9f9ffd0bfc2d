"""Trials: what a sweep has tried, and what came of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from fledge.reporting.drawing import Dots, dot_chart
from fledge.reporting.section import Section, number, render

_LOGARITHMIC = 20.0


@dataclass(frozen=True)
class Sweep:
    """trials: the rows of `fledge.sweeping.rows.trial_rows`."""

    name: str
    metric: str
    maximize: bool
    trials: Sequence[dict[str, Any]]


def trials(sweep: Sweep) -> Section:
    """Its metric by trial and by each parameter, and a table of all."""
    valued = [trial for trial in sweep.trials if trial["value"] is not None]
    names = list(dict.fromkeys(name for trial in sweep.trials for name in trial["params"]))
    pictures = [("trial", _by_trial(sweep, valued))] if valued else []
    pictures += [(name, _by_parameter(sweep, valued, name)) for name in names if _numbers(valued, name)]
    body = render(
        "trials.html", metric=sweep.metric, aim="highest" if sweep.maximize else "lowest", names=names,
        trials=sweep.trials, pictures=pictures,
    )  # fmt: skip
    return Section(f"Sweep {sweep.name}", body)


def _by_trial(sweep: Sweep, valued: Sequence[dict[str, Any]]) -> Markup:
    x, y = _points([trial["trial"] for trial in valued]), _points([trial["value"] for trial in valued])
    so_far = (np.maximum if sweep.maximize else np.minimum).accumulate(y)
    return dot_chart(
        Dots(x, y, _best_at(valued)), "trial", f"{sweep.metric} by trial; best {number(float(so_far[-1]))}", so_far
    )


def _by_parameter(sweep: Sweep, valued: Sequence[dict[str, Any]], name: str) -> Markup:
    having = [trial for trial in valued if name in trial["params"]]
    x, y = _points([trial["params"][name] for trial in having]), _points([trial["value"] for trial in having])
    log = bool(x.min() > 0 and x.max() / x.min() >= _LOGARITHMIC)
    best = next((trial for trial in having if trial["best"]), None)
    told = f"; best at {number(best['params'][name])}" if best else ""
    return dot_chart(Dots(x, y, _best_at(having), log), "", f"{sweep.metric} by {name}{told}")


def _numbers(valued: Sequence[dict[str, Any]], name: str) -> bool:
    told = [trial["params"][name] for trial in valued if name in trial["params"]]
    return bool(told) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in told)


def _points(values: Sequence[float]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array([value if math.isfinite(value) else np.nan for value in map(float, values)])


def _best_at(valued: Sequence[dict[str, Any]]) -> int | None:
    return next((at for at, trial in enumerate(valued) if trial["best"]), None)
