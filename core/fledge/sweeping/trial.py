"""Trial: one set of values, and the run that tries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fledge.interfaces.search import Value


class TrialState(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PRUNED = "PRUNED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Trial:
    """What the study has of it.

    run          the id of its run, which was fixed before that was submitted
    value        of the metric, once it has ended with one
    curve        the metric at each interval from 1 on, as the pruner was told
    error        why it failed
    objection    why it is to be stopped before its end; its run may yet have to be told
    interrupted  whether the sweep itself has canceled the run, to go on with it later
    native       of a native sweep: what the service calls the trial
    """

    number: int
    params: Mapping[str, Value]
    state: TrialState
    run: str
    value: float | None
    curve: Sequence[float]
    error: str | None
    objection: str | None
    interrupted: bool
    native: str | None = None

    @property
    def runs(self) -> bool:
        return self.state is TrialState.RUNNING

    @property
    def words(self) -> str:
        """Its values, for people."""
        return " ".join(f"{key}={shown(value)}" for key, value in self.params.items())

    @property
    def reason(self) -> str | None:
        """Why it failed or was stopped. An objection that came too late has stopped nothing."""
        return self.objection if self.state is TrialState.PRUNED else self.error

    def row(self) -> dict[str, Any]:
        """JSON values; error also says why it was stopped."""
        return {
            "trial": self.number,
            "state": str(self.state),
            "params": dict(self.params),
            "value": self.value,
            "run": self.run,
            "error": self.reason,
        }


def shown(value: Value | None) -> str:
    """In four figures, for people."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def best_of(trials: Sequence[Trial], *, maximize: bool) -> Trial | None:
    """Of those that came to their end; the first of equals."""
    ended = [trial for trial in trials if trial.state is TrialState.COMPLETED and trial.value is not None]
    return (max if maximize else min)(ended, key=lambda trial: trial.value or 0.0, default=None)
