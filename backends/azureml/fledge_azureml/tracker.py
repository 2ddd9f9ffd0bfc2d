"""AzureMLTracker: what the studio shows of a run's metrics, told from within its job."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fledge import Options, RunInfo, Tracker, UsageError

from fledge_azureml.job_mlflow import JobMlflow, Point


class AzureMLTracker(Tracker):
    """Metrics by their step, else by their epoch, else in the order in which they come, from 1 on.

    The service has made the run, ends it, and shows its outputs. What is no number it cannot draw, and is not sent.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._last: dict[str, int] = {}
        self._there: dict[str, set[Point]] = {}

    def start(self, run: RunInfo) -> None:
        self._mlflow = JobMlflow.of(os.environ)
        if self._mlflow is None:
            raise UsageError(
                "the tracker 'azureml' is told by a job of Azure Machine Learning alone, and this is none",
                hint="leave it out here, or run it there: --backend azureml",
            )

    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        assert self._mlflow is not None
        points: list[Point] = []
        tags: dict[str, str] = {}
        try:
            for event in events:
                match event.get("event"):
                    case "metrics":
                        points += self._new(event)
                    case "trained":
                        tags["fledge_weights_sha256"] = str(event["weights_sha256"])
            if points or tags:
                self._mlflow.log(points, tags)
        except BaseException:
            # How much of it has arrived is looked up when it is told again.
            self._last, self._there = {}, {}
            raise

    def artifact(self, path: object) -> None:
        """The service uploads outputs by itself."""

    def finish(self, state: str) -> None:
        assert self._mlflow is not None
        self._mlflow.log([], {"fledge_state": state})

    def history(self, run: str) -> Mapping[str, Sequence[float]] | None:
        mlflow = JobMlflow.of(os.environ)
        if mlflow is None:
            return None
        return {key: [point.value for point in sorted(mlflow.points(key), key=_order)] for key in mlflow.names()}

    def _new(self, event: Mapping[str, Any]) -> Iterator[Point]:
        assert self._mlflow is not None
        told = event.get("time")
        when = round((datetime.fromisoformat(told).timestamp() if told else time.time()) * 1000)
        step = event.get("step", event.get("epoch"))
        for name, number in event["values"].items():
            # The journal has what is no number as words, which float() reads.
            key, value = JobMlflow.allowed(name), float(number)
            if key not in self._there:
                self._there[key] = set(self._mlflow.points(key))
                self._last[key] = max((point.step for point in self._there[key]), default=0)
            if not math.isfinite(value):
                continue
            if step is None and any((point.value, point.time) == (value, when) for point in self._there[key]):
                continue
            point = Point(key, value, when, int(step) if step is not None else self._last[key] + 1)
            if point not in self._there[key]:
                self._there[key].add(point)
                self._last[key] = max(self._last[key], point.step)
                yield point


def _order(point: Point) -> tuple[int, int]:
    return point.time, point.step
