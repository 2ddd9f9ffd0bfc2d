"""The process a local run is: leads its process group, starts the job, and writes down how it ended.

Run by its path with the standard library alone (`python supervisor.py RUN_DIR`), so that it starts at once and
holds little memory. It outlives the command that started it; the run's exit code is therefore
known to any process that looks later, and not only to a parent that stayed.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(run_dir: Path) -> int:
    launch = json.loads((run_dir / "launch.json").read_text())
    # Signals for the group reach the job too; the supervisor stays to record what came of them.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        job = subprocess.Popen(
            launch["argv"],
            cwd=launch["cwd"],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- there is no other thread
        )
    except OSError as error:
        print(f"{launch['argv'][0]} cannot be started: {error}", file=sys.stderr)
        _record(run_dir, 127)
        return 127
    code = job.wait()
    _record(run_dir, code)
    # What the job started and left behind must not outlive the run, nor need its supervisor.
    os.killpg(os.getpgrp(), signal.SIGKILL)
    return code


def _record(run_dir: Path, code: int) -> None:
    temporary = run_dir / ".exit.json.tmp"
    with temporary.open("w") as file:
        json.dump({"code": code}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(run_dir / "exit.json")


def _die_with_parent() -> None:
    # Linux only: a supervisor that is killed must not leave a job behind that nobody watches.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
