"""ProcessIdentity: which process it was, not only which number it had."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """Process ids are used again, after a reboot above all: the start time and the boot say which one is meant.

    started is in seconds since the epoch.
    """

    pid: int
    started: float
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Raises psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time(), boot_id())

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "ProcessIdentity":
        return cls(told["pid"], told["started"], told["boot"])

    def alive(self) -> bool:
        if self.boot != boot_id():
            return False
        try:
            process = psutil.Process(self.pid)
            # Recorded and read within one boot, the two differ by rounding alone.
            same = abs(process.create_time() - self.started) < 1
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def group_alive(self) -> bool:
        """Whether any process of the group that this one led still runs."""
        return self.boot == boot_id() and any(_runs_in_group(process, self.pid) for process in psutil.process_iter())

    def end_group(self) -> None:
        """Kill what is left of the group after its leader has gone.

        A group's number is not given to another process while the group has members; once it is, the
        group is a stranger's and left alone.
        """
        if not psutil.pid_exists(self.pid) and self.group_alive():
            self.signal_group(signal.SIGKILL)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal every process of the group that this one leads, while any is left."""
        if self.boot == boot_id():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def _runs_in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and bool(process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, ProcessLookupError, PermissionError):
        return False


def boot_id() -> str:
    """Differs after every start of the machine."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{psutil.boot_time():.0f}"
