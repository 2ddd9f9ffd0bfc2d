"""Notice: somebody wants this process's run to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fledge.interfaces.state import RunState


class Stopped(BaseException):
    """Raised where a run gives way; `state` is what it ends as."""

    def __init__(self, reason: str, state: RunState) -> None:
        super().__init__(reason)
        self.state = state


class Notice:
    """SIGTERM and SIGINT, and what other threads have seen coming, made into one Stopped.

    It is raised wherever the main thread happens to be; within `deferred()`, which is for work that must not be
    left half done, only by `check()`. It is raised once out of the blue: what cleans up after it is left alone.
    """

    def __init__(self, run_dir: Path) -> None:
        self.reason: str | None = None
        self._run_dir = run_dir
        self._deferred = False
        self._raised = False
        self._dismissed = False
        self._shared = False

    def listen(self) -> None:
        """From now on. Python hands signals to the main thread, and only that one may call this."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def give(self, reason: str) -> None:
        """As a signal does, with a reason in words; from any thread."""
        self.reason = self.reason or reason
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)

    @property
    def canceled(self) -> bool:
        """Whether it was a person who asked: the backend alone knows, and it leaves a file where it was."""
        return self._shared or (self._run_dir / "canceled").exists()

    def share(self, canceled: bool) -> None:
        """What another process of the run was told, and perhaps this one not yet; `check()` raises from now on."""
        self.reason = self.reason or "another process of the run was told to stop"
        self._shared = canceled

    def check(self) -> None:
        """Raises Stopped where there was a notice."""
        if self.reason is not None:
            self._raised = True
            raise self.stopped()

    def dismiss(self) -> None:
        """The work is done, and what is left to say of it is said in a moment: from now on nothing is raised."""
        self._dismissed = True

    def stopped(self) -> Stopped:
        canceled = self.canceled
        state = RunState.CANCELED if canceled else RunState.PREEMPTED
        return Stopped("canceled on request" if canceled else self.reason or "", state)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _hear(self, number: int, _: object) -> None:
        self.reason = self.reason or f"stopped by {signal.Signals(number).name}"
        if not self._deferred and not self._raised and not self._dismissed:
            self.check()
