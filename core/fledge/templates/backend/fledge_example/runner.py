"""`python -P runner.py PLACE`: runs one submission's job, and outlives whoever submitted it.

PLACE/runner.lock is held for as long as this lives: that is how others see that it does. PLACE/job.json says what to
run, PLACE/canceled that somebody wants it to stop; PLACE/exit.json is its last word. The log is its standard error.
"""

import ctypes
import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fledge import TRY_AGAIN, write_atomic

READY, GO = b"ready\n", b"go\n"
_POLL_SECONDS = 0.05
_LINUX = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER = 36


class Runner:
    def __init__(self, place: Path) -> None:
        self._place, self._folder = place, Path(os.environ["FLEDGE_RUN_DIR"])
        self._job = read(place / "job.json")
        self._told = False
        signal.signal(signal.SIGTERM, self._hear)

    def run(self) -> None:
        # An earlier submission's.
        (self._folder / "canceled").unlink(missing_ok=True)
        code, tries = TRY_AGAIN, self._job["retries"] + 1
        while tries and not self._stopping() and (code < 0 or code == TRY_AGAIN):
            code, tries = self._try(), tries - 1
        canceled = (self._place / "canceled").exists()
        write_atomic(self._place / "exit.json", json.dumps({"code": code, "canceled": canceled}))

    def _try(self) -> int:
        """Start the job and wait; returns its exit code when it and all that it had started is gone."""
        argv, deadline = self._job["argv"], math.inf
        try:
            process = subprocess.Popen(
                argv, cwd=self._folder / "code", stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
            )
        except OSError as error:
            print(f"{argv[0]} cannot be started: {error}", file=sys.stderr)
            return 127
        while process.poll() is None:
            if deadline == math.inf and self._stopping():
                process.terminate()
                deadline = time.monotonic() + self._job["grace"]
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(_POLL_SECONDS)
        # macOS denies it of a group in which nobody lives any more.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        _end_offspring()
        return process.returncode

    def _stopping(self) -> bool:
        if (self._place / "canceled").exists():
            # By this the job knows that it was a person, and not the machine.
            (self._folder / "canceled").touch()
            return True
        return self._told

    def _hear(self, *_: object) -> None:
        self._told = True


def _adopt_orphans() -> None:
    # Linux only: what the job starts in sessions of their own comes to this process when its parent ends.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_offspring() -> None:
    """Kill what the job has left behind, and return when it is gone: the run has not ended before that."""
    while _LINUX:
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def read(path: Path) -> dict[str, Any]:
    """Empty where there is no such file."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return told


def main(place: Path) -> None:
    runner = Runner(place)
    with (place / "runner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(BrokenPipeError):
            os.write(sys.stdout.fileno(), READY)
        # Whoever dies before the run can be found again leaves nothing running.
        if sys.stdin.buffer.readline() == GO:
            (place / "begun").touch()
            runner.run()


if __name__ == "__main__":
    _adopt_orphans()
    main(Path(sys.argv[1]))
