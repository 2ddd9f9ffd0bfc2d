"""Overview: how a run stands, and how several differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from fledge.flat import flat
from fledge.reporting.facts import Facts
from fledge.reporting.section import Section, render

# Curves and tables tell the others.
_FIGURES = (
    "best_val_accuracy", "best_epoch", "epochs", "val_accuracy", "val_loss", "train_accuracy", "train_loss",
    "images_per_second", "peak_memory_mb",
)  # fmt: skip
_MOST = 12


def overview(run: Facts) -> Section:
    told = run.reading.history.metrics
    named = _named([told])
    body = render(
        "overview.html",
        run=run,
        state=str(run.record.state),
        final=run.record.state.is_final,
        figures=[(name, told[name]) for name in named],
        seconds=run.seconds,
        done=_epochs_done(run),
        of=run.epochs,
        progress=run.reading.progress,
        warnings=list(run.reading.warnings),
    )
    return Section(run.record.experiment, body)


def comparison(runs: Sequence[Facts]) -> Section:
    """Side by side, with the settings that they do not share."""
    settings: list[dict[str, Any]] = [{key: str(value) for key, value in flat(run.spec).items()} for run in runs]
    names = dict.fromkeys(name for one in settings for name in one)
    apart = [name for name in names if len({one.get(name) for one in settings}) > 1]
    metrics = [run.reading.history.metrics for run in runs]
    rows = [("state", [str(run.record.state) for run in runs])]
    rows += [(name, [one.get(name, "") for one in metrics]) for name in _named(metrics)]
    rows += [(name, [one.get(name, "") for one in settings]) for name in apart]
    return Section("Side by side", render("comparison.html", runs=runs, rows=rows))


def _named(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which figures are shown: fledge's own, or the first ones of a script."""
    there = dict.fromkeys(name for one in metrics for name in one)
    return [name for name in _FIGURES if name in there] or list(there)[:_MOST]


def _epochs_done(run: Facts) -> int:
    by_epoch = [one.points()[0] for (_, axis), one in run.reading.series.items() if axis == "epoch"]
    return max((int(x[-1]) for x in by_epoch if len(x)), default=0)
