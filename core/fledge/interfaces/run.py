"""What extensions and trackers are told about a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunInfo:
    """A run, seen from its worker.

    id          as `fledge runs` has it
    experiment  the heading under which it is grouped
    spec        JSON values, every option settled
    outputs     the folder whose files are kept as the run's
    """

    id: str
    experiment: str
    spec: Mapping[str, Any]
    outputs: Path


@dataclass(frozen=True)
class Trained:
    """The result of training: what the journal's last events and the model cards say.

    weights_sha256 is that of the final weights, which an interrupted and resumed run must reach too;
    best is the model file of the epoch with the best validation accuracy, last that of the final one.
    """

    best: Path
    last: Path
    classes: tuple[str, ...]
    metrics: Mapping[str, float]
    weights_sha256: str
