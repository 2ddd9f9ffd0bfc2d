"""TensorBoard: writes a run's metrics as event files."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fledge import RunError, RunInfo, Tracker
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

from fledge_tensorboard.event_file import EventFile
from fledge_tensorboard.options import TensorBoardOptions
from fledge_tensorboard.summaries import SCALARS, begun, scalars, text
from fledge_tensorboard.tables import table
from fledge_tensorboard.written import Written

# It tells of folders without events, which is no concern of whoever asks.
logging.getLogger("tensorboard").setLevel(logging.ERROR)


class TensorBoard(Tracker):
    """Metrics are scalars; the spec, what was decided, the lineage and the state are texts."""

    options: TensorBoardOptions

    def start(self, run: RunInfo) -> None:
        self._folder = self.options.folder / run.experiment / run.id
        self._written = Written(self._folder)
        self._file = EventFile(self._folder)
        self._begun_again: float | None = None
        now = time.time()
        # To TensorBoard the first start of a session is no restart.
        first = [] if self._written.begun else self._new(begun(0, now))
        self._append(first + self._text("spec", table(run.spec), now))

    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        told: list[Event] = []
        begun_again = self._begun_again
        for event in events:
            when = _when(event)
            match event.get("event"):
                case "resumed":
                    self._begun_again = when
                case "metrics":
                    told += self._metrics(event, when)
                case "params":
                    told += self._text("params", table(event.get("values") or {}), when)
                case "lineage":
                    plain = {key: value for key, value in event.items() if key not in ("time", "event")}
                    told += self._text("lineage", table(plain), when)
        try:
            self._append(told)
        except RunError:
            self._begun_again = begun_again
            raise

    def artifact(self, path: Path) -> None:
        """TensorBoard keeps no files."""

    def finish(self, state: str) -> None:
        self._append(self._text("state", state, time.time()))

    def history(self, run: str) -> Mapping[str, Sequence[float]]:
        found: dict[str, Sequence[float]] = {}
        for folder in sorted(self.options.folder.glob(f"*/{run}")):
            # As TensorBoard itself reads them, and without its sampling.
            seen = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
            for tag in seen.Tags()["tensors"]:
                if seen.SummaryMetadata(tag).plugin_data.plugin_name == SCALARS:
                    found[tag] = [make_ndarray(one.tensor_proto).item() for one in seen.Tensors(tag)]
        return found

    def _metrics(self, event: Mapping[str, Any], when: float) -> list[Event]:
        # The journal has what is no number as words, which float() reads.
        values = {str(name): float(value) for name, value in event["values"].items()}
        given = event.get("step", event.get("epoch"))
        step = 1 + max((self._written.last.get(tag, 0) for tag in values), default=0) if given is None else int(given)
        told: list[Event] = []
        if self._begun_again is not None and given is not None:
            told += self._new(begun(step, self._begun_again))
            if told and step <= 0:
                # Texts are at step 0.
                told += [text(tag, content, when) for tag, content in self._written.texts.items()]
            self._begun_again = None
        return told + self._new(scalars(values, step, when))

    def _text(self, tag: str, content: str, when: float) -> list[Event]:
        return [] if self._written.texts.get(tag) == content else self._new(text(tag, content, when))

    def _new(self, event: Event) -> list[Event]:
        """Unless it is there already: what was told in the moment before a crash is told again."""
        if self._written.take(event):
            return []
        self._written.note(event)
        return [event]

    def _append(self, events: Sequence[Event]) -> None:
        if not events:
            return
        try:
            self._file.append(events)
        except RunError:
            # None of them is there, and all of them will be told again.
            self._written = Written(self._folder)
            raise


def _when(event: Mapping[str, Any]) -> float:
    told = event.get("time")
    return datetime.fromisoformat(told).timestamp() if told else time.time()
