"""Display: how far the build is, on standard error."""

import sys
import time


class Display:
    """On a terminal one line, written over and over, with the seconds; elsewhere a line for each stage, once."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._began = time.monotonic()
        self._stage = ""

    def at(self, stage: str, detail: str = "") -> None:
        """The work is at `stage`; called as often as anybody likes."""
        if self._watched:
            seconds = int(time.monotonic() - self._began)
            print(f"\r\x1b[K{stage}{detail}, {seconds} s", end="", file=sys.stderr, flush=True)
        elif stage != self._stage:
            print(stage, file=sys.stderr, flush=True)
        self._stage = stage

    def say(self, line: str) -> None:
        self.wipe()
        print(line, file=sys.stderr, flush=True)

    def wipe(self) -> None:
        if self._watched and self._stage:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._stage = ""
