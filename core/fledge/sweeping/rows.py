"""The trials of a sweep as plain rows: for lists, for programs, and for a report's picture."""

from pathlib import Path
from typing import Any

from fledge.runs.places import runs
from fledge.sweeping.curve import curve
from fledge.sweeping.definition import Definition
from fledge.sweeping.study import Study
from fledge.sweeping.trial import best_of


def trial_rows(home: Path, name: str) -> list[dict[str, Any]]:
    """An object a trial, in order, JSON values only: `Trial.row`, and its curve.

    curve  the metric at each interval (epoch) from 1 on, as far as its run got; empty where that was deleted
    best   whether it is the best so far
    """
    definition = Definition.read(home, name)
    trials = open_study(definition).trials()
    best = best_of(trials, maximize=definition.maximize)
    return [
        trial.row() | {"curve": curve(runs(home) / trial.run, definition.metric), "best": trial is best}
        for trial in trials
    ]


def open_study(definition: Definition) -> Study:
    return Study(definition.folder, definition.name, maximize=definition.maximize, halving=definition.pruner == "asha")
