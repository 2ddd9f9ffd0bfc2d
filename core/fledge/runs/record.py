"""RunRecord: what `state.json` says of a run, the last that anyone on this machine saw of it."""

from dataclasses import asdict, dataclass
from typing import Any

from fledge.interfaces.backend import RunRef
from fledge.interfaces.state import RunState


@dataclass(frozen=True)
class RunRecord:
    """Times are UTC, ISO 8601; error is empty unless something went wrong, and transient where that may pass.

    submission  counts from 1; a resumed run is submitted again
    begins      how often a worker had begun by then
    ref         of the last submission that its backend is known to have
    pending     whether that is not yet the newest one: its backend is being asked, or whoever asked has died

    best_val_accuracy is there once the run has ended: a share of 1, or whatever a script logged under that name.
    """

    run: str
    experiment: str
    workload: str
    backend: str
    state: RunState
    created: str
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    transient: bool = False
    best_val_accuracy: float | str | None = None
    submission: int = 1
    begins: int = 0
    pending: bool = False
    ref: RunRef | None = None

    @property
    def key(self) -> str:
        """Under which the newest submission is known to its backend."""
        return self.run if self.submission == 1 else f"{self.run}-{self.submission}"

    @property
    def pid(self) -> int | None:
        """The process on this machine that the run is, where its backend has one here."""
        return self.ref.details.get("pid") if self.ref else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "RunRecord":
        ref = RunRef(**told["ref"]) if told.get("ref") else None
        return cls(**{**told, "ref": ref, "state": RunState(told["state"])})
