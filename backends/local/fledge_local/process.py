"""ProcessIdentity: which process it was, not only which number it had."""

import contextlib
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """Process ids are used again, after a reboot above all: the start time and the boot say which one is meant.

    started is in clock ticks since the boot on Linux, and elsewhere in seconds since the epoch. (psutil's own start
    time moves on Linux when the clock is set: it is the ticks added to a boot time that is counted back from now.)
    """

    pid: int
    started: float
    boot: str
    machine: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Raises psutil.NoSuchProcess."""
        return cls(pid, _started(pid), boot_id(), machine_id())

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "ProcessIdentity":
        return cls(told["pid"], told["started"], told["boot"], told["machine"])

    @property
    def elsewhere(self) -> bool:
        """Whether it is a process of another machine, which this one cannot see."""
        return self.machine != machine_id()

    def alive(self) -> bool:
        if self.elsewhere or self.boot != boot_id():
            return False
        try:
            # Seconds are rounded; ticks are whole numbers.
            same = abs(_started(self.pid) - self.started) < 1
            return bool(same and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Signal this process, should it still run."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end_group(self, environment: dict[str, str]) -> None:
        """Kill what is left after this process has gone: of the group that it led, and with that environment.

        A group's number is not given to another process while the group has members; once it is, the
        group is a stranger's and left alone.
        """
        if self.elsewhere or self.boot != boot_id():
            return
        leaderless = not psutil.pid_exists(self.pid)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                if (leaderless and os.getpgid(process.pid) == self.pid) or _has(process, environment):
                    process.kill()


def _has(process: psutil.Process, environment: dict[str, str]) -> bool:
    if process.pid == os.getpid():
        return False
    theirs = process.environ()
    return all(theirs.get(name) == value for name, value in environment.items())


def _started(pid: int) -> float:
    if sys.platform != "linux":
        return float(psutil.Process(pid).create_time())
    try:
        # The name before the last ")" may hold anything; the start time is the twentieth field behind it.
        return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None


def boot_id() -> str:
    """Differs after every start of the machine."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{psutil.boot_time():.0f}"


def machine_id() -> str:
    """Differs from every other machine's that may see the same folders."""
    with contextlib.suppress(OSError):
        if found := Path("/etc/machine-id").read_text().strip():
            return found
    return platform.node()
