"""Execution: a job's processes, on nodes that are folders of this machine."""

import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil

from loopback.ranks import Rank, ranks

_POLL_SECONDS = 0.05
# Of an evicted node nobody is asked; of a canceled job, and of one that failed, the other ranks have this long.
_GRACE_SECONDS = 30.0
_MARK = "AZUREML_LOOPBACK_EXECUTION"


class Execution:
    """One attempt: a copy of the uploaded folder for each node, in which each of its ranks runs the command."""

    def __init__(self, folder: Path, code: Path, nodes: int) -> None:
        self._folder = folder
        self._mark = uuid.uuid4().hex
        self._processes: list[tuple[Rank, subprocess.Popen[bytes]]] = []
        self._lock = threading.Lock()
        self._asked = self._killed = False
        for node in range(nodes):
            shutil.copytree(code, self._working_folder(node))
            for name in ("outputs", "logs"):
                (self._working_folder(node) / name).mkdir(exist_ok=True)

    def start(
        self,
        command: str,
        environment: Mapping[str, str],
        distribution: Literal["mpi", "pytorch"] | None,
        nodes: int,
        per_node: int,
        logs: Path,
    ) -> None:
        several = nodes * per_node > 1
        for rank in ranks(distribution, nodes, per_node):
            with self._lock, (logs / log_name(rank.number, several=several)).open("ab") as log:
                if self._killed:
                    return
                process = subprocess.Popen(
                    ["/bin/bash", "-c", command],
                    cwd=self._working_folder(rank.node),
                    env={**self._machine(rank.node), **environment, **rank.variables, _MARK: self._mark},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._processes.append((rank, process))

    def wait(self) -> tuple[int, int]:
        """The rank that failed first and its exit status, once nothing is left; (0, 0) where all ended well."""
        failed: tuple[int, int] | None = None
        deadline = None
        while left := [process for _, process in self._processes if process.poll() is None]:
            failed = failed or self._failed()
            if failed or self._asked:
                if deadline is None:
                    deadline = time.monotonic() + _GRACE_SECONDS
                    # Once: more would be a wish of another kind.
                    _send(left, signal.SIGTERM)
                if time.monotonic() > deadline:
                    self.kill()
            time.sleep(_POLL_SECONDS)
        self.kill()
        return failed or self._failed() or (0, 0)

    def ask(self) -> None:
        """SIGTERM to each rank's first process, and SIGKILL to all there is some time later."""
        self._asked = True

    def kill(self) -> None:
        """All at once, as a machine goes away, and whatever they have started too."""
        with self._lock:
            self._killed = True
            while left := list(self._left()):
                for process in left:
                    with suppress(psutil.Error):
                        process.kill()
                for _, started in self._processes:
                    started.poll()
                time.sleep(_POLL_SECONDS)

    def files(self) -> dict[str, Path]:
        """What the service uploads of it. Where two nodes have a file of one name, the first one's."""
        found: dict[str, Path] = {}
        for working in sorted(self._folder.glob("node-*/wd"), reverse=True):
            for name in ("outputs", "logs"):
                for place, _, names in os.walk(working / name):
                    paths = [Path(place, one) for one in names]
                    found |= {path.relative_to(working).as_posix(): path for path in paths}
        return found

    def _failed(self) -> tuple[int, int] | None:
        for rank, process in self._processes:
            code = process.poll()
            if code:
                return rank.number, 128 - code if code < 0 else code
        return None

    def _left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_MARK) == self._mark:
                    yield process

    def _working_folder(self, node: int) -> Path:
        return self._folder / f"node-{node}" / "wd"

    def _machine(self, node: int) -> dict[str, str]:
        home = self._folder / f"node-{node}" / "home"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home), "LANG": "C.UTF-8"}


def log_name(rank: int, *, several: bool) -> str:
    return f"std_log_process_{rank:02}.txt" if several else "std_log.txt"


def _send(processes: list[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)
