"""RunRecord: what `state.json` says of a run, the last that anyone on this machine saw of it."""

from dataclasses import asdict, dataclass
from typing import Any

from fledge.interfaces.backend import RunRef
from fledge.interfaces.state import RunState


@dataclass(frozen=True)
class RunRecord:
    """Times are UTC, ISO 8601; error is empty unless something went wrong."""

    run: str
    experiment: str
    workload: str
    backend: str
    state: RunState
    created: str
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    ref: RunRef | None = None

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
