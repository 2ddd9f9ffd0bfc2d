"""Reading: a run's journal, read from its beginning on in one pass and bounded memory, however long it is."""

from collections import deque
from pathlib import Path
from typing import Any

from fledge.interfaces.state import RunState
from fledge.reporting.series import Series
from fledge.reporting.shape import Column, clashes, columns
from fledge.runs.history import History
from fledge.runs.journal import Event, parse, read_blocks

# Metrics are named by people, and a name made of a number would be another one every step.
MOST_SERIES = 400
_WARNINGS = 20


class Reading:
    """What the journal has told so far; `update` reads on.

    history   what it comes to
    series    by name and axis: "epoch", "step", or "point" for what was told with neither
    left_out  values without a series, because there were MOST_SERIES of them
    params    what was decided before the training; lineage: what it was made of, where somebody wrote that down
    stages    state and time (UTC, ISO 8601) of each word about it, in order
    progress  the last word about something that takes its time, until a metric comes
    """

    def __init__(self, folder: Path) -> None:
        self.history = History()
        self.series: dict[tuple[str, str], Series] = {}
        self.left_out = 0
        self.params: dict[str, Any] = {}
        self.lineage: dict[str, Any] = {}
        self.stages: list[tuple[str, str]] = []
        self.warnings: deque[str] = deque(maxlen=_WARNINGS)
        self.progress: dict[str, Any] | None = None
        self._folder = folder
        self._offset = 0

    def update(self) -> bool:
        """Whether there was anything new."""
        before = self._offset
        for lines, offset in read_blocks(self._folder, before):
            self._take(lines)
            self._offset = offset
        return self._offset > before

    def _take(self, lines: bytes) -> None:
        quick = columns(lines)
        others = parse(quick[1]) if quick else []
        if quick and not clashes(quick[0], others):
            self._take_columns(quick[0])
            self._take_events(others)
        else:
            self._take_events(parse(lines))
        for series in self.series.values():
            series.rest()
        last = parse(lines[lines.rfind(b"\n") + 1 :])
        if last:
            self.history.last_heard = last[0].get("time")
            if last[0]["event"] == "metrics":
                self.progress = None

    def _take_columns(self, found: list[Column]) -> None:
        for column in found:
            series = self.series.get((column.name, column.axis)) or self._another(column.name, column.axis)
            if series is None:
                # Counted once by now.
                self.left_out += len(column.ys) - 1
                continue
            series.xs.extend(column.xs)
            series.ys.extend(column.ys)
            self.history.metrics[column.name] = column.ys[-1]

    def _take_events(self, events: list[Event]) -> None:
        metrics = self.history.metrics
        for event in events:
            if event["event"] != "metrics":
                self._hear(event)
                continue
            values = event["values"]
            metrics.update(values)
            step, epoch = event.get("step"), event.get("epoch")
            at, axis = (
                (step, "step") if step is not None else (epoch, "epoch") if epoch is not None else (None, "point")
            )
            for name, value in values.items():
                series = self.series.get((name, axis)) or self._another(name, axis)
                if series is None:
                    continue
                if type(at) is int:
                    series.xs.append(at)
                else:
                    series.xs.append(series.count if at is None else _number(at))
                series.ys.append(value if type(value) is float else _number(value))

    def _another(self, name: str, axis: str) -> Series | None:
        if len(self.series) >= MOST_SERIES:
            self.left_out += 1
            return None
        return self.series.setdefault((name, axis), Series())

    def _hear(self, event: Event) -> None:
        self.history.hear(event)
        match event["event"]:
            case "state":
                self.stages.append((str(event["state"]), str(event.get("time"))))
                if event["state"] == RunState.PREPARING:
                    for series in self.series.values():
                        series.begin_again()
            case "params":
                self.params = event["values"]
            case "lineage":
                self.lineage = {key: value for key, value in event.items() if key not in ("time", "event")}
            case "warning":
                self.warnings.append(str(event["message"]))
            case "progress":
                self.progress = event


def _number(value: Any) -> float:
    """The journal has "nan" and "inf" as words."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
