"""Trackers: the processes that tell a run's trackers of it, one for each."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.worker.last_words import LastWords

# However much there is to send: from then on it is left to `fledge runs sync`.
_LONGEST_END_SECONDS = 600.0


class Trackers:
    """A context at whose end they hear what became of the run, and are waited for while they get on.

    In processes of their own, so that what a tracker imports, waits for or breaks is nothing to the training.
    """

    def __init__(self, last: LastWords) -> None:
        self._last = last
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Trackers":
        return self

    def start(self, path: Path, spec: RunSpec, report: Reporter) -> None:
        """For all of the spec in that file."""
        self._report = report
        for name in spec.trackers:
            command = [sys.executable, "-m", "fledge.tracking", str(path), name]
            try:
                self._processes[name] = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
            except OSError as error:
                report.warn(f"tracker {name!r} cannot be told: {error}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for process in self._processes.values():
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.write(f"{self._last.state or ''}\n")
                process.stdin.flush()
            with suppress(OSError):
                process.stdin.close()
        for name, process in self._processes.items():
            self._wait(name, process)

    def _wait(self, name: str, process: "subprocess.Popen[str]") -> None:
        try:
            status = process.wait(_LONGEST_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status:
            with suppress(OSError):
                self._report.warn(f"tracker {name!r} was told by a process that died ({status}); the rest is sent by: "
                                  f"fledge runs sync {self._report.folder.name} --tracker {name}")  # fmt: skip
