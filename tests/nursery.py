"""A process that workers are forked from, started by hand."""

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import psutil


class Nursery:
    """A context at whose end it forks no more, and has seen its last fork end."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.address, self.environment = folder / "warm", environment
        command = [sys.executable, "-P", "-m", "fledge.worker.warm", str(self.address)]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)

    def __enter__(self) -> "Nursery":
        while not self.address.exists():
            assert self.process.poll() is None
            time.sleep(0.02)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    @property
    def forks(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children())
