"""RunState: the nine states of a run, the same on every backend."""

from enum import StrEnum


class RunState(StrEnum):
    QUEUED = "QUEUED"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    FINALIZING = "FINALIZING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    PREEMPTED = "PREEMPTED"
    LOST = "LOST"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELED, RunState.PREEMPTED, RunState.LOST})
