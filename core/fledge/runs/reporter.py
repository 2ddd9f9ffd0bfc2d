"""Reporter: how a worker tells what it does, to the journal for programs and to the log for people."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fledge.digest import file_sha256
from fledge.interfaces.state import RunState
from fledge.runs.journal import Journal

_LOG_EVERY_SECONDS = 5.0
_JOURNAL_EVERY_SECONDS = 1.0


class Reporter:
    """`say` and `wail` print alone; every other method writes one event, and most print a line too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder)
        self._told: dict[str, tuple[float, float]] = {}

    def stage(self, state: RunState, **fields: Any) -> None:
        self.journal.state(state, **fields)
        self.say(f"[{state.lower()}]")

    def say(self, line: str) -> None:
        """For people only: a full disk costs them the line, and not the run."""
        with suppress(OSError):
            print(line, flush=True)

    def warn(self, message: str) -> None:
        self.journal.write("warning", message=message)
        self.wail(f"warning: {message}")

    def wail(self, text: str) -> None:
        """What goes wrong, for people only."""
        with suppress(OSError):
            print(text, flush=True)

    def params(self, values: Mapping[str, Any]) -> None:
        self.journal.write("params", values=dict(values))

    def metrics(self, values: Mapping[str, float], **position: int) -> None:
        self.journal.write("metrics", values=dict(values), **position)

    def progress(self, what: str, done: int, total: int | None, unit: str = "files") -> None:
        """Implements `fledge.Progress`; thins out what comes too often, but never the first and the last word."""
        now = time.monotonic()
        logged, journaled = self._told.get(what, (0.0, 0.0))
        last = done == total
        if last or now - journaled >= _JOURNAL_EVERY_SECONDS:
            self.journal.write("progress", what=what, done=done, total=total, unit=unit)
            journaled = now
        if last or now - logged >= _LOG_EVERY_SECONDS:
            of = "" if total is None else f" of {_count(total, unit)}"
            self.say(f"  {what}: {_count(done, unit)}{of}{'' if unit == 'bytes' else ' ' + unit}")
            logged = now
        self._told[what] = (logged, journaled)

    def artifact(self, path: Path) -> None:
        """A finished file of the run's, below its folder."""
        name, size = str(path.relative_to(self.folder)), path.stat().st_size
        self.journal.write("artifact", path=name, size=size, sha256=file_sha256(path))


def _count(number: int, unit: str) -> str:
    return f"{number / 1e6:.1f} MB" if unit == "bytes" else str(number)
