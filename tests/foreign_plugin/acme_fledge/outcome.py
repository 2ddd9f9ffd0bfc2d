"""From what the server knows of a submission to fledge's states."""

import signal
from collections.abc import Mapping
from typing import Any

from fledge import RunState, Status

from acme_fledge.keeper import TRY_AGAIN

# Of the other exit codes, signals (below zero) lose a run and numbers fail it.
_EXITS = {
    0: RunState.COMPLETED,
    TRY_AGAIN: RunState.PREEMPTED,
    -signal.SIGTERM: RunState.PREEMPTED,
    -signal.SIGINT: RunState.PREEMPTED,
}


def outcome(told: Mapping[str, Any]) -> Status:
    """told: as `Runs.status` gives it."""
    code, ended = told.get("code"), told.get("ended")
    if told["alive"]:
        return Status(RunState.RUNNING)
    if told.get("canceled"):
        return Status(RunState.CANCELED, "canceled on request", code, ended)
    if code is None:
        return Status(RunState.LOST, "the process that kept it is gone and left no word of how it ended", None, ended)
    state = _EXITS.get(code, RunState.LOST if code < 0 else RunState.FAILED)
    return Status(state, _reason(code), code, ended)


def _reason(code: int) -> str:
    if code == 0:
        return ""
    if code > 0:
        return f"its process ended with exit status {code}"
    try:
        return f"its process was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"its process was killed by signal {-code}"
