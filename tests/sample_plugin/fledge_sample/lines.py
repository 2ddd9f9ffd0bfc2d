"""Lines: a tracker that appends a line for everything it is told."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fledge import RunInfo, Tracker, UsageError

from fledge_sample.options import LinesOptions


class Lines(Tracker):
    options: LinesOptions

    def start(self, run: RunInfo) -> None:
        self._run = run
        self._knock()
        if self.options.trouble == "hangs":
            time.sleep(3600)
        if self.options.trouble == "computes":
            # Longer than one that does nothing is waited for.
            done = time.monotonic() + 35
            while time.monotonic() < done:
                pass
        if self.options.trouble == "misplaced":
            raise UsageError("there is nothing to write on here", hint="write elsewhere")
        self._tell(f"start {run.id}")

    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        if self.options.trouble == "dawdles":
            self._tell("asked")
            journal = self._run.outputs.with_name("journal.jsonl")
            while '"COMPLETED"' not in journal.read_text():
                time.sleep(0.1)
            # By then the worker has said so here too.
            time.sleep(3)
            raise ConnectionError("nobody is listening")
        if self.options.trouble == "raises":
            raise ConnectionError("nobody is listening")
        self._knock()
        for event in events:
            self._tell(f"event {event['event']}")

    def artifact(self, path: Path) -> None:
        self._tell(f"artifact {path.name} {path.exists()}")

    def finish(self, state: str) -> None:
        self._tell(f"finish {state}")

    def _knock(self) -> None:
        if self.options.down and self.options.down.exists():
            raise ConnectionError("nobody is listening")

    def _tell(self, line: str) -> None:
        with self.options.path.open("a") as file:
            file.write(line + "\n")
