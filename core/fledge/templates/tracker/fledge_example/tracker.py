"""Example: appends what it is told of a run to a file."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fledge import RunInfo, Tracker

from fledge_example.options import ExampleOptions


class Example(Tracker):
    options: ExampleOptions

    def start(self, run: RunInfo) -> None:
        self._path = self._file(run.id)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A run that is told again goes on in its file, behind a line that may be torn.
        torn = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        self._append(["", _line({"event": "run", "run": run.id})] if torn else [_line({"event": "run", "run": run.id})])

    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._append([_line(event) for event in events])

    def artifact(self, path: Path) -> None:
        """The journal's own event has said so."""

    def finish(self, state: str) -> None:
        self._append([_line({"event": "finished", "state": state})])

    def history(self, run: str) -> Mapping[str, Sequence[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        if self._file(run).exists():
            for line in self._file(run).read_text().splitlines():
                event = _parsed(line)
                if event.get("event") == "metrics":
                    for name, value in event["values"].items():
                        found[name].append(value)
        return found

    def _file(self, run: str) -> Path:
        return self.options.folder / f"{run}.jsonl"

    def _append(self, lines: Sequence[str]) -> None:
        with self._path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            # What was taken must be there after a power cut too: it is not told a second time.
            os.fsync(file.fileno())


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told)


def _parsed(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
