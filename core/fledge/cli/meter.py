"""Meter: how far the work is that this very command does, on standard error."""

import sys
import time
from types import TracebackType

_EVERY_SECONDS = 0.1


class Meter:
    """Progress is one line that is written over and over, and nothing where nobody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._told = 0.0
        self._shown = False

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def progress(self, what: str, done: int, total: int | None, unit: str = "files") -> None:
        """Implements `fledge.Progress`."""
        if not self._watched or (done != total and time.monotonic() - self._told < _EVERY_SECONDS):
            return
        of = f" of {total}" if total else ""
        print(f"\r\x1b[K{what}: {done}{of} {unit}", end="", file=sys.stderr, flush=True)
        self._told, self._shown = time.monotonic(), True

    def say(self, line: str) -> None:
        self.wipe()
        print(line, file=sys.stderr, flush=True)

    def warn(self, line: str) -> None:
        self.say(f"warning: {line}")

    def wipe(self) -> None:
        """Before anybody else writes a line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._shown = False
