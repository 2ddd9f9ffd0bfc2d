"""`python -I keeper.py STATUS GRACE FOLDER ARGV...`: runs a command, and leaves nothing of it behind.

Standard input is the line to the node's actor. "stop" ends the command as the machine's wish and "cancel" as a
person's: SIGTERM, then GRACE seconds later SIGKILL. Where the line breaks, the actor is gone, and the command is
killed at once. The exit code is written to the file descriptor STATUS, once all that the command started is gone.
"""

import ctypes
import math
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.05
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def keep(argv: list[str], folder: Path, grace: float) -> int:
    """The command's exit code, negative for a signal's number."""
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder / "code",
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- this process has one thread
        )
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        return 127
    deadline, listening = math.inf, True
    while process.poll() is None:
        if listening and select.select([0], [], [], _POLL_SECONDS)[0]:
            words = os.read(0, 1024)
            if not words:
                listening, deadline = False, 0.0
            elif deadline == math.inf:
                if b"cancel" in words:
                    # By this the job knows that it was a person, and not the machine.
                    (folder / "canceled").touch()
                process.terminate()
                deadline = time.monotonic() + grace
        elif not listening:
            time.sleep(_POLL_SECONDS)
        if time.monotonic() > deadline:
            process.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _end_offspring()
    return process.returncode


def _die_with_parent() -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _adopt_orphans() -> None:
    # What the command starts in sessions of their own comes to this process when its parent ends.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_offspring() -> None:
    while _LINUX:
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    _adopt_orphans()
    status, grace, folder, *argv = sys.argv[1:]
    # The command must not hold it open, nor write to it.
    os.set_inheritable(int(status), False)
    os.write(int(status), str(keep(argv, Path(folder), float(grace))).encode())
