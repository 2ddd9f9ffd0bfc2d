"""What an exit code says of how a job ended, where the job itself left no word."""

import os
import signal
from pathlib import Path

from fledge import RunState

from fledge_local.supervisor import TRY_AGAIN

_TAIL = 4096


def outcome(code: int | None) -> tuple[RunState, str]:
    """State and reason for an exit code; None for a supervisor that is gone and left none."""
    if code is None:
        return RunState.LOST, "its process is gone and left no word of how it ended"
    if code == 0:
        return RunState.COMPLETED, ""
    if code in (TRY_AGAIN, -signal.SIGTERM, -signal.SIGINT):
        return RunState.PREEMPTED, "it was told to stop before it had begun"
    if code == -signal.SIGKILL:
        return RunState.LOST, "its process was killed by SIGKILL, as the kernel does when memory runs out"
    if code < 0:
        return RunState.LOST, f"its process was killed by {_signal_name(-code)}"
    return RunState.FAILED, f"its process ended with exit status {code}"


def last_words(log: Path) -> str:
    """The last line of a log that says anything."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
