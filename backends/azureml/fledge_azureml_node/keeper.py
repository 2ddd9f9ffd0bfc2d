"""Keeper: runs a job's command, hands on the wish that it stop, and leaves nothing of it behind."""

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_POLL_SECONDS = 0.05
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Asked(BaseException):
    """To stop, before the command was begun."""


class Keeper:
    """Whoever started this process asks it to stop by a signal, or by ending without one.

    Made in the main thread, which is the only one that may start the command and wait for it.
    """

    def __init__(self) -> None:
        self._asked = self._begun = False
        self._parent = os.getppid()
        for number in _SIGNALS:
            signal.signal(number, self._hear)

    @property
    def asked(self) -> bool:
        """Whether it was asked to stop. A parent that is gone, the service's shell say, has somebody else in its place:
        nobody would ever ask again."""
        return self._asked or os.getppid() != self._parent

    def start(self, argv: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        """From now on what is asked waits for `wait`; before, it raises Asked. Raises OSError where there is no such
        command. No thread may run yet."""
        _adopt_orphans()
        self._begun = True
        self._process = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- this process has one thread
        )

    def wait(self, grace: float, before_asking: Callable[[], None]) -> int:
        """The command's exit code, negative for a signal's number, once all that it started is gone.

        Where this process is asked to stop, the command is too, and killed `grace` seconds later.
        """
        process, deadline = self._process, math.inf
        while process.poll() is None:
            if self.asked and deadline == math.inf:
                before_asking()
                process.terminate()
                deadline = time.monotonic() + grace
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(_POLL_SECONDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        _end_offspring()
        return process.returncode

    def _hear(self, *_: object) -> None:
        first, self._asked = not self._asked, True
        # Once: whoever is asked again is at its end already.
        if first and not self._begun:
            raise Asked


def _die_with_parent() -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _adopt_orphans() -> None:
    # What the command starts in sessions of their own comes to this process when its parent ends.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_offspring() -> None:
    while _LINUX:
        for children in Path("/proc/self/task").glob("*/children"):
            for pid in children.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
